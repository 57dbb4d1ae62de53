"""The pytest plug-in as its users meet it: a fresh pytest on a suite of a few lines in a folder of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from manyhands.analysis.yardstick import identity, moments, train_ratio
from manyhands.record import Record
from manyhands.rounds.values import EPOCHS, YARDSTICK_S, over_yardstick

HEAD = "import pytest\n\n"
SPEED = '@pytest.mark.cells("kmeans", backend=["serial", "ddp"], workers=[1, 2], samples=500)\n'
TEST = "def test_speed(cell, benchmark):\n    cell.launch(benchmark)\n"
CHEAP = '@pytest.mark.cells("kmeans", backend="serial", workers=1, samples=500)\n'


def run(folder: Path, text: str, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A fresh pytest on a suite with this text; its environment has none of ours."""
    (folder / "test_own.py").write_text(text)
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "MANYHANDS_DATA"))}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *words]
    return subprocess.run(command, cwd=folder, env=environ | variables, capture_output=True, text=True, check=False)


def test_a_suite_of_six_lines_has_a_test_for_each_cell(tmp_path: Path) -> None:
    done = run(tmp_path, HEAD + SPEED + TEST, "--collect-only", "-q", "--strict-markers")
    assert done.stdout.splitlines()[:3] == [
        "test_own.py::test_speed[kmeans-serial-1]",
        "test_own.py::test_speed[kmeans-ddp-1]",
        "test_own.py::test_speed[kmeans-ddp-2]",
    ]
    assert "warning" not in done.stdout.lower()


IMPOSSIBLE = {
    '"nope"': "unknown workload 'nope'; known: cnn,",
    '"kmeans", backend="nope"': "unknown backend 'nope'; known: ",
    '"kmeans", workers="two"': "--workers 'two' is not a list of whole numbers above 0, such as 1,2,4",
    '"kmeans", worker=2': "no option 'worker'; did you mean 'workers'?",
    '"kmeans", backend="serial", workers=2': "nothing can be run: kmeans on serial x 2: serial is one worker",
    'study="lstm-spark"': "--study is for a whole plan",
    '"mlp", workers=2, sync="local=8"': "--sync is for a whole plan",
    '"kmeans", args=["--lr", "0.1"]': "'-- --lr 0.1' is for a script, and kmeans is none",
    '"none.py"': "no file none.py in ",
    '"none.py:build"': "no file none.py for 'build' in ",
}
"""The arguments of a marker -> the line about them."""


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The arguments of each impossible marker -> what pytest prints about its file, of one pytest that collects all files."""
    folder = tmp_path_factory.mktemp("impossible")
    for number, marker in enumerate(IMPOSSIBLE):
        (folder / f"test_{number}.py").write_text(f"{HEAD}@pytest.mark.cells({marker})\n{TEST}")
    done = run(folder, HEAD)
    assert done.returncode == pytest.ExitCode.INTERRUPTED
    assert f"{len(IMPOSSIBLE)} errors during collection" in done.stdout
    assert done.stderr == ""
    _, *parts = re.split(
        r"^_+ ERROR collecting test_\d+\.py _+$", done.stdout.partition("short test summary")[0], flags=re.MULTILINE
    )
    return dict(zip(IMPOSSIBLE, parts, strict=True))


@pytest.mark.parametrize("marker", IMPOSSIBLE)
def test_the_impossible_is_one_line_of_the_collection(marker: str, collected: dict[str, str]) -> None:
    (line, *rest) = collected[marker].strip().splitlines()
    assert IMPOSSIBLE[marker] in line
    assert [one for one in rest if not one.startswith("====")] == []


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--mh-workers", "two"], "--mh-workers 'two' is not a list of whole numbers above 0, such as 1,2,4"),
        (["--mh-backends", "nope"], "unknown backend 'nope'"),
    ],
)
def test_an_impossible_option_is_one_line(words: list[str], reason: str, tmp_path: Path) -> None:
    done = run(tmp_path, f'{HEAD}@pytest.mark.cells("kmeans")\n{TEST}', *words)
    assert done.returncode in (pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.INTERRUPTED)
    shown = done.stdout + done.stderr
    assert reason in shown
    assert "Traceback" not in shown
    assert "pytest_plugin.py" not in shown


def test_a_marker_leaves_the_rest_to_the_users_pyproject(tmp_path: Path) -> None:
    project = tmp_path / "pyproject.toml"
    project.write_text('[tool.manyhands]\nworkloads = ["kmeans"]\nbackends = ["serial", "dask"]\nworkers = 1\nmax-time = "3m"\n')
    collect = ("--collect-only", "-q")
    done = run(tmp_path, f"{HEAD}@pytest.mark.cells()\n{TEST}", *collect)
    assert done.stdout.splitlines()[:2] == ["test_own.py::test_speed[kmeans-serial-1]", "test_own.py::test_speed[kmeans-dask-1]"]
    done = run(tmp_path, f'{HEAD}@pytest.mark.cells("xgboost", workers=2)\n{TEST}', *collect, "--mh-backends", "dask")
    assert done.stdout.splitlines()[0] == "test_own.py::test_speed[xgboost-dask-2]"
    project.write_text("[tool.manyhands]\nworker = 1\n")
    done = run(tmp_path, f"{HEAD}@pytest.mark.cells()\n{TEST}", *collect)
    assert f"{project}: [tool.manyhands] has no key 'worker'; did you mean 'workers'? keys: workloads, backends" in done.stdout


SCRIPTS = """@pytest.mark.cells("train.py", args=["--lr", "0.1"], backend="serial", workers=1)
@pytest.mark.cells("train.py", args=["--lr", "0.2"], backend="serial", workers=1)
"""


def test_files_are_found_from_the_folder_of_the_test(tmp_path: Path) -> None:
    """Wherever pytest is started; two markers of one script with other arguments are two cells."""
    pytest.importorskip("torch")
    (tmp_path / "deep" / "suite").mkdir(parents=True)
    (tmp_path / "deep" / "train.py").touch()
    (tmp_path / "deep" / "suite" / "test_deep.py").write_text(HEAD + SCRIPTS + TEST)
    done = run(tmp_path, HEAD, "deep/suite", "--collect-only", "-q")
    tests = [line for line in done.stdout.splitlines() if "::" in line]
    assert len(tests) == len(set(tests)) == 2, done.stdout
    assert all("::test_speed[train.py-serial-1" in line for line in tests)


def test_a_cell_that_is_asked_for_without_a_marker_is_one_line(tmp_path: Path) -> None:
    done = run(tmp_path, HEAD + TEST)
    assert "test_speed asks for 'cell' and has no cells; mark it, for example with @pytest.mark.cells(" in done.stdout
    assert "Traceback" not in done.stdout


def test_without_pytest_benchmark_there_is_one_line(tmp_path: Path) -> None:
    done = run(tmp_path, HEAD + CHEAP + TEST, "-p", "no:benchmark")
    assert "test_speed needs pytest-benchmark for its fixture 'benchmark': pip install pytest-benchmark" in done.stdout
    assert "Traceback" not in done.stdout


def test_beside_other_tests_nothing_is_launched(tmp_path: Path) -> None:
    done = run(tmp_path, HEAD + CHEAP + TEST, "-n", "2", "--benchmark-enable")
    assert done.returncode == 1
    assert "pytest-xdist runs tests beside each other, so launches would disturb each other; run pytest without -n" in done.stdout
    assert "was not used at all" not in done.stdout
    assert not (tmp_path / "results").exists()


def test_a_suite_that_does_not_use_it_sees_nothing_of_it(tmp_path: Path) -> None:
    """A `cell` of the user's own is left alone, and so is every line of pytest's output."""
    own = f"{HEAD}@pytest.fixture\ndef cell():\n    return 3\n\ndef test_own(cell):\n    assert cell == 3\n"
    with_it, without = (run(tmp_path, own, *words, "-rA") for words in ((), ("-p", "no:manyhands")))
    assert with_it.returncode == 0

    def lines(done: subprocess.CompletedProcess[str]) -> list[str]:
        return [line.rpartition(" in ")[0] for line in done.stdout.splitlines() if not line.startswith("plugins")]

    assert lines(with_it) == lines(without)
    assert with_it.stderr == ""


def test_loading_it_loads_nothing_heavy_and_nothing_of_manyhands() -> None:
    code = "import sys, pytest; before = set(sys.modules); import manyhands.pytest_plugin; print(*set(sys.modules) - before)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    ours = {name for name in loaded if name.startswith("manyhands")}
    assert ours == {"manyhands", "manyhands.pytest_plugin"}
    assert len(loaded) < 20


@pytest.mark.slow
def test_launches_are_timed_kept_and_compared_with_the_tools_of_pytest_benchmark(tmp_path: Path) -> None:
    suite = HEAD + CHEAP + TEST
    first = run(tmp_path, suite, "--benchmark-autosave", "--mh-rounds", "2")
    assert first.returncode == 0, first.stdout
    (kept,) = tmp_path.glob(".benchmarks/*/*.json")
    found, whole = json.loads(kept.read_text())["benchmarks"]
    assert [one["name"] for one in (found, whole)] == [
        "test_speed[kmeans-serial-1]: train",
        "test_speed[kmeans-serial-1]: launch",
    ]
    assert [one["group"] for one in (found, whole)] == ["kmeans: train", "kmeans: one launch"]
    assert ": train, epochs 1, samples 500, " in found["fullname"]
    assert [one["stats"]["rounds"] for one in (found, whole)] == [2, 2]
    assert found["params"]["backend"] == "serial"
    extra = found["extra_info"]
    assert whole["extra_info"] == {}
    assert [record["status"] for record in extra["records"]] == ["ok", "ok"]
    assert [record["spec"]["repeat"] for record in extra["records"]] == [0, 1]
    assert whole["stats"]["min"] == min(record["wall_s"] for record in extra["records"])
    assert found["stats"]["min"] == min(record["phases"]["train_s"] for record in extra["records"])
    assert found["stats"]["min"] <= extra["train_s"]
    assert extra["quality"]["inertia"] > 0
    again = run(
        tmp_path,
        suite,
        "--mh-rounds",
        "1",
        "--benchmark-compare",
        "--benchmark-compare-fail=min:10000%",
        "--benchmark-group-by=param:backend",
        "--benchmark-autosave",
    )
    assert again.returncode == 0, again.stdout
    assert "(NOW)" in again.stdout
    assert "benchmark 'backend=serial'" in again.stdout
    words = [Path(sys.executable).parent / "pytest-benchmark", "compare"]
    compared = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "kmeans-serial-1" in compared.stdout, compared.stderr
    other = run(tmp_path, suite, "--mh-rounds", "1", "--mh-samples", "400", "--benchmark-compare")
    assert "(NOW)" not in other.stdout
    assert "the base line has them with 'epochs 1, samples 500, " in other.stdout
    shown = subprocess.run(
        [sys.executable, "-m", "manyhands", "report", str(kept)], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "kmeans" in shown.stdout


@pytest.mark.slow
@pytest.mark.usefixtures("torch")
def test_networks_are_measured_over_the_yardstick_and_not_by_a_clock_of_pytest(tmp_path: Path) -> None:
    """A clock of pytest would time the wait for another measured run too; the record does not."""
    marker = '@pytest.mark.cells("rnn", backend="serial", workers=1, samples=256)\n'
    done = run(tmp_path, HEAD + marker + TEST, "--benchmark-json=kept.json", "--mh-rounds", "1")
    assert done.returncode == 0, done.stdout
    epoch, whole = json.loads((tmp_path / "kept.json").read_text())["benchmarks"]
    (record,) = (Record.from_json(json.dumps(one)) for one in epoch["extra_info"]["records"])
    assert record.spec["epochs"] == len(record.history) == EPOCHS
    assert epoch["group"] == "rnn: one epoch, by the yardstick"
    assert epoch["fullname"].endswith(f", yardstick {identity(record)}")
    assert epoch["stats"]["min"] == pytest.approx(YARDSTICK_S * (train_ratio(record) or 0))
    assert whole["stats"]["min"] == pytest.approx(over_yardstick([record.wall_s or 0], [moments(record)])[0])


@pytest.mark.slow
def test_a_script_and_a_function_are_launched(tmp_path: Path) -> None:
    """A script without marks has one benchmark, the launch; a function has those of a network."""
    (tmp_path / "train.py").write_text("import sys\nassert sys.argv[1:] == ['--lr', '0.1']\n")
    (tmp_path / "mine.py").write_text(
        "import torch\nfrom manyhands import Training\n\n"
        "def build():\n"
        "    net = torch.nn.Linear(3, 1)\n"
        "    rows = torch.utils.data.TensorDataset(torch.ones(64, 3), torch.zeros(64, 1))\n"
        "    return Training(net, torch.optim.SGD(net.parameters(), 0.1), rows, lambda out, batch: (out - batch[1]).square().mean())\n"
    )
    marker = (
        '@pytest.mark.cells("train.py", args=["--lr", "0.1"], backend="serial", workers=1)\n'
        '@pytest.mark.cells("mine.py:build", backend="serial", workers=1)\n'
    )
    done = run(tmp_path, HEAD + marker + TEST, "--benchmark-json=kept.json", "--mh-rounds", "1")
    assert done.returncode == 0, done.stdout
    kept = {one["name"]: one for one in json.loads((tmp_path / "kept.json").read_text())["benchmarks"]}
    script, function = "test_speed[train.py-serial-1]", "test_speed[mine.py:build-serial-1]"
    assert set(kept) == {f"{script}: launch", f"{function}: epoch", f"{function}: launch"}
    extra = kept[f"{script}: launch"]["extra_info"]
    assert extra["train_s"] is None
    assert extra["records"][0]["resolved"]["arguments"] == ["--lr", "0.1"]
    assert kept[f"{function}: epoch"]["extra_info"]["records"][0]["spec"]["epochs"] == EPOCHS


@pytest.mark.slow
def test_a_launch_that_fails_fails_its_test_and_a_cell_that_cannot_run_is_skipped_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(
        "from dataclasses import dataclass\n"
        "from manyhands.workloads.kmeans import KMeans\n\n"
        "@dataclass(frozen=True)\nclass Broken(KMeans):\n    name = 'broken'\n\n"
        "    def check_data(self, folder, samples):\n        pass\n\n"
        "    def load(self, *arguments):\n        raise ValueError('a mistake of its own')\n"
    )
    marker = '@pytest.mark.cells("own.py:Broken", "kmeans", backend=["serial", "ddp"], workers=1, samples=500)\n'
    done = run(tmp_path, HEAD + marker + TEST, "-rsf", "--mh-rounds", "2")
    assert "4 launches of 2 cells, in turn" in done.stdout
    assert "1 failed, 1 passed, 2 skipped" in done.stdout
    assert "a mistake of its own" in done.stdout
    assert "During handling of the above exception" not in done.stdout
    assert "ddp offers no clustering workloads" in done.stdout
    assert "pytest_plugin.py" not in done.stdout.partition("short test summary")[0]


@pytest.mark.slow
def test_disabled_benchmarks_launch_once_in_any_number_of_processes(tmp_path: Path) -> None:
    done = run(tmp_path, HEAD + CHEAP + TEST, "-n", "2", "--benchmark-disable")
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout
