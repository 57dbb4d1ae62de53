"""Reports show a limit as a share and as what was lost, and never as a cell."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from manyhands.analysis.example import example_strategies
from manyhands.record import Record
from manyhands.report.csv_and_json import to_json
from manyhands.report.group_view import group_views
from manyhands.report.markdown import to_markdown
from manyhands.report.page.build import to_html
from manyhands.report.terminal import captured, print_report

LINE = (
    "ddp (every-step), 2 workers x 1 thread: 0.78 [0.78, 0.78] of the limit, which is the same without any exchange; of 2.42 s lost"
    " against the base line over its workers 1.41 s are exchange, 0.44 s smaller batches, 0.57 s the machine"
)


def test_the_terminal_shows_the_share_and_what_was_lost_and_no_cell_of_the_limit() -> None:
    text = captured(lambda console: print_report(example_strategies(), console=console))
    assert "use ddp (local=8), 2 workers x 1 thread" in text
    assert "0.78 [0.78, 0.78]" in text
    assert LINE in " ".join(text.split())
    assert not [line for line in text.splitlines() if line.startswith("ddp (limit)")]


def test_markdown_and_page_have_the_table_of_what_was_lost() -> None:
    pytest.importorskip("vl_convert", reason="needs vl-convert-python: pip install 'manyhands[report]'")
    markdown, page = to_markdown(example_strategies()), to_html(example_strategies())
    heads = ("share of the limit", "base line over workers", "to the exchange", "to smaller batches", "to the machine")
    assert all(head in markdown and head in page for head in heads)
    assert LINE.replace("[", "\\[").replace("]", "\\]") in markdown or LINE in markdown
    assert "ddp (limit)" not in markdown


def test_without_a_limit_nothing_of_it_is_shown() -> None:
    others = [record for record in example_strategies() if record.spec["sync"] != "limit"]
    (view,) = group_views(others)
    assert "share of the limit" not in to_markdown(others)
    assert view.links == ()
    assert len(view.tables) == 3


def test_a_limit_that_failed_is_said() -> None:
    def failed(record: Record) -> Record:
        return replace(record, status="failed", reason="broke") if record.spec["sync"] == "limit" else record

    (view,) = group_views(list(map(failed, example_strategies())))
    assert view.stopped == ("failed: ddp (limit), 2 workers x 1 thread (3 of 3 runs): broke",)


def test_json_and_frames_have_share_and_parts() -> None:
    rows = json.loads(to_json(example_strategies()))["summary"]
    assert [row["limit_share"] and round(row["limit_share"]["value"], 2) for row in rows] == [None, 0.78, 0.89]
    assert round(rows[1]["lost_s"]["exchange_s"], 2) == 1.41
    frames = pytest.importorskip("manyhands.report.frames")
    pytest.importorskip("pandas")
    frame = frames.summary_frame(group_views(example_strategies()))
    assert list(frame["limit_share"].round(2))[1:] == [0.78, 0.89]
    assert round(frame["lost_to_exchange_s"][1], 2) == 1.41


def test_another_optimisation_is_named_where_no_target_is_given() -> None:
    (view,) = group_views(example_strategies())
    assert [line for line in view.cautions if line.startswith("another optimisation")] == [
        "another optimisation than every-step: ddp (local=8), 2 workers x 1 thread: compare times to the same quality with --target"
        " METRIC=VALUE"
    ]
