"""`fabric-ddp`: Lightning Fabric launches one process per worker by running the command again, and wraps with ddp.

On one machine the workers communicate over loopback. Several machines work as with `ddp`: each runs the same command with
`--nodes`, its own `--node-rank`, and `--address host:port` of the machine of rank 0, which writes the record.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from manyhands.backends.base import NodePartDone
from manyhands.backends.fabric.dp import NO_SCRIPT, FabricDp
from manyhands.backends.nodes.options import no_meeting
from manyhands.backends.ranks.base import RankBackend
from manyhands.plan import RunSpec

__all__ = ["FabricDdp", "FabricDp"]


class FabricDdp(RankBackend):
    """Fabric's `ddp` strategy, gloo between CPUs and NCCL between GPUs."""

    name: ClassVar[str] = "fabric-ddp"
    summary: ClassVar[str] = "Lightning Fabric with its ddp strategy"
    libraries: ClassVar[tuple[str, ...]] = ("torch", "lightning")
    extra: ClassVar[str] = "fabric"
    spans_nodes: ClassVar[bool] = True
    lacks: ClassVar[Mapping[str, str]] = {"script": NO_SCRIPT}

    @classmethod
    def refuse(cls, spec: RunSpec) -> str | None:
        return no_meeting(spec)

    @classmethod
    def environment(cls, spec: RunSpec) -> dict[str, str]:
        return {"NODE_RANK": str(spec.node_rank)} | ({"GLOO_SOCKET_IFNAME": "lo"} if spec.address is None else {})

    def run_ranks(self, spec: RunSpec) -> Sequence[Mapping[str, Any]]:
        """Runs `fabric.worker`, which launches the other workers, and reads the reports that rank 0 gathered."""
        from manyhands.backends.fabric.failure import first_failure
        from manyhands.backends.nodes.heartbeat import across_nodes

        (self.folder / "job.json").write_text(json.dumps(spec.to_dict()))
        worker = subprocess.Popen([sys.executable, "-m", "manyhands.backends.fabric.worker", str(self.folder)])
        if code := worker.wait():
            raise across_nodes(first_failure(self.folder, code, worker.pid), spec)
        if spec.node_rank:
            raise NodePartDone
        reports: list[dict[str, Any]] = json.loads((self.folder / "reports.json").read_text())
        return reports
