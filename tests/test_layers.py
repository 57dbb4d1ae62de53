"""Imports go one way, between folders and between files. Read from the source, so that imports inside functions count too.

Imports for type checking do nothing when the program runs, so they are left out.
"""

from __future__ import annotations

import ast
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import manyhands

SOURCE = Path(manyhands.__file__).parent
LAYERS = (
    {"__init__", "errors", "marks", "training"},
    {"atomic_write", "user_cache", "stopping", "schemas", "parent", "shared_memory", "credentials"},
    {"record", "machine", "studies", "user_files", "suite_files", "pickled", "notices", "environment", "run_log"},
    {"plan", "slurm", "temporary", "finding", "watcher"},
    {"user_code"},
    {"data"},
    {"measure"},
    {"workloads"},
    {"backends"},
    {"plugins"},
    {"driver", "guard", "process"},
    {"run"},
    {"reuse", "progress"},
    {"planning"},
    {"open_cells", "blocks"},
    {"session", "commits", "helping", "checking"},
    {"apart"},
    {"results", "predictions", "compared"},
    {"api"},
    {"cli", "pytest_plugin", "pytest_cell", "rounds", "asv"},
    {"__main__"},
)
"""From the bottom up; a part may import from its own layer and from those before it."""
ASIDE = {
    "analysis": {"record", "studies", "errors", "atomic_write", "schemas", "analysis"},
    "report": {"record", "studies", "errors", "atomic_write", "user_cache", "schemas", "analysis", "report"},
}
"""Parts that see records and published figures only, so that they work where nothing else is installed.

Only what shows results imports them, and what launches until the analysis has its answer: `commits`, and a session with its blocks."""
SHOWS_RESULTS = {
    *{"cli", "progress", "commits", "results", "predictions", "compared", "api", "rounds", "pytest_cell", "asv"},
    *{"open_cells", "blocks", "session"},
}
SHARED_ROOMS = {"ranks", "estimators", "nodes", "scripts", "sync"}
"""Rooms of `backends` that every engine may use. All others are engines and do not know each other."""
WITH_THEIR_LIBRARY = {"backend.py", "base.py", "local_mode.py", "dp.py"}
"""Files of an engine's room that are imported before it is chosen, so they import its library inside functions."""
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
STANDARD_LIBRARY_ONLY = {"errors", "record", "schemas", "studies"}


def files(source: Path = SOURCE) -> list[str]:
    return sorted(str(path.relative_to(source)) for path in source.rglob("*.py"))


def part(name: str) -> str:
    """`data/idx.py` or `manyhands.data.idx` -> `data`; the package itself is `__init__`."""
    words = name.removesuffix(".py").replace("/", ".").removeprefix("manyhands").strip(".").split(".")
    return words[0] or "__init__"


def room(file: str) -> str | None:
    """The folder of `backends` that a file lies in; None for other files."""
    parts = Path(file).parts
    return parts[1] if len(parts) == 3 and parts[0] == "backends" else None


@dataclass(frozen=True)
class Import:
    """An import statement that runs."""

    node: ast.Import | ast.ImportFrom
    when_imported: bool
    """True when it runs as soon as the file is imported, outside of functions and blocks."""


@cache
def statements(text: str) -> tuple[Import, ...]:
    """The imports of a file's text that run; by text, not by path, because tests change files of a copy. No syntax tree is kept."""
    tree = ast.parse(text)
    for_types = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    skipped = {statement for node in for_types for statement in node.body}
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom) and node not in skipped]
    return tuple(Import(node, node in tree.body) for node in found)


def imports(file: str, source: Path = SOURCE) -> Iterator[tuple[str, Import]]:
    """Every module that the file imports when it runs, with the statement."""
    for statement in statements((source / file).read_text()):
        node = statement.node
        if isinstance(node, ast.Import):
            yield from ((alias.name, statement) for alias in node.names)
        else:
            assert node.level == 0, f"{file}:{node.lineno}: write the whole name of the module"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield (whole if file_of(whole, source) else node.module or "", statement)


def file_of(module: str, source: Path = SOURCE) -> str | None:
    """The file of one of our modules; None for another one."""
    package, *names = module.split(".")
    if package != "manyhands":
        return None
    place = "/".join(names)
    candidates = [f"{place}.py", f"{place}/__init__.py"] if names else ["__init__.py"]
    return next((file for file in candidates if (source / file).exists()), None)


def graph(source: Path = SOURCE) -> dict[str, set[str]]:
    """Every file -> the files of ours that it imports."""
    return {
        file: {other for name, _ in imports(file, source) if (other := file_of(name, source)) and other != file}
        for file in files(source)
    }


def circle(source: Path = SOURCE) -> list[str]:
    """Files that import each other, directly or round about; empty when there are none."""
    try:
        TopologicalSorter(graph(source)).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def visits(source: Path = SOURCE) -> list[str]:
    """Imports of one engine's room from another's."""
    return [
        f"{file} imports {other}"
        for file, others in graph(source).items()
        for other in others
        if (own := room(file)) and (theirs := room(other)) and own != theirs and theirs not in SHARED_ROOMS
    ]


def layer(name: str) -> int:
    return next(number for number, names in enumerate(LAYERS) if name in names)


def test_every_part_has_a_layer() -> None:
    known = set().union(*LAYERS) | set(ASIDE)
    assert {part(file) for file in files()} <= known


@pytest.mark.parametrize("file", files())
def test_imports_only_from_layers_below(file: str) -> None:
    own = part(file)
    for name, statement in imports(file):
        if name.split(".")[0] != "manyhands":
            continue
        other, where = part(name), f"{file}:{statement.node.lineno} imports {name}"
        if own in ASIDE:
            assert other in ASIDE[own], where
        elif other in ASIDE:
            assert own in SHOWS_RESULTS, where
        elif own != other:
            assert layer(other) < layer(own) or (layer(other) == layer(own) and own not in STANDARD_LIBRARY_ONLY), where


def test_only_the_command_line_knows_how_options_are_typed() -> None:
    """No options of argparse below `cli`: all else takes a Request, and so can be called from Python."""
    assert {file for file in files() for name, _ in imports(file) if name.split(".")[0] == "argparse"} <= {
        file for file in files() if part(file) == "cli"
    }
    assert [file for file in files() if part(file) != "cli" and "Namespace" in (SOURCE / file).read_text()] == []


def test_no_two_files_import_each_other() -> None:
    assert circle() == []


def test_no_engine_imports_another_engine() -> None:
    assert visits() == []


def test_rooms_that_are_shared_import_no_engine() -> None:
    shared = [(file, other) for file, others in graph().items() for other in others if room(file) in SHARED_ROOMS]
    assert [pair for pair in shared if room(pair[1]) not in {None, *SHARED_ROOMS}] == []


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """A copy of the source that may be spoilt."""
    return Path(shutil.copytree(SOURCE, tmp_path / "manyhands", ignore=shutil.ignore_patterns("__pycache__")))


def plant(file: Path, statement: str) -> None:
    """Adds an import inside a function at the end of the file."""
    file.write_text(f"{file.read_text()}\n\ndef planted() -> None:\n    {statement}\n")


def test_a_planted_circle_is_found(scratch: Path) -> None:
    assert circle(scratch) == []
    plant(scratch / "errors.py", "from manyhands import plan")
    found = circle(scratch)
    assert {"errors.py", "plan.py"} <= set(found), "plan imports errors, and now errors imports plan"


def test_a_planted_circle_through_three_files_is_found(scratch: Path) -> None:
    for name, other in (("one", "two"), ("two", "three"), ("three", "one")):
        (scratch / "data" / f"{name}.py").write_text(f"from manyhands.data.{other} import anything\n")
    assert set(circle(scratch)) == {"data/one.py", "data/two.py", "data/three.py"}


def test_a_planted_import_of_another_engine_is_found(scratch: Path) -> None:
    assert visits(scratch) == []
    plant(scratch / "backends" / "ray" / "backend.py", "from manyhands.backends.dask.backend import DaskCluster")
    assert visits(scratch) == ["backends/ray/backend.py imports backends/dask/backend.py"]


@pytest.mark.parametrize("file", files())
def test_engines_are_imported_where_they_are_used(file: str) -> None:
    """Most files of a room of `backends` are imported by nobody until its engine is used; all others come without a library."""
    if (room(file) and Path(file).name not in WITH_THEIR_LIBRARY) or Path(file).stem.startswith("_"):
        return
    for name, statement in imports(file):
        assert name.split(".")[0] not in HEAVY or not statement.when_imported, (
            f"{file}:{statement.node.lineno} imports {name} when it is imported"
        )


@pytest.mark.parametrize("file", [file for file in files() if part(file) in STANDARD_LIBRARY_ONLY])
def test_records_are_read_with_the_standard_library_alone(file: str) -> None:
    for name, statement in imports(file):
        assert name.split(".")[0] in {*sys.stdlib_module_names, "manyhands"}, f"{file}:{statement.node.lineno} imports {name}"
