import math
from dataclasses import replace

import pytest

from manyhands.analysis.cells import group_records
from manyhands.analysis.example import SPEEDS, example_record, example_records
from manyhands.analysis.launch_model import fit_group


def fit(records):
    (group,) = group_records(records)
    return fit_group(group)


def names(cells):
    return [(cell.backend, cell.workers, cell.threads) for cell in cells]


def test_speedups_of_made_up_records_are_inside_their_intervals() -> None:
    found = fit(example_records(repeats=4, noise=0.02))
    for cell in found.cells:
        if cell is not found.base:
            ratio, truth = found.speedup(cell), SPEEDS[cell.backend, cell.workers, cell.threads]
            assert ratio.low < truth < ratio.high
            assert found.half_width(cell) == pytest.approx((ratio.high - ratio.low) / 2 / ratio.value, rel=1e-6)


def test_the_spread_comes_from_all_cells_and_not_from_two_launches() -> None:
    speeds = {("ddp", workers, 1): 1.0 for workers in range(1, 6)} | {("serial", 1, 1): 1.0}
    found = fit(example_records(repeats=2, noise=0.03, speeds=speeds))
    widths = [found.half_width(cell) for cell in found.cells if cell is not found.base]
    assert max(widths) < 0.3, "Student's t on two pairs has 12.7 standard errors"


def test_one_launch_of_every_cell_has_no_interval_and_no_sure_winner() -> None:
    found = fit(example_records(repeats=1))
    ratios = [found.speedup(cell) for cell in found.cells if cell is not found.base]
    assert [(ratio.low, ratio.high) for ratio in ratios] == [(None, None)] * 3
    best = found.best()
    assert (names(best.candidates)[0], len(best.candidates), best.slower, best.is_sure) == (("serial", 1, 4), 4, (), False)
    assert found.blocks_needed("winner") is None


def test_one_launch_of_a_cell_gets_its_interval_from_the_others() -> None:
    records = [r for r in example_records(repeats=4) if r.spec["backend"] != "ddp" or r.spec["repeat"] == 0]
    found = fit(records)
    ratio = found.speedup(next(cell for cell in found.cells if cell.workers == 2))
    assert ratio.launches == 1
    assert ratio.low < ratio.value < ratio.high


def test_names_the_fastest_and_the_slower_cells() -> None:
    best = fit(example_records(noise=0.005)).best()
    assert (names(best.candidates), best.is_sure) == ([("serial", 1, 4)], True)
    assert names(best.slower) == [("ddp", 2, 1), ("serial", 1, 1), ("ddp", 1, 1)]


def test_runs_inside_one_engine_are_one_launch() -> None:
    records = example_records(repeats=3)
    shared = [
        example_record(r.phases["train_s"], r.spec, resolved=dict(r.resolved) | {"engine": "one"})
        if r.spec["backend"] == "ddp" and r.spec["workers"] == 2
        else r
        for r in records
    ]
    found = fit(shared)
    cell = next(cell for cell in found.cells if cell.workers == 2)
    assert found.speedup(cell).launches == 1
    assert found.half_width(cell) > fit(records).half_width(next(cell for cell in fit(records).cells if cell.workers == 2))


def test_no_base_line_or_no_second_cell_gives_no_fit() -> None:
    assert fit([example_record(1.0, {})]) is None
    assert fit([example_record(1.0, {"backend": "ddp", "workers": workers}) for workers in (1, 2)]) is None


def test_more_blocks_are_needed_for_narrower_intervals() -> None:
    found = fit(example_records(repeats=2, noise=0.1))
    needed = [found.blocks_needed(goal) for goal in (0.5, 0.1, 0.05)]
    assert needed == sorted(needed)
    assert needed[0] < needed[-1]
    assert found.blocks_needed(1e-9) is None


def test_equal_times_give_an_interval_of_no_width_and_not_an_error() -> None:
    records = [
        example_record(6.0 / workers, {"backend": backend, "workers": workers, "repeat": repeat})
        for repeat in range(3)
        for backend, workers in (("serial", 1), ("ddp", 2))
    ]
    found = fit(records)
    (cell,) = (cell for cell in found.cells if cell is not found.base)
    assert found.speedup(cell).value == pytest.approx(2.0)
    assert math.isclose(found.half_width(cell), 0.0, abs_tol=1e-6)
    assert found.best().is_sure


def test_blocks_of_nothing_but_engines_are_no_error() -> None:
    records = [
        example_record(r.phases["train_s"], r.spec, resolved=dict(r.resolved) | {"engine": r.spec["backend"]})
        if r.spec["backend"] != "serial"
        else r
        for r in example_records(repeats=4, speeds={("serial", 1, 1): 1.0, ("ddp", 2, 1): 1.8, ("ray", 2, 1): 1.5})
        if r.spec["backend"] != "serial" or r.spec["repeat"] < 2
    ]
    found = fit(records)
    assert [found.speedup(cell).value for cell in found.cells[1:]] == [pytest.approx(1.8, rel=0.2), pytest.approx(1.5, rel=0.2)]


def test_cells_of_different_invocations_are_compared_without_blocks() -> None:
    records = [replace(r, plan={"id": r.spec["backend"]}) for r in example_records(repeats=3)]
    found = fit(records)
    ratio = found.speedup(next(cell for cell in found.cells if cell.workers == 2))
    assert ratio.low < ratio.value < ratio.high
