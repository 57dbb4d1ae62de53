"""The plug-in of asv: reasons without `--show-stderr`, the machine that asv knows, and commits that measure in another way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("asv", reason="needs asv: pip install 'manyhands[history]'")

from asv.benchmarks import Benchmarks
from asv.config import Config
from asv.environment import ExistingEnvironment
from asv.machine import Machine, MachineCollection
from asv.results import Results
from asv.runner import BenchmarkResult
from asv.util import UserError

from manyhands.asv.plugin import check_machine, comparable
from manyhands.asv.reasons import reasons

PARAMS = [["'serial'", "'ddp'"], ["1"]]
SKIPPED = """For parameters: 'serial', 1
asv: skipped: NotImplementedError('serial is one worker')"""
CRASHED = """For parameters: 'ddp', 1
Traceback (most recent call last):
  File "benchmark.py", line 1, in <module>
RuntimeError: a worker died: rank 1 was ended by signal 9

asv: benchmark failed (exit status 1)"""
TIMED_OUT = """For parameters: 'ddp', 1

asv: benchmark timed out (timeout 60.0s)"""
SETUP = """asv: setup_cache failed

SystemExit: class Own: no folder /no/such/folder
asv: setup_cache failed (exit status 1)"""


def results_of(printed: str, values: list[float | None], errcode: int) -> tuple[Results, dict[str, Any]]:
    """Two numbers of one class in asv's own form, with what their processes printed."""
    benchmarks = {f"speed.Own.{name}": {"name": f"speed.Own.{name}", "params": PARAMS, "version": "1"} for name in ("a", "b")}
    results = Results.unnamed()
    for benchmark in benchmarks.values():
        results.add_result(benchmark, BenchmarkResult(values, [None, None], [None, None], errcode, printed, None))
    return results, benchmarks


@pytest.mark.parametrize(
    ("printed", "values", "errcode", "lines"),
    [
        (
            f"{SKIPPED}\n\n{CRASHED}",
            [float("nan"), None],
            1,
            ["speed.Own('ddp', 1) failed: a worker died: rank 1 was ended by signal 9"],
        ),
        (TIMED_OUT, [1.0, None], -256, ["speed.Own('ddp', 1) failed: asv: benchmark timed out (timeout 60.0s)"]),
        (SETUP, [None, None], 1, ["speed.Own failed: class Own: no folder /no/such/folder"]),
        (SKIPPED, [float("nan"), 2.0], 0, []),
        (SKIPPED, [float("nan"), float("nan")], 0, []),  # a single launch has no scatter
        (f"{SKIPPED}\n\n{SKIPPED}", [float("nan")] * 2, 0, ["speed.Own: no cell can be run here: serial is one worker"]),
        ("a warning of a library", [1.0, 2.0], 0, []),
    ],
)
def test_each_reason_is_one_line_however_many_numbers_it_takes(
    printed: str, values: list[float | None], errcode: int, lines: list[str]
) -> None:
    assert list(reasons(*results_of(printed, values, errcode))) == lines


def test_other_hardware_under_a_known_name_is_refused(tmp_path: Path) -> None:
    file = str(tmp_path / "machines.json")
    check_machine(None, file)  # asv reports by itself that it knows none
    here = Machine.get_defaults()
    MachineCollection.save("there", here | {"machine": "there"}, _path=file)
    check_machine(None, file)  # a container has another name every time
    MachineCollection.save("there", here | {"machine": "there", "num_cpu": "96", "ram": "1"}, _path=file)
    with pytest.raises(UserError, match="asv knows the machine 'there' with num_cpu '96', here '") as caught:
        check_machine(None, file)
    assert "\n" not in str(caught.value)
    assert "asv machine --machine" in str(caught.value)


class Installed(ExistingEnvironment):  # type: ignore[misc]  # asv has no types
    """This Python as an environment into which asv installs commits."""

    def can_install_project(self) -> bool:
        return True


def suite(tmp_path: Path, text: str) -> tuple[Any, Any]:
    """The benchmarks of a suite as asv finds them, and an environment."""
    (tmp_path / "bench").mkdir(exist_ok=True)
    (tmp_path / "bench" / "__init__.py").touch()
    (tmp_path / "bench" / "speed.py").write_text(text)
    config = Config()
    config.benchmark_dir, config.branches = str(tmp_path / "bench"), []
    environment = Installed(config, "same", {}, {})
    return Benchmarks.discover(config, None, [environment], [None]), environment


def test_a_commit_that_measures_in_another_way_is_left_out_with_one_line(tmp_path: Path) -> None:
    text = "def track_one():\n    return 1\n\n\ndef track_two():\n    return 2\n\n\ntrack_one.version = '2: cnn; yardstick {}'\n"
    benchmarks, environment = suite(tmp_path, text.format("new"))
    assert comparable(benchmarks, environment) == (benchmarks, None)
    (tmp_path / "bench" / "speed.py").write_text(
        text.format("older")
    )  # of another size, so that no bytecode of this second is used again
    own, reason = comparable(benchmarks, environment)
    assert set(own) == {"speed.track_two"}
    assert reason == (
        "this commit measures in another way than the others, so these are left out: speed.track_one"
        " (version here '2: cnn; yardstick older', of the others '2: cnn; yardstick new')"
    )


def test_a_commit_from_before_the_suite_is_left_out_with_one_line(tmp_path: Path) -> None:
    benchmarks, environment = suite(tmp_path, "def track_one():\n    return 1\n")
    (tmp_path / "bench" / "speed.py").write_text("raise SystemExit('this commit has no mix-in; use manyhands compare')\n")
    own, reason = comparable(benchmarks, environment)
    assert len(own) == 0
    assert reason == "this commit cannot be measured by this suite: this commit has no mix-in; use manyhands compare"
