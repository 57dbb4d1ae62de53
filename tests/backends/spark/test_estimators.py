"""`spark` for estimators: what is its own, beyond the contract: memory limits, threads, lost workers."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from engines import descendants, killing, measured, small_spec
from listening import listens
from spark_rows import LIMIT, points

from manyhands.backends.estimators.shares import shares
from manyhands.backends.spark.memory import memory_settings
from manyhands.plan import RunSpec
from manyhands.run import RunContext, measure, refusal

needs_spark = pytest.mark.skipif(find_spec("pyspark") is None, reason="needs pyspark: pip install 'manyhands[spark]'")
WORKERS = 2


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


# --- runs of their own session ------------------------------------------------------------------------------------------


spec = partial(small_spec, "spark", workers=WORKERS, batch="per-worker", timeout_s=500)


@pytest.mark.slow
@needs_spark
def test_rows_of_four_times_the_limit_are_trained_on_with_the_threads_asked_for_where_serial_is_refused(tmp_path: Path) -> None:
    wanted = spec(
        workload="xgboost",
        samples=4 * LIMIT // (28 * 4),
        settings={"rounds": 3},
        threads=2,
        oversubscribe=True,
        memory_limit=LIMIT,
    )
    serial = replace(wanted, backend="serial", workers=1)
    assert "do not fit --memory-limit 8 MB; use dask or spark" in str(refusal(serial))
    record = measured(wanted, tmp_path)
    assert record.resolved["strategy"] == "xgboost.spark, external memory"
    assert record.resolved["rows_per_epoch"] == wanted.samples
    assert sum(worker["rows_seen"] for worker in record.per_worker) == wanted.samples
    assert [set(worker["threads"].values()) for worker in record.per_worker] == [{2}, {2}]
    assert len({worker["pid"] for worker in record.per_worker}) == WORKERS


@pytest.mark.slow
@needs_spark
def test_killed_worker_is_a_failed_record_in_words(tmp_path: Path) -> None:
    others = psutil.Process().children(recursive=True)

    def tasks() -> list[psutil.Process]:
        return [process for process in descendants("pyspark.daemon") if process not in others]

    def victim() -> psutil.Process | None:
        # The daemon listens on loopback, and XGBoost's workers on every interface while they train.
        return next((process for process in tasks() if listens(process) & {"0.0.0.0", "::"}), None)

    with killing(victim):
        record = measure(spec(workload="xgboost", samples=2000, settings={"rounds": 100_000}), RunContext(log_folder=tmp_path))
    assert record.status == "failed"
    # Also when XGBoost's error in the task that missed it comes first, or XGBoost's tracker ends the driver.
    assert str(record.reason).startswith("spark lost a worker: the Python process of a Spark task ended unexpectedly")
    left = set(psutil.Process().children(recursive=True)).difference(others)
    assert not [child for child in left if child.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.slow
@needs_spark
def test_a_class_that_no_training_row_has_is_learnt_as_by_serial(tmp_path: Path) -> None:
    """Every row of a class is held out; the fixed draw is the same on every engine."""
    lines = [f"{row % 7},{row * 13 % 17},{row % 3 * 2}" for row in range(60)]
    held = np.random.default_rng([0, 0]).permutation(60)[48:]
    for row in held[:3]:
        lines[row] = f"{row % 7},3,1"
    file = tmp_path / "held.csv"
    file.write_text("\n".join(["a,b,y", *lines]) + "\n")
    wanted = spec(workload="xgboost", workers=1, samples=48, settings={"file": str(file), "label": "y", "rounds": 2})
    spark, serial = measured(wanted, tmp_path), measured(replace(wanted, backend="serial"), tmp_path)
    assert spark.resolved["parameters"]["num_class"] == serial.resolved["parameters"]["num_class"] == 4
    assert spark.resolved["classes"] == serial.resolved["classes"] == ["0", "1", "2", "4"]
    assert spark.quality["log_loss"] == pytest.approx(serial.quality["log_loss"], rel=1e-6)
