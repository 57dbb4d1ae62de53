"""The further tables of a study, measured alone: processes, steps, laws and classes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from manyhands.analysis.amdahl_gustafson import promise
from manyhands.analysis.side_by_side import of_part
from manyhands.analysis.spread import finite_or_none, mean
from manyhands.record import BASE_LINE, Record
from manyhands.report import formatting
from manyhands.report.columns import Column
from manyhands.report.report_table import ReportTable
from manyhands.studies.study import Study

SHORTEST_S = 0.1
"""Below it CPU % says nothing: the system counts processor time in hundredths of a second."""
BY_CELL = ("classes", "processes", "steps")
"""Tables whose rows stand for themselves: a cell that both variants use is shown once."""


@dataclass(frozen=True)
class StudyCell:
    """The measured records of one cell of a study."""

    variant: str
    part: str
    backend: str
    workers: int
    records: tuple[Record, ...]

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the records."""
        return tuple(record.id for record in self.records)

    @property
    def name(self) -> str:
        """The cell in a sentence."""
        return formatting.plain(f"{self.part} on {self.backend}, {formatting.count(self.workers, 'worker')}")


def further_tables(study: Study, records: Sequence[Record], variants: Sequence[str]) -> Iterator[ReportTable]:
    """The tables that the study names and that the records have something for."""
    made: Mapping[str, Callable[[Sequence[StudyCell]], Iterator[ReportTable]]] = {
        "processes": _processes,
        "steps": _steps,
        "laws": _laws,
        "classes": _classes,
    }
    for table in study.tables:
        shown: set[tuple[str, ...]] = set()
        for variant in variants:
            cells = [cell for part in table.parts for cell in _cells(records, variant, part)]
            new = [cell for cell in cells if cell.ids not in shown] if table.kind in BY_CELL else cells
            shown |= {cell.ids for cell in cells}
            if new:
                yield from made[table.kind](new)


def _cells(records: Sequence[Record], variant: str, part: str) -> list[StudyCell]:
    found: dict[tuple[str, int], list[Record]] = {}
    for record in of_part(records, variant, part):
        if record.ok:
            found.setdefault((str(record.spec.get("backend")), int(record.spec.get("workers", 1))), []).append(record)
    ordered = sorted(found.items(), key=lambda item: (item[0][0] != BASE_LINE, item[0]))
    return [StudyCell(variant, part, backend, workers, tuple(own)) for (backend, workers), own in ordered]


def _table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]], names: int = 1, note: str = "") -> ReportTable:
    """A table of texts; the first `names` columns are names, the others numbers."""
    columns = [
        Column((head,), tuple(map(formatting.plain, texts)), is_number=place >= names)
        for place, (head, texts) in enumerate(zip(heads, zip(*rows, strict=True), strict=True))
    ]
    return ReportTable(title, tuple(columns), note=note)


def _processes(cells: Sequence[StudyCell]) -> Iterator[ReportTable]:
    rows = []
    for cell in cells:
        wall, cpu = (
            mean(values) for values in ((r.wall_s for r in cell.records), (r.resources.get("cpu_s") for r in cell.records))
        )
        rows.append(
            [
                cell.name,
                "whole run",
                formatting.format_number(wall),
                formatting.NOT_MEASURED,
                formatting.NOT_MEASURED,
                formatting.format_number(cpu),
            ]
        )
        for rank in range(cell.workers):
            own = [worker for record in cell.records for worker in record.per_worker if worker.get("rank") == rank]
            user, system = (mean(worker.get(f"cpu_{name}_s") for worker in own) for name in ("user", "system"))
            both = user + system if user is not None and system is not None else None
            rows.append(
                [cell.name, f"process {rank}", *map(formatting.format_number, (mean(map(_own_s, own)), user, system, both))]
            )
    note = "a process's own times count from the moment when all have started; those of the whole run with its launch and its end"
    heads = ("cell", "process", "real s", "user s", "system s", "user + system s")
    yield _table(f"Real, user and system time per process, {cells[0].variant}", heads, rows, 2, note)


def _own_s(worker: Mapping[str, Any]) -> float | None:
    """Seconds of a process from its first barrier to its end."""
    spans = [seconds for seconds in map(finite_or_none, worker.get("phases", {}).values()) if seconds is not None]
    return sum(spans) if spans else None


def _steps(cells: Sequence[StudyCell]) -> Iterator[ReportTable]:
    rows = []
    for cell in cells:
        for step, name in (("load", "split and place"), ("train", "fit")):
            if found := [usage for record in cell.records if (usage := _usage(record, step))]:
                time_s, percent, before, after = (mean(usage[place] for usage in found) for place in range(4))
                rows.append(
                    [
                        cell.name,
                        name,
                        formatting.format_number(time_s),
                        formatting.whole(percent),
                        formatting.size(before),
                        formatting.size(after),
                    ]
                )
    if rows:
        heads = ("cell", "step", "time s", "CPU %", "memory before", "memory after")
        note = f"CPU % of one core, over the whole process tree; a dash for steps shorter than {SHORTEST_S:g} s; memory is PSS"
        yield _table(f"Time, CPU % and memory before and after each step, {cells[0].variant}", heads, rows, 2, note)


def _usage(record: Record, step: str) -> tuple[float | None, float | None, float | None, float | None] | None:
    """Seconds, CPU % and bytes before and after of one step; None when the run did not look."""
    seen = {str(usage.get("after")): usage for usage in record.resolved.get("usage", ())}
    before, after = seen.get({"load": "launch", "train": "load"}[step]), seen.get(step)
    taken = finite_or_none(record.phases.get(f"{step}_s"))
    if before is None or after is None or taken is None:
        return None
    cpu_s = [finite_or_none(usage.get("cpu_s")) for usage in (before, after)]
    percent = (
        100 * (cpu_s[1] - cpu_s[0]) / taken if taken >= SHORTEST_S and cpu_s[0] is not None and cpu_s[1] is not None else None
    )
    return taken, percent, finite_or_none(before.get("pss_bytes")), finite_or_none(after.get("pss_bytes"))


def _laws(cells: Sequence[StudyCell]) -> Iterator[ReportTable]:
    rows = []
    for part in dict.fromkeys(cell.part for cell in cells):
        base = next((cell for cell in cells if cell.part == part and cell.backend == BASE_LINE), None)
        for cell in cells:
            found = promise(base.records, cell.records, cell.workers) if base and cell.part == part and cell is not base else None
            if found:
                numbers = (found.measured, found.amdahl, found.gustafson, found.serial_share, found.scaled_share)
                rows.append([cell.name, *map(formatting.format_number, numbers)])
    if rows:
        heads = ("cell", "measured", "Amdahl", "Gustafson", "share not spread, of one worker", "share not spread, of all workers")
        note = "speed-up of load, training and prediction over one process; the laws promise it if spreading itself costs nothing"
        yield _table(f"Speed-up beside Amdahl's and Gustafson's laws, {cells[0].variant}", heads, rows, 1, note)


def _classes(cells: Sequence[StudyCell]) -> Iterator[ReportTable]:
    for part in dict.fromkeys(cell.part for cell in cells):
        own = [cell for cell in cells if cell.part == part]
        # The members and the trees of an engine are those of one process: one table for each engine is enough.
        spread = [cell for cell in own if cell.backend != BASE_LINE] or own
        for backend in dict.fromkeys(cell.backend for cell in spread):
            cell = max((cell for cell in spread if cell.backend == backend), key=lambda cell: cell.workers)
            first = min(cell.records, key=lambda record: int(record.spec.get("seed", 0)))
            yield from _classified(f"{cell.name}, {cell.variant}, first launch", first.quality)


def _classified(name: str, quality: Mapping[str, Any]) -> Iterator[ReportTable]:
    """The confusion matrix and the classification report of one run."""
    report, matrix = quality.get("classification_report"), quality.get("confusion_matrix")
    if not isinstance(report, Mapping) or not isinstance(matrix, list) or not matrix:
        return
    classes = [str(label) for label in report if isinstance(report[label], Mapping) and not str(label).endswith(" avg")]
    if len(classes) == len(matrix):
        rows = [[label, *map(str, counts)] for label, counts in zip(classes, matrix, strict=True)]
        yield _table(f"Confusion matrix of {name}", ("true \\ predicted", *classes), rows)
    names = ("precision", "recall", "f1-score", "support")
    lines = [
        [str(label), *(formatting.format_number(finite_or_none(values.get(key))) for key in names)]
        for label, values in report.items()
        if isinstance(values, Mapping)
    ]
    if lines:
        yield _table(f"Classification report of {name}", ("class", *names), lines)
