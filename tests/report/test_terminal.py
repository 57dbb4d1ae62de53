from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from manyhands.analysis.example import MACHINE, example_record, example_records
from manyhands.analysis.scaling import Time
from manyhands.record import Record
from manyhands.report.columns import Column
from manyhands.report.formatting import NOT_MEASURED, short_interval
from manyhands.report.group_view import group_views
from manyhands.report.monospace import pack
from manyhands.report.terminal import print_report, terminal, to_text


def shown(records: Sequence[Record], width: int = 120, time: Time = "train", details: bool = True) -> str:
    text = io.StringIO()
    print_report(records, time=time, console=Console(file=text, width=width), details=details)
    return text.getvalue()


def test_the_first_screen_is_the_answer_and_one_table_in_80_columns() -> None:
    text = shown(example_records(), 80, details=False)
    lines = text.splitlines()
    assert lines[1] == "cnn: use serial, 1 worker x 4 threads"
    assert lines[2].startswith("  Train is 2.")
    assert lines[3].startswith("  Sure: ")
    assert max(map(len, lines)) <= 80
    assert text.count("─\n") == 1
    heads = " ".join(text.split("─")[0].split())
    for heading in ("backend", "workers", "threads", "laun-", "in train", "the whole run", "accuracy"):
        assert heading in heads
    for detail in ("wall s", "CPU", "memory", "Karp-Flatt", "hours", "warm-up", "scaling law", "machine:", "versions:"):
        assert detail not in text
    for line in lines[1:4]:
        assert line in shown(example_records(), 80)


def test_a_long_name_goes_on_below_so_that_the_first_screen_stays_one_table() -> None:
    speeds = {("serial", 1, 1): 1.0, ("joblib-threads", 2, 1): 1.9, ("fabric-ddp", 2, 1): 1.7}
    text = shown(example_records(speeds=speeds), 80, details=False)
    assert text.count("─\n") == 1
    assert "\njoblib- " in text
    assert "\nthreads\n" in text
    assert "…" not in text


def test_launches_that_stopped_and_wide_intervals_leave_the_first_screen_one_table() -> None:
    speeds = {("serial", 1, 1): 1.0, ("fabric-ddp", 2, 1): 1.7, ("ray", 2, 1): 1.5}
    records = example_records(repeats=12, speeds=speeds)
    stopped = [replace(r, status="failed", reason="ended") if r.spec["repeat"] == 3 else r for r in records]
    text = shown(stopped, 80, details=False)
    assert "11 of 12" in text
    assert text.count("─\n") == 1
    assert max(map(len, text.splitlines())) <= 80
    assert text.count(" 0.9700\n") == 3


@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_no_line_is_wider_than_the_terminal_and_no_number_is_cut(width: int) -> None:
    text = shown(example_records(("cnn", "lstm")), width)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    assert text.count("1 (base line)") == 2


def test_every_question_has_its_column() -> None:
    text = shown(example_records(), 160)
    for heading in ("wall s", "train s", "speed-up", "CPU %", "memory", "accuracy", "launch", "teardown", "input"):
        assert heading in text
    assert "80 / 15 / 5" in text
    assert f"80 / {NOT_MEASURED} / 5" in text


def test_cost_has_the_intervals_of_the_model() -> None:
    (view,) = group_views(example_records())
    columns = {column.title: column.texts for column in view.cost_table.columns}
    for row, efficiency, hours in zip(
        view.summaries, columns["efficiency"], columns["core-hours over the base line's"], strict=True
    ):
        if row.is_base:
            assert (efficiency, hours) == ("1", "1")
            continue
        assert row.speedup
        assert row.efficiency
        assert row.core_hours_ratio
        assert efficiency == short_interval(row.efficiency)
        assert hours == short_interval(row.core_hours_ratio)
        assert row.efficiency.low == pytest.approx((row.speedup.low or 0) * row.efficiency.value / row.speedup.value)
    assert "[" in columns["serial fraction (Karp-Flatt)"][1]


def test_one_launch_has_no_interval_and_says_what_is_needed() -> None:
    text = shown(example_records(repeats=1))
    assert f"[{NOT_MEASURED}]" in text
    assert "needs 2 launches" in text


def test_stopped_runs_stand_under_the_table_with_their_reason_as_plain_text() -> None:
    failed = example_record(
        1.0, {"backend": "ddp", "workers": 4}, status="failed", reason="[red]rank 2[/red]\x1b[31m ended\nbadly"
    )
    text = shown([*example_records(), failed])
    assert "failed: ddp, 4 workers x 1 thread: [red]rank 2[/red] [31m ended badly" in text


def test_records_of_different_conditions_stand_in_tables_of_their_own() -> None:
    text = shown([*example_records(), *(example_record(5.0, {"epochs": 2, "repeat": repeat}) for repeat in range(2))])
    assert "cnn, epochs 1: " in text
    assert "cnn, epochs 2: " in text
    assert "not averaged together: epochs 1 / 2" in text


def test_each_machine_is_named() -> None:
    text = shown([example_record(1.0, {}), example_record(1.0, {}, machine=MACHINE | {"host": "other"})])
    assert "machine: example," in text
    assert "machine: other," in text


def test_bad_input_gives_a_line_that_says_so() -> None:
    assert "no records" in shown([])
    failed = shown([example_record(1.0, {}, status="failed", reason="broke")])
    assert "failed: serial" in failed
    assert "no measured run" in failed
    assert "add --backend serial" in shown([example_record(1.0, {"backend": "ddp"})])
    assert "not a number: accuracy of serial, 1 worker x 1 thread in 1 of 1 run" in shown(
        [example_record(1.0, {}, quality={"accuracy": None})]
    )


def test_the_bare_minimum_of_a_record_is_shown_with_a_dash_for_each_missing_number() -> None:
    nothing: dict[str, Any] = {name: {} for name in ("phases", "data", "machine", "versions", "code", "resources", "quality")}
    text = shown([example_record(1.0, {}, wall_s=None, **nothing)])
    first, cost, phases = (
        [word for word in line.split() if word != "/"] for line in text.splitlines() if line.startswith("serial ")
    )
    assert first == ["serial", "1", "1", "1", "1", "(base", "line)", "1"]
    assert cost == ["serial", "1", "1", *[NOT_MEASURED] * 3, "1", *[NOT_MEASURED] * 6]
    assert phases == ["serial", "1", "1", *[NOT_MEASURED] * 11]
    assert "machine:" not in text
    assert "versions:" not in text


def test_parts_of_phases_have_columns_where_they_were_measured() -> None:
    assert "in load" not in shown(example_records())
    workers = [{"rank": rank, "fetch_s": 1.5 + rank, "bytes_moved": 10_000_000 * (1 + rank)} for rank in (0, 1)]
    text = shown([example_record(1.0, {"backend": "ddp", "workers": 2}, per_worker=workers, resolved={"predict_s": 0.25})])
    assert "in load" in text
    assert "2.50" in text, "the slowest worker's"
    assert "15 MB" in text, "the mean over workers of 10 and 20 MB"
    assert "in evaluate" in text
    assert "0.25" in text


@pytest.mark.parametrize(("of_ddp", "is_told"), [(13, True), (10, False)])
def test_engines_that_stopped_at_different_iterations_are_told_of(of_ddp: int, is_told: bool) -> None:
    taken = {"serial": 10, "ddp": of_ddp}
    records = [example_record(1.0, {"backend": name}, resolved={"iterations": times}) for name, times in taken.items()]
    text = " ".join(shown(records).split())
    assert "iterations" in text
    assert ("unequal work: train took from 10 to 13 iterations" in text) == is_told


def test_whole_run_can_be_compared_instead_of_train() -> None:
    assert "The whole run is 1." in shown(example_records(), time="wall")
    assert "the whole run decides what is fastest" in " ".join(shown(example_records(), time="wall").split())


def test_piped_output_is_wide_and_without_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    console = terminal()
    assert (console.width, console.color_system) == (120, None)
    assert "\x1b" not in to_text(example_records())


def test_columns_that_do_not_fit_go_on_in_a_further_table() -> None:
    wide, narrow = Column(("x" * 30,), ("1",)), Column(("y",), ("2",))
    assert pack([[wide], [narrow]], 40) == [[wide, narrow]]
    assert pack([[wide, narrow], [wide]], 40) == [[wide, narrow], [wide]]
    assert pack([[wide, wide]], 10) == [[wide], [wide]]
