from __future__ import annotations

import io
import re
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


def followed(repeats: int, terminal: bool, together: bool = False) -> tuple[list[str], str]:
    """What is displayed at each end of a run of serial and of ddp, and what comes of the ticks during the runs."""
    records = example_records(repeats=repeats, speeds={("serial", 1, 1): 1.0, ("ddp", 2, 1): 1.8})
    specs = [RunSpec(**{name: record.spec[name] for name in ("workload", "backend", "workers", "repeat")}) for record in records]
    text = io.StringIO()
    progress = Progress(Console(file=text, force_terminal=terminal, width=80, color_system=None))
    progress.begins(specs, 0)
    shown, ticked = [], ""
    for one in [specs] if together else [[spec] for spec in specs]:
        progress.starts(one)
        for spec in one:
            before = text.tell()
            progress.tick()
            ticked += text.getvalue()[before:]
            progress.ended(records[specs.index(spec)])
            shown.append(text.getvalue()[before:])
    progress.ends()
    return shown, ticked


def interval(text: str) -> tuple[float, float]:
    """The bounds of the last speed-up in the text."""
    low, high = re.findall(r"1\.\d+ \[(\S+), (\S+)\]", text)[-1]
    return float(low), float(high)


def test_the_table_of_speed_ups_is_drawn_between_runs_and_its_intervals_narrow() -> None:
    shown, ticked = followed(4, terminal=True)
    assert ticked == ""
    assert "1 (base line)" in shown[0]
    assert "1.8" not in shown[0]
    early, late = interval(shown[3]), interval(shown[7])
    assert late[1] - late[0] < early[1] - early[0]
    assert max(len(re.sub(r"\x1b\[\d*[A-Z]", "", line)) for line in shown[7].splitlines()) <= 80


def test_while_one_engine_makes_several_runs_no_table_is_made() -> None:
    shown, ticked = followed(2, terminal=True, together=True)
    assert ticked == ""
    assert not any("in train" in text for text in shown[:-1])
    assert "in train" in shown[-1]


def test_a_plain_line_has_the_speed_up_so_far() -> None:
    shown, ticked = followed(3, terminal=False)
    assert ticked == ""
    assert "x the base line" not in shown[0]
    assert re.search(r"train \d+\.\d\d s, 1\.\d\d \[1\.\d\d, \d\.\d\d\] x the base line$", shown[-1].strip())


def test_earlier_records_count_when_a_plan_goes_on() -> None:
    records = example_records(repeats=2, speeds={("serial", 1, 1): 1.0, ("ddp", 2, 1): 1.8})
    text = io.StringIO()
    progress = Progress(Console(file=text, force_terminal=False, width=80))
    progress.recalls(records[:3])
    spec = RunSpec(workload="cnn", backend="ddp", workers=2, repeat=1)
    progress.begins([spec], 3)
    progress.starts([spec])
    progress.ended(records[3])
    assert "x the base line" in text.getvalue()


def test_runs_that_are_added_to_a_plan_are_counted() -> None:
    text = io.StringIO()
    progress = Progress(Console(file=text, force_terminal=False, width=80))
    progress.begins(RUNS[:1], 0)
    progress.starts(RUNS[:1])
    progress.ended(example_records()[0])
    progress.adds(RUNS[1:2])
    progress.starts(RUNS[1:2])
    assert "[2/2] rnn on serial x 1, launch 2" in text.getvalue()


def test_runs_that_join_the_plan_are_counted() -> None:
    text = io.StringIO()
    progress = Progress(Console(file=text, force_terminal=False, width=200, color_system=None))
    progress.begins(RUNS[:1], 0)
    progress.starts(RUNS[:1])
    progress.ended(example_records()[0])
    progress.adds(RUNS[1:])
    progress.starts(RUNS[1:2])
    progress.ends()
    assert "[2/4] rnn on serial x 1, launch 2 ..." in text.getvalue()


def expected(monkeypatch: pytest.MonkeyPatch, *aim: object) -> str:
    """The end that is told while the second of four runs is on; the first has taken 30 s, of which the second has had 10."""
    clock = iter(range(0, 1000, 10))
    monkeypatch.setattr("manyhands.progress.time.monotonic", lambda: next(clock))
    progress = Progress(Console(file=io.StringIO(), force_terminal=False, width=200))
    progress.begins(RUNS, 0)
    if aim:
        progress.aims(*aim)  # type: ignore[arg-type]
    progress.starts(RUNS[:1])
    progress.ended(replace(example_records()[0], wall_s=30.0))
    progress.starts(RUNS[1:2])
    return re.sub(r"\d\d:\d\d:\d\d", "T", progress.expected())


def test_the_end_counts_blocks_that_may_be_added_and_the_time_that_ends_the_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    assert expected(monkeypatch) == "1 min 10 s left, until T"
    assert expected(monkeypatch, "winner", 600.0, False) == "1 min 10 s left in these blocks, then more until T at most"
    assert expected(monkeypatch, "5%", None, False) == "1 min 10 s left in these blocks, then more until 5%"
    assert expected(monkeypatch, "winner", 60.0, False) == "1 min 10 s left, until T"
    assert expected(monkeypatch, "", 60.0, True) == "0 min 20 s left, until T"
