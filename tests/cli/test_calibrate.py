from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from manyhands.analysis.verdicts.error_rates import load
from manyhands.analysis.verdicts.metrics import Sample
from manyhands.analysis.verdicts.results import Limits
from manyhands.analysis.verdicts.sequential import Budget
from manyhands.cli import main
from manyhands.commits.calibration import Amount, Pool, Trial, gather
from manyhands.commits.revisions import checked_out
from manyhands.plan import RunSpec

pytest.importorskip("ruptures", reason="needs ruptures: pip install 'manyhands[compare]'")


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """A file of launches that scatter by 2 %, and of two live comparisons."""
    chance = np.random.default_rng(0)
    pool = Pool({"cpu_model": "c", "cores": 2}, "HEAD (abc)", "rnn on serial x 1")
    for level in chance.lognormal(0, 0.02, 60).tolist():
        pool.launches.append(Sample({"cpu": level, "memory": 1e8}, (0.1 * level,) * 8, wall_s=4.0))
    pool.trials.append(Trial(0.0, 100.0, {"time": "same"}, {"time": 1.0}, {"time": 14}))
    pool.trials.append(Trial(0.05, 50.0, {"time": "worse"}, {"time": 1.05}, {"time": 17}))
    pool.trials.append(Trial(0.05, 9.0, {}, {}, {}, "other programs used 2 of 2 cores"))
    path = tmp_path / "pool.json"
    pool.write(path)
    return path


def test_stored_launches_are_drawn_again_with_another_budget(stored: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = stored.with_name("again.json")
    words = ["--replay", str(stored), "--draws", "60", "--injected", "5%,20%", "--effect", "8%", "--out", str(out)]
    assert main(["calibrate", *words]) == 0
    told = capsys.readouterr().out
    assert "60 launches of HEAD (abc) on c, 2 cores" in told
    assert "effect 8 %" in told
    found = json.loads(out.read_text())
    drawn = {(one["metric"], one["injected"]): one["verdicts"] for one in found["rates"]["scenarios"] if not one["live"]}
    assert drawn["time", 0.0].get("worse", 0) == 0
    assert drawn["time", 0.2]["worse"] >= 59
    live = [one for one in found["rates"]["scenarios"] if one["live"]]
    assert [(one["injected"], one["verdicts"], one["within"]) for one in live] == [
        (0.0, {"same": 1}, {"60": 0, "120": 0, "300": 0}),
        (0.05, {"worse": 1}, {"60": 1, "120": 1, "300": 1}),
    ]
    assert len(found["launches"]) == 60
    assert main(["calibrate", "--replay", str(out), "--draws", "5"]) == 0


def test_files_of_one_commit_are_drawn_from_together_and_others_are_refused(
    stored: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    both = ["calibrate", "--replay", str(stored), "--draws", "5", "--injected", "none", "--replay"]
    assert main([*both, str(stored)]) == 0
    told = capsys.readouterr().out
    assert "120 launches of HEAD (abc) on c, 2 cores" in told
    assert [line.split()[4] for line in told.splitlines() if " drawn " in line] == ["0", "0"], "nothing is slowed"
    other = stored.with_name("other.json")
    other.write_text(json.dumps(json.loads(stored.read_text()) | {"code": "HEAD (def)"}))
    assert main([*both, str(other)]) == 2
    assert "its code is not that of" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--draws", "0"], "whole numbers above 0"),
        (
            ["--workload", "kmeans", "--live", "2"],
            "--live slows training steps, and kmeans has no training steps; leave out --live",
        ),
        (["--workload", "rnn,cnn"], "one cell is calibrated at a time"),
        (["--replay", "/nowhere/rates.json"], "no launches of 'manyhands calibrate --out' in /nowhere/rates.json"),
    ],
)
def test_what_cannot_be_meant_is_refused(arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calibrate", *arguments]) == 2
    assert reason in capsys.readouterr().err


@pytest.mark.slow
def test_launches_are_kept_with_the_rates_drawn_from_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MANYHANDS_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(Path(__file__).parent)
    out = tmp_path / "pool.json"
    size = ["--workload", "mlp", "--samples", "512", "--epochs", "6", "--launches", "2", "--draws", "20", "--max-load", "99%"]
    assert main(["calibrate", *size, "--out", str(out)]) == 0
    (kept,) = (tmp_path / "cache" / "error-rates").iterdir()
    rates = load(kept)
    assert rates is not None
    assert {(one.metric, one.injected) for one in rates.scenarios} >= {("time", 0.0), ("time", 0.05), ("cpu", 0.1)}
    launches = Pool.read(out).launches
    assert len(launches) == 2
    assert all(len(one.series) == 6 and math.isfinite(sum(one.series)) for one in launches)


@pytest.mark.slow
def test_a_live_comparison_is_made_for_every_slow_down_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps that take five times as long are seen in the ratio of a single pair."""
    monkeypatch.chdir(Path(__file__).parent)
    spec = RunSpec(workload="mlp", backend="serial", samples=512, epochs=6)
    kept: list[int] = []
    with checked_out("HEAD", None) as (_, tree):
        pool = Pool({}, tree.label, spec.label)
        limits = Limits(Budget(), max_time_s=1.0, max_load=0.99)
        gather(pool, tree, spec, Amount(0, 1, (4.0,)), limits, lambda line: None, lambda pool: kept.append(len(pool.trials)))
    assert [trial.injected for trial in pool.trials] == [0.0, 4.0]
    assert pool.trials[1].ratios["time"] > 2 * pool.trials[0].ratios["time"]
    assert pool.trials[1].verdicts["time"] == "undecided", "one pair decides nothing"
    assert kept == [1, 2]
    assert len(pool.launches) == 2, "only unchanged launches may be drawn from"


def test_the_cell_is_that_of_the_users_pyproject(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text('[tool.manyhands]\nworkloads = ["kmeans", "prepare"]\n')
    assert main(["calibrate"]) == 2
    shown = capsys.readouterr().err.splitlines()
    assert shown[0] == f"{tmp_path}/pyproject.toml: [tool.manyhands] gives workloads"
    assert shown[1].startswith(
        "manyhands: one cell is calibrated at a time, not 2 (kmeans on serial x 1, prepare on serial x 1): name"
    )
