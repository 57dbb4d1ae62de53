"""The campaign of faults: what it draws, what it takes for a true reason, and a short one with a strike of each kind."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.faults.campaign import moment  # noqa: E402
from benchmarks.faults.reasons import is_true  # noqa: E402
from benchmarks.faults.stand import isolated_command  # noqa: E402
from benchmarks.faults.strikes import BACKENDS, NEEDS_ISOLATION, PLACES, SIGNALS, Strike, drawn, targets  # noqa: E402
from benchmarks.faults.table import page  # noqa: E402

SHORT = (
    *("kill driver", "terminate guard", "interrupt driver", "stop driver", "kill parent", "terminate parent"),
    *("folder gone", "disk full", "network down"),
)


@pytest.mark.parametrize("backend", BACKENDS)
def test_twenty_strikes_have_every_kind_and_kill_every_target(backend: str) -> None:
    strikes = drawn(backend, 20, 1, isolated=True)
    assert strikes == drawn(backend, 20, 1, isolated=True) != drawn(backend, 20, 2, isolated=True)
    assert len(strikes) == 20
    assert {strike.target for strike in strikes if strike.kind == "kill"} == set(targets(backend))
    missing = {*SIGNALS, *PLACES} - {strike.kind for strike in strikes}
    assert missing <= ({"store killed"} if backend.startswith("joblib") else set())
    assert not {strike.kind for strike in drawn(backend, 20, 1, isolated=False)} & set(NEEDS_ISOLATION)


def test_reason_is_true_only_when_it_names_what_was_struck() -> None:
    rank = Strike("kill", "rank", "train", 0.5)
    assert is_true(rank, "ddp worker 1 (pid 12) was killed by SIGKILL")
    assert not is_true(rank, "KeyError: 'CPU'")
    assert not is_true(rank, "the run's process was killed by signal 9")
    assert not is_true(Strike("terminate", "rank", "train", 0.5), "ddp worker 1 (pid 12) was killed by SIGKILL")
    assert is_true(Strike("disk full", "", "load", 0.5), "no space left on the disk of /tmp/x; make room")
    assert not is_true(Strike("disk full", "", "load", 0.5), "not finished after the 20 s of --timeout")


def test_moment_is_counted_from_training_where_a_run_shows_it() -> None:
    phases = {"launch_s": 4.0, "load_s": 1.0, "train_s": 2.0, "evaluate_s": 1.0}
    strike = Strike("kill", "driver", "evaluate", 0.5)
    assert moment(strike, phases, shows_training=False).after_s == 7.5
    shown = moment(strike, phases, shows_training=True)
    assert shown.after_s == 2.5
    assert not shown.is_now(100, None)
    assert shown.is_now(100, 2.6)


def test_page_counts_outcomes_and_keeps_what_was_learnt() -> None:
    strike = {"kind": "kill", "target": "rank", "phase": "train", "share": 0.5}
    line = {
        "backend": "ddp",
        "number": 0,
        "strike": strike,
        "at_s": 3.0,
        "ended_after_s": 2.0,
        "missed": False,
        "seed": 1,
        "isolated": True,
    }
    failed = line | {"status": "failed", "reason": "ddp worker 1 (pid 4711) was killed by SIGKILL", "wrong": []}
    made = page([failed, failed | {"wrong": ["2 records"]}], "faults/strikes.jsonl", "\n\n- kept\n")
    assert "| ddp | 1 | 2 | 1 | 0 | 0 | 0 | 1 | 2.0 |" in made
    assert "| ddp | kill rank | ddp worker 1 (pid N) was killed by SIGKILL | 2 |" in made
    assert made.endswith("- kept\n")


@pytest.mark.slow
def test_runs_that_are_struck_leave_one_true_record_and_nothing_else(tmp_path: Path) -> None:
    out = tmp_path / "strikes.jsonl"
    words = [sys.executable, "-m", "benchmarks.faults.campaign", str(out), "--backends", "joblib-threads"]
    done = subprocess.run(
        [*words, "--only", ",".join(SHORT), "--timeout", "10"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=500
    )
    assert done.returncode == 0, done.stdout + done.stderr
    outcomes = [json.loads(line) for line in out.read_text().splitlines()]
    isolated = isolated_command(["true"])[0] == "unshare"
    wanted = {name for name in SHORT if isolated or name not in NEEDS_ISOLATION}
    assert {f"{one['strike']['kind']} {one['strike']['target']}".strip() for one in outcomes} == wanted
    assert sum(one["status"] == "failed" for one in outcomes) >= 4
