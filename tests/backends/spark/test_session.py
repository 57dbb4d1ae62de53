"""`spark` in one session of this process: K-means, trees, tasks and windows as the engine of a run makes them.

The tests share the session, and the last one of them kills its Java.
"""

from __future__ import annotations

import gzip
import lzma
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import psutil
import pytest
from engines import small_spec
from spark_rows import LIMIT, points

from manyhands.data.fingerprint import fingerprint, total
from manyhands.data.row_parts import Rows, write_part
from manyhands.data.stocks import Windows, load_windows
from manyhands.errors import DataError
from manyhands.measure.threads import thread_variables
from manyhands.plan import RunSpec
from manyhands.run import refusal
from manyhands.workloads.kinds.clustering import Start
from manyhands.workloads.xgboost_trees import XGBoost

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("pyspark") is None, reason="needs pyspark: pip install 'manyhands[spark]'"),
    # pyspark 4.3 says so to every pandas 3; the results are compared with those of plain reading.
    pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning"),
]
WORKERS = 2


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """A session in this process with so little memory that the larger rows do not fit it, as a run would start it."""
    from manyhands.backends.spark.rows import probe_slots
    from manyhands.backends.spark.session import start_session, stop_session

    with pytest.MonkeyPatch.context() as patch:
        for variable in ("SPARK_AUTH_SOCKET_TIMEOUT", "SPARK_BUFFER_SIZE"):
            patch.setenv(variable, "0")  # pyspark sets them: gone again after the test
        for variable, value in (thread_variables(1) | {"PYSPARK_PYTHON": sys.executable}).items():
            patch.setenv(variable, value)
        try:
            spec = RunSpec(workload="kmeans", backend="spark", workers=WORKERS, memory_limit=LIMIT)
            started = start_session(spec, tmp_path_factory.mktemp("session"))
            # Starts the Pythons of the slots, for frames and for RDDs, which would else be those of the first test.
            probe_slots(started, WORKERS, ())
            started.sparkContext.range(WORKERS, numSlices=WORKERS).barrier().mapPartitions(list).collect()
            yield started
        finally:
            stop_session()


@pytest.mark.parametrize("iterations", [1, 20])
def test_mllib_starts_from_the_centres_given_and_goes_where_scikit_learn_goes(
    session: SparkSession, tmp_path: Path, iterations: int
) -> None:
    from sklearn.cluster import KMeans

    from manyhands.backends.spark.estimators import SparkClustering

    rows = points(tmp_path, 700, 1300)
    x = rows.read_x()
    # Far from what any initialisation would choose, so that one iteration shows whose start it was.
    centres = x[:3] * 0.01 + np.arange(3)[:, None]
    start = Start(clusters=3, seed=1, max_iterations=iterations, tolerance=0.0, squared_movement=0.0, centres=centres)
    engine = SparkClustering(session, WORKERS)
    data = engine.load(rows)
    found = engine.train(data, start)
    ours = KMeans(3, init=centres, n_init=1, max_iter=iterations, tol=0.0, algorithm="lloyd").fit(x)
    np.testing.assert_allclose(found.centres, ours.cluster_centers_, rtol=1e-9)
    assert found.iterations <= iterations
    held = engine.held(data)
    assert [share.rows for share in held] == [1000, 1000]
    assert total(held) == fingerprint(x)


def test_native_start_is_seeded(session: SparkSession, tmp_path: Path) -> None:
    from manyhands.backends.spark.estimators import SparkClustering

    engine = SparkClustering(session, WORKERS)
    data = engine.load(points(tmp_path, 2000))
    start = Start(clusters=3, seed=7, max_iterations=20, tolerance=0.0, squared_movement=0.0, centres=None)
    first, second = engine.train(data, start), engine.train(data, start)
    np.testing.assert_allclose(np.sort(first.centres, axis=0), np.sort(second.centres, axis=0), rtol=1e-9)
    engine.held(data)


def test_rows_beyond_the_limit_lie_on_disk_and_are_all_there(session: SparkSession, tmp_path: Path) -> None:
    from manyhands.backends.spark.estimators import SparkClustering

    rows = points(tmp_path, *[4 * LIMIT // (4 * 8 * 4)] * 4)
    assert rows.bytes == 4 * LIMIT
    engine = SparkClustering(session, WORKERS)
    data = engine.load(rows)
    stored = list(session.sparkContext._jsc.sc().getRDDStorageInfo())
    assert sum(info.memSize() for info in stored) <= WORKERS * LIMIT
    assert sum(info.diskSize() for info in stored) > LIMIT
    assert total(engine.held(data)) == total(fingerprint(part.x()) for part in rows.parts)


def test_trees_are_the_same_from_disk_as_from_memory(session: SparkSession, tmp_path: Path) -> None:
    from manyhands.backends.estimators.boosting import predict
    from manyhands.backends.spark.estimators import SparkBoosting, boosting_engine

    x = points(tmp_path, 3000).read_x().astype(np.float32)
    y = (x[:, 0] * x[:, 1] > x[:, 2]).astype(np.int32)
    rows = Rows(
        (write_part(tmp_path, "low", x[:1000], y[:1000]), write_part(tmp_path, "high", x[1000:], y[1000:])),
        tuple("abcd"),
        "float32",
    )
    workload = XGBoost.from_settings({"rounds": 4, "max_depth": 3})
    parameters = workload.parameters(2, 0, 1)
    probabilities = []
    for limit in (None, LIMIT):
        engine = boosting_engine(session, RunSpec(workload="xgboost", backend="spark", workers=WORKERS, memory_limit=limit))
        assert isinstance(engine, SparkBoosting) == (limit is None)
        engine.probe()
        data = engine.load(rows)
        booster = engine.train(data, parameters, workload.rounds)
        assert booster.num_boosted_rounds() == workload.rounds
        assert total(engine.held(data)) == fingerprint(x, y)
        probabilities.append(predict(booster, x, 1))
    assert ((probabilities[0][:, 1] > 0.5) == y).mean() > 0.8
    np.testing.assert_allclose(*probabilities, rtol=1e-5)


@pytest.mark.filterwarnings("ignore")  # joblib, joblibspark and pyspark have a word about each other
def test_tasks_of_a_single_worker_are_sparks_too(session: SparkSession, tmp_path: Path) -> None:
    from manyhands.backends.spark.tasks import open_tasks

    with open_tasks(RunSpec(workload="search", backend="spark"), tmp_path) as tasks:
        (worker,) = tasks.probe()
        assert worker["pid"] != os.getpid()
        assert tasks.run(os.getppid, [()] * 3) == [psutil.Process(worker["pid"]).ppid()] * 3


def test_rows_of_four_times_the_limit_are_trained_on_where_serial_is_refused(session: SparkSession, tmp_path: Path) -> None:
    from manyhands.backends.spark.backend import Spark

    wanted = small_spec(
        "spark",
        workload="kmeans",
        workers=WORKERS,
        batch="per-worker",
        samples=4 * LIMIT // (8 * 8),
        settings={"max_iterations": 3},
        memory_limit=LIMIT,
    )
    assert "do not fit --memory-limit 8 MB; use dask or spark" in str(refusal(replace(wanted, backend="serial", workers=1)))
    engine = Spark(wanted, tmp_path)
    engine.session = session
    fit = engine.fit_clustering(wanted)
    assert fit.resolved["strategy"] == "MLlib k-means"
    assert fit.resolved["rows_per_epoch"] == wanted.samples
    assert sum(worker.rows_seen or 0 for worker in fit.workers) == wanted.samples


def write_bars(path: Path, layout: str) -> Path:
    """Prices of three symbols on 60 dates and of one that starts too late to learn from, with blanks and a flat volume."""
    chance = np.random.default_rng(7)
    days = np.busday_offset("2020-01-01", np.arange(60), roll="forward").astype(str)
    lines = [layout]
    for symbol, first in (("CCC", 0), ("AAA", 0), ("LATE", 55), ("BBB", 3)):
        for number, day in enumerate(days[first:]):
            low, open_, close, high = (f"{price:.2f}" for price in sorted(chance.uniform(10, 20, 4)))
            volume = "500" if symbol == "BBB" else str(chance.integers(1000, 9000))
            bar = (
                [day, symbol, close, close, high, low, open_, volume]
                if "Adj" in layout
                else [day, open_, high, low, close, volume, symbol]
            )
            if number == 20:
                bar[3] = ("", "NaN")[symbol == "AAA"]
            lines.append(",".join(bar))
    text = "\n".join(lines).encode() + b"\n"
    openers: dict[str, Callable[[bytes], bytes]] = {".gz": gzip.compress, ".xz": lzma.compress}
    path.write_bytes(openers.get(path.suffix, bytes)(text))
    return path


def same(plain: Windows, spark: Windows) -> None:
    for field in fields(Windows):
        ours, theirs = getattr(plain, field.name), getattr(spark, field.name)
        if isinstance(ours, np.ndarray):
            assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype), field.name
            np.testing.assert_allclose(theirs, ours, rtol=1e-6, atol=1e-6, err_msg=field.name)
        else:
            assert theirs == ours, field.name


def test_spark_makes_the_windows_that_plain_reading_makes(session: SparkSession, tmp_path: Path) -> None:
    from manyhands.backends.spark.windows import prepare_windows

    same(load_windows(None), prepare_windows(session, tmp_path, None, 60, (), None))
    first = write_bars(tmp_path / "first.csv.gz", "Date,Symbol,Adj Close,Close,High,Low,Open,Volume").name
    second = write_bars(tmp_path / "second.csv.xz", "date,open,high,low,close,volume,Name").name
    for file, symbols in ((first, ()), (second, ("BBB", "AAA"))):
        plain = load_windows(tmp_path, 4, symbols, file)
        same(plain, prepare_windows(session, tmp_path, tmp_path, 4, symbols, file))
    with pytest.raises(DataError, match="too few dates for windows of 55 days"):
        prepare_windows(session, tmp_path, tmp_path, 55, (), first)


def test_session_whose_java_was_killed_is_stopped_without_a_word(
    session: SparkSession, capfd: pytest.CaptureFixture[str]
) -> None:
    """The last test of the session: it ends it."""
    from pyspark import SparkContext

    from manyhands.backends.spark.session import stop_session

    java = SparkContext._gateway.proc
    java.kill()
    java.wait()
    stop_session()
    assert SparkContext._gateway is None
    assert capfd.readouterr().out == ""
