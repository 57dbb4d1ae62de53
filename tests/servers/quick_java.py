"""Java options for the tests' Spark: it starts with a quarter of the CPU time. No test asserts how fast Java is.

Java compiles each method once and quickly, and reads Spark's classes from an archive. The archive is made once for each version of
Spark, in pytest's cache. Java itself checks that an archive fits, and starts without one when it does not.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

QUICK = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
SILENT = "-Xlog:disable"
"""Java would print, into the output of a run, why an archive does not fit."""
TYPICAL = """
from pyspark import SparkContext
from pyspark.sql import SparkSession

session = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
session.sparkContext.range(2, numSlices=2).barrier().mapPartitions(list).collect()
session.range(5).toPandas()
java = SparkContext._gateway.proc
session.stop()
SparkContext._gateway.shutdown()
java.stdin.close()
raise SystemExit(java.wait())
"""
"""A session that uses what every session of the tests uses; Java writes the archive as it ends."""


def quick_java(cache: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Environment variables for Spark's Javas; the archive is below `cache`, and need not be there yet."""
    options = {
        "SPARK_SUBMIT_OPTS": f"{QUICK} {SILENT} -XX:SharedArchiveFile={archive(cache)}",
        "SPARK_LAUNCHER_OPTS": QUICK,
        "SPARK_DAEMON_JAVA_OPTS": QUICK,
    }
    return {name: f"{environ.get(name, '')} {added}".strip() for name, added in options.items()}


def archive(cache: Path) -> Path:
    """The path of the archive for this Spark and this Java."""
    spark, java = find_spec("pyspark"), shutil.which("java")
    here = f"{version('pyspark') if spark else None} {spark and spark.origin} {java} {os.environ.get('JAVA_HOME')}"
    return cache / f"spark-{sha256(here.encode()).hexdigest()[:12]}.jsa"


def make_archive(cache: Path) -> None:
    """Makes the archive where there is none; returns at once while another process makes it, or without Spark or Java."""
    made = archive(cache)
    if made.exists() or not find_spec("pyspark") or not (shutil.which("java") or "JAVA_HOME" in os.environ):
        return
    with made.with_suffix(".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        part = made.with_suffix(".part")
        part.unlink(missing_ok=True)
        own = {
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_SUBMIT_OPTS": f"{QUICK} {SILENT} -XX:ArchiveClassesAtExit={part}",
            "PYSPARK_PYTHON": sys.executable,
        }
        command = [sys.executable, "-W", "ignore", "-c", TYPICAL]
        with suppress(subprocess.TimeoutExpired):  # on a machine that is this busy, Spark starts without an archive
            done = subprocess.run(command, env=os.environ | own, cwd=cache, capture_output=True, check=False, timeout=300)
            if done.returncode == 0 and part.exists():
                part.replace(made)
