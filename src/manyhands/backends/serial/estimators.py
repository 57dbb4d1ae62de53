"""`serial` for estimators: scikit-learn's and XGBoost's own calls on arrays in this process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from manyhands.backends.estimators.boosting import BoostingEngine
from manyhands.backends.estimators.clustering import ClusteringEngine, Clusters
from manyhands.backends.estimators.preparation import PreparationEngine
from manyhands.backends.estimators.run import data_folder
from manyhands.backends.estimators.tasks import Task, TaskEngine
from manyhands.data.fingerprint import Fingerprint, fingerprint
from manyhands.data.partition import Indices
from manyhands.data.row_parts import Rows
from manyhands.plan import RunSpec
from manyhands.workloads.by_name import workload_class
from manyhands.workloads.kinds.clustering import Start
from manyhands.workloads.kinds.preparation import Prepared, Stored, prepare_plainly

if TYPE_CHECKING:
    import xgboost

COPIES = 2
"""Number of copies of the rows in memory: the rows, and scikit-learn's centred copy or XGBoost's matrix."""


def training_bytes(spec: RunSpec) -> int | None:
    """Bytes of the training rows of `spec` in memory; None when the workload does not report them."""
    workload = workload_class(spec.workload).from_settings(spec.settings)
    return workload.training_bytes(data_folder(spec), spec.total_samples)


class SerialClustering(ClusteringEngine[NDArray[Any]]):
    """scikit-learn's KMeans."""

    def load(self, rows: Rows) -> NDArray[Any]:
        return rows.read_x()

    def train(self, data: NDArray[Any], start: Start) -> Clusters:
        from sklearn.cluster import KMeans

        model = KMeans(
            start.clusters,
            init="k-means++" if start.centres is None else start.centres,
            n_init=1,
            max_iter=start.max_iterations,
            tol=start.tolerance,
            random_state=start.seed,
        ).fit(data)
        return Clusters(model.cluster_centers_, model.n_iter_)

    def held(self, data: NDArray[Any]) -> list[Fingerprint]:
        return [fingerprint(data)]


class SerialBoosting(BoostingEngine[tuple[NDArray[Any], NDArray[Any]]]):
    """`xgboost.train`, with the threads of the spec."""

    def load(self, rows: Rows) -> tuple[NDArray[Any], NDArray[Any]]:
        return rows.read_x(), rows.read_y()

    def train(self, data: tuple[NDArray[Any], NDArray[Any]], parameters: dict[str, Any], rounds: int) -> xgboost.Booster:
        import xgboost

        x, y = data
        return xgboost.train(parameters, xgboost.DMatrix(x, y, nthread=parameters["nthread"]), rounds)

    def held(self, data: tuple[NDArray[Any], NDArray[Any]]) -> list[Fingerprint]:
        return [fingerprint(*data)]


class SerialTasks(TaskEngine):
    """Runs one task after the other."""

    def run(self, function: Callable[..., Any], tasks: Sequence[Task]) -> list[Any]:
        return [function(*task) for task in tasks]


class SerialPreparation(PreparationEngine[Stored]):
    """Plain NumPy on the bytes of the files."""

    def load(self, stored: Stored) -> Stored:
        stored.images.sum()  # a mapped file is read here, not while it is decoded
        return stored

    def prepare(self, data: Stored, split: tuple[Indices, Indices]) -> Prepared:
        return prepare_plainly(data, split)
