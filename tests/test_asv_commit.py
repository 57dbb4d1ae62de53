"""asv measures the files of each commit, by the variables that it gives to the processes of an environment that it has made."""

from __future__ import annotations

from pathlib import Path

import pytest

from manyhands.asv.measured_commit import of_commit
from manyhands.errors import UsageError

COMMIT = "0123456789abcdef"


@pytest.fixture
def suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A suite in a repository, and an environment into which asv has checked a commit out that has one of its two scripts."""
    for name in (
        "home/.git/HEAD",
        "home/old.py",
        "home/new.py",
        "home/bench/speed.py",
        "home/bench/own.py",
        "env/project/old.py",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.setenv("ASV_ENV_DIR", str(tmp_path / "env"))
    monkeypatch.setenv("ASV_COMMIT", COMMIT)
    return tmp_path / "home" / "bench" / "speed.py"


def test_a_file_is_that_of_the_commit(suite: Path, tmp_path: Path) -> None:
    home = suite.parents[1]
    assert of_commit(f"{home}/old.py", suite) == f"{tmp_path}/env/project/old.py"
    assert of_commit(f"{home}/old.py:build", suite) == f"{tmp_path}/env/project/old.py:build"


def test_a_file_that_the_commit_lacks_is_named(suite: Path) -> None:
    with pytest.raises(UsageError, match=r"^commit 0123456789ab has no file new.py; measure later commits$"):
        of_commit(f"{suite.parents[1]}/new.py:build", suite)


def test_a_file_beside_the_suite_belongs_to_the_suite(suite: Path) -> None:
    own = f"{suite.parent}/own.py:Own"
    assert of_commit(own, suite) == own


@pytest.mark.parametrize("variable", ["ASV_ENV_DIR", "ASV_COMMIT"])
def test_in_another_environment_it_is_that_of_the_checkout(suite: Path, variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(variable)
    assert of_commit(f"{suite.parents[1]}/old.py", suite) == f"{suite.parents[1]}/old.py"
