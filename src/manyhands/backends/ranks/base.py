"""A backend whose workers form torch's process group: the backend starts them, the workload's kind decides their work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from manyhands.backends.base import Backend, Fit
from manyhands.plan import RunSpec


class RankBackend(Backend):
    """A backend whose workers form torch's process group. It calls `ranks.job.run_rank` in each of them."""

    def run_ranks(self, spec: RunSpec) -> Sequence[Mapping[str, Any]]:
        """The reports of all workers, in any order; raises the error that made one of them fail."""
        raise NotImplementedError

    def fit_network(self, spec: RunSpec) -> Fit:
        """Trains with the epoch loop in every worker."""
        from manyhands.backends.ranks.fit import network_fit

        return network_fit(self.run_ranks(spec), spec)

    def fit_function(self, spec: RunSpec) -> Fit:
        """Trains what a user's function builds, with the epoch loop in every worker."""
        return self.fit_network(spec)

    def fit_collective(self, spec: RunSpec) -> Fit:
        """Sums messages over all workers."""
        from manyhands.backends.ranks.fit import collective_fit

        return collective_fit(self.run_ranks(spec), spec)
