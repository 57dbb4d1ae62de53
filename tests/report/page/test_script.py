from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest

from manyhands.errors import Unavailable
from manyhands.report.page.script import Library, need, policy


def test_a_missing_library_is_named_with_what_to_install() -> None:
    with pytest.raises(Unavailable, match=r"needs no_such_module: pip install 'manyhands\[report\]'"):
        need("json", "no_such_module")


def test_policy_allows_these_scripts_alone() -> None:
    digest = base64.b64encode(hashlib.sha256(b"let a = 1").digest()).decode()
    assert f"script-src 'sha256-{digest}';" in policy(["let a = 1"])
    assert "default-src 'none'" in policy([])


def test_the_drawing_library_is_put_together_once_and_without_a_cache_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("vl_convert", reason="needs vl-convert-python: pip install 'manyhands[report]'")
    (tmp_path / "file").touch()
    texts = []
    for folder in ("cache", "cache", "file"):
        monkeypatch.setenv("MANYHANDS_CACHE", str(tmp_path / folder))
        with Library() as library:
            texts.append(library.text())
    assert "vegaEmbed" in texts[0]
    assert texts[0] == texts[1] == texts[2]
    (kept,) = (tmp_path / "cache" / "page").iterdir()
    kept.write_text("the one that is kept")
    monkeypatch.setenv("MANYHANDS_CACHE", str(tmp_path / "cache"))
    with Library() as library:
        assert library.text() == "the one that is kept"
