"""The character transformer of `docs/examples`, which knows nothing of manyhands: the same training, alone and as two workers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from manyhands.backends.scripts.script_run import ScriptRun
from manyhands.backends.scripts.worker_process import run_worker
from manyhands.measure.threads import thread_variables
from manyhands.plan import RunSpec
from manyhands.run import RunContext, measure

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).parents[3] / "docs" / "examples" / "characters.py"
ARGUMENTS = ["--steps", "20", "--width", "32", "--layers", "1"]


def spec(backend: str, workers: int) -> RunSpec:
    settings = {"arguments": ARGUMENTS}
    return RunSpec(workload=str(SCRIPT), backend=backend, workers=workers, batch="per-worker", settings=settings, timeout_s=200.0)


def test_it_prints_the_losses_of_a_plain_python(tmp_path: Path) -> None:
    run = ScriptRun.of(spec("serial", 1), tmp_path)
    run_worker(run, thread_variables(1))
    bare = subprocess.run(
        [sys.executable, SCRIPT, *ARGUMENTS], env=os.environ | thread_variables(1), capture_output=True, text=True, check=True
    )
    assert "held-out loss" in bare.stdout
    assert (run.folder / "rank-0.out").read_text() == bare.stdout


def test_two_workers_form_a_group_and_their_wait_for_each_other_is_measured(tmp_path: Path) -> None:
    record = measure(spec("ddp", 2), RunContext(log_folder=tmp_path))
    assert record.ok, record.reason
    assert (record.resolved["process_group"], record.resolved["strategy"]) == (True, "DistributedDataParallel")
    assert record.resolved["marks"] is False
    for worker in record.per_worker:
        assert 0 < worker["train_split"]["communicate_s"] < worker["phases"]["train_s"]
