"""The training of one worker of `fabric-ddp`.

It reads the run's spec from the file job.json of the run's folder; rank 0 writes the reports of all workers to reports.json there.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from manyhands.backends.fabric.failure import GRACE_S, ProcessWatcher, leave_note
from manyhands.errors import ManyhandsError
from manyhands.measure.garbage import imports_without_collection
from manyhands.plan import RunSpec

STRATEGY = "ddp"


def train(folder: Path) -> int:
    """Exit code 0 after training, 1 after a ManyhandsError. Writes a note for any error, and raises errors of other classes."""
    spec = RunSpec.from_dict(json.loads((folder / "job.json").read_text()))
    launches = "LOCAL_RANK" not in os.environ
    rank = spec.node_rank * (spec.workers // spec.nodes) + int(os.environ.get("LOCAL_RANK", "0"))
    try:
        work(spec, rank, folder, launches)
    except Exception as error:
        leave_note(folder, rank, type(error).__name__, " ".join(str(error).split()))
        if launches:
            time.sleep(GRACE_S)
        if isinstance(error, ManyhandsError):
            return 1
        raise
    return 0


def work(spec: RunSpec, rank: int, folder: Path, launches: bool) -> None:
    """Joins the process group, trains, and sends the report to rank 0; with `launches` it starts the other workers first."""
    with imports_without_collection():
        import torch.distributed as dist

        from manyhands.backends.fabric.rank import FabricGroupRank, make_fabric
        from manyhands.backends.nodes.heartbeat import across_hosts
        from manyhands.backends.nodes.interface import interface_towards
        from manyhands.backends.ranks.job import run_rank

    store = serve_store(spec) if launches else None
    if spec.address:
        os.environ.setdefault("GLOO_SOCKET_IFNAME", interface_towards(os.environ["MASTER_ADDR"]))
    here = spec.workers // spec.nodes
    fabric = make_fabric(spec, STRATEGY, here)
    watcher = ProcessWatcher(fabric.strategy.launcher.procs, here - 1, spec.node_rank * here + 1, folder)
    if launches:
        watcher.start()

    def gathered() -> list[dict[str, Any]]:
        fabric.launch()
        own = FabricGroupRank(fabric)
        report = run_rank(own, spec)
        report["resolved"]["requested_strategy"] = STRATEGY
        return own.gather(report)

    def give_up(error: Exception) -> None:
        leave_note(folder, rank, type(error).__name__, str(error), killed=True)
        os._exit(1)  # the main thread may stay blocked in a collective

    if reports := across_hosts(spec, rank, give_up, gathered):
        partial = folder / "reports.partial"
        partial.write_text(json.dumps(reports))
        os.replace(partial, folder / "reports.json")
    dist.destroy_process_group()
    if launches:
        watcher.join()
    del store


def serve_store(spec: RunSpec) -> Any:
    """The workers' store, which listens on one address only; the environment gives that address to torch and Fabric.

    torch's own store would listen on every interface. The store runs as long as the returned object exists.
    """
    from manyhands.backends.nodes.node_store import meet
    from manyhands.backends.nodes.options import meeting_point
    from manyhands.backends.ranks.bound_store import HOST, listen, port_of, serve

    host, port = (meeting_point(spec.address) if spec.address else None) or (HOST, 0)
    if spec.address:
        store = meet(spec)
    else:
        listener = listen(HOST)
        port = port_of(listener)
        store = serve(listener, HOST, spec.workers)
    os.environ.update(MASTER_ADDR=host, MASTER_PORT=str(port), TORCHELASTIC_USE_AGENT_STORE="True")
    return store
