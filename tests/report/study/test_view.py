"""A study in every medium: published beside measured, flaws in words beside what they spoil, nothing read as markup."""

from __future__ import annotations

from dataclasses import replace

import pytest

from manyhands.analysis.example import example_record
from manyhands.cli import main
from manyhands.record import Record
from manyhands.report.markdown import to_markdown
from manyhands.report.study.markdown import BEGIN, END, learnt
from manyhands.report.study.view import study_views
from manyhands.report.terminal import to_text
from manyhands.studies.study import AS_PUBLISHED, CORRECTED

HOSTILE = "</script><script>document.title='owned'</script>|*x*\n"
REPORT = {"1": {"precision": 0.9, "recall": 0.8, "f1-score": 0.85, "support": 10}, "accuracy": 0.9}


def record(variant: str, part: str, backend: str, workers: int, train_s: float, repeat: int, bad: str = "") -> Record:
    use = {"variant": variant, "part": part, "epochs": [4, 10], "samples": [8192, 60000]}
    about = {"name": "mlp-ensemble", "uses": [use], "seeds": "one a repeat", "budget_s": 60.0, "pilot_s": 5.0}
    asked = {"workload": "ensemble", "backend": backend, "workers": workers, "repeat": repeat, "seed": repeat}
    asked |= {"settings": {"single": part == "single", "variant": variant}}
    return example_record(
        train_s,
        asked,
        id=f"{variant}-{part}-{backend}-{workers}-{repeat}",
        study=about | {"expected_s": 50.0, "repeats": [2, 6]},
        resolved={"predict_s": 0.1, "rows_per_epoch": 8192},
        quality={
            "accuracy": 0.95 + repeat / 100,
            "confusion_matrix": [[9, 1], [0, 8]],
            "classification_report": REPORT | {bad or "2": {}},
        },
        data={"name": "mnist", "source": f"embedded digits{bad}", "sha256": "ab", "rows": {"train": 1}},
    )


def records(bad: str = "") -> list[Record]:
    cells = [("single", "serial", 1, 9.0), ("quarters", "serial", 1, 8.0), ("quarters", "joblib", 4, 3.0)]
    return [record(v, *cell, repeat, bad) for v in (AS_PUBLISHED, CORRECTED) for cell in cells for repeat in range(2)]


def test_speed_up_stands_beside_speed_up_and_never_seconds() -> None:
    view = study_views(records())[0]
    line = view.figures[0].lines[0]
    assert line.published == "1.43 (6.42 s against 9.19 s)"
    assert line.measured[0].startswith("3.00 [")
    assert line.measured[1].startswith("2.94 [")
    assert line.change.startswith("x 0.98 ")
    assert not any(" s" in text for text in (*line.measured, line.change))
    assert view.heads == ("figure", "published", "as-published, here", "corrected, here", "change by putting right")


def test_says_how_the_budget_scaled_and_whose_data_it_was() -> None:
    about = " ".join(study_views(records())[0].about)
    assert "budget: 60 s (pilot 5 s, expected 50 s)" in about
    assert "2 of 6 launches; single 4 of 10 epochs, 8192 of 60000 rows; quarters " in about
    assert "not the published data: embedded digits" in about


def test_each_flaw_stands_right_below_its_figure_in_the_terminal() -> None:
    text = to_text(records())
    first, second = text.index("Speed-up of four members in four processes"), text.index("Speed-up of four members that each")
    assert first < text.index("! there is only one repetition, so the uncertainty of 1.43") < second
    assert "Confusion matrix of single on serial" in text
    assert "Amdahl" in text


def test_markdown_holds_one_row_for_each_number_with_its_flaws() -> None:
    text = to_markdown(records())
    rows = [line for line in text.splitlines() if line.startswith("| Speed-up of four members in four processes")]
    assert len(rows) == 1
    assert "1.43 (6.42 s against 9.19 s)" in rows[0]
    assert "1. there is only one repetition" in rows[0]
    heads = [line for line in text.splitlines() if line.startswith("| figure |")]
    assert heads[0].count("|") == rows[0].count("|")


def test_what_was_learnt_survives_a_page_made_again(tmp_path) -> None:
    source, page = tmp_path / "r.jsonl", tmp_path / "mlp-ensemble.md"
    source.write_text("".join(r.to_json() + "\n" for r in records()))
    command = ["report", str(source), "--format", "markdown", "-o", str(page)]
    assert main(command) == 0
    before = page.read_text()
    assert "Nothing written yet" in before
    mark = BEGIN.format("mlp-ensemble")
    start, end = before.index(mark) + len(mark), before.index(END)
    page.write_text(f"{before[:start]}\nFour hands *were* lighter | [so](x).\n\nTwice.\n{before[end:]}")
    assert main(command) == 0
    assert learnt(page.read_text(), "mlp-ensemble") == "Four hands *were* lighter | [so](x).\n\nTwice."
    assert main(command) == 0
    assert page.read_text().count("Twice.") == 1


def test_nothing_of_a_record_is_read_as_markup() -> None:
    pytest.importorskip("vl_convert", reason="needs vl-convert-python: pip install 'manyhands[report]'")
    from manyhands.report.page.build import to_html

    given = records(HOSTILE)
    given.append(replace(given[-1], id="more", status="failed", reason=HOSTILE, spec={**given[-1].spec, "workers": 2}))
    page = to_html(given)
    assert "<script>document" not in page
    assert "A vote of four perceptrons" in page
    assert "what spoils the published figure" in page
    text = to_markdown(given)
    assert "<script" not in text
    assert all(line.count("\n") == 0 for line in text.splitlines())


def test_a_study_that_this_version_does_not_know_is_left_out() -> None:
    other = [replace(r, study={**r.study, "name": "no-such-study"}) for r in records()]
    assert study_views(other) == []
    assert "ensemble" in to_text(other)
