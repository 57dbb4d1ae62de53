"""`Compared`: the verdicts on two commits, to read, to print, and as a table of pandas."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from manyhands.analysis.verdicts.error_rates import ErrorRates
from manyhands.analysis.verdicts.results import CellResult, Comparison
from manyhands.report import comparison

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, repr=False)
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
    def ok(self) -> bool:
        """True when every verdict was made and nothing is slower."""
        return self.exit_code == 0

    @property
    def slower(self) -> list[str]:
        """Labels of the cells that became worse in any metric; empty too when nothing could be judged, see `ok`."""
        return [cell.label for cell in self if any(one.judgement.verdict == "worse" for one in cell.judged)]

    def frame(self) -> pd.DataFrame:
        """One row for each metric of each cell: `cell`, `metric`, `base`, `head` (medians; seconds, bytes, or the quality as an
        error), `ratio` (HEAD over BASE, above 1 is worse), `ratio_low` and `ratio_high` (its 95 % interval; NaN below 6 pairs),
        `pairs`, `verdict` (such as slower, faster, same, undecided)."""
        from manyhands.report.frames import comparison_frame

        return comparison_frame(self.comparison)

    def to_markdown(self) -> str:
        """The summary as Markdown."""
        return comparison.to_markdown(self.comparison, self.rates)

    def to_json(self) -> str:
        """Everything, with every launch, as JSON."""
        return comparison.to_json(self.comparison, self.rates)

    def __str__(self) -> str:
        from manyhands.report.terminal import captured, print_comparison

        return captured(lambda console: print_comparison(self.comparison, self.rates, console)).strip("\n")

    def __repr__(self) -> str:
        found = ", ".join(f"{cell.label} {comparison.verdict(one)} in {one.metric}" for cell in self for one in cell.judged)
        return f"<Compared {comparison.title(self.comparison)}: {found or 'nothing could be judged'}>"

    def _repr_html_(self) -> str:
        from manyhands.report.notebook import comparison_html

        return comparison_html(self.comparison, self.rates)
