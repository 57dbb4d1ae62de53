"""Docstrings state a fact in a sentence or a noun phrase; they are not headless clauses ("What X does"), which take two readings."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import manyhands

SOURCE = Path(manyhands.__file__).parent
HEADLESS = {"What", "Whether", "Which", "How", "Why", "Where"}
"""Words that a docstring does not begin with."""
MANNERED = ("told", "in words", "nobody", "whatever", "anybody", "last words")
"""Words and phrases that a plain one says better."""


def texts(source: str) -> Iterator[tuple[int, str]]:
    """The docstrings of a file, those of fields and constants included, with their line."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.lineno, " ".join(node.value.value.split())


def problems(source: str) -> list[str]:
    """The docstrings of a file that do not read plainly, with their line."""
    found = []
    for line, text in texts(source):
        if text.partition(" ")[0] in HEADLESS:
            found.append(f"{line}: begins with {text.partition(' ')[0]!r}: {text[:60]}")
        found += [f"{line}: {phrase!r}: {text[:60]}" for phrase in MANNERED if f" {phrase} " in f" {text.strip('.')} "]
    return found


@pytest.mark.parametrize("file", sorted(str(path.relative_to(SOURCE)) for path in SOURCE.rglob("*.py")))
def test_docstrings_read_plainly(file: str) -> None:
    assert problems((SOURCE / file).read_text()) == []


def test_a_planted_headless_docstring_is_found() -> None:
    assert problems('def f():\n    """What f does."""') == ["2: begins with 'What': What f does."]
    assert problems('X = 1\n"""Nothing is told here."""') == ["2: 'told': Nothing is told here."]
    assert problems('def f():\n    """The sum of both."""') == []
