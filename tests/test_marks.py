"""Marks: nothing outside a run; inside, the phases, steps and values of the script."""

from __future__ import annotations

import runpy
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from manyhands import marks

WAIT_S = 0.02


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A run that this process seems to be part of."""
    found: Any = ModuleType(marks.RUN)
    found.marks, found.launched, found.waited_s = None, time.perf_counter(), 0.0
    monkeypatch.setitem(sys.modules, marks.RUN, found)
    return found


def slow(count: int) -> Iterator[int]:
    """Batches that are waited for."""
    for number in range(count):
        time.sleep(WAIT_S)
        yield number


def test_outside_a_run_marks_do_nothing() -> None:
    batches = [1, 2]
    assert marks.steps(batches) is batches
    marks.epoch(loss=0.1)
    marks.metric(accuracy="not even a number")  # type: ignore[arg-type]


def test_a_copy_of_the_file_needs_nothing_else(tmp_path: Path) -> None:
    copy = tmp_path / "marks.py"
    copy.write_text(Path(marks.__file__).read_text())
    code = "import sys, marks; [*marks.steps([1])]; print(any(name.startswith(('manyhands', 'torch', 'numpy')) for name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_phases_of_two_epochs_add_up(run: Any) -> None:
    time.sleep(WAIT_S)
    for _ in range(2):
        for number in marks.steps(slow(5)):
            run.waited_s += 0.001 * (number + 1)
        time.sleep(WAIT_S)
        marks.epoch(loss=0.5)
    marks.metric(accuracy=0.5)
    marks.metric(accuracy=0.9, f1=0.8)
    before, report, after = time.perf_counter(), run.marks.report(), time.perf_counter()
    phases = report["phases"]
    assert before - run.launched <= sum(phases.values()) + 1e-6 <= after - run.launched + 2e-6
    assert all(phases[name] >= WAIT_S for name in ("load", "warmup", "train", "evaluate"))
    assert (report["steps"], report["warmup_steps"]) == (10, 3)
    assert 7 * WAIT_S <= report["input_s"] <= phases["train"]
    assert report["communicate_s"] == pytest.approx(0.004 + 0.005 + 0.015), "the waits of warm-up are no part of train"
    assert report["quality"] == {"accuracy": 0.9, "f1": 0.8}
    assert [entry["epoch"] for entry in report["history"]] == [1, 2]
    assert report["history"][0]["elapsed_s"] < report["history"][1]["elapsed_s"] == pytest.approx(phases["train"], abs=0.01)


def test_a_loop_that_is_left_early_counts_its_last_step(run: Any) -> None:
    for number in marks.steps(range(100)):
        if number == 4:
            break
    assert run.marks.report()["steps"] == 5


@pytest.mark.parametrize("count", [1, 3])
def test_a_loop_of_warm_up_alone_has_no_phase_train(count: int, run: Any) -> None:
    for _ in marks.steps(range(count)):
        time.sleep(WAIT_S)
    report = run.marks.report()
    assert set(report["phases"]) == {"load", "warmup", "evaluate"}
    assert (report["steps"], report["warmup_steps"]) == (count, count)


def test_nested_loops_are_refused_in_one_line(run: Any) -> None:
    inner = marks.steps(range(3))
    for _ in marks.steps(range(3)):
        with pytest.raises(RuntimeError, match=r"mark only one loop at a time$"):
            list(inner)


def test_marked_batches_stay_what_they_were(run: Any) -> None:
    marked: Any = marks.steps([7, 8])
    assert len(marked) == 2
    assert marked.index(8) == 1
    assert [*marked] == [7, 8]


@pytest.mark.parametrize("mark", [marks.metric, marks.epoch])
def test_a_value_that_is_no_number_is_one_line(mark: Any, run: Any) -> None:
    with pytest.raises(TypeError, match=r"accuracy=\[1\]\): give a number$"):
        mark(accuracy=[1])


def test_values_without_a_loop_are_kept(run: Any) -> None:
    marks.metric(accuracy=1)
    assert run.marks.report() == {"phases": {}, "quality": {"accuracy": 1.0}, "history": []}


def test_importing_marks_imports_nothing_heavy() -> None:
    assert set(runpy.run_path(marks.__file__)) >= {"steps", "epoch", "metric"}
    code = "import sys, manyhands.marks; print(sorted({'torch', 'numpy', 'pandas', 'psutil'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
