from __future__ import annotations

from manyhands.analysis.example import example_record, example_records
from manyhands.report.markdown import to_markdown
from manyhands.report.markdown_text import escape


def test_every_row_of_a_table_has_as_many_cells_as_its_head() -> None:
    lines = [line for line in to_markdown(example_records()).splitlines() if line.startswith("|")]
    assert len(lines) == 3 * (2 + 4)
    assert len({line.count("|") for line in lines[:6]}) == 1


def test_names_and_reasons_are_escaped() -> None:
    bad = "<script>alert(1)</script> | *x* [y](z) `c` @you"
    text = to_markdown([example_record(1.0, {"workload": bad, "backend": bad}, status="failed", reason=f"{bad}\n| - |")])
    assert "<" not in text
    assert "@" not in text
    assert r"\|" in escape(bad)
    assert r"\[y\]" in escape(bad)


def test_no_records_is_a_line() -> None:
    assert to_markdown([]) == "No records.\n"
