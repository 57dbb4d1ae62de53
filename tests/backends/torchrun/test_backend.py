"""`ddp`: what is its own, beyond the contract: lost workers, ports, errors from inside a worker."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

import pytest
from engines import descendants, endless_spec, kill_in_training, small_spec

from manyhands.plan import RunSpec
from manyhands.run import RunContext, measure, refusal

pytestmark = pytest.mark.slow


workers = partial(descendants, "manyhands.backends.torchrun.worker")


def test_killed_worker_is_a_failed_record_and_the_next_run_is_ok(tmp_path: Path) -> None:
    context = RunContext(log_folder=tmp_path)
    with kill_in_training(workers, tmp_path, victim=1) as killed:
        record = measure(endless_spec("ddp", tmp_path), context)
    assert record.status == "failed"
    assert record.reason is not None
    assert "was killed by SIGKILL" in record.reason
    assert record.wall_s is not None
    assert killed.ended_after_s < record.wall_s / 2, "the other worker went on for longer than the run had needed until the kill"
    assert not workers()
    assert measure(small_spec("ddp", samples=256), context).ok


def test_timeout_ends_the_whole_tree(tmp_path: Path) -> None:
    began = time.monotonic()
    record = measure(endless_spec("ddp", tmp_path, timeout_s=8), RunContext())
    assert record.status == "failed"
    assert record.reason is not None
    assert "not finished after the 8 s of --timeout" in record.reason
    assert time.monotonic() - began < 40
    assert not workers()


def test_several_nodes_need_an_address() -> None:
    assert "--address HOST:PORT" in str(refusal(RunSpec(workload="cnn", backend="ddp", workers=2, nodes=2)))
