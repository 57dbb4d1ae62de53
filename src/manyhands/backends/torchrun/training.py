"""The training of one worker of `ddp`.

It reads the run's spec from the file job.json of the run's folder; rank 0 writes the reports of all workers to reports.json there.
"""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from manyhands.backends.nodes.heartbeat import across_hosts
from manyhands.backends.nodes.interface import interface_towards
from manyhands.backends.ranks.job import run_rank
from manyhands.backends.ranks.loop import check_device
from manyhands.backends.ranks.rank import GroupRank
from manyhands.measure.garbage import imports_without_collection
from manyhands.plan import RunSpec

with imports_without_collection():
    import torch.distributed as dist
    from torch.distributed.elastic.multiprocessing.errors import get_error_handler, record


@record
def train(folder: Path) -> None:
    """Joins the process group, trains, and sends its report to rank 0, which writes all reports."""
    spec = RunSpec.from_dict(json.loads((folder / "job.json").read_text()))
    if reports := across_hosts(spec, int(os.environ["RANK"]), give_up, lambda: work(spec)):
        partial = folder / "reports.partial"
        partial.write_text(json.dumps(reports))
        os.replace(partial, folder / "reports.json")
    dist.destroy_process_group()


def work(spec: RunSpec) -> list[dict[str, Any]]:
    """The reports of all workers on rank 0, an empty list on the other ranks."""
    device = check_device(spec)
    if spec.address:
        os.environ.setdefault("GLOO_SOCKET_IFNAME", interface_towards(os.environ["MASTER_ADDR"]))
    dist.init_process_group("gloo" if device == "cpu" else "nccl", timeout=timedelta(seconds=spec.timeout_s))
    rank = GroupRank(device)
    return rank.gather(run_rank(rank, spec))


def give_up(error: Exception) -> None:
    """Writes the error to the file that the agent reads, and ends this process, because its main thread may stay blocked."""
    get_error_handler().record_exception(error)
    os._exit(1)
