import pytest


@pytest.mark.cells("fast_training/digits.py:build", backend=["serial", "ddp"], workers=[1, 2])
def test_training_speed(cell, benchmark):
    cell.launch(benchmark)
