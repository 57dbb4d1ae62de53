import argparse
import json
import subprocess
import sys

import pytest

from manyhands.analysis.example import example_records
from manyhands.cli import report
from manyhands.errors import RecordError, Unavailable, UsageError


def run(*words):
    parser = argparse.ArgumentParser()
    report.add_parser(parser.add_subparsers(required=True))
    options = parser.parse_args(["report", *map(str, words)])
    return options.call(options)


@pytest.fixture
def records(tmp_path):
    path = tmp_path / "records.jsonl"
    path.write_text("".join(record.to_json() + "\n" for record in example_records()))
    return path


def test_prints_tables_by_default(records, capsys):
    assert run(records) == 0
    assert "speed-up" in capsys.readouterr().out


def test_details_are_asked_for_on_the_screen_and_always_in_a_file(records, tmp_path, capsys):
    run(records)
    first = capsys.readouterr().out
    run(records, "--details")
    whole = capsys.readouterr().out
    run(records, "-o", tmp_path / "report.txt")
    assert "where the time went" not in first
    assert "versions: " not in first
    assert first.splitlines()[:4] == whole.splitlines()[:4]
    assert "where the time went" in whole
    assert (tmp_path / "report.txt").read_text().strip() == whole.strip()


@pytest.mark.parametrize(("form", "start"), [("markdown", "- **cnn: Use "), ("csv", "id,"), ("json", "{")])
def test_prints_the_format_asked_for(records, capsys, form, start):
    assert run(records, "--format", form) == 0
    assert capsys.readouterr().out.startswith(start)


def test_writes_a_file_instead_of_printing(records, tmp_path, capsys):
    for form in ("table", "markdown", "csv", "json"):
        assert run(records, "--format", form, "-o", tmp_path / form) == 0
        assert (tmp_path / form).stat().st_size > 500
    assert capsys.readouterr().out == ""


def test_a_record_that_stands_in_two_files_counts_once(records, capsys):
    run(records, records, "--format", "json")
    assert len(json.loads(capsys.readouterr().out)["records"]) == 12


def test_time_until_a_target_gets_a_column(records, capsys):
    run(records, "--format", "markdown", "--target", "accuracy", "0.9")
    assert "train s until accuracy 0.9" in capsys.readouterr().out
    with pytest.raises(UsageError, match=r"--target accuracy high: 'high' is not a number"):
        run(records, "--target", "accuracy", "high")


def test_bad_input_is_one_line_that_names_the_file(records, tmp_path):
    empty, mixed = tmp_path / "empty.jsonl", tmp_path / "mixed.jsonl"
    empty.touch()
    mixed.write_text(records.read_text().splitlines()[0] + '\n{"schema": 99}\n')
    with pytest.raises(RecordError, match=r"no records in .*empty.jsonl; make some with"):
        run(empty)
    with pytest.raises(RecordError, match=r"mixed.jsonl:2: schema 99 is unknown"):
        run(mixed)
    with pytest.raises(RecordError, match="no records at"):
        run(tmp_path / "missing.jsonl")
    with pytest.raises(RecordError, match=r"cannot write the report to .*; choose another file with --out"):
        run(records, "--format", "csv", "-o", tmp_path)


def test_the_suffix_says_the_format(records, tmp_path):
    pytest.importorskip("vl_convert")
    pytest.importorskip("pyarrow")
    starts = {
        "r.html": b"<!doctype html>",
        "r.md": b"- **cnn",
        "r.csv": b"id,",
        "r.json": b"{",
        "r.parquet": b"PAR1",
        "r.txt": b"\ncnn",
    }
    for name, start in starts.items():
        assert run(records, "-o", tmp_path / name) == 0
        assert (tmp_path / name).read_bytes().lstrip(b"\n").startswith(start.lstrip(b"\n"))


def test_images_are_written_beside_the_report(records, tmp_path, capsys):
    pytest.importorskip("vl_convert")
    assert run(records, "--images", tmp_path / "images") == 0
    assert len(list((tmp_path / "images").iterdir())) == 6
    assert "6 images in" in capsys.readouterr().err


def test_parquet_is_not_printed(records):
    with pytest.raises(UsageError, match="name a file with --out"):
        run(records, "--format", "parquet")


def test_a_missing_library_leaves_the_table_working(records, monkeypatch, capsys):
    from manyhands.report.page import script

    monkeypatch.setattr(script, "find_spec", lambda name: None)
    with pytest.raises(Unavailable, match=r"needs vl_convert, jinja2: pip install 'manyhands\[report\]'"):
        run(records, "--format", "html")
    assert run(records) == 0
    assert "speed-up" in capsys.readouterr().out


def test_a_report_never_replaces_its_input(records, tmp_path):
    before = records.read_bytes()
    link, hard = tmp_path / "link.md", tmp_path / "hard.html"
    link.symlink_to(records)
    hard.hardlink_to(records)
    for out in (records, link, hard, tmp_path / ".." / tmp_path.name / "records.jsonl"):
        for given in (records, tmp_path):
            with pytest.raises(UsageError, match=r"is the input .*records.jsonl, and a report would replace its records"):
                run(given, "--format", "markdown", "-o", out)
    assert records.read_bytes() == before


def test_a_folder_stands_for_its_record_files(records, tmp_path, capsys):
    (tmp_path / "note.md").write_text("no records")
    assert run(tmp_path, "--format", "json") == 0
    assert len(json.loads(capsys.readouterr().out)["records"]) == 12
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(RecordError, match=r"no record file \(\*.jsonl\) in the folder"):
        run(empty)


def test_records_come_through_a_pipe(records):
    command = [sys.executable, "-m", "manyhands", "report", "-", "--format", "json"]
    done = subprocess.run(command, input=records.read_bytes(), capture_output=True, check=True, timeout=60)
    assert len(json.loads(done.stdout)["records"]) == 12


def test_full_disk_leaves_the_older_page_as_it_was(records, tmp_path):
    page = tmp_path / "page.json"
    run(records, "-o", page)
    before = page.read_bytes()
    limited = "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
    limited += "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096));"
    limited += "from manyhands.cli import main; raise SystemExit(main())"
    command = [sys.executable, "-c", limited, "report", str(records), "-o", str(page)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert done.stderr.startswith(f"manyhands: cannot write the report to {page}: File too large")
    assert page.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["page.json", "records.jsonl"]
