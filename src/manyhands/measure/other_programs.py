"""CPU time that other programs used beside a run, and time that the host of a virtual machine withheld.

The machine's busy time minus that of the run's own processes is what others used. The parent of a run notes both a few times a
second (`resources.TreeUsage`), so the phase `train` can be judged by itself. `manyhands compare` uses the same times.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import psutil

from manyhands.errors import UsageError
from manyhands.machine import usable_cores
from manyhands.plan import RunSpec

VARIABLE = "MANYHANDS_MAX_LOAD"
"""Environment variable: the share of the cores that other programs may use, such as 0.5, where `--max-load` is not given; above 1 it is no limit."""
QUIET_SHARE = 0.25
"""Share of the cores that other programs may use at most."""
LEAST_CORES = STOLEN_CORES = 0.25
"""Cores that other programs may use beside a run that needs all cores, and that the host of a virtual machine may withhold. Of 3,126
launches on machines with nothing else to do (docs/results/calibration-*.json), others used more than 0.08 beside 10, and 0.14 was stolen at most."""
LEAST_WINDOW_S = 0.5
"""The shortest span that is judged: the kernel counts in steps of 0.01 s on each core."""


class Moment(NamedTuple):
    """CPU seconds so far at one time in a run."""

    at_s: float
    """Seconds since the start of the run."""
    used_s: float
    """Used by all programs on the cores that this process may use."""
    stolen_s: float
    """Withheld from these cores by the host of a virtual machine."""
    own_s: float
    """Used by the run's own processes, and by the parent that watches them."""


def machine_seconds() -> tuple[float, float] | None:
    """CPU seconds so far, used by all programs and stolen by the host, on the cores that this process may use; None where they are hidden.

    Interrupts are left out: those that a run's own messages cause are counted for no process.
    """
    try:
        allowed = os.sched_getaffinity(0)
        cores = [times for number, times in enumerate(psutil.cpu_times(percpu=True)) if number in allowed]
    except (OSError, ValueError, IndexError, psutil.Error):
        return None
    if not cores:
        return None
    return sum(core.user + core.nice + core.system for core in cores), sum(core.steal for core in cores)


@dataclass(frozen=True)
class Busy:
    """CPU seconds so far, of all programs, on the cores that this process may use; `own` of this process and its collected children."""

    at: float
    used: float
    stolen: float
    own: float

    @classmethod
    def now(cls) -> Busy:
        """The seconds so far. Where the machine hides its times, others and stolen time are 0."""
        usage = resource.getrusage(resource.RUSAGE_CHILDREN), resource.getrusage(resource.RUSAGE_SELF)
        own = sum(part.ru_utime + part.ru_stime for part in usage)
        used, stolen = machine_seconds() or (0.0, 0.0)
        return cls(time.monotonic(), used, stolen, own)

    def others_since(self, before: Busy, launched: float) -> tuple[float, float]:
        """Cores that other programs used, and cores that the host took away. `launched`: CPU seconds of the launched run."""
        span = max(self.at - before.at, 1e-9)
        others = (self.used - before.used - launched - (self.own - before.own)) / span
        return max(0.0, others), (self.stolen - before.stolen) / span


def allowed_cores(needed: int, cores: int, seen: int, max_load: float | None = None) -> float:
    """Cores that other programs may use beside a run that keeps `needed` cores busy.

    `cores`: those that a CPU quota leaves to this process. `seen`: those that it may run on. `max_load`: share of them that the
    user allows; None: what the run leaves free, at most QUIET_SHARE of the cores, and at least LEAST_CORES.
    """
    if max_load is not None:
        return max_load * seen
    if cores < seen:  # under a CPU quota, other load does not matter while enough cores of the host are idle
        return max(LEAST_CORES, seen - max(needed, cores))
    return min(QUIET_SHARE * cores, max(LEAST_CORES, cores - needed))


def load_of_variable() -> float | None:
    """The share of the cores that MANYHANDS_MAX_LOAD allows other programs; None when it is not set. Raises UsageError for no number above 0."""
    text = os.environ.get(VARIABLE)
    return _above_0(text) if text else None


@dataclass(frozen=True)
class Allowed:
    """Average cores that may go elsewhere beside a run before it counts as disturbed."""

    used: float
    """To other programs."""
    stolen: float
    """To the host of a virtual machine."""


def allowed_beside(spec: RunSpec, max_load: float | None) -> Allowed:
    """The limits for a run on this machine. `max_load`: the share of the cores that the user allows for both.

    Raises UsageError when MANYHANDS_MAX_LOAD is no number above 0.
    """
    seen = len(os.sched_getaffinity(0))
    max_load = load_of_variable() if max_load is None else max_load
    needed, cores = spec.workers // spec.nodes * spec.threads, usable_cores()
    used = allowed_cores(needed, cores, seen, max_load)
    if max_load is not None:
        return Allowed(used, max_load * seen)
    # One program on a core that the run leaves free takes nothing from it, also where it is more than a quarter of the cores.
    return Allowed(max(used, min(1, max(0, cores - needed)) + LEAST_CORES), STOLEN_CORES)


def _above_0(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not value > 0:
        raise UsageError(f"{VARIABLE}={text} is not a share of the cores above 0, such as 0.5")
    return value


def other_programs(
    moments: Sequence[Moment],
    phases: Mapping[str, float | None],
    wall_s: float,
    spec: RunSpec,
    allowed: Allowed,
    workers_here: int = 0,
) -> dict[str, Any] | None:
    """The field `other_programs` of a record's resources; None where the use of others cannot be known.

    It cannot where the system hides the machine's times, and with a running engine (`address`), whose processes are no descendants
    of this one. With several nodes it is the use on node 0's machine, `train` is not judged apart from the run, and nothing is known
    when `workers_here`, the workers on this machine, are more than those of one node.
    """
    of_others = spec.address is not None and (spec.nodes == 1 or workers_here > spec.workers // spec.nodes)
    if of_others or _hidden(moments):
        return None
    train = _train(phases, wall_s) if spec.nodes == 1 else None
    return {
        "allowed_cores": allowed.used,
        "allowed_stolen_cores": allowed.stolen,
        "run": _during(moments, 0.0, wall_s),
        "train": _during(moments, *train) if train else None,
    }


def _hidden(moments: Sequence[Moment]) -> bool:
    """True when the machine's times do not include those of the run itself, as in some containers."""
    if len(moments) < 2:
        return True
    used_s, own_s = (getattr(moments[-1], name) - getattr(moments[0], name) for name in ("used_s", "own_s"))
    return bool(used_s < own_s / 2 - 0.1)


def _train(phases: Mapping[str, float | None], wall_s: float) -> tuple[float, float] | None:
    """Start and end of `train` in the run, with the yardstick between its epochs; at least LEAST_WINDOW_S long where the run is."""
    if not phases.get("train_s"):
        return None
    began = sum(phases.get(f"{phase}_s") or 0.0 for phase in ("launch", "load", "warmup"))
    ended = began + sum(phases.get(f"{phase}_s") or 0.0 for phase in ("train", "yardstick"))
    more = max(0.0, LEAST_WINDOW_S - (ended - began)) / 2
    return max(0.0, began - more), min(wall_s, ended + more)


def _during(moments: Sequence[Moment], began_s: float, ended_s: float) -> dict[str, float]:
    times, *counts = zip(*moments, strict=True)
    used, stolen, own = (float(np.diff(np.interp((began_s, ended_s), times, count))[0]) for count in counts)
    return {"seconds": ended_s - began_s, "used_s": max(0.0, used - own), "stolen_s": max(0.0, stolen)}
