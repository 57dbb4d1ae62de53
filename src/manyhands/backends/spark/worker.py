"""The work of one worker of `spark` and `spark-local`: torchrun starts its process, inside a Spark task or on the driver."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from manyhands.measure.garbage import imports_without_collection
from manyhands.parent import die_with_parent


def main(job: Mapping[str, Any], prepared: str | None) -> list[dict[str, Any]]:
    """Joins the group and trains; returns every worker's report on rank 0, and an empty list on the other ranks.

    `job`: the spec, see `ranks.sent_files`. `prepared`: path on the driver of the arrays that Spark has prepared; with None the worker
    reads the data itself.
    """
    die_with_parent(of_driver=False)
    with imports_without_collection():
        import torch.distributed as dist

        from manyhands.backends.nodes.interface import interface_towards
        from manyhands.backends.ranks.job import run_rank
        from manyhands.backends.ranks.loop import check_device
        from manyhands.backends.ranks.rank import GroupRank
        from manyhands.backends.ranks.sent_files import received
        from manyhands.backends.spark.arrays import find_file, read_arrays
    with received(job) as spec:
        device = check_device(spec)
        os.environ.setdefault("GLOO_SOCKET_IFNAME", interface_towards(os.environ["MASTER_ADDR"]))
        dist.init_process_group("gloo" if device == "cpu" else "nccl", timeout=timedelta(seconds=spec.timeout_s))
        rank = GroupRank(device)
        reports = rank.gather(run_rank(rank, spec, (lambda: read_arrays(find_file(Path(prepared)))) if prepared else None))
        dist.destroy_process_group()
    return reports


def write_reports(job: Mapping[str, Any], path: str) -> None:
    """Runs a worker of `spark-local`; rank 0 writes every worker's report to `path`.

    In local mode all workers write their result to one file, and TorchDistributor returns the result of the worker that
    ended last.
    """
    if reports := main(job, None):
        Path(path).write_text(json.dumps(reports))
