"""A standalone Spark master that runs already: it is checked, the run asks it for slots, and it is left running."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from manyhands.errors import EngineError, Unavailable
from manyhands.plan import RunSpec

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SCHEME = "spark://"
CONNECT_S = 5
"""Longest wait for a connection to the master; a master that runs accepts at once."""
REGISTER_S = 40
"""Longest wait for the master to register this run, once the run's Java has started; Spark itself would try for a minute."""
FIRST_SLOT_S = 40
"""Longest wait for the first executor of a cluster; the executor starts a Java, perhaps on a busy machine."""
MORE_SLOTS_S = 5
"""Longest wait for the next executor, beyond the time of the slowest one so far; a master with free cores grants all at once."""


def existing_settings(spec: RunSpec) -> dict[str, str]:
    """Settings for one executor with one slot for each worker; its temporary files are in its own folder at the Spark worker."""
    cores = slot_cores(spec)
    gpus = {f"spark.{who}.resource.gpu.amount": "1" for who in ("executor", "task")} if spec.device == "cuda" else {}
    return gpus | {
        "spark.cores.max": str(cores * spec.workers),
        "spark.executor.cores": str(cores),
        "spark.task.cpus": str(cores),
        "spark.executorEnv.TMPDIR": ".",
    }


def slot_cores(spec: RunSpec) -> int:
    """Number of cores that a cluster sets aside for each worker."""
    return 1 if spec.oversubscribe else spec.threads


def master_of(address: str) -> tuple[str, int]:
    """Host and port of the first master in `spark://host:port[,host:port]`."""
    host, _, port = address.removeprefix(SCHEME).split(",")[0].rpartition(":")
    return host.strip("[]"), int(port)


def check_master(address: str) -> None:
    """Raises Unavailable when nothing accepts connections at `address`."""
    try:
        socket.create_connection(master_of(address), timeout=CONNECT_S).close()
    except (OSError, ValueError) as error:
        raise Unavailable(f"no Spark master answers at {address} ({error}); check --address, or leave it out") from None


@contextmanager
def registration(address: str) -> Iterator[None]:
    """Limits the session start inside to REGISTER_S; raises Unavailable when the master does not register the run."""
    answered = threading.Event()
    threading.Thread(target=end_unanswered, args=(answered,)).start()
    try:
        yield
    except EngineError:
        raise Unavailable(
            f"the master at {address} did not register this run within {REGISTER_S} s; check --address and its Spark version"
        ) from None
    finally:
        answered.set()


def end_unanswered(answered: threading.Event) -> None:
    """Ends the run's own Java when the master has not answered it in time, so that the call that waits for Java fails."""
    from pyspark import SparkContext

    while SparkContext._gateway is None:
        if answered.wait(0.1):
            return
    if not answered.wait(REGISTER_S):
        java: Any = SparkContext._gateway
        java.proc.kill()


def wait_for_slots(session: SparkSession, spec: RunSpec) -> None:
    """Returns when there is an executor for each worker; raises Unavailable when the cluster gives too few.

    Spark itself would start with fewer executors and retry the barrier for ever.
    """
    tracker = session.sparkContext._jsc.sc().statusTracker()
    began, slots, limit_s = time.monotonic(), 0, float(FIRST_SLOT_S)
    while slots < spec.workers:
        found, passed_s = len(tracker.getExecutorInfos()) - 1, time.monotonic() - began
        if found > slots:
            slots, limit_s = found, 2 * passed_s + MORE_SLOTS_S
        elif passed_s > limit_s:
            raise Unavailable(
                f"{spec.address} gave {slots} of the {spec.workers} slots asked for (cores in each: {slot_cores(spec)});"
                " use fewer --workers or --threads, or free some of its cores and memory"
            )
        time.sleep(0.05)
