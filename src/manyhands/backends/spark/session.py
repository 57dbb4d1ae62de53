"""Starts and stops the Spark session of one run: on this machine with a slot for each worker, or at a standalone master."""

from __future__ import annotations

import os
import sys
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from manyhands.backends.nodes.interface import own_address_towards
from manyhands.backends.spark.existing import check_master, existing_settings, master_of, registration, wait_for_slots
from manyhands.backends.spark.failure import JAVA_LOG
from manyhands.backends.spark.java_errors import java_reason, written_since
from manyhands.backends.spark.local import local_settings
from manyhands.backends.spark.memory import memory_settings
from manyhands.backends.spark.rendezvous import NAME as RENDEZVOUS
from manyhands.errors import EngineError
from manyhands.measure.resources import wait_until_ended
from manyhands.measure.threads import thread_variables
from manyhands.plan import RunSpec

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

END_S = 20
"""Longest wait for the run's own Java to end after the request to end."""

LOOPBACK = "127.0.0.1"
STDERR = 2
"""The descriptor that Java inherits to print to; in a run it is the file that keeps the output of the run."""

LOGGING = """\
rootLogger.level = error
rootLogger.appenderRef.stderr.ref = stderr
rootLogger.appenderRef.file.ref = file
appender.stderr.type = Console
appender.stderr.name = stderr
appender.stderr.target = SYSTEM_ERR
appender.stderr.layout.type = PatternLayout
appender.stderr.layout.pattern = %d{HH:mm:ss} %p %c{1}: %m%n
appender.file.type = File
appender.file.name = file
appender.file.fileName = $FILE
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = %d{HH:mm:ss} %p %c{1}: %m%n
"""


def start_session(spec: RunSpec, folder: Path) -> SparkSession:
    """The session, with a slot for each worker; all files of the driver are in `folder`.

    Raises Unavailable when the master at `spec.address` does not answer or has too few slots.
    """
    from pyspark.sql import SparkSession

    host = LOOPBACK
    if spec.address:
        check_master(spec.address)
        host = own_address_towards(master_of(spec.address)[0])
        for name, value in own_names(host).items():
            os.environ.setdefault(name, value)
    settings = base_settings(spec, folder, host) | (existing_settings(spec) if spec.address else local_settings(spec, folder))
    named: dict[str, Any] = dict(settings)
    builder = SparkSession.builder.master(spec.address or f"local[{spec.workers * spec.threads}]").appName("manyhands")
    with registration(spec.address) if spec.address else nullcontext():
        session = create_session(builder.config(map=named))
    if spec.address:
        wait_for_slots(session, spec)
    elif spec.device == "cuda":
        # Only TorchDistributor reads this, to assign the driver's GPUs; the local scheduler would wait for GPUs it does not have.
        session.conf.set("spark.task.resource.gpu.amount", "1")
    return session


def create_session(builder: SparkSession.Builder) -> SparkSession:
    """The session; raises EngineError with the reason that Java gives, in its exception or in what it has printed."""
    with written_since(STDERR) as printed:
        try:
            return builder.getOrCreate()
        except Exception as error:
            raise EngineError(f"Spark did not start: {java_reason(str(error), printed())}") from None


def base_settings(spec: RunSpec, folder: Path, host: str) -> dict[str, str]:
    """Settings of every session: Spark listens on `host` alone, and nothing is tried twice."""
    logging = folder / "log4j2.properties"
    logging.write_text(LOGGING.replace("$FILE", str(folder / JAVA_LOG)))
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


def executor_hosts(session: SparkSession) -> dict[str, str]:
    """Number of each executor of the session, lost ones too -> its host; empty when Java has ended."""
    with suppress(Exception):
        summaries = session.sparkContext._jsc.sc().statusStore().executorList(False)
        found = [summaries.apply(number) for number in range(summaries.size())]
        return {summary.id(): summary.hostPort().rpartition(":")[0] for summary in found}
    return {}


def stop_session() -> None:
    """Stops the session and its Java, and returns when all their processes have ended."""
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    processes = psutil.Process().children(recursive=True)
    gateway = SparkContext._gateway
    if gateway is None:
        return
    # A Java that has crashed or was killed answers no call.
    with suppress(Exception):
        if session := SparkSession.getActiveSession():
            session.stop()
        gateway.shutdown()
    gateway.proc.stdin.close()
    gateway.proc.wait(END_S)
    SparkContext._gateway = SparkContext._jvm = None  # else the next session of this process would call the Java that has ended
    wait_until_ended(processes, END_S)


def own_names(host: str) -> dict[str, str]:
    """Environment variables that give Java this machine's address and name: the name of a container's host may not resolve."""
    return {"SPARK_LOCAL_IP": host, "SPARK_LOCAL_HOSTNAME": "localhost" if host == LOOPBACK else host}


def python_variables(spec: RunSpec) -> dict[str, str]:
    """Environment variables that choose the workers' Python: this one, or on a cluster the user's PYSPARK_PYTHON."""
    given = os.environ.get("PYSPARK_PYTHON") if spec.address else None
    return {"PYSPARK_PYTHON": given or sys.executable, "PYSPARK_DRIVER_PYTHON": sys.executable}


def session_variables(spec: RunSpec) -> dict[str, str]:
    """All environment variables of a run: those of its Pythons, and loopback as this machine's address for a session that starts here."""
    return python_variables(spec) | ({} if spec.address else own_names(LOOPBACK))
