"""`static-graph`: like `every-step`, and DistributedDataParallel relies on the same weights being used in every step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from manyhands.backends.sync.strategy import Site, Strategy


class StaticGraph(Strategy):
    """The option `static_graph` of DistributedDataParallel."""

    name: ClassVar[str] = "static-graph"
    summary: ClassVar[str] = "averages gradients of every step, of a network that never changes"
    exact: ClassVar[bool] = True

    def options(self, site: Site) -> Mapping[str, Any]:
        return {"static_graph": True}
