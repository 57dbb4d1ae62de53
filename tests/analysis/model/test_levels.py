from __future__ import annotations

import numpy as np
import pytest
from scipy.special import stdtrit

from manyhands.analysis.model.levels import levels
from manyhands.analysis.model.observations import Observations


def seen(table: np.ndarray) -> Observations:
    """One launch of every cell in every block. `table`: logarithms, shape (blocks, cells)."""
    blocks, cells = table.shape
    return Observations(
        table.ravel(), np.tile(np.arange(cells), blocks), np.eye(blocks)[np.repeat(np.arange(blocks), cells)], cells
    )


def test_two_cells_are_those_of_the_paired_t_interval() -> None:
    table = np.array([[0.0, 0.3], [0.5, 0.7], [-0.2, 0.2]])
    found = levels(seen(table))
    pairs = table[:, 1] - table[:, 0]
    assert found.level[1] - found.level[0] == pytest.approx(pairs.mean())
    assert found.variance[1, 0] == pytest.approx(pairs.var(ddof=1) / 3)
    assert found.freedom[1, 0] == pytest.approx(2.0)


def test_drift_of_whole_blocks_changes_nothing_but_the_levels() -> None:
    table = np.random.default_rng(1).normal(0, 0.1, (4, 5))
    plain, drifted = levels(seen(table)), levels(seen(table + np.array([[0.0], [1.0], [-2.0], [0.3]])))
    np.testing.assert_allclose(plain.variance, drifted.variance, rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(np.diff(plain.level), np.diff(drifted.level), rtol=1e-8, atol=1e-12)


def test_a_noisy_cell_has_the_widest_interval() -> None:
    noise = np.array([1, 1, 1, 1, 1, 6.0])
    found = levels(seen(np.random.default_rng(3).normal(0, 0.02, (6, 6)) * noise))
    errors = np.sqrt(found.variance[1:, 0])
    assert errors.argmax() == 4
    assert errors[4] > 1.5 * np.median(errors[:4])


def test_intervals_of_unequal_noise_and_missing_launches_cover() -> None:
    chance, noise = np.random.default_rng(5), np.array([1, 1, 2, 2, 3.0])
    covered = []
    for _ in range(400):
        whole = seen(chance.normal(0, 0.05, (5, 1)) + chance.normal(0, 0.02, (5, 5)) * noise)
        kept = (whole.block[:, :2].sum(axis=1) > 0) | np.isin(whole.cell, (0, 3, 4))  # two cells stop after two blocks
        found = levels(Observations(whole.log[kept], whole.cell[kept], whole.block[kept], 5))
        reach = stdtrit(found.freedom[1:, 0], 0.975) * np.sqrt(found.variance[1:, 0])
        covered.append(np.abs(found.level[1:] - found.level[0]) <= reach)
    assert np.all(np.mean(covered, axis=0) > 0.92)
