"""The environment of a run is its own, and the end of a run is described by an error message."""

from __future__ import annotations

import signal
from pathlib import Path

from manyhands.backends.serial.backend import Serial
from manyhands.backends.torchrun.backend import Ddp
from manyhands.plan import RunSpec
from manyhands.process import DriverProcess, fresh_environment, watch


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
