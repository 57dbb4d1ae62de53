"""`spark` for estimators: what is its own, beyond the contract: the start of K-means, memory limits, threads, lost workers."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
import pytest
from engines import descendants, in_one_engine, kill_when_busy, measured, small_spec

from manyhands.backends.estimators.shares import shares
from manyhands.backends.spark.memory import memory_settings
from manyhands.data.fingerprint import fingerprint, total
from manyhands.data.row_parts import Rows, write_part
from manyhands.plan import RunSpec
from manyhands.run import Surroundings, measure, refusal
from manyhands.workloads.kinds.clustering import Start
from manyhands.workloads.xgboost_trees import XGBoost

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

needs_spark = pytest.mark.skipif(find_spec("pyspark") is None, reason="needs pyspark: pip install 'manyhands[spark]'")
old_pandas = pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning")
"""pyspark 4.3 says so to every pandas 3; what it is used for here is compared with plain reading."""
LIMIT = 8_000_000
WORKERS = 2


def points(folder: Path, *sizes: int) -> Rows:
    """Rows of four columns in parts of these sizes: three heaps, and a few rows far off."""
    chance = np.random.default_rng(5)
    heaps = chance.normal(size=(3, 4)) * 10
    parts = []
    for number, size in enumerate(sizes):
        x = heaps[chance.integers(3, size=size)] + chance.normal(size=(size, 4))
        x[:: max(1, size // 4)] *= 3
        parts.append(write_part(folder, f"points-{number}", x))
    return Rows(tuple(parts), ("a", "b", "c", "d"), "float64")


@pytest.mark.parametrize("workers", [1, 2, 3, 7, 40])
def test_shares_are_even_and_together_all_rows_in_order(tmp_path: Path, workers: int) -> None:
    rows = points(tmp_path, 10, 3, 20)
    dealt = [[part.x()[low:high] for part, low, high in share] for share in shares(rows, workers)]
    sizes = [sum(map(len, share)) for share in dealt]
    assert len(sizes) == workers
    assert max(sizes) - min(sizes) <= 1
    np.testing.assert_array_equal(np.concatenate([piece for share in dealt for piece in share]), rows.read_x())


def limited(workers: int, limit: int | None, address: str | None = None) -> dict[str, str]:
    return memory_settings(RunSpec(workload="kmeans", backend="spark", workers=workers, memory_limit=limit, address=address))


def test_limit_is_the_heap_and_below_what_spark_needs_the_room_for_rows() -> None:
    assert limited(2, None) == {}
    assert limited(2, 1 << 30) == {"spark.driver.memory": "2048m", "spark.memory.fraction": "0.6000"}
    assert limited(2, 1 << 30, "spark://10.0.0.1:7077") == {"spark.executor.memory": "1024m", "spark.memory.fraction": "0.6000"}
    small = limited(2, LIMIT)
    assert small["spark.driver.memory"] == "512m"
    assert float(small["spark.memory.fraction"]) * (212 << 20) == pytest.approx(2 * LIMIT, rel=1e-3)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"workload": "kmeans", "threads": 2}, "one thread for each worker; use more --workers in place of --threads"),
        ({"workload": "search", "memory_limit": 10**9}, "spark limits only the memory of rows that Spark holds"),
        ({"workload": "mlp", "memory_limit": 10**9}, "spark cannot limit the memory of torch processes"),
        ({"workload": "ensemble", "workers": 2, "settings": {"single": "true"}}, "1 member cannot keep 2 workers busy"),
        (
            {"workload": "xgboost", "threads": 2, "oversubscribe": True, "address": "spark://10.0.0.1:7077"},
            "leave --oversubscribe out",
        ),
    ],
)
@needs_spark
def test_what_could_not_run_as_asked_is_refused_in_words(options: dict[str, Any], reason: str) -> None:
    assert reason in str(refusal(RunSpec(backend="spark", batch="per-worker", **options)))


# --- in one session -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """A session in this process with so little memory that the larger rows do not fit it, as a run would start it."""
    from manyhands.backends.spark.rows import probe_slots
    from manyhands.backends.spark.session import start_session, stop_session

    with pytest.MonkeyPatch.context() as patch:
        for variable in ("SPARK_AUTH_SOCKET_TIMEOUT", "SPARK_BUFFER_SIZE"):
            patch.setenv(variable, "0")  # pyspark sets them: gone again after the test
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        try:
            spec = RunSpec(workload="kmeans", backend="spark", workers=WORKERS, memory_limit=LIMIT)
            started = start_session(spec, tmp_path_factory.mktemp("session"))
            # Starts the Pythons of the slots, for frames and for RDDs, which would else be those of the first test.
            probe_slots(started, WORKERS, ())
            started.sparkContext.range(WORKERS, numSlices=WORKERS).barrier().mapPartitions(list).collect()
            yield started
        finally:
            stop_session()


@pytest.mark.slow
@needs_spark
@old_pandas
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


@pytest.mark.slow
@needs_spark
@old_pandas
def test_native_start_is_seeded(session: SparkSession, tmp_path: Path) -> None:
    from manyhands.backends.spark.estimators import SparkClustering

    engine = SparkClustering(session, WORKERS)
    data = engine.load(points(tmp_path, 2000))
    start = Start(clusters=3, seed=7, max_iterations=20, tolerance=0.0, squared_movement=0.0, centres=None)
    first, second = engine.train(data, start), engine.train(data, start)
    np.testing.assert_allclose(np.sort(first.centres, axis=0), np.sort(second.centres, axis=0), rtol=1e-9)
    engine.held(data)


@pytest.mark.slow
@needs_spark
@old_pandas
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


@pytest.mark.slow
@needs_spark
@old_pandas
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


@pytest.mark.slow
@needs_spark
@pytest.mark.filterwarnings("ignore")  # joblib, joblibspark and pyspark have a word about each other
def test_tasks_of_a_single_worker_are_sparks_too(session: SparkSession, tmp_path: Path) -> None:
    from manyhands.backends.spark.tasks import open_tasks

    with open_tasks(RunSpec(workload="search", backend="spark"), tmp_path) as tasks:
        (worker,) = tasks.probe()
        assert worker["pid"] != os.getpid()
        assert tasks.run(os.getppid, [()] * 3) == [psutil.Process(worker["pid"]).ppid()] * 3


# --- runs of their own session ------------------------------------------------------------------------------------------


spec = partial(small_spec, "spark", workers=WORKERS, batch="per-worker", timeout_s=500)


@pytest.mark.slow
@needs_spark
def test_rows_of_four_times_the_limit_are_trained_on_where_serial_is_refused(tmp_path: Path) -> None:
    wanted = [
        spec(workload="kmeans", samples=4 * LIMIT // (8 * 8), settings={"max_iterations": 3}, memory_limit=LIMIT),
        spec(workload="xgboost", samples=4 * LIMIT // (28 * 4), settings={"rounds": 3}, memory_limit=LIMIT),
    ]
    for one in wanted:
        refused = refusal(replace(one, backend="serial", workers=1))
        assert "do not fit --memory-limit 8 MB; use dask or spark" in str(refused)
    clusters, trees = in_one_engine(wanted, tmp_path)
    assert clusters.resolved["strategy"] == "MLlib k-means"
    assert trees.resolved["strategy"] == "xgboost.spark, external memory"
    for one, record in zip(wanted, (clusters, trees), strict=True):
        assert record.resolved["rows_per_epoch"] == one.samples
        assert sum(worker["rows_seen"] for worker in record.per_worker) == one.samples


@pytest.mark.slow
@needs_spark
def test_every_worker_has_the_threads_asked_for_within_a_limit(tmp_path: Path) -> None:
    options: dict[str, Any] = {"threads": 2, "oversubscribe": True, "memory_limit": LIMIT}
    record = measured(spec(workload="xgboost", samples=2000, settings={"rounds": 2}, **options), tmp_path)
    assert [set(worker["threads"].values()) for worker in record.per_worker] == [{2}, {2}]
    assert len({worker["pid"] for worker in record.per_worker}) == WORKERS


@pytest.mark.slow
@needs_spark
def test_killed_worker_is_a_failed_record_in_words(tmp_path: Path) -> None:
    others = psutil.Process().children(recursive=True)

    def tasks() -> list[psutil.Process]:
        return [process for process in descendants("pyspark.daemon") if process not in others]

    with kill_when_busy(tasks, count=1, cpu_s=4):
        record = measure(spec(workload="xgboost", samples=20000, settings={"rounds": 5000}), Surroundings(log_folder=tmp_path))
    assert record.status == "failed"
    # Either the task that was killed is told first, or what XGBoost says in the one that missed it.
    assert str(record.reason).startswith(
        ("spark lost a worker: the Python process of a Spark task ended unexpectedly", "spark: xgboost.core.XGBoostError")
    )
    left = set(psutil.Process().children(recursive=True)).difference(others)
    assert not [child for child in left if child.status() != psutil.STATUS_ZOMBIE]
