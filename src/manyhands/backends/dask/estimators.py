"""`dask` for estimators: dask-ml's KMeans, xgboost.dask and Dask arrays, on rows in the memory of the workers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from manyhands.backends.dask.library import array_module, distributed_module
from manyhands.backends.dask.rows import Spread, spread
from manyhands.backends.dask.workers import Workers
from manyhands.backends.estimators.boosting import BoostingEngine
from manyhands.backends.estimators.clustering import ClusteringEngine, Clusters
from manyhands.backends.estimators.preparation import PreparationEngine
from manyhands.data.fingerprint import Fingerprint
from manyhands.data.partition import Indices
from manyhands.data.row_parts import Rows
from manyhands.plan import RunSpec
from manyhands.workloads.kinds.clustering import Start
from manyhands.workloads.kinds.preparation import Prepared, Stored

if TYPE_CHECKING:
    import xgboost


class DaskClustering(ClusteringEngine[Spread]):
    """dask-ml's KMeans; its own initialisation is k-means||.

    When the tolerance ends training, dask-ml returns the centres before their last movement. It moves the centre of an empty
    cluster to the origin.
    """

    strategy = "dask-ml"

    def __init__(self, workers: Workers, limited: bool = False) -> None:
        """Fits a few rows first, because the first fit in a process takes seconds, mainly to compile dask-ml's step."""
        from dask_ml.cluster import KMeans

        self.workers, self.limited = workers, limited
        workers.each(compile_steps)
        with workers.current():
            KMeans(1, init=np.zeros((1, 2)), max_iter=1).fit(warm_up_rows(workers))

    def probe(self) -> list[dict[str, Any]]:
        return self.workers.probe()

    def load(self, rows: Rows) -> Spread:
        return spread(self.workers, rows, labelled=False, limited=self.limited)

    def train(self, data: Spread, start: Start) -> Clusters:
        from dask_ml.cluster import KMeans

        with self.workers.current():
            model = KMeans(
                start.clusters,
                init="k-means||" if start.centres is None else start.centres,
                max_iter=start.max_iterations,
                tol=start.squared_movement,
                random_state=start.seed,
            ).fit(data.x)
        return Clusters(model.cluster_centers_, model.n_iter_)

    def held(self, data: Spread) -> list[Fingerprint]:
        return data.fingerprints(self.workers)


def warm_up_rows(workers: Workers) -> Any:
    """A Dask array with four rows of two columns in every worker."""
    parts = [workers.client.submit(np.ones, (4, 2), workers=[address], pure=False) for address in workers.addresses]
    with workers.current():
        rows = array_module().concatenate([array_module().from_delayed(part, (4, 2), float) for part in parts]).persist()
        distributed_module().wait(rows)
    return rows


def compile_steps() -> None:
    """Makes Numba compile, for this process, the code that dask-ml's KMeans runs on a chunk."""
    import dask
    from dask_ml.cluster import KMeans

    with dask.config.set(scheduler="synchronous"):
        KMeans(1, init=np.zeros((1, 2)), max_iter=1).fit(array_module().from_array(np.ones((4, 2)), chunks=(4, 2)))


class DaskBoosting(BoostingEngine[Spread]):
    """`xgboost.dask.train` on a quantile matrix, as in xgboost.dask's own estimators.

    The tracker listens on the scheduler's address. XGBoost's workers listen on all interfaces while they train; XGBoost has no
    option to change that.
    """

    strategy = "xgboost.dask"

    def __init__(self, workers: Workers) -> None:
        """Boosts a few rows first, so that the work that each process does once is not timed."""
        self.workers = workers
        workers.each(import_xgboost)
        few = warm_up_rows(workers)
        self._boost(few, few[:, 0], {"nthread": workers.threads}, 1)

    def probe(self) -> list[dict[str, Any]]:
        return self.workers.probe()

    def load(self, rows: Rows) -> Spread:
        return spread(self.workers, rows, labelled=True)

    def train(self, data: Spread, parameters: dict[str, Any], rounds: int) -> xgboost.Booster:
        booster: xgboost.Booster = self._boost(data.x, data.y, parameters, rounds)
        return booster

    def _boost(self, x: Any, y: Any, parameters: dict[str, Any], rounds: int) -> Any:
        from xgboost import dask as xgboost_dask
        from xgboost.collective import Config

        client = self.workers.client
        # Otherwise XGBoost would listen on the interface to which the host's name resolves.
        host = client.scheduler.address.rpartition("/")[2].rpartition(":")[0]
        with self.workers.current():
            matrix = xgboost_dask.DaskQuantileDMatrix(client, x, y, max_bin=parameters.get("max_bin", 256))
            return xgboost_dask.train(client, parameters, matrix, rounds, coll_cfg=Config(tracker_host_ip=host))["booster"]

    def held(self, data: Spread) -> list[Fingerprint]:
        return data.fingerprints(self.workers)


def boosting_engine(workers: Workers, spec: RunSpec) -> BoostingEngine[Any]:
    """xgboost.dask; with a memory limit, XGBoost with its matrix on disk."""
    from manyhands.backends.dask.boosting_on_disk import DaskBoostingOnDisk

    return DaskBoosting(workers) if spec.memory_limit is None else DaskBoostingOnDisk(workers)


def import_xgboost() -> None:
    """Imports xgboost.dask, before anything is timed."""
    import xgboost.dask  # noqa: F401


def import_arrays() -> None:
    """Imports Dask arrays, before anything is timed."""
    import dask.array  # noqa: F401


class DaskPreparation(PreparationEngine[tuple[Any, Any]]):
    """Dask arrays of the images' bytes, with one chunk in every worker."""

    strategy = "dask arrays"

    def __init__(self, workers: Workers) -> None:
        self.workers = workers
        workers.each(import_arrays)
        import_arrays()

    def probe(self) -> list[dict[str, Any]]:
        return self.workers.probe()

    def load(self, stored: Stored) -> tuple[Any, Any]:
        return self._place(stored.images), self._place(stored.labels)

    def _place(self, array: Any) -> Any:
        da = array_module()
        pieces = np.array_split(array, len(self.workers.addresses))
        with self.workers.client.as_current():
            futures = [
                self.workers.client.scatter(np.array(piece), workers=[address], hash=False)
                for piece, address in zip(pieces, self.workers.addresses, strict=True)
            ]
            return da.concatenate(
                [da.from_delayed(future, piece.shape, piece.dtype) for future, piece in zip(futures, pieces, strict=True)]
            )

    def prepare(self, data: tuple[Any, Any], split: tuple[Indices, Indices]) -> Prepared:
        images, labels = data
        with self.workers.current():
            parts = [images[rows].astype(np.float32)[:, None] / np.float32(255) for rows in split]
            mean, deviation = parts[0].mean(dtype=np.float64), parts[0].std(dtype=np.float64)
            scaled = [(part - mean.astype(np.float32)) / deviation.astype(np.float32) for part in parts]
            made = array_module().compute(*scaled, *(labels[rows] for rows in split), mean, deviation)
        x_train, x_validation, y_train, y_validation, found_mean, found_deviation = made
        return Prepared(x_train, y_train, x_validation, y_validation, float(found_mean), float(found_deviation))
