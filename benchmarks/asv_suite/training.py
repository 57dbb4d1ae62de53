"""Training from launch to teardown: one class per workload. See `cells` for what is tracked and how to choose cells."""

from __future__ import annotations

from .cells import Cached, Cells, NetworkCells


class Cnn(NetworkCells):
    workload = "cnn"
    unit = "accuracy"

    def setup_cache(self) -> Cached:
        return self.run_cells()


class Collective(Cells):
    workload = "collective"
    unit = "bus_bandwidth_gb_per_s"

    def setup_cache(self) -> Cached:
        return self.run_cells()


class Ensemble(Cells):
    workload = "ensemble"
    unit = "accuracy"

    def setup_cache(self) -> Cached:
        return self.run_cells()


class Kmeans(Cells):
    workload = "kmeans"
    unit = "silhouette"

    def setup_cache(self) -> Cached:
        return self.run_cells()


class Lstm(NetworkCells):
    workload = "lstm"
    unit = "mape_percent"

    def setup_cache(self) -> Cached:
        return self.run_cells()


class Mlp(NetworkCells):
    workload = "mlp"
    unit = "accuracy"

    def setup_cache(self) -> Cached:
        return self.run_cells()


class Prepare(Cells):
    workload = "prepare"
    unit = "mean"

    def setup_cache(self) -> Cached:
        return self.run_cells()


class Rnn(NetworkCells):
    workload = "rnn"
    unit = "accuracy"

    def setup_cache(self) -> Cached:
        return self.run_cells()


class Search(Cells):
    workload = "search"
    unit = "accuracy"

    def setup_cache(self) -> Cached:
        return self.run_cells()


class Xgboost(Cells):
    workload = "xgboost"
    unit = "accuracy"

    def setup_cache(self) -> Cached:
        return self.run_cells()
