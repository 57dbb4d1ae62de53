import pytest


@pytest.mark.cells("digits", backend=["serial", "joblib"], workers=[1, 2])
def test_training_speed(cell, benchmark):
    cell.launch(benchmark)
