"""The suites under `benchmarks/` know every workload that there is."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from manyhands.plugins import workload_classes

ROOT = Path(__file__).parent.parent
TRAINING = ROOT / "benchmarks" / "asv_suite" / "training.py"


def classes() -> dict[str, ast.ClassDef]:
    """Workload name -> its class in asv's suite, read without importing it."""
    found = {}
    for node in ast.parse(TRAINING.read_text()).body:
        if isinstance(node, ast.ClassDef):
            found[assigned(node, "workload")] = node
    return found


def assigned(node: ast.ClassDef, name: str) -> str:
    return str(
        next(
            ast.literal_eval(statement.value)
            for statement in node.body
            if isinstance(statement, ast.Assign)
            and isinstance(statement.targets[0], ast.Name)
            and statement.targets[0].id == name
        )
    )


def test_every_workload_has_a_class_in_the_asv_suite() -> None:
    ours = {name for name, workload in workload_classes().items() if workload.__module__.startswith("manyhands.")}
    assert set(classes()) == ours


def test_the_unit_of_quality_is_the_metric_of_the_workload() -> None:
    for name, node in classes().items():
        assert assigned(node, "unit") == workload_classes()[name].quality


def test_each_class_has_a_cache_of_its_own() -> None:
    """asv would share an inherited one between all classes."""
    for node in classes().values():
        assert "setup_cache" in {statement.name for statement in node.body if isinstance(statement, ast.FunctionDef)}


def command(*words: str, **variables: str) -> str:
    """What a tool prints that is run as a user runs it, with nothing of this pytest around it; fails when it fails."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "MANYHANDS_"))} | variables
    done = subprocess.run([sys.executable, "-m", *words], env=env, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout


@pytest.mark.slow
def test_the_pytest_suite_measures_a_cell_and_keeps_its_record(tmp_path: Path) -> None:
    pytest.importorskip("pytest_benchmark")
    pytest.importorskip("torch", reason="needs torch: pip install 'manyhands[torch]'")
    cell = ["--mh-workloads", "rnn", "--mh-backends", "serial", "--mh-workers", "1", "--mh-samples", "512"]
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
    (found,) = json.loads(kept.read_text())["benchmarks"]
    assert found["name"] == "test_training[rnn-serial-1]"
    assert found["stats"]["min"] > 0
    assert "rnn: speed-up" in command("manyhands", "report", str(kept))


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
    told = command("asv", "run", "--python=same", "--quick", "--bench", "Rnn.track_train_s", *config, **own)
    assert "training.Rnn.track_train_s" in told
    assert "serial" in told
    assert "failed" not in told
