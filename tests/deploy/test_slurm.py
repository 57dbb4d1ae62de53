"""`deploy/slurm` and what `manyhands run` takes from SLURM, in a real one of two nodes on this machine."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from slurm_cluster import cluster, missing

from manyhands.analysis.cells import group_records
from manyhands.cli import parser
from manyhands.cli.request_options import request_of
from manyhands.errors import UsageError
from manyhands.machine import usable_cores
from manyhands.planning.plan import slurm_step
from manyhands.planning.request import Request
from manyhands.record import read_records
from manyhands.slurm import Step, current_step

SCRIPTS = Path(__file__).parents[2] / "deploy" / "slurm"
STEP = {"SLURM_JOB_ID": "7", "SLURM_STEP_ID": "0", "SLURM_NODEID": "1", "SLURM_STEP_NODELIST": "n[1-2]"}
SMALL = ("--samples", "512", "--timeout", "100")


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"SLURM_JOB_ID": "7", "SLURM_NODEID": "0", "SLURM_NNODES": "2", "SLURM_NTASKS": "4"},  # the batch script itself
        STEP | {"SLURM_STEP_NUM_NODES": "1", "SLURM_STEP_NUM_TASKS": "1", "SLURM_NODEID": "0"},
    ],
)
def test_nothing_is_taken_from_slurm_where_srun_has_not_started_several_nodes(environ: dict[str, str]) -> None:
    assert current_step(environ) is None


@pytest.mark.parametrize("tasks", ["4", "1"])
def test_other_than_one_task_a_node_is_refused(tasks: str) -> None:
    with pytest.raises(UsageError, match=f"{tasks} tasks on 2 nodes.*--ntasks-per-node=1"):
        current_step(STEP | {"SLURM_STEP_NUM_NODES": "2", "SLURM_STEP_NUM_TASKS": tasks})


def test_without_slurms_own_tool_it_is_said_what_to_give(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UsageError, match="give --nodes, --address HOST:PORT and"):
        current_step(STEP | {"SLURM_STEP_NUM_NODES": "2", "SLURM_STEP_NUM_TASKS": "2"})


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (
            ["--address", "tcp://n1:8786"],
            "started this command on 2 nodes, and each of them would use the engine at tcp://n1:8786 alone",
        ),
        (["--node-rank", "1"], "--node-rank 1 needs --nodes and --address too; without them SLURM gives all three"),
    ],
)
def test_half_of_what_slurm_says_is_refused(words: list[str], reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("manyhands.planning.plan.current_step", lambda environ: Step(2, 0, "n1:12000"))
    with pytest.raises(UsageError, match=reason):
        slurm_step(request_of(parser().parse_args(["run", "mlp", *words])))
    assert slurm_step(Request.of("mlp")) == Step(2, 0, "n1:12000")


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a user of a cluster with two nodes of two CPUs each."""
    if reason := missing():
        pytest.skip(reason)
    with cluster(tmp_path_factory.mktemp("slurm")) as environ:
        yield environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{environ['PATH']}"}


@pytest.fixture(autouse=True)
def _steps_have_ended() -> Iterator[None]:
    """SLURM's own processes of a step outlive it by a moment."""
    yield
    deadline = time.monotonic() + 20
    while any(child.name() in ("slurmstepd", "srun") and child.status() != psutil.STATUS_ZOMBIE for child in own_children()):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def own_children() -> list[psutil.Process]:
    return [child for child in psutil.Process().children(recursive=True) if child.is_running()]


def submit(script: str, folder: Path, slurm: dict[str, str], **variables: str) -> str:
    """Submits a script and waits for its end; what it printed."""
    printed = folder / f"{script}.out"
    own = slurm | {"OUT": str(folder / "rnn.jsonl"), "EPOCHS": "1", "REPEATS": "1"} | variables
    words = ["sbatch", "--wait", f"--output={printed}", str(SCRIPTS / script), *SMALL]
    done = subprocess.run(words, env=own, cwd=folder, capture_output=True, text=True, check=False, timeout=300)
    said = printed.read_text() if printed.exists() else ""
    assert done.returncode == 0, f"{done.stderr}{said}"
    return said


@pytest.mark.slow
@pytest.mark.skipif(usable_cores() < 2, reason="needs two cores: a node has two workers")
def test_both_scripts_add_to_one_file_what_a_report_compares(slurm: dict[str, str], tmp_path: Path, torch: Any) -> None:
    submit("base-line.sbatch", tmp_path, slurm)
    told = submit("distributed.sbatch", tmp_path, slurm)
    records = {record.spec["backend"]: record for record in read_records(tmp_path / "rnn.jsonl")}
    assert len(read_records(tmp_path / "rnn.jsonl")) == 3, "only node 0 writes"
    assert set(records) == {"serial", "ddp", "fabric-ddp"}
    for backend in ("ddp", "fabric-ddp"):
        record = records[backend]
        assert record.ok, record.reason
        assert (record.spec["nodes"], record.spec["node_rank"]) == (2, 0)
        assert str(record.spec["address"]).startswith("127.0.0.1:")
        assert [worker["host"] for worker in record.per_worker] == ["n1", "n1", "n2", "n2"]
        for worker in record.per_worker:
            real_s = sum(seconds for seconds in worker["phases"].values() if seconds is not None)
            assert real_s > 0
            assert worker["cpu_user_s"] > 0
            assert worker["cpu_system_s"] >= 0
        assert record.resources["elsewhere"]["workers"] == 2
        assert record.init_sha256 == records["serial"].init_sha256
        assert record.data["sha256"] == records["serial"].data["sha256"]
    assert "node 1 of 2 is done; node 0 writes the records" in told
    shown = subprocess.run(
        [sys.executable, "-m", "manyhands", "report", "--details", str(tmp_path / "rnn.jsonl")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "hosts: n1, n2" in shown.stdout
    (group,) = group_records(read_records(tmp_path / "rnn.jsonl"))
    assert len(group.cells) == 3, "the base line stands beside what it is for"


@pytest.mark.slow
def test_several_tasks_on_a_node_are_refused_before_anything_runs(slurm: dict[str, str], tmp_path: Path) -> None:
    words = ["srun", "--nodes=1", "--ntasks=2", "manyhands", "run", "rnn", "--out", str(tmp_path / "rnn.jsonl")]
    done = subprocess.run(words, env=slurm, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 2
    assert "srun has started 2 tasks on 1 nodes" in done.stderr
    assert not (tmp_path / "rnn.jsonl").exists()


@pytest.mark.slow
@pytest.mark.skipif(usable_cores() < 2, reason="needs two cores: a node has two workers")
def test_cancelled_job_leaves_nothing_running(slurm: dict[str, str], tmp_path: Path, torch: Any) -> None:
    own = slurm | {"OUT": str(tmp_path / "rnn.jsonl"), "EPOCHS": "500", "BACKENDS": "ddp"}
    words = [
        "sbatch",
        "--parsable",
        "--cpus-per-task=1",
        f"--output={tmp_path / 'out'}",
        str(SCRIPTS / "distributed.sbatch"),
        *SMALL,
    ]
    job = subprocess.run(words, env=own, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60).stdout.strip()

    def running() -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter(["environ", "status"]):
            here = (process.info["environ"] or {}).get("SLURM_JOB_ID") == job
            if (
                here
                and process.info["status"] != psutil.STATUS_ZOMBIE
                and process.info["environ"].get("SLURM_CONF") == own["SLURM_CONF"]
            ):
                found.append(process)
        return found

    deadline = time.monotonic() + 100
    while not any(
        "manyhands.backends.torchrun.worker" in " ".join(process.cmdline()) and process.cpu_times().user > 4
        for process in running()
    ):
        assert time.monotonic() < deadline, (tmp_path / "out").read_text()
        time.sleep(0.2)
    subprocess.run(["scancel", job], env=own, check=True, timeout=60)
    deadline = time.monotonic() + 60
    while left := running():
        assert time.monotonic() < deadline, left
        time.sleep(0.2)
    assert not (tmp_path / "rnn.jsonl").exists() or not any(record.ok for record in read_records(tmp_path / "rnn.jsonl"))
