"""The environment of a run is its own, and the end of a run is described by an error message."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from pathlib import Path

import pytest

from manyhands.backends.serial.backend import Serial
from manyhands.backends.torchrun.backend import Ddp
from manyhands.plan import RunSpec
from manyhands.process import DriverProcess, fresh_environment, lost_ground, watch
from manyhands.run import RunContext, measure
from manyhands.temporary import own_prefix
from manyhands.watcher import Watcher


def spec(**changes: object) -> RunSpec:
    return RunSpec.from_dict({"workload": "rnn", "backend": "serial"} | changes)


def test_nothing_about_threads_memory_or_ranks_is_inherited(tmp_path: Path) -> None:
    outer = {
        "OMP_NUM_THREADS": "16",
        "OMP_PROC_BIND": "true",
        "OMP_THREAD_LIMIT": "1",
        "GOMP_CPU_AFFINITY": "0",
        "KMP_AFFINITY": "compact",
        "MALLOC_ARENA_MAX": "1",
        "RANK": "3",
        "WORLD_SIZE": "8",
        "MASTER_ADDR": "elsewhere",
        "PATH": "/bin",
        "TMPDIR": "/else",
    }
    own = fresh_environment(outer, Serial, spec(threads=2), tmp_path)
    assert own["OMP_NUM_THREADS"] == own["MKL_NUM_THREADS"] == "2"
    assert int(own["MALLOC_TRIM_THRESHOLD_"]) == 2**30
    assert own["TMPDIR"] == str(tmp_path / "tmp")
    assert own["PATH"] == "/bin"
    assert not set(outer) - {"OMP_NUM_THREADS", "PATH", "TMPDIR"} & set(own)


def test_another_installation_of_an_engine_is_left_out_unless_its_cluster_is_used(tmp_path: Path) -> None:
    outer = {
        "SPARK_HOME": "/old",
        "SPARK_CONF_DIR": "/old",
        "PYSPARK_PYTHON": "/old",
        "RAY_ADDRESS": "1.2.3.4:6379",
        "DASK_X": "1",
    }
    assert not set(outer) & set(fresh_environment(outer, Serial, spec(), tmp_path))
    assert set(outer) <= set(fresh_environment(outer, Serial, spec(address="10.0.0.1:1234"), tmp_path))


def test_own_servers_are_never_asked_through_a_proxy(tmp_path: Path) -> None:
    own = fresh_environment({"https_proxy": "http://proxy:1", "no_proxy": "example.org,localhost"}, Serial, spec(), tmp_path)
    assert own["no_proxy"] == own["NO_PROXY"] == "example.org,localhost,127.0.0.1,::1"
    assert "no_proxy" not in fresh_environment({}, Serial, spec(), tmp_path)


def test_gloo_stays_on_loopback_unless_an_address_is_given(tmp_path: Path) -> None:
    assert fresh_environment({}, Ddp, spec(), tmp_path)["GLOO_SOCKET_IFNAME"] == "lo"
    assert "GLOO_SOCKET_IFNAME" not in fresh_environment({}, Ddp, spec(address="10.0.0.1:1234"), tmp_path)


def test_the_reason_names_the_signal_and_the_last_line(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("starting\nMemoryError: too large\n")
    assert (
        DriverProcess(tmp_path, code=-signal.SIGSEGV).how_it_ended()
        == "the run's process was killed by signal 11: MemoryError: too large"
    )
    (tmp_path / "log").write_text("")
    assert DriverProcess(tmp_path, code=3).how_it_ended() == "the run's process ended with 3"


def test_error_of_a_run_is_left_as_a_message(tmp_path: Path) -> None:
    driver = DriverProcess(tmp_path)
    watch(driver, [spec(workload="none")], Serial, lambda: 60, lambda: None)
    assert driver.code == 1
    outcome = driver.outcome(0)
    assert outcome is not None
    assert outcome["error"] == "UsageError"
    assert outcome["reason"].startswith("unknown workload 'none'")
    assert driver.cpu_s > 0
    assert not driver.left


def test_folder_that_was_removed_and_a_full_disk_are_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert lost_ground(tmp_path) is None
    assert f"its temporary folder {tmp_path / 'gone'} was removed while it ran" in str(lost_ground(tmp_path / "gone"))
    monkeypatch.setattr("manyhands.process.LEAST_FREE_BYTES", 2**80)
    assert str(lost_ground(tmp_path)).startswith(f"no space left on the disk of {tmp_path}; make room")


def test_run_whose_folder_is_removed_is_one_record_and_the_next_run_is_made(tmp_path: Path) -> None:
    def remove_folder() -> None:
        for folder in Path(tempfile.gettempdir()).glob(f"{own_prefix()}{os.getpid()}-*"):
            shutil.rmtree(folder, ignore_errors=True)

    class Remover(Watcher):
        def tick(self) -> None:
            remove_folder()

    kmeans = spec(workload="kmeans", batch="per-worker", samples=2000)
    record = measure(kmeans, RunContext(log_folder=tmp_path, watcher=Remover()))
    assert record.status == "failed"
    assert "was removed while it ran" in str(record.reason)
    assert measure(kmeans, RunContext()).ok
