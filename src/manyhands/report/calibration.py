"""Error rates -> lines: how often unchanged is called slower, how often a slow-down is found, and in what time."""

from __future__ import annotations

from manyhands.analysis.verdicts.error_rates import ErrorRates, Scenario, smallest_found
from manyhands.analysis.verdicts.other_tests import TESTS
from manyhands.analysis.verdicts.other_tools import RULES
from manyhands.report.columns import Column
from manyhands.report.monospace import heading, rows


def columns(rates: ErrorRates) -> list[Column]:
    """A row for every metric and slow-down."""
    order = {name: place for place, name in enumerate((*TESTS, *RULES))}
    found = sorted(
        rates.scenarios, key=lambda one: (one.live, one.metric != "time", order.get(one.test, len(order)), one.injected)
    )
    several = len({one.test for one in found}) > 1
    return [
        Column(("metric",), tuple(one.metric for one in found), is_number=False),
        Column(("launches",), tuple("live" if one.live else "drawn" for one in found), is_number=False),
        *([Column(("test",), tuple(one.test for one in found), is_number=False)] if several else []),
        Column(("slowed", "by"), tuple(f"{100 * one.injected:g} %" for one in found)),
        Column(("called slower", "[95 % interval]"), tuple(str(one.rate("worse")) for one in found)),
        *(Column((verdict,), tuple(_share(one, key) for one in found)) for verdict, key in OTHERS),
        Column(("middle", "pairs"), tuple(f"{one.pairs:g}" for one in found)),
        Column(("middle", "seconds"), tuple(f"{one.seconds:.0f}" for one in found)),
    ]


OTHERS = (("same", "same"), ("undecided", "undecided"), ("faster", "better"))


def to_lines(rates: ErrorRates) -> list[str]:
    """The table and what it says, for a terminal or a file."""
    shown = columns(rates)
    budget = rates.budget
    told = [
        f"{rates.cell}, {rates.launches} launches of {rates.code} on {rates.machine.get('cpu_model')}, {rates.machine.get('cores')} cores",
        f"alpha {budget.alpha:g} over {budget.verdicts} verdicts, effect {100 * budget.effect:g} %, at most {rates.max_time_s:g} s a cell",
        "",
        *heading(shown),
        *rows(shown),
        "",
    ]
    drawn = [one for one in rates.scenarios if not one.live and one.test == next(iter(TESTS))]
    for seconds in sorted({int(limit) for one in drawn for limit in one.within}):
        least = smallest_found(drawn, str(seconds))
        told.append(
            f"smallest slow-down of time found with a power of 80 % within {seconds} s: "
            + (f"{100 * least:g} %" if least else "none of these")
        )
    return told


def _share(scenario: Scenario, verdict: str) -> str:
    rate = scenario.rate(verdict)  # type: ignore[arg-type]
    return f"{100 * rate.share:.1f} %"
