"""The benchmarks of cells in the session of pytest-benchmark, and which of them its base line cannot be compared with."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from copy import copy
from dataclasses import dataclass
from typing import Any

from manyhands.rounds.values import Benchmark

BEFORE = "a whole launch in seconds"
"""The one value of a cell in results from before this file; their name is that of the test alone."""


@dataclass(frozen=True)
class Kept:
    """The names of a benchmark that pytest-benchmark has: `test` as pytest names it, `shown` as the table does."""

    test: str
    shown: str
    value: str
    series: str

    @property
    def fullname(self) -> str:
        """The name by which pytest-benchmark finds the same benchmark in a base line."""
        return f"{self.test}: {self.value}, {self.series}"


def keep(benchmark: Any, found: Iterable[Benchmark]) -> list[Kept]:
    """Puts these benchmarks in the place of the one that the fixture `benchmark` timed itself; the first has its `extra_info`."""
    timed: Any = benchmark.stats
    added: list[Kept] = []
    for one in found:
        names = Kept(benchmark.fullname, f"{benchmark.name}: {one.value}", one.value, one.series)
        kept = copy(timed) if added else timed
        kept.name, kept.fullname, kept.group = names.shown, names.fullname, benchmark.group or one.group
        kept.params = {**benchmark.params, "value": one.value}
        kept.stats = type(timed.stats)()
        for seconds in one.rounds:
            kept.update(seconds)
        if added:
            kept.extra_info = {}
            benchmark._add_stats(kept)
        added.append(names)
    return added


def not_compared(measured: Iterable[Kept], base_line: Collection[str]) -> Iterator[str]:
    """A line for the benchmarks of each series that the base line has only in another series. `base_line`: its full names."""
    groups: dict[tuple[str, str], list[str]] = {}
    for one in measured:
        if one.fullname not in base_line and (others := sorted(series_in(one, base_line))):
            groups.setdefault((" or ".join(others), one.series), []).append(one.shown)
    for (then, now), names in groups.items():
        yield (
            f"not compared: {', '.join(names)}; the base line has them with '{then}', this run with '{now}';"
            " make a new base line with --benchmark-autosave"
        )


def series_in(one: Kept, base_line: Collection[str]) -> set[str]:
    """The series in which a base line has the same value of the same test."""
    start = f"{one.test}: {one.value}, "
    known = {name.removeprefix(start) for name in base_line if name.startswith(start)}
    return known or {BEFORE for name in base_line if name == one.test}
