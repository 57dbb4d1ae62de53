"""The speed-ups that the laws of Amdahl and Gustafson predict for N workers from measured phases, beside the measured speed-up.

Amdahl     S(N) = 1 / (s + (1 - s) / N), with s the serial share of one worker's time, from the phases of the base line
Gustafson  S(N) = N - s' (N - 1), with s' the serial share of the time that N workers took

The time of a run here is load, train and prediction, without the launch of the engine. `train` is parallel. The prediction of
an ensemble is parallel too, because each member predicts; other models predict in one process. Both laws assume that parallel
work has no overhead, so the difference from the measured speed-up is the overhead of the engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from manyhands.analysis.spread import finite_or_none, mean
from manyhands.record import Record


@dataclass(frozen=True)
class Promise:
    """One worker count: the measured speed-up of load, train and prediction, and the speed-ups by the two laws."""

    workers: int
    measured: float
    amdahl: float
    gustafson: float
    serial_share: float
    """Serial share of the base line's time: Amdahl's s."""
    scaled_share: float
    """Serial share of these workers' time: Gustafson's s'."""


def promise(base: Sequence[Record], cell: Sequence[Record], workers: int) -> Promise | None:
    """The speed-ups of a cell over the base line, measured and by the laws; None when a time was not measured."""
    fixed, spread = _mean_spans(base)
    own_fixed, own_spread = _mean_spans(cell)
    if fixed is None or spread is None or own_fixed is None or own_spread is None or spread <= 0 or own_spread <= 0:
        return None
    share, own_share = fixed / (fixed + spread), own_fixed / (own_fixed + own_spread)
    return Promise(
        workers=workers,
        measured=(fixed + spread) / (own_fixed + own_spread),
        amdahl=1 / (share + (1 - share) / workers),
        gustafson=workers - own_share * (workers - 1),
        serial_share=share,
        scaled_share=own_share,
    )


def _mean_spans(records: Sequence[Record]) -> tuple[float | None, float | None]:
    """Mean seconds of the serial work, and of the parallel work."""
    fixed, spread = [], []
    for record in records:
        load, train = finite_or_none(record.phases.get("load_s")), finite_or_none(record.phases.get("train_s"))
        predict = finite_or_none(record.resolved.get("predict_s")) or 0.0
        alone = 0.0 if record.resolved.get("members") else predict
        fixed.append(None if load is None else load + alone)
        spread.append(None if train is None else train + predict - alone)
    return mean(fixed), mean(spread)
