"""Launches of cells in turn: every block has every cell once, a cell that fails is left out, and none is launched for nothing."""

from __future__ import annotations

import pytest

from manyhands.errors import EngineError, UsageError
from manyhands.plan import RunSpec
from manyhands.record import Record
from manyhands.rounds.turns import AT_ONCE, Chosen, Turns, accepted

CELLS = [Chosen(RunSpec(workload=name, backend="serial"), rounds) for name, rounds in (("cnn", 3), ("rnn", 3), ("mlp", 2))]


class Launches:
    """Makes records without a launch, and remembers the order."""

    def __init__(self, fails: str = "", raises: str = "") -> None:
        self.made: list[tuple[str, int]] = []
        self.begun: list[tuple[int, int]] = []
        self.fails, self.raises = fails, raises

    def launch(self, spec: RunSpec) -> Record:
        self.made.append((spec.workload, spec.repeat))
        if spec.workload == self.raises:
            raise UsageError("no data")
        status = "failed" if spec.workload == self.fails else "ok"
        return Record(id=f"{spec.workload}{spec.repeat}", spec=spec.to_dict(), status=status, started_at="", reason="broken")

    def begins(self, launches: int, cells: int) -> None:
        self.begun.append((launches, cells))


def test_first_cell_taken_launches_all_in_shuffled_blocks() -> None:
    turns, launches = Turns(CELLS), Launches()
    found = {one.spec.workload: turns.take(one, launches.launch, launches.begins) for one in CELLS}
    assert launches.begun == [(8, 3)]
    assert [repeat for _, repeat in launches.made] == [0, 0, 0, 1, 1, 1, 2, 2]
    assert {name for name, _ in launches.made[:3]} == {"cnn", "rnn", "mlp"}
    assert {name: [accepted(made).id for made in each] for name, each in found.items()} == {
        "cnn": ["cnn0", "cnn1", "cnn2"],
        "rnn": ["rnn0", "rnn1", "rnn2"],
        "mlp": ["mlp0", "mlp1"],
    }


@pytest.mark.parametrize(("how", "error", "words"), [("fails", EngineError, "broken"), ("raises", UsageError, "no data")])
def test_cell_that_fails_is_launched_no_more_and_has_its_error(how: str, error: type[Exception], words: str) -> None:
    turns, launches = Turns(CELLS), Launches(**{how: "rnn"})
    good, bad, _ = [turns.take(one, launches.launch, launches.begins) for one in CELLS]
    assert [name for name, _ in launches.made].count("rnn") == 1
    assert len(good) == 3
    with pytest.raises(error, match=words):
        accepted(bad[0])


def test_cell_that_is_taken_again_is_launched_again_alone() -> None:
    turns, launches = Turns(CELLS), Launches()
    for _ in range(2):
        turns.take(CELLS[0], launches.launch, launches.begins)
    assert launches.begun == [(8, 3), (3, 1)]


def test_cell_that_is_not_among_the_tests_has_turns_of_its_own() -> None:
    launches = Launches()
    assert len(Turns([]).take(CELLS[2], launches.launch, launches.begins)) == 2
    assert launches.begun == [(2, 1)]


def test_many_cells_are_launched_some_at_a_time_in_their_order() -> None:
    cells = [
        Chosen(RunSpec(workload="cnn", backend="ddp", workers=count, batch_size=count), 1) for count in range(1, 2 * AT_ONCE)
    ]
    turns, launches = Turns(cells), Launches()
    for one in cells[:AT_ONCE]:
        assert len(turns.take(one, launches.launch, launches.begins)) == 1
    assert launches.begun == [(AT_ONCE, AT_ONCE)]
    turns.take(cells[AT_ONCE], launches.launch, launches.begins)
    assert launches.begun == [(AT_ONCE, AT_ONCE), (AT_ONCE - 1, AT_ONCE - 1)]
