"""Partitions: disjoint, complete, equally long, the same at every worker count, and those of DistributedSampler."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyhands.data.partition import batches, epoch_order, shard
from manyhands.errors import DataError

WORKERS = st.integers(1, 9)
SEEDS = st.integers(0, 2**32 - 1)


@st.composite
def rows_and_workers(draw: st.DrawFn) -> tuple[int, int]:
    workers = draw(WORKERS)
    return draw(st.integers(workers, 200)), workers


@given(rows_and_workers(), SEEDS, st.integers(0, 50))
def test_shards_are_disjoint_complete_and_equally_long(sizes: tuple[int, int], seed: int, epoch: int) -> None:
    rows, workers = sizes
    order = epoch_order(rows, seed, epoch)
    shards = [shard(order, workers, rank) for rank in range(workers)]
    assert sorted(np.concatenate([one.rows for one in shards])) == list(range(rows))
    assert {len(one.indices) for one in shards} == {-(-rows // workers)}
    padding = sum(one.padding for one in shards)
    assert padding == workers * len(shards[0].indices) - rows
    assert padding <= workers - 1
    assert max(one.padding for one in shards) <= 1
    assert all(one.indices.min() >= 0 and one.indices.max() < rows for one in shards)


@given(st.integers(1, 300), SEEDS, st.integers(0, 50))
def test_the_order_follows_from_rows_seed_and_epoch(rows: int, seed: int, epoch: int) -> None:
    order = epoch_order(rows, seed, epoch)
    assert sorted(order) == list(range(rows))
    assert np.array_equal(order, epoch_order(rows, seed, epoch))


@given(SEEDS, st.integers(0, 50))
def test_each_epoch_and_each_seed_has_another_order(seed: int, epoch: int) -> None:
    order = epoch_order(100, seed, epoch)
    assert not np.array_equal(order, epoch_order(100, seed, epoch + 1))
    assert not np.array_equal(order, epoch_order(100, seed + 1, epoch))


@given(rows_and_workers(), st.integers(1, 40), SEEDS)
def test_the_workers_batches_of_a_step_are_the_one_global_batch(sizes: tuple[int, int], batch_size: int, seed: int) -> None:
    rows, workers = sizes
    order = epoch_order(rows, seed, 0)
    alone = [batch.indices for batch in batches(order, 1, 0, batch_size * workers)]
    together = [list(batches(order, workers, rank, batch_size)) for rank in range(workers)]
    assert {len(mine) for mine in together} == {len(alone)}
    for step, expected in enumerate(alone):
        parts = [mine[step] for mine in together]
        assert sorted(np.concatenate([part.indices for part in parts if part.weight])) == sorted(expected)
        assert all(len(part.indices) > 0 for part in parts)


@given(rows_and_workers(), st.integers(1, 40), SEEDS)
def test_weighted_means_average_to_the_mean_of_the_global_batch(sizes: tuple[int, int], batch_size: int, seed: int) -> None:
    rows, workers = sizes
    order = epoch_order(rows, seed, 0)
    loss = np.random.default_rng(seed).normal(size=rows)
    together = zip(*(batches(order, workers, rank, batch_size) for rank in range(workers)), strict=True)
    for step, parts in enumerate(together):
        start = step * workers * batch_size
        expected = loss[order[start : start + workers * batch_size]].mean()
        assert sum(part.weight * loss[part.indices].mean() for part in parts) / workers == pytest.approx(expected, abs=1e-12)


def test_refuses_fewer_rows_than_workers() -> None:
    with pytest.raises(DataError, match="2 rows cannot be spread over 3 workers"):
        shard(epoch_order(2, 0, 0), 3, 0)


@given(rows_and_workers(), SEEDS)
def test_each_rank_sees_what_distributed_sampler_gives_it(sizes: tuple[int, int], seed: int) -> None:
    sampler = pytest.importorskip(
        "torch.utils.data", reason="torch is not installed: pip install 'manyhands[torch]'"
    ).DistributedSampler
    rows, workers = sizes
    order = epoch_order(rows, seed, 0)
    for rank in range(workers):
        theirs = sampler(order, num_replicas=workers, rank=rank, shuffle=False)
        assert shard(order, workers, rank).indices.tolist() == [int(order[position]) for position in theirs]
