"""Marks in a training script: `steps` around its batches, `epoch` at the end of an epoch, `metric` for its quality.

    from manyhands import marks

    for batch in marks.steps(loader):
        ...
    marks.metric(accuracy=0.97)

`manyhands run train.py` then splits the time of the script into phases. Without manyhands the marks do nothing. This file needs only
the standard library; a user may copy it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from time import perf_counter
from typing import Any, TypeVar

Batch = TypeVar("Batch")
RUN = "manyhands_run"
"""The name in `sys.modules` of the run that this process is part of; child processes have none."""
WARMUP_STEPS = 3
"""Steps whose time is the phase `warmup`: the first ones allocate memory and build buckets. They train as all others do."""


def steps(batches: Iterable[Batch]) -> Iterable[Batch]:
    """The batches, one training step each. Only one loop may be marked at a time: RuntimeError for a loop inside another one."""
    return _Steps(batches, found) if (found := _clock()) else batches


def epoch(**values: float) -> None:
    """Ends an epoch; `values`, such as its loss, are numbers for the learning curve."""
    if found := _clock():
        entry = {"epoch": len(found.history) + 1, **_numbers("epoch", values)}
        found.history.append(entry | {"elapsed_s": found.trained_s()})


def metric(**values: float) -> None:
    """The quality that the training reached, such as `accuracy=0.97`; the last value of a name counts."""
    if found := _clock():
        found.quality |= _numbers("metric", values)


class _Steps:
    """Batches whose steps are timed; everything else about them is as before."""

    def __init__(self, batches: Iterable[Any], clock: _Clock) -> None:
        self._batches, self._clock = batches, clock

    def __len__(self) -> int:
        return len(self._batches)  # type: ignore[arg-type]  # raises TypeError as the batches themselves do

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batches, name)

    def __iter__(self) -> Iterator[Any]:
        clock = self._clock
        clock.begin_loop()
        try:
            began = perf_counter()
            for batch in self._batches:
                clock.begin_step(perf_counter() - began)
                yield batch
                clock.end_step()
                began = perf_counter()
        finally:
            clock.end_loop()


class _Clock:
    """Phases of this process in seconds: `load` before the first step, `warmup`, `train`, and `evaluate` after and between loops."""

    def __init__(self, run: Any) -> None:
        self.run = run
        self.phases: dict[str, float] = {}
        self.steps = 0
        self.input_s = self.communicate_s = 0.0
        self.history: list[dict[str, Any]] = []
        self.quality: dict[str, float] = {}
        self.in_loop = self.in_step = False
        self.mark = self.waited_s = 0.0

    def begin_loop(self) -> None:
        if self.in_loop:
            raise RuntimeError("marks.steps is around another loop that has not ended; mark only one loop at a time")
        if not self.phases:
            self.mark = self.run.launched
        self.lap("evaluate" if "warmup" in self.phases else "load")
        self.in_loop = True

    def begin_step(self, waited_s: float) -> None:
        """`waited_s`: seconds that the step waited for its batch."""
        if self.phase == "train":
            self.input_s += waited_s
        self.in_step = True

    def end_step(self) -> None:
        self.in_step = False
        self.steps += 1
        if self.steps == WARMUP_STEPS:
            self.lap("warmup")

    def end_loop(self) -> None:
        if self.in_step:  # left by break, return or an exception
            self.end_step()
        self.lap("train" if self.steps > WARMUP_STEPS else "warmup")
        self.in_loop = False

    @property
    def phase(self) -> str:
        """The phase of the step that is next or under way."""
        return "warmup" if self.steps < WARMUP_STEPS else "train"

    def trained_s(self) -> float:
        """Seconds of the phase `train` so far."""
        return self.phases.get("train", 0.0) + (perf_counter() - self.mark if self.in_loop and self.phase == "train" else 0.0)

    def lap(self, phase: str) -> None:
        """Charges the time since the last lap to the phase that ends now."""
        torch = sys.modules.get("torch")
        if torch is not None and torch.cuda.is_initialized():
            torch.cuda.synchronize()
        now, waited_s = perf_counter(), self.run.waited_s
        self.phases[phase] = self.phases.get(phase, 0.0) + now - self.mark
        if phase == "train":
            self.communicate_s += waited_s - self.waited_s
        self.mark, self.waited_s = now, waited_s

    def report(self) -> dict[str, Any] | None:
        """The phases, steps and values as plain values, when the script ends; None when it has marked no step."""
        if not self.phases:
            return {"phases": {}, "quality": self.quality, "history": self.history} if self.quality or self.history else None
        if self.in_loop:
            self.end_loop()
        else:
            self.lap("evaluate")
        return {
            "phases": self.phases,
            "input_s": self.input_s,
            "communicate_s": self.communicate_s,
            "steps": self.steps,
            "warmup_steps": min(self.steps, WARMUP_STEPS),
            "quality": self.quality,
            "history": self.history,
        }


def _clock() -> _Clock | None:
    """The clock of this process; None outside a run."""
    run: Any = sys.modules.get(RUN)
    if run is None:
        return None
    if run.marks is None:
        run.marks = _Clock(run)
    found: _Clock = run.marks
    return found


def _numbers(mark: str, values: dict[str, Any]) -> dict[str, float]:
    """The values as plain numbers; also one-element tensors and arrays are numbers."""
    try:
        return {name: float(value) for name, value in values.items()}
    except (TypeError, ValueError):
        wrong = next(name for name, value in values.items() if not hasattr(value, "__float__"))
        raise TypeError(f"marks.{mark}({wrong}={values[wrong]!r}): give a number") from None
