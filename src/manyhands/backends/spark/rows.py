"""Rows in Spark: the Python process of each slot reads its share from the parts as Arrow, and later proves which rows it held.

No row passes through the driver. A share is one partition, so Spark runs as many tasks at once as there are workers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from manyhands.backends.estimators.run import probe
from manyhands.backends.estimators.shares import shares
from manyhands.data.fingerprint import Fingerprint, fingerprint, total
from manyhands.data.row_parts import Part, Rows

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

BATCH_ROWS = 1 << 14
Encode = Callable[[Part, int, int], pa.RecordBatch]
"""Makes Spark's columns from a part's rows; arguments: the part, its first row, one past the last row."""


def read_rows(session: SparkSession, rows: Rows, workers: int, schema: str, encode: Encode) -> DataFrame:
    """The rows as a frame of `workers` partitions; the slots read the rows when the frame is first used."""
    given = shares(rows, workers)

    def read(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for worker in batch.column(0).to_pylist():
                for part, first, last in given[worker]:
                    for low in range(first, last, BATCH_ROWS):
                        yield encode(part, low, min(low + BATCH_ROWS, last))

    return session.range(0, workers, 1, workers).mapInArrow(read, schema)


def fingerprints(
    frame: DataFrame, decode: Callable[[pa.RecordBatch], tuple[NDArray[Any], NDArray[Any] | None]]
) -> list[Fingerprint]:
    """The fingerprint of each partition, in order; `decode` gives features (rows, columns) and labels of some of its rows."""

    def prove(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        found = total(fingerprint(*decode(batch)) for batch in batches)
        yield pa.RecordBatch.from_pydict({"rows": [found.rows], "sums": [json.dumps(found.sums)]})

    collected = frame.mapInArrow(prove, "rows long, sums string").collect()
    return [Fingerprint(row["rows"], tuple(json.loads(row["sums"]))) for row in collected]


def probe_slots(session: SparkSession, workers: int, libraries: Sequence[str]) -> list[dict[str, Any]]:
    """The reports of `probe()` from the Python process of each slot, after that process has imported `libraries`."""

    def ask(_: int) -> dict[str, Any]:
        for library in libraries:
            import_module(library)
        return probe()

    return in_slots(session, workers, ask)


def in_slots(session: SparkSession, workers: int, function: Callable[[int], Any]) -> list[Any]:
    """The results of `function(rank)`, called in the Python process of each slot at the same time; results must fit JSON."""

    def call(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        from pyspark import BarrierTaskContext

        for _ in batches:
            pass
        task = BarrierTaskContext.get()
        answer = json.dumps(function(task.partitionId()))
        task.barrier()  # otherwise two tasks could run one after the other in the same process
        yield pa.RecordBatch.from_pydict({"answer": [answer]})

    frame = session.range(0, workers, 1, workers).mapInArrow(call, "answer string", barrier=True)
    return [json.loads(row["answer"]) for row in frame.collect()]


def nested(x: NDArray[Any]) -> pa.ListArray:
    """A column of lists, one for each row of `x`."""
    return pa.ListArray.from_arrays(np.arange(len(x) + 1, dtype=np.int32) * x.shape[1], np.ascontiguousarray(x).ravel())


def unnested(column: pa.ListArray) -> NDArray[Any]:
    """The array (rows, columns) from which `nested` made the column."""
    flat: NDArray[Any] = column.flatten().to_numpy(zero_copy_only=False)
    return flat.reshape(len(column), -1)
