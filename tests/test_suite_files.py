"""A suite measures the same file from whatever folder it is started."""

from __future__ import annotations

from pathlib import Path

import pytest

from manyhands.errors import UsageError
from manyhands.suite_files import located, split


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """The file of a suite in a repository, with files to measure above it and outside."""
    for name in (
        "outside.py",
        "repository/.git/HEAD",
        "repository/work/mine.py",
        "repository/train.py",
        "repository/bench/speed.py",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path / "repository" / "bench" / "speed.py"


@pytest.mark.parametrize(
    ("name", "found"),
    [("train.py", "train.py"), ("work/mine.py:build", "work/mine.py:build"), ("speed.py:Own", "bench/speed.py:Own")],
)
def test_a_file_is_found_in_the_nearest_folder_that_has_it(suite: Path, name: str, found: str) -> None:
    assert located(name, suite) == f"{suite.parents[1]}/{found}"


def test_other_names_and_absolute_paths_stay(suite: Path) -> None:
    assert [located(name, suite) for name in ("cnn", f"{suite}:Own", str(suite))] == ["cnn", f"{suite}:Own", str(suite)]


@pytest.mark.parametrize(
    ("name", "words"), [("outside.py", "no file outside.py in "), ("none.py:build", "no file none.py for 'build' in ")]
)
def test_a_file_outside_of_the_repository_is_not_looked_at(suite: Path, name: str, words: str) -> None:
    with pytest.raises(UsageError, match=f"^{words}{suite.parent} or a folder above it in its repository$"):
        located(name, suite)


def test_the_name_in_a_file_is_split_off() -> None:
    assert split("a/mine.py:build") == ("a/mine.py", "build")
    assert split("a/train.py") == ("a/train.py", "")
