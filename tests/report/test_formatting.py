from __future__ import annotations

import pytest

from manyhands.analysis.spread import LaunchSpread
from manyhands.report import formatting


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, formatting.NOT_MEASURED),
        (0.0, "0.00"),
        (1234.5, "1234"),
        (12.34, "12.3"),
        (1.234, "1.23"),
        (0.0123, "0.012"),
        (1e-5, "0.000010"),
    ],
)
def test_figures_have_about_three_digits(value: float | None, text: str) -> None:
    assert formatting.format_number(value) == text


def test_mean_and_deviation_share_their_decimals_and_a_small_deviation_is_seen() -> None:
    assert formatting.mean_and_sd(LaunchSpread(3, 12.34, 0.456, 12.0)) == "12.3 ± 0.5"
    assert formatting.mean_and_sd(LaunchSpread(3, 0.153, 0.004, 0.15)) == "0.153 ± 0.004"
    assert formatting.mean_and_sd(LaunchSpread(3, 151.0, 0.31, 151.0)) == "151.0 ± 0.3"
    assert formatting.mean_and_sd(LaunchSpread(1, 12.34, None, 12.34)) == "12.3"


def test_quality_shows_its_spread_where_it_has_one() -> None:
    assert formatting.score(LaunchSpread(2, 0.97, 0.0, 0.97)) == "0.9700"
    assert formatting.score(LaunchSpread(2, 0.97, 0.001, 0.97)) == "0.9700 ± 0.0010"
    assert formatting.metric("naive_mape_percent") == "naive MAPE %"


def test_text_of_others_stays_on_one_line_without_control_characters() -> None:
    assert formatting.plain("a\nb\x1b[2J\u202ec\t d") == "a b [2J c d"


def test_numbers_and_their_units_and_intervals_are_not_broken_over_lines() -> None:
    text = "Train is 1.87 x as fast [1.57, 2.22], 51 % of ddp x 2"
    assert formatting.together(text).replace(formatting.NO_BREAK, "~") == "Train is 1.87~x as fast [1.57,~2.22], 51~% of ddp~x~2"
