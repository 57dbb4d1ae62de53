"""A group of comparable records -> one view of it, which terminal, Markdown and page all render.

Each part is computed once, when it is first read. A group that measured only the exchange between workers has other tables,
conclusions and advice than a group that measured training.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from manyhands.analysis.best_law import Choice, Curve, laws_found
from manyhands.analysis.cells import Group, differences, group_records
from manyhands.analysis.exchange import is_exchange
from manyhands.analysis.fit import NotIdentifiable
from manyhands.analysis.launch_model import fit_group
from manyhands.analysis.scaling import Time, compared_time
from manyhands.analysis.summary import Summary, summarise
from manyhands.analysis.targets import QualityTarget, target_of
from manyhands.record import Record
from manyhands.report import advice as training
from manyhands.report import columns, exchange, formatting, limit, notes, scaling_laws
from manyhands.report.advice import Advice
from manyhands.report.own_names import with_class_names
from manyhands.report.report_table import ReportTable
from manyhands.report.whole_run import other_time


@dataclass(frozen=True)
class GroupView:
    """All that a report shows of one group, as plain text; charts and the page's grid are drawn from `group` and `summaries`."""

    group: Group
    apart: Mapping[str, Sequence[str]]
    """Conditions in which the groups of this workload differ, with their values."""
    time: Time
    target: QualityTarget | None
    own: Mapping[str, str] = field(default_factory=dict)
    """Name of a user's class that this group is the first to show -> its path."""

    @cached_property
    def title(self) -> str:
        """The workload, and the conditions in which this group differs from the workload's other groups."""
        return notes.title(self.group, self.apart)

    @cached_property
    def summaries(self) -> tuple[Summary, ...]:
        """A row for each measured cell; empty when no run succeeded."""
        return tuple(summarise(self.group, self.time, self.target))

    @cached_property
    def speedups(self) -> columns.Speedups:
        """The speed-ups of the cells in train and as a whole run, in the order of the summaries."""
        whole = [row.whole_run for row in self.summaries]
        if self.time == "train":
            return {"train": [row.speedup for row in self.summaries], "wall": whole}
        if compared_time(self.group, "train") == "wall":  # no train phase that compares
            return {"train": [None for _ in self.summaries], "wall": whole}
        fit = fit_group(self.group, "train")
        return {"train": [fit.speedup(row.cell) if fit and not row.is_base else None for row in self.summaries], "wall": whole}

    @cached_property
    def fits(self) -> tuple[tuple[Curve, Choice | NotIdentifiable], ...]:
        """The scaling law of each backend, or the reason why there is none; empty for a group that measured only exchange."""
        return () if is_exchange(self.group) else tuple(laws_found(self.group, self.time))

    @property
    def laws(self) -> tuple[Choice, ...]:
        """The scaling laws that were found."""
        return tuple(law for _, law in self.fits if isinstance(law, Choice))

    @cached_property
    def first_table(self) -> ReportTable:
        """The first screen: speed-up and quality of each cell; or time and bandwidth of each message."""
        if is_exchange(self.group):
            bandwidths = (tuple(exchange.bandwidths(self.group)),)
            return ReportTable("Time and bandwidth of every message", tuple(exchange.identity(self.group)), bandwidths)
        shares = limit.shares(self.summaries)
        sections = tuple(map(tuple, columns.first(self.summaries, self.speedups, self.target, shares)))
        return ReportTable("Speed-up and quality", tuple(columns.identity(self.summaries)), sections)

    @cached_property
    def cost_table(self) -> ReportTable:
        """Seconds, efficiency, cost and every metric of each cell."""
        sections = tuple(map(tuple, columns.cost(self.summaries)))
        return ReportTable("Time, cost and quality", tuple(columns.identity(self.summaries)), sections)

    @cached_property
    def phase_table(self) -> ReportTable:
        """Mean seconds of each phase, and how `train` splits."""
        sections = tuple(map(tuple, columns.phases(self.summaries)))
        return ReportTable("Mean seconds of every phase", tuple(columns.identity(self.summaries)), sections)

    @property
    def tables(self) -> tuple[ReportTable, ...]:
        """All tables; none when no run succeeded."""
        return (self.first_table, *self.further_tables) if self.summaries else ()

    @property
    def further_tables(self) -> tuple[ReportTable, ...]:
        """The tables that are no part of the first screen."""
        if not self.summaries:
            return ()
        if is_exchange(self.group):
            return (self.phase_table,)
        return (self.cost_table, self.phase_table, *([self.lost_table] if any(row.limit for row in self.summaries) else []))

    @cached_property
    def lost_table(self) -> ReportTable:
        """Seconds that the cells with a limit lost against the base line over their workers, and to what."""
        rows = [row for row in self.summaries if row.limit]
        return ReportTable("Seconds of train that were lost", tuple(columns.identity(rows)), (tuple(limit.lost(rows)),))

    @cached_property
    def advice(self) -> Advice:
        """The cell to use, and how sure that is."""
        if is_exchange(self.group):
            return exchange.advice(self.group)
        return training.advice(self.summaries, self.time, self.speedups[other_time(self.time)], self.target)

    @cached_property
    def headline(self) -> str:
        """The title and the cell to use, in a line."""
        return f"{self.title}: {self.advice.use[0].lower()}{self.advice.use[1:]}"

    @property
    def answer(self) -> tuple[str, ...]:
        """The lines below the headline: how fast, how sure, if the model is as good, and the cost."""
        return (*self.advice.why, *filter(None, [self.advice.cost]))

    @cached_property
    def links(self) -> tuple[str, ...]:
        """The cost of the exchange: alpha and beta of each cell, and how to read them; of training, how close it comes to its limit."""
        if is_exchange(self.group):
            return (*exchange.links(self.group), exchange.HOW_TO_READ)
        return tuple(limit.lines(self.summaries))

    @cached_property
    def law_lines(self) -> tuple[str, ...]:
        """The scaling law of each backend or the reason why there is none, a line each."""
        return tuple(scaling_laws.laws(self.fits))

    @cached_property
    def stopped(self) -> tuple[str, ...]:
        """The runs that failed or were skipped, with their reasons, a line each."""
        return tuple(notes.stopped(self.group))

    @cached_property
    def cautions(self) -> tuple[str, ...]:
        """Reasons to doubt a number in the tables, a line each."""
        return tuple(notes.cautions(self.group, self.summaries, self.time, self.target))

    @cached_property
    def facts(self) -> tuple[str, ...]:
        """The data, the settings, the naive forecast, the hosts and the files of own classes, a line each."""
        own = tuple(f"own class: {name} is {path}" for name, path in self.own.items())
        return (*notes.facts(self.group), *map(formatting.plain, own))

    @property
    def not_averaged(self) -> tuple[str, ...]:
        """The line that says why the groups of this workload are separate; empty when it has one group."""
        return tuple(notes.not_averaged(self.apart))


def group_views(records: Sequence[Record], time: Time = "train", target: QualityTarget | None = None) -> list[GroupView]:
    """A view of each group of the records."""
    records, own = with_class_names(records)
    siblings: dict[str, list[Group]] = {}
    groups = group_records(records, time)
    for group in groups:
        siblings.setdefault(group.workload, []).append(group)
    apart = {workload: differences(met) for workload, met in siblings.items()}
    shown = [{name: path for name, path in own.items() if name in _names(group)} for group in groups]
    first = [
        {name: path for name, path in names.items() if not any(name in earlier for earlier in shown[:place])}
        for place, names in enumerate(shown)
    ]
    return [
        GroupView(group, apart[group.workload], compared_time(group, time), target or target_of(group), names)
        for group, names in zip(groups, first, strict=True)
    ]


def _names(group: Group) -> set[str]:
    return {group.workload, *(cell.backend for cell in group.cells)}


def by_workload(views: Sequence[GroupView]) -> dict[str, list[GroupView]]:
    """The views of each workload, in the order in which the workloads come first."""
    found: dict[str, list[GroupView]] = {}
    for view in views:
        found.setdefault(view.group.workload, []).append(view)
    return found
