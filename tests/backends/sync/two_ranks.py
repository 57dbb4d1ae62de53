"""One of two ranks that train every spec of FOLDER/specs.json, one after the other in one process group.

python two_ranks.py FOLDER RANK writes FOLDER/NUMBER-RANK.json for each spec: the report, or the error.
"""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from pathlib import Path

import torch.distributed as dist

from manyhands.backends.ranks.job import run_rank
from manyhands.backends.ranks.rank import GroupRank
from manyhands.errors import ManyhandsError
from manyhands.plan import RunSpec


def main(folder: Path, number: int) -> None:
    store = dist.FileStore(str(folder / "store"), 2)
    dist.init_process_group("gloo", store=store, rank=number, world_size=2, timeout=timedelta(seconds=60))
    rank = GroupRank()
    for place, values in enumerate(json.loads((folder / "specs.json").read_text())):
        try:
            report = run_rank(rank, RunSpec.from_dict(values))
        except (ManyhandsError, ValueError) as error:
            report = {"error": type(error).__name__, "reason": str(error)}
        (folder / f"{place}-{number}.json").write_text(json.dumps(report))
        dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
