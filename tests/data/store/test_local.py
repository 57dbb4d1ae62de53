"""A local folder or file as a store."""

from __future__ import annotations

from pathlib import Path

import pytest

from manyhands.data.store.base import Entry
from manyhands.data.store.opening import open_store
from manyhands.errors import DataError


def test_lists_reads_writes_and_deletes(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    store.write(b"hello", "sub/x")
    (tmp_path / ".hidden").write_bytes(b"x")
    assert store.listing() == [Entry("sub/x", 5)]
    assert store.read("sub/x") == b"hello"
    assert store.read("sub/x", 1, 3) == b"el"
    store.delete("sub/x")
    assert store.listing() == []


def test_what_is_missing_or_short_is_reported(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    with pytest.raises(DataError, match="no folder"):
        open_store(str(tmp_path / "none")).listing()
    with pytest.raises(DataError, match="no file"):
        open_store(str(tmp_path / "none")).read()
    with pytest.raises(DataError, match="cannot read"):
        open_store(str(tmp_path)).read()
    with pytest.raises(DataError, match="x ends before byte 9"):
        open_store(str(tmp_path / "x")).read("", 0, 9)


def test_a_place_to_write_to_is_checked_first(tmp_path: Path) -> None:
    open_store(str(tmp_path / "new" / "model.pt")).prepare_writing()
    assert (tmp_path / "new").is_dir()
    with pytest.raises(DataError, match="is a folder; name a file in it"):
        open_store(str(tmp_path)).prepare_writing()
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="cannot make"):
        open_store(str(tmp_path / "file" / "model.pt")).prepare_writing()
