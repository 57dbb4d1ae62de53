"""Records -> the terminal: for every group of comparable records the answer and one table; with details, all tables and lines.

Columns that do not fit the width go on in a further table, so that no number is ever cut. Names and reasons are shown as plain
text: nothing in them is read as markup.
"""

from __future__ import annotations

import io
import os
import sys
import textwrap
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from manyhands.analysis.history.found import History
from manyhands.analysis.predict import Prediction
from manyhands.analysis.predictable import Family
from manyhands.analysis.scaling import Time
from manyhands.analysis.targets import QualityTarget
from manyhands.analysis.verdicts.error_rates import ErrorRates
from manyhands.analysis.verdicts.results import Comparison
from manyhands.record import Record
from manyhands.report import comparison, history, notes, prediction
from manyhands.report.columns import Column
from manyhands.report.formatting import NO_BREAK, together
from manyhands.report.group_view import GroupView, by_workload, group_views
from manyhands.report.monospace import GAP, LONGEST_NAME, heading, pack, rows, width
from manyhands.report.prediction import Found
from manyhands.report.study.terminal import study_lines
from manyhands.report.study.view import study_views

if TYPE_CHECKING:
    from rich.console import Console

PIPED_WIDTH = 120
"""Columns used when the output is no terminal and COLUMNS does not say."""
PHASES_CAPTION = "where the time went: mean seconds of each phase, and the split of train in %"
SHORTEST_NAME = 7
"""Signs that a column of names keeps when the others need its room."""


def terminal() -> Console:
    """A console on standard output: the terminal's width and colours (none with NO_COLOR), or plain text when piped."""
    from rich.console import Console

    piped = not sys.stdout.isatty() and not os.environ.get("COLUMNS")
    return Console(width=PIPED_WIDTH if piped else None, highlight=False, markup=False, emoji=False)


def to_text(records: Sequence[Record], time: Time = "train", target: QualityTarget | None = None) -> str:
    """All tables and lines as plain text, for a file."""
    return captured(lambda console: print_report(records, time=time, console=console, target=target, details=True))


def captured(show: Callable[[Console], None]) -> str:
    """The plain text that `show` prints."""
    from rich.console import Console

    console = Console(file=io.StringIO(), width=PIPED_WIDTH, color_system=None, highlight=False, markup=False, emoji=False)
    with console.capture() as capture:
        show(console)
    return capture.get()


def print_report(
    records: Sequence[Record],
    *,
    time: Time = "train",
    console: Console | None = None,
    target: QualityTarget | None = None,
    details: bool = False,
) -> None:
    """Prints the answer and a table for every group, with everything a reader must know under them; a line without records.

    `details`: also prints time, cost, phases, scaling laws, settings, machine and versions.
    """
    console = console or terminal()
    if not records:
        print_line(console, notes.NO_RECORDS)
        return
    for study in study_views(records):
        for text, style in study_lines(study, console.width):
            _print(console, [text], style)
    for siblings in by_workload(group_views(records, time, target)).values():
        for group in siblings:
            _print_group(console, group, details)
        for line in siblings[0].not_averaged:
            print_line(console, line, "yellow")
    console.print()
    measured = any(record.ok for record in records)
    if details:
        for line in dict.fromkeys(notes.machine(record) for record in records):
            print_line(console, line, "dim")
        print_line(console, notes.versions(records), "dim")
    if measured:
        print_line(console, notes.how_to_read(time) if details else notes.IN_SHORT, "dim")
    else:
        print_line(console, notes.NO_MEASURED_RUN, "yellow")


def print_predictions(predictions: Sequence[tuple[Family, Found]], console: Console | None = None) -> None:
    """Prints the table of every prediction, and below it what it rests on."""
    console = console or terminal()
    for family, found in predictions:
        console.print()
        print_line(console, prediction.title(family), "bold")
        if isinstance(found, Prediction) and found.forecasts:
            print_table(console, prediction.identity(found), [prediction.columns(found)])
            console.print()
        for line in prediction.lines(found):
            print_line(
                console, line, "dim" if line.startswith("assumed") else "bold" if line.startswith("validation") else "yellow"
            )


def print_comparison(found: Comparison, rates: ErrorRates | None, console: Console | None = None) -> None:
    """Prints the verdicts on two commits, and below them what they rest on."""
    console = console or terminal()
    console.print()
    print_line(console, comparison.title(found), "bold")
    if any(cell.judged for cell in found.cells):
        first, *others = comparison.columns(found)
        print_table(console, [first], [others])
        console.print()
    for line in comparison.lines(found, rates):
        print_line(console, line, "yellow" if line.startswith(("could not", "undecided")) else "dim")


def print_history(found: History, console: Console | None = None) -> None:
    """Prints the changes over commits, and below them what they rest on."""
    console = console or terminal()
    console.print()
    if found.changes:
        first, *others = history.columns(found)
        print_table(console, [first], [others])
        console.print()
    for line in history.lines(found):
        print_line(console, line, "yellow" if line.startswith("crept") else "dim")


def _print_group(console: Console, view: GroupView, details: bool) -> None:
    console.print()
    print_line(console, view.headline, "bold")
    for line in view.answer if details else view.advice.why:
        print_line(console, f"  {line}", indent="    ")
    for table in view.tables if details else view.tables[:1]:
        if table is view.phase_table:
            console.print()
            print_line(console, PHASES_CAPTION, "italic")
        print_table(console, table.identity, table.sections)
    if view.tables:
        console.print()
    for line in (*view.links, *(view.law_lines if details else ())):
        print_line(console, line)
    for line in view.stopped:
        print_line(console, line, "red" if line.startswith("failed") else "yellow")
    for line in view.cautions:
        print_line(console, line, "yellow")
    for line in view.facts if details else ():
        print_line(console, line, "dim")


def print_table(console: Console, identity: Sequence[Column], sections: Sequence[Sequence[Column]], gap: int = GAP) -> None:
    """Prints the columns, those of `identity` again in each part that fits the width. `gap`: spaces between two columns.

    A name that would make the table too wide goes on below, and columns move together, where that is enough to keep it in one part.
    """
    whole = [*identity, *(column for section in sections for column in section)]
    gap = next((one for one in (gap, 1) if _room(whole, one, SHORTEST_NAME) <= console.width), gap)
    too_wide = _room(whole, gap, LONGEST_NAME) - console.width
    longest = max(SHORTEST_NAME, min(LONGEST_NAME, max(map(width, identity)) - max(0, too_wide)))
    for part in pack(sections, console.width - sum(width(column, longest) + gap for column in identity), gap):
        shown = [*identity, *part]
        console.print()
        _print(console, heading(shown, longest, gap), "bold")
        _print(console, rows(shown, longest, gap))


def _room(columns: Sequence[Column], gap: int, longest_name: int) -> int:
    """Signs that a line of the columns needs."""
    return sum(width(column, longest_name) + gap for column in columns) - gap


def print_line(console: Console, text: str, style: str = "", indent: str = "  ") -> None:
    """Prints the text as it is, wrapped to the width; lines after the first begin with `indent`."""
    lines = textwrap.wrap(together(text), max(20, console.width), subsequent_indent=indent, break_on_hyphens=False)
    _print(console, [line.replace(NO_BREAK, " ") for line in lines], style)


def _print(console: Console, lines: Sequence[str], style: str = "") -> None:
    """The lines as they are, in one go: each call of the console costs about a millisecond."""
    if lines:
        console.print("\n".join(lines), style=style or None, markup=False, highlight=False, emoji=False, soft_wrap=True)
