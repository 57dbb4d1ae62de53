import os
from pathlib import Path

import pytest

from manyhands.temporary import is_left_over, make_folder, own_prefix, sweep_leftovers, temporary_folder


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


def test_folder_of_an_earlier_process_with_the_number_of_a_living_one_is_left_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a container, where the first processes have the same numbers each time."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = make_folder("compare-")
    assert not is_left_over(folder)
    start = folder.name.removeprefix(f"{own_prefix()}{os.getpid()}-").partition(".")[0]
    assert is_left_over(Path(folder.name.replace(f"-{start}.", f"-{int(start) - 1}.")))
