"""Scripts that end badly, and what their records say."""

from __future__ import annotations

import re
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


def test_a_gigabyte_of_output_leaves_a_short_log(tmp_path: Path) -> None:
    record = record_of("print('begin')\nfor _ in range(1000): print('x' * 1_000_000)\nsys.exit('end')", tmp_path)
    assert str(record.reason).startswith("serial worker 0 failed: end (its output: ")
    (log,) = (tmp_path / "logs").iterdir()
    assert log.stat().st_size < 3_000_000
    assert b"begin" in log.read_bytes()
    assert b"bytes left out" in log.read_bytes()


@pytest.mark.parametrize(("backend", "workers", "options"), [("serial", 1, ""), ("ddp", 2, "start_new_session=True")])
def test_children_that_are_left_are_ended_and_named(backend: str, workers: int, options: str, tmp_path: Path) -> None:
    """Also those in a session of their own, whose parent has ended."""
    record = record_of(
        f"import subprocess\nsubprocess.Popen(['sleep', '60'], {options})\ntime.sleep(1)", tmp_path, backend, workers
    )
    assert record.ok, record.reason
    assert record.resources["ended_by_force"] == ["sleep"] * workers
    assert sum(seconds or 0.0 for seconds in record.phases.values()) == pytest.approx(record.wall_s, rel=0.02, abs=CLOCK_S)


@pytest.mark.parametrize("leaves", ["sys.exit(3)", "os._exit(3)", "raise ValueError('of the child')", "pass"])
def test_a_fork_of_the_script_is_no_second_worker(leaves: str, tmp_path: Path) -> None:
    """However the child ends, the report is that of the worker, which outlives it here."""
    text = f"from manyhands import marks\nchild = os.fork()\nif child == 0: {leaves}\nelse: os.waitpid(child, 0); time.sleep(0.3)"
    record = record_of(f"{text}\nif child: marks.metric(parent=1)", tmp_path)
    assert record.ok, record.reason
    assert [worker["exit_code"] for worker in record.per_worker] == [0]
    assert record.quality == {"parent": 1}


@pytest.mark.parametrize(
    ("backend", "workers", "dies", "how"),
    [
        ("serial", 1, "os.kill(os.getpid(), 9)", "was killed by SIGKILL"),
        ("serial", 1, "import ctypes; ctypes.string_at(0)", "was killed by SIGSEGV"),
        ("serial", 1, "os._exit(3)", "ended with exit code 3"),
        ("ddp", 2, "os.kill(os.getpid(), 9)", "was killed by SIGKILL"),
    ],
)
def test_a_worker_that_dies_is_named_with_how_it_died(backend: str, workers: int, dies: str, how: str, tmp_path: Path) -> None:
    record = record_of(f"if rank == {workers - 1}: {dies}\ntime.sleep(600)", tmp_path, backend, workers)
    assert record.status == "failed"
    assert re.match(rf"{backend} worker {workers - 1} (\(pid \d+\) )?{how}", str(record.reason)), record.reason
    assert "\n" not in str(record.reason)


def test_a_script_that_becomes_another_program_is_one_line(tmp_path: Path) -> None:
    record = record_of("os.execvp('true', ['true'])", tmp_path)
    assert str(record.reason).startswith("serial worker 0 failed: its process ended with 0 and left no report")


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


def test_a_worker_that_left_while_another_one_needed_nothing_from_it_is_named(tmp_path: Path) -> None:
    text = "import torch.distributed as dist\ndist.init_process_group('gloo')\nif rank == 1: sys.exit(0)\ntime.sleep(4)"
    record = record_of(text, tmp_path, "ddp", 2)
    assert record.ok, record.reason
    assert record.resolved["cautions"][0].startswith("unequal work: worker 1 of ddp x 2 ended after 0.")


def test_a_worker_that_left_before_the_timeout_is_named(tmp_path: Path) -> None:
    record = record_of("if rank == 0: time.sleep(600)", tmp_path, "ddp", 2, timeout_s=15.0)
    assert "all its processes were ended; worker 1 had ended before, the others went on" in str(record.reason)


def test_a_nested_mark_is_one_line(tmp_path: Path) -> None:
    text = "from manyhands import marks\nfor _ in marks.steps([1]):\n    for _ in marks.steps([1]): pass"
    record = record_of(text, tmp_path)
    assert str(record.reason).startswith("serial worker 0 failed: RuntimeError: marks.steps is around another loop")
