"""What README and docs/ show of the records in docs/example is what the code makes of them.

With MANYHANDS_SCREENSHOTS=docs the blocks are written anew, as the pictures are by tests/report/test_page_browser.py.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

import manyhands as mh
from manyhands.cli import main

ROOT = Path(__file__).parents[1]
EXAMPLE = "docs/example/cnn.jsonl"
COLUMNS = "80"


def reported(*options: str) -> Callable[[pytest.CaptureFixture[str]], str]:
    """The output of `manyhands report` of the example."""

    def shown(capsys: pytest.CaptureFixture[str]) -> str:
        assert main(["report", str(ROOT / EXAMPLE), *options]) == 0
        return capsys.readouterr().out.strip("\n")

    return shown


def in_python(capsys: pytest.CaptureFixture[str]) -> str:
    """The output of the block of docs/python.md that reads the example."""
    pytest.importorskip("pandas", reason="needs pandas: pip install pandas")
    cnn = mh.read(ROOT / EXAMPLE)
    table = cnn.summary()[["backend", "workers", "threads", "train_s", "speedup", "efficiency"]]
    return f"{table.round(2)}\n{cnn.answer}"


BLOCKS: list[tuple[str, str, int, Callable[[pytest.CaptureFixture[str]], str]]] = [
    ("README.md", "", 0, reported()),
    ("docs/report.md", "", 0, reported()),
    ("docs/report.md", "", 1, reported("--details")),
    ("docs/python.md", "text", 0, in_python),
]
"""Page, language of the block, which of the blocks of that language after the example is named, and what it shows."""


@pytest.mark.parametrize(("page", "language", "place", "shown"), BLOCKS, ids=[f"{page} {place}" for page, _, place, _ in BLOCKS])
def test_a_page_shows_what_the_code_makes_of_the_example(
    page: str,
    language: str,
    place: int,
    shown: Callable[[pytest.CaptureFixture[str]], str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("COLUMNS", COLUMNS)
    text = (ROOT / page).read_text()
    begin, end = bounds(text, language, place)
    expected = shown(capsys)
    assert max(map(len, expected.splitlines())) <= 80 or language
    if os.environ.get("MANYHANDS_SCREENSHOTS"):
        (ROOT / page).write_text(f"{text[:begin]}{expected}\n{text[end:]}")
        return
    assert text[begin:end] == f"{expected}\n"


def bounds(text: str, language: str, place: int) -> tuple[int, int]:
    """Begin and end of the inside of a block: the `place`-th of its language after the first mention of the example's file."""
    named = text.index(EXAMPLE.removeprefix("docs/"))
    blocks = [found for found in re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL) if found.start() > named]
    return [found.span(2) for found in blocks if found[1] == language][place]
