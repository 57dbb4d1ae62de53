"""Spark on machines as containers are: the host's name does not resolve, or a process may open few files."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from manyhands.backends.spark.java_errors import java_reason, written_since
from manyhands.cli import main
from manyhands.plan import RunSpec
from manyhands.plugins import backend_class
from manyhands.record import read_records

NOWHERE = """
import os, socket, sys
socket.sethostname("nowhere")
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""
FEW = 128
LIMITED = f"""
import resource, sys
from manyhands.cli import main
resource.setrlimit(resource.RLIMIT_NOFILE, ({FEW}, {FEW}))
raise SystemExit(main())
"""
SESSION = """
from pyspark.sql import SparkSession
from manyhands.backends.spark.session import create_session
create_session(SparkSession.builder.master("local[1]"))
"""
RUN = ["run", "kmeans", "--backend", "spark", "--workers", "1", "--samples", "500", "--repeats", "1", "--no-base-line"]
GATEWAY = "[JAVA_GATEWAY_EXITED] Java gateway process exited before sending its port number."

needs_spark = pytest.mark.skipif(find_spec("pyspark") is None, reason="needs pyspark: pip install 'manyhands[spark]'")


@pytest.mark.parametrize(
    ("told", "printed", "reason"),
    [
        (
            GATEWAY,
            'Exception in thread "main" java.lang.ExceptionInInitializerError\n\tat org.apache.spark.Args(Args.scala:197)\n'
            "Caused by: java.net.UnknownHostException: c1: c1: Name or service not known\n\tat java.base/java.net.InetAddress\n"
            "Caused by: java.net.UnknownHostException: c1: Name or service not known\n\t... 17 more\n",
            "java.net.UnknownHostException: c1: Name or service not known",
        ),
        (
            GATEWAY,
            'WARNING: incubator\nException in thread "main" java.lang.InternalError: Error loading java.security file\n\tat java.base/x\n',
            "java.lang.InternalError: Error loading java.security file",
        ),
        (
            "An error occurred while calling None.org.apache.spark.api.java.JavaSparkContext.\n"
            ": java.lang.IllegalArgumentException: System memory must be at least 471859200.\n\tat org.apache.spark.Memory\n",
            "Caused by: an older one",
            "java.lang.IllegalArgumentException: System memory must be at least 471859200.",
        ),
        (GATEWAY, "", GATEWAY),
        ("", "", "it gives no reason"),
    ],
)
def test_reason_of_a_start_is_the_deepest_cause(told: str, printed: str, reason: str) -> None:
    assert java_reason(told, printed) == reason


def test_what_a_child_prints_into_the_file_of_the_output_is_read_from_then_on(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as log:
        log.write(b"before\n")
        log.flush()
        with written_since(log.fileno()) as printed:
            assert printed() == ""
            subprocess.run([sys.executable, "-c", "print('then')"], stdout=log, check=True)
            assert printed() == "then\n"
    reader, writer = os.pipe()
    with written_since(writer) as printed:
        os.write(writer, b"into a pipe")
        assert printed() == ""
    os.close(reader)
    os.close(writer)


@pytest.mark.parametrize("backend", ["spark", "spark-local"])
def test_session_of_this_machine_takes_loopback_for_its_address_and_that_of_a_cluster_does_not(backend: str) -> None:
    own = backend_class(backend).environment(RunSpec(workload="mlp", backend=backend))
    assert (own["SPARK_LOCAL_IP"], own["SPARK_LOCAL_HOSTNAME"]) == ("127.0.0.1", "localhost")
    joined = backend_class("spark").environment(RunSpec(workload="mlp", backend="spark", address="spark://alpha:7077"))
    assert "SPARK_LOCAL_IP" not in joined


@pytest.fixture(scope="module")
def nowhere() -> list[str]:
    """The start of a command that runs Python on a host whose name does not resolve; skips where this user may make none."""
    for words in (["unshare", "--uts"], ["unshare", "--map-root-user", "--uts"]):
        if shutil.which("unshare") and subprocess.run([*words, "true"], capture_output=True, check=False).returncode == 0:
            return [*words, sys.executable, "-c", NOWHERE]
    pytest.skip("needs a UTS namespace, for a host name of its own: root, or user namespaces for all (unshare)")


@pytest.mark.slow
@needs_spark
def test_spark_runs_where_the_name_of_the_host_does_not_resolve(nowhere: list[str], tmp_path: Path) -> None:
    out = tmp_path / "r.jsonl"
    done = subprocess.run([*nowhere, "-m", "manyhands", *RUN, "--out", str(out)], capture_output=True, text=True, check=False)
    (record,) = read_records(out)
    assert record.ok, f"{record.reason} {done.stderr}"
    assert record.machine["host"] == "nowhere"


@pytest.mark.slow
@needs_spark
def test_spark_that_does_not_know_its_host_says_so(nowhere: list[str], tmp_path: Path) -> None:
    own = {name: value for name, value in os.environ.items() if not name.startswith("SPARK_LOCAL")}
    with (tmp_path / "log").open("wb") as log:
        subprocess.run([*nowhere, "-c", SESSION], env=own, stdout=log, stderr=log, check=False)
    last = (tmp_path / "log").read_text().splitlines()[-1]
    assert last == (
        "manyhands.errors.EngineError: Spark did not start: java.net.UnknownHostException: nowhere: Name or service not known"
    )


@pytest.mark.slow
@needs_spark
def test_few_open_files_are_named_by_the_run_that_fails_and_by_doctor(tmp_path: Path) -> None:
    out = tmp_path / "r.jsonl"
    subprocess.run([sys.executable, "-c", LIMITED, *RUN, "--out", str(out)], capture_output=True, check=False)
    (record,) = read_records(out)
    assert record.status == "failed"
    assert str(record.reason).startswith("Spark did not start: java.lang.")
    assert f"a process may open only {FEW} files here (ulimit -n), and engines need up to 1024: " in str(record.reason)


def test_doctor_names_a_low_limit_of_open_files(capsys: pytest.CaptureFixture[str]) -> None:
    shown = subprocess.run([sys.executable, "-c", LIMITED, "doctor"], capture_output=True, text=True, check=True).stdout
    (line,) = [line for line in shown.splitlines() if "open files" in line]
    assert line.startswith("no  open files ")
    assert f"only {FEW} files" in line
    assert main(["doctor"]) == 0
    assert "open files" not in capsys.readouterr().out
