"""Which folder of real data a run uses."""

from __future__ import annotations

from pathlib import Path

import pytest

from manyhands.data.folder import data_dir, first_file
from manyhands.errors import DataError


def test_the_given_folder_goes_before_the_variable_and_that_before_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given, named = tmp_path / "given", tmp_path / "named"
    given.mkdir()
    named.mkdir()
    monkeypatch.setenv("MANYHANDS_DATA", str(named))
    assert data_dir(str(given)) == given
    assert data_dir(None) == named
    monkeypatch.setenv("MANYHANDS_DATA", "")
    assert data_dir(None) is None
    monkeypatch.delenv("MANYHANDS_DATA")
    assert data_dir(None) is None


def test_a_folder_that_does_not_exist_is_an_error_that_says_who_named_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MANYHANDS_DATA", str(tmp_path / "absent"))
    with pytest.raises(DataError, match=r"no folder .*absent \(MANYHANDS_DATA\)"):
        data_dir(None)
    with pytest.raises(DataError, match=r"no folder .*other \(--data\)"):
        data_dir(str(tmp_path / "other"))


def test_the_first_folder_that_has_any_of_the_names_wins(tmp_path: Path) -> None:
    for folder, name in (("one", "b"), ("two", "a")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).touch()
    assert first_file([tmp_path / "one", tmp_path / "two"], ["a", "b"]) == tmp_path / "one" / "b"
    assert first_file([tmp_path / "two"], ["b"]) is None
