"""Imports without the garbage collector: off inside, on after, and neither soon nor at the end does it look at what they made."""

import subprocess
import sys

IMPORTS = """
import atexit, gc, sys
sys.modules["torch"] = None
atexit.register(lambda: print("frozen at exit:", gc.get_freeze_count() > 100_000))
from manyhands.measure.garbage import imports_without_collection
collections = []
gc.callbacks.append(lambda phase, found: collections.append(found["generation"]))
with imports_without_collection():
    with imports_without_collection():
        made = [[] for _ in range(100_000)]
    assert not gc.isenabled()
    assert not collections
assert gc.isenabled()
assert gc.get_freeze_count() == 0
oldest = {id(found) for found in gc.get_objects(generation=2)}
assert all(id(one) in oldest for one in made)
"""


def test_collector_is_off_for_imports_and_on_afterwards() -> None:
    done = subprocess.run([sys.executable, "-c", IMPORTS], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "frozen at exit: True\n"
