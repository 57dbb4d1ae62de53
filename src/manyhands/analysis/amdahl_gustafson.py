"""What Amdahl and Gustafson promise for N workers, from measured phases, to stand beside the speed-up that was measured.

Amdahl     S(N) = 1 / (s + (1 - s) / N), with s the share of one worker's time that is not spread: from the base line's phases
Gustafson  S(N) = N - s' (N - 1), with s' the same share, but of the time that N workers took

Of a run count load, train and prediction; launching the engine is no part of it. `train` is spread, and so is the prediction of
an ensemble, whose members each make their own; another model predicts in one process. Both are what the laws promise if spreading
costs nothing: what is missing from them is what the engine costs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from manyhands.analysis.spread import finite_or_none, mean
from manyhands.record import Record


@dataclass(frozen=True)
class Promise:
    """One worker count: the measured speed-up of load, train and prediction, and what the laws promise."""

    workers: int
    measured: float
    amdahl: float
    gustafson: float
    serial_share: float
    """Of the base line's time: Amdahl's s."""
    scaled_share: float
    """Of these workers' time: Gustafson's s'."""


def promise(base: Sequence[Record], cell: Sequence[Record], workers: int) -> Promise | None:
    """What the laws promise for the launches of a cell over those of the base line; None when a span was not measured."""
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
    """Mean seconds of what is not spread, and of what is."""
    fixed, spread = [], []
    for record in records:
        load, train = finite_or_none(record.phases.get("load_s")), finite_or_none(record.phases.get("train_s"))
        predict = finite_or_none(record.resolved.get("predict_s")) or 0.0
        alone = 0.0 if record.resolved.get("members") else predict
        fixed.append(None if load is None else load + alone)
        spread.append(None if train is None else train + predict - alone)
    return mean(fixed), mean(spread)
