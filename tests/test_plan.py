"""A spec that cannot be meant is refused; a grid has every cell once per block, shuffled inside the block."""

import shlex
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyhands.cli import parser
from manyhands.cli.request_options import request_of
from manyhands.errors import UsageError
from manyhands.plan import RunSpec, check_cores, grid, ordered
from manyhands.planning.cells import chosen_cells


def spec(**changes: Any) -> RunSpec:
    return RunSpec(**({"workload": "cnn", "backend": "ddp"} | changes))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"workers": 0}, "--workers 0 is not a whole number above 0"),
        ({"threads": -1}, "--threads -1"),
        ({"epochs": 0}, "--epochs 0"),
        ({"samples": 0}, "--samples 0"),
        ({"batch_size": 0}, "--batch-size 0"),
        ({"batch": "huge"}, "'huge' is not one of global, per-worker"),
        ({"scaling": "weak"}, "'weak' is not one of fixed, growing"),
        ({"steps": 0}, "--steps 0 is not a whole number above 0"),
        ({"max_seconds": 0.0}, "--max-seconds 0 is not above 0 seconds"),
        ({"steps": 5, "epochs": 2}, "--epochs and --steps both say when training ends; give only one of them"),
        ({"steps": 5, "max_seconds": 1.0}, "--steps and --max-seconds both say when training ends"),
        ({"loader_workers": -1}, "--loader-workers -1 is not a whole number from 0 on"),
        ({"device": "tpu"}, "'tpu' is not one of cpu, cuda"),
        ({"timeout_s": 0}, "--timeout 0 is not above 0"),
        ({"nodes": 2, "workers": 3, "batch_size": 66}, "does not spread evenly over --nodes 2"),
        ({"nodes": 2, "workers": 2, "node_rank": 2}, "--node-rank 2 is not in 0..1"),
        ({"workers": 3}, "does not split evenly over 3 workers; use --batch-size 66, or --batch per-worker"),
        ({"scaling": "growing"}, "--scaling growing needs --samples"),
        ({"workers": 2, "samples": 1}, "--samples 1 does not spread over 2 workers; use at least 2, or fewer --workers"),
    ],
)
def test_impossible_spec_is_refused_in_words(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words.replace("(", "\\(")):
        spec(**changes)


def test_batch_and_scaling_say_what_a_worker_gets() -> None:
    assert spec(workers=4, batch_size=64).worker_batch_size == 16
    assert spec(workers=4, batch_size=64, batch="per-worker").worker_batch_size == 64
    assert spec(workers=4, samples=100).total_samples == 100
    assert spec(workers=4, samples=100, scaling="growing").total_samples == 400
    assert spec(workers=4).total_samples is None


def test_more_threads_than_cores_are_refused_unless_asked_for() -> None:
    with pytest.raises(
        UsageError, match="2 workers x 3 threads are more than the 4 usable cores; use fewer, or add --oversubscribe"
    ):
        check_cores([spec(workers=2, threads=3)], cores=4)
    check_cores([spec(workers=2, threads=3, oversubscribe=True), spec(workers=2, threads=2)], cores=4)


@given(count=st.integers(1, 6), repeats=st.integers(1, 4), seed=st.integers(0, 99))
def test_every_cell_comes_once_in_every_block(count: int, repeats: int, seed: int) -> None:
    cells = [spec(seed=number) for number in range(count)]
    runs = ordered(grid([*cells, cells[0]], repeats), seed)
    assert len(runs) == count * repeats
    for block in range(repeats):
        part = runs[block * count : (block + 1) * count]
        assert {run.repeat for run in part} == {block}
        assert {run.seed for run in part} == set(range(count))
    assert runs == ordered(grid(cells, repeats), seed)


def test_blocks_are_in_different_orders() -> None:
    runs = ordered(grid([spec(seed=number) for number in range(8)], 2), 0)
    assert [run.seed for run in runs[:8]] != [run.seed for run in runs[8:]]


@pytest.mark.parametrize(
    "made",
    [
        spec(),
        spec(workers=2, batch_size=32, samples=512, epochs=3, seed=5, score_epochs=True, timeout_s=90.5),
        spec(workload="lstm", settings={"symbols": ("AES", "ALL"), "dropout": 0.1}),
        spec(
            workload="rnn",
            settings={"cell": "gru"},
            batch="per-worker",
            scaling="growing",
            samples=64,
            oversubscribe=True,
            workers=64,
        ),
        spec(nodes=2, workers=2, node_rank=1, address="10.0.0.1:29500"),
        spec(steps=500),
        spec(max_seconds=1.5, samples=512),
    ],
)
def test_the_command_of_a_record_makes_the_same_cell_again(made: RunSpec) -> None:
    words = shlex.split(made.command())
    assert words[0] == "manyhands"
    (cell,) = chosen_cells(request_of(parser().parse_args(words[1:])))
    assert cell.command() == made.command()


def test_the_command_has_the_load_that_the_plan_allows() -> None:
    words = shlex.split(spec().command(max_load=0.5))[1:]
    assert request_of(parser().parse_args(words)).max_load == 0.5
    assert "--max-load" not in spec().command()


def test_spec_survives_the_record() -> None:
    made = spec(settings={"hidden": 3}, samples=12)
    assert RunSpec.from_dict(made.to_dict()) == made
