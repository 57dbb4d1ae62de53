"""A function or class of a notebook or of a running script is loaded in another process, and its file tells one code from another."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from pathlib import Path
from textwrap import dedent

import pytest

from manyhands.errors import UsageError
from manyhands.pickled.code_file import names_of, write
from manyhands.plugins import workload_class
from manyhands.user_files import load

CELL = """
    from abc import ABC, abstractmethod
    from dataclasses import dataclass, fields

    class Layer(ABC):
        @abstractmethod
        def width(self): ...

    @dataclass(frozen=True)
    class Dense(Layer):
        units: int = 3

        def width(self):
            return self.units * FACTOR

    FACTOR = 2

    def build(extra=1):
        return Dense().width() + extra + len(fields(Dense))
"""
"""The code of a notebook cell with a class, a function that uses it, and a value that the class uses."""
SESSION = """
    import os
    from pathlib import Path
    from manyhands.pickled.code_file import write

    cell = {cell!r}
    exec(compile(cell, f"/tmp/ipykernel_{{os.getpid()}}/1.py", "exec"))  # as a notebook does
    print(write(build, Path("code")))
"""


def python(folder: Path, code: str) -> str:
    """The last line that a fresh Python prints, which runs a script with this code in the folder."""
    (folder / "script.py").write_text(dedent(code))
    done = subprocess.run([sys.executable, "script.py"], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def session(folder: Path, cell: str = CELL) -> str:
    """The name that a function `build` gets in a session that runs this cell."""
    return python(folder, SESSION.format(cell=dedent(cell)))


def test_a_function_of_a_cell_runs_in_another_process_with_all_that_it_uses(tmp_path: Path) -> None:
    name = session(tmp_path)
    assert name.startswith(f"{tmp_path / 'code'}/")
    assert name.endswith("/build.py:build")
    assert load(name)(extra=4) == 3 * 2 + 4 + 1


def test_the_same_code_has_the_same_file_in_every_session_and_other_code_has_another(tmp_path: Path) -> None:
    """Also where only a value or a class changes that the function uses."""
    first, again = session(tmp_path), session(tmp_path)
    assert first == again
    others = [
        session(tmp_path, CELL.replace(*change))
        for change in (("FACTOR = 2", "FACTOR = 3"), ("units: int = 3", "units: int = 4"))
    ]
    assert len({first, *others}) == 3
    assert [load(name)() for name in (first, *others)] == [8, 11, 10], "classes of one name stay apart in one process"


def test_a_module_beside_the_script_is_imported_and_may_not_change(tmp_path: Path) -> None:
    (tmp_path / "part.py").write_text("import deeper\n\ndef size():\n    return deeper.SIZE\n")
    (tmp_path / "deeper.py").write_text("SIZE = 5\n")
    code = """
        from pathlib import Path
        import part
        from manyhands.pickled.code_file import write

        def build():
            return part.size()

        print(write(build, Path("code")))
    """
    name = python(tmp_path, code)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert python(elsewhere, f"from manyhands.user_files import load; print(load({name!r})())") == "5"
    (tmp_path / "deeper.py").write_text("SIZE = 6\n")
    assert python(tmp_path, code) != name
    call = f"from manyhands.user_files import load\ntry: load({name!r})\nexcept Exception as error: print(type(error).__name__, error)"
    assert python(elsewhere, call) == (
        f"UsageError {tmp_path / 'deeper.py'} is not as it was when a function that uses it was pickled; run the cell or script again"
    )


def test_a_function_at_the_top_of_a_file_is_named_by_its_file(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def build():\n    return 3\n")
    name = f"{tmp_path / 'mine.py'}:build"
    assert names_of(["cnn", load(name)], tmp_path / "code") == ["cnn", name]
    assert not (tmp_path / "code").exists()


def test_a_class_of_a_script_is_a_workload_that_other_processes_unpickle(tmp_path: Path) -> None:
    code = """
        from dataclasses import dataclass
        from pathlib import Path
        from manyhands.pickled.code_file import write
        from manyhands.workloads.kinds.ensemble import EnsembleWorkload

        @dataclass(frozen=True)
        class Own(EnsembleWorkload):
            "Votes of my own."

            extra: int = 3

            def load(self, data_dir): ...

            def classifier(self, seed, passes, batch_size): ...

        print(write(Own, Path("code")))
    """
    name = python(tmp_path, code)
    own = workload_class(name)
    assert (own.name, own.summary) == ("Own", "Votes of my own.")
    (tmp_path / "own.pickle").write_bytes(pickle.dumps(own.from_settings({"extra": "4"})))
    assert python(tmp_path, "import pickle; print(pickle.load(open('own.pickle', 'rb')).extra)") == "4"


def test_the_file_shows_the_source(tmp_path: Path) -> None:
    width = 3

    def build() -> int:
        return width

    file = Path(write(build, tmp_path).rpartition(":")[0])
    assert file.read_text().endswith("#     def build() -> int:\n#         return width\n")
    assert load(f"{file}:build")() == 3


def test_another_python_is_refused_by_its_number(tmp_path: Path) -> None:
    name = write(lambda: 3, tmp_path)
    file = Path(name.rpartition(":")[0])
    file.write_text(file.read_text().replace(f"python='{sys.version_info.major}.{sys.version_info.minor}'", "python='3.1'"))
    with pytest.raises(
        UsageError, match=r"^a function pickled by Python 3.1 cannot run in Python 3.\d+; run the cell or script again$"
    ):
        load(name)


def test_what_cannot_be_pickled_is_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    lock = threading.Lock()

    def build() -> bool:
        return lock.locked()

    reason = r"build cannot be given to workers: TypeError: cannot pickle '_thread.lock' object; make what it uses inside of it, or put"
    with pytest.raises(UsageError, match=reason) as raised:
        write(build, tmp_path)
    assert "\n" not in str(raised.value)
    assert os.listdir(tmp_path) == []
