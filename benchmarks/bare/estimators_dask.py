"""`python estimators_dask.py CELL RESULT`"""

import dask.array as da
import joblib
from dask_ml.cluster import KMeans
from distributed import Client, LocalCluster, wait
from estimators import Cell
from xgboost import dask as xgboost_dask

cell = Cell.asked()


def spread(array):
    """A Dask array with a chunk in every worker, in memory."""
    array = da.from_array(array, chunks=(-(-len(array) // cell.spec.workers), *array.shape[1:])).persist()
    wait(array)
    return array


def kmeans() -> None:
    x, start = cell.points()
    rows = spread(x)

    def fit(iterations: int) -> None:
        KMeans(start.clusters, init=start.centres, max_iter=iterations, tol=start.squared_movement).fit(rows)

    fit(1)  # has the workers compile
    cell.timed(lambda: fit(start.max_iterations))


def boosting(client: Client) -> None:
    x, y, parameters = cell.table()
    rows, labels = spread(x), spread(y)

    def train(rounds: int) -> None:
        matrix = xgboost_dask.DaskQuantileDMatrix(client, rows, labels, max_bin=parameters["max_bin"])
        xgboost_dask.train(client, parameters, matrix, rounds)

    train(1)
    cell.timed(lambda: train(cell.workload.rounds))


if __name__ == "__main__":
    with (
        LocalCluster(n_workers=cell.spec.workers, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        if cell.spec.workload == "kmeans":
            kmeans()
        elif cell.spec.workload == "xgboost":
            boosting(client)
        else:
            with joblib.parallel_config("dask"):
                cell.timed_tasks()
