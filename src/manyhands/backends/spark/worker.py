"""What each worker of `spark` and `spark-local` runs, in a process that torchrun starts inside a Spark task or on the driver."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from manyhands.plan import RunSpec


def main(values: Mapping[str, Any], prepared: str | None) -> list[dict[str, Any]]:
    """Joins the group and does its work; every worker's report on rank 0, an empty list elsewhere.

    `values`: the spec. `prepared`: the file of the arrays that Spark has made, on the driver; None has the worker read
    the data itself.
    """
    import torch.distributed as dist

    from manyhands.backends.nodes.interface import interface_towards
    from manyhands.backends.ranks.job import run_rank
    from manyhands.backends.ranks.loop import check_device
    from manyhands.backends.ranks.rank import GroupRank
    from manyhands.backends.spark.arrays import find_file, read_arrays
    from manyhands.measure.resources import die_with_parent

    die_with_parent()
    spec = RunSpec.from_dict(values)
    device = check_device(spec)
    os.environ.setdefault("GLOO_SOCKET_IFNAME", interface_towards(os.environ["MASTER_ADDR"]))
    dist.init_process_group("gloo" if device == "cpu" else "nccl", timeout=timedelta(seconds=spec.timeout_s))
    rank = GroupRank(device)
    reports = rank.gather(run_rank(rank, spec, (lambda: read_arrays(find_file(Path(prepared)))) if prepared else None))
    dist.destroy_process_group()
    return reports


def write_reports(values: Mapping[str, Any], path: str) -> None:
    """What a worker of `spark-local` runs: rank 0 writes every worker's report to `path`.

    In local mode every worker's result is written to the one file that TorchDistributor returns, so that it returns
    the result of whichever worker ended last.
    """
    if reports := main(values, None):
        Path(path).write_text(json.dumps(reports))
