"""One worker of `ddp`, started by torchrun as `python -m manyhands.backends.torchrun.worker FOLDER`.

It asks the kernel to end it with torchrun before it imports anything that takes time.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from manyhands.parent import die_with_parent


def main(folder: Path) -> None:
    """Trains as one worker of the run whose files are in `folder`."""
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Python would end with an exit code, which hides the signal
    from manyhands.backends.torchrun.training import train

    train(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
