"""One worker of `fabric-ddp`: `python -m manyhands.backends.fabric.worker FOLDER` is rank 0, and Fabric runs the same
command again for each other rank, as it does with a user's script.

It asks the kernel to end it with the process that started it before it imports anything that takes time.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from manyhands.parent import die_with_parent


def main(folder: Path) -> int:
    """Trains as one worker of the run whose files are in `folder`; its exit code."""
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Python would end with an exit code, which hides the signal
    from manyhands.backends.fabric.training import train

    return train(folder)


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
