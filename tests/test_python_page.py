"""`docs/python.md`: all its code runs, one block after the other in one script, and shows what the page shows."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from repository import git

import manyhands as mh

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "python.md"


def blocks(language: str) -> list[str]:
    """The code blocks of the page in that language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)


def script() -> str:
    """The Python of the page; each line has the number that it has on the page, so a traceback names that."""
    inside, lines = False, []
    for line in PAGE.read_text().splitlines():
        starts = line == "```python"
        inside = (inside or starts) and line != "```"
        lines.append(line if inside and not starts else "")
    return "\n".join(lines)


def test_the_page_has_only_blocks_that_are_run_and_what_they_print() -> None:
    assert set(re.findall(r"^```(\w+)$", PAGE.read_text(), re.MULTILINE)) == {"python", "text"}
    assert [line for line in script().splitlines() if line] == [
        line for block in blocks("python") for line in block.splitlines() if line
    ]


def test_the_first_block_is_three_lines() -> None:
    assert len(blocks("python")[0].split("\n\n")[-1].splitlines()) + 1 == 3


def test_every_public_name_is_in_a_block() -> None:
    code = "\n".join(blocks("python"))
    assert [name for name in mh.__all__ if not re.search(rf"\bmh\.{name}\b", code)] == []


@pytest.mark.slow
def test_all_code_of_the_page_runs_in_one_script_and_prints_what_the_page_shows(tmp_path: Path) -> None:
    """In a small repository with the files that the page names. The script has no guard, as the page promises."""
    for name in ("docs/example", "docs/examples"):
        shutil.copytree(ROOT / name, tmp_path / name)
    (tmp_path / "page.py").write_text(script())
    for words in (["init", "-q", "-b", "main"], ["add", "docs"], ["commit", "-q", "-m", "Add docs"]):
        git(tmp_path, *words)
    done = subprocess.run([sys.executable, "page.py"], cwd=tmp_path, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    for shown in blocks("text"):
        assert shown in done.stdout
    lines = done.stdout.splitlines()
    assert lines[0].startswith("ensemble: use ")
    assert lines[1].startswith(("  Train is ", "  It is the base line"))
    assert "serial ok" in lines
    assert lines[-1] == mh.__version__
    assert len(mh.read(tmp_path / "kmeans.jsonl")) == 2
