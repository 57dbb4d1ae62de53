"""What ends a plan, from `--until`, `--max-time` and `--repeats`; and what they cannot be."""

from __future__ import annotations

from typing import Any

import pytest

from manyhands.cli import main
from manyhands.errors import UsageError
from manyhands.plan import RunSpec
from manyhands.planning.goal import ADDED_S, DEFAULT_PLAN_S, Goal, goal_of, least_repeats
from manyhands.planning.plan import Plan
from manyhands.planning.request import Request

SERIAL, DDP = RunSpec(workload="cnn", backend="serial"), RunSpec(workload="cnn", backend="ddp", workers=2)


@pytest.mark.parametrize(
    ("options", "goal", "repeats"),
    [
        ({"backend": "serial,ddp"}, Goal(), 3),
        ({"backend": "serial,ddp", "until": "winner"}, Goal("winner", ADDED_S), 2),
        ({"backend": "serial,ddp", "until": "5%", "repeats": 4}, Goal(0.05, ADDED_S), 4),
        ({"backend": "serial,ddp", "until": 0.05, "max_time": "3m"}, Goal(0.05, 180.0, True, True), 2),
        ({"backend": "serial,ddp", "max_time": 90}, Goal(None, 90.0, True, True), 3),
        ({}, Goal("winner", DEFAULT_PLAN_S, True), 2),
        ({"repeats": 3}, Goal("winner", DEFAULT_PLAN_S), 3),
        ({"max_time": "1m", "until": "10%", "repeats": 1}, Goal(0.1, 60.0, True, True), 1),
    ],
)
def test_goal_of_a_request(options: dict[str, Any], goal: Goal, repeats: int) -> None:
    request = Request.of(**options)
    assert goal_of(request, [SERIAL, DDP]) == goal
    assert least_repeats(request) == repeats


@pytest.mark.parametrize("value", ["0%", "nonsense", "100%", "", "winners"])
def test_what_until_cannot_be_is_one_line(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--until", value, "--dry-run"]) == 2
    said = capsys.readouterr().err
    allowed = f"{value!r} is not winner, or the half-width of every speed-up, above 0% and below 100%, such as 5%"
    assert said.startswith("manyhands: ")
    assert allowed in said
    assert said.count("\n") == 1
    with pytest.raises(UsageError, match="--until"):
        Request(until=value)


@pytest.mark.parametrize("value", [0, 1, True, 2.5, ["winner"]])
def test_what_until_cannot_be_from_python(value: Any) -> None:
    with pytest.raises(UsageError, match=r"--until .* is not winner, or the half-width"):
        Request(until=value)


def test_max_time_must_be_a_time(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--max-time", "0s", "--dry-run"]) == 2
    assert "--max-time: 0s is not a time above 0; write for example 90s, 10m or 1h" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (
            [SERIAL],
            "--until winner compares cells, and cnn on serial x 1 is alone here; name another one with --backend or --workers",
        ),
        ([DDP], "--until winner compares cells, and cnn on ddp x 2 is alone here"),
        (
            [DDP, RunSpec(workload="cnn", backend="ddp")],
            "--until winner compares with serial on 1 worker, which is not in the plan; add --backend serial",
        ),
        ([SERIAL, RunSpec(workload="rnn", backend="serial")], "--until winner compares cells, and cnn on serial x 1 is alone"),
        (
            [SERIAL, RunSpec(workload="cnn", backend="ddp", workers=2, nodes=2, address="a:1")],
            "--until winner adds launches that the other nodes do not know of; use --repeats",
        ),
    ],
)
def test_a_question_that_the_cells_cannot_answer_is_refused(cells: list[RunSpec], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        goal_of(Request(workloads=("cnn",), until="winner"), cells)
    assert goal_of(Request(), cells).until is None, "the default plan then makes its own blocks only"


def test_a_plan_of_several_nodes_has_no_time_limit() -> None:
    far = RunSpec(workload="cnn", backend="ddp", workers=2, nodes=2, address="a:1")
    with pytest.raises(UsageError, match="--max-time ends a plan early, which the other nodes do not know of; use --repeats"):
        goal_of(Request(max_time=60.0), [SERIAL, far])


def test_a_listing_of_a_plan_says_that_blocks_follow() -> None:
    assert Plan([SERIAL, DDP], goal=Goal("winner", 170.0)).lines()[-1] == (
        " ...  then more blocks, of the open cells and the base line alone, until one cell is the fastest (--until winner)"
        " or 170 s are over (--max-time)"
    )
    assert "until every speed-up is known to within 5%" in Plan([SERIAL, DDP], goal=Goal(0.05, 60.0)).lines()[-1]
    assert (
        Plan([SERIAL, DDP], goal=Goal(None, 60.0, True))
        .lines()[-1]
        .endswith("no block begins that would end after 60 s (--max-time)")
    )
    assert len(Plan([SERIAL, DDP]).lines()) == 2


def test_a_listing_of_a_plan_says_each_reason_once_for_all_cells_that_share_it() -> None:
    far, farther = (RunSpec(workload="cnn", backend="ray", workers=workers) for workers in (2, 4))
    plan = Plan([SERIAL], [(far, "ray needs ray"), (DDP, "no network"), (farther, "ray needs ray")])
    assert plan.lines()[1:] == [
        "   -  left out: cnn on ray x 2, cnn on ray x 4: ray needs ray",
        f"   -  left out: {DDP.label}: no network",
    ]
