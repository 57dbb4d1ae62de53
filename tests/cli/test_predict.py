"""`manyhands predict` as its users meet it: formats, what it takes the network from, and one line for what cannot be meant."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from manyhands.analysis.allreduce import ring_s
from manyhands.analysis.example import example_exchange, example_record
from manyhands.cli import main

RESOLVED = {"rows_per_epoch": 4096, "steps_per_epoch": 64, "parameter_bytes": 9_000_000}
GIVEN = ("--network", "25Gbps,20us")


@pytest.fixture
def records(tmp_path: Path) -> Path:
    """Two launches of a network on one and two workers."""
    path = tmp_path / "records.jsonl"
    made = [
        example_record(1.0 / workers + repeat / 100, {"backend": "ddp", "workers": workers, "repeat": repeat}, resolved=RESOLVED)
        for workers in (1, 2)
        for repeat in range(2)
    ]
    path.write_text("".join(record.to_json() + "\n" for record in made))
    return path


@pytest.fixture
def collective(tmp_path: Path) -> Path:
    path = tmp_path / "collective.jsonl"
    seconds = {10**power: [ring_s(2, 4 * 10**power, 1e-4, 1e-9)] for power in range(8)}
    path.write_text(example_exchange("ddp", 2, seconds).to_json() + "\n")
    return path


def test_the_table_has_an_interval_and_assumptions(
    records: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["predict", str(records), "--workers", "8,64", *GIVEN]) == 0
    out = capsys.readouterr().out
    assert "cnn on ddp, 1 thread: predicted train phase" in out
    rows = [line.split() for line in out.splitlines() if line.split()[1:2] in (["ring"], ["tree"])]
    assert [row[:2] for row in rows] == [["8", "ring"], ["8", "tree"], ["64", "ring"], ["64", "tree"]]
    assert all(row[7].startswith("[") for row in rows)
    assert "validation: 2 workers predicted from 1" in out
    assert "assumed: alpha 20.0 µs a step, beta 0.32 ns a byte (3.13 GB/s), given by --network" in out


def test_the_network_is_taken_from_collective_records(
    records: Path, collective: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", str(records), str(collective), "--workers", "8"]) == 0
    assert "measured by collective on ddp with 2 workers" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("form", ["markdown", "json"])
def test_other_formats_hold_the_same(records: Path, capsys: pytest.CaptureFixture[str], form: str) -> None:
    assert main(["predict", str(records), "--workers", "8,3", *GIVEN, "--format", form]) == 0
    out = capsys.readouterr().out
    if form == "markdown":
        assert "| 8 | ring | 8 | 64 |" in out
    else:
        (found,) = json.loads(out)["predictions"]
        assert [row["algorithm"] for row in found["forecasts"]] == ["ring", "tree"]
        assert list(found["impossible"]) == ["3"]
        assert found["validation"]["checks"][0]["workers"] == 2
        assert found["assumptions"]


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ([], "the link of cnn on ddp is not known: give --network 25Gbps,20us, or add records of"),
        ([*GIVEN, "--workers", "8,x"], "--workers: '8,x' is not a list of whole numbers above 0"),
        ([*GIVEN, "--workers", "0"], "--workers: '0' is not a list of whole numbers above 0"),
        (["--network", "fast"], "--network 'fast' is not a bandwidth above 0 and a latency"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    records: Path, words: list[str], error: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", str(records), *words]) == 2
    said = capsys.readouterr().err
    assert error in said
    assert len(said.splitlines()) == 1


def test_records_without_a_network_say_what_to_measure(collective: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", str(collective), *GIVEN]) == 2
    assert "which has collective; measure one with this version: manyhands run cnn" in capsys.readouterr().err


def test_needs_no_training_library(records: Path) -> None:
    code = (
        "import sys; sys.modules['torch'] = None; from manyhands.cli import main;"
        f" code = main(['predict', {str(records)!r}, '--network', '1Gbps,1ms']);"
        " raise SystemExit(code or int('sklearn' in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
