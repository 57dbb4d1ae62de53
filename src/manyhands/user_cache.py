"""The folder for what takes long to make and can be made again at any time."""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "MANYHANDS_CACHE"


def user_cache() -> Path:
    """The folder that MANYHANDS_CACHE names, else the one in the user's cache; it may not exist yet."""
    from platformdirs import user_cache_path

    given = os.environ.get(VARIABLE)
    return Path(os.path.expanduser(given)) if given else user_cache_path("manyhands")
