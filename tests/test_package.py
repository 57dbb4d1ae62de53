"""The package as its users meet it: quick to start, nothing heavy imported, one version, words on every module."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

import manyhands
from manyhands.backends.base import Backend, kinds
from manyhands.measure.resources import children_cpu_s
from manyhands.plan import RunSpec
from manyhands.plugins import backend_classes, workload_classes
from manyhands.run import refusal

SOURCE = Path(manyhands.__file__).parent
ROOT = Path(__file__).parent.parent
HEAVY = (
    "torch",
    "pandas",
    "sklearn",
    "scipy",
    "ray",
    "pyspark",
    "pyarrow",
    "lightning",
    "dask",
    "distributed",
    "xgboost",
    "joblib",
    "boto3",
    "obstore",
    "s3torchconnector",
    "moto",
)
SLOWEST_HELP = 60
"""Times the CPU time of an empty Python. Measured: `--help` takes about 25, an import of torch 130 more.

This is no benchmark: it catches an engine that is imported by mistake."""


def heavy_modules_after(code: str) -> list[str]:
    """Which heavy libraries a fresh Python has imported after `code`."""
    shown = f"import sys\n{code}\nimport json\nprint(json.dumps([name for name in {HEAVY} if name in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", shown], capture_output=True, text=True, check=True)
    return list(json.loads(done.stdout.splitlines()[-1]))


def command(*words: str) -> subprocess.CompletedProcess[str]:
    """`python -m manyhands WORDS`."""
    return subprocess.run([sys.executable, "-m", "manyhands", *words], capture_output=True, text=True, check=False)


def modules() -> list[str]:
    return sorted(str(path.relative_to(SOURCE)) for path in SOURCE.rglob("*.py"))


def test_import_loads_no_heavy_library() -> None:
    assert heavy_modules_after("import manyhands") == []


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["list"], ["list", "cnn"]], ids=" ".join)
def test_command_loads_no_heavy_library(words: list[str]) -> None:
    call = f"from manyhands.cli import main\ntry:\n    main({words})\nexcept SystemExit:\n    pass"
    assert heavy_modules_after(call) == []


def test_help_is_quick() -> None:
    """In CPU time and beside an empty Python, so that other programs on the machine do not matter."""
    before = children_cpu_s()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    empty = children_cpu_s()
    assert command("--help").returncode == 0
    assert children_cpu_s() - empty < SLOWEST_HELP * (empty - before)


def test_python_m_says_what_the_command_says() -> None:
    script = subprocess.run([Path(sys.executable).parent / "manyhands", "--version"], capture_output=True, text=True, check=True)
    assert command("--version").stdout == script.stdout == f"manyhands {version('manyhands')}\n"


def test_a_user_error_is_one_line_and_exit_code_2() -> None:
    done = command("run", "no-such-workload")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "no-such-workload" in done.stderr


def test_the_version_has_one_home() -> None:
    home = ROOT / "pyproject.toml"
    assert manyhands.__version__ == tomllib.loads(home.read_text())["project"]["version"]
    others = [file for file in modules() if re.search(r"version(__)? *= *[\"'][0-9]", (SOURCE / file).read_text())]
    assert others == []


@pytest.mark.parametrize("file", modules())
def test_every_module_says_what_it_is_for(file: str) -> None:
    assert ast.get_docstring(ast.parse((SOURCE / file).read_text())), f"{file} has no docstring"


def test_every_engine_is_pinned_once() -> None:
    names = [
        line.partition("==")[0].lower()
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if not line.startswith("#")
    ]
    assert len(names) == len(set(names))
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    wanted = {name.partition("[")[0] for libraries in extras.values() for name in libraries} - {"manyhands"}
    assert wanted <= set(names)


def test_ci_runs_the_test_command_of_the_readme() -> None:
    called = re.search(r"^\((.+)\) 2>&1", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)
    assert called
    assert f"$ {called[1]}\n" in (ROOT / "README.md").read_text()


def test_the_support_table_is_derived() -> None:
    """A cell is offered exactly where the backend has `fit_<kind>`; an empty one carries its reason in words."""
    for backend_name, backend in backend_classes().items():
        for workload_name, workload in workload_classes().items():
            reason = refusal(RunSpec(workload=workload_name, backend=backend_name, workers=workload.fewest_workers))
            offered = hasattr(backend, f"fit_{workload.kind}")
            assert offered != str(reason).startswith(f"{backend_name} offers no {workload.kind} workloads")
            assert reason is None or len(reason.split()) > 3


def test_a_new_fit_method_is_a_new_kind() -> None:
    class Sorting(Backend):
        def fit_sorting(self, spec: RunSpec) -> None: ...

    assert kinds(Sorting) == ["sorting"]
