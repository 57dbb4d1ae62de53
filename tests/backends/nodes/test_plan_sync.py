"""The nodes of a plan agree on the next run; node 0 and node 1 are two threads here."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

pytest.importorskip("torch", reason="needs torch: pip install 'manyhands[torch]'")

from manyhands.backends.nodes.node_store import run_name, serve
from manyhands.backends.nodes.plan_sync import PlanFollower, PlanLeader
from manyhands.errors import EngineError, UsageError
from manyhands.plan import RunSpec

HERE = "127.0.0.1"


@pytest.fixture
def plan() -> list[RunSpec]:
    """Three repeats of one cell, as node 0 has them."""
    with socket.socket() as free:
        free.bind((HERE, 0))
        address = f"{HERE}:{free.getsockname()[1]}"
    cell = RunSpec(workload="rnn", backend="ddp", workers=2, nodes=2, address=address, timeout_s=12)
    return [replace(cell, repeat=repeat) for repeat in range(3)]


def on_node_one(runs: Sequence[RunSpec]) -> list[RunSpec]:
    return [replace(run, node_rank=1) for run in runs]


def lead(leader: PlanLeader, runs: Sequence[RunSpec]) -> list[str]:
    """For each run "made", or the reason why node 0 did not make it."""
    made = []
    for run in runs:
        try:
            leader(run)
            made.append("made")
        except EngineError as error:
            made.append(str(error))
    return made


def follow(follower: PlanFollower) -> list[RunSpec]:
    return list(iter(follower.next, None))  # type: ignore[arg-type]


def why_not(follower: PlanFollower) -> str:
    with pytest.raises(EngineError) as raised:
        follower.next()
    return str(raised.value)


def together(first: Callable[[], Any], second: Callable[[], Any]) -> tuple[Any, Any]:
    with ThreadPoolExecutor(2) as threads:
        one, two = threads.submit(first), threads.submit(second)
        return one.result(60), two.result(60)


def test_node_one_makes_what_node_zero_has_left_to_make(plan: list[RunSpec]) -> None:
    left = [plan[2], plan[0]]  # --resume has left one out
    notices: list[str] = []
    made, followed = together(
        lambda: lead(PlanLeader(left, notices.append), left), lambda: follow(PlanFollower(on_node_one(plan), [], between_s=0))
    )
    assert made == ["made", "made"]
    assert followed == on_node_one(left)
    assert not notices or notices == [f"waiting for the other nodes at {plan[0].address}"]


def test_run_that_a_node_cannot_make_is_a_failure_with_its_reason_and_the_others_go_on(plan: list[RunSpec]) -> None:
    mine = on_node_one(plan)
    made, followed = together(
        lambda: lead(PlanLeader(plan, print), plan),
        lambda: follow(PlanFollower([mine[0], mine[2]], [(mine[1], "no lightning here")])),
    )
    assert made[::2] == ["made", "made"]
    assert made[1].startswith("no lightning here (on ")
    assert followed == [mine[0], mine[2]]


def test_node_that_did_not_connect_is_not_waited_for_again(plan: list[RunSpec]) -> None:
    quick = [replace(run, timeout_s=2) for run in plan]
    reasons = lead(PlanLeader(quick, print), quick)
    assert f"node 1 of 2 did not connect to {plan[0].address} in time" in reasons[0]
    assert all(reason.startswith("not run, because an earlier run failed: node 1 of 2 did not connect") for reason in reasons[1:])


def test_second_machine_with_the_same_rank_is_refused(plan: list[RunSpec]) -> None:
    store = serve(plan[0])
    store.set("next", run_name(plan[0]))
    store.set("ready-1", "gamma, process 7")
    with pytest.raises(UsageError, match="--node-rank 1 is taken by gamma, process 7; give each machine its own, 0 to 1"):
        PlanFollower(on_node_one(plan), []).next()


def test_another_plan_is_not_joined(plan: list[RunSpec]) -> None:
    others = [replace(run, epochs=7, timeout_s=4) for run in plan]  # node 1 gives up first, while node 0 still answers
    made, reason = together(
        lambda: lead(PlanLeader(plan[:1], print), plan[:1]), lambda: why_not(PlanFollower(on_node_one(others), []))
    )
    assert "did not connect" in made[0]
    assert reason.startswith("node 1 did not find node 0")
    assert "its command differs from this one" in reason


def test_runs_of_one_node_are_not_waited_for(plan: list[RunSpec]) -> None:
    alone = RunSpec(workload="rnn", backend="serial")
    assert lead(PlanLeader([alone, *plan], print), [alone]) == ["made"]


def test_name_that_means_loopback_on_node_zero_is_refused(plan: list[RunSpec], monkeypatch: pytest.MonkeyPatch) -> None:
    def debian(host: str, port: int, **more: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.1.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", debian)
    with pytest.raises(UsageError, match=r"on this machine alpha means 127\.0\.1\.1, which no other machine can reach"):
        serve(replace(plan[0], address="alpha:29500"))
