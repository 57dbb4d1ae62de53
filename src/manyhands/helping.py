"""A machine that is not node 0: it makes its part of the runs that node 0 calls for. Node 0 writes the records."""

from __future__ import annotations

from pathlib import Path

from manyhands.errors import DataError
from manyhands.plan import grid, ordered
from manyhands.planning.plan import Plan, check_data
from manyhands.run import RunContext, help_with
from manyhands.session import log_folder
from manyhands.stopping import stoppable
from manyhands.temporary import sweep_leftovers
from manyhands.watcher import Watcher


def help_node_zero(plan: Plan, out: Path, watcher: Watcher) -> bool:
    """Makes this node's part of a plan until node 0 has no more runs; True when all of it went well.

    Runs that this machine cannot make, and why, are reported to node 0 when it calls for them. `out`: the file that records would
    be written to, whose log folder keeps the output of failed parts.
    """
    from manyhands.backends.nodes.plan_sync import PlanFollower

    runs = [run for run in plan.runs if run.node_rank]
    refused = [(run, reason) for cell, reason in plan.skipped if cell.node_rank for run in ordered(grid([cell], plan.repeats), 0)]
    try:
        check_data(runs)
    except DataError as error:
        runs, refused = [], [*refused, *((run, str(error)) for run in runs)]
    between_s = max((run.timeout_s for run in plan.runs if run.nodes == 1), default=0.0)
    sweep_leftovers()
    context = RunContext(order_seed=plan.order_seed, log_folder=log_folder(out))
    follower = PlanFollower(runs, refused, between_s)
    node = f"node {follower.any_run.node_rank} of {follower.any_run.nodes}"
    well = not refused
    for reason in dict.fromkeys(reason for _, reason in refused):
        watcher.announces(f"{node}: {reason}; reporting this to node 0")
    with stoppable():
        while spec := follower.next():
            if failed := help_with(spec, context):
                well = False
                watcher.announces(f"{node}: {spec.label}: {failed}")
    watcher.announces(f"{node} is done; node 0 writes the records")
    return well
