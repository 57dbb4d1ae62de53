"""The work of one rank, once its backend has put it into its group: the loop of the workload's kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from manyhands.backends.ranks.collective import exchange
from manyhands.backends.ranks.loop import train
from manyhands.backends.ranks.rank import Rank
from manyhands.backends.scripts.leaving import code_beside
from manyhands.plan import RunSpec
from manyhands.user_code import OF_CELLS, file_of, files_of
from manyhands.user_files import root_of
from manyhands.workloads.arrays import Arrays
from manyhands.workloads.by_name import workload_class


def run_rank(rank: Rank, spec: RunSpec, prepared: Callable[[], Arrays] | None = None) -> dict[str, Any]:
    """This worker's report as plain values; call it in every worker, after the group is formed.

    `prepared` reads arrays that the backend has made for a network; None has the workload read its data.
    """
    collective = workload_class(spec.workload).kind == "collective"
    report = exchange(rank, spec) if collective else train(rank, spec, prepared)
    return report.to_dict() | {"code": code_run(spec)}


def code_run(spec: RunSpec) -> dict[str, str]:
    """The user's files that this process ran for the workload: path below its folder, or that of its package -> sha256;
    empty for a workload of ours.

    A user's backend or strategy in the same folder is left out: its code is not that of the workload, which others train too.
    """
    if (file := file_of(spec.workload)) is None:
        return {}
    own = {root_of(file) / name for name in files_of(file)}
    others = [other for field in OF_CELLS if (other := file_of(getattr(spec, field)))]
    of_others = {root_of(other) / name for other in others for name in files_of(other)} - own
    ran = code_beside(str(file), str(root_of(file)))
    return {name: value for name, value in ran.items() if root_of(file) / name not in of_others}
