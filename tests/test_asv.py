"""A user's own suite for asv: six lines a class, found and run by asv itself; a wrong class is one line."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from statistics import stdev
from typing import Any

import pytest
from repository import git

from manyhands.analysis.example import example_record
from manyhands.asv import Cells, SuiteError
from manyhands.asv.settings import CHECKED
from manyhands.errors import ManyhandsError
from manyhands.measure.yardstick import version as yardstick_version
from manyhands.plan import RunSpec
from manyhands.plugins import workload_class

SPEED = """
from manyhands.asv import Cells


class Points(Cells):
    workload = "kmeans"
    backend = ["serial", "ddp"]
    workers = [1]
    samples = 500


class Fewer(Points):
    samples = 400
    time_launch = None


class _Shared(Cells):
    workers = 1


class Net(_Shared):
    workload = "mlp"


for name in ("prepare", "search"):
    globals()[name.capitalize()] = type(name.capitalize(), (_Shared,), {"workload": name, "__module__": __name__})


class Plain:
    def setup_cache(self):
        return 1

    def track_one(self, one):
        return one
"""
OWN = """
from dataclasses import dataclass

from manyhands.workloads.kmeans import KMeans


@dataclass(frozen=True)
class Own(KMeans):
    name = "own"
"""
OWN_SPEED = """
from manyhands.asv import Cells


class Own(Cells):
    workload = "work/own.py:Own"
    backend = "serial"
    workers = 1
    samples = 400
"""
SCRIPT_SPEED = """
from manyhands.asv import Cells


class Script(Cells):
    workload = "work/train.py"
    args = ("--lr", "0.1")
    backend = "serial"
    workers = 1
"""
CONFIG = {
    "version": 1,
    "project": "own",
    "repo": ".",
    "branches": ["main"],
    "benchmark_dir": "bench",
    "environment_type": "existing",
    "plugins": [".manyhands.asv.plugin"],
    "env_dir": ".asv/env",
    "results_dir": ".asv/results",
    "html_dir": ".asv/html",
}
DISCOVER = "import sys; from asv_runner.discovery import _discover; _discover(sys.argv[1:])"
NUMBERS = {"time_launch", "track_wall_s", "track_train_s", "track_speedup", "track_peak_memory", "track_quality"}
NUMBERS |= {"track_train_scatter"}


def write(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def search(suite: Path, out: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """asv's own search for the benchmarks of a suite, in another folder as asv does it."""
    pytest.importorskip("asv_runner", reason="needs asv: pip install 'manyhands[history]'")
    words = [sys.executable, "-c", DISCOVER, str(suite), str(out)]
    return subprocess.run(
        words, env=os.environ | variables, cwd=out.parent, capture_output=True, text=True, timeout=120, check=False
    )


def found(suite: Path, out: Path) -> dict[str, dict[str, Any]]:
    """Name -> benchmark, as asv keeps it."""
    done = search(suite, out)
    assert done.returncode == 0, done.stderr
    return {one["name"]: one for one in json.loads(out.read_text())}


@pytest.fixture(scope="module")
def benchmarks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """The benchmarks of a suite of two files with equal names and equal classes in one of them."""
    folder = tmp_path_factory.mktemp("suite")
    files = {"bench/__init__.py": "", "bench/speed.py": SPEED, "bench/deep/__init__.py": "", "bench/deep/speed.py": SPEED}
    write(folder, files | {"work/own.py": OWN, "bench/own.py": OWN_SPEED})
    write(folder, {"work/train.py": "", "bench/script.py": SCRIPT_SPEED})
    return found(folder / "bench", folder / "found.json")


def names(benchmarks: Mapping[str, Any], title: str) -> set[str]:
    return {name.rpartition(".")[2] for name in benchmarks if name.rpartition(".")[0] == title}


def test_asv_finds_every_number_of_a_class(benchmarks: dict[str, Any]) -> None:
    assert names(benchmarks, "speed.Points") == names(benchmarks, "own.Own") == names(benchmarks, "script.Script") == NUMBERS
    assert names(benchmarks, "speed.Net") == NUMBERS | {"track_step_ms", "track_loss", "track_train_ratio"}


def test_the_base_class_that_a_suite_imports_is_no_benchmark(benchmarks: dict[str, Any]) -> None:
    titles = {name.split(".")[-2] for name in benchmarks}
    assert titles == {"Points", "Fewer", "Net", "Prepare", "Search", "Plain", "Own", "Script"}


def test_a_number_can_be_left_out(benchmarks: dict[str, Any]) -> None:
    assert names(benchmarks, "speed.Fewer") == NUMBERS - {"time_launch"}


def test_each_class_has_one_cache_and_no_other_class_has_it(benchmarks: dict[str, Any]) -> None:
    """Two classes on one line, an inherited class, an ordinary one, and files of equal names."""
    keys: dict[str, set[str]] = {}
    for name, one in benchmarks.items():
        keys.setdefault(name.rpartition(".")[0], set()).add(one["setup_cache_key"])
    assert all(len(own) == 1 for own in keys.values())
    assert len(set.union(*keys.values())) == len(keys) == 14


def test_the_key_of_a_cache_is_the_line_of_the_class(benchmarks: dict[str, Any]) -> None:
    line = SPEED.splitlines().index("class Points(Cells):") + 1
    assert benchmarks["speed.Points.track_train_s"]["setup_cache_key"] == f"speed:{line}"
    assert benchmarks["deep.speed.Points.track_train_s"]["setup_cache_key"] == f"deep.speed:{line}"


def test_backend_and_workers_are_the_parameters(benchmarks: dict[str, Any]) -> None:
    points, net = benchmarks["speed.Points.track_train_s"], benchmarks["speed.Net.track_loss"]
    assert points["param_names"] == ["backend", "workers"]
    assert points["params"] == [["'serial'", "'ddp'"], ["1"]]
    assert net["params"] == [["'serial'", "'ddp'"], ["1"]]
    assert benchmarks["speed.Search.track_wall_s"]["params"][0] == ["'serial'"]


def test_units_are_those_of_asv_and_of_the_workload(benchmarks: dict[str, Any]) -> None:
    units = {name.rpartition(".")[2]: one["unit"] for name, one in benchmarks.items() if name.startswith("speed.Points")}
    assert units == {
        "time_launch": "seconds",
        "track_wall_s": "seconds",
        "track_train_s": "seconds",
        "track_train_scatter": "percent",
        "track_speedup": "times",
        "track_peak_memory": "bytes",
        "track_quality": "silhouette",
    }


def test_a_version_has_the_options_that_affect_the_values_and_no_others(benchmarks: dict[str, Any]) -> None:
    """asv drops results of another version: of other rows it must, of another list of backends it must not."""
    versions = {name: one["version"] for name, one in benchmarks.items()}
    assert versions["speed.Points.track_train_s"] == "2: kmeans, samples=500; 10 launches"
    assert versions["speed.Points.track_speedup"] == "2: kmeans, samples=500; 10 launches; over serial x 1"
    assert versions["speed.Points.time_launch"] == "2: kmeans, samples=500"
    assert versions["speed.Fewer.track_train_s"] == "2: kmeans, samples=400; 10 launches"
    assert versions["script.Script.track_wall_s"] == "2: work/train.py, args=('--lr', '0.1'); 10 launches"
    assert versions["own.Own.track_train_s"] == "2: work/own.py:Own, samples=400; 10 launches"
    assert versions["speed.Net.track_train_ratio"] == f"2: mlp, defaults; 10 launches; yardstick {yardstick_version()}"
    assert benchmarks["speed.Net.track_train_ratio"]["launches"] == 10


def test_one_launch_of_a_cell_is_timed_and_ends_before_asv_ends_it(benchmarks: dict[str, Any]) -> None:
    launch = benchmarks["speed.Points.time_launch"]
    assert [launch[name] for name in ("number", "repeat", "rounds", "warmup_time")] == [1, 1, 1, 0]
    assert launch["timeout"] > 1800
    assert launch["setup_cache_timeout"] > 10 * 2 * 1800


def class_of(**attributes: Any) -> type[Cells]:
    return type("Made", (Cells,), {"workload": "kmeans", "__module__": __name__} | attributes)


@pytest.mark.parametrize(
    ("attributes", "line"),
    [
        ({"workload": "no-such"}, "unknown workload 'no-such'; known: cnn"),
        ({"workload": ["cnn", "rnn"]}, r"workload \['cnn', 'rnn'\] is not the name of one workload; write a class for each"),
        ({"backend": "nope"}, "unknown backend 'nope'; known: dask"),
        ({"workers": "two"}, "--workers 'two' is not a list of whole numbers above 0"),
        ({"workers": [0]}, r"--workers \[0\] is not a list of whole numbers above 0"),
        ({"sample": 512}, "no option 'sample'; did you mean 'samples'?"),
        ({"samples": "abc"}, "--samples 'abc' is not a whole number"),
        ({"samples": [512]}, r"--samples \[512\] is not a whole number"),
        ({"repeats": 0}, "--repeats 0 is not a whole number above 0"),
        ({"params": ["serial"]}, "'params' is not for a suite; set backend and workers"),
        ({"workloads": "cnn"}, "'workloads' is not for a suite; set workload, with one name"),
        ({"study": "mlp-ensemble"}, "'study' is not for a suite; use 'manyhands run'"),
        ({"limit": True}, "'limit' is not for a suite; use 'manyhands run'"),
        ({"set": {"nothing": 1}}, "--set nothing=1: no such setting"),
        ({"workload": "work/none.py:Own"}, "no file work/none.py for 'Own' in .*tests or a folder above it"),
        ({"workload": "work/none.py"}, "no file work/none.py in .*tests or a folder above it"),
        ({"args": ["--lr", "0.1"]}, "'-- --lr 0.1' is for a script, and kmeans is none"),
        ({"data": "no-such-folder"}, "no-such-folder"),
        ({"workload": "cnn", "backend": "ddp", "workers": 3}, "a global batch of 64 does not split evenly over 3 workers"),
    ],
)
def test_a_wrong_class_is_refused_with_its_file_and_line(attributes: dict[str, Any], line: str) -> None:
    with pytest.raises(SuiteError, match=line) as caught:
        class_of(**attributes)
    assert str(caught.value).startswith(f"{__file__}:")
    assert ": class Made: " in str(caught.value)
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, ManyhandsError)


@pytest.mark.parametrize(
    ("wrong", "variables", "line"),
    [
        ('workers = "two"', {}, "--workers 'two' is not a list of whole numbers above 0, such as 1,2,4"),
        ('workload = "no-such"', {}, "unknown workload 'no-such'"),
        ("samples = 2", {"MANYHANDS_DATA": "/no/such/folder"}, "no folder /no/such/folder (MANYHANDS_DATA)"),
    ],
)
def test_a_wrong_class_ends_the_search_of_asv_with_one_line(
    tmp_path: Path, wrong: str, variables: dict[str, str], line: str
) -> None:
    text = f'from manyhands.asv import Cells\n\n\nclass Bad(Cells):\n    workload = "kmeans"\n    {wrong}\n'
    write(tmp_path, {"bench/__init__.py": "", "bench/bad.py": text})
    done = search(tmp_path / "bench", tmp_path / "found.json", **variables)
    assert done.returncode == 1
    (shown,) = done.stderr.splitlines()
    assert shown.startswith(f"{tmp_path}/bench/bad.py:4: class Bad: ")
    assert line in shown


def test_a_file_is_searched_up_to_the_repository_and_no_further(tmp_path: Path) -> None:
    write(tmp_path, {"work/own.py": OWN, "repository/.git/HEAD": "", "repository/bench/__init__.py": OWN_SPEED})
    done = search(tmp_path / "repository" / "bench", tmp_path / "found.json")
    assert "no file work/own.py for 'Own'" in done.stderr
    write(tmp_path, {"repository/work/own.py": OWN})
    assert len(found(tmp_path / "repository" / "bench", tmp_path / "found.json")) == len(NUMBERS)


def test_importing_the_mix_in_imports_neither_asv_nor_a_plan() -> None:
    code = "import manyhands.asv, sys; print(sorted({'asv', 'asv_runner', 'numpy', 'manyhands.plan'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


class Digits(Cells):
    workload = "cnn"
    backend = ("serial", "ddp")
    workers = (1, 2)


@pytest.fixture
def cached() -> dict[str, list[Any]]:
    """Records of the cells of `Digits`: one cell is left out, one has failed, and one has no memory measured."""
    asked = {"backend": "ddp", "workers": 2, "epochs": 1}
    return {
        "serial x 1": [example_record(seconds, {"epochs": 1}, resolved={"steps_per_epoch": 10}) for seconds in (3.0, 4.0, 8.0)],
        "serial x 2": [example_record(1.0, {}, status="skipped", reason="serial is one worker")],
        "ddp x 1": [example_record(1.0, {}, status="failed", reason="a worker died")],
        "ddp x 2": [example_record(2.0, asked, resolved={"steps_per_epoch": 10}, resources={"peak_pss_bytes": None})],
    }


def test_times_are_means_over_the_faster_half_of_the_launches_and_other_numbers_medians(cached: dict[str, list[Any]]) -> None:
    digits: Any = Digits()
    assert digits.track_train_s(cached, "serial", 1) == 3.5
    assert digits.track_step_ms(cached, "serial", 1) == 350.0
    assert digits.track_speedup(cached, "ddp", 2) == 1.75
    assert digits.track_speedup(cached, "serial", 1) == 1.0
    assert digits.track_peak_memory(cached, "serial", 1) == 300_000_000
    assert digits.track_quality(cached, "serial", 1) == 0.97
    assert digits.track_loss(cached, "serial", 1) == 0.3
    assert math.isnan(digits.track_train_ratio(cached, "serial", 1)), "launches without a yardstick have no ratio"
    beside = {"per_worker": ({"yardstick": {"network": [0.5, 0.5]}},)}
    timed = [example_record(seconds, {"epochs": 1}, **beside) for seconds in (3.0, 4.0, 8.0)]
    assert digits.track_train_ratio({"serial x 1": timed}, "serial", 1) == 7.0
    assert digits.track_wall_s(cached, "ddp", 2) == cached["ddp x 2"][0].wall_s


def test_a_launch_that_other_programs_disturbed_counts_in_no_time() -> None:
    digits: Any = Digits()
    span = {"seconds": 3.0, "used_s": 3.0, "stolen_s": 0.0}
    other = {"allowed_cores": 0.25, "allowed_stolen_cores": 0.25, "run": span, "train": span}
    resources = {"other_programs": other, "peak_pss_bytes": 1, "cpu_s": 1.0}
    disturbed = example_record(3.0, {"repeat": 0}, resources=resources)
    cached = {"serial x 1": [disturbed, example_record(4.0, {"repeat": 1}), example_record(8.0, {"repeat": 2})]}
    assert digits.track_train_s(cached, "serial", 1) == 4.0
    assert digits.track_train_s({"serial x 1": [disturbed]}, "serial", 1) == 3.0, "no launch is better"


def test_the_scatter_is_that_of_the_ratio_or_of_the_seconds_without_a_yardstick(cached: dict[str, list[Any]]) -> None:
    digits: Any = Digits()
    logs = [math.log(seconds) for seconds in (3.0, 4.0, 8.0)]
    assert digits.track_train_scatter(cached, "serial", 1) == pytest.approx(100 * stdev(logs))
    beside = [({"yardstick": {"network": [seconds, seconds]}},) for seconds in (1.5, 2.0, 4.0)]
    timed = [example_record(two[0]["yardstick"]["network"][0] * 2, {"epochs": 1}, per_worker=two) for two in beside]
    assert digits.track_train_scatter({"serial x 1": timed}, "serial", 1) == pytest.approx(0.0), "the yardstick was as slow"
    assert math.isnan(digits.track_train_scatter(cached, "ddp", 2)), "one launch has none"


def test_a_cell_that_is_not_run_here_is_not_available_and_a_failed_one_fails(cached: dict[str, list[Any]]) -> None:
    digits: Any = Digits()
    digits.setup(cached, "serial", 1)
    with pytest.raises(NotImplementedError, match="serial is one worker"):
        digits.setup(cached, "serial", 2)
    with pytest.raises(RuntimeError, match="a worker died"):
        digits.track_speedup(cached, "ddp", 1)
    with pytest.raises(RuntimeError, match="a worker died"):
        digits.time_launch(cached, "ddp", 1)
    assert math.isnan(digits.track_peak_memory(cached, "ddp", 2))


def test_without_its_base_line_a_class_has_no_speed_up(cached: dict[str, list[Any]]) -> None:
    digits: Any = Digits()
    cached["serial x 1"] = cached["serial x 2"]
    assert math.isnan(digits.track_speedup(cached, "ddp", 2))


def test_the_base_line_is_the_first_cell_of_a_class_without_serial() -> None:
    made: Any = class_of(workload="cnn", backend=["ddp", "ray"], workers=[2, 1])
    assert made._settings.base == "ddp x 2"


def test_a_cell_that_cannot_run_here_is_kept_with_its_reason() -> None:
    made: Any = class_of(backend=["ddp", "serial"], workers=[2])
    kept = made().setup_cache()
    assert {name: [record.status for record in records] for name, records in kept.items()} == {
        "ddp x 2": ["skipped"],
        "serial x 2": ["skipped"],
    }
    assert kept["ddp x 2"][0].reason == "ddp offers no clustering workloads"


def test_options_are_those_of_the_command_line() -> None:
    made: Any = class_of(workload="cnn", backend="serial,ddp", workers="1,2", samples="512", batch_size=32, threads=2, timeout=9)
    cells: dict[str, RunSpec] = made._settings.cells
    assert list(cells) == ["serial x 1", "serial x 2", "ddp x 1", "ddp x 2"]
    assert (cells["ddp x 2"].samples, cells["ddp x 2"].batch_size, cells["ddp x 2"].threads) == (512, 32, 2)
    assert cells["ddp x 2"].epochs == 8, "the faster half of so many epochs is timed"
    assert class_of(workload="cnn", epochs=3)._settings.cells["serial x 1"].epochs == 3
    assert made.track_train_s.timeout == 9 + 60


def test_a_process_that_measures_loads_the_file_of_a_suite_only_for_its_cells(
    tmp_path: Path, cached: dict[str, list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """asv starts one for each number of each cell, and a training of yours imports torch."""
    own = tmp_path / "own.py"
    own.write_text(f"from pathlib import Path\nPath({str(tmp_path / 'loaded')!r}).touch()\ndef build(): ...\n")
    searched: Any = class_of(workload=f"{own}:build", backend=["serial", "ddp"], workers=[1, 2])
    (tmp_path / "loaded").unlink()
    sys.modules.pop(workload_class(f"{own}:build").build.__module__)
    monkeypatch.setenv(CHECKED, "1")
    measuring: Any = class_of(workload=f"{own}:build", backend=["serial", "ddp"], workers=[1, 2])
    assert measuring().track_train_s(cached, "serial", 1) == 3.5
    assert measuring().track_speedup(cached, "ddp", 2) == 1.75
    assert measuring.params == searched.params
    assert not (tmp_path / "loaded").exists()
    assert measuring._settings.cells == searched._settings.cells
    assert (tmp_path / "loaded").exists()


def test_a_number_of_your_own_is_kept(cached: dict[str, list[Any]]) -> None:
    def track_train_s(self: Any, cached: Any, backend: str, workers: int) -> float:
        return 5.0

    made: Any = class_of(workload="cnn", track_train_s=track_train_s, version=7)
    below: Any = type("Below", (made,), {"samples": 512, "__module__": __name__})
    assert made().track_train_s(cached, "serial", 1) == below().track_train_s(cached, "serial", 1) == 5.0
    assert made.track_wall_s.version == "2: 7: cnn, defaults; 10 launches"


def test_a_script_is_compared_by_its_whole_launches_and_its_first_metric(cached: dict[str, list[Any]]) -> None:
    """Without marks it has no phase train; with marks its warm-up steps, of which two workers may have a larger share, do not count."""
    made: Any = class_of(workload=__file__, backend=["serial", "ddp"], workers=[1])
    spec = {"workload": __file__, "batch": "per-worker"}
    plain = [example_record(3.0, spec, resolved={"marks": False}, quality={"bleu": 0.5, "loss": 2.0})]
    assert math.isnan(made().track_train_s({"serial x 1": plain}, "serial", 1))
    assert math.isnan(made().track_speedup({"serial x 1": plain}, "serial", 1))
    assert made().track_wall_s({"serial x 1": plain}, "serial", 1) == plain[0].wall_s
    assert made().track_quality({"serial x 1": plain}, "serial", 1) == 0.5
    assert made.track_quality.unit == "metric"
    marked = {
        f"{backend} x 1": [
            example_record(seconds, spec | {"backend": backend}, resolved={"marks": True, "steps": steps, "warmup_steps": 3})
        ]
        for backend, seconds, steps in (("serial", 17.0, 20), ("ddp", 7.0, 10))
    }
    assert made().track_speedup(marked, "ddp", 1) == pytest.approx(2.0)


@pytest.mark.slow
def test_a_script_is_launched_with_its_arguments(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text("import sys\nassert sys.argv[1:] == ['--lr', '0.1']\n")
    made: Any = class_of(workload=str(script), args=["--lr", "0.1"], backend="serial", workers=1, repeats=1)
    (record,) = made.run_cells()["serial x 1"]
    assert record.ok, record.reason


def asv(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")} | {"HOME": str(folder.parent)}
    command = [sys.executable, "-m", "asv", *words]
    return subprocess.run(command, env=env, cwd=folder, capture_output=True, text=True, timeout=500, check=False)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository with a suite of its own, and asv's settings."""
    files = {"bench/__init__.py": "", "bench/own.py": OWN_SPEED, "work/own.py": OWN, "asv.conf.json": json.dumps(CONFIG)}
    folder = write(tmp_path / "project", files)
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "One"]):
        git(folder, *words)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_asv_runs_a_suite_of_your_own_and_its_history_is_read(project: Path, method: str) -> None:
    assert asv(project, "machine", "--yes").returncode == 0
    run = asv(project, "run", "--python=same", "--quick", "--set-commit-hash=HEAD", f"--launch-method={method}", "--show-stderr")
    assert run.returncode == 0, run.stdout + run.stderr
    assert "failed" not in run.stdout
    assert run.stdout.count("Setting up own:5") == 1
    (kept,) = [json.loads(file.read_text()) for file in (project / ".asv/results").glob("*/*-*.json")]
    values = {name.rpartition(".")[2]: result[0][0] for name, result in kept["results"].items()}
    assert set(values) == NUMBERS
    assert values["track_speedup"] == 1
    assert math.isnan(values["track_train_scatter"]), "with --quick the plug-in has each cell launched once"
    assert values["track_peak_memory"] > 1e7
    assert 0 < values["track_train_s"] < values["track_wall_s"]
    assert 0 < values["time_launch"] < 10 * values["track_wall_s"]
    words = [sys.executable, "-m", "manyhands", "history"]
    history = subprocess.run(words, cwd=project, capture_output=True, text=True, check=False)
    assert "6 benchmarks over 1 to 1 commits, 0 changes" in history.stdout, history.stderr


@pytest.mark.slow
def test_a_wrong_class_is_one_line_in_the_output_of_asv(project: Path) -> None:
    asv(project, "machine", "--yes")
    write(project, {"bench/own.py": OWN_SPEED.replace("workers = 1", 'workers = "two"')})
    run = asv(project, "run", "--python=same", "--quick")
    shown = run.stdout + run.stderr
    assert run.returncode == 1
    assert f"{project}/bench/own.py:5: class Own: --workers 'two' is not a list of whole numbers above 0" in shown
    assert "Traceback" not in shown
