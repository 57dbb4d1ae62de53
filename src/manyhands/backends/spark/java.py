"""Finds the Java that Spark would start, in the same places as Spark's own scripts, and checks its version."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from manyhands.credentials import without_secrets
from manyhands.errors import Unavailable

OLDEST = 17
"""Spark 4 runs on Java 17 and newer: https://spark.apache.org/docs/latest/#downloading."""
HOW = f"apt-get install openjdk-{OLDEST}-jre-headless, or set JAVA_HOME to a Java {OLDEST} or newer"
ANSWER_S = 20


def require_java() -> None:
    """Raises Unavailable, with the command that installs Java, when Java is missing or too old."""
    home = os.environ.get("JAVA_HOME")
    command = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    if command is None:
        raise Unavailable(f"spark needs Java {OLDEST} or newer and found no Java on PATH: {HOW}")
    found = java_version(command)
    if found is None:
        raise Unavailable(f"spark needs Java {OLDEST} or newer and {command}{' (JAVA_HOME)' if home else ''} is not Java: {HOW}")
    if found < OLDEST:
        raise Unavailable(f"spark needs Java {OLDEST} or newer and {command} is Java {found}: {HOW}")


def java_version(command: str) -> int | None:
    """The feature number that `command -version` prints, 8 for the old `1.8.0`; None when the command is not Java."""
    try:
        own = without_secrets(os.environ)
        printed = subprocess.run([command, "-version"], capture_output=True, text=True, check=False, timeout=ANSWER_S, env=own)
    except (OSError, subprocess.TimeoutExpired):
        return None
    version = re.search(r'version "(?:1\.)?(\d+)', printed.stderr)
    return int(version[1]) if version else None
