from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from manyhands.analysis.example import example_records
from manyhands.plan import RunSpec
from manyhands.progress import Progress

RUNS = [RunSpec(workload="rnn", backend="serial", repeat=repeat) for repeat in range(4)]


def shown(terminal: bool, monkeypatch: pytest.MonkeyPatch) -> str:
    """What is displayed while the second of four runs is on, the first having taken 30 s and one having been there before."""
    clock = iter(range(0, 1000, 10))
    monkeypatch.setattr("manyhands.progress.time.monotonic", lambda: next(clock))
    text = io.StringIO()
    console = Console(file=text, force_terminal=terminal, width=200, color_system=None)
    record = replace(example_records()[0], wall_s=30.0, status="ok")
    progress = Progress(console)
    progress.begins(RUNS[1:], 1)
    progress.starts(RUNS[1:2])
    progress.ended(record)
    progress.starts(RUNS[2:3])
    progress.waits()
    progress.says("a line of the run")
    progress.ends()
    return text.getvalue()


def test_without_a_terminal_there_are_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    told = shown(False, monkeypatch).splitlines()
    assert told[0] == "1 of 4 runs are done already"
    assert told[1].startswith("[2/4] rnn on serial x 1, launch 2 ...")
    assert told[2].startswith("[2/4] rnn on serial x 1, launch 2: ok, 30.0 s, train ")
    assert told[3].startswith("[3/4] rnn on serial x 1, launch 3 ... 0 min 50 s left, until ")
    assert told[4].startswith("waiting for another measured run on this machine to end")
    assert told[5] == "  a line of the run"


def test_on_a_terminal_name_done_left_and_expected_end_stand_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    told = shown(True, monkeypatch)
    assert "rnn on serial x 1, launch 3: " in told
    assert "2/4" in told
    assert "s left, until " in told
    assert "[3/4]" not in told
