"""The record names the user's code: the commit of the user's repository and hashes of the files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from repository import git

from manyhands.analysis.cells import group_records
from manyhands.analysis.example import example_record
from manyhands.errors import EngineError
from manyhands.plan import RunSpec
from manyhands.record import Record
from manyhands.user_code import code_of, files_of, is_current, of_all_workers, sha256

OURS = {"commit": "0" * 40, "dirty": False}


def record_of(spec: RunSpec, code: Mapping[str, Any]) -> Record:
    return example_record(1.0, {"workload": spec.workload}, code=code)


@pytest.fixture
def spec(tmp_path: Path) -> RunSpec:
    """A script in a repository of its own."""
    script = tmp_path / "train.py"
    script.write_text("import model\n")
    (tmp_path / "model.py").write_text("WIDTH = 3\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    return RunSpec(workload=str(script), backend="serial")


def test_code_is_the_users_with_ours_beside_it(spec: RunSpec, tmp_path: Path) -> None:
    code = code_of(spec, OURS, {})
    assert (code["commit"], code["dirty"]) == (git(tmp_path, "rev-parse", "HEAD"), False)
    assert code["files"] == {name: sha256(tmp_path / name) for name in ("model.py", "train.py")}
    assert code["manyhands"] == OURS
    (tmp_path / "model.py").write_text("WIDTH = 4\n")
    assert code_of(spec, OURS, {})["dirty"]


def test_a_file_outside_of_any_repository_has_hashes_alone(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.touch()
    code = code_of(RunSpec(workload=str(script), backend="serial"), OURS, {})
    assert set(code) == {"files", "sha256", "manyhands"}


def test_code_of_other_workloads_is_ours() -> None:
    assert code_of(RunSpec(workload="cnn", backend="serial"), OURS, {}) == OURS


def test_a_class_in_a_users_file_is_users_code_too(tmp_path: Path) -> None:
    file = tmp_path / "nets.py"
    file.write_text("class Net: ...\n")
    spec = RunSpec(workload=f"{file}:Net", backend="serial")
    before = code_of(spec, OURS, {})
    file.write_text("class Net: wider = True\n")
    assert code_of(spec, OURS, {})["sha256"] != before["sha256"]
    assert not is_current(record_of(spec, before))


def test_files_of_a_package_are_found_from_its_root(tmp_path: Path) -> None:
    texts = {
        "training/__init__.py": "",
        "training/part.py": "",
        "training/deep/__init__.py": "",
        "training/deep/near.py": "",
        "training/deep/mine.py": "import near\nfrom ..part import SIZE\n\ndef build(): ...\n",
        "outside.py": "",
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    spec = RunSpec(workload=f"{tmp_path}/training/deep/mine.py:build", backend="serial")
    code = code_of(spec, OURS, {})
    assert list(code["files"]) == ["training/__init__.py", "training/deep/mine.py", "training/deep/near.py", "training/part.py"]
    assert is_current(record_of(spec, code))
    (tmp_path / "training" / "part.py").write_text("SIZE = 3\n")
    assert not is_current(record_of(spec, code))


def test_modules_beside_a_file_are_found_in_its_text_however_they_are_imported(tmp_path: Path) -> None:
    texts = {
        "mine.py": "import numpy, plain.part\n\ndef build():\n    from package import inner\n    import late\n",
        "late.py": "from missing import anything\n",
        "plain/part.py": "def broken(:\n",
        "plain/other.py": "",
        "package/__init__.py": "from .sub import thing\n",
        "package/inner.py": "from . import side\nimport mine\n",
        "package/side.py": "from ..late import nothing\n",
        "package/sub/__init__.py": "",
        "package/sub/thing.py": "",
        "package/unused.py": "",
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    found = files_of(tmp_path / "mine.py")
    assert list(found) == sorted(set(texts) - {"plain/other.py", "package/unused.py"})
    assert found["late.py"] == sha256(tmp_path / "late.py")


def test_workers_ran_the_same_code_also_when_one_imported_more() -> None:
    assert of_all_workers([{"a.py": "1", "b.py": "2"}, {"a.py": "1"}], "ddp") == {"a.py": "1", "b.py": "2"}
    with pytest.raises(EngineError, match=r"^ddp: the workers ran different versions of a\.py, c\.py$"):
        of_all_workers([{"a.py": "1", "b.py": "2", "c.py": "3"}, {"a.py": "2", "c.py": "4"}], "ddp")


@pytest.mark.parametrize("field", ["backend", "sync"])
def test_code_of_a_users_backend_or_strategy_is_beside_that_of_the_workload_and_makes_rows_of_its_own(
    field: str, tmp_path: Path
) -> None:
    file = tmp_path / "engine.py"
    spec = RunSpec(**{"workload": "cnn", "backend": "ddp", "workers": 2} | {field: f"{file}:Engine"})

    def record(text: str) -> Record:
        file.write_text(text)
        return example_record(1.0, {"workload": "cnn", field: getattr(spec, field)}, code=code_of(spec, OURS, {}))

    first, second = record("class Engine: ..."), record("class Engine: other = True")
    assert first.code["commit"] == OURS["commit"]
    assert not is_current(first)
    assert is_current(second)
    (group,) = group_records([first, second])
    assert len(group.cells) == 2


def test_a_record_is_current_until_one_of_its_files_changes(spec: RunSpec, tmp_path: Path) -> None:
    files = {name: str(sha256(tmp_path / name)) for name in ("train.py", "model.py")}
    code = code_of(spec, OURS, files)
    record = record_of(spec, code)
    assert is_current(record)
    (tmp_path / "model.py").write_text("WIDTH = 4\n")
    assert not is_current(record)
    (tmp_path / "model.py").unlink()
    assert not is_current(record)
