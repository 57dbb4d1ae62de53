"""Writing whole or not at all."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from full_disk import on_full_disk

from manyhands.data.atomic_write import write_whole
from manyhands.errors import DataError


def test_writes_the_parts_one_after_the_other_in_a_new_folder(tmp_path: Path) -> None:
    write_whole(tmp_path / "new" / "file", [b"one ", memoryview(b"two")])
    assert (tmp_path / "new" / "file").read_bytes() == b"one two"
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["file"]


def test_a_full_disk_leaves_the_older_file_and_nothing_else(tmp_path: Path) -> None:
    write_whole(tmp_path / "file", [b"older"])
    code = """
from manyhands.data.atomic_write import write_whole
write_whole(path, [bytes(600), bytes(600)])
"""
    done = on_full_disk(1000, code, tmp_path / "file")
    assert done.returncode == 1
    assert re.match(r"manyhands.errors.DataError: cannot write .*file: .*make room", done.stderr.splitlines()[-1])
    assert (tmp_path / "file").read_bytes() == b"older"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_an_interruption_leaves_nothing(tmp_path: Path) -> None:
    def interrupted() -> Iterator[bytes]:
        yield b"half"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "file", interrupted())
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DataError, match="cannot write"):
        write_whole(tmp_path / "file" / "below", [b"x"])
    with pytest.raises(DataError, match="cannot write"):
        write_whole(tmp_path, [b"x"])
