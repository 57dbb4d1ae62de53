"""Marked lines of a run's output: each told once, whole, whatever an engine puts before them."""

from __future__ import annotations

from pathlib import Path

from manyhands.notices import MARK, Notices


def test_each_marked_line_is_told_once_and_only_when_whole(tmp_path: Path) -> None:
    told: list[str] = []
    log = tmp_path / "log"
    notices = Notices(log, told.append)
    notices.look()
    with log.open("w") as file:
        file.write(f"other output\n{MARK}first\n(Worker pid=1) {MARK}sec")
        file.flush()
        notices.look()
        assert told == ["first"]
        file.write("ond\nmore\n")
    notices.look()
    notices.look()
    assert told == ["first", "second"]
