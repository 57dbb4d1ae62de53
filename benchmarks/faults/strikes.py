"""The faults of a campaign, drawn with a seed: which process or place of a run is struck, how, and in which phase."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from manyhands.record import PHASES

SIGNALS = ("kill", "stop", "terminate", "interrupt")
"""SIGKILL, SIGSTOP, SIGTERM and SIGINT."""
PLACES = ("disk full", "folder gone", "network down", "store killed")
"""Faults of a place: the disk of the run's temporary folder, that folder, the loopback interface, the server of the bucket."""
NEEDS_ISOLATION = ("disk full", "network down")
"""Faults that need a disk and a network of their own."""
RANKS = {"ddp", "fabric-ddp", "ray", "spark", "spark-local", "dask", "joblib"}
"""Backends whose workers are processes other than the driver."""
ENGINE = {
    "ray": ("raylet", "gcs_server", "dashboard agent", "runtime env agent"),
    "spark": ("java", "torchrun", "python daemon"),
    "spark-local": ("java", "torchrun"),
    "dask": ("tracker",),
    "joblib": ("tracker",),
}
"""Backend -> the processes of its engine that are neither driver nor worker."""
ONLY_KILLED = ("tracker", "dashboard agent", "runtime env agent", "torchrun", "python daemon")
"""Processes that ignore other signals, or for which all signals are alike."""
NETWORKS = ("serial", "ddp", "fabric-ddp", "ray", "spark", "spark-local", "dask")
"""Backends whose runs train a network on data of a bucket."""
BACKENDS = (*NETWORKS, "joblib", "joblib-threads")
FEW_STOPS = 1
"""Stopped processes in a campaign of one backend: each costs the time-out of a run."""


@dataclass(frozen=True)
class Strike:
    """One fault. `target`: a process for a signal, empty for a place."""

    kind: str
    target: str
    phase: str
    share: float
    """The moment within the phase, from 0 to 1."""

    @property
    def name(self) -> str:
        """Kind and target, for tables."""
        return f"{self.kind} {self.target}".strip()


def targets(backend: str) -> tuple[str, ...]:
    """The processes of a run that can be struck."""
    return ("driver", "guard", "parent", *(["rank"] if backend in RANKS else []), *ENGINE.get(backend, ()))


def possible(backend: str, isolated: bool) -> list[tuple[str, str]]:
    """Every kind with every target; `isolated`: the campaign has a disk and a network of its own."""
    places = [place for place in PLACES if isolated or place not in NEEDS_ISOLATION]
    if backend not in NETWORKS:
        places.remove("store killed")
    signals = {target: SIGNALS[:1] if target in ONLY_KILLED else SIGNALS for target in targets(backend)}
    return [(kind, target) for target, kinds in signals.items() for kind in kinds] + [(place, "") for place in places]


def drawn(backend: str, count: int, seed: int, isolated: bool) -> list[Strike]:
    """`count` strikes: each target is killed once and each kind is there, as far as `count` allows; the rest is drawn at random."""
    chance = random.Random(f"{backend}-{seed}")
    every = possible(backend, isolated)
    first = [(kind, target) for kind, target in every if kind == "kill" or not target]
    first += [chance.choice([pair for pair in every if pair[0] == kind]) for kind in SIGNALS[1:]]
    rest = [pair for pair in every if pair not in first]
    chance.shuffle(first)
    chance.shuffle(rest)
    stops = [pair for pair in first if pair[0] == "stop"]
    more = max(0, FEW_STOPS - len(stops))
    kept = [pair for pair in rest if pair[0] != "stop"] + [pair for pair in rest if pair[0] == "stop"][:more]
    chosen = (first + kept)[:count]
    chosen += chance.choices([pair for pair in every if pair[0] != "stop"], k=count - len(chosen))
    chance.shuffle(chosen)
    return [
        Strike(kind, target, phase, chance.random()) for (kind, target), phase in zip(chosen, phases(chosen, chance), strict=True)
    ]


def named(backend: str, names: Sequence[str], seed: int, isolated: bool) -> list[Strike]:
    """The strikes with these names, `kill rank` for example, where the backend has them."""
    chance = random.Random(f"{backend}-{seed}")
    chosen = [pair for pair in possible(backend, isolated) if " ".join(pair).strip() in names]
    return [
        Strike(kind, target, phase, chance.random()) for (kind, target), phase in zip(chosen, phases(chosen, chance), strict=True)
    ]


def phases(chosen: Sequence[tuple[str, str]], chance: random.Random) -> list[str]:
    """A phase for each strike, all phases in turn; a store can only be missed while data is fetched or the model saved."""
    order = [PHASES[number % len(PHASES)] for number in range(len(chosen))]
    chance.shuffle(order)
    return [
        chance.choice(["launch", "load", "save"]) if kind == "store killed" else phase
        for (kind, _), phase in zip(chosen, order, strict=True)
    ]
