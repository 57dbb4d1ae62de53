"""Imports go one way. Read from the source, so that imports inside functions count too; those for type checking do nothing."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import manyhands

SOURCE = Path(manyhands.__file__).parent
LAYERS = (
    {"__init__", "errors"},
    {"record", "machine", "studies"},
    {"plan", "plugins", "measure", "data", "slurm", "temporary"},
    {"workloads"},
    {"backends"},
    {"driver", "process"},
    {"run"},
    {"reuse", "compare"},
    {"cli"},
    {"__main__"},
)
"""From the bottom up; a part may import from its own layer and from those before it."""
ASIDE = {
    "analysis": {"record", "studies", "errors", "analysis"},
    "report": {"record", "studies", "errors", "analysis", "report"},
}
"""Parts that see records, and the published figures to hold them against, only, so that they work where nothing else is installed. Only `cli` imports them, and `compare`, which
launches until the analysis has its verdict."""
HEAVY = {
    "torch",
    "lightning",
    "ray",
    "pyspark",
    "pyarrow",
    "dask",
    "distributed",
    "dask_ml",
    "xgboost",
    "joblib",
    "boto3",
    "obstore",
    "s3torchconnector",
    "moto",
    "sklearn",
    "pandas",
}
STANDARD_LIBRARY_ONLY = {"errors", "record", "studies"}


def files() -> list[str]:
    return sorted(str(path.relative_to(SOURCE)) for path in SOURCE.rglob("*.py"))


def part(name: str) -> str:
    """`data/idx.py` or `manyhands.data.idx` -> `data`; the package itself is `__init__`."""
    words = name.removesuffix(".py").replace("/", ".").removeprefix("manyhands").strip(".").split(".")
    return words[0] or "__init__"


def imports(file: str) -> Iterator[tuple[str, ast.stmt]]:
    """Every module that the file imports when it runs, with the statement."""
    tree = ast.parse((SOURCE / file).read_text())
    for_types = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    skipped = {statement for node in for_types for statement in node.body}
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, node) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}:{node.lineno}: write the whole name of the module"
            if node.module == "manyhands":
                yield from ((f"manyhands.{alias.name}" if is_module(alias.name) else "manyhands", node) for alias in node.names)
            else:
                yield node.module or "", node


def is_module(name: str) -> bool:
    return (SOURCE / f"{name}.py").exists() or (SOURCE / name).is_dir()


def layer(name: str) -> int:
    return next(number for number, names in enumerate(LAYERS) if name in names)


def test_every_part_has_a_layer() -> None:
    known = set().union(*LAYERS) | set(ASIDE)
    assert {part(file) for file in files()} <= known


@pytest.mark.parametrize("file", files())
def test_imports_only_from_layers_below(file: str) -> None:
    own = part(file)
    for name, node in imports(file):
        if name.split(".")[0] != "manyhands":
            continue
        other, where = part(name), f"{file}:{node.lineno} imports {name}"
        if own in ASIDE:
            assert other in ASIDE[own], where
        elif other in ASIDE:
            assert own in ("cli", "compare"), where
        elif own != other:
            assert layer(other) < layer(own) or (layer(other) == layer(own) and own not in STANDARD_LIBRARY_ONLY), where


@pytest.mark.parametrize("file", files())
def test_engines_are_imported_where_they_are_used(file: str) -> None:
    """A worker's entry file and a private file (`_loopback.py`) are imported by nobody until an engine is used."""
    if Path(file).stem.endswith("_worker") or Path(file).stem.startswith("_"):
        return
    tree = ast.parse((SOURCE / file).read_text())
    for name, node in imports(file):
        assert name.split(".")[0] not in HEAVY or node not in tree.body, (
            f"{file}:{node.lineno} imports {name} when it is imported"
        )


@pytest.mark.parametrize("file", [file for file in files() if part(file) in STANDARD_LIBRARY_ONLY])
def test_records_are_read_with_the_standard_library_alone(file: str) -> None:
    for name, node in imports(file):
        assert name.split(".")[0] in {*sys.stdlib_module_names, "manyhands"}, f"{file}:{node.lineno} imports {name}"
