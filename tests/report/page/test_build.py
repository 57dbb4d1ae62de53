from __future__ import annotations

import re
from collections.abc import Sequence
from html.parser import HTMLParser

import pytest

from manyhands.analysis.example import MACHINE, example_record, example_records
from manyhands.record import Record
from manyhands.report.page.build import to_html

pytest.importorskip("vl_convert", reason="needs vl-convert-python: pip install 'manyhands[report]'")
TAGS = re.compile(
    "html|head|meta|title|link|style|body|a|header|p|h1|br|main|section|h2|h3|div|article|ul|li|ol|span|b|"
    "code|noscript|table|caption|thead|tbody|tr|th|td|sup|small|figure|figcaption|details|summary|dl|dt|"
    "dd|footer|script|svg|line"
)
"""What the template itself writes."""


class Page(HTMLParser):
    """The tags, attributes and texts of a page as a browser would see them."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.texts, self.scripts, self.open = [], [], [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes
        self.open = tag
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data):
        if self.open == "script":
            self.scripts[-1] += data
        else:
            self.texts.append(data)

    def handle_endtag(self, tag):
        self.open = ""

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())


@pytest.fixture(scope="module")
def page():
    return Page(to_html([*example_records(), *example_records(("lstm",), noise=0.2)]))


def test_says_first_what_to_use_and_how_sure_that_is(page: Page) -> None:
    assert page.text.index("Use serial, 1 worker x 4 threads") < page.text.index("Every cell at a glance")
    assert "x as fast [" in page.text
    assert "the whole run" in page.text
    assert "no clear winner" in page.text


def test_every_chart_has_a_text_alternative_and_its_data(page: Page) -> None:
    charts = sum(name == "data-chart" for name, _ in page.attributes)
    assert charts == page.tags.count("figure") == 6
    words = [value for name, value in page.attributes if name == "aria-label" and value.startswith(("Speed-up", "Mean seconds"))]
    assert any("ddp x 2: " in value for value in words)
    assert page.text.count("Data of ") == charts


def test_everything_behind_the_numbers_is_there(page: Page) -> None:
    for text in (
        "manyhands run cnn --backend ddp --workers 2",
        "made-up CPU",
        "torch 2.13.0",
        "batch size",
        "needs 3 worker counts",
    ):
        assert text in page.text


def test_loads_nothing_and_runs_its_own_scripts_only(page: Page) -> None:
    names = {name for name, _ in page.attributes}
    assert not {name for name in names if name.startswith("on")} | names & {"src", "srcset", "action", "data"}
    assert {value for name, value in page.attributes if name == "href" and not value.startswith("#")} == {"data:,"}
    policy = next(value for name, value in page.attributes if name == "content" and "default-src" in value)
    assert "default-src 'none'" in policy
    assert "script-src 'sha256-" in policy
    assert "unsafe-eval" not in policy
    assert sum(len(script) > 100_000 for script in page.scripts) == 1


def test_nothing_from_a_record_is_unescaped(hostile: list[Record]) -> None:
    page = Page(to_html(hostile))
    assert [tag for tag in page.tags if not TAGS.fullmatch(tag)] == []
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert "document.title='owned'</script>" in page.text
    assert len(page.scripts) == page.tags.count("figure") + 3


def test_no_records_is_a_page_that_says_so() -> None:
    page = Page(to_html([]))
    assert "No records: nothing was run" in page.text
    assert "figure" not in page.tags


@pytest.mark.parametrize(
    ("records", "said"),
    [
        ([example_record(1.0, {})], "Only serial, 1 worker x 1 thread was measured"),
        ([example_record(1.0, {"backend": "ddp"})], "no measured run of serial with 1 worker"),
        ([example_record(1.0, {}, status="failed", reason="it broke")], "Every run failed or was skipped"),
        ([example_record(1.0, {}, quality={"accuracy": None})], "not a number: accuracy of serial"),
        (
            [example_record(1.0, {}), example_record(1.0, {}, id="2", machine=MACHINE | {"host": "other"})],
            "not averaged together: machine host example / other",
        ),
    ],
    ids=["one record", "no base line", "failed only", "no number", "two machines"],
)
def test_poor_input_is_a_page_that_says_so(records: Sequence[Record], said: str) -> None:
    assert said in Page(to_html(records)).text


def test_many_groups_have_their_reasons_in_their_own_sections() -> None:
    page = Page(to_html(example_records([f"net-{place}" for place in range(7)])))
    summary, groups = page.text.split("Every cell at a glance", 1)
    assert page.text.count("The model is as good: accuracy") == 7
    assert summary.count("The model is as good: accuracy") == 1  # the first section's own
    assert groups.count("Use ") == 6
