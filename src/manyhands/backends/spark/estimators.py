"""`spark` for estimators that train on rows: MLlib's K-means and xgboost.spark."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from py4j.protocol import Py4JError  # type: ignore[import-untyped]
from pyspark.errors import PySparkException

from manyhands.backends.estimators.boosting import BoostingEngine
from manyhands.backends.estimators.clustering import ClusteringEngine, Clusters
from manyhands.backends.estimators.run import WORKER_FIELDS
from manyhands.backends.spark.failure import failure, logged_by_java
from manyhands.backends.spark.rows import fingerprints, nested, probe_slots, read_rows, unnested
from manyhands.data.fingerprint import Fingerprint
from manyhands.data.row_parts import Part, Rows
from manyhands.plan import RunSpec
from manyhands.workloads.kinds.clustering import Start

if TYPE_CHECKING:
    import xgboost
    from pyspark.sql import DataFrame, SparkSession

OF_LABELS = ("objective", "num_class")
"""Parameters that xgboost.spark derives from the labels of the training rows, where a class may be missing, and takes from no caller."""
NOT_PARAMETERS = ("nthread", *OF_LABELS)
"""Parameters that xgboost.spark does not take; threads come from `spark.task.cpus`."""


class SparkClustering(ClusteringEngine[Any]):
    """MLlib's K-means on a cached RDD of vectors.

    The class calls MLlib through Java. Only the RDD form of K-means takes starting centres, and pyspark's wrapper of that form
    would pickle every row inside the timed call.
    """

    strategy = "MLlib k-means"
    worker_fields = tuple(name for name in WORKER_FIELDS if name != "peak_pss_bytes")

    def __init__(self, session: SparkSession, workers: int) -> None:
        self.session = session
        self.workers = workers
        self.java: Any = session.sparkContext._jvm

    def probe(self) -> list[dict[str, Any]]:
        """The host of each slot. A slot is one thread of a Java process, so its CPU time and memory cannot be measured alone."""
        unknown = dict.fromkeys(("pid", "threads", "cpu_user_s", "cpu_system_s", "peak_rss_bytes"))
        return [{"host": report["host"]} | unknown for report in probe_slots(self.session, self.workers, ())]

    def load(self, rows: Rows) -> Any:
        frame = read_rows(self.session, rows, self.workers, "x array<double>", encode_points)
        vectors = self.java.org.apache.spark.ml.util.DatasetUtils.columnToOldVector(frame._jdf, "x")
        vectors.persist(self.java.org.apache.spark.storage.StorageLevel.MEMORY_AND_DISK())
        vectors.count()
        return vectors

    def train(self, data: Any, start: Start) -> Clusters:
        from pyspark.mllib.common import _py2java, callJavaFunc
        from pyspark.mllib.linalg import Vectors

        context, mllib = self.session.sparkContext, self.java.org.apache.spark.mllib.clustering
        kmeans = mllib.KMeans().setK(start.clusters).setMaxIterations(start.max_iterations).setSeed(start.seed)
        kmeans = kmeans.setEpsilon(math.sqrt(start.squared_movement / start.clusters))
        if start.centres is not None:
            kmeans = kmeans.setInitialModel(mllib.KMeansModel(_py2java(context, [Vectors.dense(row) for row in start.centres])))
        model = kmeans.run(data)
        centres = callJavaFunc(context, model.clusterCenters)
        return Clusters(np.array([centre.toArray() for centre in centres]), model.numIter())

    def held(self, data: Any) -> list[Fingerprint]:
        from pyspark.ml.functions import vector_to_array
        from pyspark.sql import DataFrame

        encoder = self.java.org.apache.spark.sql.Encoders.udt(self.java.org.apache.spark.mllib.linalg.VectorUDT())
        frame = DataFrame(self.session._jsparkSession.createDataset(data, encoder).toDF(), self.session)
        found = fingerprints(frame.select(vector_to_array(frame["value"])), decode_points)
        data.unpersist(True)
        return found


class SparkBoosting(BoostingEngine["DataFrame"]):
    """xgboost.spark's classifier on a cached frame, with a barrier task for each worker. It counts the labels before it trains.

    XGBoost's workers listen on every interface of their machine while they train; XGBoost has no option to change that
    (https://github.com/dmlc/xgboost/issues/11551).
    """

    strategy = "xgboost.spark"

    def __init__(self, session: SparkSession, workers: int) -> None:
        self.session = session
        self.workers = workers

    def probe(self) -> list[dict[str, Any]]:
        return probe_slots(self.session, self.workers, ("xgboost.spark",))

    def load(self, rows: Rows) -> DataFrame:
        kind = {"float32": "float", "float64": "double"}[rows.dtype]
        schema = ", ".join(f"{name} {kind}" for name in feature_names(len(rows.columns)))
        frame = read_rows(self.session, rows, self.workers, f"{schema}, label int", encode_labelled).persist()
        frame.count()
        return frame

    def train(self, data: DataFrame, parameters: dict[str, Any], rounds: int) -> xgboost.Booster:
        given = {name: value for name, value in parameters.items() if name not in NOT_PARAMETERS}
        features = [name for name in data.columns if name != "label"]
        classifier = classifier_class({name: parameters[name] for name in OF_LABELS if name in parameters})(
            features_col=features, num_workers=self.workers, n_estimators=rounds, **given
        )
        booster: xgboost.Booster = classifier.fit(data).get_booster()
        return booster

    def held(self, data: DataFrame) -> list[Fingerprint]:
        found = fingerprints(data, decode_labelled)
        data.unpersist(blocking=True)
        return found


def classifier_class(of_labels: Mapping[str, Any]) -> type[Any]:
    """xgboost.spark's classifier with these parameters, also when a class is missing among its training rows have."""
    from xgboost.spark import SparkXGBClassifier

    class Classifier(SparkXGBClassifier):
        def _get_distributed_train_params(self, dataset: DataFrame) -> dict[str, Any]:
            found: dict[str, Any] = super()._get_distributed_train_params(dataset)
            return {name: value for name, value in found.items() if name not in OF_LABELS} | dict(of_labels)

    return Classifier


def boosting_engine(session: SparkSession, spec: RunSpec) -> BoostingEngine[Any]:
    """xgboost.spark, which holds all rows in memory; with a memory limit, XGBoost with its matrix on disk."""
    from manyhands.backends.spark.boosting_on_disk import SparkBoostingOnDisk

    return (SparkBoosting if spec.memory_limit is None else SparkBoostingOnDisk)(session, spec.workers)


def encode_points(part: Part, low: int, high: int) -> pa.RecordBatch:
    """One column of lists of doubles, the type that MLlib computes with."""
    return pa.RecordBatch.from_arrays([nested(part.x()[low:high].astype(np.float64))], ["x"])


def decode_points(batch: pa.RecordBatch) -> tuple[NDArray[Any], None]:
    """Features (rows, columns), and None for the labels."""
    return unnested(batch.column(0)), None


def feature_names(columns: int) -> list[str]:
    """Names of the feature columns; none equals the label column's name or a keyword of SQL."""
    return [f"f{number}" for number in range(columns)]


def encode_labelled(part: Part, low: int, high: int) -> pa.RecordBatch:
    """One column for each feature, and one for the label."""
    x = np.asfortranarray(part.x()[low:high])
    columns = [pa.array(x[:, number]) for number in range(x.shape[1])]
    return pa.RecordBatch.from_arrays([*columns, pa.array(part.y()[low:high])], [*feature_names(len(columns)), "label"])


def decode_labelled(batch: pa.RecordBatch) -> tuple[NDArray[Any], NDArray[Any]]:
    """Features (rows, columns) and labels (rows,)."""
    *columns, label = (column.to_numpy(zero_copy_only=False) for column in batch.columns)
    return np.column_stack(columns), label


@contextmanager
def engine_errors(folder: Path) -> Iterator[None]:
    """Turns an exception of Java or its Python workers into one line; a manyhands error keeps its class and message.

    `folder`: that of the run, where Java logs its errors.
    """
    try:
        yield
    except (Py4JError, PySparkException) as error:
        raise failure(error, [], logged=logged_by_java(folder)) from None
