from __future__ import annotations

from typing import Any

import pytest

from manyhands.cli import main
from manyhands.plan import RunSpec
from manyhands.planning.cells import chosen_cells
from manyhands.planning.request import Request
from manyhands.plugins import backend_classes
from manyhands.run import refusal


def default_plan(monkeypatch: pytest.MonkeyPatch, cores: int) -> list[RunSpec]:
    monkeypatch.setattr("manyhands.planning.cells.usable_cores", lambda: cores)
    return chosen_cells(Request())


def test_default_plan_shows_two_networks_and_one_of_them_on_every_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    cells = default_plan(monkeypatch, 2)
    assert [(cell.workload, cell.backend, cell.workers) for cell in cells[:4]] == [
        ("lstm", "serial", 1),
        ("lstm", "ddp", 2),
        ("cnn", "serial", 1),
        ("cnn", "ddp", 2),
    ]
    others = {cell.backend for cell in cells[4:]}
    assert {cell.workload for cell in cells[4:]} <= {"cnn"}
    for name, backend in backend_classes().items():
        offers = refusal(RunSpec(workload="cnn", backend=name, workers=2)) is None
        assert (name in others) == (offers and backend.in_default_plan and name not in ("serial", "ddp")), name
    assert all(cell.workers * cell.threads <= 2 for cell in cells)


def test_default_plan_fits_one_core(monkeypatch: pytest.MonkeyPatch) -> None:
    assert {cell.workers for cell in default_plan(monkeypatch, 1)} == {1}


def test_dry_run_runs_nothing(torch: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--dry-run"]) == 0
    shown = capsys.readouterr().out
    assert "block 1  manyhands run lstm --backend serial" in shown
    assert "block 2  manyhands run cnn --backend serial" in shown
