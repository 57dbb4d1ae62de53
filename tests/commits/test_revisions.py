"""Real git repositories, made for the test."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import pytest
from repository import git

from manyhands.commits.revisions import CannotMeasure, checked_out, dependencies, in_repository, is_own_repository, unlike_pins
from manyhands.errors import UsageError
from manyhands.temporary import own_prefix


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two commits: `one`, then `two` with another file."""
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    (folder / "work.py").write_text("SPEED = 1\n")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "one")
    git(folder, "tag", "v1")
    (folder / "work.py").write_text("SPEED = 2\n")
    (folder / "gone.py").write_text("")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "two")
    monkeypatch.chdir(folder)
    return folder


def test_both_sides_lie_in_folders_of_one_length_and_are_gone_afterwards(repository: Path) -> None:
    with checked_out("v1", "main") as (base, head):
        assert (base.folder / "work.py").read_text() == "SPEED = 1\n"
        assert (head.folder / "work.py").read_text() == "SPEED = 2\n"
        assert len(str(base.folder)) == len(str(head.folder))
        assert base.environment()["PYTHONPATH"].startswith(str(base.folder))
        assert base.label.startswith("v1 (")
    assert not base.folder.exists()
    assert git(repository, "worktree", "list").count("\n") == 0


def test_the_working_tree_is_taken_with_what_is_in_no_commit(repository: Path) -> None:
    (repository / "work.py").write_text("SPEED = 3\n")
    (repository / "new.py").write_text("NEW = 1\n")
    (repository / "gone.py").unlink()
    with checked_out("v1", None) as (_, head):
        assert (head.folder / "work.py").read_text() == "SPEED = 3\n"
        assert (head.folder / "new.py").exists()
        assert not (head.folder / "gone.py").exists()
        assert head.dirty
        assert head.label.startswith("the working tree (")
        assert head.label.endswith(" with changes)")
    assert (repository / "work.py").read_text() == "SPEED = 3\n"


def test_renames_links_and_folders_in_the_tree_are_taken_as_they_are(repository: Path) -> None:
    git(repository, "mv", "work.py", "renamed.py")
    (repository / "link.py").symlink_to("renamed.py")
    (repository / "broken").symlink_to("nowhere")
    (repository / "gone.py").unlink()
    (repository / "gone.py").mkdir()
    (repository / "gone.py" / "inner.py").write_text("")
    (repository / b"latin-\xe9.txt".decode(errors="surrogateescape")).write_text("")
    with checked_out("v1", None) as (_, head):
        assert not (head.folder / "work.py").exists()
        assert (head.folder / "renamed.py").is_file()
        assert (head.folder / "link.py").is_symlink()
        assert (head.folder / "broken").is_symlink()
        assert (head.folder / "gone.py" / "inner.py").is_file()


def test_a_repository_inside_that_has_changes_is_told(repository: Path) -> None:
    inner = repository / "inner"
    inner.mkdir()
    git(inner, "init", "-q", "-b", "main")
    git(inner, "commit", "-q", "--allow-empty", "-m", "inner")
    with pytest.raises(CannotMeasure, match="is a repository of its own with changes"), checked_out("v1", None):
        pass


def test_pins_that_this_environment_does_not_meet_are_seen(tmp_path: Path) -> None:
    pins = tmp_path / "constraints.txt"
    assert unlike_pins(tmp_path) is None
    pins.write_text(f"# pins\nnumpy=={version('numpy')}\nno-such-library-of-anyone==1.0\n")
    assert unlike_pins(tmp_path) is None
    pins.write_text("numpy==0.0.1\n")
    assert unlike_pins(tmp_path) == f"numpy 0.0.1, here is {version('numpy')}"


def test_a_tree_without_changes_is_its_commit(repository: Path) -> None:
    with checked_out("v1", None) as (_, head):
        assert (head.name, head.dirty) == ("HEAD", False)


@pytest.mark.parametrize("name", ["nowhere", "--help", ""])
def test_a_revision_that_does_not_exist_is_named(repository: Path, name: str) -> None:
    with pytest.raises(CannotMeasure, match="no revision"), checked_out(name, None):
        pass
    assert git(repository, "worktree", "list").count("\n") == 0


def test_the_repository_of_manyhands_is_known_from_others(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not is_own_repository()
    (repository / "src" / "manyhands").mkdir(parents=True)
    monkeypatch.chdir(repository / "src")
    assert is_own_repository()


def test_outside_of_a_repository_there_is_nothing_to_compare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CannotMeasure, match="in no git repository"), checked_out("HEAD", None):
        pass


def test_one_environment_serves_both_until_they_need_different_libraries(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "constraints.txt").write_text("# a comment\nnumpy==2.0\n")
    assert dependencies(tmp_path / "a") == dependencies(tmp_path / "b")
    (tmp_path / "a" / "constraints.txt").write_text("numpy==2.0\n\n")
    assert dependencies(tmp_path / "a") == dependencies(tmp_path / "b")
    (tmp_path / "b" / "pyproject.toml").write_text("[tool.manyhands]\nworkers = 2\n[project]\nname = 'none'\n")
    assert dependencies(tmp_path / "a") == dependencies(tmp_path / "b"), "a pyproject.toml that needs nothing"
    (tmp_path / "b" / "constraints.txt").write_text("numpy==2.1\n")
    assert dependencies(tmp_path / "a") != dependencies(tmp_path / "b")
    (tmp_path / "b" / "pyproject.toml").write_text("[project")
    with pytest.raises(CannotMeasure, match="cannot be read"):
        dependencies(tmp_path / "b")


@pytest.mark.slow
def test_a_side_that_does_not_install_is_no_silent_pass(
    repository: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MANYHANDS_CACHE", str(tmp_path / "cache"))
    project = '[project]\nname = "other"\nversion = "1"\ndependencies = ["no-such-library-of-anyone==1.0"]\n[tool.setuptools]\npy-modules = []\n'
    (repository / "pyproject.toml").write_text(project)
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "needs what is not there")
    git(repository, "rm", "-q", "pyproject.toml")
    git(repository, "commit", "-qm", "needs it no more")
    with pytest.raises(CannotMeasure, match="does not install: ERROR"), checked_out("HEAD~1", None):
        pass
    assert list((tmp_path / "cache" / "environments").iterdir()) == []


@pytest.mark.parametrize("lost", [False, True])
def test_worktrees_of_a_killed_comparison_are_cleared_by_the_next(repository: Path, tmp_path: Path, lost: bool) -> None:
    killed, own = tmp_path / f"{own_prefix()}4194305-compare-x", tmp_path / "my own"
    git(repository, "worktree", "add", "--quiet", "--detach", str(own), "v1")
    git(repository, "worktree", "add", "--quiet", "--detach", str(killed / "base"), "v1")
    git(repository, "worktree", "lock", str(killed / "base"))
    if lost:
        (killed / "base" / "work.py").unlink()
        (killed / "base" / ".git").unlink()
        (killed / "base").rmdir()
    with checked_out("v1", "main"):
        pass
    left = git(repository, "worktree", "list")
    assert "compare-x" not in left
    assert "my own" in left


def test_files_of_a_user_are_named_as_each_side_has_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    top = tmp_path / "my.pyproject"
    top.mkdir()
    git(top, "init", "-q")
    monkeypatch.chdir(top)
    assert in_repository(f"{top}/jobs/train.py") == "jobs/train.py"
    assert in_repository(f"{top}/jobs/nets.py:Net") == "jobs/nets.py:Net"
    assert in_repository("cnn") == "cnn"
    with pytest.raises(UsageError, match=r"train\.py is outside of .*, so both commits would run the same file"):
        in_repository(f"{tmp_path}/train.py")
