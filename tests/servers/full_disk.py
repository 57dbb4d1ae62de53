"""A full disk for one child process: no file can grow past a limit. pytest's own process has no such limit: its output may be a file."""

from __future__ import annotations

import subprocess
import sys

LIMITED = """
import resource, signal, sys
from pathlib import Path
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
path = Path(sys.argv[1])
"""


def on_full_disk(limit: int, code: str, path: object) -> subprocess.CompletedProcess[str]:
    """Runs the code, which knows `path`, in a Python that cannot write past `limit` bytes of a file."""
    command = [sys.executable, "-c", LIMITED.format(limit=limit) + code, str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
