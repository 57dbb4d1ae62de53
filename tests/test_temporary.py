from pathlib import Path

import pytest

from manyhands.temporary import own_prefix, sweep_leftovers, temporary_folder


def test_folder_is_gone_afterwards_with_what_is_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with temporary_folder() as folder:
        (folder / "file").touch()
        assert folder.name.startswith(own_prefix())
    assert not list(tmp_path.iterdir())


def test_folders_of_killed_runs_are_swept_but_not_those_of_living_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    dead, living, other = (tmp_path / f"{own_prefix()}{name}" for name in ("4194305-a", "1-b", "notes"))
    for folder in (dead, living, other):
        folder.mkdir()
    sweep_leftovers()
    assert not dead.exists()
    assert living.exists()
    assert other.exists()
