"""Reports of a script's workers -> the result of the run, and what it says about workers that did not work as the others."""

from __future__ import annotations

from typing import Any

import pytest

from manyhands.backends.scripts.fit import script_fit
from manyhands.plan import RunSpec

SPEC = RunSpec(workload="/home/me/train.py", backend="ddp", workers=2, batch="per-worker")
JOB = {"arguments": [], "folder": "/work"}


def report(rank: int, seconds: float) -> dict[str, Any]:
    """A worker that ended well after so many seconds."""
    times = {"started": 10.0, "ended": 10.0 + seconds, "clock": "one"}
    used = {"cpu_user_s": seconds, "cpu_system_s": 0.0, "peak_rss_bytes": 1, "peak_pss_bytes": 1}
    found = {"marks": None, "grouped": True, "wrapped": False, "waited_s": None, "on_cpu": True, "code": {}}
    return {"rank": rank, "host": "here", "pid": rank, "threads": {}, "exit_code": 0} | times | used | found


@pytest.mark.parametrize(("first_s", "second_s"), [(9.0, 10.0), (0.2, 0.9)])
def test_workers_of_about_one_length_are_equal(first_s: float, second_s: float) -> None:
    assert "cautions" not in script_fit([report(0, first_s), report(1, second_s)], SPEC, JOB).resolved


def test_a_worker_that_left_the_others_is_named() -> None:
    """As after `sys.exit(0)` in one rank, when the others need no answer from it."""
    fit = script_fit([report(0, 12.3), report(1, 0.5)], SPEC, JOB)
    assert fit.resolved["cautions"] == ["unequal work: worker 1 of ddp x 2 ended after 0.5 s, another one after 12.3 s"]
    assert fit.resolved["phases_of_worker"] == 0
