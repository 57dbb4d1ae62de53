"""The cost of an all-reduce of n workers in the alpha-beta model, and the part of it that the backward pass does not hide.

In one step, two workers exchange bytes in alpha + bytes x beta seconds; all pairs do so in parallel. For a message of S bytes:

ring   2 (n - 1) alpha + 2 (n - 1) / n x S beta                   reduce-scatter and all-gather in a ring
tree   2 lg n alpha + 2 (n - 1) / n x S beta                      the same by halving and doubling, n a power of two
       2 (alpha + S beta) more than for the power of two below    otherwise: each extra worker first sends its values to another

Sources: Thakur, Rabenseifner and Gropp 2005, doi:10.1177/1094342005051521; Rabenseifner 2004, doi:10.1007/978-3-540-24685-5_1;
the ring as in nccl-tests, doc/PERFORMANCE.md. The time to add the values is part of the measured beta.

DistributedDataParallel exchanges gradients in buckets, last layers first. A bucket is exchanged as soon as the backward pass
has filled it and the bucket before it is done: Li et al. 2020, PyTorch Distributed, doi:10.14778/3415478.3415530.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = float | NDArray[np.float64]

MIB = 1024 * 1024
FIRST_BUCKET = 1 * MIB
"""Bytes of the first bucket; it is small, so that the exchange starts early. torch's `_DEFAULT_FIRST_BUCKET_BYTES`."""
BUCKET = 25 * MIB
"""Bytes of every other bucket: the default of torch's `bucket_cap_mb`."""


def ring_s(workers: int, size: float, alpha: Numbers, beta: Numbers) -> Numbers:
    """Seconds of a ring all-reduce; 0 for one worker. `size` in bytes, `alpha` in seconds, `beta` in seconds per byte."""
    return 2 * (workers - 1) * (alpha + size / workers * beta)


def tree_s(workers: int, size: float, alpha: Numbers, beta: Numbers) -> Numbers:
    """Seconds of an all-reduce by halving and doubling; 0 for one worker. Arguments as for `ring_s`."""
    levels = workers.bit_length() - 1
    below: int = 2**levels
    folded = 2 if below < workers else 0
    return (2 * levels + folded) * alpha + (2 * (below - 1) / below + folded) * size * beta


ALGORITHMS: Mapping[str, Callable[..., Numbers]] = {"ring": ring_s, "tree": tree_s}


def buckets(size: float) -> list[float]:
    """Bytes of each bucket for `size` bytes of gradients, in the order of exchange; assumes that a tensor can be split anywhere."""
    found = [min(size, FIRST_BUCKET)]
    while (left := size - sum(found)) > 0:
        found.append(min(left, BUCKET))
    return found


def exposed_s(backward_s: Numbers, sizes: Sequence[float], exchange_s: Callable[[float], Numbers]) -> Numbers:
    """Seconds that the exchange continues after the backward pass has ended, so compute does not hide them.

    `sizes`: bytes of the buckets; gradients arrive evenly over the pass. `exchange_s`: bytes -> seconds of their all-reduce.
    """
    import numpy as np

    total, done = sum(sizes), 0.0
    through: Numbers = 0.0
    for size in sizes:
        done += size
        filled = backward_s * (done / total)
        through = np.maximum(through, filled) + exchange_s(size)
    return through - backward_s
