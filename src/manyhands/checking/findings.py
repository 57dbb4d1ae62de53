"""Two runs of a training, and what a look at it saw -> what does not compare fairly, and how to mend it.

In: records of a few steps on one worker and on two. Out: lines to read.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from manyhands.checking.facts import Facts
from manyhands.machine import usable_cores
from manyhands.record import Record

ALIKE = 1e-3
"""Relative difference of two losses that rounding may make; our own networks stay below 1e-4."""
IN_BFLOAT16 = 2e-2
"""The same under autocast: bfloat16 has 8 bits of precision."""


class Level(StrEnum):
    """The weight of a finding; the worst first."""

    FAILS = "fails"
    """The training does not work."""
    UNFAIR = "unfair"
    """Two workers train another thing than one does."""
    NOTE = "note"
    """Times compare; something else is to be known."""


@dataclass(frozen=True)
class Finding:
    """One line: what was seen, and how to mend it."""

    level: Level
    text: str


@dataclass(frozen=True)
class Seen:
    """All that the rules look at: the facts, and the records of one worker and of two."""

    facts: Facts
    one: Record
    two: Record

    @property
    def losses(self) -> tuple[float, float]:
        """The mean loss of the steps on one worker and on two; NaN where there is none."""
        one, two = (record.history[-1]["loss"] if record.history else None for record in (self.one, self.two))
        return (math.nan if one is None else float(one)), (math.nan if two is None else float(two))

    @property
    def differ(self) -> bool:
        """True when the two losses are further apart than rounding explains."""
        one, two = self.losses
        alike = IN_BFLOAT16 if self.one.resolved.get("autocast") else ALIKE
        return math.isfinite(one) and math.isfinite(two) and not math.isclose(one, two, rel_tol=alike, abs_tol=alike / 10)


def failed(record: Record) -> Finding:
    """The finding of a run that is not ok."""
    return Finding(Level.FAILS, f"{record.spec['backend']} x {record.spec['workers']}: {record.reason}")


def findings(seen: Seen) -> list[Finding]:
    """All findings, the worst first."""
    bad = [*_failing(seen), *(Finding(Level.UNFAIR, line) for line in _unfair(seen))]
    random = seen.facts.dropouts or seen.facts.random_rows
    if seen.differ and not bad and not random:
        bad.append(Finding(Level.UNFAIR, _unexplained(*seen.losses)))
    return [*bad, *(Finding(Level.NOTE, line) for line in _notes(seen))]


def _failing(seen: Seen) -> Iterator[Finding]:
    one, two = seen.losses
    if not (math.isfinite(one) and math.isfinite(two)):
        yield Finding(
            Level.FAILS,
            f"loss: {one:g} on one worker and {two:g} on two; lower the learning rate, and look for a logarithm or a division of 0",
        )


def _unfair(seen: Seen) -> Iterator[str]:
    yield from dict.fromkeys(line for record in (seen.one, seen.two) for line in record.resolved.get("cautions", ()))
    if seen.one.init_sha256 != seen.two.init_sha256:
        yield "initial weights: another run starts from other ones; draw them with torch, NumPy or random, which are seeded before build"
    rows, of_two = rows_of(seen.one), rows_of(seen.two)
    if rows and of_two and rows != of_two:
        yield (
            f"rows: in as many steps two workers train {of_two} and one trains {rows}; give a dataset with a length and [], whose rows"
            " manyhands deals out, or divide batches by torch.distributed.get_world_size()"
        )


def _notes(seen: Seen) -> Iterator[str]:
    facts, cores, loaders = seen.facts, usable_cores(), int(seen.one.resolved.get("loader_workers") or 0)
    if "rows" in seen.one.resolved.get("proof", {}).get("not_proved", ()):
        yield (
            "data: they are taken as they come, so equal rows are not proved; give a dataset with a length and [], or a DataLoader of one"
            " without a sampler of its own"
        )
    if facts.random_rows:
        yield "data: a row differs from call to call, so losses do too; times compare, quality over several --seed"
    if facts.dropouts:
        yield f"Dropout: each worker draws other masks ({facts.dropouts} layers), so losses differ; times compare, quality over several --seed"
    if facts.scheduler_per_step:
        yield "scheduler: it counts steps; keep --batch global, with which all worker counts make the same steps"
    if loaders and 2 * (1 + loaders) > cores:
        yield f"num_workers: {loaders} beside each of 2 workers are more processes than the {cores} cores here; try --loader-workers 0,{loaders}"
    if not seen.one.quality:
        yield "quality: there is none to compare; give Training(evaluate=...), a function of the model"


def rows_of(record: Record) -> int:
    """Training rows that all workers took together."""
    return sum(int(worker.get("rows_seen") or 0) for worker in record.per_worker)


def _unexplained(one: float, two: float) -> str:
    return (
        f"losses: {one:.6g} on one worker and {two:.6g} on two, for no reason that is seen here; look for code that depends on the"
        " rank, on the rows of a batch, or on random numbers"
    )
