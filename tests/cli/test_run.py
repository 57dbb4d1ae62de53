"""`manyhands run` as a user meets it: plans, tables, errors in one line, interruption, resumption."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest
from engines import wait_until

from manyhands.cli import main
from manyhands.machine import usable_cores
from manyhands.measure.resources import end_descendants
from manyhands.record import read_records

NEEDS_TORCH = pytest.mark.skipif(find_spec("torch") is None, reason="needs torch: pip install 'manyhands[torch]'")
QUICK = ["run", "prepare", "--backend", "serial", "--workers", "1", "--samples", "256", "--repeats", "1"]
PREPARE_THEN_DDP = 1
"""A seed with which `prepare` on `serial` comes first, then the run of `start_endless` on `ddp`."""
BROKEN = """
from dataclasses import dataclass
from manyhands.workloads.rnn import Rnn

@dataclass(frozen=True)
class Broken(Rnn):
    name = "broken"

    def model(self):
        raise RuntimeError("no such layer")

@dataclass(frozen=True)
class Endless(Rnn):
    name = "endless"

    def prepare(self, x):
        import time
        from pathlib import Path
        Path(__file__).with_name("endless").touch()
        time.sleep(600)
"""


@NEEDS_TORCH
def test_dry_run_shows_commands_and_what_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(["run", "cnn", "--backend", "serial,ddp", "--workers", "1,2", "--repeats", "2", "--oversubscribe", "--dry-run"]) == 0
    )
    output = capsys.readouterr().out
    assert output.count("manyhands run cnn --backend ddp --workers 2 --threads 1") == 2
    assert "left out" not in output
    if usable_cores() > 1:
        assert f"--backend serial --workers 1 --threads {usable_cores()}" in output


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["run", "cnm"], "unknown workload 'cnm'; known: cnn, "),
        (["run", "cnn", "--backend", "dsk"], "unknown backend 'dsk'; known: "),
        (["run", "cnn", "--workers", "0"], "--workers: '0' is not a list of whole numbers above 0, such as 1,2,4"),
        (["run", "cnn", "--backend", "ddp", "--workers", "64"], "more than the"),
        (["run", "cnn", "--repeats", "0"], "--repeats 0 is not a whole number above 0"),
        (["run", "cnn", "--data-dir", "no/such/folder"], "no folder no/such/folder (--data)"),
        (["run", "cnn", "--set", "depth=3"], "--set depth=3: no such setting"),
        (["run", "cnn", "--backend", "serial", "--workers", "2", "--oversubscribe"], "nothing can be run: "),
        pytest.param(
            ["run", "cnn", "--backend", "serial", "--samples", "99999"],
            "embedded digits has 8192 training rows, 99999 were asked for",
            marks=NEEDS_TORCH,
        ),
        (["run", "none.py:Name"], "none.py for 'Name'"),
        (["list", "cnm"], "unknown workload 'cnm'"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(words: list[str], error: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    said = capsys.readouterr().err
    assert error in said
    assert said.startswith("manyhands: ")
    assert said.count("\n") == 1


@pytest.mark.parametrize("words", [["--workers", "two"], ["--set", "cell"], ["--batch", "huge"]])
def test_option_that_cannot_be_read_is_exit_code_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", *words]) == 2
    shown = capsys.readouterr().err
    assert words[0] in shown
    assert shown.endswith("; see 'manyhands run --help'\n")
    assert shown.count("\n") == 1


def test_damaged_data_is_named_before_anything_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mnist").mkdir()
    (tmp_path / "mnist" / "train-images-idx3-ubyte").write_bytes(b"\x00\x00\x08\x03\x00\x00")
    assert main([*QUICK, "--data-dir", str(tmp_path), "--out", str(tmp_path / "r.jsonl")]) == 2
    assert str(tmp_path / "mnist") in capsys.readouterr().err
    assert not (tmp_path / "r.jsonl").exists()


def test_unwritable_output_is_said_before_anything_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main([*QUICK, "--out", str(tmp_path / "file" / "r.jsonl")]) == 2
    assert "choose another file with --out" in capsys.readouterr().err


@pytest.mark.slow
def test_run_leaves_records_and_prints_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "r.jsonl"
    assert main([*QUICK, "--out", str(out)]) == 0
    (record,) = read_records(out)
    assert record.ok
    assert record.plan["order_seed"] == 0
    shown = capsys.readouterr()
    assert "prepare: nothing to compare" in shown.out
    assert "1 (base line)" in shown.out
    assert f"records: {out}" in shown.out
    assert "[1/1] prepare on serial x 1, launch 1: ok" in shown.err


@pytest.mark.slow
def test_resume_makes_only_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "r.jsonl"
    words = [*QUICK[:-2], "--workload", "kmeans", "--out", str(out), "--resume"]
    assert main([*words, "--repeats", "1"]) == 0
    first = read_records(out)
    capsys.readouterr()
    assert main([*words, "--repeats", "2"]) == 0
    assert "2 of 4 runs are done already" in capsys.readouterr().err
    records = read_records(out)
    assert records[: len(first)] == first
    assert sorted((record.spec["workload"], record.spec["repeat"]) for record in records) == [
        ("kmeans", 0),
        ("kmeans", 1),
        ("prepare", 0),
        ("prepare", 1),
    ]


@pytest.mark.slow
def test_failing_run_costs_one_record_and_exit_code_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own.py").write_text(BROKEN)
    monkeypatch.chdir(tmp_path)
    out = tmp_path / "r.jsonl"
    assert main(["run", "own.py:Broken", "prepare", *QUICK[2:], "--out", str(out)]) == 1
    records = {Path(str(record.spec["workload"])).name: record for record in read_records(out)}
    assert records["prepare"].ok
    broken = records["own.py:Broken"]
    assert broken.status == "failed"
    assert "RuntimeError: no such layer" in str(broken.reason)
    (log,) = (tmp_path / "r-logs").iterdir()
    assert str(log) in str(broken.reason)
    assert "Traceback" in log.read_text()


def listen_to_interrupts() -> None:
    """A shell starts what runs in its background with Ctrl-C ignored, and the tests may run there."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def start_endless(tmp_path: Path) -> subprocess.Popen[bytes]:
    """A `manyhands run` that has made one record, has left one cell out, and is in the middle of a run on `ddp` that never ends."""
    (tmp_path / "own.py").write_text(BROKEN)
    words = [
        "run",
        "prepare",
        "own.py:Endless",
        "--backend",
        "serial,ddp",
        "--workers",
        "1",
        "--samples",
        "256",
        "--repeats",
        "1",
    ]
    with (tmp_path / "said").open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "manyhands", *words, "--order-seed", str(PREPARE_THEN_DDP), "--out", "r.jsonl"],
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
            stderr=said,
            env=os.environ | {"TMPDIR": str(tmp_path), "MANYHANDS_LOCK": str(tmp_path / "lock")},
            preexec_fn=listen_to_interrupts,
        )
    wait_until((tmp_path / "endless").exists, (tmp_path / "said").read_text)
    assert "[2/3] own.py:Endless on ddp" in (tmp_path / "said").read_text()
    return process


def still_run(processes: list[psutil.Process], within_s: float) -> list[psutil.Process]:
    """Those of `processes` that have not ended after `within_s`."""

    def runs(process: psutil.Process) -> bool:
        try:
            return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    deadline = time.monotonic() + within_s
    while (left := list(filter(runs, processes))) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left


def descendants(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interruption_keeps_records_and_leaves_no_process(tmp_path: Path, number: signal.Signals) -> None:
    process = start_endless(tmp_path)
    running = descendants(process)
    assert running
    process.send_signal(number)
    assert process.wait(timeout=60) == 130
    said = (tmp_path / "said").read_text()
    assert "interrupted; 2 records are kept in r.jsonl: add --out r.jsonl --resume to go on" in said
    assert [record.status for record in read_records(tmp_path / "r.jsonl")] == ["skipped", "ok"]
    assert not still_run(running, within_s=10)
    assert not list(tmp_path.glob("manyhands-*-*"))


@pytest.mark.slow
def test_even_a_killed_parent_leaves_no_process(tmp_path: Path) -> None:
    keep = {child.pid for child in psutil.Process().children(recursive=True)}
    process = start_endless(tmp_path)
    running = descendants(process)
    process.kill()
    process.wait(timeout=60)
    assert not still_run(running, within_s=60)
    end_descendants(keep)  # this process adopts the dead and must collect them


@pytest.mark.slow
def test_two_invocations_take_turns_and_both_keep_their_records(tmp_path: Path) -> None:
    environment = os.environ | {"TMPDIR": str(tmp_path), "MANYHANDS_LOCK": str(tmp_path / "lock")}
    words = [
        sys.executable,
        "-m",
        "manyhands",
        "run",
        "kmeans",
        *QUICK[2:-2],
        "--repeats",
        "2",
        "--out",
        str(tmp_path / "r.jsonl"),
    ]
    both = [
        subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment, cwd=tmp_path) for _ in "ab"
    ]
    said = [process.communicate(timeout=120)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert any(b"waiting for another measured run" in text for text in said)
    records = read_records(tmp_path / "r.jsonl")
    assert len(records) == 4
    assert len({record.plan["id"] for record in records}) == 2


def test_options_that_are_not_given_are_those_of_the_users_pyproject(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text(
        '[tool.manyhands]\nworkloads = ["prepare"]\nbackends = ["serial"]\nsettings = { copies = 3 }\nrepeats = 2\n'
    )
    assert main(["run", "--dry-run", "--repeats", "1"]) == 0
    shown = capsys.readouterr()
    (line,) = shown.out.splitlines()
    assert "manyhands run prepare --backend serial --workers 1" in line
    assert "--set copies=3" in line
    assert shown.err == f"{tmp_path}/pyproject.toml: [tool.manyhands] gives workloads, backends, settings\n"
