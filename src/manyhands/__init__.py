"""manyhands: how much faster does training get with more workers, on which engine, and at what cost?

    import manyhands as mh

    results = mh.bench("cnn", backend=["serial", "ddp"], workers=[1, 2], samples=4096, repeats=3)
    print(results.summary())

The names in `__all__` are the public Python interface; everything else may change. Importing this package imports no training
library and nothing else that takes time: each name is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from manyhands import errors
    from manyhands.api import Session, bench, compare
    from manyhands.planning.request import Request
    from manyhands.predictions import predict
    from manyhands.record import Record
    from manyhands.results import Results, read
    from manyhands.training import Training
    from manyhands.watcher import Watcher

    __version__: str

HOMES = {
    "Record": "record",
    "Request": "planning.request",
    "Results": "results",
    "Session": "api",
    "Training": "training",
    "Watcher": "watcher",
    "bench": "api",
    "compare": "api",
    "predict": "predictions",
    "read": "results",
}
"""Public name -> the module that has it. No module of this package has the name of a function here, because it would replace it."""

__all__ = [
    "Record",
    "Request",
    "Results",
    "Session",
    "Training",
    "Watcher",
    "__version__",
    "bench",
    "compare",
    "errors",
    "predict",
    "read",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        value: Any = version("manyhands")
    elif name == "errors":
        value = import_module("manyhands.errors")
    elif name in HOMES:
        value = getattr(import_module(f"manyhands.{HOMES[name]}"), name)
    else:
        raise AttributeError(f"module 'manyhands' has no attribute {name!r}; it has {', '.join(__all__)}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
