"""`manyhands compare` as its users meet it: real launches of a workload whose commits are made for the test."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from repository import git

from manyhands.cli import main

WORKLOAD = """
from dataclasses import dataclass
from manyhands.workloads.prepare import Prepare

@dataclass(frozen=True)
class Own(Prepare):
    name = "own"
    copies: int = {copies}
"""
QUICK = (
    "--workload",
    "own.py:Own",
    "--samples",
    "2000",
    "--alpha",
    "0.2",
    "--effect",
    "40%",
    "--max-time",
    "100s",
    "--max-load",
    "99%",
)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Tags: `nothing` has no workload, `fast` has one, `unchanged` the same, `slow` one that prepares five times as many rows."""
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    commits = (("nothing", None), ("fast", 4), ("unchanged", 4), ("slow", 20))
    for tag, copies in commits:
        if copies:
            (folder / "own.py").write_text(WORKLOAD.format(copies=copies))
        (folder / "README").write_text(tag)
        git(folder, "add", ".")
        git(folder, "commit", "-qm", tag)
        git(folder, "tag", tag)
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.slow
def test_a_slower_commit_is_called_slower_and_nothing_is_left_behind(
    repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    summary, everything = tmp_path / "summary.md", tmp_path / "all.json"
    assert main(["compare", "unchanged", "slow", *QUICK, "--out", str(summary), "--out", str(everything)]) == 1
    told = capsys.readouterr()
    time = next(line for line in told.out.splitlines() if "train time" in line)
    assert time.rstrip().endswith("slower")
    assert "slow (" in told.out
    assert "❌" in summary.read_text()
    found = json.loads(everything.read_text())
    (cell,) = found["cells"]
    judged = {one["metric"]: one["judgement"] for one in cell["judged"]}
    assert judged["time"]["verdict"] == "worse"
    assert judged["time"]["ratio"] > 1.5
    assert judged["time"]["fresh"] >= 3, "a large difference is called after six pairs, half of them fresh"
    assert len(cell["pairs"]) == max(one["pairs"] for one in judged.values())
    assert found["exit_code"] == 1
    assert git(repository, "worktree", "list").count("\n") == 0


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["no-such-commit", *QUICK], "no revision 'no-such-commit'"),
        (["nothing", "fast", *QUICK], "could not measure: own.py:Own on serial x 1 cannot be run by nothing"),
        (["fast", "--microbenchmarks", "idx"], "has no benchmarks/pytest_suite"),
    ],
)
def test_what_cannot_be_measured_says_why_and_is_no_pass(
    repository: Path, arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", *arguments]) == 4
    shown = capsys.readouterr()
    assert reason in " ".join((shown.out + shown.err).split())


@pytest.mark.parametrize(
    ("tools", "reason"),
    [
        (("git", "valgrind"), "has no benchmarks/counted.py"),
        (("git",), "counting instructions needs valgrind: apt install valgrind"),
    ],
)
def test_counting_instructions_needs_valgrind_and_a_suite(
    repository: Path,
    tmp_path: Path,
    tools: tuple[str, ...],
    reason: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On a PATH that has `tools` alone; the valgrind there is never started, as the suite is missing."""
    found = {"git": shutil.which("git"), "valgrind": shutil.which("true")}
    for name in tools:
        (tmp_path / name).symlink_to(str(found[name]))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["compare", "fast", "--count-instructions"]) == 4
    shown = capsys.readouterr()
    assert reason in " ".join((shown.out + shown.err).split())


def test_files_of_an_earlier_comparison_are_not_taken_for_this_one(repository: Path, tmp_path: Path) -> None:
    summary, everything = tmp_path / "summary.md", tmp_path / "all.json"
    everything.write_text('{"exit_code": 0}')
    assert main(["compare", "no-such", *QUICK, "--out", str(summary), "--out", str(everything)]) == 4
    assert json.loads(everything.read_text())["exit_code"] == 4
    assert summary.read_text().startswith("Could not measure: no revision 'no-such'")


def test_our_own_mistake_is_not_the_code_for_slower(
    repository: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: object) -> None:
        raise KeyError("a mistake")

    monkeypatch.setattr("manyhands.commits.comparison.compare_cells", broken)
    assert main(["compare", "fast", *QUICK]) == 4
    assert "KeyError: 'a mistake'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["fast", "--microbenchmarks", "idx", "--count-instructions"], "two comparisons"),
        (["fast", "--workload", "no-such"], "unknown workload 'no-such'"),
        (["fast", "--out", "summary.txt"], "use .md or .json"),
        (["fast", "--workload", "own.py:Own", "--workers", "2"], "serial is one worker by definition"),
        (["fast", "--max-time", "5s"], "--max-time 5s is too short for any verdict: the least are 6 launches of each commit"),
        (["fast", "--out", "/proc/no/summary.md"], "cannot be written"),
        (
            ["fast"],
            "no training is named: give --workload train.py or --workload mine.py:build, or write it into pyproject.toml once",
        ),
        (["fast", "--workload", "/elsewhere/own.py:Own"], "no file /elsewhere/own.py"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_measured(
    repository: Path, arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", *arguments]) == 2
    assert reason in capsys.readouterr().err


@pytest.mark.parametrize(
    "option", [["--alpha", "2"], ["--effect", "none"], ["--max-time", "soon"], ["--workers", "two"], ["--metrics", "time,speed"]]
)
def test_an_option_that_is_no_number_is_named(option: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "HEAD", *option]) == 2
    assert option[1] in capsys.readouterr().err


TRAIN = """
import time
from manyhands import marks

for _ in range(8):
    for _ in marks.steps(range(20)):
        time.sleep(4e-3 * {work})
        sum(number * number for number in range(int(25_000 * {work})))
    marks.epoch()
"""
"""A script that mostly waits, as for its data, so that its time repeats beside other programs too."""
MINE = """
import time
import torch
from manyhands import Training


def loss(outputs, batch):
    time.sleep(4e-3 * {work})
    return (outputs - batch).square().mean()


def build():
    model = torch.nn.Linear(4, 4)
    return Training(model, torch.optim.SGD(model.parameters(), lr=0.1), list(torch.ones(160, 4)), loss, batch_size=8)
"""
"""A function whose training mostly waits too."""
PROJECT = '[tool.manyhands]\nworkloads = ["{workload}"]\n{more}'


@pytest.mark.slow
@pytest.mark.usefixtures("torch")
@pytest.mark.parametrize(
    ("workload", "text", "work", "more", "options"),
    [("train.py", TRAIN, 1.1, "", []), ("mine.py:build", MINE, 2.0, "epochs = 4\n", ["--metrics", "time"])],
    ids=["script", "function"],
)
def test_more_work_in_a_training_of_ones_own_is_called_slower(
    workload: str,
    text: str,
    work: float,
    more: str,
    options: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The workload is named in the working tree's pyproject.toml alone, for both commits. A script is compared with no option at all.

    Of a function, whose every launch imports torch, time alone is judged: other metrics are settled after many more launches.
    """
    git(tmp_path, "init", "-q", "-b", "main")
    for factor in (1.0, work):
        (tmp_path / workload.partition(":")[0]).write_text(text.format(work=factor))
        git(tmp_path, "add", ".")
        git(tmp_path, "commit", "-qm", str(factor))
    (tmp_path / "pyproject.toml").write_text(PROJECT.format(workload=workload, more=more))
    monkeypatch.chdir(tmp_path)
    assert main(["compare", "HEAD~1", *options]) == 1
    shown = capsys.readouterr()
    assert f"{tmp_path}/pyproject.toml: [tool.manyhands] gives " in shown.err
    assert [line for line in shown.out.splitlines() if "time of an epoch" in line and line.rstrip().endswith("slower")], shown.out


BENCHMARKS = """
def test_total(benchmark):
    benchmark.pedantic(sum, (range({numbers}),), rounds=20)
"""
MORE = """
def test_largest(benchmark):
    benchmark.pedantic(max, (range(1000),), rounds=20)
"""


@pytest.mark.slow
def test_micro_benchmarks_are_compared_and_one_that_a_side_lacks_is_told(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    suite = repository / "benchmarks" / "pytest_suite"
    suite.mkdir(parents=True)
    for tag, content in (("small", BENCHMARKS.format(numbers=20_000)), ("large", BENCHMARKS.format(numbers=100_000) + MORE)):
        (suite / "test_sums.py").write_text(content)
        git(repository, "add", ".")
        git(repository, "commit", "-qm", tag)
        git(repository, "tag", tag)
    quick = ["--max-time", "6s", "--max-load", "99%"]
    assert main(["compare", "small", "large", "--microbenchmarks", "total or largest", *quick]) == 4
    printed = capsys.readouterr()
    told = " ".join(printed.out.split())
    assert told, printed.err
    assert "could not measure: test_largest is missing in small (" in told
    assert re.search(r"test_total: [1-5] pairs are too few to see any effect: 6 are the least for one above 10 %", told)
    ratio = re.search(r"test_total time, s \S+ \S+ (\d+\.\d+)", told)
    assert ratio is not None
    assert float(ratio[1]) > 2
    assert main(["compare", "small", "large", "--microbenchmarks", "no_such_name", *quick]) == 4
    assert "no benchmark has this name" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("valgrind") is None, reason="needs valgrind: apt-get install valgrind")
def test_counted_instructions_are_judged_to_half_a_percent(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same loop, then one turn in twenty more."""
    script = "import sys\nif len(sys.argv) < 3:\n    print('loop')\nelse:\n    for _ in range(int(sys.argv[2]) * {turns}):\n        _ + 1\n"
    for tag, turns in (("few", 20_000), ("few-again", 20_000), ("more", 21_000)):
        (repository / "benchmarks").mkdir(exist_ok=True)
        (repository / "benchmarks" / "counted.py").write_text(script.format(turns=turns))
        git(repository, "add", ".")
        git(repository, "commit", "-qm", tag, "--allow-empty")
        git(repository, "tag", tag)
    assert main(["compare", "few", "few-again", "--count-instructions"]) == 0
    assert "1.0000" in capsys.readouterr().out
    assert main(["compare", "few-again", "more", "--count-instructions"]) == 1
    told = capsys.readouterr().out
    assert "1.05" in told
    assert "more instructions" in told
