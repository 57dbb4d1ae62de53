"""`fabric-ddp` and `fabric-dp`: what is their own, beyond the contract: strategies, lost workers, errors, ports, nodes."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from pathlib import Path

import psutil
import pytest
from engines import descendants, endless_spec, kill_in_training, skip_without, small_spec

from manyhands.backends.fabric.backend import FabricDdp
from manyhands.backends.fabric.dp import FabricDp, one_process
from manyhands.backends.fabric.failure import first_failure, leave_note
from manyhands.backends.fabric.rank import check_strategy
from manyhands.errors import DataError, EngineError
from manyhands.run import RunContext, measure, refusal


@pytest.fixture
def installed() -> None:
    """Skips where Lightning is missing, with the command that installs it."""
    skip_without(FabricDdp)


spec = partial(small_spec, "fabric-ddp")


def workers() -> list[psutil.Process]:
    """The processes of `fabric.worker` under this one, in order of their ranks."""
    found = descendants("manyhands.backends.fabric.worker")
    return sorted(found, key=lambda process: int(process.environ().get("LOCAL_RANK", "0")))


@pytest.mark.slow
def test_killed_worker_is_named_and_the_others_go_with_it_and_the_next_run_has_what_was_asked_for(
    installed: None, tmp_path: Path
) -> None:
    for rank in (0, 1):
        marks = tmp_path / f"marks-{rank}"
        marks.mkdir()
        with kill_in_training(workers, marks, victim=rank) as killed:
            record = measure(endless_spec("fabric-ddp", marks), RunContext(log_folder=tmp_path))
        assert record.status == "failed"
        assert f"fabric-ddp worker {rank} (pid {killed.pid}) was killed by SIGKILL" in str(record.reason)
        assert record.wall_s
        assert killed.ended_after_s < record.wall_s / 2, "the others went on for longer than the run had needed until the kill"
        assert not workers()
    record = measure(spec(threads=2), RunContext(log_folder=tmp_path))
    assert record.ok, record.reason
    assert (record.resolved["requested_strategy"], record.resolved["strategy"]) == ("ddp", "DDPStrategy")
    assert record.resolved["model"] == "_FabricModule"
    for worker in record.per_worker:
        assert set(worker["threads"].values()) == {2}, worker["threads"]


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:8786", "127.0.0.1", "127.0.0.1:port", "127.0.0.1:70000"])
def test_address_that_is_no_meeting_point_is_refused(installed: None, address: str) -> None:
    reason = refusal(spec(address=address))
    assert reason is not None
    assert repr(address) in reason
    assert "HOST:PORT" in reason
    FabricDdp.environment(spec(address=address))


@pytest.mark.slow
def test_fabric_itself_would_run_ddp_for_dp_on_cpu_and_we_do_not(installed: None) -> None:
    code = """
from manyhands.backends.fabric.rank import make_fabric
from manyhands.errors import EngineError
from manyhands.plan import RunSpec
try:
    make_fabric(RunSpec(workload="rnn", backend="fabric-dp"), "dp", 2)
except EngineError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert "was asked for 'dp' and chose DDPStrategy instead of DataParallelStrategy" in done.stdout


def test_strategy_of_its_own_name_is_accepted() -> None:
    check_strategy("dp", "DataParallelStrategy")
    check_strategy("ddp", "DDPStrategy")
    with pytest.raises(EngineError, match="nothing is run under another's name"):
        check_strategy("ddp", "SingleDeviceStrategy")


def test_dp_on_cpu_is_refused_with_the_reason(installed: None) -> None:
    record = measure(small_spec(backend="fabric-dp"), RunContext())
    assert record.status == "skipped"
    assert record.reason == "fabric-dp needs --device cuda: on CPU Lightning Fabric turns dp into ddp, which is fabric-ddp here"


def test_dp_is_one_machine() -> None:
    wanted = small_spec(backend="fabric-dp", device="cuda", nodes=2, address="127.0.0.1:29500")
    assert "one machine" in str(FabricDp.refuse(wanted))


@pytest.mark.parametrize("batch", ["global", "per-worker"])
@pytest.mark.parametrize("scaling", ["fixed", "growing"])
def test_dp_takes_the_rows_and_batches_of_all_workers_in_one_process(batch: str, scaling: str) -> None:
    wanted = small_spec(backend="fabric-dp", workers=4, batch=batch, scaling=scaling, device="cuda")
    one = one_process(wanted)
    assert one.workers == 1
    assert one.worker_batch_size == wanted.worker_batch_size * 4
    assert one.total_samples == wanted.total_samples


@pytest.mark.slow
def test_dp_on_gpus_learns_what_serial_learns(installed: None) -> None:
    torch = pytest.importorskip("torch", reason="needs torch: pip install 'manyhands[torch]'")
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device; torch.cuda finds none here")
    count = min(2, torch.cuda.device_count())
    serial = measure(small_spec(backend="serial", workers=1, device="cuda"), RunContext())
    record = measure(small_spec(backend="fabric-dp", workers=count, device="cuda"), RunContext())
    assert record.ok, record.reason
    assert record.resolved["strategy"] == "DataParallelStrategy"
    assert record.resolved["devices"] == count
    assert record.init_sha256 == serial.init_sha256
    assert record.history[0]["loss"] == pytest.approx(serial.history[0]["loss"], abs=1e-3)


@pytest.mark.slow
def test_more_gpus_than_there_are_is_a_skip(installed: None) -> None:
    record = measure(small_spec(backend="fabric-ddp", workers=64, device="cuda"), RunContext())
    assert record.status == "skipped"
    assert "needs a GPU for each worker" in str(record.reason)


def test_killed_worker_comes_before_the_errors_that_follow_from_it(tmp_path: Path) -> None:
    leave_note(tmp_path, 0, "RuntimeError", "Connection closed by peer")
    leave_note(tmp_path, 1, "EngineError", "fabric-ddp worker 1 (pid 7) was killed by SIGKILL", killed=True)
    assert str(first_failure(tmp_path, 1, 6)) == "fabric-ddp worker 1 (pid 7) was killed by SIGKILL"


def test_earliest_note_is_the_cause_and_keeps_its_kind(tmp_path: Path) -> None:
    leave_note(tmp_path, 1, "DataError", "no file x")
    leave_note(tmp_path, 0, "RuntimeError", "Connection closed by peer")
    error = first_failure(tmp_path, 1, 6)
    assert isinstance(error, DataError)
    assert str(error) == "no file x"
    assert json.loads((tmp_path / "failed-1.json").read_text())["rank"] == 1


def test_rank_zero_is_named_when_it_alone_is_gone(tmp_path: Path) -> None:
    assert str(first_failure(tmp_path, -11, 6)) == "fabric-ddp worker 0 (pid 6) was killed by SIGSEGV"
    assert "worker 0 ended with exit code 3" in str(first_failure(tmp_path, 3, 6))
