"""The processes of a run that a strike can hit, found by their place below the parent and by their command line."""

from __future__ import annotations

import random

import psutil

GUARD = "manyhands.guard"
WORDS = {
    "ddp": {"rank": "manyhands.backends.torchrun.worker"},
    "fabric-ddp": {"rank": "manyhands.backends.fabric.worker"},
    "ray": {
        "rank": "ray::RayTrainWorker",
        "raylet": "/raylet/raylet ",
        "gcs_server": "/gcs/gcs_server ",
        "dashboard agent": "ray::DashboardAgent",
        "runtime env agent": "ray::RuntimeEnvAgent",
    },
    "spark": {"rank": "train.py", "java": "java ", "torchrun": "torch.distributed.run", "python daemon": "pyspark.daemon"},
    "spark-local": {"rank": "train.py", "java": "java ", "torchrun": "torch.distributed.run"},
    "dask": {"rank": "spawn_main", "tracker": "resource_tracker"},
    "joblib": {"rank": "LokyProcess", "tracker": "loky.backend.resource_tracker"},
}
"""Backend -> target -> a part of its command line."""


def guard_of(parent: psutil.Process) -> psutil.Process | None:
    """The guard of the run that is on; None between two runs."""
    for child in children(parent):
        if GUARD in command(child):
            return child
    return None


def find(
    backend: str, target: str, parent: psutil.Process, guard: psutil.Process, chance: random.Random
) -> psutil.Process | None:
    """One process that is `target`; None while there is none."""
    if target == "parent":
        return parent
    if target == "guard":
        return guard
    if target == "driver":
        return next((child for child in children(guard) if GUARD in command(child)), None)
    word = WORDS[backend][target]
    found = [each for each in children(guard, recursive=True) if matches(command(each), word)]
    return chance.choice(found) if found else None


def matches(line: str, word: str) -> bool:
    """True when the command line has the word; torchrun and the process that starts it have the word for a rank as an argument."""
    return word in line and (
        word != "train.py" or not any(other in line for other in ("torch.distributed.run", "torch_run_process"))
    )


def children(process: psutil.Process, recursive: bool = False) -> list[psutil.Process]:
    """The living children of a process; none when it has ended."""
    try:
        return [each for each in process.children(recursive=recursive) if each.status() != psutil.STATUS_ZOMBIE]
    except psutil.Error:
        return []


def command(process: psutil.Process) -> str:
    """The command line of a process; empty when it has ended."""
    try:
        return " ".join(process.cmdline()) + " "
    except psutil.Error:
        return ""
