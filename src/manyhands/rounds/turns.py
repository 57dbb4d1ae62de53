"""The launches of the cells of one test, made in turn: minutes in which the machine is slow then meet every cell."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from manyhands.errors import EngineError, ManyhandsError
from manyhands.plan import RunSpec, ordered
from manyhands.record import Record

Made = Record | ManyhandsError
AT_ONCE = 12
"""Most cells in turn: some minutes of launches, which an interruption loses."""


@dataclass(frozen=True)
class Chosen:
    """The parameter of a test: the cell, and how often it is launched."""

    spec: RunSpec
    rounds: int


class Turns:
    """The cells of a test, at most `AT_ONCE` of them launched when the first is taken. A cell that fails is launched no more."""

    def __init__(self, cells: Iterable[Chosen], seed: int = 0) -> None:
        self._waiting = {one.spec.cell_key: one for one in cells}
        self._made: dict[str, list[Made]] = {}
        self._seed = seed

    def take(self, chosen: Chosen, launch: Callable[[RunSpec], Record], begins: Callable[[int, int], None]) -> list[Made]:
        """The launches of a cell, in order, with the error of one that failed as the last.

        `launch` makes one launch and raises manyhands' errors; `begins` is called with the numbers of launches and of cells before they
        are made. A cell that is taken again is launched again.
        """
        key = chosen.spec.cell_key
        if key not in self._made:
            self._waiting = {key: chosen} | self._waiting
            cells = [self._waiting.pop(key) for key in [*self._waiting][:AT_ONCE]]
            self._launch_all(cells, launch, begins)
        return self._made.pop(key)

    def _launch_all(
        self, cells: Sequence[Chosen], launch: Callable[[RunSpec], Record], begins: Callable[[int, int], None]
    ) -> None:
        """Launches the cells in shuffled blocks."""
        blocks = [
            [replace(one.spec, repeat=number) for one in cells if number < one.rounds]
            for number in range(max(one.rounds for one in cells))
        ]
        begins(sum(one.rounds for one in cells), len(cells))
        failed: set[str] = set()
        for spec in ordered(blocks, self._seed):
            if spec.cell_key not in failed:
                made = self._one(spec, launch)
                self._made.setdefault(spec.cell_key, []).append(made)
                if not isinstance(made, Record) or not made.ok:
                    failed.add(spec.cell_key)

    @staticmethod
    def _one(spec: RunSpec, launch: Callable[[RunSpec], Record]) -> Made:
        try:
            return launch(spec)
        except ManyhandsError as error:
            return error


def accepted(made: Made) -> Record:
    """The record of a launch that went well; raises the error of one that did not."""
    if not isinstance(made, Record):
        raise made
    if not made.ok:
        raise EngineError(made.reason or made.status)
    return made
