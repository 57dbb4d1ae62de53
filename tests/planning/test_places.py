"""`--data`, `--data-dir` and `--save`: what they mean together."""

from __future__ import annotations

from pathlib import Path

import pytest

from manyhands.cli import parser
from manyhands.cli.request_options import request_of
from manyhands.errors import DataError, UsageError
from manyhands.planning.places import data_place, save_place


def test_data_is_a_folder_or_an_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MANYHANDS_DATA", raising=False)
    assert data_place(None) == (None, None)
    assert data_place(str(tmp_path)) == (str(tmp_path), None)
    assert data_place("s3://data/mnist/") == (None, "s3://data/mnist")
    monkeypatch.setenv("MANYHANDS_DATA", str(tmp_path))
    assert data_place(None) == (str(tmp_path), None)
    assert data_place("https://host/x") == (None, "https://host/x")


def test_both_spellings_are_one_option(tmp_path: Path) -> None:
    for spelling in ("--data", "--data-dir"):
        assert request_of(parser().parse_args(["run", spelling, str(tmp_path)])).data == str(tmp_path)


def test_both_at_once_and_what_is_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--data and --data-dir both name the place of the data"):
        request_of(parser().parse_args(["run", "--data", "s3://data", "--data-dir", str(tmp_path)]))
    with pytest.raises(DataError, match="no folder"):
        data_place(str(tmp_path / "none"))


def test_a_model_goes_to_a_path_or_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert save_place(None) is None
    assert save_place("m.pt") == str(tmp_path / "m.pt")
    assert save_place("s3://models/mnist/m.pt") == "s3://models/mnist/m.pt"
    for bad in ("s3://models", "https://host/m.pt"):
        with pytest.raises(UsageError, match="cannot hold a model"):
            save_place(bad)
