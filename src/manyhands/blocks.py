"""The blocks of a plan in the order to make them: its own, then blocks for what is open, then disturbed launches a second time.

A block is one launch of each of its cells in shuffled order. Expensive cells join fewer of the added blocks: with a fixed time the
error of a comparison is least when a cell is launched in proportion to 1 / sqrt(its cost) (Cochran, Sampling Techniques, 1977, 5.5).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from manyhands.analysis.disturbed import all_disturbed, disturbance, quiet
from manyhands.measure.other_programs import Busy, allowed_beside
from manyhands.open_cells import Question, cell_name, questions
from manyhands.plan import RunSpec, ordered
from manyhands.planning.plan import Plan
from manyhands.record import Record

LEAST, REPEATED = "least", "repeated: disturbed"
BETWEEN_S = 0.2
"""Seconds between two launches, for folders, records and the next question."""
LOOK_S = 1.0
"""Seconds for which other programs are watched before disturbed launches are repeated."""


@dataclass(frozen=True)
class Block:
    """Launches that are made together."""

    runs: list[RunSpec]
    why: str
    """The field `why` of their records."""
    may_stop: bool = False
    """True for a plan's first block under a time limit: how long it takes is not known before, so it ends when the time does."""


class Blocks:
    """Gives block after block, and takes the record of each launch."""

    def __init__(
        self,
        plan: Plan,
        before: Sequence[Record],
        resume: str = "--resume",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`before`: records of an earlier part of this plan. `resume`: the options that go on with it. `clock`: seconds, from any start."""
        self.plan, self.goal, self.resume, self.clock, self.began = plan, plan.goal, resume, clock, clock()
        self.cells = {_of(spec): replace(spec, repeat=0) for spec in plan.runs}
        self.records = [record for record in before if record.status != "skipped" and cell_name(record.spec) in self.cells]
        done = {_launch(record) for record in quiet(self.records) if record.ok}
        self.todo = [spec for spec in plan.runs if (_of(spec), spec.repeat) not in done]
        repeats = [spec.repeat for spec in plan.runs] + [_launch(record)[1] for record in self.records]
        self.next_number = 1 + max(repeats, default=-1)
        self.repeated: set[tuple[str, int]] = set()
        """Launches that were made a second time, or that are not because other programs still run."""
        self.remarks: list[str] = []
        """Lines that the plan reports at its end: what is open, and what was not made."""

    def __iter__(self) -> Iterator[Block]:
        yield from self._least()
        while not self.is_short and (block := self._open() or self._repeat()):
            yield block
        self.remarks += self._conclusions()

    def add(self, record: Record) -> None:
        """Takes the record of a launch."""
        self.records.append(record)

    def is_over(self, block: Block) -> bool:
        """True when the time has ended and the block may stop in the middle."""
        return block.may_stop and self._left_s() <= 0

    @property
    def is_short(self) -> bool:
        """True when the time ended before every cell had a launch."""
        return self.goal.stops_first and any(name not in self._seconds() for name in self.cells)

    def _least(self) -> Iterator[Block]:
        """The plan's own blocks that are left: one by one where the time limits them, together where it does not."""
        if not self.goal.limits_least:
            yield from [Block(self.todo, LEAST)] if self.todo else []
            return
        numbers = list(dict.fromkeys(spec.repeat for spec in self.todo))
        for place, number in enumerate(numbers):
            runs = [spec for spec in self.todo if spec.repeat == number]
            expected_s = self.expected_s(runs)
            if place and self.is_short:
                return
            if (expected_s or 0.0) > self._left_s():
                made = self.plan.repeats - len(numbers) + place
                self.remarks.append(
                    f"--max-time {self.goal.max_time_s:g}s was enough for {made} of the {self.plan.repeats} blocks of --repeats"
                )
                return
            yield Block(runs, LEAST, may_stop=self.goal.stops_first and expected_s is None)

    def _open(self) -> Block | None:
        """The next block for what is open; None when nothing is, when the time has ended, or when every launch was disturbed."""
        if self.goal.until is None or all_disturbed(self.records):
            return None
        bases = {name: one.base for one in self._questions() for name in one.open}
        cost_s = {name: self.expected_s([self.cells[name]]) or math.inf for name in bases}
        due = [name for name in sorted(bases, key=cost_s.__getitem__) if self._is_due(name, cost_s)]
        while any(name != bases[name] for name in due):
            chosen = dict.fromkeys([*due, *(bases[name] for name in due)])
            runs = [replace(self.cells[name], repeat=self.next_number) for name in chosen]
            if (self.expected_s(runs) or 0.0) <= self._left_s():
                self.next_number += 1
                return Block(ordered([runs], self.plan.order_seed + self.next_number), f"open: {self.goal.question}")
            due.pop()
        return None

    def _is_due(self, name: str, cost_s: dict[str, float]) -> bool:
        """True for the cheapest open cell, and for one that has fewer launches than its cost allows beside the cheapest."""
        cheapest = min(cost_s, key=cost_s.__getitem__)
        share = math.sqrt(cost_s[cheapest] / cost_s[name])
        return name == cheapest or self._launches(name) < share * (self._launches(cheapest) + 1)

    def _repeat(self) -> Block | None:
        """The disturbed launches that were not repeated yet, as far as the time allows; None when other programs still run."""
        runs: list[RunSpec] = []
        for spec in self._disturbed():
            if LOOK_S + (self.expected_s([*runs, spec]) or 0.0) <= self._left_s():
                runs.append(spec)
        self.repeated |= {(_of(spec), spec.repeat) for spec in runs}
        if runs and (used := _busy_beside(runs, self.plan.max_load)):
            self.remarks.append(
                f"{_disturbed_launches(len(runs))} not repeated, because other programs still use {used:.1f} cores;"
                f" add {self.resume} when they have ended"
            )
            return None
        return Block(ordered([runs], self.plan.order_seed), REPEATED) if runs else None

    def _disturbed(self) -> list[RunSpec]:
        """The launches that other programs disturbed and that nothing has replaced; none when every launch is disturbed."""
        if all_disturbed(self.records):
            return []
        better = {_launch(record) for record in quiet(self.records) if record.ok} | self.repeated
        loud = {_launch(record) for record in self.records if record.ok} - better
        return [replace(self.cells[name], repeat=repeat) for name, repeat in sorted(loud) if self.cells[name].nodes == 1]

    def expected_s(self, runs: Sequence[RunSpec]) -> float | None:
        """Seconds that the launches should take, from those made so far; None when one of their cells was never launched."""
        known = self._seconds()
        costs = [known.get(_of(spec)) for spec in runs]
        return None if None in costs else sum(cost + BETWEEN_S for cost in costs if cost is not None)

    def _questions(self) -> list[Question]:
        """The open questions, without cells whose last launch failed."""
        assert self.goal.until is not None
        last = {cell_name(record.spec): record.ok for record in self.records}
        found = [one for one in questions(self.records, self.goal.until) if last.get(one.base)]
        kept = [replace(one, open=tuple(name for name in one.open if last.get(name))) for one in found]
        return [one for one in kept if any(name != one.base for name in one.open)]

    def _conclusions(self) -> list[str]:
        if self.is_short:
            return [self._too_short()]
        if all_disturbed(self.records):
            loud = next(reason for record in self.records if record.ok and (reason := disturbance(record)))
            return [
                f"other programs ran beside every launch ({loud}): no launch was added or repeated, and speed-ups may be wrong;"
                " end these programs and measure again"
            ]
        late = self._disturbed()
        lines = [f"{_disturbed_launches(len(late))} not repeated: no time is left; add {self.resume}"] if late else []
        return lines if self.goal.until is None else [*lines, *self._failed(), *map(self._still_open, self._questions())]

    def _too_short(self) -> str:
        known = self._seconds()
        block_s = (fmean(known.values()) + BETWEEN_S) * len(self.cells) if known else 0.0
        needs = (
            f"; a block takes about {_duration(block_s)}: give --max-time {math.ceil(1.2 * block_s)}s or more" if known else ""
        )
        return f"--max-time {self.goal.max_time_s:g}s is shorter than one block: {len(known)} of {len(self.cells)} cells were launched{needs}"

    def _failed(self) -> list[str]:
        """A line for every cell that was never measured, and so is no part of the question."""
        measured = {cell_name(record.spec) for record in self.records if record.ok}
        return [
            f"--until {self.goal.question}: {cell.label} failed in every launch and is left out"
            for name, cell in self.cells.items()
            if name not in measured
        ]

    def _still_open(self, one: Question) -> str:
        cells = [self.cells[name].label.partition(" on ")[2] for name in one.open]
        line = f"--until {self.goal.question}: open for {one.workload.rpartition('/')[2]}: {', '.join(cells)}"
        block_s = self.expected_s([self.cells[name] for name in dict.fromkeys([one.base, *one.open])])
        if one.blocks is None or block_s is None:
            return f"{line}; how many more blocks would tell is not known"
        more = f"{one.blocks} more block{'s' if one.blocks > 1 else ''}"
        return f"{line}; about {more} of them, {_duration(one.blocks * block_s)}, would tell: add {self.resume}"

    def _left_s(self) -> float:
        return math.inf if self.goal.max_time_s is None else self.goal.max_time_s - (self.clock() - self.began)

    def _launches(self, name: str) -> int:
        return sum(cell_name(record.spec) == name for record in quiet(self.records) if record.ok)

    def _seconds(self) -> dict[str, float]:
        """Cell -> mean seconds of its launches, failed ones too; the start of an engine that serves several runs counts for each."""
        found: dict[str, list[float]] = {}
        for record in self.records:
            found.setdefault(cell_name(record.spec), []).append(
                (record.wall_s or 0.0) + (record.resolved.get("engine_launch_s") or 0.0)
            )
        return {name: fmean(values) for name, values in found.items()}


def _of(spec: RunSpec) -> str:
    return cell_name(spec.to_dict())


def _launch(record: Record) -> tuple[str, int]:
    return cell_name(record.spec), int(record.spec.get("repeat", 0))


def _busy_beside(runs: Sequence[RunSpec], max_load: float | None) -> float | None:
    """Cores that other programs use now, when that is more than one of the runs allows; None when it is quiet."""
    before = Busy.now()
    time.sleep(LOOK_S)
    used, _ = Busy.now().others_since(before, 0.0)
    return used if used > min(allowed_beside(spec, max_load).used for spec in runs) else None


def _disturbed_launches(count: int) -> str:
    return "1 disturbed launch is" if count == 1 else f"{count} disturbed launches are"


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
