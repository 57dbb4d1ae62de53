from __future__ import annotations

from typing import Any

import pytest

from manyhands.cli import main
from manyhands.plan import RunSpec
from manyhands.planning.cells import chosen_cells, default_note
from manyhands.planning.plan import make_plan
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
    assert [(cell.workload, cell.backend, cell.workers, cell.threads) for cell in cells[4:6]] == [
        ("lstm", "serial", 1, 2),
        ("cnn", "serial", 1, 2),
    ]
    others = {cell.backend for cell in cells[6:]}
    assert {cell.workload for cell in cells[6:]} <= {"cnn"}
    for name, backend in backend_classes().items():
        offers = refusal(RunSpec(workload="cnn", backend=name, workers=2)) is None
        assert (name in others) == (offers and backend.in_default_plan and name not in ("serial", "ddp")), name
    assert all(cell.workers * cell.threads <= 2 for cell in cells)


def test_default_plan_fits_one_core(monkeypatch: pytest.MonkeyPatch) -> None:
    cells = default_plan(monkeypatch, 1)
    assert {(cell.workers, cell.threads) for cell in cells} == {(1, 1)}
    assert len({cell.cell_key for cell in cells}) == len(cells)


def test_dry_run_runs_nothing(torch: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--dry-run"]) == 0
    shown = capsys.readouterr().out
    assert "block 1  manyhands run lstm --backend serial" in shown
    assert "block 2  manyhands run cnn --backend serial" in shown


def test_the_default_plan_says_which_engines_run_one_network_alone() -> None:
    cells = [RunSpec(workload="cnn", backend=name, workers=2, samples=4096, epochs=2) for name in ("ddp", "dask", "ray")]
    note = default_note(cells)
    assert note.startswith("dask, ray: on cnn alone, because ")
    assert note.endswith("manyhands run lstm --backend dask,ray --workers 2 --samples 4096 --epochs 2")
    assert default_note(cells[:1]) == ""
    plan = make_plan(Request())
    engines = {cell.backend for cell in plan.runs} - {"serial", "ddp"}
    assert bool(plan.note) == bool(engines)
    assert all(name in plan.note for name in engines)
    assert make_plan(Request(workloads=("ensemble",), backend=("serial",), workers=(1,))).note == ""


def planned(**options: Any) -> list[str]:
    return [cell.label for cell in chosen_cells(Request.of(**options))]


@pytest.mark.parametrize(
    ("options", "cells"),
    [
        ({"workloads": "cnn", "backend": "ddp"}, ["cnn on serial x 1", "cnn on ddp x 2"]),
        ({"workloads": "cnn", "backend": "ddp", "no_base_line": True}, ["cnn on ddp x 2"]),
        ({"workloads": "cnn", "backend": "ddp", "save": "model.pt"}, ["cnn on ddp x 2"]),
        ({"workloads": "cnn", "backend": "ray", "address": "ray://other:10001"}, ["cnn on ray x 2"]),
        ({"workloads": "cnn", "backend": "ddp", "nodes": 2, "address": "alpha:29500"}, ["cnn on ddp x 2"]),
        ({"workloads": "collective", "backend": "ddp"}, ["collective on ddp x 2"]),
        ({"workloads": ["cnn", "kmeans"], "backend": "ddp"}, ["cnn on serial x 1", "cnn on ddp x 2", "kmeans on ddp x 2"]),
        ({"workloads": "cnn", "backend": "fabric-dp"}, ["cnn on fabric-dp x 2"]),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_the_base_line_is_added_where_something_can_be_compared_with_it(
    options: dict[str, Any], cells: list[str], torch: Any
) -> None:
    assert planned(**options, workers=2, oversubscribe=True) == cells


def test_serial_is_one_worker_however_many_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("manyhands.planning.cells.usable_cores", lambda: 4)
    found = planned(workloads="cnn", backend="serial,ddp", workers=[2, 4])
    assert found == ["cnn on serial x 1", "cnn on ddp x 2", "cnn on ddp x 4", "cnn on serial x 1, 4 threads"]


def test_serial_alone_on_two_workers_is_left_out_with_the_reason(torch: Any) -> None:
    ((left_out, reason),) = make_plan(Request.of("cnn", backend="serial", workers=2, oversubscribe=True)).skipped
    assert (left_out.workers, reason) == (2, "serial is one worker by definition; use --threads to give it more cores")
