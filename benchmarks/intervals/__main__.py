"""Prints the tables of docs/results/intervals.md; one of them with its name: coverage, fastest, stopping, yardstick, early.

python -m benchmarks.intervals
python -m benchmarks.intervals coverage yardstick
"""

from __future__ import annotations

import sys

from benchmarks.intervals.coverage import print_coverage
from benchmarks.intervals.early import print_early
from benchmarks.intervals.fastest import print_fastest
from benchmarks.intervals.stopping import print_stopping
from benchmarks.intervals.yardstick import print_yardstick

TABLES = {
    "coverage": print_coverage,
    "fastest": print_fastest,
    "stopping": print_stopping,
    "yardstick": print_yardstick,
    "early": print_early,
}

if __name__ == "__main__":
    for name in sys.argv[1:] or TABLES:
        print(f"## {name}\n")
        TABLES[name]()
