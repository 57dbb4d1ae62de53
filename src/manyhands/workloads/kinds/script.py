"""Kind `script`: a user's own training script, `path/to/train.py`, as `python` or `torchrun` would start it.

The script decides itself what it trains; manyhands gives it processes, measures them, and hands its arguments over.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from manyhands.workloads.workload import Workload

if TYPE_CHECKING:
    from manyhands.plan import RunSpec


@dataclass(frozen=True)
class ScriptWorkload(Workload):
    """Any script; its file is the name of the workload in the spec."""

    kind: ClassVar[str] = "script"
    name: ClassVar[str] = "script"
    summary: ClassVar[str] = "a training script of your own"
    data: ClassVar[str] = "the script's own"
    quality: ClassVar[str] = ""

    arguments: tuple[str, ...] = ()
    """The words after `--`, which the script finds in `sys.argv`."""

    def check_data(self, data_dir: Path | None, samples: int | None) -> None:
        """The script reads its own data."""

    def count_rows(self, data_dir: Path | None) -> int:
        return 0


OF_OTHERS = (
    *("epochs", "steps", "max_seconds", "loader_workers", "samples", "batch_size", "seed", "score_epochs", "scaling"),
    "target",
)
"""Fields of a spec that a script does not see."""


def refused_options(spec: RunSpec) -> str | None:
    """The reason why options of a spec mean nothing to a script; None when all mean something."""
    from manyhands.plan import DEFAULTS, option

    if asked := [option(name) for name in OF_OTHERS if getattr(spec, name) != DEFAULTS[name]]:
        return f"{' and '.join(asked)} would not reach {Path(spec.workload).name}: a script takes its own arguments, after --"
    return None
