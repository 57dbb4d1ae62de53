"""Threads are set whatever was inherited, and read back from the libraries."""

import subprocess
import sys

from manyhands.measure.threads import VARIABLES, read_threads, set_threads, thread_variables


def test_every_library_variable_is_set() -> None:
    assert thread_variables(3) == dict.fromkeys(VARIABLES, "3")


def test_inherited_variables_are_overwritten() -> None:
    environ = {"OMP_NUM_THREADS": "7"}
    set_threads(2, environ)
    assert environ["OMP_NUM_THREADS"] == "2"


def test_pools_of_a_fresh_process_read_back_what_was_set() -> None:
    code = "import os, numpy; from manyhands.measure.threads import *; set_threads(1, os.environ); print(sorted(set(read_threads().values())))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[1]"


def test_torch_is_not_imported_to_be_asked() -> None:
    code = "import sys; from manyhands.measure.threads import *; read_threads(); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
    assert "torch" not in read_threads() or "torch" in sys.modules
