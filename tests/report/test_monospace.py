from __future__ import annotations

from manyhands.report.columns import Column
from manyhands.report.monospace import LONGEST_NAME, heading, rows


def test_names_stand_left_and_numbers_right_under_their_headings() -> None:
    shown = [Column(("backend",), ("ddp", "serial"), is_number=False), Column(("wall s", "mean"), ("1.0", "20.0"))]
    assert [*heading(shown), *rows(shown)] == [
        "         wall s",
        "backend    mean",
        "───────────────",
        "ddp         1.0",
        "serial     20.0",
    ]


def test_a_long_name_goes_on_below_and_no_number_is_cut() -> None:
    shown = [Column(("backend",), ("a" * 30,), is_number=False), Column(("n",), ("9" * 40,))]
    assert rows(shown) == [f"{'a' * LONGEST_NAME}  {'9' * 40}", "aa"]
