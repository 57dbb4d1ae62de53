"""Launches beside which other programs took more than the launch left free: found, described, and left out of every interval and mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from manyhands.analysis.spread import finite_or_none
from manyhands.record import Record

Time = Literal["train", "wall"]
"""The time that is compared: the `train` phase alone, or the whole run with launch and teardown."""
LEAST_S = 0.05
"""CPU seconds of others below this disturb no launch: the kernel counts in steps of 0.01 s on each core."""
WHERE = {"train": "during train", "run": "during the run"}


def disturbance(record: Record, time: Time = "train") -> str | None:
    """The reason why a launch is left out, such as `other programs used 1.02 cores during train, 0.25 are allowed`; None for a quiet one.

    `time`: the time that is compared; the whole run is judged where `train` was not measured by itself. A launch of a record that
    does not know what ran beside it is not judged.
    """
    beside = record.resources.get("other_programs")
    if not isinstance(beside, Mapping):
        return None
    window = "train" if time == "train" and isinstance(beside.get("train"), Mapping) else "run"
    span = beside.get(window)
    seconds = finite_or_none(span.get("seconds")) if isinstance(span, Mapping) else None
    if not isinstance(span, Mapping) or not seconds or seconds <= 0:
        return None
    for name, limit, who in (
        ("used_s", "allowed_cores", "other programs used"),
        ("stolen_s", "allowed_stolen_cores", "the host of this virtual machine withheld"),
    ):
        used, allowed = _cores(span, name, seconds), finite_or_none(beside.get(limit))
        if used is not None and allowed is not None and used > allowed:
            return f"{who} {used:.2f} cores {WHERE[window]}, {allowed:.2f} are allowed"
    return None


def _cores(span: Mapping[str, Any], name: str, seconds: float) -> float | None:
    """Average cores in a span; None when they were not measured or are too few seconds to count."""
    used_s = finite_or_none(span.get(name))
    return None if used_s is None or used_s <= LEAST_S else used_s / seconds


def left_out(records: Iterable[Record], time: Time = "train") -> frozenset[str]:
    """The ids of the disturbed launches among the measured ones; none when all are disturbed, since then no launch is better."""
    measured = [record for record in records if record.ok]
    found = frozenset(record.id for record in measured if disturbance(record, time))
    return found if len(found) < len(measured) else frozenset()


def quiet(records: Sequence[Record], time: Time = "train") -> list[Record]:
    """The records without the measured launches that are left out."""
    loud = left_out(records, time)
    return [record for record in records if record.id not in loud]


def all_disturbed(records: Iterable[Record], time: Time = "train") -> bool:
    """True when there are measured launches, and every one of them is disturbed."""
    measured = [record for record in records if record.ok]
    return bool(measured) and all(disturbance(record, time) for record in measured)
