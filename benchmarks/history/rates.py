"""How often asv and `manyhands history` find a slow-down in a history of commits, and how often they find one where nothing changed.

    python -m benchmarks.history.rates                                  # prints the tables of docs/results/history.md, in a minute
    python -m benchmarks.history.rates --write docs/results/history.md  # and writes them between the markers of the page

Histories of 12 commits are drawn from stored launches of unchanged programs; the epochs of the last six commits are made longer. The
launches of a history follow each other as they were made, from one commit to the next, so the drift of the machine is in it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from asv._stats import get_weight
from asv.step_detect import detect_regressions, detect_steps
from asv_runner.statistics import compute_stats
from benchmarks.history.pools import Draw, Floats, Histories, Size, beside, inside, lower_half, outside

from manyhands.analysis.history.change_points import change_points
from manyhands.analysis.history.series import CommitSeries, CommitValue

COMMITS = 12
"""Commits of a history; the later half is slower."""
FEWER = (8, 9, 10, 12, 16)
"""Commits of histories that show what `manyhands history` needs."""
THRESHOLD = 0.05
"""asv's own smallest regression."""
BEGIN, END = "<!-- rates -->", "<!-- end of rates -->"

Rule = Callable[[Floats, Floats], Floats]
"""(commits, launches, epochs) of the cell and (commits, launches, moments) of the yardstick -> the value of each commit."""


def fastest(seconds: Floats) -> Floats:
    return np.asarray(seconds.min(axis=-1))


def median(seconds: Floats) -> Floats:
    return np.asarray(np.median(seconds, axis=-1))


def mean(seconds: Floats) -> Floats:
    return np.asarray(seconds.mean(axis=-1))


class Row(NamedTuple):
    """A way to make the value of a commit, and the launches that it takes."""

    launches: int
    words: str
    rule: Rule


OUTSIDE = [
    Row(1, "mean epoch of one launch", lambda cell, _: mean(mean(cell))),
    Row(1, "fastest epoch of one launch", lambda cell, _: mean(fastest(cell))),
    Row(10, "median of 10 launches, in seconds", lambda cell, _: median(lower_half(cell))),
    Row(10, "faster half of 10 launches, in seconds", lambda cell, _: lower_half(fastest(cell))),
    Row(
        5,
        "5 + 5 in turn, fastest epoch of all over fastest",
        lambda cell, other: fastest(fastest(cell)) / fastest(fastest(other)),
    ),
    Row(10, "10 + 10 in turn, median over median", lambda cell, other: median(median(cell)) / median(median(other))),
    Row(
        10,
        "10 + 10 in turn, faster half of the launches over the same; of a launch the faster half of its epochs",
        lambda cell, other: lower_half(lower_half(cell)) / lower_half(lower_half(other)),
    ),
    Row(
        7,
        "7 + 7 in turn, faster half of the launches over the same; of a launch its fastest epoch",
        lambda cell, other: lower_half(fastest(cell)) / lower_half(fastest(other)),
    ),
    Row(
        10,
        "**10 + 10 in turn, faster half of the launches over the same; of a launch its fastest epoch**",
        lambda cell, other: lower_half(fastest(cell)) / lower_half(fastest(other)),
    ),
]


def ratios(cell: Floats, yardstick: Floats) -> Floats:
    """(commits, launches): the ratio of each launch, as `manyhands.analysis.yardstick.train_ratio` makes it."""
    return lower_half(cell) / lower_half(yardstick)


INSIDE = [
    Row(1, "mean epoch of one launch, in seconds", lambda cell, _: mean(mean(cell))),
    Row(10, "faster half of 10 launches, in seconds", lambda cell, _: lower_half(lower_half(cell))),
    Row(1, "ratio of one launch", lambda cell, beside: mean(ratios(cell, beside))),
    Row(10, "10 launches, fastest epoch over fastest yardstick, faster half", lambda c, y: lower_half(fastest(c) / fastest(y))),
    Row(10, "10 ratios, median", lambda cell, beside: median(ratios(cell, beside))),
    Row(10, "10 ratios, mean", lambda cell, beside: mean(ratios(cell, beside))),
    Row(5, "5 ratios, faster half", lambda cell, beside: lower_half(ratios(cell, beside))),
    Row(7, "7 ratios, faster half", lambda cell, beside: lower_half(ratios(cell, beside))),
    Row(10, "**10 ratios, faster half**", lambda cell, beside: lower_half(ratios(cell, beside))),
]

Finder = Callable[..., list[tuple[int, int]]]
"""Values of the commits -> (last commit before, first commit after) of every change that is reported."""


def by_asv(values: Sequence[float]) -> list[tuple[int, int]]:
    """The regressions that `asv publish` lists."""
    _, _, found = detect_regressions(detect_steps(list(values)), THRESHOLD)
    return [(before, after) for before, after, _, _ in found or ()]


def by_asv_from_samples(launches: Sequence[Sequence[float]]) -> list[tuple[int, int]]:
    """The same when asv gets the ratios of all launches of each commit: it takes their median, and weighs it by its interval."""
    made = [compute_stats(list(own), 1) for own in launches]
    steps = detect_steps([value for value, _ in made], [get_weight(stats) for _, stats in made])
    _, _, found = detect_regressions(steps, THRESHOLD)
    return [(before, after) for before, after, _, _ in found or ()]


def by_history(values: Sequence[float]) -> list[tuple[int, int]]:
    """The changes that `manyhands history` reports, those for the better too."""
    points = tuple(CommitValue(str(number), float(value)) for number, value in enumerate(values))
    return [(int(change.after), int(change.by)) for change in change_points(CommitSeries("benchmark", "", points))]


def rates(drawn: Histories, rule: Rule, find: Finder) -> str:
    """Percent of the histories in which + 10 % and + 20 % are found at their commit, and something where nothing changed.

    asv must name the right two neighbours; the range of commits that `manyhands history` gives must hold them.
    """
    first = len(drawn[0][0]) // 2

    def reports(slower: float) -> Iterator[list[tuple[int, int]]]:
        factors = [np.where(np.arange(len(cell)) < first, 1.0, 1.0 + slower)[:, None, None] for cell, _ in drawn]
        return (find(rule(cell * factor, yardstick).tolist()) for factor, (cell, yardstick) in zip(factors, drawn, strict=True))

    def is_right(report: Sequence[tuple[int, int]]) -> bool:
        if find is not by_history:
            return (first - 1, first) in report
        return any(before < first <= after for before, after in report)

    found = [100 * float(np.mean([is_right(report) for report in reports(slower)])) for slower in (0.1, 0.2)]
    alarms = 100 * float(np.mean([bool(report) for report in reports(0.0)]))
    return f"{found[0]:.0f} / {found[1]:.0f} ({alarms:.0f})"


def table(draws: Mapping[str, Draw], rows: Sequence[Row], find: Finder, count: int) -> Iterator[str]:
    """A row for every way to make a value, a column for every pool; `count` histories of each."""
    yield "| value of a commit | " + " | ".join(draws) + " |"
    yield "|---|" + "---|" * len(draws)
    for row in rows:
        yield (
            f"| {row.words} | "
            + " | ".join(rates(draw(Size(count, COMMITS, row.launches)), row.rule, find) for draw in draws.values())
            + " |"
        )


def tables(count: int) -> Iterator[str]:
    """All tables, in Markdown; `count`: histories of each pool."""
    for title, draws, rows in (
        ("A fixed program launched in turn", outside(), OUTSIDE),
        ("The yardstick inside each launch", inside(), INSIDE),
    ):
        for name, find in (("asv's step detection", by_asv), ("`manyhands history`", by_history)):
            yield from ("", f"### {title}: {name}", "")
            yield from table(draws, rows, find, count)
    samples = Row(10, "10 ratios, given to asv one by one", ratios)
    yield from ("", "### asv's own median, with weights", "")
    yield from table(inside(), [samples], by_asv_from_samples, count)
    yield from ("", "### `manyhands history` in shorter and longer histories", "")
    yield from ("| commits | " + " | ".join(inside()) + " |", "|---|" + "---|" * len(inside()))
    for commits in FEWER:
        size, row = Size(count, commits, 10), INSIDE[-1]
        yield f"| {commits} | " + " | ".join(rates(draw(size), row.rule, by_history) for draw in inside().values()) + " |"
    yield from ("", "### Inside or in turn", "")
    yield from scatter_table(count)


def scatter_table(count: int) -> Iterator[str]:
    """The scatter of the values of 12 unchanged commits of 10 launches: in seconds, over the yardstick inside, and over another cell
    launched in turn, of which the same number of launches at the same time is the fixed program."""
    yield "Standard deviation of the values of 12 unchanged commits, each the faster half of 10 launches, in percent:"
    yield ""
    names = [name for name in inside() if "serial" in name]
    yield "| cell | seconds | over the yardstick inside | " + " | ".join(f"in turn with {name}" for name in names) + " |"
    yield "|---|---|---|" + "---|" * len(names)
    size = Size(count, COMMITS, 10)
    for cell, (own, draws) in beside().items():
        rules = [lambda mine, _: lower_half(lower_half(mine)), lambda mine, other: lower_half(ratios(mine, other))]
        in_turn = Row(10, "", lambda mine, other: lower_half(lower_half(mine)) / lower_half(lower_half(other)))
        cells = [scatter(own(size), rules[0]), scatter(own(size), rules[1]) if cell in inside() else "-"]
        cells += [scatter(draws[name](size), in_turn.rule) if name in draws else "-" for name in names]
        yield f"| {cell} | " + " | ".join(cells) + " |"


def scatter(drawn: Histories, rule: Rule) -> str:
    """The standard deviation of the logarithm of a history's values, the mean over the histories, in percent."""
    return f"{100 * float(np.mean([np.std(np.log(rule(cell, other))) for cell, other in drawn])):.1f}"


def write(page: Path, text: str) -> None:
    """Puts the tables between the markers of the page."""
    before, _, rest = page.read_text().partition(BEGIN)
    page.write_text(f"{before}{BEGIN}\n{text}\n\n{END}{rest.partition(END)[2]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--histories", type=int, default=100, help="drawn from each pool (default: %(default)s)")
    parser.add_argument("--write", type=Path, metavar="PAGE")
    options = parser.parse_args()
    text = "\n".join(tables(options.histories))
    print(text)
    if options.write:
        write(options.write, text)


if __name__ == "__main__":
    main()
