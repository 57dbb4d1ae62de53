"""The all-reduce loop: what ranks contribute, how sums are checked, whose time counts."""

from __future__ import annotations

import copy
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from manyhands.backends.ranks.collective import BLOCK, PERIOD, fill, holds_sum  # noqa: E402
from manyhands.backends.ranks.fit import collective_fit  # noqa: E402
from manyhands.errors import EngineError  # noqa: E402
from manyhands.plan import RunSpec  # noqa: E402

SPEC = RunSpec(workload="collective", backend="ddp", workers=2, batch="per-worker", settings={"largest": 2000}, timeout_s=100)


def summed(size: int, ranks: int) -> Any:
    """The result of an all-reduce of all ranks' messages."""
    total = torch.zeros(size)
    for rank in range(ranks):
        message = torch.zeros(size)
        fill(message, pattern(), rank)
        total += message
    return total


def pattern() -> Any:
    return (torch.arange(BLOCK) % PERIOD).to(torch.float32)


@pytest.mark.parametrize("size", [1, PERIOD, BLOCK, BLOCK + 7])
@pytest.mark.parametrize("ranks", [2, 5])
def test_the_sum_of_all_ranks_is_right_and_any_other_is_not(size: int, ranks: int) -> None:
    total = summed(size, ranks)
    assert holds_sum(total, pattern(), ranks)
    assert not holds_sum(summed(size, ranks - 1), pattern(), ranks)
    total[size // 2] += 1
    assert not holds_sum(total, pattern(), ranks)


def test_parts_that_changed_places_are_noticed() -> None:
    assert not holds_sum(summed(100, 2).roll(50), pattern(), 2)


def reports() -> list[dict[str, Any]]:
    sizes = [[{"elements": 1, "seconds": [1.0, 4.0], "right": True}], [{"elements": 1, "seconds": [2.0, 3.0], "right": True}]]
    return [{"host": "h", "rank": rank, "all_reduce": own, "resolved": {"group": "gloo"}} for rank, own in enumerate(sizes)]


def test_the_slowest_worker_of_every_repetition_counts() -> None:
    fit = collective_fit(reports()[::-1], SPEC)
    assert fit.resolved["all_reduce"] == [{"elements": 1, "bytes": 4, "seconds": [2.0, 4.0]}]
    assert fit.quality["bus_bandwidth_gb_per_s"] == pytest.approx(4 / 3.0 * 2 * (2 - 1) / 2 / 1e9)
    assert [(worker.all_reduce or [])[0]["seconds"] for worker in fit.workers] == [[1.0, 4.0], [2.0, 3.0]]


def test_a_wrong_sum_or_a_missing_worker_fails_the_run() -> None:
    wrong = copy.deepcopy(reports())
    wrong[1]["all_reduce"][0]["right"] = False
    with pytest.raises(EngineError, match="ddp summed 1 elements wrongly on worker 1"):
        collective_fit(wrong, SPEC)
    with pytest.raises(EngineError, match=r"asked for 2 workers and returned ranks \[0\]"):
        collective_fit(reports()[:1], SPEC)
