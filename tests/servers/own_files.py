"""A user's files in a folder of their own, and commands about them that are refused."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from manyhands.cli import main


def project(files: Mapping[str, str], parent: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder `project` with these files; `parent`, the folder above it, becomes the current one."""
    monkeypatch.chdir(parent)
    folder = parent / "project"
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


def refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The line that `manyhands` with these words prints; the test fails unless it is one line, with exit code 2."""
    code, shown = main(words), capsys.readouterr().err
    assert (code, shown.count("\n")) == (2, 1), shown
    return shown
