"""The names that pytest-benchmark keeps, and the line about a base line that cannot be compared with."""

from __future__ import annotations

from manyhands.rounds.kept import Kept, not_compared

EPOCH = Kept(
    "test_own.py::test_speed[cnn-serial-1]", "test_speed[cnn-serial-1]: epoch", "epoch", "samples 512, yardstick network 2"
)
OTHER = Kept(
    "test_own.py::test_speed[rnn-serial-1]", "test_speed[rnn-serial-1]: epoch", "epoch", "samples 512, yardstick network 2"
)


def test_same_work_and_yardstick_is_compared() -> None:
    assert list(not_compared([EPOCH, OTHER], {EPOCH.fullname, OTHER.fullname})) == []


def test_cell_that_the_base_line_does_not_have_is_new() -> None:
    assert list(not_compared([EPOCH], {OTHER.fullname, "test_own.py::test_other"})) == []


def test_other_work_or_yardstick_is_one_line_for_all_cells() -> None:
    before = {one.fullname.replace("network 2", "network 1") for one in (EPOCH, OTHER)}
    assert list(not_compared([EPOCH, OTHER], before)) == [
        "not compared: test_speed[cnn-serial-1]: epoch, test_speed[rnn-serial-1]: epoch; the base line has them with"
        " 'samples 512, yardstick network 1', this run with 'samples 512, yardstick network 2';"
        " make a new base line with --benchmark-autosave"
    ]


def test_base_line_of_an_older_version_has_whole_launches_alone() -> None:
    (line,) = not_compared([EPOCH], {EPOCH.test})
    assert "the base line has them with 'a whole launch in seconds'" in line
