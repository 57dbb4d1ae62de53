"""Compares two commits: checks both out, launches them in turn, and gives the verdicts; used by the command line and from Python."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from manyhands.analysis.verdicts.early import EARLY
from manyhands.analysis.verdicts.results import CellResult, Comparison, Limits
from manyhands.analysis.verdicts.sequential import Budget
from manyhands.commits.comparison import compare_cells
from manyhands.commits.revisions import Revision, checked_out
from manyhands.errors import UsageError
from manyhands.machine import describe_machine
from manyhands.plan import RunSpec
from manyhands.stopping import stoppable
from manyhands.temporary import sweep_leftovers

Measure = Callable[[tuple[Revision, Revision]], tuple[CellResult, ...]]
"""Launches both revisions and judges them."""


def compare_commits(
    base: str,
    head: str | None,
    measure: Measure,
    limits: Callable[[int], Limits],
    announce: Callable[[str], None],
    verdicts: int = 0,
) -> Comparison:
    """The verdicts on HEAD beside BASE. `head`: None means the working tree with its changes.

    `limits`: the limits of a comparison with so many verdicts. `verdicts`: their number; 0 means that of the judged metrics.
    `announce` is called with lines of progress. Raises UsageError for a commit that does not exist, CannotMeasure when a side
    cannot be made ready.
    """
    machine = describe_machine()
    sweep_leftovers()
    with stoppable(), checked_out(base, head, announce) as revisions:
        announce(f"BASE {revisions[0].label}, HEAD {revisions[1].label}")
        results = measure(revisions)
        judged = verdicts or sum(len(cell.judged) for cell in results) or 1
        return Comparison(revisions[0].label, revisions[1].label, limits(judged), results, machine)


LEAST_LAUNCH_S = 0.5
"""No launch is shorter: a new Python process imports NumPy and the code that it measures."""


def check_time(max_time_s: float) -> None:
    """Raises UsageError when no comparison can have the fewest launches for a verdict in this time."""
    pairs = EARLY[0]
    least = 2 * pairs * LEAST_LAUNCH_S
    if max_time_s < least:
        raise UsageError(
            f"--max-time {max_time_s:g}s is too short for any verdict: the least are {pairs} launches of each commit, which take {least:g} s"
            " or more; give --max-time 2m"
        )


def measure_cells(cells: Sequence[RunSpec], limits: Limits, announce: Callable[[str], None]) -> Measure:
    """Launches and judges these cells, one after the other."""
    return lambda revisions: compare_cells(revisions, cells, limits, announce)


def limits_of(
    alpha: float, effect: float, max_time_s: float, max_load: float | None, metrics: Sequence[str]
) -> Callable[[int], Limits]:
    """Number of verdicts -> the limits of a comparison; see `Budget` and `Limits`."""
    return lambda verdicts: Limits(Budget(alpha, effect, verdicts), max_time_s, max_load, metrics)
