"""Message sizes, and which cells can have no exchange."""

from __future__ import annotations

import pytest

from manyhands.errors import UsageError
from manyhands.plan import RunSpec
from manyhands.run import refusal
from manyhands.workloads.collective import AllReduce


@pytest.mark.parametrize(
    ("largest", "sizes"), [(1, [1]), (10, [1, 10]), (2500, [1, 10, 100, 1000, 2500]), (100_000_000, [10**n for n in range(9)])]
)
def test_sizes_are_decades_up_to_the_largest(largest: int, sizes: list[int]) -> None:
    assert AllReduce(largest=largest).sizes() == sizes


@pytest.mark.parametrize("settings", [{"largest": "0"}, {"repetitions": "0"}, {"warmup": "-1"}])
def test_impossible_setting_is_refused(settings: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="is not a whole number of"):
        AllReduce.from_settings(settings)


def test_who_is_alone_has_nobody_to_exchange_with() -> None:
    assert refusal(RunSpec(workload="collective", backend="serial")) == (
        "serial offers no collective workloads: one process has no other process to exchange data with"
    )


def test_one_worker_is_refused_with_what_to_do(torch: object) -> None:
    reason = refusal(RunSpec(workload="collective", backend="ddp", workers=1))
    assert reason == "collective needs 2 workers or more, has 1; use --workers 2"
