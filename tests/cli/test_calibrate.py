from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from manyhands.analysis.verdicts.error_rates import ErrorRates, load
from manyhands.analysis.verdicts.metrics import Sample
from manyhands.analysis.verdicts.sequential import Budget
from manyhands.cli import main

pytest.importorskip("ruptures", reason="needs ruptures: pip install 'manyhands[compare]'")


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """A file of launches that scatter by 2 %."""
    chance = np.random.default_rng(0)
    pool = [
        Sample({"cpu": float(level), "memory": 1e8}, (0.1 * float(level),) * 8, wall_s=4.0)
        for level in chance.lognormal(0, 0.02, 60)
    ]
    rates = ErrorRates({"cpu_model": "c", "cores": 2}, "2026-01-01", "HEAD (abc)", "rnn on serial x 1", 60, Budget(), 300.0, ())
    path = tmp_path / "rates.json"
    path.write_text(json.dumps(asdict(rates) | {"pool": [asdict(one) for one in pool]}))
    return path


def test_stored_launches_are_drawn_again_with_another_budget(stored: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = stored.with_name("again.json")
    words = ["--replay", str(stored), "--draws", "60", "--injected", "5%,20%", "--effect", "8%", "--out", str(out)]
    assert main(["calibrate", *words]) == 0
    told = capsys.readouterr().out
    assert "60 launches of HEAD (abc) on c, 2 cores" in told
    assert "effect 8 %" in told
    found = json.loads(out.read_text())
    shares = {(one["metric"], one["injected"]): one["verdicts"] for one in found["scenarios"]}
    assert shares["time", 0.0].get("worse", 0) == 0
    assert shares["time", 0.2]["worse"] >= 59
    assert len(found["pool"]) == 60
    assert main(["calibrate", "--replay", str(out), "--draws", "5"]) == 0


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--draws", "0"], "whole numbers above 0"),
        (["--workload", "rnn,cnn"], "one cell is calibrated at a time"),
        (["--replay", "/nowhere/rates.json"], "no launches of 'manyhands calibrate --out' in /nowhere/rates.json"),
    ],
)
def test_what_cannot_be_meant_is_refused(arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calibrate", *arguments]) == 2
    assert reason in capsys.readouterr().err


@pytest.mark.slow
def test_a_planted_slow_down_is_measured_and_the_rates_are_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every step takes half as long again: one live comparison finds that, and not that an unchanged side is slower."""
    monkeypatch.setenv("MANYHANDS_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(Path(__file__).parent)
    out = tmp_path / "rates.json"
    size = ["--workload", "mlp", "--samples", "512", "--epochs", "6", "--launches", "4", "--draws", "20"]
    budget = ["--live", "1", "--injected", "50%", "--alpha", "0.3", "--effect", "30%", "--max-time", "120s", "--out", str(out)]
    code = main(["calibrate", *size, *budget])
    told = capsys.readouterr()
    if code == 4:
        assert "other programs used" in told.err
        pytest.skip("the machine is too busy to measure anything")
    assert code == 0, told.err
    (kept,) = (tmp_path / "cache" / "error-rates").iterdir()
    rates = load(kept)
    assert rates is not None
    live = {(one.metric, one.injected): one for one in rates.scenarios if one.live}
    slowed = live.get(("time", 0.5))
    assert slowed is None or slowed.verdicts.get("worse", 0) + slowed.verdicts.get("undecided", 0) == 1
    pool = json.loads(out.read_text())["pool"]
    assert len(pool) == 4
    assert all(len(one["series"]) == 6 and math.isfinite(sum(one["series"])) for one in pool)
