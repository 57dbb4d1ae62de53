"""One run of a script: the folder of its job, outputs and reports, which all workers see.

An engine starts `command` in each of its workers, with RANK and its companions in the environment, and then asks for `fit` or, when
something failed, for `error`.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from manyhands.backends.base import Fit
from manyhands.backends.scripts.failure import script_error
from manyhands.backends.scripts.fit import script_fit
from manyhands.errors import ManyhandsError
from manyhands.machine import clock_name, host_name
from manyhands.plan import RunSpec
from manyhands.run_log import last_lines
from manyhands.user_files import root_of
from manyhands.workloads.kinds.script import ScriptWorkload

STUB = Path(__file__).with_name("stub.py")
JOB = "job.json"


@dataclass(frozen=True)
class ScriptRun:
    """A run whose workers are all on this machine."""

    spec: RunSpec
    folder: Path
    job: Mapping[str, Any]
    """`script`, `arguments`, the folder `root` of its modules, the working `folder` of the processes, the folder `out` of their reports, `host` and `clock`."""

    @classmethod
    def of(cls, spec: RunSpec, engine_folder: Path) -> ScriptRun:
        """The run of a spec, in a new folder below that of the engine."""
        folder = Path(tempfile.mkdtemp(prefix="script-", dir=engine_folder))
        job = {
            "script": spec.workload,
            "root": str(root_of(Path(os.path.realpath(spec.workload)))),
            "arguments": list(ScriptWorkload.from_settings(spec.settings).arguments),
            "folder": os.getcwd(),
            "out": str(folder),
            "host": host_name(),
            "clock": clock_name(),
        }
        (folder / JOB).write_text(json.dumps(job))
        return cls(spec, folder, job)

    @classmethod
    def read(cls, spec: RunSpec, folder: Path) -> ScriptRun:
        """The run that has this folder, seen from one of its workers."""
        return cls(spec, folder, json.loads((folder / JOB).read_text()))

    @property
    def command(self) -> tuple[str, str]:
        """The program and its argument that Python runs in each worker."""
        return str(STUB), str(self.folder / JOB)

    @property
    def python(self) -> list[str]:
        """The whole command of a worker."""
        return [sys.executable, *self.command]

    def reports(self) -> list[dict[str, Any]]:
        """The reports of the workers that have ended, in order of rank."""
        found = [json.loads(path.read_text()) for path in self.folder.glob("rank-*.json")]
        return sorted(found, key=lambda report: int(report["rank"]))

    def tail(self, rank: int) -> list[str]:
        """The last lines that a worker printed."""
        return last_lines(self.folder / f"rank-{rank}.out")

    def fit(self) -> Fit:
        """The result, when every worker has ended well; raises EngineError otherwise."""
        reports = self.reports()
        if len(reports) < self.spec.workers or any(report["exit_code"] for report in reports):
            raise self.error()
        return script_fit(reports, self.spec, self.job)

    def error(self, of_engine: ManyhandsError | None = None) -> ManyhandsError:
        """The reason of a failed run; `of_engine`: the error by which the engine reports it."""
        return script_error(self.spec, self.reports(), self.tail, of_engine)
