"""Launches cells in turn under every memory layout, each with all yardsticks inside, and keeps what `scatter.py` needs of every launch.

    python -m benchmarks.scatter.launch OUT.jsonl --blocks 20 --hour evening

A block has every cell under every layout once, in shuffled order. Run it on a quiet machine, in at least two hours that differ; each
adds its lines to OUT.jsonl. `--plant` adds cells whose epochs are made slower, to see whether a yardstick hides it.
"""

from __future__ import annotations

import argparse
import json
import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from manyhands import commits
from manyhands.environment import restored
from manyhands.plan import MEMORY_LAYOUTS, RunSpec
from manyhands.run import RunContext, measure

HERE = Path(__file__).parent
EPOCHS = 8
CELLS: dict[str, dict[str, Any]] = {
    "cnn serial x 1": {"workload": "cnn", "backend": "serial", "samples": 1024},
    "mlp serial x 1": {"workload": "mlp", "backend": "serial", "samples": 512},
    "rnn serial x 1": {"workload": "rnn", "backend": "serial", "samples": 3072},
    "lstm serial x 1": {"workload": "lstm", "backend": "serial", "samples": 768},
    "cnn ddp x 2": {"workload": "cnn", "backend": "ddp", "workers": 2, "samples": 1024},
    "lstm dask x 2": {"workload": "lstm", "backend": "dask", "workers": 2, "samples": 768},
    "kmeans serial x 1": {"workload": "kmeans", "backend": "serial", "samples": 600_000},
}
SITE = Path(commits.__file__).parent / "planted"
"""Its sitecustomize.py makes every step slower by the share in MANYHANDS_PLANTED."""
SHARES = {"cnn serial x 1, + 5 %": "0.05", "cnn serial x 1, + 20 %": "0.2"}
NETWORK = {"epochs": EPOCHS, "yardstick": ("network", "matrix", "memory")}
"""Settings of every network: each launch times all yardsticks."""


def specs(plant: bool) -> dict[tuple[str, str], RunSpec]:
    """(cell, layout) -> its run."""
    plain = CELLS["cnn serial x 1"]
    cells = CELLS
    if plant:
        hungry = {"cnn serial x 1, memory traffic": plain | {"workload": f"{HERE / 'planted.py'}:HungryCnn"}}
        cells = dict.fromkeys(("cnn serial x 1", *SHARES), plain) | hungry
    return {
        (name, layout): RunSpec(
            **({"memory_layout": layout} if values["workload"] == "kmeans" else {"memory_layout": layout} | NETWORK) | values
        )
        for name, values in cells.items()
        for layout in (("steady", "system") if plant or values["workload"] == "kmeans" else MEMORY_LAYOUTS)
    }


@contextmanager
def planted(cell: str) -> Iterator[None]:
    """Runs inside are slowed as the cell's name says."""
    with restored():
        if cell in SHARES:
            paths = [str(SITE), *filter(None, [os.environ.get("PYTHONPATH")])]
            os.environ |= {"PYTHONPATH": os.pathsep.join(paths), "MANYHANDS_PLANTED": SHARES[cell]}
        yield


def kept(cell: str, hour: str, block: int, record: Any) -> dict[str, Any]:
    """The values of a record that the tables need: seconds of every epoch, and of every yardstick at each moment in each worker."""
    ends = [epoch["elapsed_s"] for epoch in record.history] or [record.phases["train_s"]]
    workers = [worker.get("yardstick") or {} for worker in record.per_worker]
    layouts = [worker["memory_layout"] for worker in record.per_worker]
    return {
        "cell": cell,
        "layout": record.spec["memory_layout"],
        "read_back": layouts[0] if all(layout == layouts[0] for layout in layouts) else layouts,
        "hour": hour,
        "block": block,
        "started_at": record.started_at,
        "epochs_s": [round(end - begin, 6) for begin, end in zip([0.0, *ends], ends, strict=False)],
        "yardstick_s": {name: [[round(s, 6) for s in worker[name]] for worker in workers] for name in workers[0]},
        "phases": {name: round(value, 4) for name, value in record.phases.items() if value is not None},
        "wall_s": round(record.wall_s, 3),
        "cpu_s": round(record.resources["cpu_s"], 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--blocks", type=int, default=20)
    parser.add_argument("--hour", required=True, help="a name for this hour")
    parser.add_argument("--cells", help="launch only the cells whose name begins so")
    parser.add_argument("--plant", action="store_true", help="launch the slowed cells beside the plain one")
    options = parser.parse_args()
    context, chance = RunContext(), random.Random(options.hour)
    runs = [(names, spec) for names, spec in specs(options.plant).items() if names[0].startswith(options.cells or "")]
    with options.out.open("a") as out:
        for block in range(options.blocks):
            for (cell, _), spec in chance.sample(runs, len(runs)):
                with planted(cell):
                    record = measure(spec, context)
                line = kept(cell, options.hour, block, record) if record.ok else {"cell": cell, "failed": record.reason}
                out.write(json.dumps(line) + "\n")
                out.flush()


if __name__ == "__main__":
    main()
