"""Other models of the same launches, which the one in `manyhands.analysis.model` was chosen over.

Each takes plans of shape (draws, blocks, cells) and gives, for every cell but the base line, the difference to the base line and half
of its 95 % interval, both on the log scale with shape (draws, cells - 1).
"""

from __future__ import annotations

import numpy as np
from benchmarks.intervals.pools import Array
from scipy.special import digamma, ndtr, polygamma, stdtrit

Answer = tuple[Array, Array]


def own_pairs(plans: Array) -> Answer:
    """Student's t on the differences of the pairs of each cell and the base line."""
    blocks = plans.shape[1]
    pairs = plans[:, :, 1:] - plans[:, :, :1]
    return pairs.mean(1), stdtrit(blocks - 1, 0.975) * pairs.std(1, ddof=1) / np.sqrt(blocks)


def pooled(plans: Array) -> Answer:
    """One variance for all cells, from a two-way table."""
    _, blocks, cells = plans.shape
    difference, residual = _two_way(plans)
    freedom = (blocks - 1) * (cells - 1)
    reach = stdtrit(freedom, 0.975) * np.sqrt((residual**2).sum((1, 2)) / freedom * 2 / blocks)
    return difference, np.repeat(reach[:, None], cells - 1, axis=1)


def smyth(plans: Array) -> Answer:
    """limma's moderated t: the degrees of freedom of the prior are estimated from the variances. Doi:10.2202/1544-6115.1027."""
    _, blocks, cells = plans.shape
    difference, residual = _two_way(plans)
    freedom, most = (blocks - 1) * (1 - 1 / cells), (blocks - 1) * (cells - 1)
    variance = (residual**2).sum(1) / freedom
    whole = (residual**2).sum((1, 2)) / most
    logs = np.log(np.maximum(variance, 1e-4 * whole[:, None])) - digamma(freedom / 2) + np.log(freedom / 2)
    excess = logs.var(1, ddof=1) - polygamma(1, freedom / 2)
    prior = np.where(excess > 1e-4, 2 * _trigamma_inverse(np.maximum(excess, 1e-4)), 1e6)
    usual = np.where(prior < 1e6, np.exp(logs.mean(1) + digamma(prior / 2) - np.log(prior / 2)), whole)
    moderated = (prior * usual)[:, None] + freedom * variance
    return difference, _satterthwaite(
        moderated / (prior + freedom)[:, None], np.minimum(prior + freedom, most)[:, None], blocks, most
    )


def huber(plans: Array, bend: float = 1.5) -> Answer:
    """A two-way table by Huber's M-estimate, with his correction of the variance. Robust Statistics, 1981, section 7.6."""
    _, blocks, cells = plans.shape
    freedom = (blocks - 1) * (cells - 1)
    _, residual = _two_way(plans)
    cell, block = plans.mean(1), plans.mean(2) - plans.mean((1, 2))[:, None]
    scale = np.sqrt((residual**2).sum((1, 2)) / freedom)
    tail = np.exp(-bend * bend / 2) / np.sqrt(2 * np.pi)
    usual = 1 - 2 * bend * tail - 2 * (1 - bend * bend) * (1 - ndtr(bend))
    weight = np.ones_like(plans)
    for _ in range(30):
        residual = plans - cell[:, None] - block[:, :, None]
        far = np.abs(residual) / scale[:, None, None]
        weight = np.minimum(1, bend / np.maximum(far, 1e-12))
        scale = scale * np.sqrt((np.minimum(far, bend) ** 2).sum((1, 2)) / freedom / usual)
        cell = ((plans - block[:, :, None]) * weight).sum(1) / weight.sum(1)
        block = ((plans - cell[:, None]) * weight).sum(2) / weight.sum(2)
    inside = (far < bend).mean((1, 2))
    correction = 1 + (cells + blocks - 1) / (cells * blocks) * (1 - inside) / inside
    variance = ((weight * residual) ** 2).sum((1, 2)) / freedom * correction**2 / inside**2
    reach = stdtrit(freedom, 0.975) * np.sqrt(variance * 2 / blocks)
    return cell[:, 1:] - cell[:, :1], np.repeat(reach[:, None], cells - 1, axis=1)


def _two_way(plans: Array) -> tuple[Array, Array]:
    cell = plans.mean(1)
    residual = plans - cell[:, None] - plans.mean(2)[:, :, None] + plans.mean((1, 2))[:, None, None]
    return cell[:, 1:] - cell[:, :1], residual


def _satterthwaite(variance: Array, freedom: Array, blocks: int, most: float) -> Array:
    both = variance[:, 1:] + variance[:, :1]
    parts = (variance[:, 1:] ** 2 + variance[:, :1] ** 2) / freedom
    return np.asarray(stdtrit(np.minimum(both**2 / parts, most), 0.975) * np.sqrt(both / blocks))


def _trigamma_inverse(value: Array) -> Array:
    found = 0.5 + 1 / value
    for _ in range(30):
        now = polygamma(1, found)
        found = found + now * (1 - now / value) / polygamma(2, found)
    return np.asarray(found)
