"""The record names the code that the workers of a class ran: the same files on every backend, also on one of the user's own."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from engines import measured, small_spec

from manyhands.user_code import sha256

pytestmark = pytest.mark.slow

PROCESSES = Path(__file__).parents[3] / "docs" / "examples" / "processes.py"
OWN = """
from dataclasses import dataclass
from manyhands.workloads.rnn import Rnn
import width

@dataclass(frozen=True)
class Own(Rnn):
    hidden: int = width.HIDDEN

    def score(self, outputs, arrays):
        import scoring
        return super().score(outputs, arrays) | {"scored": scoring.VALUE}
"""
AGREE = """
from manyhands.backends.sync.every_step import EveryStep

class Agree(EveryStep): ...
"""
FILES = {
    "own.py": OWN,
    "agree.py": AGREE,
    "width.py": "HIDDEN = 3\n",
    "scoring.py": "VALUE = 1\n",
    "engine_part.py": "",
    "unused.py": "",
}


def test_workers_of_a_class_import_modules_beside_it_and_the_record_has_their_hashes(tmp_path: Path) -> None:
    """`scoring` is imported by the first worker alone; backend and strategy are in the same folder and are no part of the workload."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "engine.py").write_text(PROCESSES.read_text() + "\nimport engine_part\n")
    spec = partial(small_spec, workload=f"{tmp_path}/own.py:Own", samples=128)
    engine = f"{tmp_path}/engine.py:Processes"
    serial, own = (measured(spec(name, workers=count), tmp_path) for name, count in (("serial", 1), (engine, 2)))
    ddp = measured(spec("ddp", sync=f"{tmp_path}/agree.py:Agree"), tmp_path)
    ran = {name: sha256(tmp_path / name) for name in ("own.py", "scoring.py", "width.py")}
    assert serial.code["files"] == ddp.code["files"] == own.code["files"] == ran
    assert serial.code["sha256"] == ddp.code["sha256"] == own.code["sha256"]
    assert serial.quality["scored"] == own.quality["scored"] == 1
    assert own.code["backend"]["files"] == {name: sha256(tmp_path / name) for name in ("engine.py", "engine_part.py")}
    assert ddp.code["sync"]["files"] == {"agree.py": sha256(tmp_path / "agree.py")}
    assert "backend" not in ddp.code
