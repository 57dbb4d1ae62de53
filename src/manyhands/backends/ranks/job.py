"""The work of one rank, once its backend has put it into its group: the loop of the workload's kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from manyhands.backends.ranks.collective import exchange
from manyhands.backends.ranks.loop import train
from manyhands.backends.ranks.rank import Rank
from manyhands.plan import RunSpec
from manyhands.workloads.arrays import Arrays
from manyhands.workloads.by_name import workload_class


def run_rank(rank: Rank, spec: RunSpec, prepared: Callable[[], Arrays] | None = None) -> dict[str, Any]:
    """This worker's report as plain values; call it in every worker, after the group is formed.

    `prepared` reads arrays that the backend has made for a network; None has the workload read its data.
    """
    if workload_class(spec.workload).kind == "collective":
        return exchange(rank, spec).to_dict()
    return train(rank, spec, prepared).to_dict()
