"""What the reports show of a group depends on what it measured: training, or the exchange between workers alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from manyhands.analysis.cells import Group
from manyhands.analysis.exchange import is_exchange
from manyhands.analysis.scaling import Time
from manyhands.analysis.summary import Summary
from manyhands.analysis.targets import QualityTarget
from manyhands.report import columns, exchange
from manyhands.report.advice import Advice
from manyhands.report.advice import advice as training_advice
from manyhands.report.columns import Column
from manyhands.report.winner_and_laws import verdict


@dataclass(frozen=True)
class Sheet:
    """The first table of a group: the columns that name a row, then the others in sections."""

    title: str
    identity: list[Column]
    sections: list[list[Column]]

    @property
    def columns(self) -> list[Column]:
        return [*self.identity, *(column for section in self.sections for column in section)]


def sheet(group: Group, summaries: Sequence[Summary], target: QualityTarget | None) -> Sheet:
    """Speed, cost and quality of every cell; or time and bandwidth of every message."""
    if is_exchange(group):
        return Sheet("Time and bandwidth of every message", exchange.identity(group), [exchange.bandwidths(group)])
    return Sheet("Speed, cost and quality", columns.identity(summaries), columns.speed(summaries, target))


def conclusions(group: Group, summaries: Sequence[Summary], time: Time) -> list[str]:
    """What the numbers come to, in lines: the winner and the scaling laws; or alpha and beta, and how to read them."""
    if is_exchange(group):
        return [*exchange.links(group), exchange.HOW_TO_READ]
    return verdict(group, summaries, time)


def advice(group: Group, summaries: Sequence[Summary], time: Time) -> Advice:
    """What to use, and how sure that is."""
    return exchange.advice(group) if is_exchange(group) else training_advice(summaries, time)
