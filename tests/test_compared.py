"""Two commits compared from Python: the verdicts as a frame, as text and in a notebook, and what is impossible in one line."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

import manyhands as mh
from manyhands.analysis.verdicts.metrics import Sample
from manyhands.analysis.verdicts.results import CellResult, Comparison, Limits, failed, judge_all
from manyhands.analysis.verdicts.sequential import Budget
from manyhands.analysis.verdicts.steady import Steady
from manyhands.compared import Compared


def cell(label: str, slower: float) -> CellResult:
    """A cell of 30 pairs of launches, those of HEAD slower by that share; memory is the same."""
    chance = np.random.default_rng(0)

    def launch(factor: float) -> Sample:
        return Sample({"time": factor * chance.lognormal(0, 0.01), "memory": 1e8}, (), 0.0, 0.0, 1.0)

    pairs = tuple((launch(1.0), launch(1.0 + slower)) for _ in range(30))
    steady = Steady(0, True)
    judged, _ = judge_all(pairs, steady, ("time", "memory"), Budget())
    return CellResult(label, pairs, judged, steady, 0, 10.0)


@pytest.fixture
def compared() -> Compared:
    cells = (cell("cnn on <serial> x 1", 0.5), cell("rnn on serial x 1", 0.0), failed("mlp", "no data"))
    return Compared(Comparison("main", "work", Limits(Budget()), cells))


def test_the_frame_has_a_row_for_each_metric_of_each_cell(compared: Compared) -> None:
    frame = compared.frame()
    assert list(frame.columns) == ["cell", "metric", "base", "head", "ratio", "ratio_low", "ratio_high", "pairs", "verdict"]
    assert list(frame["verdict"]) == ["slower", "same", "same", "same"]
    first = frame.iloc[0]
    assert first["ratio"] == pytest.approx(1.5, rel=0.05)
    assert first["ratio_low"] < first["ratio"] < first["ratio_high"]
    assert first["head"] / first["base"] == pytest.approx(1.5, rel=0.05)
    assert compared.slower == ["cnn on <serial> x 1"]
    assert compared.exit_code == 1
    assert not compared.ok
    assert repr(compared).startswith("<Compared work compared with main: cnn on <serial> x 1 slower in time, ")


def test_print_shows_what_the_command_shows_and_a_notebook_shows_it_escaped(compared: Compared) -> None:
    text = str(compared)
    assert "work compared with main" in text
    assert "cnn on <serial> x 1" in text
    assert "could not measure: no data" in text
    shown = compared._repr_html_()
    assert "cnn on &lt;serial&gt; x 1" in shown
    assert "<serial>" not in shown
    assert "slower" in compared.to_markdown()
    assert [found.label for found in compared] == ["cnn on <serial> x 1", "rnn on serial x 1", "mlp"]


def test_no_pair_at_all_is_a_frame_without_rows() -> None:
    empty = Compared(Comparison("main", "work", Limits(Budget()), ()))
    assert len(empty.frame()) == 0
    assert empty.exit_code == 4
    assert empty.slower == []


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"metrics": ("speed",)}, "--metrics 'speed' is not a list of time, cpu, memory, quality"),
        ({"metrics": ()}, "is not a list of time, cpu, memory, quality"),
        ({"metrics": "time,speed"}, "--metrics 'time,speed' is not a list of"),
        ({"effect": "much"}, "--effect 'much' is not a share between 0 and 1"),
        ({"max_time": "soon"}, "--max-time soon is not a time above 0"),
        ({"study": "lstm-spark"}, "--study is not for a comparison of two commits"),
        ({"repeats": 3}, "--repeats is not for a comparison of two commits"),
        ({"progress": "no"}, "progress 'no' is not True, False or a Watcher"),
        ({"alpha": 2}, "--alpha 2 is not a share between 0 and 1"),
        ({"max_time": 0}, "--max-time 0 is not a time above 0"),
        ({"max_time": "5s"}, "--max-time 5s is too short for any verdict"),
        ({"workers": "two"}, "--workers 'two' is not a list"),
        ({"workers": 2}, "serial is one worker by definition"),
        ({"base": "no-such-commit"}, "no-such-commit"),
    ],
)
def test_the_impossible_is_one_line(
    options: dict[str, object], reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(mh.errors.ManyhandsError) as error:
        mh.compare(**{"base": "main", "progress": False, "workloads": ["kmeans"]} | options)  # type: ignore[arg-type]
    assert reason in str(error.value)
    assert "\n" not in str(error.value)
