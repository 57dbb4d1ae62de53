"""`static-graph`: like `every-step`, and DistributedDataParallel relies on the same weights being used in every step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from manyhands.backends.sync.strategy import Site, Strategy
from manyhands.errors import UsageError


class StaticGraph(Strategy):
    """The option `static_graph` of DistributedDataParallel."""

    name: ClassVar[str] = "static-graph"
    summary: ClassVar[str] = "averages gradients of every step, of a network that never changes"
    exact: ClassVar[bool] = True

    def options(self, site: Site) -> Mapping[str, Any]:
        if site.accumulate > 1:  # its first pass without an exchange ends in an internal error of PyTorch
            raise UsageError(
                f"--sync static-graph: {site.label} adds up the gradients of {site.accumulate} batches, which PyTorch does not offer"
                " with it; use every-step"
            )
        return {"static_graph": True}
