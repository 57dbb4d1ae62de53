"""`docs/examples/own-project`: copied, made a git repository and installed, it does what its README shows."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from manyhands.record import Record

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).parents[1] / "docs" / "examples" / "own-project"
TOOLS = ("asv", "jupyter", "jupyter-execute", "manyhands", "pytest")
MEASURED = {("serial", 1), ("ddp", 1), ("ddp", 2)}
"""The cells of both suites that run; `serial` on two workers does not exist."""


@dataclass(frozen=True)
class Copy:
    """The copied project, and the variables of a user who has installed it."""

    folder: Path
    variables: dict[str, str]

    def run(self, command: str) -> str:
        """The output of a command of the README, in a shell; the test fails when it fails."""
        done = subprocess.run(
            ["bash", "-ec", command],
            cwd=self.folder,
            env=self.variables,
            capture_output=True,
            text=True,
            timeout=500,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done.stdout


def command_of_readme(start: str) -> str:
    """The command of the project's README that begins so."""
    (command,) = re.findall(rf"^\$ ({start}.*)$", (PROJECT / "README.md").read_text(), re.MULTILINE)
    return str(command)


def write_tools(folder: Path) -> None:
    """The commands of this environment as pip writes them; this Python may have been started without its folder on PATH."""
    folder.mkdir()
    for entry in entry_points(group="console_scripts"):
        if entry.name in TOOLS:
            text = f"#!{sys.executable}\nimport sys\nfrom {entry.module} import {entry.attr}\nsys.exit({entry.attr}())\n"
            (folder / entry.name).write_text(text)
            (folder / entry.name).chmod(0o755)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Copy]:
    """The project in a repository of its own. It is installed into a folder on PYTHONPATH, so this environment stays as it is."""
    home = tmp_path_factory.mktemp("home")
    folder = home / "fast-training"
    shutil.copytree(PROJECT, folder, ignore=shutil.ignore_patterns("__pycache__", ".*_cache", "results", "build", "*.egg-info"))
    write_tools(home / "bin")
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "MANYHANDS_"))}
    variables = plain | {
        "HOME": str(home),
        "IPYTHONDIR": str(home / "ipython"),
        "JUPYTER_DATA_DIR": str(home / "jupyter"),
        "JUPYTER_RUNTIME_DIR": str(home / "jupyter"),
        "MANYHANDS_CACHE": str(home / "cache"),
        "PATH": f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(home / "site"),
        "ASV_PYTHONPATH": str(home / "site"),  # asv hides PYTHONPATH from the benchmarks
        "GIT_AUTHOR_NAME": "test",
        "GIT_AUTHOR_EMAIL": "test@example.org",
        "GIT_COMMITTER_NAME": "test",
        "GIT_COMMITTER_EMAIL": "test@example.org",
    }
    copy = Copy(folder, variables)
    copy.run(command_of_readme("git init"))
    offline = "--no-deps --no-build-isolation --no-index --disable-pip-version-check"
    copy.run(f"'{sys.executable}' -m pip install -q {offline} --target '{home / 'site'}' .")
    yield copy
    shutil.rmtree(home)


def test_its_pyproject_names_the_training_for_the_commands(project: Copy) -> None:
    shown = project.run(f"{command_of_readme('manyhands run')} --repeats 1 --dry-run")
    assert "digits.py:build --backend ddp --workers 2" in shown
    assert "--epochs 8" in shown
    assert "--set hidden=1024" in shown


def test_pytest_keeps_a_record_of_every_cell(project: Copy) -> None:
    assert "3 passed" in project.run(f"{command_of_readme('pytest')} --mh-rounds 1")
    (file,) = (project.folder / ".benchmarks").glob("*/*.json")
    kept = json.loads(file.read_text())["benchmarks"]
    benchmarks = [one for one in kept if one["name"].endswith(": epoch")]
    assert len(kept) == 2 * len(benchmarks)
    records = [Record.from_json(json.dumps(record)) for one in benchmarks for record in one["extra_info"]["records"]]
    assert {(record.spec["backend"], record.spec["workers"]) for record in records} == MEASURED
    for record, one in zip(records, benchmarks, strict=True):
        assert record.ok
        assert record.quality["accuracy"] > 0.9
        assert one["stats"]["min"] > 0
    assert "build: use " in project.run(command_of_readme("manyhands report"))


def test_asv_keeps_numbers_and_publishes_pages(project: Copy) -> None:
    assert "failed" not in project.run(command_of_readme("asv machine"))
    (file,) = (project.folder / ".asv" / "results").glob("*/*-*.json")
    results = {name.rpartition(".")[2]: result for name, result in json.loads(file.read_text())["results"].items()}
    for name in ("track_train_s", "track_train_ratio", "track_peak_memory", "track_quality", "track_speedup", "time_launch"):
        values, (backends, workers) = results[name][:2]
        cells = [(backend.strip("'"), int(count)) for backend in backends for count in workers]
        assert {cell for cell, value in zip(cells, values, strict=True) if value is not None and value > 0} == MEASURED, name
    project.run(command_of_readme("asv publish"))
    html = project.folder / ".asv" / "html"
    assert (html / "index.html").exists()
    index = json.loads((html / "index.json").read_text())
    assert index["project"] == "fast-training"
    assert "speed.Digits.track_train_s" in index["benchmarks"]


def test_the_notebook_shows_a_table_and_the_answer(project: Copy) -> None:
    """With one launch of each cell: two show nothing more."""
    book = project.folder / "speed.ipynb"
    assert book.read_text().count("repeats=2") == 1
    book.write_text(book.read_text().replace("repeats=2", "repeats=1"))
    project.run(command_of_readme("jupyter execute"))
    cells = [cell for cell in json.loads((project.folder / "speed.ipynb").read_text())["cells"] if cell["cell_type"] == "code"]
    shown = [
        "".join(output["data"].get("text/html", output["data"]["text/plain"]))
        for cell in cells
        for output in cell["outputs"]
        if output["output_type"] == "execute_result"
    ]
    assert "<table" in shown[0]
    assert "build: use " in shown[0]
    assert "quality_accuracy" in shown[1]
    (answer,) = (output["text"] for output in cells[2]["outputs"])
    assert "build: use " in "".join(answer)
    assert any("{'accuracy': 0." in "".join(output.get("text", "")) for output in cells[3]["outputs"])
    assert "build" in (project.folder / "speed.html").read_text()
    (kept,) = (project.folder / "results" / "code").glob("*/narrow.py")
    assert "#     return build(hidden=256)" in kept.read_text()
