"""What reports show of the exchange alone: its table, alpha and beta, what to use, and its chart."""

from __future__ import annotations

import json

import pytest

from manyhands.analysis.allreduce import ring_s
from manyhands.analysis.cells import group_records
from manyhands.analysis.example import example_exchange
from manyhands.record import Record
from manyhands.report.advice import SURE
from manyhands.report.charts.exchange import exchange_charts
from manyhands.report.csv_and_json import to_json
from manyhands.report.exchange import advice
from manyhands.report.markdown import to_markdown
from manyhands.report.terminal import to_text


@pytest.fixture
def records() -> list[Record]:
    """Two launches on ddp, and on dask with half the bandwidth."""
    return [
        example_exchange(
            backend, 4, {10**power: [ring_s(4, 4 * 10**power, 50e-6, beta)] * 3 for power in range(9)}, repeat=repeat
        )
        for backend, beta in (("ddp", 1e-9), ("dask", 2e-9))
        for repeat in range(2)
    ]


def test_the_table_shows_size_time_and_both_bandwidths(records: list[Record]) -> None:
    text = to_text(records)
    row = next(line for line in text.splitlines() if line.startswith("ddp") and " 100000000 " in line)
    assert row.split() == ["ddp", "4", "1", "100000000", "400", "MB", "2", "600", "±", "0", "ms", "0.67", "1.00"]
    assert "ddp, 4 workers x 1 thread: alpha 50.0 [50.0, 50.0] µs a step, beta 1.00 [1.00, 1.00] ns a byte (1.00 GB/s)" in text
    assert "add --backend serial" not in text


def test_markdown_and_json_hold_the_same(records: list[Record]) -> None:
    assert "| ddp | 4 | 1 | 100000000 | 400 MB | 2 |" in to_markdown(records)
    dask, ddp = json.loads(to_json(records))["exchange"]
    assert (dask["backend"], ddp["backend"]) == ("dask", "ddp")
    assert ddp["beta_s_per_byte"]["value"] == pytest.approx(1e-9)
    assert ddp["messages"][-1]["busbw"] == pytest.approx(1e9, rel=1e-2)


def test_the_fastest_exchange_is_named(records: list[Record]) -> None:
    found = advice(group_records(records)[0])
    assert (found.use, found.sureness) == ("Fastest exchange: ddp, 4 workers x 1 thread", SURE)


def test_the_chart_has_a_line_for_every_cell_and_its_data(records: list[Record]) -> None:
    (chart,) = exchange_charts(group_records(records)[0], {})
    assert [key.label for key in chart.legend] == ["dask x 4", "ddp x 4"]
    assert len(chart.rows) == 18
    assert "ddp x 4: at most 1.00 GB/s, at 400 MB." in chart.words
