"""A request -> the cells that a comparison of two commits launches."""

from __future__ import annotations

from dataclasses import replace

from manyhands.commits.comparison import EPOCHS
from manyhands.commits.revisions import in_repository
from manyhands.errors import UsageError
from manyhands.machine import usable_cores
from manyhands.plan import RunSpec, check_cores
from manyhands.planning.cells import cell, check_settings
from manyhands.planning.request import Request, flag
from manyhands.plugins import workload_class
from manyhands.record import BASE_LINE
from manyhands.user_files import absolute

WORKLOADS = ("lstm", "cnn")
TIMEOUT_S = 600.0
"""Longest time of one launch."""


UNUSED = (
    "study",
    "variant",
    "budget",
    "repeats",
    "until",
    "order_seed",
    "reuse_engine",
    "save",
    "nodes",
    "node_rank",
    "address",
    "no_base_line",
)
"""Options of a request that a comparison, which launches two commits on this machine in turn, has no use for."""


def cells_to_compare(request: Request) -> list[RunSpec]:
    """Every workload on every backend at every worker count; by default two networks on one worker of `serial`.

    Raises UsageError for impossible options.
    """
    if unused := [flag(name) for name in UNUSED if name in request.given()]:
        raise UsageError(f"{', '.join(unused)} is not for a comparison of two commits; leave it out")
    workloads = [absolute(name) for name in request.workloads or WORKLOADS]
    check_settings(request.set, [workload_class(name) for name in workloads])
    cells = [
        cell(request, name, backend, count)
        for name in workloads
        for backend in map(absolute, request.backend or (BASE_LINE,))
        for count in request.workers or (1,)
        if not (backend == BASE_LINE and count > 1)
    ]
    if not cells:
        raise UsageError(f"{BASE_LINE} is one worker by definition: use --workers 1, or another --backend")
    if request.epochs is None:
        cells = [replace(one, epochs=EPOCHS) if workload_class(one.workload).kind == "network" else one for one in cells]
    check_cores(cells, usable_cores())
    return [replace(one, workload=in_repository(one.workload), backend=in_repository(one.backend)) for one in cells]
