"""The suites under `benchmarks/` find every workload by themselves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from manyhands.plugins import workload_classes

ROOT = Path(__file__).parent.parent
PLANTED = """
from dataclasses import dataclass

from manyhands.workloads.mlp import Mlp


@dataclass(frozen=True)
class Tiny(Mlp):
    name = "tiny-net"
    quality = "mape_percent"
"""
READ = """
import inspect
import json

from asv_suite import training

classes = [value for value in vars(training).values() if inspect.isclass(value) and issubclass(value, training.Cells)]
own = [value for value in classes if hasattr(value, "workload")]
print(json.dumps({
    value.workload: {
        "name": value.__name__,
        "unit": value.track_quality.unit,
        "steps": hasattr(value, "track_step_ms") and hasattr(value, "track_loss"),
        "cache": inspect.getsourcelines(value.setup_cache),
    }
    for value in own
}))
"""
"""Prints workload -> its class in the suite of asv, with the lines by which asv identifies the cache of the class."""
AS_ASV = """
import json

from asv_runner.discovery import disc_benchmarks

print(json.dumps({found.name: [found.setup_cache_key, found.unit] for found in disc_benchmarks("asv_suite")}))
"""
"""Prints the name of each benchmark that asv finds -> the key of its cache, and its unit."""


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for PYTHONPATH with a package that offers the workload `tiny-net` by an entry point."""
    folder = tmp_path_factory.mktemp("planted")
    (folder / "planted.py").write_text(PLANTED)
    (folder / "planted-1.dist-info").mkdir()
    (folder / "planted-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: planted\nVersion: 1\n")
    entry = "[manyhands.workloads]\ntiny-net = planted:Tiny\n"
    (folder / "planted-1.dist-info" / "entry_points.txt").write_text(entry)
    return folder


def printed(code: str, planted: Path) -> dict[str, Any]:
    """The JSON that `code` prints in a Python that has the suite of asv and the planted workload on its path."""
    env = os.environ | {"PYTHONPATH": f"{planted}{os.pathsep}{ROOT / 'benchmarks'}"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.fixture(scope="module")
def classes(planted: Path) -> dict[str, Any]:
    """Workload -> its class in the suite of asv."""
    return printed(READ, planted)


def test_every_workload_has_a_class_in_the_asv_suite(classes: dict[str, Any]) -> None:
    assert set(classes) == {*workload_classes(), "tiny-net"}
    assert classes["kmeans"]["name"] == "Kmeans"
    for name, workload in workload_classes().items():
        assert classes[name]["steps"] == (workload.kind == "network")


def test_a_new_workload_is_found_by_asv_without_a_line_in_its_suite(classes: dict[str, Any]) -> None:
    found = classes["tiny-net"]
    assert (found["name"], found["unit"], found["steps"]) == ("Tinynet", "mape_percent", True)


def test_the_unit_of_quality_is_the_metric_of_the_workload(classes: dict[str, Any]) -> None:
    for name, workload in workload_classes().items():
        assert classes[name]["unit"] == workload.quality


def test_each_class_has_a_cache_of_its_own(classes: dict[str, Any]) -> None:
    """asv would share an inherited one, and one at the same line, between all classes."""
    assert len({first for _, first in (found["cache"] for found in classes.values())}) == len(classes)
    for lines, _ in (found["cache"] for found in classes.values()):
        assert lines[0].strip() == "def setup_cache(self):"


def test_asv_finds_the_same_benchmarks_under_the_same_names(planted: Path) -> None:
    pytest.importorskip("asv_runner")
    found = printed(AS_ASV, planted)
    assert {
        "training.Rnn.track_step_ms",
        "training.Rnn.track_train_ratio",
        "training.Kmeans.track_wall_s",
        "training.Tinynet.track_loss",
    } <= set(found)
    assert "training.Kmeans.track_step_ms" not in found
    assert found["training.Rnn.track_quality"][1] == "accuracy"
    keys: dict[str, set[str]] = {}
    for name, (key, _) in found.items():
        module, title, _ = name.split(".")
        if module == "training":
            keys.setdefault(title, set()).add(key)
    assert all(len(own) == 1 for own in keys.values())
    assert len(set.union(*keys.values())) == len(keys) == len(workload_classes()) + 1


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("BACKENDS", "nope", "class Cnn: unknown backend 'nope'; known: dask, ddp"),
        ("WORKERS", "two", "--workers 'two' is not a list of whole numbers above 0, such as 1,2,4"),
        ("SAMPLES", "abc", "--samples 'abc' is not a whole number"),
        ("EPOCHS", "-1", "--epochs -1 is not a whole number above 0"),
    ],
)
def test_a_wrong_variable_ends_the_search_with_one_line(name: str, value: str, line: str, planted: Path) -> None:
    (shown,) = refused(planted, **{f"MANYHANDS_ASV_{name}": value})
    assert line in shown
    assert shown.endswith(f"(MANYHANDS_ASV_{name}={value})")


def test_a_commit_with_an_older_mix_in_is_refused_with_one_line(tmp_path: Path) -> None:
    (tmp_path / "manyhands" / "asv").mkdir(parents=True)
    (tmp_path / "manyhands" / "__init__.py").touch()
    (tmp_path / "manyhands" / "plugins.py").write_text("def workload_classes():\n    return {}\n")
    (tmp_path / "manyhands" / "asv" / "__init__.py").write_text("Cells = SuiteError = object\n")
    (shown,) = refused(tmp_path)
    assert "an older manyhands.asv, which measures in another way" in shown


def test_a_commit_without_the_mix_in_is_refused_with_one_line(tmp_path: Path) -> None:
    """asv imports the suite of this checkout beside the manyhands of the commit that it measures."""
    for module in ("__init__", "plugins"):
        (tmp_path / "manyhands").mkdir(exist_ok=True)
        (tmp_path / "manyhands" / f"{module}.py").write_text("def workload_classes():\n    return {}\n")
    (shown,) = refused(tmp_path)
    assert "this commit of manyhands has no manyhands.asv" in shown


def refused(folder: Path, **variables: str) -> list[str]:
    """The lines that a failing import of the suite prints."""
    env = os.environ | {"PYTHONPATH": f"{folder}{os.pathsep}{ROOT / 'benchmarks'}"} | variables
    words = [sys.executable, "-c", "import asv_suite.training"]
    done = subprocess.run(words, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    return done.stderr.splitlines()


def command(*words: str, **variables: str) -> str:
    """The output of a tool without the variables of this pytest, as for a user; the test fails when the tool fails."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "MANYHANDS_"))} | variables
    done = subprocess.run([sys.executable, "-m", *words], env=env, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout


@pytest.mark.slow
def test_the_pytest_suite_measures_a_cell_and_keeps_its_record(tmp_path: Path) -> None:
    pytest.importorskip("pytest_benchmark")
    pytest.importorskip("torch", reason="needs torch: pip install 'manyhands[torch]'")
    cell = ["--mh-workloads", "rnn", "--mh-backends", "serial", "--mh-workers", "1", "--mh-samples", "512", "--mh-rounds", "1"]
    kept = tmp_path / "out.json"
    words = [
        "benchmarks/pytest_suite",
        "--benchmark-only",
        "-k",
        "test_training",
        f"--benchmark-json={kept}",
        "-p",
        "no:cacheprovider",
    ]
    assert "1 passed" in command("pytest", *words, *cell, MANYHANDS_CACHE=str(tmp_path))
    found = json.loads(kept.read_text())["benchmarks"]
    assert [one["name"] for one in found] == ["test_training[rnn-serial-1]: epoch", "test_training[rnn-serial-1]: launch"]
    assert all(one["stats"]["min"] > 0 for one in found)
    assert "rnn: nothing to compare\n  Only serial, 1 worker x 1 thread was measured" in command("manyhands", "report", str(kept))


@pytest.mark.slow
def test_asv_measures_a_cell(tmp_path: Path) -> None:
    pytest.importorskip("asv")
    pytest.importorskip("torch", reason="needs torch: pip install 'manyhands[torch]'")
    settings = json.loads("".join(line for line in (ROOT / "asv.conf.json").read_text().splitlines() if "//" not in line))
    folders = {name: str(tmp_path / name) for name in ("env_dir", "results_dir", "html_dir")}
    here = {"repo": str(ROOT), "benchmark_dir": str(ROOT / "benchmarks" / "asv_suite")}
    (tmp_path / "asv.conf.json").write_text(json.dumps(settings | folders | here))
    own = {"HOME": str(tmp_path), "MANYHANDS_CACHE": str(tmp_path / "cache"), "MANYHANDS_ASV_BACKENDS": "serial"}
    config = ["--config", str(tmp_path / "asv.conf.json")]
    command("asv", "machine", "--yes", *config, **own)
    printed_by_asv = command("asv", "run", "--python=same", "--quick", "--bench", "Rnn.track_train_s", *config, **own)
    assert "training.Rnn.track_train_s" in printed_by_asv
    assert "serial" in printed_by_asv
    assert "failed" not in printed_by_asv
