"""`--sync`, `--limit` and `--target`: the cells that they make, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from manyhands.errors import UsageError
from manyhands.plan import RunSpec
from manyhands.planning.cells import chosen_cells
from manyhands.planning.request import Request
from manyhands.run import refusal


def cells(*workloads: str, **options: object) -> list[tuple[str, int, str]]:
    chosen = chosen_cells(Request.of(*workloads, oversubscribe=True, **options))
    return [(cell.backend, cell.workers, cell.sync) for cell in chosen if not (cell.backend == "serial" and cell.threads > 1)]


@pytest.mark.usefixtures("torch")
def test_strategies_are_an_axis_of_cells_with_several_workers() -> None:
    assert cells("cnn", backend="ddp", workers="1,2", sync="every-step,local=8") == [
        ("serial", 1, "every-step"),
        ("ddp", 1, "every-step"),
        ("ddp", 2, "every-step"),
        ("ddp", 2, "local=8"),
    ]
    assert cells("cnn", backend="ddp", workers=2) == [("serial", 1, "every-step"), ("ddp", 2, "every-step")]


@pytest.mark.usefixtures("torch")
def test_a_limit_is_a_twin_of_every_network_cell_of_several_workers() -> None:
    found = cells("cnn", backend=["serial", "ddp"], workers=[1, 2], sync=["local=8", "fp16"], limit=True)
    assert found.count(("ddp", 2, "limit")) == 1
    assert [sync for backend, workers, sync in found if (backend, workers) != ("ddp", 2)] == ["every-step"] * 2
    assert ("joblib", 2, "limit") not in cells("ensemble", backend="joblib", workers=2, limit=True)


@pytest.mark.usefixtures("torch")
def test_the_default_plan_takes_strategies_too() -> None:
    assert {sync for backend, _, sync in cells(sync="local=4", limit=True) if backend == "ddp"} == {"local=4", "limit"}


def test_a_strategy_needs_several_workers() -> None:
    for asked in ({"sync": "zero1"}, {"sync": "local=8", "limit": True}):
        with pytest.raises(
            UsageError, match=r"^--sync .* is about what several workers exchange, and every cell here has one; add"
        ):
            cells("cnn", backend="ddp", workers=1, **asked)
    with pytest.raises(UsageError, match=r"^--limit is about"):
        cells("cnn", backend="ddp", workers=1, limit=True)


def test_a_strategy_of_a_file_is_found_from_every_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(__file__).parents[1] / "backends" / "sync"
    monkeypatch.chdir(folder)
    assert cells("cnn", backend="ddp", workers=2, sync="own_strategy.py:Quarter")[-1][2] == f"{folder}/own_strategy.py:Quarter"


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        (
            {"workload": "kmeans", "backend": "dask", "sync": "local=8"},
            "--sync local=8 is for networks, not for clustering; leave",
        ),
        (
            {"workload": "cnn", "backend": "ddp", "workers": 1, "sync": "zero1"},
            "--sync zero1 is for several workers; use --workers 2",
        ),
        (
            {"workload": "ensemble", "backend": "joblib", "target": "accuracy=0.9"},
            "--target is the score of an epoch of a network",
        ),
    ],
)
def test_cells_without_an_exchange_are_refused(spec: dict[str, object], reason: str) -> None:
    pytest.importorskip("torch")
    found = refusal(RunSpec.from_dict({"workers": 2} | spec))
    if found is not None and "needs" in found:
        pytest.skip(found)
    assert str(found).startswith(reason)


def test_a_target_scores_every_epoch_and_is_in_the_command() -> None:
    (cell,) = (
        one
        for one in chosen_cells(
            Request.of("cnn", backend="ddp", workers=2, target="accuracy=0.950", oversubscribe=True, sync="local=4")
        )
        if one.workers == 2
    )
    assert (cell.target, cell.score_epochs) == ("accuracy=0.95", True)
    assert "--sync local=4 --target accuracy=0.95" in cell.command()
    assert cell.label == "cnn on ddp x 2, local=4"
    assert Request.of("cnn", target=("accuracy", 0.95)).target == "accuracy=0.95"
    assert Request.of("cnn", target="rmse=0.12345678").target == "rmse=0.12345678"
    for wrong in ("accuracy", "accuracy=high", "=0.9", "accuracy=inf"):
        with pytest.raises(UsageError, match=r"^--target .* is not a metric and the number to reach, such as accuracy=0.95$"):
            Request.of("cnn", target=wrong)
