"""Which runs may share a started engine, and which blocks follow those of the plan."""

import json
from collections.abc import Sequence
from io import StringIO
from itertools import islice
from pathlib import Path

import pytest

from manyhands.apart import Reporter, replay
from manyhands.plan import RunSpec
from manyhands.planning.plan import make_plan
from manyhands.planning.request import Request
from manyhands.session import LocalSession, shares_engine
from manyhands.watcher import Watcher

FIRST = {"workload": "kmeans", "backend": "dask", "workers": 2, "batch": "per-worker", "reuse_engine": True}
LIMITED = FIRST | {"memory_limit": 10**9}


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        (FIRST, FIRST | {"workers": 1, "workload": "search"}, True),
        (FIRST, FIRST | {"threads": 2}, False),
        (FIRST, FIRST | {"backend": "spark"}, False),
        (FIRST | {"reuse_engine": False}, FIRST | {"reuse_engine": False}, False),
        (LIMITED, LIMITED | {"repeat": 1}, True),
        (LIMITED, LIMITED | {"workers": 1}, False),
        (LIMITED, LIMITED | {"memory_limit": 2 * 10**9}, False),
        (LIMITED, FIRST, False),
    ],
)
def test_runs_share_an_engine_that_would_be_started_alike_for_each(one, other, together):  # type: ignore[no-untyped-def]
    assert shares_engine(RunSpec(**other), RunSpec(**one)) == together


def test_runs_that_join_a_plan_are_known_in_the_asking_process() -> None:
    events, met = StringIO(), list[RunSpec]()

    class Follower(Watcher):
        def adds(self, runs: Sequence[RunSpec]) -> None:
            met.extend(runs)

    added = [RunSpec(**FIRST), RunSpec(**FIRST, repeat=1)]
    Reporter(events).adds(added)
    replay(*json.loads(events.getvalue()), Follower())
    assert met == added


def test_what_a_plan_aims_at_is_known_in_the_asking_process() -> None:
    events, met = StringIO(), list[object]()

    class Follower(Watcher):
        def aims(self, question: str, time_s: float | None, cuts: bool) -> None:
            met.extend([question, time_s, cuts])

    Reporter(events).aims("winner", 165.0, True)
    replay(*json.loads(events.getvalue()), Follower())
    assert met == ["winner", 165.0, True]


@pytest.mark.slow
def test_blocks_follow_the_plan_and_every_record_says_why(tmp_path: Path) -> None:
    """The width is out of reach, so blocks are added until the session is left; then the file goes on from there."""
    options = {"backend": "serial,joblib", "workers": 1, "samples": 256, "repeats": 1, "until": 0.0001}
    plan = make_plan(Request.of("ensemble", **options))
    records = list(islice(LocalSession(plan, tmp_path / "r.jsonl"), 5))
    assert [record.status for record in records] == ["ok"] * 5, [record.reason for record in records]
    assert [record.plan["why"] for record in records] == ["least"] * 2 + ["open: 0.01%"] * 3
    assert [record.plan["position"] for record in records] == list(range(5))
    assert [record.spec["repeat"] for record in records] == [0, 0, 1, 1, 2]
    assert {record.spec["backend"] for record in records[2:4]} == {"serial", "joblib"}
    resumed = LocalSession(plan, tmp_path / "r.jsonl", resume=True)
    assert resumed.blocks.todo == []
    (further,) = islice(resumed, 1)
    assert (further.plan["why"], further.spec["repeat"]) == ("open: 0.01%", 3)
