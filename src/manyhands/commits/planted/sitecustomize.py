"""Makes every training step slower by the share in MANYHANDS_PLANTED, in every process whose PYTHONPATH names this folder.

Python imports a module of this name when it starts. Nothing else of manyhands knows of it: a comparison of a commit with itself,
one side planted, shows how surely a slow-down of that size is found.
"""

import os
import sys
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from time import perf_counter
from types import ModuleType
from typing import Any

TARGET = "manyhands.backends.ranks.epoch"
SHARE = float(os.environ.get("MANYHANDS_PLANTED", "0"))


class Planter(MetaPathFinder):
    """Finds the module with the training step as Python does, and wraps the step once the module is loaded."""

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path, target) if name == TARGET else None
        if spec is None or spec.loader is None:
            return None
        sys.meta_path.remove(self)
        load = spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            load(module)
            module.Loop.step = slowed(module.Loop.step)

        setattr(spec.loader, "exec_module", exec_module)  # noqa: B010 - the loader's type calls it a method
        return spec


def slowed(step: Callable[..., Any]) -> Callable[..., Any]:
    """The same step, with work of no use after it."""

    def slow_step(*arguments: Any) -> Any:
        began = perf_counter()
        result = step(*arguments)
        until = perf_counter() + SHARE * (perf_counter() - began)
        while perf_counter() < until:
            pass
        return result

    return slow_step


if SHARE > 0:
    sys.meta_path.insert(0, Planter())
