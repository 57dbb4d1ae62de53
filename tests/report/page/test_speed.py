"""A guard against a report that grows slower than its records, far above what it takes; benchmarks/ has the figures."""

import time

import pytest

from manyhands.analysis.example import example_records
from manyhands.report.page.build import to_html

pytest.importorskip("vl_convert", reason="needs vl-convert-python: pip install 'manyhands[report]'")
SPEEDS = {("serial", 1, 1): 1.0} | {(f"engine-{place}", n, 1): n**0.8 for place in range(8) for n in (1, 2, 4, 8, 16, 32)}


def test_a_thousand_records_become_a_page_soon_and_it_stays_small():
    records = example_records(("cnn", "lstm", "mlp", "rnn"), 5, SPEEDS)
    began = time.perf_counter()
    page = to_html(records)
    assert time.perf_counter() - began < 60
    assert len(page) < 10e6
