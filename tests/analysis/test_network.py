"""Bandwidth and latency as people write them."""

from __future__ import annotations

import pytest

from manyhands.analysis.network import parse_network
from manyhands.errors import UsageError


@pytest.mark.parametrize(
    ("text", "alpha", "beta"),
    [
        ("25Gbps,20us", 20e-6, 8 / 25e9),
        ("20us,25Gbps", 20e-6, 8 / 25e9),
        (" 100 mbps , 1.5 ms ", 1.5e-3, 8e-8),
        ("8bps,0s", 0.0, 1.0),
        ("1Kbps,3µs", 3e-6, 8e-3),
    ],
)
def test_units_are_read(text: str, alpha: float, beta: float) -> None:
    link = parse_network(text)
    assert link.alpha.value == pytest.approx(alpha)
    assert link.beta.value == pytest.approx(beta)


@pytest.mark.parametrize(
    "text", ["", "25Gbps", "20us", "25GB,20us", "25,20", "25Gbps,20us,1", "0Gbps,1us", "-1Gbps,1us", "nanGbps,1us", "1us,2ms"]
)
def test_anything_else_is_one_line_that_says_what_is_allowed(text: str) -> None:
    with pytest.raises(UsageError, match="such as --network 25Gbps,20us") as error:
        parse_network(text)
    assert "\n" not in str(error.value)
