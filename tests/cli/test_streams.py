"""Standard output and error that are closed, cut off or cannot show a letter: the command does its work all the same."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from manyhands.analysis.example import example_records
from manyhands.record import read_records

MANYHANDS = [sys.executable, "-m", "manyhands"]
PLAN = ["run", "kmeans", "--backend", "serial", "--workers", "1", "--samples", "2000", "--repeats", "2"]


@pytest.fixture
def records(tmp_path: Path) -> Path:
    path = tmp_path / "records.jsonl"
    path.write_text("".join(record.to_json() + "\n" for record in example_records()))
    return path


def through_a_closed_pipe(*words: str) -> tuple[int, str]:
    """Exit code and errors of a command whose reader has gone before it writes."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run([*MANYHANDS, *words], stdout=writer, stderr=subprocess.PIPE, text=True, check=False, timeout=120)
    finally:
        os.close(writer)
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    "words", [["list"], ["studies"], ["--help"], ["report", "RECORDS"], ["report", "RECORDS", "--format", "csv"]]
)
def test_reader_that_has_gone_is_no_error(words: list[str], records: Path) -> None:
    assert through_a_closed_pipe(*[str(records) if word == "RECORDS" else word for word in words]) == (0, "")


def test_plan_goes_on_when_nobody_reads_its_progress(tmp_path: Path) -> None:
    out = tmp_path / "r.jsonl"
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run([*MANYHANDS, *PLAN, "--out", str(out)], stdout=writer, stderr=writer, check=False, timeout=120)
    finally:
        os.close(writer)
    assert done.returncode == 0
    assert [record.status for record in read_records(out)] == ["ok", "ok"]


def test_closed_streams_are_no_error_and_records_stay_whole(tmp_path: Path) -> None:
    out = tmp_path / "r.jsonl"
    command = f"exec {' '.join([*MANYHANDS, *PLAN, '--out', str(out)])} <&- >&- 2>&-"
    assert subprocess.run(["sh", "-c", command], check=False, timeout=120).returncode == 0
    assert [record.status for record in read_records(out)] == ["ok", "ok"]


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_letters_that_an_encoding_lacks_are_replaced(encoding: str, records: Path) -> None:
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    for form in ("table", "markdown", *(["html"] if find_spec("vl_convert") and find_spec("jinja2") else [])):
        command = [*MANYHANDS, "report", str(records), "--format", form]
        done = subprocess.run(command, env=environment, capture_output=True, check=False, timeout=120)
        assert (done.returncode, done.stderr) == (0, b"")
        assert b"cnn" in done.stdout


def test_full_device_is_one_line(records: Path) -> None:
    for words in (["report", str(records), "-o", "/dev/full", "--format", "csv"], [*PLAN, "--out", "/dev/full"]):
        done = subprocess.run([*MANYHANDS, *words], capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 2
        assert "Traceback" not in done.stderr
        assert "No space left on device" in done.stderr.splitlines()[-1]
