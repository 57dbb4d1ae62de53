"""`fabric-dp`: Lightning Fabric with its dp strategy: one process whose model is copied to every GPU for each step.

On CPU Fabric would run ddp under this name, with a warning, so `fabric-dp` refuses CPU.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from manyhands.backends.base import Backend, Fit
from manyhands.plan import RunSpec

STRATEGY = "dp"
NO_SCRIPT = "a script of Fabric starts its workers itself, by Fabric.launch(); use --backend serial for it, or ddp for one like torchrun's"


class FabricDp(Backend):
    """Fabric's `dp` strategy over the GPUs of this machine."""

    name: ClassVar[str] = "fabric-dp"
    summary: ClassVar[str] = "Lightning Fabric with its dp strategy (GPUs only)"
    libraries: ClassVar[tuple[str, ...]] = ("torch", "lightning")
    extra: ClassVar[str] = "fabric"
    lacks: ClassVar[Mapping[str, str]] = {
        "collective": "fabric-dp is one process that copies its model to the GPUs; it has no other process to exchange data with",
        "script": NO_SCRIPT,
    }

    @classmethod
    def refuse(cls, spec: RunSpec) -> str | None:
        if spec.device != "cuda":
            return "fabric-dp needs --device cuda: on CPU Lightning Fabric turns dp into ddp, which is fabric-ddp here"
        if spec.nodes > 1:
            return "fabric-dp is one process on one machine; use fabric-ddp for --nodes above 1"
        return None

    def fit_network(self, spec: RunSpec) -> Fit:
        """Trains in this process on `spec.workers` GPUs; the only report is the report of this process."""
        from manyhands.backends.fabric.rank import FabricRank, make_fabric
        from manyhands.backends.ranks.fit import network_fit
        from manyhands.backends.ranks.job import run_rank

        fabric = make_fabric(spec, STRATEGY, spec.workers)
        fabric.launch()
        whole = one_process(spec)
        report = run_rank(FabricRank(fabric), whole)
        report["resolved"] |= {"requested_strategy": STRATEGY, "devices": spec.workers}
        return network_fit([report], whole)

    def fit_function(self, spec: RunSpec) -> Fit:
        """Trains what a user's function builds on `spec.workers` GPUs."""
        return self.fit_network(spec)


def one_process(spec: RunSpec) -> RunSpec:
    """A spec with the same rows and steps for one process, whose batch is the batches of all workers together."""
    return replace(
        spec,
        workers=1,
        samples=spec.total_samples,
        scaling="fixed",
        batch="global",
        batch_size=None if spec.batch_size is None else spec.worker_batch_size * spec.workers,
    )
