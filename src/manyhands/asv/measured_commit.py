"""The files of the commit that asv measures: its suite is the same for all commits, and the files that the suite names are the commit's.

asv checks each commit out into its environment, and names the environment and the commit in variables of the benchmarks' processes.
"""

from __future__ import annotations

import os
from pathlib import Path

from manyhands.errors import UsageError
from manyhands.suite_files import split


def of_commit(name: str, suite: Path) -> str:
    """`name`, the absolute path of a script or `/path/to/file.py:Name`, in the checkout of the commit that asv has installed.

    Unchanged in an environment that asv did not make, and for a file in the folder of the suite or below it, which belongs to the suite.
    Raises UsageError when the commit has no such file.
    """
    environment, commit = os.environ.get("ASV_ENV_DIR"), os.environ.get("ASV_COMMIT")
    path, attribute = split(name)
    file, folder = Path(path), suite.resolve().parent
    repository = next((above for above in file.parents if (above / ".git").exists()), None)
    if not environment or not commit or repository is None or file.is_relative_to(folder):
        return name
    there = Path(environment, "project") / file.relative_to(repository)
    if not there.exists():
        raise UsageError(f"commit {commit[:12]} has no file {file.relative_to(repository)}; measure later commits")
    return f"{there}:{attribute}" if attribute else str(there)
