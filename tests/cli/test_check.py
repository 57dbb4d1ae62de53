"""`manyhands check`: two real steps on one worker and on two, and a line for what would not compare fairly."""

from __future__ import annotations

from pathlib import Path

import pytest
from own_files import refused

from manyhands.cli import main

TRAININGS = """
import random
import torch
from torch import nn
from torch.utils.data import Dataset, IterableDataset
from manyhands import Training


class Rows(Dataset):
    def __init__(self, count=32, noise=0.0):
        self.count, self.noise = count, noise

    def __len__(self):
        return self.count

    def __getitem__(self, number):
        row = torch.arange(8.0) * number / 100
        return row + self.noise * random.random(), row.sum().unsqueeze(0)


class Stream(IterableDataset):
    def __iter__(self):
        return iter([Rows()[number] for number in range(32)])


def made(data, loss=lambda outputs, batch: nn.functional.mse_loss(outputs, batch[1]), layers=(), **more):
    model = nn.Sequential(nn.Linear(8, 8), *layers, nn.Linear(8, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    if more.pop("scheduled", False):
        more["scheduler"] = torch.optim.lr_scheduler.StepLR(optimizer, 1)
    return Training(model, optimizer, data, loss, batch_size=16, **more)


def fair():
    return made(Rows(), evaluate=lambda model: {"mse": 1.0})


def uneven():
    return made(Rows(noise=1.0), layers=[nn.BatchNorm1d(8), nn.Dropout(0.5)], scheduled=True)


def summed():
    return made(Rows(), lambda outputs, batch: (outputs - batch[1]).square().sum() / 100, evaluate=lambda model: {"mse": 1.0})


def flat():
    return made(Rows(), lambda outputs, batch: (outputs - batch[1]).square())


def stream():
    return made(Stream(), evaluate=lambda model: {"mse": 1.0})


def short():
    return made(Rows(count=1))
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with trainings in `own.py`."""
    (tmp_path / "own.py").write_text(TRAININGS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def levels(name: str, capsys: pytest.CaptureFixture[str], code: int) -> list[str]:
    """The level and the first word of each finding about a training."""
    assert main(["check", f"own.py:{name}"]) == code
    first, *lines = capsys.readouterr().out.splitlines()
    assert first.startswith(f"own.py:{name} {'does not compare fairly yet' if code else 'compares fairly'}")
    assert max(map(len, lines), default=0) <= 80
    return [" ".join(line.replace(":", "").split()[:2]) for line in lines if not line.startswith(" " * 8)]


@pytest.mark.slow
@pytest.mark.usefixtures("folder")
def test_a_fair_training_has_equal_losses_and_no_finding(capsys: pytest.CaptureFixture[str]) -> None:
    assert levels("fair", capsys, 0) == []


@pytest.mark.slow
@pytest.mark.usefixtures("folder")
def test_every_cause_of_other_losses_has_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    notes = ["note data", "note Dropout", "note scheduler", "note quality"]
    assert levels("uneven", capsys, 1) == ["unfair BatchNorm", *notes]


@pytest.mark.slow
@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("name", "finding"),
    [("summed", "unfair the"), ("flat", "fails serial"), ("short", "fails ddp"), ("stream", "unfair the")],
)
def test_what_trains_otherwise_on_two_workers_is_exit_code_1(name: str, finding: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = levels(name, capsys, 1)
    assert found[0].startswith(finding)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["own.py"], "own.py is of kind script, and check looks into a function path/to/mine.py:build or a network"),
        (["kmeans"], "kmeans is of kind clustering"),
        (["nothing"], "unknown workload 'nothing'"),
        (["records.jsonl"], "unknown workload 'records.jsonl'"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_what_cannot_be_checked_is_one_line(words: list[str], reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert reason in refused(["check", *words], capsys)
