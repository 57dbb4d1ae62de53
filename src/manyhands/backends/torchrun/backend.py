"""`ddp`: torchrun's elastic agent starts one process per worker; DistributedDataParallel averages the gradients.

On one machine everything meets on loopback. With `--nodes` and `--address host:port` each machine runs the same command
with its own `--node-rank`; the machine of rank 0 is the one at that address and writes the record.
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from manyhands.backends.nodes.options import no_meeting
from manyhands.backends.ranks.base import RankBackend
from manyhands.errors import EngineError, ManyhandsError, Unavailable, by_name
from manyhands.measure.threads import thread_variables
from manyhands.plan import RunSpec

SHUTDOWN_S = 5
"""Seconds that the agent gives the other workers to end when one has failed."""


class Ddp(RankBackend):
    """torch.distributed.run on this machine, gloo between CPUs and NCCL between GPUs."""

    name: ClassVar[str] = "ddp"
    summary: ClassVar[str] = "torchrun with DistributedDataParallel"
    libraries: ClassVar[tuple[str, ...]] = ("torch",)
    extra: ClassVar[str] = "torch"
    spans_nodes: ClassVar[bool] = True

    @classmethod
    def refuse(cls, spec: RunSpec) -> str | None:
        return no_meeting(spec)

    @classmethod
    def environment(cls, spec: RunSpec) -> dict[str, str]:
        # torchrun sets one thread by itself only when it starts several workers: say it always.
        return thread_variables(spec.threads) | ({"GLOO_SOCKET_IFNAME": "lo"} if spec.address is None else {})

    def run_ranks(self, spec: RunSpec) -> Sequence[Mapping[str, Any]]:
        """Runs `torchrun.worker` in every worker and reads what rank 0 gathered."""
        from torch.distributed.elastic.multiprocessing.api import DefaultLogsSpecs
        from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
        from torch.distributed.launcher.api import LaunchConfig, elastic_launch

        from manyhands.backends.nodes.heartbeat import NOT_NODE_ZERO, across_nodes
        from manyhands.backends.nodes.node_store import register_nodes
        from manyhands.backends.ranks.loopback import register_loopback

        (self.folder / "job.json").write_text(json.dumps(spec.to_dict()))
        config = LaunchConfig(
            min_nodes=spec.nodes,
            max_nodes=spec.nodes,
            nproc_per_node=spec.workers // spec.nodes,
            run_id="manyhands",
            rdzv_backend=register_nodes(spec) if spec.address else register_loopback(),
            rdzv_endpoint=spec.address or "127.0.0.1:0",
            rdzv_configs={"rank": spec.node_rank},
            max_restarts=0,
            logs_specs=DefaultLogsSpecs(log_dir=str(self.folder / "torchrun")),
            shutdown_timeout=SHUTDOWN_S,
        )
        try:
            elastic_launch(config, sys.executable)("-m", "manyhands.backends.torchrun.worker", str(self.folder))
        except ChildFailedError as error:
            raise across_nodes(failure(error), spec) from None
        if spec.node_rank:
            raise Unavailable(NOT_NODE_ZERO)
        reports: list[dict[str, Any]] = json.loads((self.folder / "reports.json").read_text())
        return reports


def failure(error: Any) -> ManyhandsError:
    """What the worker that failed first said, as the error it was raised as where it is one of ours."""
    from manyhands.backends.nodes.heartbeat import is_consequence

    rank, first = error.get_first_failure()  # by whole seconds, in which one that only followed may have come before
    killed = [(rank, one) for rank, one in error.failures.items() if one.exitcode < 0 and one.exitcode != -signal.SIGTERM]
    if killed and is_consequence(str(first.message)):
        rank, first = killed[0]
    if first.exitcode < 0:
        return EngineError(f"ddp worker {rank} (pid {first.pid}) was killed by {first.signal_name()}")
    message = first.message
    if isinstance(message, dict):
        message = message.get("message", message)
    kind, _, text = str(message).strip().splitlines()[-1].partition(": ")
    if text and (ours := by_name(kind)):
        return ours(text)
    return EngineError(f"ddp worker {rank} failed: {kind}{': ' if text else ''}{text}")
