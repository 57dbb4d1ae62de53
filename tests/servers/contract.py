"""The cells that every backend is held to: which runs there are, and which of them share one started engine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from manyhands.backends.base import kinds
from manyhands.plan import RunSpec
from manyhands.plugins import backend_class, backend_classes, workload_class

OWN = Path(__file__).parents[1] / "backends"
"""The folder of the workloads of tests, which are named by their file."""
TIMEOUT_S = 300.0
CLOCK_S = 0.02
"""Seconds by which the phases of a run of a fraction of a second may miss its wall time; 2 % of a second and more are longer."""
SAMPLES = 1001
"""Rows of `lstm`: an odd number, so that two workers do not divide it evenly and one row is padding."""
SLEEP_S = 0.05
"""Seconds for which the second worker of `uneven` sleeps in each step."""
SMALL: Mapping[str, dict[str, Any]] = {
    # No tolerance: when it stops dask-ml, that returns the centres from before the last movement, up to 1e-5 of inertia away.
    "kmeans": {"samples": 5000, "settings": {"max_iterations": 10, "tolerance": 0.0}},
    "xgboost": {"settings": {"file": "planted.csv", "label": "planted", "rounds": 10}},
    "ensemble": {"samples": 1000, "epochs": 4, "batch_size": 50},
    "search": {"samples": 300, "settings": {"trees": 3, "depths": ("2", "5"), "leaves": ("1",)}},
    "prepare": {"samples": 500},
}
"""Workloads that are no networks -> their cell."""
SYNCS: Mapping[str, float] = {"shared-memory": 1e-4, "fp16": 1e-2}
"""Strategies that every engine trains with -> the difference that its losses may have from those of `every-step`."""
KNOWN = 0.8
"""Share of the planted labels that its features foretell: who took the label itself for one of them would be right every time."""


def planted() -> Path:
    """The table with the planted label, beside the embedded data of this session."""
    return Path(os.environ["MANYHANDS_CACHE"]) / "planted.csv"


def lstm(backend: str, workers: int, dropout: float | None = None) -> RunSpec:
    """A network; unless `dropout` is given, with dropout for one worker, and without for two, because each rank has its own masks."""
    if dropout is None:
        dropout = 0.2 if workers == 1 else 0.0
    return _network(backend, "lstm", workers, samples=SAMPLES, epochs=2, settings={"dropout": dropout})


def uneven(backend: str) -> RunSpec:
    """A network with dropout on two workers, of which the second is slow."""
    return _network(backend, f"{OWN}/uneven_nets.py:Uneven", 2, samples=1000, epochs=2, settings={"sleep_s": SLEEP_S})


def synced(backend: str, sync: str) -> RunSpec:
    """The network of two workers of `lstm` with another strategy."""
    return replace(lstm(backend, 2), sync=sync)


def faulty(backend: str) -> RunSpec:
    """Two workers of which the second fails."""
    return _network(backend, f"{OWN}/uneven_nets.py:Faulty", 2, samples=512)


def too_many_rows(backend: str) -> RunSpec:
    """More rows than there are, which only the workers find out."""
    return _network(backend, "cnn", 2, samples=10_000_000)


def collective(backend: str) -> RunSpec:
    """Messages of up to 2,000 elements between two workers."""
    return _network(backend, "collective", 2, batch="per-worker", settings={"largest": 2000})


def script(backend: str, workers: int) -> RunSpec:
    """A user's script with marks and an argument."""
    settings = {"arguments": ["--lr", "0.1"]}
    return _network(backend, f"{OWN}/scripts/own_script/train.py", workers, batch="per-worker", settings=settings)


def function(backend: str, workers: int) -> RunSpec:
    """A user's function with accumulation, clipping, a schedule for each step, a frozen weight, and a loader with a process."""
    settings = {"processes": 1}
    train = f"{OWN}/functions/own_training/train.py:full"
    return _network(backend, train, workers, epochs=2, batch_size=None, settings=settings)


def sizes_in_turn(backend: str) -> list[RunSpec]:
    """One worker, two, and one again."""
    return [lstm(backend, 1), uneven(backend), replace(lstm(backend, 1), repeat=1)]


def estimator(workload: str, backend: str, workers: int) -> RunSpec:
    """The small cell of a workload that is no network."""
    spec = RunSpec.from_dict(
        {"workload": workload, "backend": backend, "workers": workers, "batch": "per-worker", "timeout_s": TIMEOUT_S}
        | SMALL[workload]
    )
    return replace(spec, settings={**spec.settings, "file": str(planted())}) if workload == "xgboost" else spec


def own_voters(backend: str, workers: int) -> RunSpec:
    """An ensemble whose class the workers cannot import."""
    spec = estimator("ensemble", backend, workers)
    return replace(spec, workload=f"{OWN}/estimators/own_voters.py:Voters", samples=400, epochs=2)


def native(backend: str, workers: int) -> RunSpec:
    """K-means from the starting centres that the engine chooses itself."""
    spec = estimator("kmeans", backend, workers)
    return replace(spec, settings={**spec.settings, "init": "native"})


def shared_cells(backend: str) -> list[RunSpec]:
    """The cells that share one engine of a reusable backend; the last one fails, and with it the engine ends."""
    offered = kinds(backend_class(backend))
    networks = [*sizes_in_turn(backend), collective(backend), script(backend, 2), function(backend, 2)]
    networks += [synced(backend, sync) for sync in SYNCS]
    others = [estimator(name, backend, 2) for name in SMALL if workload_class(name).kind in offered]
    others += [own_voters(backend, 2)] if "ensemble" in offered else []
    others += [native(backend, 2)] if "clustering" in offered else []
    return [*networks, *others, too_many_rows(backend)]


def _network(backend: str, workload: str, workers: int, **options: Any) -> RunSpec:
    return RunSpec(workload=workload, backend=backend, workers=workers, timeout_s=TIMEOUT_S, **options)


def network_cells() -> list[tuple[str, int]]:
    """(backend, workers) of every network cell that is not impossible by definition, such as `fabric-dp` on CPU."""
    return [
        (name, workers)
        for name, backend in backend_classes().items()
        for workers in (1, 2)
        if "network" in kinds(backend) and backend.refuse(lstm(name, workers)) is None
    ]


def estimator_cells() -> list[tuple[str, str, int]]:
    """(workload, backend, workers) of every cell that is no network; serial has one worker, the others two."""
    return [
        (workload, name, workers)
        for workload in SMALL
        for name, backend in backend_classes().items()
        if workload_class(workload).kind in kinds(backend)
        for workers in ((1,) if name == "serial" else (2,))
    ]
