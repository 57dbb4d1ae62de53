"""Fixed shares: disjoint, complete, of equally many steps, and weighted so that the mean over workers is that over rows."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from manyhands.backends.ranks.sampler import FixedSampler
from manyhands.data.fetch_request import share_of
from manyhands.plan import RunSpec


def samplers(rows: int, workers: int, batch_size: int) -> list[FixedSampler]:
    spec = RunSpec(workload="mlp", backend="ddp", workers=workers, batch="per-worker", batch_size=batch_size, shard_data=True)
    return [FixedSampler(rows, workers, rank, spec) for rank in range(workers)]


@given(rows=st.integers(1, 60), workers=st.integers(1, 5), batch_size=st.integers(1, 9))
def test_every_row_is_seen_once_and_steps_are_equal(rows: int, workers: int, batch_size: int) -> None:
    assume(rows >= workers)
    ranks = samplers(rows, workers, batch_size)
    batches = [list(rank) for rank in ranks]
    assert {len(own) for own in batches} == {len(ranks[0])}
    seen = [
        int(row) + rank.shares[rank.rank].start
        for rank, own in zip(ranks, batches, strict=True)
        for batch in own
        if batch.weight
        for row in batch.indices
    ]
    assert sorted(seen) == list(range(rows))
    assert sum(rank.rows_seen for rank in ranks) == rows
    for step in zip(*batches, strict=True):
        assert sum(batch.weight for batch in step) == pytest.approx(workers)
        real = [len(batch.indices) if batch.weight else 0 for batch in step]
        for batch, count in zip(step, real, strict=True):
            assert batch.weight == pytest.approx(count * workers / sum(real))


def test_epochs_differ_and_stay_in_the_share() -> None:
    first, second = samplers(21, 2, 4)
    orders = []
    for epoch in (1, 2):
        second.set_epoch(epoch)
        orders.append(np.concatenate([batch.indices for batch in second if batch.weight]))
    assert not np.array_equal(*orders)
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(11))
    assert first.shares == [range(10), range(10, 21)]


def test_the_hash_is_that_of_the_rows_numbers_in_the_whole_set() -> None:
    sampler = samplers(21, 2, 4)[1]
    digest = hashlib.sha256()
    for batch in sampler:
        digest.update((batch.indices + 10).tobytes())
    assert sampler.rows_hash.hexdigest() == digest.hexdigest()


@given(total=st.integers(0, 1000), workers=st.integers(1, 20))
def test_shares_follow_each_other_and_differ_by_one_row_at_most(total: int, workers: int) -> None:
    shares = [share_of(total, workers, rank) for rank in range(workers)]
    assert [row for share in shares for row in share] == list(range(total))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
