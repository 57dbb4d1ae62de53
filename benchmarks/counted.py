"""Pure readers and analysis, small enough to count their instructions: `manyhands compare BASE --count-instructions`.

Each function prepares its input and returns the call to be counted. Run as a script it makes that call so many times:

    python benchmarks/counted.py            # the names
    python benchmarks/counted.py read_idx 3
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

IMAGES = 2000
Call = Callable[[], object]


def read_idx(folder: Path) -> Call:
    """2,000 images of a plain file, header and every pixel."""
    import numpy as np

    from manyhands.data import idx

    path = folder / "images-idx3-ubyte"
    idx.write_idx(path, np.arange(IMAGES * 28 * 28, dtype=np.uint32).astype(np.uint8).reshape(IMAGES, 28, 28))
    return lambda: idx.read_idx(path).sum()


def read_packed_idx(folder: Path) -> Call:
    """The same images, compressed."""
    import numpy as np

    from manyhands.data import idx

    path = folder / "images-idx3-ubyte.gz"
    idx.write_idx(path, np.arange(IMAGES * 28 * 28, dtype=np.uint32).astype(np.uint8).reshape(IMAGES, 28, 28))
    return lambda: idx.read_idx(path).sum()


def partition(folder: Path) -> Call:
    """The rows of eight workers in one epoch."""
    from manyhands.data.partition import epoch_order, shard

    return lambda: [shard(epoch_order(60_000, seed=0, epoch=1), 8, rank) for rank in range(8)]


def read_records(folder: Path) -> Call:
    """A file of 60 records."""
    from manyhands.analysis.example import example_records
    from manyhands.record import read_records

    path = folder / "records.jsonl"
    path.write_text("".join(record.to_json() + "\n" for record in example_records(repeats=15)))
    return lambda: read_records(path)


def summarise(folder: Path) -> Call:
    """Groups, speed-ups and intervals of 60 records."""
    from manyhands.analysis.cells import group_records
    from manyhands.analysis.example import example_records
    from manyhands.analysis.summary import summarise

    records = example_records(repeats=15)
    return lambda: [summarise(group) for group in group_records(records)]


def print_table(folder: Path) -> Call:
    """The report of 60 records as text."""
    from manyhands.analysis.example import example_records
    from manyhands.report.terminal import to_text

    records = example_records(repeats=15)
    return lambda: to_text(records)


COUNTED = {call.__name__: call for call in (read_idx, read_packed_idx, partition, read_records, summarise, print_table)}


def main() -> None:
    """Prints the names, or makes one of the calls as often as asked."""
    if len(sys.argv) < 3:
        print("\n".join(COUNTED))
        return
    name, times = sys.argv[1], int(sys.argv[2])
    with tempfile.TemporaryDirectory() as folder:
        call = COUNTED[name](Path(folder))
        for _ in range(times):
            call()


if __name__ == "__main__":
    main()
