"""Names <-> classes of workloads and backends: one file each in our own packages, entry points, or `path/to/file.py:Name`.

Listing imports our plug-in files but no engine: they import their libraries only when they are used.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

from manyhands.errors import UsageError, unknown

if TYPE_CHECKING:
    from manyhands.backends.base import Backend
    from manyhands.workloads.base import Workload

WORKLOADS = "manyhands.workloads"
BACKENDS = "manyhands.backends"
OF_FILES = "manyhands_file_"
"""How the modules of files are called, which nobody else can import."""


def workload_classes() -> dict[str, type[Workload]]:
    """Every workload that has a name: ours and those of entry points."""
    return _classes(WORKLOADS)


def backend_classes() -> dict[str, type[Backend]]:
    """Every backend that has a name: ours and those of entry points."""
    return _classes(BACKENDS)


def workload_class(name: str) -> type[Workload]:
    """The workload of that name, or of `path/to/file.py:Name`; raises UsageError when there is none."""
    return _find("workload", name, WORKLOADS)


def backend_class(name: str) -> type[Backend]:
    """The backend of that name, or of `path/to/file.py:Name`; raises UsageError when there is none."""
    return _find("backend", name, BACKENDS)


def absolute(name: str) -> str:
    """`name` with the folder written out where it is a `path/to/file.py:Name`, so that it holds in another folder."""
    path, separator, attribute = name.rpartition(".py:")
    return f"{Path(path + '.py').resolve()}:{attribute}" if separator else name


def _classes(package: str) -> dict[str, type[Any]]:
    base = importlib.import_module(f"{package}.base").Plugin
    found: dict[str, type[Any]] = {}
    for module in pkgutil.iter_modules(importlib.import_module(package).__path__, f"{package}."):
        if "._" in module.name or module.name.endswith("_worker"):
            continue  # parts of plug-ins and what workers run: these import the library
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, type) and issubclass(value, base) and value.__module__ == module.name and "name" in vars(value):
                found[vars(value)["name"]] = value
    for entry in entry_points(group=package):
        found[entry.name] = _checked(entry.load(), base, entry.value)
    return dict(sorted(found.items()))


def _find(what: str, name: str, package: str) -> type[Any]:
    path, separator, attribute = name.rpartition(".py:")
    if separator:
        base = importlib.import_module(f"{package}.base").Plugin
        return _checked(_from_file(Path(path + ".py"), attribute, what), base, name)
    classes = _classes(package)
    if name not in classes:
        raise unknown(what, name, classes, "manyhands list")
    return classes[name]


def file_and_name(cls: type[Any]) -> str | None:
    """`path/to/file.py:Name` of a class that was found that way; None for one that can be imported."""
    if not cls.__module__.startswith(OF_FILES):
        return None
    return f"{sys.modules[cls.__module__].__file__}:{cls.__qualname__}"


def _from_file(path: Path, attribute: str, what: str) -> Any:
    if not path.is_file():
        raise UsageError(f"no file {path} for {what} {attribute!r}; give path/to/file.py:Name")
    module_name = f"{OF_FILES}{path.stem}"
    module = sys.modules.get(module_name)
    if module is None or module.__file__ != str(path.resolve()):
        spec = importlib.util.spec_from_file_location(module_name, path.resolve())
        if spec is None or spec.loader is None:
            raise UsageError(f"{path} cannot be loaded as Python; give path/to/file.py:Name")
        module = importlib.util.module_from_spec(spec)
        sys.modules[module_name] = module
        spec.loader.exec_module(module)
    if not hasattr(module, attribute):
        raise UsageError(f"{path} has no {attribute!r}; give path/to/file.py:Name with a class of that file")
    return getattr(module, attribute)


def _checked(value: Any, base: type[Any], source: str) -> type[Any]:
    if not (isinstance(value, type) and issubclass(value, base)):
        raise UsageError(f"{source} is no subclass of {base.__module__}.{base.__qualname__}")
    return value
