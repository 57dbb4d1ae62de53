"""The character transformer of `docs/examples` as a function: two workers learn what one learns, with a module beside the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from manyhands.plan import RunSpec
from manyhands.run import RunContext, measure

pytestmark = pytest.mark.slow

EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "characters_function.py"


def test_two_workers_learn_what_one_learns(tmp_path: Path) -> None:
    context = RunContext(log_folder=tmp_path)
    one, two = (
        measure(
            RunSpec(
                workload=f"{EXAMPLE}:build",
                backend=backend,
                workers=workers,
                batch_size=None,
                steps=20,
                settings={"width": 32, "layers": 1},
                yardstick=("none",),
                timeout_s=200.0,
            ),
            context,
        )
        for backend, workers in (("serial", 1), ("ddp", 2))
    )
    assert one.ok, one.reason
    assert two.ok, two.reason
    assert one.init_sha256 == two.init_sha256
    assert two.history[0]["loss"] == pytest.approx(one.history[0]["loss"], rel=1e-2), "bfloat16 has 8 bits"
    assert two.quality["held_out_loss"] == pytest.approx(one.quality["held_out_loss"], rel=5e-2)
    assert list(one.code["files"]) == ["characters.py", "characters_function.py"]
    assert (two.resolved["steps_trained"], two.resolved["rows_trained"], two.resolved["autocast"]) == (20, 640, "bfloat16")
