from __future__ import annotations

import base64
import hashlib

import pytest

from manyhands.errors import Unavailable
from manyhands.report.page.script import need, policy


def test_a_missing_library_is_named_with_what_to_install() -> None:
    with pytest.raises(Unavailable, match=r"needs no_such_module: pip install 'manyhands\[report\]'"):
        need("json", "no_such_module")


def test_policy_allows_these_scripts_alone() -> None:
    digest = base64.b64encode(hashlib.sha256(b"let a = 1").digest()).decode()
    assert f"script-src 'sha256-{digest}';" in policy(["let a = 1"])
    assert "default-src 'none'" in policy([])
