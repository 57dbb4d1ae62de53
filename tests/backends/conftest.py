"""Measured cells that the contract tests share: each is run once in a test process.

Cells of an engine that can serve several runs share one started engine, so that few engines are started. One cell of every
backend, and every cell that fails, has an engine of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from contract import KNOWN, planted, shared_cells
from listening import listening

from manyhands.plan import RunSpec
from manyhands.plugins import backend_class
from manyhands.record import Record
from manyhands.reuse import measure_in_one_engine
from manyhands.run import RunContext, measure, refusal

LOOK_S = 0.5
"""How often open ports are looked up: often enough for a run of ten seconds, and no burden for it."""

FIRST = 5
"""Position of the first run of a shared engine in its plan."""


@dataclass
class Measured:
    """Records by spec."""

    context: RunContext
    kept: dict[str, Record] = field(default_factory=dict)
    heard: dict[str, set[str]] = field(default_factory=dict)
    together: dict[str, list[Record]] = field(default_factory=dict)

    def alone(self, spec: RunSpec) -> Record:
        """The record of a run in an engine of its own; skips with the reason where the cell cannot be run here."""
        name = repr(spec)
        if name not in self.kept:
            if reason := refusal(spec):
                pytest.skip(f"{spec.label}: {reason}")
            with listening(LOOK_S) as heard:
                self.kept[name] = measure(spec, self.context)
            self.heard[name] = heard
        return self.kept[name]

    def listened(self, spec: RunSpec) -> set[str]:
        """The addresses that any process of the run listened on."""
        self.alone(spec)
        return self.heard[repr(spec)]

    def shared(self, spec: RunSpec) -> Record:
        """The record of a run in the engine that serves all shared cells of its backend, or alone where nothing can be shared."""
        if not backend_class(spec.backend).reusable:
            return self.alone(spec)
        name = repr(replace(spec, reuse_engine=True))
        records = {repr(RunSpec.from_dict(record.spec)): record for record in self.of_one_engine(spec.backend)}
        return records[name]

    def of_one_engine(self, backend: str) -> Sequence[Record]:
        """The records of all cells that share one engine of the backend, in the order of the runs."""
        if backend not in self.together:
            cells = [replace(cell, reuse_engine=True) for cell in shared_cells(backend)]
            for cell in cells:
                if reason := refusal(cell):
                    pytest.skip(f"{cell.label}: {reason}")
            self.together[backend] = []
            measure_in_one_engine(cells, self.context, FIRST, self.together[backend].append)
        return self.together[backend]


@pytest.fixture(scope="session")
def measured(tmp_path_factory: pytest.TempPathFactory, _cache_of_the_session: None) -> Measured:
    """The records that tests of this process share."""
    write_planted(planted())
    return Measured(RunContext(log_folder=tmp_path_factory.mktemp("logs")))


def write_planted(path: Path) -> None:
    """Writes 5,000 rows of two features and, in a column between them, the label."""
    chance = np.random.default_rng(0)
    a, b = chance.random((2, 5000))
    labels = (a > b) ^ (chance.random(5000) > KNOWN)
    lines = [f"{x:.3f},{label:d},{y:.3f}" for x, label, y in zip(a, labels, b, strict=True)]
    path.write_text("\n".join(["a,planted,b", *lines]))
