"""Names find classes; a user's own file is treated like ours."""

import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from manyhands.errors import UsageError
from manyhands.plugins import backend_class, backend_classes, workload_class, workload_classes
from manyhands.user_files import absolute, call

OWN = """
from dataclasses import dataclass
from manyhands.workloads.mlp import Mlp

@dataclass(frozen=True)
class Shallow(Mlp):
    name = "shallow"
    layers: int = 1

not_a_class = 3

def add(one, two):
    return one + two
"""


@pytest.fixture
def own_file(tmp_path: Path) -> Path:
    path = tmp_path / "own.py"
    path.write_text(OWN)
    return path


def test_networks_and_basic_backends_are_found() -> None:
    assert {"lstm", "rnn", "cnn", "mlp"} <= set(workload_classes())
    assert {"serial", "ddp"} <= set(backend_classes())


@pytest.mark.parametrize("find", [workload_class, backend_class])
def test_unknown_name_lists_the_known_ones(find) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UsageError, match=r"unknown \w+ 'dsk'; known: .*; see 'manyhands list'"):
        find("dsk")


def test_own_file_gives_a_workload(own_file: Path) -> None:
    found = workload_class(f"{own_file}:Shallow")
    assert found.name == "shallow"
    assert found.from_settings({"layers": "2"}).layers == 2  # type: ignore[attr-defined]


@pytest.mark.parametrize(("name", "words"), [("Missing", "has no 'Missing'"), ("not_a_class", "is not a subclass of")])
def test_own_file_without_such_a_class_is_refused(own_file: Path, name: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        workload_class(f"{own_file}:{name}")


def test_missing_own_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no file"):
        workload_class(f"{tmp_path}/none.py:Name")


def test_own_file_is_named_so_that_it_is_found_from_another_folder(own_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(own_file.parent)
    assert absolute("own.py:Shallow") == f"{own_file.resolve()}:Shallow"
    assert absolute("cnn") == "cnn"


def test_function_of_an_own_file_can_be_sent_to_another_process(own_file: Path) -> None:
    """As a name that every process can import, with the path of the file beside it."""
    sent = pickle.dumps((call, f"{own_file}:add", 1, 2))
    code = f"import pickle; function, *arguments = pickle.loads({sent!r}); print(function(*arguments))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "3\n"


def test_a_workload_whose_file_a_worker_lacks_says_so_when_it_is_used(own_file: Path) -> None:
    """Not when it is unpickled, which would end a worker of Dask."""
    sent = pickle.dumps(workload_class(f"{own_file}:Shallow")())
    own_file.unlink()
    lacking = pickle.loads(sent)
    assert not hasattr(lacking, "__dask_graph__")
    with pytest.raises(UsageError, match=rf"^no file {own_file} for 'Shallow'; .* \(on .*\), where the files .* same paths$"):
        lacking.model()


def test_listing_imports_no_engine() -> None:
    code = (
        "import sys; from manyhands.plugins import *; workload_classes(); backend_classes();"
        "print([name for name in ('torch', 'lightning', 'ray', 'pyspark', 'dask', 'distributed') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


BESIDE = """
from beside import SIZE
from manyhands.workloads.kinds.network import NetworkWorkload


class Nameless(NetworkWorkload):
    \"\"\"Learns nothing.\"\"\"

    quality = "accuracy"
    size = SIZE

    def load(self, data_dir): ...
    def model(self): ...
    def loss(self, outputs, targets): ...
    def score(self, outputs, arrays): ...


class Unfinished(NetworkWorkload):
    pass
"""


def test_a_users_file_imports_modules_beside_it_and_its_class_needs_no_name(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("SIZE = 4\n")
    (tmp_path / "own_class.py").write_text(BESIDE)
    found = workload_class(f"{tmp_path}/own_class.py:Nameless")
    assert (found.name, found.summary, found.size) == ("Nameless", "Learns nothing.", 4)  # type: ignore[attr-defined]
    with pytest.raises(UsageError, match="Unfinished has no load, loss, model, score"):
        workload_class(f"{tmp_path}/own_class.py:Unfinished")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("x = 1\nimport no_such_module", r"broken.py:2 cannot be loaded: ModuleNotFoundError: No module named 'no_such_module'"),
        ("x = 1\n\ny = = 2", r"broken.py:3 cannot be loaded: SyntaxError"),
        ("raise SystemExit(3)", r"broken.py:1 cannot be loaded: SystemExit: 3"),
    ],
)
def test_a_users_file_that_fails_is_one_line_with_the_line_of_the_file(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "broken.py").write_text(text)
    with pytest.raises(UsageError, match=problem) as caught:
        workload_class(f"{tmp_path}/broken.py:Name")
    assert "\n" not in str(caught.value)


def test_a_file_in_a_package_imports_from_its_package(tmp_path: Path) -> None:
    """Relative to itself, by the package's name, and beside itself, from any working folder."""
    package = tmp_path / "project" / "training"
    (package / "deep").mkdir(parents=True)
    for name in ("__init__.py", "deep/__init__.py"):
        (package / name).touch()
    (package / "part.py").write_text("SIZE = 3\n")
    (package / "deep" / "near.py").write_text("SIZE = 4\n")
    (package / "deep" / "mine.py").write_text(
        "import near\nfrom training.part import SIZE\nfrom ..part import SIZE as again\nfrom . import near as same\n\n"
        "def build():\n    return SIZE, again, near.SIZE, same.SIZE, __name__\n"
    )
    code = f"from manyhands.user_files import load; print(load({f'{package}/deep/mine.py:build'!r})())"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout == "(3, 3, 4, 4, 'manyhands_file_mine')\n", done.stderr
