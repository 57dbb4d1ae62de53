"""Compares BASE and HEAD cell by cell: launches both in ABBA order until every metric has a verdict or the time is up."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from manyhands.analysis.cells import SYSTEM
from manyhands.analysis.verdicts.early import EARLY
from manyhands.analysis.verdicts.metrics import METRICS, Sample
from manyhands.analysis.verdicts.results import CellResult, Judged, Limits, Pair, failed, judge_all, together
from manyhands.analysis.verdicts.sequential import LOOKS
from manyhands.analysis.verdicts.steady import Steady, find_steady
from manyhands.commits.launches import Side, disturbance, sides
from manyhands.commits.revisions import CannotMeasure, Revision
from manyhands.errors import ManyhandsError
from manyhands.plan import RunSpec
from manyhands.user_files import is_script


@dataclass(frozen=True)
class Bench:
    """One or several cells that are launched together, ready on both sides."""

    labels: tuple[str, ...]
    launch: Callable[[int], Mapping[str, Sample]]
    """0 launches BASE, 1 launches HEAD; returns label -> measured values."""
    metrics: tuple[str, ...] = METRICS
    cores: int = 1
    """Cores that it keeps busy."""
    quality: str = ""
    """Name of the quality metric."""


def compare_cells(
    revisions: tuple[Revision, Revision], specs: Sequence[RunSpec], limits: Limits, say: Callable[[str], None]
) -> tuple[CellResult, ...]:
    """Results of the cells, one after the other. A cell that cannot be measured gives a reason; the others are still measured."""
    results: list[CellResult] = []
    with ExitStack() as stack:
        running = sides(stack, revisions)
        for spec in specs:
            for side in running:
                side.revive()
            try:
                results += run_bench(bench(sized(spec, running, say), running), limits, say)
            except ManyhandsError as problem:
                say(str(problem))
                results.append(failed(spec.label, problem))
    return together(results, limits.budget)


EPOCHS = 8
"""Epochs of a network's launch when none are given: enough to see from which epoch on it is steady."""
TRAIN_S = 1.0
"""Training time of a launch when no size is given: much longer than starting and stopping a clock, much shorter than starting a
launch."""
PILOT_ROWS, MOST_ROWS = 1024, 60_000


def sized(spec: RunSpec, running: Sequence[Side], say: Callable[[str], None]) -> RunSpec:
    """A cell with a number of rows that suits the machine when none was given; raises CannotMeasure when a side has no such cell.

    A script or a function has the size that it gives itself.
    """
    if spec.samples is None and spec.batch_size is not None and not is_script(spec.workload):
        small = replace(spec, samples=PILOT_ROWS)
        quality = str(running[0].check(small)["quality"])
        pilot = running[0].launch(small, quality)
        took = sum(pilot.series) or pilot.values.get("time", TRAIN_S)
        rows = min(MOST_ROWS, max(4, round(PILOT_ROWS * TRAIN_S / max(took, 1e-3) / spec.batch_size)) * spec.batch_size)
        while rows > PILOT_ROWS and not _has_rows(replace(spec, samples=rows), running[0]):
            rows = max(PILOT_ROWS, rows // 2 // spec.batch_size * spec.batch_size)
        spec = replace(spec, samples=rows)
        say(f"{spec.label}: {spec.samples} rows, {spec.epochs} epochs a launch")
    return spec


def _has_rows(spec: RunSpec, side: Side) -> bool:
    """True when the side's data has as many rows as the cell asks for."""
    try:
        side.check(spec)
    except CannotMeasure:
        return False
    return True


def bench(spec: RunSpec, running: Sequence[Side]) -> Bench:
    """A cell that both sides offer; raises CannotMeasure when one does not."""
    quality = str([side.check(spec) for side in running][-1]["quality"])
    return Bench(
        (spec.label,),
        lambda number: {spec.label: running[number].launch(spec, quality)},
        cores=spec.workers * spec.threads,
        quality=quality,
    )


def run_bench(
    bench: Bench, limits: Limits, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic
) -> tuple[CellResult, ...]:
    """Pairs, AB and BA in turn, until every metric of every cell is settled or the time is too short for another pair."""
    began = clock()
    pairs: list[tuple[Mapping[str, Sample], Mapping[str, Sample]]] = []
    steady: dict[str, Steady] = {}
    longest = 0.0
    while True:
        started = clock()
        order = (0, 1) if len(pairs) % 2 == 0 else (1, 0)
        launched = {number: bench.launch(number) for number in order}
        for number, side in launched.items():
            if lost := [label for label in bench.labels if label not in side]:
                raise CannotMeasure(f"{', '.join(lost)} is missing in the results of a launch of {('BASE', 'HEAD')[number]}")
        pairs.append((launched[0], launched[1]))
        check_layouts(bench.labels, pairs[-1])
        longest = max(longest, clock() - started)
        if len(pairs) == 1 and EARLY[0] * longest > limits.max_time_s:
            say(_too_short(bench.labels, longest, limits))
        last = clock() - began + longest > limits.max_time_s
        if len(pairs) not in LOOK_AT and not last:
            continue
        results = []
        for label in bench.labels:
            own = tuple((base[label], head[label]) for base, head in pairs)
            steady.setdefault(label, _steady(own))  # found once, on the first pairs, so that every look sees the same numbers
            metrics = [metric for metric in bench.metrics if metric in limits.metrics]
            judged, missing = judge_all(own, steady[label], metrics, limits.budget)
            epochs = len(own[0][0].series)
            spent_s = clock() - began
            results.append(CellResult(label, own, judged, steady[label], epochs, spent_s, bench.quality, missing=missing))
            say(_progress(label, len(pairs), judged))
        if last or all(one.judgement.settled for result in results for one in result.judged):
            break
    trouble = disturbance(
        [launch for result in results[:1] for pair in result.pairs for launch in pair], bench.cores, limits.max_load
    )
    return tuple(replace(result, judged=(), failure=f"{result.label}: {trouble}") if trouble else result for result in results)


def _too_short(labels: Sequence[str], pair_s: float, limits: Limits) -> str:
    least = f"the {EARLY[0]} pairs that the quickest verdict needs take about {EARLY[0] * pair_s:.0f} s"
    return f"{', '.join(labels)}: no verdict in --max-time {limits.max_time_s:g}s: {least}; give more time"


def check_layouts(labels: Iterable[str], pair: tuple[Mapping[str, Sample], Mapping[str, Sample]]) -> None:
    """Raises CannotMeasure when the two sides lay out memory differently, which changes the speed of any program."""
    for label in labels:
        base, head = (side[label].layout or SYSTEM for side in pair)
        if base != head:
            raise CannotMeasure(
                f"{label}: the memory layout of BASE was {base}, that of HEAD {head}; make them equal with --memory-layout system"
            )


LOOK_AT = {*EARLY, *(first + second for first in (0, *LOOKS) for second in (0, *LOOKS))}
"""Numbers of pairs at which some metric may look."""


def _steady(pairs: Sequence[Pair]) -> Steady:
    series = [launch.series for pair in pairs for launch in pair]
    if len({len(one) for one in series}) > 1:
        raise CannotMeasure("the two sides report different numbers of epochs, so their launches are not the same work")
    if not series[0]:
        return Steady(0, True)
    return find_steady(series)


def _progress(label: str, pairs: int, judged: Iterable[Judged]) -> str:
    parts = [f"{one.metric} {one.judgement.ratio:.3f}{'' if one.judgement.settled else ' ...'}" for one in judged]
    return f"{label}: {pairs} pairs; HEAD over BASE: {', '.join(parts)}"
