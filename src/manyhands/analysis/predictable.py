"""Records -> the input of a prediction: the cells of a backend that trained a network, and the measured link between workers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from manyhands.analysis.calibration import Job, job_of
from manyhands.analysis.cells import Cell, Group, group_records
from manyhands.analysis.exchange import Link, fit_link, points
from manyhands.record import BASE_LINE, EVERY_STEP, Record


@dataclass(frozen=True)
class Network:
    """The link between workers, and a text with its source."""

    link: Link
    source: str
    measured: bool = False


@dataclass(frozen=True)
class Family:
    """The cells of one backend that differ only in their worker count."""

    group: Group
    backend: str
    threads: int
    variant: str
    cells: tuple[Cell, ...]
    job: Job


def families(records: Sequence[Record]) -> list[Family]:
    """Every backend of every group that trained a network; `serial` is included only when no other backend was measured."""
    return [family for group in group_records(records) for family in _families(group)]


def network_of(family: Family, records: Sequence[Record]) -> Network | None:
    """The link that runs of `collective` measured on the family's machine and device; None without such runs.

    Runs on the family's own backend are preferred; otherwise the first backend with such runs counts.
    """
    near = [
        record
        for group in group_records(records)
        for record in group.measured
        if points([record])
        and record.machine.get("host") == family.cells[0].measured[0].machine.get("host")
        and str(record.spec.get("device")) == family.group.conditions.get("device")
    ]
    backends = sorted({str(record.spec.get("backend")) for record in near}, key=lambda name: (name != family.backend, name))
    for backend in backends:
        chosen = [record for record in near if record.spec.get("backend") == backend]
        link = fit_link(points(chosen))
        if isinstance(link, Link):
            counts = sorted({int(record.spec.get("workers", 1)) for record in chosen})
            return Network(link, f"measured by collective on {backend} with {listed(counts)} workers, fitted as a ring's", True)
    return None


def _families(group: Group) -> list[Family]:
    found: dict[tuple[str, int, str], list[Cell]] = {}
    for cell in group.cells:
        if cell.measured and job_of(cell.measured[0]) and cell.measured[0].spec.get("sync", EVERY_STEP) == EVERY_STEP:
            variant = ", ".join(
                part for part in cell.variant.split(", ") if part != EVERY_STEP
            )  # that of one worker has no such part
            found.setdefault((cell.backend, cell.threads, variant), []).append(cell)
    others = [key for key in found if key[0] != BASE_LINE]
    return [
        Family(group, *key, tuple(sorted(cells, key=lambda cell: cell.workers)), job)
        for key, cells in found.items()
        if (not others or key in others) and (job := job_of(cells[0].measured[0]))
    ]


def listed(counts: Sequence[int]) -> str:
    """Worker counts as text, separated by commas."""
    return ", ".join(map(str, counts))
