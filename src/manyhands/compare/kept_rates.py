"""Where the error rates of this machine are kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from manyhands.data.make import cache_dir

IDENTITY = ("host", "cpu_model", "cores", "memory_bytes")
"""What makes a machine another one."""


def rates_file(machine: Mapping[str, Any]) -> Path:
    """The file for a machine as `describe_machine` tells it, in the user's cache."""
    known = json.dumps({name: machine.get(name) for name in IDENTITY}, sort_keys=True)
    return cache_dir().parent / "error-rates" / f"{hashlib.sha256(known.encode()).hexdigest()[:12]}.json"
