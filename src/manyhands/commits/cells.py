"""A request -> the cells that a comparison of two commits launches."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from manyhands.commits.comparison import EPOCHS
from manyhands.commits.revisions import in_repository, is_own_repository
from manyhands.errors import UsageError
from manyhands.machine import usable_cores
from manyhands.plan import RunSpec, check_cores
from manyhands.planning.cells import cell, check_arguments, check_settings
from manyhands.planning.project import TABLE, with_project
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
    "sync",
    "limit",
    "target",
)
"""Options of a request that a comparison, which launches two commits on this machine in turn, has no use for."""


OF_RUN = (*UNUSED, "max_time", "max_load")
"""Options of a pyproject.toml that mean something else to a comparison, or nothing."""


def cells_to_compare(
    request: Request,
    given: Collection[str],
    workloads: Sequence[str] = (),
    say: Callable[[str], None] = lambda line: None,
) -> list[RunSpec]:
    """Every workload on every backend at every worker count; by default on one worker of `serial`.

    `given`: the options of the request that were given; the others are those of the user's pyproject.toml in the working tree, for
    both commits. `workloads`: the default. Raises UsageError for impossible options.
    """
    if unused := [flag(name) for name in UNUSED if name in request.given()]:
        raise UsageError(f"{', '.join(unused)} is not for a comparison of two commits; leave it out")
    request = with_project(request, given, without=OF_RUN, otherwise={"timeout": TIMEOUT_S, "workloads": workloads}, say=say)
    names = [absolute(name) for name in request.workloads or default_workloads()]
    check_settings(request.set, [workload_class(name) for name in names])
    check_arguments(request.args, names)
    cells = [
        cell(request, name, backend, count)
        for name in names
        for backend in map(absolute, request.backend or (BASE_LINE,))
        for count in request.workers or (1,)
        if not (backend == BASE_LINE and count > 1)
    ]
    if not cells:
        raise UsageError(f"{BASE_LINE} is one worker by definition: use --workers 1, or another --backend")
    if request.epochs is None:
        cells = [
            replace(one, epochs=EPOCHS) if workload_class(one.workload).in_epochs and one.counts_epochs else one for one in cells
        ]
    check_cores(cells, usable_cores())
    return [replace(one, workload=in_repository(one.workload), backend=in_repository(one.backend)) for one in cells]


def default_workloads() -> Sequence[str]:
    """Two networks of ours in the repository of manyhands; UsageError in any other, which has a training of its own."""
    if is_own_repository():
        return WORKLOADS
    raise UsageError(
        "no training is named: give --workload train.py or --workload mine.py:build, or write it into pyproject.toml once, as"
        f' workloads = ["train.py"] below {TABLE}'
    )
