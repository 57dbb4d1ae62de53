"""Runs a user's script as `python script.py` does, and leaves a report when the process ends: `python .../stub.py JOB`.

Started by its path, so the script finds nothing of manyhands imported. It needs only the standard library, as do `waiting.py` and
`leaving.py` beside it. JOB is the file that `script_run.py` writes.
"""

from __future__ import annotations

import atexit
import ctypes
import functools
import importlib.util
import json
import os
import runpy
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from types import ModuleType, TracebackType
from typing import Any, NoReturn

HERE = Path(__file__).resolve().parent
NAME = "manyhands_run"
"""The name in `sys.modules` by which `marks` finds the run."""
PR_SET_PDEATHSIG = 1


class Run(ModuleType):
    """This process's part of the run, from the first line of the script to its end."""

    def __init__(self, job: dict[str, Any]) -> None:
        super().__init__(NAME)
        self.job = job
        self.pid = os.getpid()
        self.rank = int(os.environ.get("RANK", "0"))
        self.marks: Any = None
        """The clock of `marks`; None in a script without marks."""
        self.waiting: Any = None
        """The clock of DistributedDataParallel; None before the script wraps a model."""
        self.first_line = 0.0
        self.grouped: float | None = None
        """The time at which the process group was formed; None without one."""
        self.exit_now = os._exit
        """Ends the process at once."""
        self.exit_code: int = 0
        self.error: str | None = None

    @property
    def launched(self) -> float:
        """The end of the launch: the process group is formed, or without one, the script's first line runs."""
        return self.first_line if self.grouped is None else self.grouped

    @property
    def waited_s(self) -> float:
        """Seconds that backward passes have waited for other workers."""
        return self.waiting.seconds if self.waiting else 0.0

    def leave(self) -> None:
        """Writes the report, once and only in the process that was started: children made by fork come here too."""
        if os.getpid() == self.pid and not self.job.pop("left", False):
            self.job["left"] = True
            path = Path(self.job["out"]) / f"rank-{self.rank}.json"
            partial = path.with_suffix(".partial")
            partial.write_text(json.dumps(beside("leaving").report(self)))
            partial.replace(path)


class AfterImport:
    """Calls a function with a module when the script has imported it; imports nothing itself."""

    def __init__(self, calls: dict[str, Callable[[Any], None]]) -> None:
        self.calls = calls

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """The specification that the other finders give, with the call after the module's own code; None for other modules."""
        if not (call := self.calls.pop(name, None)):
            return None
        others = (finder for finder in sys.meta_path if finder is not self)
        spec = next((spec for finder in others if (spec := finder.find_spec(name, path, target))), None)
        if spec and spec.loader:
            run_code = spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                run_code(module)
                call(module)

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def beside(name: str) -> Any:
    """The module of a file beside this one."""
    spec = importlib.util.spec_from_file_location(f"manyhands_{name}", HERE / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def watch_group(run: Run, module: Any) -> None:
    """Notes the time when `init_process_group` of torch returns for the first time."""
    form = module.init_process_group

    @functools.wraps(form)
    def init_process_group(*arguments: Any, **named: Any) -> None:
        form(*arguments, **named)
        run.grouped = run.grouped or perf_counter()

    module.init_process_group = init_process_group


def watch_waiting(run: Run, module: Any) -> None:
    """Measures how long backward passes wait for other workers, in models that the script wraps."""
    wrap = module.DistributedDataParallel.__init__

    @functools.wraps(wrap)
    def __init__(self: Any, *arguments: Any, **named: Any) -> None:
        wrap(self, *arguments, **named)
        run.waiting = run.waiting or beside("waiting").Waiting()
        run.waiting.follow(self)

    module.DistributedDataParallel.__init__ = __init__


def as_python_starts(script: str, arguments: list[str]) -> None:
    """Makes `sys` and the environment what they are after `python script.py arguments`; output goes on to the open files 1 and 2."""
    for name in ("PYTHONSAFEPATH", "PYTHONUNBUFFERED"):
        os.environ.pop(name, None)
    folder = os.path.dirname(os.path.realpath(script))
    sys.path[:] = [folder, *(place for place in sys.path if Path(place) != HERE)]
    sys.argv[:] = [script, *arguments]
    encoding, errors = sys.stdout.encoding, sys.stdout.errors
    sys.stdout = sys.__stdout__ = open(1, "w", encoding=encoding, errors=errors, closefd=False)  # type: ignore[misc]  # noqa: SIM115


def run_script(run: Run, script: str) -> None:
    """Runs the script; its exit code and its error are in `run` afterwards."""
    try:
        run.first_line = perf_counter()
        runpy.run_path(script, run_name="__main__")
    except SystemExit as end:
        if end.code is not None and not isinstance(end.code, int):
            print(end.code, file=sys.stderr)
            run.error = str(end.code)
        run.exit_code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException as error:
        run.exit_code, run.error = 1, traceback.format_exception_only(error)[-1].strip()
        traceback.print_exception(type(error), error, own_frames(error.__traceback__))


def own_frames(trace: TracebackType | None) -> TracebackType | None:
    """The traceback without the frames of this file and of runpy."""
    foreign = (__file__, runpy.__file__, "<frozen runpy>")
    while trace and trace.tb_next and trace.tb_frame.f_code.co_filename in foreign:
        trace = trace.tb_next
    return trace


def main(path: str) -> int:
    """The exit code of the script."""
    job = json.loads(Path(path).read_text())
    run = Run(job)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    output = os.open(Path(job["out"]) / f"rank-{run.rank}.out", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    os.chdir(job["folder"])
    sys.modules[NAME] = run
    calls = {
        "torch.distributed.distributed_c10d": functools.partial(watch_group, run),
        "torch.nn.parallel.distributed": functools.partial(watch_waiting, run),
    }
    sys.meta_path.insert(0, AfterImport(calls))  # type: ignore[arg-type]  # it needs no more of a finder
    as_python_starts(job["script"], job["arguments"])
    atexit.register(run.leave)
    os._exit = functools.partial(leave_and_exit, run)
    run_script(run, job["script"])
    return run.exit_code


def leave_and_exit(run: Run, status: int) -> NoReturn:
    """`os._exit`, which runs nothing registered with atexit, after the report."""
    run.exit_code = status
    run.leave()
    run.exit_now(status)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
