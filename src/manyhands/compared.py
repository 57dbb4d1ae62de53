"""`Compared`: the verdicts on two commits, to read, to print, and as a table of pandas."""

from __future__ import annotations

import html
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from manyhands.analysis.verdicts.error_rates import ErrorRates
from manyhands.analysis.verdicts.results import CellResult, Comparison
from manyhands.report import comparison

if TYPE_CHECKING:
    import pandas as pd

    from manyhands.report.columns import Column


@dataclass(frozen=True)
class Compared:
    """The result of `manyhands.compare`. `print` shows the table that `manyhands compare` prints."""

    comparison: Comparison
    rates: ErrorRates | None = None
    """Error rates of such verdicts on this machine, from `manyhands calibrate`; None when they were not measured."""

    def __iter__(self) -> Iterator[CellResult]:
        return iter(self.comparison.cells)

    @property
    def exit_code(self) -> int:
        """0 nothing is slower, 1 something is slower, 3 something is undecided, 4 something could not be measured."""
        return self.comparison.exit_code

    @property
    def slower(self) -> list[str]:
        """Labels of the cells that became worse in any metric."""
        return [cell.label for cell in self if any(one.judgement.verdict == "worse" for one in cell.judged)]

    def frame(self) -> pd.DataFrame:
        """One row for each metric of each cell: `cell`, `metric`, `base`, `head` (medians; seconds, bytes, or quality as an error),
        `ratio` (HEAD over BASE), `low` and `high` (its 95 % interval), `pairs`, `verdict` (slower, faster, same, undecided, ...)."""
        import pandas as pd

        rows = [
            (
                cell.label,
                one.metric,
                one.base,
                one.head,
                one.judgement.ratio,
                one.judgement.low,
                one.judgement.high,
                one.judgement.pairs,
                comparison.verdict(one),
            )
            for cell in self
            for one in cell.judged
        ]
        names = ("cell", "metric", "base", "head", "ratio", "low", "high", "pairs", "verdict")
        return pd.DataFrame(rows, columns=names)

    def to_markdown(self) -> str:
        """The summary as Markdown."""
        return comparison.to_markdown(self.comparison, self.rates)

    def to_json(self) -> str:
        """Everything, with every launch, as JSON."""
        return comparison.to_json(self.comparison, self.rates)

    def __str__(self) -> str:
        from manyhands.report.terminal import captured, print_comparison

        return captured(lambda console: print_comparison(self.comparison, self.rates, console))

    def _repr_html_(self) -> str:
        columns = comparison.columns(self.comparison)
        lines = "".join(f"<p>{html.escape(line)}</p>" for line in comparison.lines(self.comparison, self.rates))
        return f"<p><b>{html.escape(comparison.title(self.comparison))}</b></p>{html_table(columns)}{lines}"


def html_table(columns: list[Column]) -> str:
    """The columns as a plain table of HTML."""
    head = "".join(f"<th>{html.escape(column.title)}</th>" for column in columns)
    rows = ("".join(f"<td>{html.escape(text)}</td>" for text in row) for row in zip(*(c.texts for c in columns), strict=True))
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(f'<tr>{row}</tr>' for row in rows)}</tbody></table>"
