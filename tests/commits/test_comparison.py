"""The whole procedure on launches that are made up, with a clock that goes as far as they say they took."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pytest

from manyhands.analysis.verdicts.metrics import Sample
from manyhands.analysis.verdicts.results import CellResult, Comparison, Judged, Limits, failed, together
from manyhands.analysis.verdicts.sequential import Budget, Judgement
from manyhands.analysis.verdicts.steady import Steady
from manyhands.commits.comparison import Bench, run_bench, sized
from manyhands.commits.revisions import CannotMeasure
from manyhands.plan import RunSpec

pytest.importorskip("ruptures", reason="needs ruptures: pip install 'manyhands[compare]'")
LIMITS = Limits(Budget(verdicts=4), 300.0)


class Machine:
    """Launches of a program with 8 epochs, the first slow; every launch takes 4 s and scatters by `spread`."""

    def __init__(self, slower: float = 0.0, spread: float = 0.03, others: float = 0.0, accuracy: float = 0.9) -> None:
        self.slower, self.spread, self.others, self.accuracy = slower, spread, others, accuracy
        self.chance = np.random.default_rng(0)
        self.time = 0.0
        self.order: list[int] = []

    def launch(self, side: int) -> Mapping[str, Sample]:
        self.time += 4.0
        self.order.append(side)
        factor = (1 + self.slower * side) * self.chance.lognormal(0, self.spread)
        series = tuple(factor * epoch for epoch in (0.2, *[0.1] * 7))
        values = {"cpu": 0.9 * factor, "memory": 3e8, "quality": 1 / (self.accuracy if side else 0.9)}
        return {"rnn": Sample(values, series, self.others, 0.0, 4.0)}

    def run(self, limits: Limits = LIMITS) -> CellResult:
        bench = Bench(("rnn",), self.launch, cores=1, quality="accuracy")
        (found,) = run_bench(bench, limits, lambda line: None, lambda: self.time)
        return found


def verdicts(found: CellResult) -> dict[str, str]:
    return {one.metric: one.judgement.verdict for one in found.judged}


def test_sides_take_turns_in_abba_order() -> None:
    machine = Machine()
    machine.run()
    assert machine.order[:8] == [0, 1, 1, 0, 0, 1, 1, 0]


def test_what_is_slower_is_told_apart_from_what_is_not() -> None:
    found = Machine(slower=0.1).run()
    assert verdicts(found) == {"time": "worse", "cpu": "worse", "memory": "same", "quality": "same"}
    assert found.steady.start == 1
    assert found.judged[0].base == pytest.approx(0.1, rel=0.05)
    assert found.judged[0].judgement.fresh > 0


def test_a_loss_of_quality_is_a_verdict_too() -> None:
    found = verdicts(Machine(accuracy=0.8).run())
    assert found["quality"] == "worse"
    assert found["time"] == "same"


def test_an_unchanged_commit_ends_before_the_time_is_up() -> None:
    found = Machine().run()
    assert set(verdicts(found).values()) == {"same"}
    assert found.spent_s < 300


def test_no_launch_begins_that_the_time_does_not_hold() -> None:
    found = Machine(spread=0.5).run(Limits(Budget(), 100.0))
    assert verdicts(found)["time"] == "undecided"
    assert found.spent_s <= 100


def test_a_machine_under_load_gives_no_verdict() -> None:
    found = Machine(others=30.0).run()
    assert found.judged == ()
    assert found.failure is not None
    assert found.failure.startswith("rnn: other programs used 30.0 of ")


def judged(verdict: str, p: float, unconfirmed: bool = False) -> Judgement:
    return Judgement(verdict, False, 1.1, 1.0, 1.2, 30, 10, p, 0.05, unconfirmed, 1)  # type: ignore[arg-type]


def cell(*judgements: Judgement) -> CellResult:
    found = tuple(Judged(str(number), one, 1.0, 1.0) for number, one in enumerate(judgements))
    return CellResult("c", (), found, Steady(0, True), 0, 1.0)


def test_differences_support_each_other() -> None:
    """0.004 does not stand alone among four, and does beside others that are surer."""
    late = judged("undecided", 0.004, unconfirmed=True)
    alone, beside = (
        together([cell(late, *[judged(verdict, p) for verdict, p in others])], Budget(verdicts=4))[0].judged[0]
        for others in ([("same", 1.0)] * 3, [("worse", 0.001), ("worse", 0.001), ("same", 1.0)])
    )
    assert (alone.judgement.verdict, beside.judgement.verdict) == ("undecided", "worse")


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        ([cell(judged("same", 1), judged("better", 0.001))], 0),
        ([cell(judged("worse", 0.001)), failed("d", CannotMeasure("no"))], 1),
        ([cell(judged("undecided", 1)), cell(judged("same", 1))], 3),
        ([cell(judged("undecided", 1)), failed("d", CannotMeasure("no"))], 4),
        ([], 4),
    ],
)
def test_exit_codes(cells: list[CellResult], code: int) -> None:
    assert Comparison("a", "b", LIMITS, tuple(cells)).exit_code == code


def test_different_work_is_not_compared() -> None:
    def launch(side: int) -> Mapping[str, Sample]:
        return {"rnn": Sample({}, (0.1,) * (5 + side), wall_s=4.0)}

    clock: Callable[[], float] = iter(range(1000)).__next__
    with pytest.raises(CannotMeasure, match="different numbers of epochs"):
        run_bench(Bench(("rnn",), launch), LIMITS, lambda line: None, clock)


def launched(accuracy: float | None, epochs: int = 5) -> Callable[[int], Mapping[str, Sample]]:
    """Launches whose HEAD reports that accuracy, BASE 0.9; and that many epochs, BASE 5."""

    def launch(side: int) -> Mapping[str, Sample]:
        score = accuracy if side else 0.9
        return {"rnn": Sample({"quality": 1 / score} if score else {}, (0.1,) * (epochs if side else 5), wall_s=4.0)}

    return launch


def run(launch: Callable[[int], Mapping[str, Sample]]) -> CellResult:
    clock: Callable[[], float] = iter(range(10_000)).__next__
    (found,) = run_bench(Bench(("rnn",), launch, ("time", "quality"), quality="accuracy"), LIMITS, lambda line: None, clock)
    return found


def test_a_quality_that_one_side_lost_is_no_pass() -> None:
    found = run(launched(None))
    assert found.missing == (f"quality is missing or no number in {len(found.pairs)} of {len(found.pairs)} launches of HEAD",)
    assert verdicts(found) == {"time": "same"}
    assert Comparison("a", "b", LIMITS, (found,)).exit_code == 4


def test_epochs_are_not_compared_with_a_whole_phase() -> None:
    with pytest.raises(CannotMeasure, match="different numbers of epochs"):
        run(launched(0.9, epochs=0))


def test_a_cell_that_a_launch_lacks_is_told() -> None:
    with pytest.raises(CannotMeasure, match="other is missing in the results of a launch of BASE"):
        run_bench(Bench(("rnn", "other"), launched(0.9)), LIMITS, lambda line: None)


class SmallData:
    """A side whose data has 1,500 rows, and whose launches take 10 ms: a second of training would take 100 times the rows."""

    def check(self, spec: RunSpec) -> dict[str, str]:
        if spec.samples is None or spec.samples > 1500:
            raise CannotMeasure(f"1500 training rows, {spec.samples} were asked for")
        return {"quality": "accuracy"}

    def launch(self, spec: RunSpec, quality: str) -> Sample:
        return Sample({"time": 0.01}, (), 0.0, 0.0, 1.0)


def test_a_launch_is_no_larger_than_the_data() -> None:
    lines: list[str] = []
    spec = sized(RunSpec(workload="prepare", backend="serial"), [SmallData()], lines.append)  # type: ignore[list-item]
    assert spec.samples is not None
    assert 1024 <= spec.samples <= 1500
    assert lines == [f"prepare on serial x 1: {spec.samples} rows, 1 epochs a launch"]
    given = RunSpec(workload="prepare", backend="serial", samples=10**6)
    assert sized(given, [SmallData()], lines.append) == given, "what was asked for is never changed"  # type: ignore[list-item]


class MachineWithYardstick(Machine):
    """A machine whose processes differ by 15 %, which their yardsticks share up to 2 %."""

    def __init__(self, slower: float = 0.0, layouts: tuple[str, str] = ("", ""), kinds: tuple[str, str] = ("a", "a")) -> None:
        super().__init__(slower, 0.15)
        self.layouts, self.kinds = layouts, kinds

    def launch(self, side: int) -> Mapping[str, Sample]:
        (found,) = super().launch(side).values()
        factor = found.series[-1] / 0.1 / (1 + self.slower * side)
        moments = tuple(0.005 * factor * self.chance.lognormal(0, 0.02) for _ in range(9))
        return {"rnn": replace(found, yardstick=moments, measured_with=self.kinds[side], layout=self.layouts[side])}


TIME_ALONE = Limits(Budget(), 300.0, metrics=("time",))


def test_yardstick_finds_5_percent_where_seconds_do_not() -> None:
    (by_yardstick,) = MachineWithYardstick(0.05).run(TIME_ALONE).judged
    (by_seconds,) = Machine(0.05, 0.15).run(TIME_ALONE).judged
    assert (by_yardstick.in_yardsticks, by_seconds.in_yardsticks) == (True, False)
    assert (by_yardstick.judgement.verdict, by_seconds.judgement.verdict) == ("worse", "undecided")
    assert by_yardstick.judgement.ratio == pytest.approx(1.05, abs=0.02)
    assert 0.05 < by_yardstick.base < 0.2, "readers see seconds"


def test_yardstick_that_is_slower_too_hides_nothing_of_an_unchanged_program() -> None:
    (unchanged,) = MachineWithYardstick().run(TIME_ALONE).judged
    assert unchanged.judgement.verdict == "same"


def test_two_yardsticks_are_never_compared() -> None:
    (found,) = MachineWithYardstick(kinds=("network 1 torch 2.13", "network 1 torch 2.14")).run(TIME_ALONE).judged
    assert not found.in_yardsticks


def test_sides_with_different_memory_layouts_are_not_compared() -> None:
    with pytest.raises(
        CannotMeasure, match="the memory layout of BASE was the system's, that of HEAD huge pages; make them equal with"
    ):
        MachineWithYardstick(layouts=("", "huge pages")).run(TIME_ALONE)
