"""Results of asv and records -> changes of speed over the commits of the repository in the current folder."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from manyhands.errors import UsageError
from manyhands.record import Record

if TYPE_CHECKING:
    from manyhands.analysis.history.found import History
    from manyhands.analysis.history.series import Order

DRIFT = 0.05
"""The smallest drift since a release that matters, by default."""


def over_commits(asv: Path | None, records: Sequence[Record], effect: float = DRIFT) -> History:
    """Changes in asv's results and in records over the commits of the repository here; raises UsageError without results."""
    from manyhands.analysis.history.asv_results import from_asv
    from manyhands.analysis.history.found import find
    from manyhands.analysis.history.series import from_records

    if asv and not asv.is_dir():
        raise UsageError(f"no asv results in {asv}; make some with 'asv run', or name files of 'manyhands run'")
    order = commit_order(Path.cwd())
    return find((from_asv(asv, order) if asv else []) + from_records(records, order), order, effect)


def history_in_report(asv: Path | None, records: Sequence[Record]) -> History | None:
    """The history that a report shows: that of asv's results, or else of the records; None when the records have one commit.

    Also None when the library that finds changes is missing and no results of asv are given.
    """
    if not asv and find_spec("ruptures") is None:
        return None
    commits = {record.code.get("commit") for record in records if record.ok and not record.code.get("dirty")}
    return over_commits(asv, records) if asv or len(commits) > 1 else None


def commit_order(repository: Path) -> Order:
    """The commits that HEAD has and the releases among them; none of either where there is no repository."""
    from manyhands.analysis.history.series import Order

    commits = _git(repository, "rev-list", "--topo-order", "--reverse", "HEAD")
    place = {commit: number for number, commit in enumerate(commits)}
    tags = _git(repository, "for-each-ref", "refs/tags", "--format=%(refname:short) %(objectname) %(*objectname)")
    named = [(parts[0], parts[-1]) for line in tags if len(parts := line.split()) > 1]
    known = [(name, commit) for name, commit in named if commit in place]
    return Order(tuple(commits), tuple(sorted(known, key=lambda pair: place[pair[1]])))


def _git(repository: Path, *arguments: str) -> list[str]:
    try:
        done = subprocess.run(["git", "-C", str(repository), *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return []
    return done.stdout.splitlines() if done.returncode == 0 else []
