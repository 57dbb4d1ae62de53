"""All runs of one backend in one started engine (`--reuse-engine`): the engine is launched once.

A run's wall time then holds neither launch nor stop. Every record names its engine and the seconds that starting it took; the last
record also has the seconds of the stop.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from manyhands.measure.elsewhere import cpu_of, is_outside
from manyhands.measure.phases import now
from manyhands.measure.run_usage import RunUsage
from manyhands.plan import RunSpec
from manyhands.plugins import backend_class
from manyhands.process import DriverProcess, watch
from manyhands.record import Record
from manyhands.run import RunContext, failure, own_folder, result, workers_of

Emit = Callable[[Record], None]


def measure_in_one_engine(specs: Sequence[RunSpec], context: RunContext, position: int, emit: Emit) -> None:
    """Runs all `specs` of one backend in one engine and hands each record to `emit` soon after its run.

    After a failed run the rest goes on in a new engine, because the state of the old one is unknown.
    """
    left = list(specs)
    while left:
        with own_folder(left[0], context) as folder:
            engine = _Engine(left, folder, context, position, emit)
            engine.run()
        position += engine.done
        left = left[engine.done :]


class _Engine:
    """One started engine and the runs that it has made so far."""

    def __init__(self, specs: Sequence[RunSpec], folder: Path, context: RunContext, position: int, emit: Emit) -> None:
        self.specs, self.context, self.position, self.emit = specs, context, position, emit
        self.name = uuid.uuid4().hex[:12]
        self.driver = DriverProcess(folder)
        self.done = 0
        self.last_end_s = 0.0
        self.ticked = context.ticker(self.driver.log)
        self.launched = datetime.now(UTC)

    def run(self) -> None:
        """Runs until the first failure or the end; afterwards every run that was started has a record, and at least one was."""
        watch(self.driver, self.specs, backend_class(self.specs[0].backend), self.deadline, self.tick)
        self.collect(all_ended=True)
        if self.done < len(self.specs):
            spec = self.specs[self.done]
            began = self.launched + timedelta(seconds=self.last_end_s)
            self._emit(failure(self.driver.outcome(self.done), self.driver, spec, self.context), began)

    def deadline(self) -> float:
        """Seconds after the start by which the run in progress must have ended."""
        return self.last_end_s + self.specs[min(self.done, len(self.specs) - 1)].timeout_s

    def tick(self) -> None:
        self.ticked()
        self.collect(all_ended=False)

    def collect(self, all_ended: bool) -> None:
        """Makes records of the runs that have ended since the last call; the last run waits for the stop of the engine."""
        while self.done < len(self.specs) - (not all_ended):
            outcome = self.driver.outcome(self.done)
            if outcome is None or "fit" not in outcome or (all_ended and self.is_last and self.driver.code != 0):
                return
            self.last_end_s = now() - self.driver.started
            if not all_ended:
                self.driver.usage.look(self.last_end_s)  # else the last seconds of the run were not seen yet
            self._emit(self.measured(outcome), self.launched + timedelta(seconds=outcome["started"] - self.driver.started))

    @property
    def is_last(self) -> bool:
        """True when the run in progress is the last one that the engine was started for."""
        return self.done == len(self.specs) - 1

    def measured(self, outcome: dict[str, Any]) -> dict[str, Any]:
        """The fields of a record: those of the run's own span, and its engine's launch and stop."""
        spec = self.specs[self.done]
        began, ended = (outcome[name] - self.driver.started for name in ("started", "ended"))
        usage = self.driver.usage
        samples = [
            (round(at - began, 3), round(usage.cpu_between(began, at), 3), pss)
            for at, _, pss in usage.samples
            if began <= at <= ended
        ]
        # None of three accounts of CPU time is complete, so the largest counts: the driver loses processes that were there before the
        # run and ended in it, as Spark's do; the parent misses short ones; and workers know only their own.
        inside = [worker for worker in workers_of(outcome) if not is_outside(worker, spec)]
        run_usage = RunUsage(
            wall_s=ended - began,
            cpu_s=max(outcome["cpu_s"], usage.cpu_between(began, ended), sum(cpu_of(worker) or 0.0 for worker in inside)),
            peak_pss_bytes=max((pss for _, _, pss in samples), default=None),
            load_1m_before=outcome["load_1m"],
            samples=samples,
            ended_by_force=self.driver.left if self.is_last else (),
            moments=[moment._replace(at_s=moment.at_s - began) for moment in usage.moments],
        )
        measured = result(outcome, run_usage, spec, outcome["started"], outcome["ended"], self.context.max_load)
        measured["resolved"] = dict(measured["resolved"]) | {
            "engine": self.name,
            "engine_launch_s": outcome["engine_ready"] - self.driver.started,
            "engine_stop_s": self.driver.ended - outcome["ended"] if self.is_last else None,
        }
        return measured

    def _emit(self, measured: dict[str, Any], began: datetime) -> None:
        self.emit(self.context.record(self.specs[self.done], began, self.position + self.done, measured))
        self.done += 1
