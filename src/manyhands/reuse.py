"""All runs of one engine in one started engine (`--reuse-engine`): the launch is paid, and shown, once.

A run's wall time is then its own; every record names its engine and what starting it took, the last one also the stop.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from manyhands.measure.elsewhere import cpu_of, is_outside
from manyhands.measure.phases import now
from manyhands.plan import RunSpec
from manyhands.plugins import backend_class
from manyhands.process import Watched, watch
from manyhands.record import Record
from manyhands.run import Surroundings, account, failure, own_folder, result

Emit = Callable[[Record], None]


def measure_in_one_engine(specs: Sequence[RunSpec], surroundings: Surroundings, position: int, emit: Emit) -> None:
    """Runs all `specs` of one backend in one engine and hands each record to `emit` soon after its run.

    After a failed run the rest goes on in a new engine, since nobody knows what state the old one is in.
    """
    left = list(specs)
    while left:
        with own_folder(left[0], surroundings) as folder:
            engine = _Engine(left, folder, surroundings, position, emit)
            engine.run()
        position += engine.done
        left = left[engine.done :]


class _Engine:
    """One started engine and the runs that it has made so far."""

    def __init__(self, specs: Sequence[RunSpec], folder: Path, surroundings: Surroundings, position: int, emit: Emit) -> None:
        self.specs, self.surroundings, self.position, self.emit = specs, surroundings, position, emit
        self.name = uuid.uuid4().hex[:12]
        self.watched = Watched(folder)
        self.done = 0
        self.last_end_s = 0.0
        self.ticked = surroundings.ticker(self.watched.log)
        self.launched = datetime.now(UTC)

    def run(self) -> None:
        """Runs until the first failure or the end; every run so far has a record afterwards, and at least one has."""
        watch(self.watched, self.specs, backend_class(self.specs[0].backend), self.deadline, self.tick)
        self.collect(all_ended=True)
        if self.done < len(self.specs):
            spec = self.specs[self.done]
            began = self.launched + timedelta(seconds=self.last_end_s)
            self._emit(failure(self.watched.outcome(self.done), self.watched, spec, self.surroundings), began)

    def deadline(self) -> float:
        """Seconds after the start by which the run in progress must have ended."""
        return self.last_end_s + self.specs[min(self.done, len(self.specs) - 1)].timeout_s

    def tick(self) -> None:
        self.ticked()
        self.collect(all_ended=False)

    def collect(self, all_ended: bool) -> None:
        """Makes records of the runs that have ended since; the last one waits for the stop of the engine."""
        while self.done < len(self.specs) - (not all_ended):
            outcome = self.watched.outcome(self.done)
            if outcome is None or "fit" not in outcome or (all_ended and self.is_last and self.watched.code != 0):
                return
            self.last_end_s = now() - self.watched.started
            if not all_ended:
                self.watched.usage.look(self.last_end_s)  # else the last seconds of the run were not seen yet
            self._emit(self.measured(outcome), self.launched + timedelta(seconds=outcome["started"] - self.watched.started))

    @property
    def is_last(self) -> bool:
        """Whether the run in progress is the last one that the engine was started for."""
        return self.done == len(self.specs) - 1

    def measured(self, outcome: dict[str, Any]) -> dict[str, Any]:
        """The fields of a record: those of the run's own span, and its engine's launch and stop."""
        spec = self.specs[self.done]
        began, ended = (outcome[name] - self.watched.started for name in ("started", "ended"))
        usage = self.watched.usage
        samples = [
            (round(at - began, 3), round(usage.cpu_between(began, at), 3), pss)
            for at, _, pss in usage.samples
            if began <= at <= ended
        ]
        measured = result(outcome, outcome["started"], outcome["ended"])
        measured["wall_s"] = ended - began
        # The most of three accounts, none of which has all: the driver loses processes that were there before the run and ended in
        # it, as Spark's do; who watches misses those of a moment; and workers know of themselves alone.
        own = [worker for worker in measured["per_worker"] if not is_outside(worker, spec)]
        cpu_s = max(outcome["cpu_s"], usage.cpu_between(began, ended), sum(cpu_of(worker) or 0.0 for worker in own))
        resources = {
            "cpu_s": cpu_s,
            "cpu_percent": 100 * cpu_s / (ended - began),
            "peak_pss_bytes": max((pss for _, _, pss in samples), default=None),
            "load_1m_before": outcome["load_1m"],
            "samples": samples,
        }
        if self.is_last and self.watched.left:
            resources["ended_by_force"] = self.watched.left
        measured["resources"] = account(resources, measured, spec, ended - began)
        measured["resolved"] = dict(measured["resolved"]) | {
            "engine": self.name,
            "engine_launch_s": outcome["engine_ready"] - self.watched.started,
            "engine_stop_s": self.watched.ended - outcome["ended"] if self.is_last else None,
        }
        return measured

    def _emit(self, measured: dict[str, Any], began: datetime) -> None:
        self.emit(self.surroundings.record(self.specs[self.done], began, self.position + self.done, measured))
        self.done += 1
