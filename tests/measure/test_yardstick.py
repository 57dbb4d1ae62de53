"""The yardstick: fixed programs, the same numbers in every process, and no trace in the run's own random numbers."""

import pytest

from manyhands.measure.yardstick import PROGRAMS, Yardstick
from manyhands.plan import YARDSTICKS


def test_every_moment_has_the_seconds_of_every_program() -> None:
    yardstick = Yardstick(("matrix", "memory"))
    for _ in range(3):
        yardstick.measure()
    assert {name: len(seconds) for name, seconds in yardstick.seconds.items()} == {"matrix": 3, "memory": 3}
    assert all(0 < second < 5 for seconds in yardstick.seconds.values() for second in seconds)


def test_options_name_the_programs_that_exist() -> None:
    assert set(YARDSTICKS) == set(PROGRAMS)


def test_random_numbers_of_the_run_are_left_alone() -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    Yardstick(YARDSTICKS).measure()
    assert torch.equal(torch.rand(4), expected)
