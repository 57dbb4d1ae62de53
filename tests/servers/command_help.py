"""The options that a command of an engine has, by its own `--help`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path


def offered(*command: str) -> set[str]:
    """The long options that the help of a command names; commands of this Python's environment are found without it being active."""
    own = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    shown = subprocess.run([*command, "--help"], capture_output=True, text=True, check=True, timeout=100, env=os.environ | own)
    return set(re.findall(r"--[a-z][a-z_-]*", shown.stdout + shown.stderr))
