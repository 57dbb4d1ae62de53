"""`ddp`: torchrun's elastic agent starts one process per worker; DistributedDataParallel averages the gradients.

On one machine the workers communicate over loopback. With `--nodes` and `--address host:port` each machine runs the same
command with its own `--node-rank`; the machine of rank 0 has that address and writes the record.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from manyhands.backends.base import Fit, NodePartDone
from manyhands.backends.nodes.options import no_meeting
from manyhands.backends.ranks.base import RankBackend
from manyhands.errors import ManyhandsError
from manyhands.measure.garbage import imports_without_collection
from manyhands.measure.threads import thread_variables
from manyhands.plan import RunSpec
from manyhands.user_files import is_script

SHUTDOWN_S = 5
"""When one worker has failed, the agent waits this long for the other workers to end."""


class Ddp(RankBackend):
    """torch.distributed.run on this machine, gloo between CPUs and NCCL between GPUs."""

    name: ClassVar[str] = "ddp"
    summary: ClassVar[str] = "torchrun with DistributedDataParallel"
    libraries: ClassVar[tuple[str, ...]] = ("torch",)
    extra: ClassVar[str] = "torch"
    spans_nodes: ClassVar[bool] = True

    @classmethod
    def refuse(cls, spec: RunSpec) -> str | None:
        if is_script(spec.workload) and spec.nodes > 1:
            return "ddp runs a script on one machine only; leave --nodes out"
        return no_meeting(spec)

    @classmethod
    def environment(cls, spec: RunSpec) -> dict[str, str]:
        # torchrun sets one thread itself, but only when it starts several workers, so always set the number.
        return thread_variables(spec.threads) | ({"GLOO_SOCKET_IFNAME": "lo"} if spec.address is None else {})

    def run_ranks(self, spec: RunSpec) -> Sequence[Mapping[str, Any]]:
        """Runs `torchrun.worker` in every worker and reads the reports that rank 0 gathered."""
        from manyhands.backends.nodes.heartbeat import across_nodes

        (self.folder / "job.json").write_text(json.dumps(spec.to_dict()))
        if error := self.launch(spec, "-m", "manyhands.backends.torchrun.worker", str(self.folder)):
            raise across_nodes(error, spec) from None
        if spec.node_rank:
            raise NodePartDone
        reports: list[dict[str, Any]] = json.loads((self.folder / "reports.json").read_text())
        return reports

    def fit_script(self, spec: RunSpec) -> Fit:
        """The script in every worker, as the command torchrun runs it."""
        from manyhands.backends.scripts.script_run import ScriptRun

        run = ScriptRun.of(spec, self.folder)
        if error := self.launch(spec, *run.command):
            raise run.error(error)
        return run.fit()

    def launch(self, spec: RunSpec, *command: str) -> ManyhandsError | None:
        """Has the elastic agent run Python with this command in every worker of this node; returns the error of a failed launch."""
        with imports_without_collection():
            from torch.distributed.elastic.multiprocessing.api import DefaultLogsSpecs
            from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
            from torch.distributed.launcher.api import LaunchConfig, elastic_launch

            from manyhands.backends.nodes.node_store import register_nodes
            from manyhands.backends.ranks.loopback import register_loopback
            from manyhands.backends.torchrun.failure import failure

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
            elastic_launch(config, sys.executable)(*command)
        except ChildFailedError as error:
            return failure(error)
        return None
