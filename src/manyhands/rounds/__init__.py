"""The launches of the cells of a pytest suite, and the benchmarks that pytest-benchmark keeps of them."""
