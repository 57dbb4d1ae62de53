"""Changes over commits -> lines and tables; as text, Markdown or JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from statistics import median

from manyhands.analysis.history.change_points import FEWEST, ChangePoint
from manyhands.analysis.history.found import History
from manyhands.report import formatting
from manyhands.report.columns import Column
from manyhands.report.markdown_text import bullets, table


def columns(found: History) -> list[Column]:
    """A row for every change, the largest first."""
    rows = sorted(found.changes, key=lambda change: -abs(change.shift.ratio - 1))
    return [
        Column(("benchmark",), tuple(change.series for change in rows), is_number=False),
        Column(("commits",), tuple(f"{change.after[:10]}..{change.by[:10]}" for change in rows)),
        Column(("after / before", "[95 % interval]"), tuple(_ratio(change) for change in rows)),
        Column(("confi-", "dence"), tuple(confidence(change.shift.confidence) for change in rows)),
        Column(("scatter of", "launches"), tuple(scatter(found, change.series) for change in rows)),
    ]


def scatter(found: History, name: str) -> str:
    """The scatter of the launches of a commit in percent, the median over the commits of the series; `-` where it is not known."""
    known = [point.scatter for one in found.series if one.name == name for point in one.points if point.scatter is not None]
    return f"{100 * median(known):.1f} %" if known else "-"


def confidence(value: float) -> str:
    """A confidence in percent, never rounded up to certainty."""
    return f"{100 * value:.1f} %" if value < 0.999 else "> 99.9 %"


def lines(found: History) -> list[str]:
    """The lines below the table."""
    lengths = [len(one.points) for one in found.series]
    told = [
        f"{formatting.count(len(found.series), 'benchmark')} over {min(lengths, default=0)} to {max(lengths, default=0)} commits,"
        f" {formatting.count(len(found.changes), 'change')}"
    ]
    told += [
        f"crept: {one.series}: {100 * (one.shift.ratio - 1):+.1f} % since release {one.release}, over {one.commits} commits"
        for one in found.crept
    ]
    if found.drifts and not found.crept:
        told.append(f"no benchmark is surely more than {100 * found.effect:g} % above the last release")
    if not found.drifts:
        told.append(
            "drift since a release: not known, no tag is among the measured commits, or too few were measured on one side of it"
        )
    if found.left_out:
        told.append(
            f"left out: {formatting.count(found.left_out, 'value')} of another version of a benchmark, such as another yardstick or"
            " other numbers of rows or launches"
        )
    short = sum(length < FEWEST for length in lengths)
    if short:
        told.append(f"{formatting.count(short, 'benchmark')} with fewer than {FEWEST} commits: too few to look for changes")
    told.append(
        "a change is reported when kernel change point detection and PELT agree on it within one commit; its confidence is that of a rank test,"
        " corrected for all changes together"
    )
    return [formatting.plain(line) for line in told]


def to_markdown(found: History) -> str:
    """A heading, the table and the lines."""
    return "\n\n".join(blocks(found)) + "\n"


def blocks(found: History) -> list[str]:
    """The same as parts of a larger page."""
    return ["### Speed over commits", *([table(columns(found))] if found.changes else []), bullets(lines(found))]


def to_json(found: History) -> str:
    """One object with `series`, `changes`, `drifts` and `effect`; units are those of the benchmarks."""
    return json.dumps(asdict(found), ensure_ascii=False, indent=1) + "\n"


def _ratio(change: ChangePoint) -> str:
    known = change.shift
    return f"{known.ratio:.3f}" + (
        f" [{known.low:.3f}, {known.high:.3f}]" if known.low is not None and known.high is not None else ""
    )
