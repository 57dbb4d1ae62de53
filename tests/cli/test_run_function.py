"""`manyhands run mine.py:build` as a user meets it."""

from __future__ import annotations

from pathlib import Path

import own_files
import pytest

from manyhands.cli import main
from manyhands.planning.cells import chosen_cells
from manyhands.planning.request import Request
from manyhands.record import read_records

MINE = '''
import sizes
from manyhands import Training


def build(width=8, rate=0.1):
    """Lines through points."""
    import torch

    x = torch.randn(64, sizes.FEATURES, generator=torch.Generator().manual_seed(0))
    model = torch.nn.Sequential(torch.nn.Linear(sizes.FEATURES, width), torch.nn.BatchNorm1d(width), torch.nn.Linear(width, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    rows = torch.utils.data.TensorDataset(x, x.sum(1, keepdim=True))
    return Training(model, optimizer, rows, lambda outputs, batch: (outputs - batch[1]).square().mean(), batch_size=16)


def needs(width): ...
'''


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file with a module beside it."""
    return own_files.project({"sizes.py": "FEATURES = 3\n", "mine.py": MINE}, tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["none.py:build"], "none.py for 'build'; give path/to/file.py:Name"),
        (["project/mine.py:train"], "mine.py has no 'train'; give path/to/file.py:Name with a class or function of that file"),
        (["project/mine.py:needs"], "mine.py:needs needs width; give each argument a default"),
        (["project/mine.py:build", "--set", "depth=3"], "--set depth=3: no such setting; known: rate, width"),
        (["project/mine.py:build", "--set", "width=wide"], "build width=wide is not of type int; the default is 8"),
        (["project/mine.py:build", "--save", "m.pt"], "--save is for networks, not for function"),
        (["project/mine.py:build", "--epochs", "2", "--steps", "3"], "--epochs and --steps both say when training ends"),
        (["project/mine.py:build", "--max-seconds", "0"], "--max-seconds 0 is not above 0 seconds"),
        (["project/mine.py:build", "--workers", "3", "--batch-size", "16", "--oversubscribe"], "a global batch of 16 does not split"),
        (["project/mine.py:build", "--", "--lr", "0.1"], "'-- --lr 0.1' is for a script"),
        (["cnn", "--loader-workers", "2"], "--loader-workers is for a function with a DataLoader, path/to/file.py:build, not for network"),
        (["kmeans", "--steps", "5"], "--steps and --max-seconds are for networks and functions, not for clustering"),
        (["project/sizes.py", "--steps", "5"], "--steps would not reach sizes.py: a script takes its own arguments"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("project")
def test_bad_input_is_one_line_and_exit_code_2(words: list[str], error: str, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch")
    assert error in own_files.refused(["run", *words], capsys)


@pytest.mark.usefixtures("project")
def test_loader_workers_are_an_axis_of_the_plan() -> None:
    asked = Request.of("project/mine.py:build", backend=["serial", "ddp"], workers=1, loader_workers=[0, 2], steps=5)
    cells = chosen_cells(asked)
    assert [(cell.backend, cell.loader_workers, cell.steps, cell.epochs) for cell in cells] == [
        ("serial", 0, 5, 1),
        ("serial", 2, 5, 1),
        ("ddp", 0, 5, 1),
        ("ddp", 2, 5, 1),
    ]
    assert [cell.batch_size for cell in cells] == [None] * 4
    assert cells[1].label == "mine.py:build on serial x 1, 2 loader workers"
    words = cells[3].command()
    assert "--steps 5" in words
    assert "--loader-workers 2" in words
    assert "--epochs" not in words
    assert "--batch-size" not in words


@pytest.mark.slow
@pytest.mark.usefixtures("project")
def test_records_and_report_say_what_was_proved(capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        "run",
        "project/mine.py:build",
        "--workers",
        "1,2",
        "--epochs",
        "2",
        "--repeats",
        "1",
        "--set",
        "width=4",
        "--details",
    ]
    assert main([*words, "--out", "r.jsonl"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "your own function: proved equal on all backends: numbers of rows, order of rows, initial weights" in shown
    assert "BatchNorm takes its statistics from the rows of each worker alone" in shown
    records = read_records(Path("r.jsonl"))
    assert {record.resolved["parameters"] for record in records} == {4 * 4 + 2 * 4 + 5}
    assert [list(record.code["files"]) for record in records] == [["mine.py", "sizes.py"]] * len(records)
    assert main([*words, "--out", "r.jsonl", "--resume"]) == 0
    assert len(read_records(Path("r.jsonl"))) == len(records)
