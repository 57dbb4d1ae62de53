"""README and docs/: every command and every file that they name exists, and every page answers one question."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from manyhands.cli import parser

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "docs" / "examples" / "README.md",
    ROOT / "docs" / "examples" / "own-project" / "README.md",
    *sorted((ROOT / "deploy").glob("*/README.md")),
]
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")
"""The file of a link within the repository."""
COMMAND = re.compile(r"^(?:\w+)?\$\s+(?:docker compose run --rm client |kubectl exec \S+ -- )?manyhands (.+)$", re.MULTILINE)


def commands() -> Iterator[tuple[str, str]]:
    """Page and arguments of every `manyhands` command that a page shows after a prompt, without its remark."""
    for page in PAGES:
        for command in COMMAND.findall(page.read_text()):
            yield str(page.relative_to(ROOT)), re.split(r"\s+#\s", command)[0].strip()


@pytest.mark.parametrize(("page", "command"), list(commands()))
def test_every_command_in_the_docs_is_accepted(page: str, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The parser accepts it, and warns of no old name."""
    parser().parse_args(shlex.split(command))
    assert "is now" not in capsys.readouterr().err, page


@pytest.mark.parametrize(
    "page", [*PAGES, *sorted((ROOT / "docs" / "results").glob("*.md"))], ids=lambda page: str(page.relative_to(ROOT))
)
def test_every_link_within_the_repository_leads_to_a_file(page: Path) -> None:
    assert [link for link in LINK.findall(page.read_text()) if not (page.parent / link).exists()] == []


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 180


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: page.name)
def test_a_page_of_docs_has_one_question_as_its_title_and_is_linked(page: Path) -> None:
    assert page.read_text().partition("\n")[0].endswith("?")
    assert f"(docs/{page.name})" in (ROOT / "README.md").read_text()
