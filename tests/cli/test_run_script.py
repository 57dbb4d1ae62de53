"""`manyhands run train.py -- ...` as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import own_files
import pytest

from manyhands.cli import main, parser
from manyhands.cli.request_options import request_of
from manyhands.planning.request import Request
from manyhands.record import read_records

TRAIN = """
import sys, model
from manyhands import marks

for _ in marks.steps(range(5)): pass
marks.metric(width=model.WIDTH, words=len(sys.argv))
"""


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A script with a module beside it."""
    return own_files.project({"model.py": "WIDTH = 3\n", "train.py": TRAIN}, tmp_path, monkeypatch) / "train.py"


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["none.py"], "none.py; give the path of a Python file, or see 'manyhands list' for workloads"),
        (["cnn", "--", "--lr", "0.1"], "'-- --lr 0.1' is for a script, and cnn is none: give path/to/train.py, or --set"),
        (["--", "--lr", "0.1"], "'-- --lr 0.1' is for a script, and lstm, cnn is none"),
        (["project/train.py", "--epochs", "3", "--seed", "1"], "--epochs and --seed would not reach train.py: a script takes its own"),
        (["project/train.py", "--backend", "fabric-ddp"], "fabric-ddp offers no script workloads: a script of Fabric starts"),
        (["project/train.py", "--backend", "ray", "--address", "auto"], "ray runs a script on this machine only"),
        (["project/train.py", "--set", "width=3"], "--set width=3: no such setting; known: arguments"),
        (["project/train.py", "--save", "m.pt"], "--save is for networks, not for script"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("script")
def test_bad_input_is_one_line_and_exit_code_2(words: list[str], error: str, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch")
    assert error in own_files.refused(["run", *words], capsys)


def test_arguments_after_two_dashes_are_the_scripts_whatever_they_are() -> None:
    words = ["run", "train.py", "--workers", "1,2", "--", "--workers", "4", "--", "-x"]
    asked = request_of(parser().parse_args(words))
    assert asked == Request.of("train.py", workers=[1, 2], args=["--workers", "4", "--", "-x"])
    assert asked.args == Request.of("train.py", args="--workers 4 -- -x").args


def test_the_plan_shows_the_command_of_each_run(script: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch")
    assert main(["run", "project/train.py", "--workers", "1", "--repeats", "1", "--dry-run", "--", "--name", "two words"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert len(shown) == 2
    assert all(line.endswith(" --repeats 1 -- --name 'two words'") and str(script) in line for line in shown)


@pytest.mark.slow
def test_resume_runs_what_changed_and_reports_keep_it_apart(script: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["run", "project/train.py", "--backend", "serial", "--workers", "1", "--repeats", "1", "--out", "r.jsonl", "--resume"]
    assert main([*words, "--", "--lr", "0.1"]) == 0
    assert main([*words, "--", "--lr", "0.1"]) == 0
    (first,) = read_records(Path("r.jsonl"))
    assert first.quality == {"width": 3.0, "words": 3.0}
    assert list(first.code["files"]) == ["model.py", "train.py"]
    assert json.loads(first.to_json())["resolved"]["arguments"] == ["--lr", "0.1"]

    (script.parent / "model.py").write_text("WIDTH = 4  # of another size, so that no bytecode of this second is used again\n")
    capsys.readouterr()
    assert main([*words, "--", "--lr", "0.1"]) == 0
    second = read_records(Path("r.jsonl"))[1]
    assert second.quality["width"] == 4.0
    assert main(["report", "r.jsonl"]) == 0
    assert "not averaged together: code sha256" in capsys.readouterr().out
