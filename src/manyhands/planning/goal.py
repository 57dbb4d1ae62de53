"""When a plan has made enough launches: `--until`, `--max-time` and `--repeats` of a request, checked against its cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from manyhands.errors import UsageError
from manyhands.plan import RunSpec
from manyhands.planning.option_values import WINNER
from manyhands.planning.request import Request
from manyhands.record import BASE_LINE

REPEATS, LEAST = 3, 2
"""Launches of every cell: without `--until`, and before blocks are added with it."""
ADDED_S, DEFAULT_PLAN_S = 600.0, 165.0
"""Default of `--max-time` with `--until`, and in the default plan, which so answers within three minutes with its start and end."""


@dataclass(frozen=True)
class Goal:
    """The end of a plan. Without any value the plan ends after its own blocks."""

    until: str | float | None = None
    """`winner`: one cell is the fastest; a number: the half-width that every speed-up may have."""
    max_time_s: float | None = None
    """No block begins that would end later, in seconds since the start."""
    limits_least: bool = False
    """True when `max_time_s` also ends the plan's own blocks."""
    stops_first: bool = False
    """True when it even ends the first block in the middle, because the user has given it."""

    @property
    def question(self) -> str:
        """The question, as records and messages name it: `winner` or `5%`."""
        return self.until if isinstance(self.until, str) else f"{100 * (self.until or 0.0):g}%"


def least_repeats(request: Request) -> int:
    """Launches of every cell in the plan's own blocks."""
    if request.repeats is not None:
        return request.repeats
    return LEAST if request.until is not None or request.is_default else REPEATS


def goal_of(request: Request, cells: Sequence[RunSpec]) -> Goal:
    """The goal of a plan that runs these cells; raises UsageError for one that they cannot reach."""
    if request.max_time is not None and any(cell.nodes > 1 for cell in cells):
        raise UsageError(
            "--max-time ends a plan early, which the other nodes do not know of; use --repeats, and leave --max-time out"
        )
    reason = _out_of_reach(cells)
    if request.until is not None and reason:
        raise UsageError(f"--until {Goal(request.until).question} {reason}, or leave --until out")
    until = WINNER if request.until is None and request.is_default and not reason else request.until
    if request.max_time is not None:
        return Goal(until, request.max_time, limits_least=True, stops_first=True)
    if until is None:
        return Goal()
    if request.is_default:
        return Goal(until, DEFAULT_PLAN_S, limits_least=request.repeats is None)
    return Goal(until, ADDED_S)


def _out_of_reach(cells: Sequence[RunSpec]) -> str | None:
    """The reason why no speed-up can be asked for, and what to do; None when one can, or when nothing runs here anyway."""
    if not cells:
        return None
    if any(cell.nodes > 1 for cell in cells):
        return "adds launches that the other nodes do not know of; use --repeats"
    based = {cell.workload for cell in cells if cell.backend == BASE_LINE and cell.workers == 1}
    compared = [name for name in based if sum(cell.workload == name for cell in cells) > 1]
    if compared:
        return None
    if based or len(cells) == 1:
        return f"compares cells, and {cells[0].label} is alone here; name another one with --backend or --workers"
    return f"compares with {BASE_LINE} on 1 worker, which is not in the plan; add --backend {BASE_LINE}"
