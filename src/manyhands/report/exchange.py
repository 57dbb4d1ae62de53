"""A group of kind `collective` -> the columns of its table, a line about alpha and beta for every cell, and what to use."""

from __future__ import annotations

from collections.abc import Sequence

from manyhands.analysis.cells import Cell, Group
from manyhands.analysis.exchange import Link, Message, fit_link, messages, points
from manyhands.analysis.fit import NotIdentifiable
from manyhands.analysis.spread import Estimate
from manyhands.report import formatting
from manyhands.report.advice import NONE, OPEN, SURE, UNSURE, Advice
from manyhands.report.columns import Column

HOW_TO_READ = (
    "algbw is bytes over the slowest worker's time, busbw is algbw x 2 (n - 1) / n for n workers (nccl-tests); a ring's time is"
    " 2 (n - 1) alpha + 2 (n - 1) / n x bytes x beta, fitted to all sizes"
)


def identity(group: Group) -> list[Column]:
    """The columns that name the cell and the message of a row."""
    cells = [(cell, message) for cell in group.cells for message in messages(cell)]
    return [
        Column(("backend",), tuple(formatting.name(cell) for cell, _ in cells), is_number=False),
        Column(("workers",), tuple(str(cell.workers) for cell, _ in cells)),
        Column(("threads",), tuple(str(cell.threads) for cell, _ in cells)),
        Column(("elements",), tuple(str(message.elements) for _, message in cells)),
    ]


def bandwidths(group: Group) -> list[Column]:
    """Time and bandwidth of every message."""
    rows = [message for cell in group.cells for message in messages(cell)]
    return [
        Column(("message",), tuple(data(row.bytes) for row in rows)),
        Column(("runs",), tuple(str(row.seconds.count) for row in rows)),
        Column(("time", "mean ± sd"), tuple(_time(row) for row in rows)),
        Column(("algbw", "GB/s"), tuple(formatting.format_number(row.algbw / 1e9) for row in rows)),
        Column(("busbw", "GB/s"), tuple(formatting.format_number(row.busbw / 1e9) for row in rows)),
    ]


def links(group: Group) -> list[str]:
    """A line for every measured cell: its alpha and beta, or why there are none."""
    return [
        formatting.plain(f"{formatting.full_name(cell)}: {_link(fit_link(points(cell.measured)))}")
        for cell in group.cells
        if cell.measured
    ]


def advice(group: Group) -> Advice:
    """The cell that moves the largest message fastest, and whether the intervals of beta tell it from the others."""
    measured = [(cell, messages(cell)[-1]) for cell in group.cells if messages(cell)]
    if not measured:
        return Advice("Nothing was measured", NONE, ("Every run failed or was skipped; the reasons are below.",))
    best, message = max(measured, key=lambda pair: (pair[1].bytes, pair[1].busbw))
    why = f"{data(message.bytes)} take it {_time(message)}, {formatting.format_number(message.busbw / 1e9)} GB/s on the bus."
    link = f"It comes to {_link(fit_link(points(best.measured)))}."
    if len(measured) < 2:
        return Advice(f"One exchange was measured: {formatting.full_name(best)}", NONE, (why, link))
    return Advice(f"Fastest exchange: {formatting.full_name(best)}", _sureness(best, [cell for cell, _ in measured]), (why, link))


def data(size: float) -> str:
    """Bytes in B, kB or MB (powers of 1000)."""
    unit, factor = ("MB", 1e6) if size >= 1e6 else ("kB", 1e3) if size >= 1e3 else ("B", 1.0)
    return f"{size / factor:.4g} {unit}"


def microseconds(value: Estimate) -> str:
    """An estimate of seconds, in microseconds with its interval."""
    return f"{_scaled(value, 1e6)} µs"


def nanoseconds(value: Estimate) -> str:
    """An estimate of seconds a byte, in nanoseconds with its interval, and the bandwidth that it comes to."""
    return f"{_scaled(value, 1e9)} ns a byte ({formatting.format_number(1e-9 / value.value)} GB/s)"


def _scaled(value: Estimate, factor: float) -> str:
    if value.low is None or value.high is None:
        return formatting.format_number(value.value * factor)
    return f"{formatting.format_number(value.value * factor)} [{formatting.format_number(value.low * factor)}, {formatting.format_number(value.high * factor)}]"


def _link(found: Link | NotIdentifiable) -> str:
    if isinstance(found, NotIdentifiable):
        return f"alpha and beta {found}"
    return f"alpha {microseconds(found.alpha)} a step, beta {nanoseconds(found.beta)}"


def _time(row: Message) -> str:
    """Mean and deviation over launches in ms, or µs below one."""
    unit, factor = ("ms", 1e3) if row.seconds.mean >= 1e-3 else ("µs", 1e6)
    sd = (
        f" ± {formatting.format_number(row.seconds.sd * factor, like=row.seconds.mean * factor)}"
        if row.seconds.sd is not None
        else ""
    )
    return f"{formatting.format_number(row.seconds.mean * factor)}{sd} {unit}"


def _sureness(best: Cell, cells: Sequence[Cell]) -> str:
    found = {id(cell): fit_link(points(cell.measured)) for cell in cells}
    betas = {key: link.beta for key, link in found.items() if isinstance(link, Link)}
    own = betas.pop(id(best), None)
    if own is None or own.high is None or len(betas) < len(cells) - 1:
        return UNSURE
    return SURE if all(other.low is not None and own.high < other.low for other in betas.values()) else OPEN
