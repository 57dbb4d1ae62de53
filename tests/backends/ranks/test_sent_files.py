"""Files of a user that are sent to workers whose machine does not have them: they train with them, and keep nothing of them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from manyhands.backends.ranks.job import code_run
from manyhands.backends.ranks.sent_files import import_path_restored, job_of, received
from manyhands.errors import DataError, UsageError
from manyhands.plan import RunSpec
from manyhands.user_files import load

ADDRESS = "tcp://alpha:8786"
PROJECT = {
    "project/training/__init__.py": "",
    "project/training/mine.py": "from pathlib import Path\nimport near\nfrom .parts import sizes\n\n\n"
    "def build():\n    return near.WIDTH * sizes.ROWS\n\n\ndef read():\n    return Path(__file__).with_name('rows.csv').read_text()\n",
    "project/training/near.py": "WIDTH = 3\n",
    "project/training/parts/__init__.py": "",
    "project/training/parts/sizes.py": "ROWS = 4\n",
    "project/training/other.py": "",
    "project/training/rows.csv": "1,2\n",
}
SENT = [name.removeprefix("project/") for name in PROJECT if not name.endswith(("other.py", ".csv"))]
IN_A_SESSION = """
import sys
from pathlib import Path
sys.path.insert(0, "project/training")
import near
from manyhands.pickled.code_file import write
def build(): return near.WIDTH
print(write(build, Path("code")))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder with a project; this process imports nothing of it for good."""
    for name, text in PROJECT.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    with import_path_restored(tmp_path):
        yield tmp_path


def job(folder: Path, function: str = "build", moved: bool = True) -> Any:
    """The job that the driver gives to workers of a running cluster; then the project is somewhere else, unless not `moved`."""
    spec = RunSpec(workload=f"{folder}/project/training/mine.py:{function}", backend="dask", address=ADDRESS)
    with import_path_restored(folder):
        made = job_of(spec)
    if moved:
        (folder / "project").rename(folder / "elsewhere")
    return made


def test_a_worker_without_the_file_loads_it_with_its_package_and_keeps_nothing(folder: Path) -> None:
    before = list(sys.path)
    sent = job(folder)
    assert list(sent["sent"]["workload"]["files"]) == sorted(SENT)
    with received(sent) as spec:
        assert load(spec.workload)() == 12
        assert list(code_run(spec)) == sorted(SENT), "paths in a record are those of the user's folder"
        place = Path(spec.workload.rpartition(":")[0])
        assert place.is_file()
    assert not place.exists()
    assert sys.path == before
    assert not {"near", "training", "training.parts.sizes", "manyhands_file_mine"} & set(sys.modules)


def test_a_worker_that_has_the_same_files_uses_its_own(folder: Path) -> None:
    sent = job(folder, "read", moved=False)
    with received(sent) as spec:
        assert spec.workload == sent["spec"]["workload"]
        assert load(spec.workload)() == "1,2\n"


def test_a_worker_with_another_version_trains_that_of_the_user(folder: Path) -> None:
    sent = job(folder, moved=False)
    (folder / "project/training/near.py").write_text("WIDTH = 100\n")
    with received(sent) as spec:
        assert load(spec.workload)() == 12


def test_a_strategy_of_the_users_is_sent_too(folder: Path) -> None:
    name = f"{folder}/project/training/near.py:WIDTH=8"
    with import_path_restored(folder):
        sent = job_of(RunSpec(workload="cnn", backend="dask", workers=2, address=ADDRESS, sync=name))
    (folder / "project").rename(folder / "elsewhere")
    with received(sent) as spec:
        assert spec.sync.endswith("/training/near.py:WIDTH=8")
        assert load(spec.sync.removesuffix("=8")) == 3


def test_what_was_not_sent_is_one_line(folder: Path) -> None:
    sent = job(folder, "read")
    there = folder / "project"
    why = f"was sent training/__init__.py, training/mine.py, .* alone, because {there} is not the same there"
    with pytest.raises(DataError, match=f"^no file {there}/training/rows.csv: .* {why}; put data where"), received(sent) as spec:
        load(spec.workload)()
    del sent["sent"]["workload"]["files"]["training/near.py"]
    cause = f"{there}/training/mine.py:2 cannot be loaded: ModuleNotFoundError: No module named 'near'"
    with pytest.raises(UsageError, match=f"^{cause}; .*{why}$"), received(sent):
        pass


def test_a_function_of_a_notebook_takes_its_modules_along(folder: Path) -> None:
    done = subprocess.run([sys.executable, "-c", IN_A_SESSION], cwd=folder, capture_output=True, text=True, check=True)
    name = done.stdout.strip()
    with import_path_restored(folder):
        sent = job_of(RunSpec(workload=name, backend="dask", address=ADDRESS))
    of_cell = sent["sent"]["workload"]
    assert (list(of_cell["files"]), list(of_cell["modules"])) == (["build.py"], ["near.py"])
    for moved in ("project", "code"):
        (folder / moved).rename(folder / f"{moved}-elsewhere")
    with received(sent) as spec:
        assert load(spec.workload)() == 3
        assert list(code_run(spec)) == ["build.py"]


def test_nothing_is_sent_to_workers_of_this_machine_and_of_a_workload_of_ours(folder: Path) -> None:
    for spec in (
        RunSpec(workload=f"{folder}/project/training/mine.py:build", backend="dask"),
        RunSpec(workload="cnn", backend="dask", address=ADDRESS),
    ):
        sent = job_of(spec)
        assert sent["sent"] == {}
        with received(sent) as same:
            assert same == spec
