"""The attributes of a class of a suite -> the cells that asv measures, all checked."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Any

from manyhands.asv.measured_commit import of_commit
from manyhands.errors import UsageError
from manyhands.suite_files import located, upwards
from manyhands.user_files import is_of_file, is_script

if TYPE_CHECKING:
    from manyhands.plan import RunSpec
    from manyhands.planning.request import Request
    from manyhands.workloads.workload import Workload

OF_ASV = {"repeat", "rounds", "skip_params", "version"}
"""Attributes that asv reads and that are no options of `manyhands run`."""
INSTEAD = {"workloads": "workload, with one name", "params": "backend and workers", "param_names": "backend and workers"}
"""Attributes that are not for a suite -> those that are."""
WORKERS = (1, 2)
"""Default worker counts: the same on every machine, because they are parameters of the benchmarks."""
CONDITIONS = {"backend", "workers", "workloads", "repeats", "timeout", "oversubscribe"}
"""Options that do not affect the value of a cell, or that are parameters of the benchmarks."""
METHODS = (FunctionType, classmethod, staticmethod, property, type)
LAUNCHES = 10
"""Default launches of each cell for one commit, with which asv's step detection finds 10 %: docs/results/history.md."""
EPOCHS = 8
"""Default epochs of a network, of which the faster half is timed."""
QUICK = "MANYHANDS_ASV_QUICK"
"""Set during `asv run --quick` by the plug-in: one launch of each cell."""
CHECKED = "MANYHANDS_ASV_CHECKED"
"""Set by the plug-in while asv measures, in a process for each number of each cell. asv's search for benchmarks has checked every class
before, so these processes check none, and most of them load no file of yours and no torch."""


@dataclass(frozen=True)
class Settings:
    """The cells of one class of a suite."""

    request: Request
    """All options, with the paths of files made absolute."""
    backends: Mapping[str, str]
    """Each backend as the class names it -> its name or absolute path."""
    version: str
    """The workload and the options that affect the values. asv does not compare results of different versions."""

    @property
    def workload(self) -> type[Workload]:
        """The class of the workload."""
        from manyhands.plugins import workload_class

        return workload_class(self.request.workloads[0])

    @property
    def keys(self) -> list[str]:
        """The keys of all cells."""
        return [key(backend, workers) for backend, workers in product(self.backends, self.request.workers)]

    @property
    def cells(self) -> dict[str, RunSpec]:
        """The key of each cell -> its run. Raises UsageError or DataError for a cell that is impossible on any machine."""
        from manyhands.planning.cells import cell, counts_epochs

        request = self.request
        if self.workload.in_epochs and counts_epochs(request):
            request = replace(request, epochs=request.epochs or max(EPOCHS, self.workload.epochs))
        return {
            key(name, workers): cell(request, request.workloads[0], backend, workers)
            for (name, backend), workers in product(self.backends.items(), request.workers)
        }

    @property
    def base(self) -> str:
        """The key of the base line of the speed-up: serial x 1, or the first cell of a class without it."""
        from manyhands.record import BASE_LINE

        return base if (base := key(BASE_LINE, 1)) in self.keys else self.keys[0]


def key(backend: str, workers: int) -> str:
    """The name of a cell in the cache of its class."""
    return f"{backend} x {workers}"


def options_of(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes of a class that are options, and its workload; raises UsageError for an attribute that is neither of them nor asv's."""
    from manyhands.planning.request import WHOLE_PLANS, Request

    options = {name: value for name, value in attributes.items() if name not in OF_ASV}
    for name in options:
        if name in INSTEAD:
            raise UsageError(f"{name!r} is not for a suite; set {INSTEAD[name]}")
        if name in (*WHOLE_PLANS, "order_seed"):
            raise UsageError(f"{name!r} is not for a suite; use 'manyhands run'")
    Request.of(**{name: value for name, value in options.items() if name != "workload"})
    return options


def read_settings(options: Mapping[str, Any], file: Path) -> Settings:
    """The settings of a class, which is defined in `file`; raises UsageError or DataError for a wrong one, unless it is checked already."""
    from manyhands.planning.cells import default_backends
    from manyhands.planning.request import Request

    name = options["workload"]
    if not isinstance(name, str):
        raise UsageError(f"workload {name!r} is not the name of one workload; write a class for each")
    workload = measured(name, file)
    asked = Request.of(workload, **{option: value for option, value in options.items() if option != "workload"})
    backends = {backend: measured(backend, file) for backend in asked.backend or default_backends(workload)}
    workers = tuple(dict.fromkeys(asked.workers or WORKERS))
    given = asked.given() | {"workers": workers, "backend": tuple(backends.values())}
    if asked.data:
        given["data"] = folder_of(asked.data, file)
    kept = ", ".join(f"{option}={value!r}" for option, value in asked.given().items() if option not in CONDITIONS)
    settings = Settings(Request(**given), backends, f"{name}, {kept or 'defaults'}")
    if not is_checked():
        check(settings)
    return settings


def check(settings: Settings) -> None:
    """Raises UsageError or DataError when a class has no cell, or one that is impossible on any machine."""
    from manyhands.plan import grid
    from manyhands.planning.cells import check_arguments, check_settings

    check_settings(settings.request.set, [settings.workload])
    check_arguments(settings.request.args, settings.request.workloads)
    grid(settings.cells.values(), launches(settings))
    settings.workload.from_settings(settings.request.set)


def is_checked() -> bool:
    """True in a process of asv that measures, after its search for benchmarks has checked every class."""
    return bool(os.environ.get(CHECKED))


def launches(settings: Settings) -> int:
    """Launches of each cell in the set-up of a class."""
    asked = settings.request.repeats
    return 1 if os.environ.get(QUICK) else LAUNCHES if asked is None else asked


def measured(name: str, file: Path) -> str:
    """`name`, or where it is a file, its absolute path in the commit that asv measures."""
    found = located(name, file)
    return of_commit(found, file) if is_script(found) or is_of_file(found) else found


def folder_of(data: str, file: Path) -> str:
    """The place of data; a relative folder is searched like the file of a workload."""
    from manyhands.data.store.location import is_remote

    return data if is_remote(data) else str(upwards(os.path.expanduser(data), file) or data)
