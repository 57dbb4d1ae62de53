"""Training from launch to teardown: one class per workload. See `cells` for what is tracked and how to choose cells."""

from __future__ import annotations

from .cells import Cached, Cells


class Cnn(Cells):
    workload = "cnn"
    unit = "accuracy"

    def setup_cache(self) -> Cached:
        return self.run_cells()


class Lstm(Cells):
    workload = "lstm"
    unit = "mape_percent"

    def setup_cache(self) -> Cached:
        return self.run_cells()


class Mlp(Cells):
    workload = "mlp"
    unit = "accuracy"

    def setup_cache(self) -> Cached:
        return self.run_cells()


class Rnn(Cells):
    workload = "rnn"
    unit = "accuracy"

    def setup_cache(self) -> Cached:
        return self.run_cells()
