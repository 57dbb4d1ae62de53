"""Retries: only for problems that may pass, limited in number, and reported."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from manyhands.data.store.failure import (
    BUSY,
    CUT,
    DENIED,
    HANGING,
    NO_BUCKET,
    NO_OBJECT,
    ODD,
    REFUSED,
    StoreProblem,
    StoreTarget,
    of_answer,
)
from manyhands.data.store.retries import RetryPolicy, tell_log
from manyhands.errors import DataError, UsageError

TARGET = StoreTarget("s3://data/x", "data", "http://store")
QUICK = RetryPolicy(tries=3, first_wait_s=0.01)


def failing(times: int, kind: str) -> Callable[[], str]:
    left = [kind] * times

    def ask() -> str:
        if left:
            raise StoreProblem(left.pop())
        return "answer"

    return ask


@pytest.mark.parametrize("kind", [REFUSED, HANGING, CUT, BUSY])
def test_a_passing_problem_is_tried_again_and_every_wait_is_reported(kind: str) -> None:
    reported: list[str] = []
    assert QUICK.call(TARGET, failing(2, kind), reported.append) == "answer"
    assert [line.rpartition("; ")[2] for line in reported] == ["try 2 of 3 in 0.01 s", "try 3 of 3 in 0.02 s"]
    assert all("s3://data/x" in line for line in reported)


def test_tries_are_bounded() -> None:
    reported: list[str] = []
    with pytest.raises(DataError, match=r"no connection to http://store for s3://data/x, 3 tries in 0\.\d s; check that it runs"):
        QUICK.call(TARGET, failing(9, REFUSED), reported.append)
    assert len(reported) == 2


@pytest.mark.parametrize("kind", [DENIED, NO_BUCKET, NO_OBJECT, ODD])
def test_a_lasting_problem_is_reported_at_once(kind: str) -> None:
    with pytest.raises(DataError):
        QUICK.call(TARGET, failing(1, kind), pytest.fail)


def test_one_line_for_every_problem_with_what_to_do() -> None:
    for target in (TARGET, StoreTarget("http://host/x", "", "http://host")):
        for kind in (DENIED, NO_BUCKET, NO_OBJECT, ODD, REFUSED, HANGING, CUT, BUSY):
            problem = StoreProblem(kind, "403")
            assert target.place in problem.what(target) or kind == NO_BUCKET
            assert "\n" not in problem.what(target) + problem.advice(target)
            assert problem.advice(target)


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("NoSuchBucket", 404, NO_BUCKET),
        ("NoSuchKey", 404, NO_OBJECT),
        ("InvalidAccessKeyId", 403, DENIED),
        (None, 403, DENIED),
        (None, 404, NO_OBJECT),
        ("SlowDown", 503, BUSY),
        (None, 502, BUSY),
        ("PermanentRedirect", 301, ODD),
        (None, None, ODD),
    ],
)
def test_a_problem_is_recognised_by_its_code_and_status(code: str | None, status: int | None, kind: str) -> None:
    assert of_answer(code, status).kind == kind


def test_a_code_that_is_no_code_is_not_repeated() -> None:
    assert of_answer("AKIA <secret>", 400).detail == "400"


def test_bounds_come_from_the_environment() -> None:
    retries = RetryPolicy.from_environment({"AWS_MAX_ATTEMPTS": "2", "MANYHANDS_STORE_TIMEOUT": "1.5"})
    assert (retries.tries, retries.connect_s, retries.answer_s) == (2, 1.5, 1.5)
    assert RetryPolicy.from_environment({}) == RetryPolicy()
    with pytest.raises(UsageError, match="MANYHANDS_STORE_TIMEOUT=soon is not a number above 0"):
        RetryPolicy.from_environment({"MANYHANDS_STORE_TIMEOUT": "soon"})


def test_in_a_run_a_wait_is_marked_for_the_parent(capsys: pytest.CaptureFixture[str]) -> None:
    tell_log("waiting")
    assert capsys.readouterr().err == "manyhands notice: waiting\n"
