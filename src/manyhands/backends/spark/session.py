"""A Spark session for one run: on this machine with a slot for each worker, or as a guest of a standalone master."""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from manyhands.backends.nodes.interface import own_address_towards
from manyhands.backends.spark.memory import memory_settings
from manyhands.backends.spark.rendezvous import NAME as RENDEZVOUS
from manyhands.errors import EngineError, Unavailable
from manyhands.measure.resources import wait_until_ended
from manyhands.measure.threads import thread_variables
from manyhands.plan import RunSpec

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SCHEME = "spark://"
CONNECT_S = 5
"""For a master that runs: it accepts at once."""
REGISTER_S = 40
"""For a master to take us in, once our Java is up; Spark itself would try for a minute."""
FIRST_SLOT_S = 40
"""For the first executor of a cluster to come up: it starts a Java, on a machine that may be busy."""
MORE_SLOTS_S = 5
"""For the others, beyond the time that the slowest so far took: a master that has room grants all of them together."""
END_S = 20
"""For our own Java to end once it was told to."""

LOGGING = """\
rootLogger.level = error
rootLogger.appenderRef.stderr.ref = stderr
appender.stderr.type = Console
appender.stderr.name = stderr
appender.stderr.target = SYSTEM_ERR
appender.stderr.layout.type = PatternLayout
appender.stderr.layout.pattern = %d{HH:mm:ss} %p %c{1}: %m%n
"""


def start_session(spec: RunSpec, folder: Path) -> SparkSession:
    """The session, with a slot for each worker; everything of the driver that lies on disk lies in `folder`.

    Raises Unavailable when the master at `spec.address` does not answer or has too few slots.
    """
    from pyspark.sql import SparkSession

    host = "127.0.0.1"
    if spec.address:
        check_master(spec.address)
        host = own_address_towards(master_of(spec.address)[0])
    settings = base_settings(spec, folder, host) | (guest_settings(spec) if spec.address else local_settings(spec, folder))
    named: dict[str, Any] = dict(settings)
    builder = SparkSession.builder.master(spec.address or f"local[{spec.workers * spec.threads}]").appName("manyhands")
    builder = builder.config(map=named)
    if spec.address is None:
        session = made(builder)
        if spec.device == "cuda":
            # For TorchDistributor alone, which then deals out the driver's GPUs: a local scheduler has none to wait for.
            session.conf.set("spark.task.resource.gpu.amount", "1")
        return session
    answered = threading.Event()
    threading.Thread(target=end_unanswered, args=(answered,)).start()
    try:
        session = made(builder)
    except EngineError:
        raise Unavailable(
            f"{spec.address} took no application in within {REGISTER_S} s; check --address and its Spark version"
        ) from None
    finally:
        answered.set()
    wait_for_slots(session, spec)
    return session


def made(builder: SparkSession.Builder) -> SparkSession:
    """The session; raises EngineError with Java's own words, which can be read only as long as it runs."""
    try:
        return builder.getOrCreate()
    except Exception as error:
        words = [line.removeprefix(": ") for line in str(error).splitlines() if line.strip()]
        raise EngineError(f"Spark did not start: {next((line for line in words if 'Exception: ' in line), words[0])}") from None


def base_settings(spec: RunSpec, folder: Path, host: str) -> dict[str, str]:
    """What both ways need: nothing listens on other addresses than `host`, and nothing is tried twice."""
    logging = folder / "log4j2.properties"
    logging.write_text(LOGGING)
    options = (f"-Dlog4j2.configurationFile={logging.as_uri()}", f"-Djava.io.tmpdir={folder}", "-XX:-UsePerfData")
    workers = thread_variables(spec.threads) | {"PET_RDZV_BACKEND": RENDEZVOUS}
    return (
        memory_settings(spec)
        | {
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
            "spark.driver.host": host,
            "spark.driver.bindAddress": host,
            "spark.driver.defaultJavaOptions": " ".join(options),
            "spark.driver.maxResultSize": "0",
            "spark.local.dir": str(folder / "local"),
            "spark.sql.warehouse.dir": (folder / "warehouse").as_uri(),
            "spark.sql.shuffle.partitions": str(spec.workers),
            "spark.dynamicAllocation.enabled": "false",
            "spark.task.maxFailures": "1",
            "spark.stage.maxConsecutiveAttempts": "1",
            "spark.scheduler.barrier.maxConcurrentTasksCheck.maxFailures": "1",
        }
        | {f"spark.executorEnv.{name}": value for name, value in workers.items()}
    )


def local_settings(spec: RunSpec, folder: Path) -> dict[str, str]:
    """Threads of each slot, and GPUs for a session of our own: the first ones, or those that CUDA_VISIBLE_DEVICES names."""
    cpus = {"spark.task.cpus": str(spec.threads)}
    if spec.device == "cpu":
        return cpus
    # TorchDistributor gives each task its own; where the variable is set already it starts a process for each GPU in it.
    named = os.environ.pop("CUDA_VISIBLE_DEVICES", None)
    addresses = named.split(",") if named else [str(number) for number in range(spec.workers)]
    script = folder / "gpus.sh"
    listed = ", ".join(f'"{address}"' for address in addresses[: spec.workers])
    script.write_text(f"""#!/bin/sh\necho '{{"name": "gpu", "addresses": [{listed}]}}'\n""")
    script.chmod(0o755)
    return cpus | {
        "spark.driver.resource.gpu.amount": str(spec.workers),
        "spark.driver.resource.gpu.discoveryScript": str(script),
    }


def guest_settings(spec: RunSpec) -> dict[str, str]:
    """One executor with one slot for each worker, its temporary files in its own folder at the Spark worker."""
    cores = slot_cores(spec)
    gpus = {f"spark.{who}.resource.gpu.amount": "1" for who in ("executor", "task")} if spec.device == "cuda" else {}
    return gpus | {
        "spark.cores.max": str(cores * spec.workers),
        "spark.executor.cores": str(cores),
        "spark.task.cpus": str(cores),
        "spark.executorEnv.TMPDIR": ".",
    }


def slot_cores(spec: RunSpec) -> int:
    """Cores that a cluster sets aside for each worker."""
    return 1 if spec.oversubscribe else spec.threads


def master_of(address: str) -> tuple[str, int]:
    """Host and port of the first master in `spark://host:port[,host:port]`."""
    host, _, port = address.removeprefix(SCHEME).split(",")[0].rpartition(":")
    return host.strip("[]"), int(port)


def check_master(address: str) -> None:
    """Raises Unavailable when nothing accepts connections there."""
    try:
        socket.create_connection(master_of(address), timeout=CONNECT_S).close()
    except (OSError, ValueError) as error:
        raise Unavailable(f"no Spark master answers at {address} ({error}); check --address, or leave it out") from None


def wait_for_slots(session: SparkSession, spec: RunSpec) -> None:
    """Returns when there is an executor for each worker. Spark would put up with fewer and retry the barrier for ever."""
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


def executor_hosts(session: SparkSession) -> dict[str, str]:
    """Number of each executor of the session, those that are gone included -> its host; empty when its Java is gone too."""
    with suppress(Exception):
        summaries = session.sparkContext._jsc.sc().statusStore().executorList(False)
        found = [summaries.apply(number) for number in range(summaries.size())]
        return {summary.id(): summary.hostPort().rpartition(":")[0] for summary in found}
    return {}


def stop_session() -> None:
    """Stops the session and the Java behind it, and returns when every process of theirs is gone."""
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    ours = psutil.Process().children(recursive=True)
    gateway = SparkContext._gateway
    if gateway is None:
        return
    # A Java that has crashed or was killed cannot be asked or told anything.
    with suppress(Exception):
        if session := SparkSession.getActiveSession():
            session.stop()
        gateway.shutdown()
    gateway.proc.stdin.close()
    gateway.proc.wait(END_S)
    SparkContext._gateway = SparkContext._jvm = None  # else the next session of this process would ask the Java that has ended
    wait_until_ended(ours, END_S)


def end_unanswered(answered: threading.Event) -> None:
    """Ends our own Java when the master has not answered it in time, so that the call that waits for it fails."""
    from pyspark import SparkContext

    while SparkContext._gateway is None:
        if answered.wait(0.1):
            return
    if not answered.wait(REGISTER_S):
        java: Any = SparkContext._gateway
        java.proc.kill()


def python_variables(spec: RunSpec) -> dict[str, str]:
    """The Python of the workers: this one, unless a cluster's user says where its machines have theirs."""
    given = os.environ.get("PYSPARK_PYTHON") if spec.address else None
    return {"PYSPARK_PYTHON": given or sys.executable, "PYSPARK_DRIVER_PYTHON": sys.executable}
