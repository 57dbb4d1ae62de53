"""`Results` and `read`: the same values as the reports, views that are safe, one line for what is wrong, nothing heavy on import."""

from __future__ import annotations

import copy
import csv
import io
import json
import math
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from manyhands.analysis.example import MACHINE, example_exchange, example_record, example_records
from manyhands.errors import RecordError, Unavailable, UsageError
from manyhands.record import Record
from manyhands.report.csv_and_json import to_csv
from manyhands.report.group_view import group_views
from manyhands.report.terminal import to_text
from manyhands.results import Results, read

DOCS = Path(__file__).parent.parent / "docs"
REAL = [DOCS / "example/records.jsonl", *sorted((DOCS / "results").glob("*.jsonl"))]
BAD = '<script>alert("1")</script> & $x$'


def stopped() -> list[Record]:
    """A run that failed and one that was skipped."""
    return [
        example_record(1.0, {"backend": "ray"}, status="failed", reason="killed", phases={}, wall_s=None, quality={}),
        example_record(1.0, {"backend": "dask", "repeat": 1}, status="skipped", reason="dask needs dask: pip install dask"),
    ]


@pytest.fixture
def results() -> Results:
    return Results(example_records())


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A file with twelve records."""
    path = tmp_path / "records.jsonl"
    path.write_text("".join(record.to_json() + "\n" for record in example_records()))
    return path


@pytest.fixture
def no_pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment without pandas."""
    monkeypatch.setitem(sys.modules, "pandas", None)


def test_is_an_immutable_sequence(results: Results) -> None:
    assert (len(results), results[0], results[-1]) == (12, next(iter(results)), list(results)[11])
    assert results[2] in results
    assert results.index(results[3]) == 3
    with pytest.raises(AttributeError):
        results.path = Path("other")  # type: ignore[misc]
    with pytest.raises(TypeError):
        results[0] = results[1]  # type: ignore[index]
    with pytest.raises(TypeError, match="unhashable"):
        hash(results)


def test_a_slice_is_results_of_the_same_file() -> None:
    results = Results(example_records(), Path("kept.jsonl"))
    assert isinstance(results[:2], Results)
    assert (len(results[:2]), results[:2].path, results[:0].answer) == (2, Path("kept.jsonl"), "no records: nothing was run")


def test_equal_when_the_records_are(results: Results) -> None:
    assert results == Results(example_records(), Path("elsewhere"))
    assert results != results[:3]
    assert results != list(results)
    assert copy.deepcopy(results) == pickle.loads(pickle.dumps(results)) == results


def test_joins_results_and_takes_a_record_of_both_once(results: Results) -> None:
    first = Results(example_records(["rnn"]), Path("one.jsonl"))
    joined = first + results
    assert list(joined) == [*first, *results]
    assert joined.path is None
    assert first + first == first
    assert (first[:3] + first[3:]).path == (first + first).path == Path("one.jsonl")
    assert first[:3] + list(first) == first
    with pytest.raises(TypeError, match="unsupported operand"):
        first + ["a record"]  # noqa: RUF005


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("a.jsonl", r"takes records, not the path 'a.jsonl'; read a file with read\('a.jsonl'\)"),
        (Path("a.jsonl"), r"takes records, not the path 'a.jsonl'"),
        ([1], r"takes records, not 1 \(int\)"),
        ([{"status": "ok"}], r"not \{'status': 'ok'\} \(dict\)"),
        (None, "not None"),
    ],
)
def test_anything_but_records_is_refused(given: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Results(given)


@pytest.mark.parametrize("path", REAL, ids=lambda path: path.stem)
def test_frame_has_the_values_of_the_csv(path: Path) -> None:
    results = read(path)
    frame, rows = results.frame(), list(csv.DictReader(io.StringIO(to_csv(results))))
    assert len(frame) == len(rows) == len(results)
    assert list(frame.columns) == list(rows[0])
    for name in frame.columns.drop("started_at"):
        for value, text in zip(frame[name], (row[name] for row in rows), strict=True):
            if pd.isna(value):
                assert text == "", name
            elif isinstance(value, str | bool | np.bool_):
                assert str(value) == text, name
            else:
                assert value == float(text), name
    assert list(frame["started_at"].dt.strftime("%Y-%m-%d")) == [row["started_at"][:10] for row in rows]


def test_frame_has_good_types_where_values_are_missing() -> None:
    record = example_record(1.5, {"seed": 2**70}, quality={"accuracy": 1, "r2": math.nan}, machine={**MACHINE, "shared": True})
    frame = Results([*example_records(repeats=1), record, *stopped()]).frame()
    kinds = {name: str(kind) for name, kind in frame.dtypes.items()}
    assert kinds["spec.workers"] == "int64"
    assert kinds["phases.train_s"] == kinds["quality.accuracy"] == kinds["phases.save_s"] == "float64"
    assert kinds["machine.shared"] == "boolean"
    assert kinds["status"] == kinds["reason"] == "string"
    assert kinds["spec.seed"] == kinds["quality.r2"] == "object"
    assert kinds["started_at"].startswith("datetime64[")
    assert kinds["started_at"].endswith("UTC]")
    assert list(frame["status"]) == ["ok"] * 5 + ["failed", "skipped"]
    assert list(frame["spec.seed"])[4] == 2**70
    assert frame["phases.train_s"].isna().tolist() == [False] * 5 + [True, False]


def test_a_column_of_two_types_is_text_and_a_strange_date_stays() -> None:
    first = example_record(1.0, {"settings": {"depth": 3}}, started_at="yesterday")
    frame = Results([first, example_record(1.0, {"settings": {"depth": "all"}})]).frame()
    assert list(frame["spec.settings.depth"]) == ["3", "all"]
    assert list(frame["started_at"]) == ["yesterday", "2026-01-01T00:00:00Z"]


@pytest.mark.parametrize("time", ["train", "wall"])
@pytest.mark.parametrize("path", REAL, ids=lambda path: path.stem)
def test_summary_has_the_rows_and_numbers_of_the_tables(path: Path, time: Any) -> None:
    results = read(path)
    summary, views = results.summary(time), group_views(results, time)
    rows = [row for view in views for row in view.summaries]
    names = [(view.title, *cells[:3]) for view in views for cells in (view.first_table.rows if view.tables else ())]
    shown = summary["backend"].where(summary["variant"] == "", summary["backend"] + " (" + summary["variant"] + ")")
    assert [*zip(summary["title"], shown, map(str, summary["workers"]), map(str, summary["threads"]), strict=True)] == names
    for (_, found), row in zip(summary.iterrows(), rows, strict=True):
        assert found["launches"] == len(row.cell.measured)
        assert found["train_s"] == row.train.mean if row.train else math.isnan(found["train_s"])
        assert found["wall_s"] == row.wall.mean if row.wall else math.isnan(found["wall_s"])
        if row.is_base:
            assert (found["speedup"], found["speedup_low"], found["speedup_high"], found["efficiency"]) == (1, 1, 1, 1)
            assert found["whole_run_speedup"] == 1
        elif row.speedup is None:
            assert math.isnan(found["speedup"])
        else:
            estimates = {
                "speedup": row.speedup,
                "efficiency": row.efficiency,
                "serial_fraction": row.serial_fraction,
                "core_hours_ratio": row.core_hours_ratio,
            }
            for name, one in estimates.items():
                for value, column in zip((one.value, one.low, one.high) if one else (), ("", "_low", "_high"), strict=False):
                    assert found[f"{name}{column}"] == value if value is not None else math.isnan(found[f"{name}{column}"])
                assert one or math.isnan(found[name])
        if row.whole_run is not None:
            assert (found["whole_run_speedup"], found["place"]) == (row.whole_run.value, row.place)
        for value, name in ((row.core_hours, "core_hours"), (row.peak_bytes, "peak_memory_bytes"), (row.cpu_s, "cpu_s")):
            assert found[name] == value if value is not None else math.isnan(found[name])
        for metric, spread in row.quality.items():
            if not metric.startswith("naive_"):
                assert found[f"quality_{metric}"] == spread.mean


def test_summary_of_several_groups_and_metrics(results: Results) -> None:
    other = example_records(["rnn"], repeats=1)
    elsewhere = [example_record(2.0, {"repeat": 9}, machine={**MACHINE, "host": "other"}, quality={"rmse": 2.5})]
    summary = Results([*results, *other, *elsewhere, *stopped()]).summary()
    assert list(summary["workload"]) == ["cnn"] * 5 + ["rnn"] * 4
    assert list(summary["group"]) == [1] * 4 + [2] + [3] * 4
    assert list(summary["title"].unique()) == ["cnn, machine host example", "cnn, machine host other", "rnn"]
    assert summary["quality_rmse"].isna().tolist() == [True] * 4 + [False] + [True] * 4
    assert list(summary["runs"]) == [3] * 4 + [1] * 5
    assert summary[summary["workload"] == "rnn"]["speedup_low"].isna().tolist() == [False, True, True, True]


def test_summary_without_rows_has_the_columns_and_types_of_one_with_rows(results: Results) -> None:
    full = results[:0].summary()
    assert len(full) == len(Results(stopped()[:1]).summary()) == 0
    types = results.summary().dtypes
    assert full.dtypes.to_dict() == {name: types[name] for name in full.columns}
    assert len(results[:0].frame()) == 0


def test_answer_has_the_lines_of_the_terminal_for_every_group(results: Results) -> None:
    both = results + Results([*example_records(["rnn"], repeats=2), *stopped()])
    heading, first = both.answer.splitlines()[:2]
    assert heading == "cnn: use serial, 1 worker x 4 threads"
    assert first.startswith("  Train is 2.")
    assert "\n  failed: ray, 1 worker x 1 thread: killed\n" in both.answer
    assert "\n\nrnn: use serial" in both.answer
    said = " ".join(to_text(both).split())
    for line in filter(None, both.answer.splitlines()):
        assert " ".join(line.split()) in said
    assert "───" not in both.answer


def test_answer_says_why_groups_are_separate_and_that_nothing_was_measured() -> None:
    apart = [example_record(1.0, {"repeat": n}, machine={**MACHINE, "host": f"host{n}"}) for n in range(2)]
    assert Results(apart).answer.endswith("not averaged together: machine host host0 / host1")
    assert Results(stopped()[:1]).answer.endswith("no measured run: every run failed or was skipped, for the reasons above")


def test_repr_is_a_line_and_print_is_the_table(results: Results, written: Path) -> None:
    assert repr(results) == "<Results: 12 records>"
    assert repr(Results(stopped())) == "<Results: 2 records (1 failed, 1 skipped)>"
    assert repr(read(written)[:1]) == f"<Results: 1 record, {written}>"
    assert str(results) == to_text(results).strip("\n")
    assert "speed-up" in str(results)
    assert str(Results([])) == "no records: nothing was run"


def test_html_has_the_table_and_the_answer_of_every_group(results: Results) -> None:
    page = (results + Results(example_records(["rnn"])))._repr_html_()
    assert page.count("<table") == page.count("</table>") == 2
    assert page.count("<tr>") == 2 * 5
    assert "<td>1 (base line)</td>" in page
    assert "<b>cnn: use serial" in page
    assert "<li>Train is 2." in page
    assert page.startswith("<div")
    assert page.endswith("</div>")
    assert len(page) < 10_000


@pytest.mark.parametrize("path", REAL, ids=lambda path: path.stem)
def test_html_of_real_records_is_whole(path: Path) -> None:
    from html.parser import HTMLParser

    class Balanced(HTMLParser):
        open: list[str] = []  # noqa: RUF012

        def handle_starttag(self, tag: str, attrs: Any) -> None:
            self.open.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert self.open.pop() == tag

    parser = Balanced()
    parser.feed(read(path)._repr_html_())
    parser.close()
    assert parser.open == []


def test_everything_in_html_is_escaped(tmp_path: Path) -> None:
    records = [
        example_record(1.0, {"workload": BAD, "backend": BAD}, quality={BAD: 1.0}),
        example_record(1.0, {"workload": BAD, "backend": "serial"}, quality={BAD: 1.0}),
        example_record(1.0, {"workload": BAD, "backend": f"b{BAD}"}, status="failed", reason=BAD),
    ]
    page = Results(records, tmp_path / BAD.replace("/", ""))._repr_html_()
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "mathjax_ignore" in page


@pytest.mark.parametrize("records", [[], stopped(), stopped()[:1], [example_exchange("ddp", 2, {10: [0.1], 100: [0.2]})]])
def test_every_view_works_for_unusual_records(records: list[Record]) -> None:
    results = Results(records)
    for text in (results.answer, repr(results), str(results), results._repr_html_()):
        assert text
    assert len(results.frame()) == len(records)
    results.summary()


def test_report_writes_by_suffix_and_returns_the_path(results: Results, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    starts = {"r.md": b"- **cnn", "r.CSV": b"id,", "r.json": b"{", "r.parquet": b"PAR1", "r.txt": b"\ncnn"}
    for name, start in starts.items():
        assert results.report(tmp_path / name) == tmp_path / name
        assert (tmp_path / name).read_bytes().startswith(start)
    text = results.report(str(tmp_path / "w.md"), time="wall", target=("accuracy", 0.9)).read_text()
    assert "speed-up of the whole run" in text
    assert "train s until accuracy 0.9" in text


def test_report_writes_a_page(results: Results, tmp_path: Path) -> None:
    pytest.importorskip("vl_convert")
    assert results.report(tmp_path / "r.html").read_text().startswith("<!doctype html>")


def test_report_keeps_what_people_wrote_into_a_markdown_page(tmp_path: Path) -> None:
    page, study = tmp_path / "study.md", read(DOCS / "results/mlp-ensemble.jsonl")
    made = study.report(page).read_text()
    start = "<!-- what was learnt from mlp-ensemble: kept when this page is made again -->"
    page.write_text(made.replace(start, f"{start}\n\nFour are *faster*."))
    assert "Four are *faster*." in study.report(page).read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"path": "report.docx"}, "no report has the suffix of 'report.docx'; known: .html, .htm, .md"),
        ({"path": "report"}, "no report has the suffix of 'report'"),
        ({"path": 3}, "3 is not a path"),
        ({"path": ""}, "'' is not a path"),
        ({"path": "r.md", "time": "load"}, "unknown time 'load'; known: train, wall"),
        ({"path": "r.md", "target": "accuracy"}, "target 'accuracy' is not a metric and a number"),
        ({"path": "r.md", "target": ("accuracy", "high")}, "is not a metric and a number"),
        ({"path": "r.md", "asv": "missing"}, "no asv results in missing"),
    ],
)
def test_impossible_reports_are_one_line(
    results: Results, arguments: Any, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=message) as caught:
        results.report(**arguments)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_report_replaces_no_file_that_its_records_come_from(written: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    Results(example_records(["rnn"])).report(other)
    link = tmp_path / "link.json"
    link.symlink_to(other)
    both = read(written, other)
    before = other.read_bytes()
    for results in (both, both[:2], read(written) + read(other), read(other) + read(written), read(other) + read(other)):
        for name in (other, link, str(tmp_path / "x" / ".." / "other.json")):
            with pytest.raises(UsageError, match="is a file of these records, which a report would replace"):
                results.report(name)
    assert other.read_bytes() == before
    assert both.report(tmp_path / "new.json").exists()


def test_a_page_in_another_encoding_is_not_replaced(results: Results, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_bytes("größer".encode("latin-1"))
    with pytest.raises(RecordError, match="which is no UTF-8; choose another file"):
        results.report(page)
    assert page.read_bytes() == "größer".encode("latin-1")


def test_a_report_that_cannot_be_written_and_an_unknown_time_are_one_line(results: Results, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RecordError, match=r"cannot write the report to .*file/r.csv: File exists"):
        results.report(tmp_path / "file" / "r.csv")
    with pytest.raises(UsageError, match="unknown time 'load'"):
        results.summary("load")  # type: ignore[arg-type]


@pytest.mark.usefixtures("no_pandas")
def test_without_pandas_frames_say_what_to_install_and_the_rest_works(results: Results, tmp_path: Path) -> None:
    for call in (results.frame, results.summary):
        with pytest.raises(Unavailable, match=r"a data frame needs pandas: pip install pandas"):
            call()
    assert "x as fast" in results.answer
    assert "<table" in results._repr_html_()
    assert results.report(tmp_path / "r.csv").exists()


def test_reads_files_and_patterns_each_record_once(written: Path, tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "more.jsonl").write_text("".join(f"{record.to_json()}\n" for record in example_records(["rnn"])))
    assert read(written) == read(str(written)) == read(str(tmp_path / "*.jsonl")) == Results(example_records())
    assert read(written).path == read(written, written).path == read(tmp_path / "rec*").path == written
    both = read(tmp_path / "**" / "*.jsonl")
    assert (len(both), both.path) == (24, None)
    assert len(read(written, str(tmp_path / "deep/*"))) == 24


def test_a_name_with_the_signs_of_a_pattern_is_a_name_when_there_is_such_a_file(written: Path, tmp_path: Path) -> None:
    odd = written.rename(tmp_path / "records[1].jsonl")
    assert len(read(odd)) == 12


def test_reads_the_json_of_pytest_benchmark_and_of_a_report(tmp_path: Path, results: Results) -> None:
    values = [json.loads(record.to_json()) for record in results]
    saved = tmp_path / "0001_saved.json"
    saved.write_text(json.dumps({"benchmarks": [{"extra_info": {"records": values}}, {"name": "another"}]}))
    assert read(saved) == read(results.report(tmp_path / "report.json")) == results


def test_reads_the_values_of_workers_unless_they_are_not_wanted(tmp_path: Path) -> None:
    record = example_record(1.0, {}, per_worker=({"rank": 0, "train_s": 1.0, "host": "example"},))
    path = tmp_path / "records.jsonl"
    path.write_text(record.to_json() + "\n")
    assert read(path)[0].per_worker == record.per_worker
    assert read(path, with_workers=False)[0].per_worker == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no records in .*damaged.jsonl"),
        ('{"schema": 1, "id": "a"', "damaged.jsonl:1: not JSON"),
        ("\x00", "damaged.jsonl:1: not JSON"),
        (
            '{"schema": 1, "id": "a", "spec": [], "status": "ok", "started_at": ""}',
            "damaged.jsonl:1: fields of the wrong type: spec",
        ),
        ('{"schema": 99}', "damaged.jsonl:1: schema 99 is unknown"),
    ],
)
def test_a_damaged_file_is_one_line_that_names_it(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "damaged.jsonl"
    path.write_text(text)
    with pytest.raises(RecordError, match=message) as caught:
        read(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ['{"benchmarks": 3}', '{"benchmarks": [3, {"extra_info": []}, {"extra_info": {"records": 1}}]}'])
def test_a_damaged_json_file_is_one_line_that_names_it(tmp_path: Path, text: str) -> None:
    path = tmp_path / "damaged.json"
    path.write_text(text)
    with pytest.raises(RecordError, match=r"damaged\.json"):
        read(path)


def test_what_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"no file matches '.*\*\.jsonl'; make records with"):
        read(tmp_path / "*.jsonl")
    with pytest.raises(RecordError, match=r"no records at .*missing\.jsonl"):
        read(tmp_path / "missing.jsonl")
    with pytest.raises(RecordError, match=r"no record file \(\*.jsonl\) in the folder"):
        read(tmp_path)
    with pytest.raises(UsageError, match="no file given to read"):
        read()
    with pytest.raises(RecordError, match=r"cannot read records from .*File name too long"):
        read("long" * 100)
    with pytest.raises(RecordError, match=r"no records at ~nobody-here/a\.jsonl"):
        read("~nobody-here/a.jsonl")
    for given in (["a.jsonl"], 3, None, "", "a\0b"):
        with pytest.raises(UsageError, match="is not a path; give each path by itself"):
            read(given)  # type: ignore[arg-type]


def test_import_is_light() -> None:
    code = (
        "import sys; import manyhands.results, manyhands.predictions;"
        " print([name for name in ('pandas', 'numpy', 'scipy', 'rich', 'jinja2') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
