"""Python's garbage collector, kept out of imports and of the end of a process, where it takes a second and frees nothing.

Importing torch and its compiler makes some 800,000 objects that stay. Collecting again and again while they are made takes 0.5 of
1.8 s; looking through all of them once more when the process ends takes 0.6 s. Training runs with the collector on.
"""

from __future__ import annotations

import atexit
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def imports_without_collection() -> Iterator[None]:
    """Imports inside run with the collector off; the collector looks at what they made neither soon nor when the process ends."""
    enabled = gc.isenabled()
    gc.disable()
    atexit.unregister(_leave_torch)
    atexit.register(_leave_torch)
    try:
        yield
    finally:
        gc.freeze()
        gc.unfreeze()  # all objects are now in the oldest generation, which is collected least often
        if enabled:
            gc.enable()


def _leave_torch() -> None:
    """Keeps the collector from all objects when the process ends; only with torch, whose objects it looks through for half a second."""
    if "torch" in sys.modules:
        gc.freeze()
