"""Records are immutable, whole lines, and refused when they are not what they say."""

import dataclasses
import json
import math
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from full_disk import on_full_disk
from hypothesis import given
from hypothesis import strategies as st

from manyhands.errors import DamagedLine, RecordError
from manyhands.record import PHASES, SCHEMA, Record, append_record, check_writable, cut_lines, read_records

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
SECONDS = st.none() | st.floats(0, 1e6, exclude_min=True)


def record(**changes: Any) -> Record:
    return Record(
        **({"id": "a1", "spec": {"workload": "cnn"}, "status": "ok", "started_at": "2026-01-01T00:00:00+00:00"} | changes)
    )


@given(
    spec=st.dictionaries(st.text().map("own {}".format), JSON, max_size=4),
    phases=st.fixed_dictionaries({}, optional={f"{phase}_s": SECONDS for phase in PHASES}),
    history=st.lists(st.dictionaries(st.text().map("own {}".format), JSON, max_size=3), max_size=3),
    wall_s=SECONDS,
)
def test_round_trip(spec: dict[str, Any], phases: dict[str, Any], history: list[dict[str, Any]], wall_s: float | None) -> None:
    made = record(spec=spec, phases=phases, history=history, wall_s=wall_s)
    line = made.to_json()
    assert "\n" not in line
    assert Record.from_json(line) == made


def test_numbers_that_json_cannot_hold_become_null() -> None:
    line = record(quality={"loss": math.nan, "deep": [math.inf, 1.0]}).to_json()
    assert json.loads(line)["quality"] == {"loss": None, "deep": [None, 1.0]}


def test_record_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        record().status = "failed"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"status": "great"}, "none of ok, failed, skipped"),
        ({"status": "failed"}, "needs a reason"),
        ({"phases": {"nap_s": 1.0}}, "unknown phase nap_s"),
        ({"train_split": {"think_s": 1.0}}, "unknown part of train think_s"),
        ({"phases": {"train_s": -3.0}}, "train_s is -3.0, which is no number of seconds from 0 on"),
        ({"phases": {"launch_s": "soon"}}, "launch_s is 'soon', which is no number of seconds from 0 on"),
        ({"wall_s": -1}, "wall_s is -1, which is no number"),
        ({"schema": SCHEMA + 1}, f"schema {SCHEMA + 1} is unknown"),
    ],
)
def test_impossible_record_is_refused_when_made(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(RecordError, match=words):
        record(**changes)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "not JSON"),
        ("[1]", "no 'schema'"),
        ('{"schema": 99}', "schema 99 is unknown; this version reads schema 1"),
        ('{"schema": 1}', "missing fields id, spec, started_at, status"),
        ('{"schema": 1, "id": "a", "spec": {}, "status": "ok", "started_at": "", "extra": 1}', "unknown fields extra"),
        (
            '{"schema": 1, "id": "a", "spec": [], "status": "ok", "started_at": "", "phases": 3, "machine": null, "history": {}}',
            "fields of the wrong type: spec, phases, history, machine",
        ),
        ('{"schema": ' + "[" * 100_000, "lie too deep"),
        ('{"schema": ' + "9" * 5_000 + "}", "a number is too long"),
        ('{"schema": 1, "id": "\\ud83d", "spec": {}, "status": "ok", "started_at": ""}', "not UTF-8"),
    ],
)
def test_line_that_is_no_record_is_refused_with_file_and_line(tmp_path: Path, line: str, words: str) -> None:
    path = tmp_path / "records.jsonl"
    append_record(path, record())
    with path.open("a") as file:
        file.write(line + "\n")
    with pytest.raises(RecordError, match=words) as caught:
        read_records(path)
    assert f"{path}:2:" in str(caught.value)


def test_appending_keeps_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "records.jsonl"
    made = [record(id=str(number)) for number in range(3)]
    for one in made:
        append_record(path, one)
    assert read_records(path) == made


def test_last_line_that_was_cut_is_left_out_with_a_warning_and_later_records_are_whole(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    append_record(path, record(id="first"))
    cut = record(id="cut", command="x" * 100_000, reason="é").to_json().encode()[:-1]
    with path.open("ab") as file:
        file.write(cut)
    with pytest.warns(DamagedLine, match=f"{path}:2: left out, cut when its writer was killed"):
        assert [one.id for one in read_records(path)] == ["first"]
    with pytest.warns(DamagedLine, match=f"is now in {cut_lines(path)}"):
        append_record(path, record(id="second"))
    assert [one.id for one in read_records(path)] == ["first", "second"]
    assert cut_lines(path).read_bytes() == cut + b"\n"


def test_cut_in_the_middle_of_a_letter_is_a_cut_line(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    append_record(path, record(id="first"))
    with path.open("ab") as file:
        file.write(record(command="é").to_json().encode().partition(b"\xc3")[0] + b"\xc3")
    with pytest.warns(DamagedLine, match="left out"):
        assert [one.id for one in read_records(path)] == ["first"]


def test_whole_last_record_without_a_line_break_gets_one(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    path.write_text(record(id="first").to_json())
    append_record(path, record(id="second"))
    assert [one.id for one in read_records(path)] == ["first", "second"]
    assert not cut_lines(path).exists()


def test_byte_order_mark_is_read(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    path.write_text(record().to_json() + "\n", encoding="utf-8-sig")
    assert read_records(path) == [record()]


def test_two_writers_leave_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    code = """
import sys
from pathlib import Path
from manyhands.record import Record, append_record
for number in range(50):
    one = Record(id=f"{sys.argv[2]}-{number}", spec={}, status="ok", started_at="", command="x" * 5000)
    append_record(Path(sys.argv[1]), one)
"""
    writers = [subprocess.Popen([sys.executable, "-c", code, str(path), name]) for name in "ab"]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    assert len({one.id for one in read_records(path)}) == 100


def test_full_disk_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    append_record(path, record())
    before = path.read_bytes()
    code = """
from manyhands.record import Record, append_record
append_record(path, Record(id="second", spec={}, status="ok", started_at="", command="x" * 5000))
"""
    done = on_full_disk(len(before) + 100, code, path)
    assert done.returncode == 1
    raised = done.stderr.splitlines()[-1]
    assert raised.startswith("manyhands.errors.RecordError: ")
    assert "already there are kept" in raised
    assert str(path) in raised
    assert path.read_bytes() == before


def test_unwritable_output_is_said_before_anything_runs(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(RecordError, match="choose another file with --out"):
        check_writable(blocked / "records.jsonl")
    check_writable(tmp_path / "new.jsonl")
    assert not list(tmp_path.glob("new*"))


def test_two_that_begin_one_file_at_once_both_keep_their_records(tmp_path: Path) -> None:
    def begin(number: int) -> None:
        for path in files:
            started.wait()
            check_writable(path)
            append_record(path, record(id=str(number)))

    files = [tmp_path / f"{number}.jsonl" for number in range(50)]
    started = Barrier(2)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(begin, [1, 2]))
    assert [{one.id for one in read_records(path)} for path in files] == [{"1", "2"}] * len(files)


def test_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="make some with 'manyhands run --out"):
        read_records(tmp_path / "none.jsonl")


def test_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "binary.jsonl"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RecordError, match=f"{path}:1: not JSON"):
        read_records(path)
