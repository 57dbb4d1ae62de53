"""The cost of manyhands on each engine: a cell beside a bare script for that engine, in turn.

The scripts are in `benchmarks/bare`: for networks the same loop, for estimators the engine's own call. Both sides get the same
environment, thread counts and allocator settings. `extra_info` has the ratio of ours to the bare one for `train` (target:
1.03) and, for networks, for `launch` (target: 1.1): the median over the pairs, and every value. A ratio from few pairs on a
shared machine is a rough one; nothing passes or fails by it.

    pytest benchmarks/pytest_suite/test_engines.py --benchmark-only -s --mh-workloads mlp --mh-samples 8192 --mh-rounds 5
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import psutil
import pytest

from manyhands.measure.alone import alone
from manyhands.measure.phases import now
from manyhands.measure.resources import end_descendants, wait_for_descendants
from manyhands.parent import adopt_orphans
from manyhands.plan import RunSpec
from manyhands.plugins import backend_class, backend_classes, workload_class, workload_classes
from manyhands.process import fresh_environment
from manyhands.pytest_cell import Cell
from manyhands.record import BASE_LINE

BARE = Path(__file__).parents[1] / "bare"
NETWORKS = {"ddp": "ddp", "fabric-ddp": "fabric_ddp", "ray": "ray_train", "spark": "spark", "dask": "dask_cluster"}
ESTIMATORS = ("kmeans", "xgboost", "ensemble", "search")
Seconds = dict[str, float]


@pytest.mark.benchmark(group="each engine beside its bare script, pairs of launches")
@pytest.mark.cells(
    *workload_classes(), backend=[*backend_classes()], workers=[1, 2], samples=2048, epochs=1, repeats=1, timeout=600
)
def test_engine_beside_its_bare_script(benchmark: Any, cell: Cell) -> None:
    script = script_for(cell.spec)
    if cell.spec.backend == BASE_LINE and workload_class(cell.spec.workload).kind == "network":
        pytest.skip("test_step.py holds serial against a bare loop")
    if not script.exists():
        pytest.skip("there is no bare script for it")
    pairs: list[tuple[Seconds, Seconds]] = []

    def ours() -> Seconds:
        record = cell.run()
        return {phase: record.phases[f"{phase}_s"] or 0.0 for phase in ("launch", "train")}

    def pair() -> None:
        if len(pairs) % 2:
            own, plain = ours(), bare(cell.spec, script)
        else:
            plain, own = bare(cell.spec, script), ours()
        pairs.append((own, plain))

    cell.prepare()
    benchmark.pedantic(pair, iterations=1, rounds=cell.rounds)
    ratios = {phase: median(own[phase] / plain[phase] for own, plain in pairs) for phase in pairs[0][1]}
    benchmark.extra_info |= {f"{phase}_ratio": ratio for phase, ratio in ratios.items()} | {"pairs": pairs}
    words = ", ".join(f"{phase} {ratio:.3f}" for phase, ratio in ratios.items())
    print(f"\n{cell.spec.workload}, {cell.spec.backend} x {cell.spec.workers}: ours / bare script = {words}")


def script_for(cell: RunSpec) -> Path:
    """The bare script for the cell's engine, which may not be there."""
    if cell.workload in ESTIMATORS:
        return BARE / f"estimators_{cell.backend}.py"
    return BARE / f"{NETWORKS.get(cell.backend, cell.backend)}.py"


def bare(cell: RunSpec, script: Path) -> Seconds:
    """Seconds of the script's slowest worker in `train`, and of a network's until the last worker was ready."""
    adopt_orphans()
    keep = {child.pid for child in psutil.Process().children(recursive=True)}
    with alone(lambda: None), TemporaryDirectory() as folder:
        result, temporary = Path(folder) / "result.json", Path(folder) / "tmp"
        temporary.mkdir()
        torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={cell.workers}"]
        command = [sys.executable, *(torchrun if cell.backend == "ddp" else []), str(script)]
        environment = fresh_environment(os.environ, backend_class(cell.backend), cell, Path(folder)) | {"PYTHONPATH": str(BARE)}
        began = now()
        try:
            ended = subprocess.run(
                [*command, json.dumps(cell.to_dict()), str(result)],
                env=environment,
                cwd=folder,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=cell.timeout_s,
            )
            wait_for_descendants(keep)
        finally:
            end_descendants(keep)
        assert ended.returncode == 0, ended.stdout
        workers = json.loads(result.read_text())
    train = {"train": max(one["train_s"] for one in workers)}
    return train | ({"launch": max(one["ready"] for one in workers) - began} if "ready" in workers[0] else {})
