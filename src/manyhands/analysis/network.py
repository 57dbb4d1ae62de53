"""`25Gbps,20us` -> a link: its bandwidth in bits a second, and its latency, the time until a first bit arrives."""

from __future__ import annotations

import re

from manyhands.analysis.exchange import Link
from manyhands.analysis.spread import Estimate
from manyhands.errors import UsageError

BITS_PER_S = {"bps": 1.0, "kbps": 1e3, "mbps": 1e6, "gbps": 1e9, "tbps": 1e12}
SECONDS = {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0}
NUMBER_AND_UNIT = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([a-zµ]+)\s*")


def parse_network(text: str) -> Link:
    """The link with a bandwidth and a latency, given in either order; raises UsageError for any other text."""
    bandwidth = latency = None
    parts = [NUMBER_AND_UNIT.fullmatch(part) for part in text.lower().replace("\u03bc", "µ").split(",")]
    for part in parts:
        if part and part[2] in BITS_PER_S:
            bandwidth = float(part[1]) * BITS_PER_S[part[2]]
        elif part and part[2] in SECONDS:
            latency = float(part[1]) * SECONDS[part[2]]
    if len(parts) != 2 or not bandwidth or latency is None:
        raise UsageError(
            f"--network {text!r} is not a bandwidth above 0 and a latency; give both with their units, bits in bps, Kbps, Mbps or Gbps"
            " and time in us, ms or s, such as --network 25Gbps,20us"
        )
    return Link(Estimate(latency, None, None), Estimate(8 / bandwidth, None, None))
