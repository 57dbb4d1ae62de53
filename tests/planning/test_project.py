"""`[tool.manyhands]`: found from the working folder up to the root of the repository, checked, and overruled by what is given."""

from __future__ import annotations

from pathlib import Path

import pytest

from manyhands.errors import UsageError
from manyhands.planning.project import KEYS, find_project, with_project
from manyhands.planning.request import OPTIONS, Request

TABLE = """
[tool.manyhands]
workloads = ["train.py", "nets/own.py:Net"]
backends = ["serial", "nets/own.py:Engine"]
workers = [1, 2]
data = "rows"
settings = { hidden = 3, depth = 2 }
batch-size = 8
args = ["--lr", "0.1"]
sync = ["every-step", "nets/own.py:Agrees=3"]
limit = true
target = "accuracy=0.9"
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with the table at its root, seen from a folder below that has a pyproject.toml without the table."""
    (tmp_path / "repository" / ".git").mkdir(parents=True)
    root = tmp_path / "repository"
    (root / "pyproject.toml").write_text(TABLE)
    inner = root / "part" / "inner"
    inner.mkdir(parents=True)
    (root / "part" / "pyproject.toml").write_text("[tool.other]\nworkers = 3\n")
    monkeypatch.chdir(inner)
    return root


def test_the_table_gives_what_is_not_given_with_paths_as_seen_from_its_file(root: Path) -> None:
    lines: list[str] = []
    asked = with_project(Request(), (), say=lines.append)
    assert asked == Request.of(
        str(root / "train.py"),
        f"{root}/nets/own.py:Net",
        backend=["serial", f"{root}/nets/own.py:Engine"],
        workers=[1, 2],
        data=str(root / "rows"),
        set={"hidden": 3, "depth": 2},
        batch_size=8,
        args=["--lr", "0.1"],
        sync=["every-step", f"{root}/nets/own.py:Agrees=3"],
        limit=True,
        target="accuracy=0.9",
    )
    gives = "workloads, backends, workers, sync, limit, batch-size, settings, args, target, data"
    assert lines == [f"{root}/pyproject.toml: [tool.manyhands] gives {gives}"]


@pytest.mark.usefixtures("root")
def test_what_is_given_goes_before_the_table_also_where_it_is_the_default() -> None:
    asked = with_project(Request.of(workers=1, batch_size=4, set={"hidden": 5}), {"workers", "batch_size", "set"})
    assert (asked.workers, asked.batch_size, asked.set) == ((1,), 4, {"hidden": 5, "depth": 2})


@pytest.mark.usefixtures("root")
def test_settings_and_data_of_the_table_are_for_its_own_workloads() -> None:
    other = with_project(Request.of("cnn"), {"workloads"})
    assert other == Request.of("cnn", backend=other.backend, workers=[1, 2], sync=other.sync, limit=True)
    assert len(other.backend) == 2
    own = with_project(Request.of("../../train.py"), {"workloads"})
    assert (own.workloads, own.args, own.batch_size) == (("../../train.py",), ("--lr", "0.1"), 8)


@pytest.mark.usefixtures("root")
def test_a_study_and_options_that_a_command_has_no_use_for_are_left_alone() -> None:
    assert with_project(Request.of(study="lstm-spark"), {"study"}) == Request.of(study="lstm-spark")
    asked = with_project(Request(), (), without=["workers"], otherwise={"workers": (4,), "timeout": 9.0, "backend": ("ddp",)})
    assert (asked.workers, asked.timeout) == ((4,), 9.0)
    assert asked.backend[0] == "serial"


def test_the_search_ends_at_the_root_of_the_repository(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "pyproject.toml").rename(root.parent / "pyproject.toml")
    assert find_project(root / "part") is None
    assert with_project(Request(), ()) == Request()
    outside = root.parent
    assert find_project(outside)
    (outside / "no repository").mkdir()
    assert find_project(outside / "no repository") is None


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ("wokers = [1]", "[tool.manyhands] has no key 'wokers'; did you mean 'workers'? keys: workloads, backends, workers,"),
        ("study = 'lstm-spark'", "[tool.manyhands] has no key 'study'; keys: workloads, backends,"),
        ("workers = 'two'", "[tool.manyhands] workers 'two' is not a list of whole numbers above 0, such as 1,2,4"),
        ("workers = [1, 'two']", "[tool.manyhands] workers [1, 'two'] is not a list of whole numbers above 0, such as 1,2,4"),
        ("backends = {}", "[tool.manyhands] backends {} is not a list of names"),
        ("settings = 3", "[tool.manyhands] settings 3 is not a mapping of names to values"),
        ("shard-data = 1", "[tool.manyhands] shard-data 1 is not True or False"),
        ("data = 3", "[tool.manyhands] data 3 is not a text"),
        ("scaling = 'slow'", "[tool.manyhands] scaling 'slow' is not one of fixed, growing"),
        ("until = '200%'", "[tool.manyhands] until '200%' is not winner, or the half-width of every speed-up"),
        ("workers = ", "cannot be read: Invalid value (at line 2, column 11); correct the file"),
    ],
)
def test_a_wrong_key_or_value_is_one_line_with_the_file(
    table: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "pyproject.toml"
    file.write_text(f"[tool.manyhands]\n{table}\n")
    with pytest.raises(UsageError) as error:
        with_project(Request(), ())
    assert str(error.value).startswith(str(file))
    assert reason in str(error.value)


@pytest.mark.parametrize("text", ["[tool]\nmanyhands = 3\n", "[tool]\nmanyhands = []\n"])
def test_what_is_no_table_is_named(text: str, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(UsageError, match=r"tool\.manyhands is .*; write a table \[tool\.manyhands\] with the keys workloads, "):
        find_project(tmp_path)


@pytest.mark.parametrize(
    "content", [bytes(range(256)), "a = 1".encode("utf-16"), b"[" * 100_000, b"a = " + b"[" * 100_000], ids=range(4)
)
def test_a_broken_file_is_one_line(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_bytes(content)
    with pytest.raises(UsageError, match=r"pyproject\.toml cannot be read: .*; correct the file"):
        find_project(tmp_path)


@pytest.mark.parametrize("text", ["", "tool = 3\n", "[tool.other]\n"])
def test_a_file_without_the_table_is_no_project(text: str, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    assert find_project(tmp_path) is None


def test_the_table_in_the_docs_is_well_formed(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "your-training.md").read_text()
    (tmp_path / "pyproject.toml").write_text(page.partition("```toml\n")[2].partition("```")[0])
    project = find_project(tmp_path)
    assert project
    assert project.options["backend"] == ("serial", "ddp")


def test_every_option_is_a_key_but_those_of_one_command_or_one_machine() -> None:
    assert set(OPTIONS) - set(KEYS.values()) == {"study", "variant", "budget", "save", "node_rank"}
