"""Training from launch to teardown: one class for each workload that `manyhands list` shows, so a new workload needs no line here.

See `cells` for the numbers that are tracked and for the choice of cells.
"""

from __future__ import annotations

import linecache
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from manyhands.plugins import workload_classes  # asv imports this file beside the manyhands of other commits too

from .cells import Cached, Cells, NetworkCells

if TYPE_CHECKING:
    from manyhands.workloads.workload import Workload

__all__ = ["Cached", "Cells", "NetworkCells"]  # names in the source of the classes

CLASS = """
class {title}({base}):
    workload = "{name}"
    unit = "{workload.quality}"

    def setup_cache(self) -> Cached:
        return self.run_cells()
"""
SOURCE = "<the classes of asv_suite.training>"
"""The name under which Python keeps the source of the classes."""


def source(workloads: Mapping[str, type[Workload]]) -> str:
    """The source of one class for each workload, such as `Kmeans` for `kmeans`."""
    return "".join(
        CLASS.format(
            title=re.sub(r"\W", "", name.capitalize()),
            base="NetworkCells" if workload.kind == "network" else "Cells",
            name=name,
            workload=workload,
        )
        for name, workload in workloads.items()
    )


def define(text: str) -> None:
    """Defines the classes in this module.

    asv gives one cache to all `setup_cache` methods that begin at the same line of a module, and compares their source between
    commits. So each class has lines of its own, and Python can show them.
    """
    linecache.cache[SOURCE] = (len(text), None, text.splitlines(keepends=True), SOURCE)
    exec(compile(text, SOURCE, "exec"), globals())


define(source(workload_classes()))
