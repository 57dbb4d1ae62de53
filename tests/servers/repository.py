"""Git repositories that tests make: commands with an author of their own, whatever the user has configured."""

from __future__ import annotations

import subprocess
from pathlib import Path


def git(folder: Path, *arguments: str) -> str:
    """The output of a git command in `folder`; raises CalledProcessError when it fails."""
    own = ["-c", "user.name=tests", "-c", "user.email=tests@example.invalid", "-c", "commit.gpgsign=false"]
    return subprocess.run(["git", "-C", str(folder), *own, *arguments], check=True, capture_output=True, text=True).stdout.strip()
