"""`fabric-ddp`: Lightning Fabric launches one process per worker the way it re-runs a user's script, and wraps with ddp.

On one machine everything meets on loopback. Several machines work as with `ddp`: the same command on each, with
`--nodes`, its own `--node-rank`, and `--address host:port` of the machine of rank 0, which writes the record.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from manyhands.backends.base import RankBackend
from manyhands.errors import Unavailable, UsageError
from manyhands.plan import RunSpec


class FabricDdp(RankBackend):
    """Fabric's `ddp` strategy, gloo between CPUs and NCCL between GPUs."""

    name: ClassVar[str] = "fabric-ddp"
    summary: ClassVar[str] = "Lightning Fabric with its ddp strategy"
    libraries: ClassVar[tuple[str, ...]] = ("torch", "lightning")
    extra: ClassVar[str] = "fabric"

    @classmethod
    def refuse(cls, spec: RunSpec) -> str | None:
        if spec.nodes > 1 and spec.address is None:
            raise UsageError("--nodes above 1 needs --address HOST:PORT, the machine of node rank 0 and a free port on it")
        if spec.address is not None and meeting_point(spec.address) is None:
            return f"fabric-ddp meets at HOST:PORT, the machine of node rank 0 and a free port on it; {spec.address!r} is no such address"
        return None

    @classmethod
    def environment(cls, spec: RunSpec) -> dict[str, str]:
        node = {"NODE_RANK": str(spec.node_rank)}
        if spec.address is None:
            return node | {"GLOO_SOCKET_IFNAME": "lo"}
        meeting = meeting_point(spec.address)
        return node | ({"MASTER_ADDR": meeting[0], "MASTER_PORT": meeting[1]} if meeting else {})

    def run_ranks(self, spec: RunSpec) -> Sequence[Mapping[str, Any]]:
        """Runs `fabric_worker`, which launches the other workers, and reads what rank 0 gathered."""
        from manyhands.backends._fabric_failure import first_failure

        (self.folder / "job.json").write_text(json.dumps(spec.to_dict()))
        worker = subprocess.Popen([sys.executable, "-m", "manyhands.backends.fabric_worker", str(self.folder)])
        if code := worker.wait():
            raise first_failure(self.folder, code, worker.pid)
        if spec.node_rank:
            raise Unavailable(f"this is node {spec.node_rank}; the record of this run is written on node 0")
        reports: list[dict[str, Any]] = json.loads((self.folder / "reports.json").read_text())
        return reports


def meeting_point(address: str) -> tuple[str, str] | None:
    """Host and port of `HOST:PORT`; None when it is no such thing."""
    host, _, port = address.rpartition(":")
    return (host, port) if host and "/" not in host and port.isdigit() and 0 < int(port) < 65536 else None
