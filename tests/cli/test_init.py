"""`manyhands init`: a file that runs as it is, and never in the place of another."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from manyhands.cli import main
from manyhands.record import read_records


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    """A new file in the working folder."""
    monkeypatch.chdir(tmp_path)
    assert main(["init", "own.py"]) == 0
    assert capsys.readouterr().out.splitlines()[2:] == [
        "  manyhands check own.py:build",
        "  manyhands run own.py:build --backend serial,ddp --workers 1,2",
    ]
    return tmp_path / "own.py"


def test_the_file_names_itself_and_is_well_formed(file: Path) -> None:
    assert "manyhands run own.py:build" in file.read_text()
    assert "mine.py" not in file.read_text()
    command = [sys.executable, "-m", "py_compile", str(file)]
    subprocess.run(command, check=True)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("own.py", "own.py exists, and init overwrites nothing; give another name, or remove the file first"),
        ("own.txt", "own.txt is no name of a Python file; give one that ends in .py, such as mine.py"),
        ("no/own.py", "no/own.py cannot be written: No such file or directory; give a file in a folder that exists"),
    ],
)
def test_what_cannot_be_written_is_one_line(name: str, reason: str, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = file.read_text()
    assert main(["init", name]) == 2
    assert capsys.readouterr().err == f"manyhands: {reason}\n"
    assert file.read_text() == before


@pytest.mark.slow
@pytest.mark.usefixtures("file")
def test_the_file_runs_as_it_is_and_learns_the_same_on_one_and_two_workers() -> None:
    words = ["own.py:build", "--backend", "serial,ddp", "--workers", "1,2", "--repeats", "1", "--epochs", "4", "--out", "r.jsonl"]
    assert main(["run", *words, "--oversubscribe"]) == 0
    records = [record for record in read_records(Path("r.jsonl")) if record.ok]
    assert {record.spec["workers"] for record in records} == {1, 2}
    for record in records:
        assert record.quality["accuracy"] > 0.85
        assert record.history[-1]["loss"] < record.history[0]["loss"] / 2
        assert record.history[-1]["loss"] == pytest.approx(records[0].history[-1]["loss"], rel=1e-3)
        assert record.wall_s is not None
        assert record.wall_s < 60
