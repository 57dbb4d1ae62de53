"""A page must not take longer than in proportion to its records. Absolute times are in benchmarks/."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import FrameType

import pytest

from manyhands.analysis.example import example_records
from manyhands.record import Record
from manyhands.report.page.build import to_html

pytest.importorskip("vl_convert", reason="needs vl-convert-python: pip install 'manyhands[report]'")
SPEEDS = {("serial", 1, 1): 1.0} | {(f"engine-{place}", n, 1): n**0.8 for place in range(8) for n in (1, 2, 4, 8, 16, 32)}


def work(records: Sequence[Record]) -> tuple[int, int]:
    """Calls of Python functions that the page of the records takes, and its length. Calls are the same on a busy machine."""
    calls = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        page = to_html(records)
    finally:
        sys.setprofile(None)
    return calls, len(page)


def test_four_times_the_records_take_at_most_five_times_the_work_and_a_thousand_make_a_small_page() -> None:
    work(example_records(repeats=2))  # imports and caches
    few, _ = work(example_records(("cnn",), 5, SPEEDS))
    many, length = work(example_records(("cnn", "lstm", "mlp", "rnn"), 5, SPEEDS))
    assert many <= 5 * few, f"{few} calls for 245 records, {many} for 980"
    assert length < 10e6
