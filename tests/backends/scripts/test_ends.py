"""Scripts that end badly, and what their records say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from contract import CLOCK_S

from manyhands.plan import RunSpec
from manyhands.record import Record
from manyhands.run import RunContext, measure

pytestmark = pytest.mark.slow


def record_of(text: str, folder: Path, backend: str = "serial", workers: int = 1, **options: Any) -> Record:
    """The record of a script with this text; `rank` is that of the worker."""
    script = folder / "train.py"
    script.write_text(f"import os, sys, time\nrank = int(os.environ.get('RANK', '0'))\n{text}\n")
    spec = RunSpec(workload=str(script), backend=backend, workers=workers, batch="per-worker", **{"timeout_s": 200.0} | options)
    return measure(spec, RunContext(log_folder=folder / "logs"))


def test_a_script_that_hangs_ends_at_the_timeout(tmp_path: Path) -> None:
    record = record_of("time.sleep(600)", tmp_path, timeout_s=2.0)
    assert (record.status, str(record.reason).partition(" (its output")[0]) == (
        "failed",
        "not finished after the 2 s of --timeout; all its processes were ended",
    )


def test_long_output_leaves_a_short_log(tmp_path: Path) -> None:
    record = record_of("print('begin')\nfor _ in range(9000): print('x' * 1000)\nsys.exit('end')", tmp_path)
    assert str(record.reason).startswith("serial worker 0 failed: end (its output: ")
    (log,) = (tmp_path / "logs").iterdir()
    assert log.stat().st_size < 3_000_000
    assert b"begin" in log.read_bytes()
    assert b"bytes left out" in log.read_bytes()


def test_a_child_that_is_left_is_ended_and_named(tmp_path: Path) -> None:
    record = record_of("import subprocess\nsubprocess.Popen(['sleep', '60'])\ntime.sleep(1)", tmp_path)
    assert record.ok, record.reason
    assert record.resources["ended_by_force"] == ["sleep"]
    assert sum(seconds or 0.0 for seconds in record.phases.values()) == pytest.approx(record.wall_s, rel=0.02, abs=CLOCK_S)


def test_workers_that_form_no_group_did_the_work_twice(tmp_path: Path) -> None:
    record = record_of("time.sleep(1)", tmp_path, "ddp", 2)
    assert record.ok, record.reason
    assert (record.resolved["process_group"], record.resolved["launch_until"]) == (False, "first line")
    assert sum(seconds or 0.0 for seconds in record.phases.values()) == pytest.approx(record.wall_s, rel=0.02, abs=CLOCK_S)


def test_the_worker_that_failed_is_named_with_its_error(tmp_path: Path) -> None:
    record = record_of("if rank == 1: raise ValueError('no such letter')\ntime.sleep(600)", tmp_path, "ddp", 2)
    assert str(record.reason).startswith("ddp worker 1 failed: ValueError: no such letter (its output: ")
    assert "ended_by_force" not in record.resources


def test_a_worker_that_left_the_others_alone_is_named(tmp_path: Path) -> None:
    text = (
        "import torch, torch.distributed as dist\ndist.init_process_group('gloo')\n"
        "if rank == 1: sys.exit(0)\nfor _ in range(100): dist.all_reduce(torch.ones(1))"
    )
    record = record_of(text, tmp_path, "ddp", 2)
    assert str(record.reason).startswith("ddp: worker 1 ended with exit code 0 while others went on: worker 0 failed: ")


def test_a_worker_that_left_before_the_timeout_is_named(tmp_path: Path) -> None:
    record = record_of("if rank == 0: time.sleep(600)", tmp_path, "ddp", 2, timeout_s=15.0)
    assert "all its processes were ended; worker 1 had ended before, the others went on" in str(record.reason)


def test_a_nested_mark_is_one_line(tmp_path: Path) -> None:
    text = "from manyhands import marks\nfor _ in marks.steps([1]):\n    for _ in marks.steps([1]): pass"
    record = record_of(text, tmp_path)
    assert str(record.reason).startswith("serial worker 0 failed: RuntimeError: marks.steps is around another loop")
