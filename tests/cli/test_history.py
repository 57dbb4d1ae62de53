"""`manyhands history` on a real repository with a release, on made-up records of its commits and on files of asv's own making."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from repository import git

from manyhands.analysis.example import example_record
from manyhands.cli import main

pytest.importorskip("ruptures", reason="needs ruptures: pip install 'manyhands[history]'")
COMMITS, RELEASE, STEP = 24, 8, 14


@pytest.fixture
def commits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The hashes, oldest first; the working folder is their repository, and `v1` a release."""
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    found = []
    for number in range(COMMITS):
        git(folder, "commit", "-q", "--allow-empty", "-m", str(number))
        found.append(git(folder, "rev-parse", "HEAD"))
        if number == RELEASE:
            git(folder, "tag", "-a", "v1", "-m", "release")
    monkeypatch.chdir(folder)
    return found


def write_records(path: Path, commits: list[str], slower: float) -> Path:
    """Three launches at every commit, newest commit first; from STEP on they take longer."""
    chance = np.random.default_rng(0)
    with path.open("w") as file:
        for number, commit in reversed(list(enumerate(commits))):
            for repeat in range(3):
                train_s = (1 + slower * (number >= STEP)) * chance.lognormal(0, 0.01)
                code = {"commit": commit, "dirty": False}
                file.write(example_record(train_s, {"repeat": repeat}, code=code, id=f"{number}-{repeat}").to_json() + "\n")
        file.write(example_record(99.0, {}, code={"commit": commits[-1], "dirty": True}).to_json() + "\n")
    return path


def test_a_change_is_told_with_its_commits_and_size(
    commits: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    records = write_records(tmp_path / "records.jsonl", commits, slower=0.12)
    assert main(["history", str(records)]) == 1
    told = capsys.readouterr().out
    assert f"{commits[STEP - 1][:10]}..{commits[STEP][:10]}" in told
    assert "crept: cnn on serial x 1: train: +1" in told
    assert "since release v1, over 15 commits" in " ".join(told.split())
    assert main(["history", str(records), "--format", "json"]) == 1
    found = json.loads(capsys.readouterr().out)
    (change,) = found["changes"]
    assert (change["after"], change["by"]) == (commits[STEP - 1], commits[STEP])
    assert change["shift"]["ratio"] == pytest.approx(1.12, abs=0.02)
    assert change["shift"]["confidence"] > 0.99
    assert len(found["series"][0]["points"]) == COMMITS
    assert max(point["value"] for point in found["series"][0]["points"]) < 2, "records of a tree with changes are of no commit"


def test_a_report_of_several_commits_has_a_section_about_them(commits: list[str], tmp_path: Path) -> None:
    pytest.importorskip("vl_convert", reason="needs vl-convert-python: pip install 'manyhands[report]'")
    records = write_records(tmp_path / "records.jsonl", commits, slower=0.12)
    page, text = tmp_path / "report.html", tmp_path / "report.md"
    for file in (page, text):
        assert main(["report", str(records), "-o", str(file)]) == 0
        assert "Speed over commits" in file.read_text()
        assert f"{commits[STEP - 1][:10]}..{commits[STEP][:10]}" in file.read_text()
    assert 'data-chart="history"' in page.read_text()
    alone = write_records(tmp_path / "one.jsonl", commits[:1], slower=0)
    assert main(["report", str(alone), "-o", str(page)]) == 0
    assert "Speed over commits" not in page.read_text()


def test_nothing_is_told_where_nothing_changed(commits: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    records = write_records(tmp_path / "records.jsonl", commits, slower=0.0)
    assert main(["history", str(records), "--format", "markdown"]) == 0
    told = capsys.readouterr().out
    assert "1 benchmark over 24 to 24 commits, 0 changes" in told
    assert "no benchmark is surely more than 5 % above the last release" in told


def test_results_of_asv_are_read(commits: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Written by asv's own classes, as `asv run` does; two parameter combinations, one of which gets faster."""
    results = pytest.importorskip("asv.results", reason="needs asv: pip install 'manyhands[history]'")
    folder = tmp_path / "results"
    (folder / "here").mkdir(parents=True)
    (folder / "here" / "machine.json").write_text(json.dumps({"machine": "here", "version": 1}))
    chance = np.random.default_rng(1)
    for number, commit in enumerate(commits):
        made = results.Results({"machine": "here"}, {}, commit, 1000 * number, "3.11", "env", {})
        values = [chance.lognormal(0, 0.01), (0.8 if number >= STEP else 1.0) * chance.lognormal(0, 0.01)]
        outcome = type(
            "Outcome",
            (),
            {"result": values, "samples": [None, None], "number": [None, None], "errcode": 0, "stderr": "", "profile": None},
        )
        benchmark = {"name": "training.Cnn.track_train_s", "params": [["'serial'", "'ddp'"]], "version": "1"}
        made.add_result(benchmark, outcome)
        made.save(str(folder))
    (folder / "benchmarks.json").write_text(json.dumps({"training.Cnn.track_train_s": {"unit": "s"}, "version": 2}))
    assert main(["history", "--asv", str(folder), "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in found["series"]] == ["training.Cnn.track_train_s(ddp)", "training.Cnn.track_train_s(serial)"]
    assert {one["unit"] for one in found["series"]} == {"s"}
    (change,) = found["changes"]
    assert change["series"] == "training.Cnn.track_train_s(ddp)"
    assert change["by"] == commits[STEP]
    assert change["shift"]["ratio"] == pytest.approx(0.8, abs=0.02)


def test_without_results_it_says_how_to_get_some(commits: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["history"]) == 2
    assert "make some with 'asv run'" in capsys.readouterr().err
    dirty = tmp_path / "dirty.jsonl"
    dirty.write_text(example_record(1.0, {}, code={"commit": commits[0], "dirty": True}).to_json() + "\n")
    assert main(["history", str(dirty)]) == 2
    assert "a tree with changes" in capsys.readouterr().err


def test_a_better_speed_up_or_quality_has_not_crept_up(
    commits: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Since the release the first and the second have become worse, and the others better."""
    results = pytest.importorskip("asv.results", reason="needs asv: pip install 'manyhands[history]'")
    folder = tmp_path / "results"
    (folder / "here").mkdir(parents=True)
    (folder / "here" / "machine.json").write_text(json.dumps({"machine": "here", "version": 1}))
    units = {"Worse.track_speedup": "times", "Worse.track_quality": "mape_percent"}
    units |= {"Better.track_speedup": "times", "Better.track_quality": "accuracy"}
    factors = dict(zip(units, (0.8, 1.25, 1.25, 1.25), strict=True))
    chance = np.random.default_rng(1)
    for number, commit in enumerate(commits):
        made = results.Results({"machine": "here"}, {}, commit, 1000 * number, "3.11", "env", {})
        for name in units:
            value = (factors[name] if number >= STEP else 1.0) * chance.lognormal(0, 0.01)
            none = {"samples": [None], "number": [None], "errcode": 0, "stderr": "", "profile": None}
            outcome = type("Outcome", (), {"result": [value]} | none)
            made.add_result({"name": f"training.{name}", "params": [["'serial'"]], "version": "1"}, outcome)
        made.save(str(folder))
    described = {f"training.{name}": {"unit": unit} for name, unit in units.items()}
    (folder / "benchmarks.json").write_text(json.dumps(described | {"version": 2}))
    assert main(["history", "--asv", str(folder)]) == 1
    crept = [line for line in capsys.readouterr().out.splitlines() if line.startswith("crept")]
    assert sorted(line.split()[1].partition("(")[0] for line in crept) == [
        "training.Worse.track_quality",
        "training.Worse.track_speedup",
    ]


def keep_asv_result(folder: Path, commit: str, date: int, values: dict[str, float], version: str, **machine: str) -> None:
    """The numbers of one cell at one commit, kept by asv's own classes as `asv run` does."""
    from asv.results import Results

    none = {"samples": [None], "number": [None], "errcode": 0, "stderr": "", "profile": None}
    made = Results({"machine": "here"} | machine, {}, commit, date, "3.11", "env", {})
    for name, value in values.items():
        outcome = type("Outcome", (), {"result": [value]} | none)
        made.add_result({"name": f"training.Cnn.{name}", "params": [["'serial'"]], "version": version}, outcome)
    made.save(str(folder))
    (folder / "here" / "machine.json").write_text(json.dumps({"machine": "here", "version": 1}))


def test_values_of_an_older_yardstick_are_left_out_and_the_scatter_is_read(
    commits: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the old yardstick all ratios were five times as large. From STEP on the cell is slower."""
    pytest.importorskip("asv.results", reason="needs asv: pip install 'manyhands[history]'")
    folder, chance = tmp_path / "results", np.random.default_rng(2)
    for number, commit in enumerate(commits):
        values = {"track_train_ratio": (1.3 if number >= STEP else 1.0) * chance.lognormal(0, 0.01), "track_train_scatter": 3.0}
        version = "2: cnn; yardstick new"
        if number < 4:
            values["track_train_ratio"] *= 5
            version = "2: cnn; yardstick old"
        keep_asv_result(folder, commit, 1000 * number, values | {"track_train_s": 1.0}, version)
    about = {"version": "2: cnn; yardstick new", "launches": 10, "unit": "yardsticks"}
    names = ("track_train_ratio", "track_train_s", "track_train_scatter")
    (folder / "benchmarks.json").write_text(json.dumps({f"training.Cnn.{name}": about for name in names} | {"version": 2}))
    assert main(["history", "--asv", str(folder), "--format", "json"]) == 1
    found = json.loads(capsys.readouterr().out)
    ratio, seconds = found["series"]
    assert [one["name"] for one in (ratio, seconds)] == [
        "training.Cnn.track_train_ratio(serial)",
        "training.Cnn.track_train_s(serial)",
    ]
    assert [change["by"] for change in found["changes"]] == [commits[STEP]]
    assert len(ratio["points"]) == COMMITS - 4
    assert {(point["scatter"], point["launches"]) for point in ratio["points"]} == {(0.03, 10)}
    assert {point["scatter"] for point in seconds["points"]} == {None}, "the scatter is that of the ratio"
    assert main(["history", "--asv", str(folder), "--format", "markdown"]) == 1
    told = capsys.readouterr().out
    assert "left out: 8 values of another version of a benchmark" in told
    assert "| 3.0 % |" in told
    (folder / "benchmarks.json").write_text(
        json.dumps({f"training.Cnn.{name}": about | {"version": "3"} for name in names} | {"version": 2})
    )
    assert main(["history", "--asv", str(folder)]) == 2
    assert "other versions of these benchmarks" in capsys.readouterr().err


def test_machines_of_one_name_and_other_hardware_are_two_series(
    commits: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("asv.results", reason="needs asv: pip install 'manyhands[history]'")
    folder = tmp_path / "results"
    for number, commit in enumerate(commits):
        cores = "2" if number < STEP else "4"
        keep_asv_result(folder, commit, 1000 * number, {"track_train_s": 4.0 / int(cores)}, "2", cpu="EPYC", num_cpu=cores)
    (folder / "benchmarks.json").write_text(json.dumps({"version": 2}))
    assert main(["history", "--asv", str(folder), "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["changes"] == []
    assert [one["name"] for one in found["series"]] == [
        f"training.Cnn.track_train_s(serial) on here, env, {cores}" for cores in "24"
    ]


def test_results_of_a_machine_that_asv_does_not_know_are_refused_with_one_line(
    commits: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("asv.results", reason="needs asv: pip install 'manyhands[history]'")
    folder = tmp_path / "results"
    keep_asv_result(folder, commits[0], 0, {"track_train_s": 1.0}, "2")
    (folder / "benchmarks.json").write_text(json.dumps({"version": 2}))
    (folder / "here" / "machine.json").unlink()
    assert main(["history", "--asv", str(folder)]) == 2
    shown = capsys.readouterr().err
    assert f"{folder / 'here'} has results and no machine.json" in shown
    assert len(shown.splitlines()) == 1
