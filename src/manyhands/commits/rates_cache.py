"""The file in the user's cache that holds the error rates of this machine."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from manyhands.data.make import cache_dir

IDENTITY = ("cpu_model", "cores")
"""With the gigabytes of memory, these identify a machine. Its name does not: every container gets a new one."""


def rates_file(machine: Mapping[str, Any]) -> Path:
    """The file for a machine that `describe_machine` describes, in the user's cache."""
    memory = {"memory_gb": round(float(machine.get("memory_bytes") or 0) / 1e9)}
    known = json.dumps({name: machine.get(name) for name in IDENTITY} | memory, sort_keys=True)
    return cache_dir().parent / "error-rates" / f"{hashlib.sha256(known.encode()).hexdigest()[:12]}.json"
