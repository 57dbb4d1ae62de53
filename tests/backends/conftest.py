"""Measured cells that the contract tests share: each is run once, by the first test process that needs it.

Cells of an engine that can serve several runs share one started engine, so that few engines are started. One cell of every
backend has an engine of its own, and so has every cell that fails, but for the last one of a shared engine.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha256
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
    folder: Path
    """Keeps the records of cells that run alone, for all test processes of this session."""
    kept: dict[str, tuple[Record, set[str]]] = field(default_factory=dict)
    """Spec -> the record, and the addresses that any process of the run listened on."""
    together: dict[str, list[Record]] = field(default_factory=dict)

    def alone(self, spec: RunSpec) -> Record:
        """The record of a run in an engine of its own; skips with the reason where the cell cannot be run here."""
        return self._alone(spec)[0]

    def listened(self, spec: RunSpec) -> set[str]:
        """The addresses that any process of the run listened on."""
        return self._alone(spec)[1]

    def _alone(self, spec: RunSpec) -> tuple[Record, set[str]]:
        name = repr(spec)
        if name not in self.kept:
            if reason := refusal(spec):
                pytest.skip(f"{spec.label}: {reason}")
            with locked(self.folder / sha256(name.encode()).hexdigest()) as file:
                if not file.stat().st_size:
                    with listening(LOOK_S) as heard:
                        record = measure(spec, self.context)
                    file.write_text(json.dumps([record.to_json(), sorted(heard)]))
                line, addresses = json.loads(file.read_text())
            self.kept[name] = Record.from_json(line), set(addresses)
        return self.kept[name]

    def shared(self, spec: RunSpec) -> Record:
        """The record of a run in the engine that serves all shared cells of its backend, or alone where nothing can be shared."""
        if not backend_class(spec.backend).reusable:
            return self.alone(spec)
        name = repr(replace(spec, reuse_engine=True))
        records = {repr(RunSpec.from_dict(record.spec)): record for record in self.of_one_engine(spec.backend)}
        return records[name]

    def of_one_engine(self, backend: str) -> Sequence[Record]:
        """The records of all cells that share one engine of the backend, in the order of the runs; the last one failed.

        Only in the test process of that engine (`process_of` in tests/conftest.py): the engine would be started in another one too.
        """
        if backend not in self.together:
            test = os.environ["PYTEST_CURRENT_TEST"]
            assert backend in re.split(r"\W", test), f"{test} has a cell of {backend}: name {backend} in the test's parameters"
            cells = [replace(cell, reuse_engine=True) for cell in shared_cells(backend)]
            for cell in cells:
                if reason := refusal(cell):
                    pytest.skip(f"{cell.label}: {reason}")
            self.together[backend] = []
            measure_in_one_engine(cells, self.context, FIRST, self.together[backend].append)
        return self.together[backend]


@contextmanager
def locked(file: Path) -> Iterator[Path]:
    """The file, empty at first, which no other test process reads or writes inside the block."""
    with file.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield file


@pytest.fixture(scope="session")
def measured(tmp_path_factory: pytest.TempPathFactory, _cache_of_the_session: None) -> Measured:
    """The records that the tests of this session share."""
    write_planted(planted())
    base = tmp_path_factory.getbasetemp()  # with pytest-xdist a folder for each process, in one folder for all
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "measured"
    folder.mkdir(exist_ok=True)
    return Measured(RunContext(log_folder=tmp_path_factory.mktemp("logs")), folder)


def write_planted(path: Path) -> None:
    """Writes 5,000 rows of two features and, in a column between them, the label."""
    chance = np.random.default_rng(0)
    a, b = chance.random((2, 5000))
    labels = (a > b) ^ (chance.random(5000) > KNOWN)
    lines = [f"{x:.3f},{label:d},{y:.3f}" for x, label, y in zip(a, labels, b, strict=True)]
    path.write_text("\n".join(["a,planted,b", *lines]))
