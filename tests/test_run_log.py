"""Long output is kept short, on the disk and in the kept log."""

from __future__ import annotations

from pathlib import Path

import pytest

from manyhands import run_log
from manyhands.run_log import ends_of, last_lines, outputs, reason_of_abort, shorten

BLOCKS = 512
"""Bytes of the unit of `st_blocks`."""


@pytest.fixture
def long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of 4 MB where 1 MB is long."""
    monkeypatch.setattr(run_log, "LONGEST", 2**20)
    monkeypatch.setattr(run_log, "END", 2**16)
    path = tmp_path / "log"
    path.write_bytes(b"first\n" + b"x" * 4_000_000 + b"\nlast\n")
    return path


def test_the_middle_of_long_output_is_given_back_to_the_disk_while_its_writer_goes_on(long: Path) -> None:
    before = long.stat()
    with long.open("ab") as writer:
        shorten(long)
        writer.write(b"later\n")
    after = long.stat()
    assert after.st_size == before.st_size + 6
    assert after.st_blocks * BLOCKS < 4 * 2**16 < before.st_blocks * BLOCKS
    assert last_lines(long)[-2:] == ["last", "later"]


def test_the_ends_of_long_output_are_kept_with_the_number_of_bytes_between(long: Path) -> None:
    kept = ends_of(long)
    assert kept.startswith(b"first\n")
    assert kept.endswith(b"\nlast\n")
    assert f"\n... {long.stat().st_size - 2 * 2**16} bytes left out ...\n".encode() in kept
    assert len(kept) < 3 * 2**16


def test_short_output_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"one\n\ntwo\n")
    shorten(path)
    assert ends_of(path) == b"one\n\ntwo\n"
    assert last_lines(path) == ["one", "two"]
    assert last_lines(tmp_path / "none") == []


def test_the_outputs_of_a_run_are_its_log_and_those_of_a_scripts_workers(tmp_path: Path) -> None:
    folder = tmp_path / "engine" / "script-x"
    folder.mkdir(parents=True)
    for name in ("rank-1.out", "rank-0.out", "rank-0.json"):
        (folder / name).touch()
    assert outputs(tmp_path) == [tmp_path / "log", folder / "rank-0.out", folder / "rank-1.out"]


def test_the_message_of_a_c_exception_is_the_reason_and_not_its_stack_trace(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(
        "starting\nterminate called after throwing an instance of 'dmlc::Error'\n"
        "  what():  [08:11:40] /x/result.cc:83: [socket.cc:88|08:11:40]:\n\n"
        "- [socket.h:79|08:11:40]: send system error:Broken pipe\nStack trace:\n  [bt] (0) lib.so(+0x2c) [0x7e]\n"
    )
    assert reason_of_abort(last_lines(log)) == "send system error:Broken pipe"
    log.write_text("terminate called\n  what():  no room\n")
    assert reason_of_abort(last_lines(log)) == "no room"
    log.write_text("nothing of that kind\n")
    assert reason_of_abort(last_lines(log)) is None
