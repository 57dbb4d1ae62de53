"""The figures of docs/results/intervals.md, from stored launches of unchanged programs: `python -m benchmarks.intervals`."""
