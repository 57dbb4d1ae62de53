"""The record names the user's code: the commit of the user's repository and hashes of the files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from repository import git

from manyhands.analysis.example import example_record
from manyhands.plan import RunSpec
from manyhands.record import Record
from manyhands.user_code import code_of, is_current, sha256

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
    assert code["files"] == {"train.py": sha256(tmp_path / "train.py")}
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


def test_a_record_is_current_until_one_of_its_files_changes(spec: RunSpec, tmp_path: Path) -> None:
    files = {name: str(sha256(tmp_path / name)) for name in ("train.py", "model.py")}
    code = code_of(spec, OURS, files)
    record = record_of(spec, code)
    assert is_current(record)
    (tmp_path / "model.py").write_text("WIDTH = 4\n")
    assert not is_current(record)
    (tmp_path / "model.py").unlink()
    assert not is_current(record)
