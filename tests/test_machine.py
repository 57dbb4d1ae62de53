"""Usable cores count affinity and quota; versions are read without importing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from manyhands.errors import Unavailable
from manyhands.machine import cgroup_quota, describe_code, describe_machine, installed_versions, require_libraries, usable_cores


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_tightest_quota_of_a_v2_cgroup_and_its_parents_counts(tmp_path: Path) -> None:
    write(tmp_path / "membership", "0::/job/step\n")
    write(tmp_path / "cg/job/step/cpu.max", "max 100000\n")
    write(tmp_path / "cg/job/cpu.max", "150000 100000\n")
    assert cgroup_quota(tmp_path / "cg", tmp_path / "membership") == 1.5


def test_quota_of_a_v1_cgroup(tmp_path: Path) -> None:
    write(tmp_path / "membership", "4:memory:/job\n3:cpu,cpuacct:/job\n")
    write(tmp_path / "cg/cpu,cpuacct/job/cpu.cfs_quota_us", "300000\n")
    write(tmp_path / "cg/cpu,cpuacct/job/cpu.cfs_period_us", "100000\n")
    assert cgroup_quota(tmp_path / "cg", tmp_path / "membership") == 3.0


def test_no_quota_is_none(tmp_path: Path) -> None:
    write(tmp_path / "membership", "0::/\n")
    assert cgroup_quota(tmp_path / "cg", tmp_path / "membership") is None
    assert cgroup_quota(tmp_path / "cg", tmp_path / "missing") is None


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two cores to take one away")
def test_affinity_counts() -> None:
    code = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); from manyhands.machine import *; print(usable_cores())"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "1\n"
    assert usable_cores() >= 1


def test_machine_is_described_for_comparison() -> None:
    machine = describe_machine()
    assert machine["cores"] <= machine["cores_total"]
    assert machine["memory_bytes"] > 2**28
    assert all(machine[name] for name in ("host", "cpu_model", "os", "python"))


def test_only_installed_libraries_have_versions() -> None:
    assert set(installed_versions(["numpy", "no-such-library"])) == {"numpy"}


def test_missing_library_says_what_to_install() -> None:
    with pytest.raises(Unavailable, match=r"pip install 'manyhands\[torch\]'"):
        require_libraries("ddp", ["no_such_library"], "torch")
    require_libraries("ddp", ["json"], "torch")


def test_code_is_empty_outside_a_checkout(tmp_path: Path) -> None:
    assert describe_code(tmp_path) == {}
