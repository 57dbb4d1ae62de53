"""The page of real records in a real browser: what a reader finds there, on a desk, on a telephone, in the dark and on paper.

With MANYHANDS_SCREENSHOTS=docs the pictures in that folder are taken anew.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from manyhands.analysis.example import example_records
from manyhands.measure.resources import end_descendants, wait_for_descendants
from manyhands.report.page.build import to_html
from manyhands.report.sources import load

pytest.importorskip("vl_convert", reason="needs vl-convert-python: pip install 'manyhands[report]'")
webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium: pip install 'manyhands[test]'")
BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(not (BROWSER and DRIVER), reason="needs a browser: apt-get install chromium chromium-driver")
REAL = Path(__file__).parents[2] / "docs" / "example" / "records.jsonl"
OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-features=SpareRendererForSitePerProcess",
    "--hide-scrollbars",
)
VIEWS = {"desk": (1280, 1700, "light"), "dark": (1280, 1700, "dark"), "telephone": (400, 2200, "light")}
"""Name -> width of the window, height of the picture, colour scheme."""
CHARTS = {"forest", "forest of the whole run", "speed-up", "efficiency", "phases", "cpu", "memory", "learning"}


BASE = ("serial", 1, 1)
ENGINES = {"ddp": 1.12, "fabric-ddp": 1.1, "ray": 0.9, "spark": 1.28, "dask": 0.7, "joblib-threads": 0.95}
"""Backend -> its speed-up on two workers, much alike as on a real machine, so that points and intervals lie close together."""
CELLS: dict[int, dict[tuple[str, int, int], float]] = {
    2: {BASE: 1.0, ("ddp", 2, 1): 1.5},
    6: {BASE: 1.0} | {(name, 2, 1): ENGINES[name] for name in list(ENGINES)[:5]},
    20: {BASE: 1.0, ("serial", 1, 8): 3.0}
    | {(name, n, 1): ENGINES[name] * n**0.8 for name in ("ddp", "fabric-ddp", "ray") for n in (1, 2, 4, 8)}
    | {(name, n, 1): ENGINES[name] * n**0.8 for name in ("spark", "dask", "joblib-threads") for n in (1, 2)},
}
"""Number of cells -> invented speed-ups."""
CUT = """[...document.querySelectorAll(".scroll")].filter((place) => place.clientWidth
    && place.firstElementChild.scrollWidth > place.clientWidth + 1).map((place) => place.getAttribute("aria-label"))"""
"""The tables that are wider than their place."""
OVERLAPS = """[...document.querySelectorAll("svg.marks")].flatMap((chart) => {
    const edge = chart.getBoundingClientRect();
    const texts = [...chart.querySelectorAll("text")].filter((text) => text.textContent.trim() && text.getAttribute("opacity") !== "0");
    const boxes = texts.map((text) => [text.textContent, text.getBoundingClientRect()]);
    const outside = boxes.filter(([, box]) => box.left < edge.left - 2 || box.right > edge.right + 2).map(([text]) => [text, "the edge"]);
    const meets = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
        && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1;
    return outside.concat(boxes.flatMap(([one, a], place) =>
        boxes.slice(place + 1).filter(([, b]) => meets(a, b)).map(([other]) => [one, other])));
})"""
"""The texts of charts that lie on each other or beyond the chart."""


class Browser:
    """Chromium, which shows one page."""

    def __init__(self, profile: Path) -> None:
        options = webdriver.ChromeOptions()
        options.binary_location = BROWSER
        for option in (*OPTIONS, f"--user-data-dir={profile}"):
            options.add_argument(option)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
        self.driver.get("about:blank")

    @contextmanager
    def tab(self) -> Iterator[None]:
        """A new tab in front of the first one, with empty logs; its processes have ended when it is closed."""
        keep = {child.pid for child in psutil.Process().children(recursive=True)}
        first = self.driver.current_window_handle
        self.driver.switch_to.new_window("tab")
        for log in ("browser", "performance"):
            self.driver.get_log(log)
        yield
        self.driver.close()
        self.driver.switch_to.window(first)
        wait_for_descendants(keep)
        end_descendants(keep)

    def open(self, page: Path, width: int, scheme: str = "light", medium: str = "") -> None:
        view = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", view)
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": medium, "features": [feature]})
        self.driver.get(page.as_uri())
        limit = time.perf_counter() + 30
        while self.js("document.querySelectorAll('figure:not([data-drawn])').length") and time.perf_counter() < limit:
            time.sleep(0.05)

    def js(self, expression: str) -> Any:
        return self.driver.execute_script(f"return {expression}")

    def requests(self) -> list[str]:
        messages = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        sent = [message["params"] for message in messages if message["method"] == "Network.requestWillBeSent"]
        return [params["request"]["url"] for params in sent]

    def picture(self, path: Path, width: int, height: int) -> None:
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        taken = self.driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True, "clip": clip})
        path.write_bytes(base64.b64decode(taken["data"]))


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Started once, since that takes longer than to open a page."""
    keep = {child.pid for child in psutil.Process().children(recursive=True)}
    found = Browser(tmp_path_factory.mktemp("profile"))
    yield found
    found.driver.quit()
    end_descendants(keep)  # Chromium's own children outlive it for a moment


@pytest.fixture
def browser(chromium: Browser) -> Iterator[Browser]:
    with chromium.tab():
        yield chromium


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(to_html(load([REAL])), encoding="utf-8")
    return path


def test_every_view_shows_the_summary_and_every_chart_and_loads_nothing(browser: Browser, page: Path, tmp_path: Path) -> None:
    folder = Path(os.environ.get("MANYHANDS_SCREENSHOTS") or tmp_path)
    for name, (width, height, scheme) in VIEWS.items():
        browser.open(page, width, scheme)
        assert browser.js("document.querySelector('#summary .card h3').innerText").startswith("Use "), name
        drawn = browser.js(
            "[...document.querySelectorAll('figure[data-drawn] svg.marks')].map(s => s.getBoundingClientRect().width)"
        )
        names = browser.js("[...document.querySelectorAll('figure')].map(f => f.dataset.chart)")
        assert set(names) >= CHARTS
        assert len(drawn) == len(names)
        assert min(drawn) > 250
        assert browser.js(
            "[...document.querySelectorAll('figure > [role=img]')].every(p => p.getAttribute('aria-label').length > 30)"
        )
        assert browser.js("[...document.querySelectorAll('figure details')].every(d => d.querySelectorAll('tbody tr').length)")
        assert browser.js("document.documentElement.scrollWidth") <= width, f"{name}: wider than the window"
        assert browser.js("getComputedStyle(document.body).backgroundColor") == (
            "rgb(20, 24, 29)" if scheme == "dark" else "rgb(255, 255, 255)"
        )
        browser.picture(folder / f"report-{name}.png", width, height)
        assert 20_000 < (folder / f"report-{name}.png").stat().st_size < 400_000
    assert browser.requests() == [page.as_uri()] * len(VIEWS)
    assert browser.driver.get_log("browser") == []


@pytest.mark.parametrize("cells", CELLS)
def test_nothing_lies_on_anything_and_no_table_is_cut(cells: int, browser: Browser, tmp_path: Path) -> None:
    records = example_records(speeds=CELLS[cells], noise=0.08)
    path = tmp_path / "report.html"
    path.write_text(to_html(records), encoding="utf-8")
    for width, scheme, medium in ((1280, "light", ""), (400, "dark", ""), (800, "light", "print")):
        browser.open(path, width, scheme, medium)
        if width == 1280:
            points = "document.querySelectorAll('figure[data-chart=\"forest\"] .mark-symbol path').length"
            assert browser.js(points) >= cells, "every cell has its point"
        browser.js("document.querySelectorAll('.charts details').forEach(data => data.open = true)")
        time.sleep(0.2)  # the table of a chart is fitted when it is opened
        assert browser.js(CUT) == [], f"{width} {medium}"
        assert browser.js(OVERLAPS) == [], f"{width} {medium}"
        assert browser.js("document.documentElement.scrollWidth") <= width
    joined = browser.js("document.querySelectorAll('figure[data-chart=\"speed-up\"]').length")
    assert joined == (1 if cells == 20 else 0), "curves only where an engine has three worker counts"


def test_the_page_opens_fast_and_is_used_with_the_keyboard(browser: Browser, page: Path) -> None:
    from selenium.webdriver import ActionChains, Keys

    browser.open(page, 1280)
    assert browser.js("performance.getEntriesByType('navigation')[0].loadEventEnd") < 2000
    press = ActionChains(browser.driver)
    press.send_keys(Keys.TAB).perform()
    assert browser.js("document.activeElement.className") == "skip"
    browser.js("document.querySelector('figure summary').focus()")
    press.send_keys(Keys.ENTER).perform()
    assert browser.js("document.querySelector('figure details').open")
    press.send_keys(Keys.TAB).perform()
    assert browser.js("document.activeElement.getAttribute('aria-label')").startswith("Data of ")


def test_a_page_of_a_thousand_records_opens_fast(browser: Browser, tmp_path: Path) -> None:
    speeds = {("serial", 1, 1): 1.0} | {(f"engine-{place}", n, 1): n**0.8 for place in range(8) for n in (1, 2, 4, 8, 16, 32)}
    records = example_records(("cnn", "lstm", "mlp", "rnn"), 5, speeds)
    assert len(records) >= 900
    path = tmp_path / "large.html"
    path.write_text(to_html(records), encoding="utf-8")
    browser.open(path, 1280)
    assert browser.js("performance.getEntriesByType('navigation')[0].loadEventEnd") < 2000
    assert browser.js("document.querySelectorAll('figure:not([data-drawn])').length") == 0


@pytest.mark.parametrize(
    ("study", "charts"),
    [("mlp-ensemble", {"confusion", "phases"}), ("dask-and-spark", {"roc", "clusters", "phases"})],
)
def test_pages_of_studies_draw_what_models_say(study: str, charts: set[str], browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "study.html"
    path.write_text(to_html(load([REAL.parents[1] / "results" / f"{study}.jsonl"])), encoding="utf-8")
    browser.open(path, 1280)
    drawn = browser.js("[...document.querySelectorAll('figure[data-drawn]')].map(f => f.dataset.chart.split(' ')[0])")
    assert set(drawn) >= charts
    assert browser.js("document.querySelectorAll('figure:not([data-drawn])').length") == 0
    assert browser.js("document.documentElement.scrollWidth") <= 1280
    assert browser.driver.get_log("browser") == []


def test_on_paper_it_is_light_and_has_every_chart_and_command(browser: Browser, page: Path) -> None:
    browser.open(page, 1280, "dark")
    printed = browser.driver.execute_cdp_cmd("Page.printToPDF", {})
    assert base64.b64decode(printed["data"]).startswith(b"%PDF")
    assert browser.js("document.querySelector('details[data-print]').open")
    browser.open(page, 1280, "dark", medium="print")
    assert browser.js("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_names_with_html_do_nothing(browser: Browser, hostile: list[Any], tmp_path: Path) -> None:
    path = tmp_path / "hostile.html"
    path.write_text(to_html(hostile), encoding="utf-8")
    browser.open(path, 1280)
    assert browser.js("document.title").startswith("manyhands: ")
    assert browser.js("document.querySelectorAll('img').length") == 0
    assert browser.js("document.querySelectorAll('figure:not([data-drawn])').length") == 0
    assert browser.driver.get_log("browser") == []
