from __future__ import annotations

import base64
import html
import html.parser
import io
import json
import math
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cxrmine.evaluation.evaluate_boxes import measure_boxes
from cxrmine.evaluation.overlays import Overlay, OverlayBox
from cxrmine.evaluation.training_report import (
    MOST_POINTS,
    Chart,
    OverlaySheet,
    Picture,
    ReportInput,
    Section,
    Series,
    Table,
    _ticks,
    roc_chart,
    write_report,
)

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "runs"))
from browser import Browser, browsing
from made_boxes import made

ATTACK = '</script><img src=x onerror="window.owned = 1">\'"><svg onload="window.owned = 2">'


def png(level: int = 128) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.full((5, 9), level, np.uint8)).save(buffer, format="PNG")
    return buffer.getvalue()


LOSS = Chart(
    "Loss",
    "epoch",
    "loss",
    (
        Series("train", (1, 2, 3, 4), (0.9, 0.5, 0.3, 0.2), markers=True),
        Series("validation", (1, 2, 3, 4), (0.95, math.nan, 0.45, 0.5), dashed=True),
    ),
    note="The best epoch is 3.",
)
SCORES = Table(
    "Scores",
    ("finding", "n", "AUC"),
    (
        ("Mass", 20, "0.810 [0.75, 0.86]"),
        ("Nodule", 1200, 0.7712345),
        (ATTACK, 3, None),
        ("mean", None, 0.79),
    ),
    note="On the test part.",
    sums=1,
    strong=frozenset({1}),
)
BOXES = OverlaySheet(
    "Boxes",
    (
        Overlay(
            "a.png", "Mass", 1024,
            (OverlayBox("truth", 100, 100, 300, 300, "true box"),
             OverlayBox("hit", 150, 150, 100, 100, "hit, IoBB 1.00"),
             OverlayBox("false", 600, 600, 300, 200, "false positive, IoBB 0.00")),
            np.full((32, 32), 90, np.uint8),
        ),
        Overlay("b.png", "Nodule", 1024, (OverlayBox("truth", 5, 5, 50, 50, "true box"),), None),
    ),
)  # fmt: skip


def report() -> ReportInput:
    curve = np.linspace(0, 1, 5000)
    roc = roc_chart(
        "ROC",
        [("Mass (0.81)", curve, curve**0.25), ("Nodule (0.70)", curve, curve**0.5)],
        points=[("reader 1", [0.2], [0.7])],
    )
    return ReportInput(
        f"A run {ATTACK}",
        "Measured on 7 invented images.",
        {"recipe": ATTACK, "lr": 3e-05, "seed": 7, "nothing": None},
        (
            Section("Curves", (LOSS, roc), "How it went."),
            Section("Tables", (SCORES, Picture("A picture", png(), "a grey area"))),
            Section("Boxes on images", (BOXES,)),
        ),
        ("The set is small.",),
    )


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    write_report(path, report())
    return path


# ---------------------------------------------------------------------------- the file


class Outside(html.parser.HTMLParser):
    """Everything in a page that would be fetched, and every tag."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name in ("src", "href", "action", "data", "poster", "srcset") and value:
                self.found.append(value)
            assert not name.startswith("on")
            assert name != "style"


def test_a_page_needs_nothing_from_elsewhere(written: Path) -> None:
    page = written.read_text("utf-8")
    outside = Outside()
    outside.feed(page)
    assert all(value.startswith(("#", "data:image/")) for value in outside.found)
    assert outside.tags.count("script") == outside.tags.count("style") == 1
    assert outside.tags.count("img") == 1  # the picture; the attack's is text
    assert not re.search(r"url\(|@import|fetch\(|XMLHttpRequest|WebSocket|innerHTML", page)
    policy = html.unescape(re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1])
    assert policy.startswith("default-src 'none'")
    assert policy.endswith("img-src data:")


def test_the_same_input_gives_the_same_bytes(written: Path, tmp_path: Path) -> None:
    write_report(tmp_path / "again.html", report())
    assert (tmp_path / "again.html").read_bytes() == written.read_bytes()


def test_numbers_are_on_the_page(written: Path) -> None:
    page = written.read_text("utf-8")
    for text in ("Measured on 7 invented images.", "The set is small.", "0.7712", "1,200",
                 "3e-05", "On the test part.", "How it went."):  # fmt: skip
        assert text in page
    picture = base64.b64encode(png()).decode()
    assert f"data:image/png;base64,{picture}" in page


def test_curves_are_where_their_values_are(written: Path) -> None:
    page = written.read_text("utf-8")
    group = re.search(r'<g class="series s0[^>]*data-name="train"[^>]*>', page)[0]
    xs, ys, px, py = (
        [float(v) for v in re.search(rf'data-{name}="([^"]*)"', group)[1].split()]
        for name in ("x", "y", "px", "py")
    )
    assert (xs, ys) == ([1, 2, 3, 4], [0.9, 0.5, 0.3, 0.2])
    # Straight lines from values to places: right is more, up is more.
    for values, places in ((xs, px), (ys, [-p for p in py])):
        slope = (places[-1] - places[0]) / (values[-1] - values[0])
        assert slope > 0
        for value, place in zip(values, places, strict=True):
            assert place == pytest.approx(places[0] + slope * (value - values[0]), abs=0.11)
    line = re.search(r'data-name="train".*?<path d="([^"]*)"', page, re.DOTALL)[1]
    drawn = [float(v) for v in re.findall(r"[\d.]+", line)]
    assert drawn[0::2] == pytest.approx(px, abs=0.06)
    assert drawn[1::2] == pytest.approx(py, abs=0.06)
    reader = re.search(r'data-name="reader 1".*?</g>', page, re.DOTALL)[0]
    assert ("<path" in reader, reader.count("<circle")) == (False, 1)  # a point and no curve
    # Where a value is missing the line has a gap.
    gap = re.search(r'data-name="validation".*?<path d="([^"]*)"', page, re.DOTALL)[1]
    assert gap.count("M") == 2


def test_long_curves_are_thinned_and_keep_their_shape(written: Path) -> None:
    page = written.read_text("utf-8")
    group = re.search(r'<g class="series[^>]*data-name="Mass \(0.81\)"[^>]*>', page)[0]
    xs = np.array([float(v) for v in re.search(r'data-x="([^"]*)"', group)[1].split()])
    ys = np.array([float(v) for v in re.search(r'data-y="([^"]*)"', group)[1].split()])
    assert len(xs) <= MOST_POINTS + 2
    assert (xs[0], ys[0], xs[-1], ys[-1]) == (0, 0, 1, 1)
    fine = np.linspace(0, 1, 5000)
    # Its area is the curve's: most points lie where it is steep.
    assert area(xs, ys) == pytest.approx(area(fine, fine**0.25), abs=1e-3)


def area(xs: np.ndarray, ys: np.ndarray) -> float:
    return float((np.diff(xs) * (ys[1:] + ys[:-1]) / 2).sum())


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6), st.integers(3, 10))
def test_ticks_are_round_and_within(low: float, width: float, most: int) -> None:
    high = low + width
    if not high > low or (high - low) / max(abs(low), abs(high), 1e-300) < 1e-6:
        return
    found = _ticks(low, high, most)
    slack = (high - low) * 1e-6
    assert 1 <= len(found) <= most + 1
    assert all(low - slack <= value <= high + slack for value in found)


def test_empty_parts_make_a_page(tmp_path: Path) -> None:
    empty = ReportInput(
        "Nothing yet",
        "Measured on nothing.",
        sections=(
            Section("Empty", (Chart("No lines", "x", "y", ()), Table("No rows", ("a",), ()),
                              Chart("A point", "x", "y", (Series("one", (1,), (2,)),)),
                              Chart("A gap", "x", "y", (Series("none", (1,), (math.nan,)),)),
                              OverlaySheet("No images", ()))),
        ),
    )  # fmt: skip
    write_report(tmp_path / "r.html", empty)
    assert "No rows" in (tmp_path / "r.html").read_text("utf-8")


def test_what_does_not_fit_together_is_refused(tmp_path: Path) -> None:
    for block, says in (
        (Table("T", ("a", "b"), (("x",),)), "1 cells, the header 2"),
        (Chart("C", "x", "y", (Series("s", (1, 2), (1,)),)), "2 x and 1 y"),
    ):
        with pytest.raises(ValueError, match=says):
            write_report(tmp_path / "r.html", ReportInput("R", "", {}, (Section("S", (block,)),)))
    assert not list(tmp_path.iterdir())


# ---------------------------------------------------------------------------- in a browser


@pytest.fixture(scope="module")
def browser(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browsing(chromium, tmp_path_factory.mktemp("profile")) as page:
        yield page


@pytest.fixture
def page(browser: Browser, written: Path) -> Iterator[Browser]:
    browser.errors.clear()
    browser.requests.clear()
    browser.open(written)
    yield browser
    assert browser.errors == []
    assert [url for url in browser.requests if not url.startswith("data:")] == [written.as_uri()]


def texts(page: Browser, selector: str) -> list[str]:
    found = page.run(
        f"[...document.querySelectorAll({json.dumps(selector)})].map(e => e.textContent.trim())"
    )
    assert isinstance(found, list)
    return found


def click(page: Browser, selector: str) -> None:
    page.run(f"document.querySelector({json.dumps(selector)}).click()")


@pytest.mark.browser
class TestPage:
    def test_runs_nothing_that_a_text_holds(self, page: Browser) -> None:
        assert page.run("typeof window.owned") == "undefined"
        assert page.run("document.images.length") == 1
        page.run("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"owned=1\">')")
        page.run("new Promise(done => setTimeout(done, 50))")
        assert page.run("typeof window.owned") == "undefined"
        assert any("Content Security Policy" in e or "violates" in e for e in page.errors)
        page.errors.clear()
        del page.requests[:]
        page.requests.append(page.run("location.href"))

    def test_shows_its_pictures(self, page: Browser) -> None:
        assert page.run("document.images[0].naturalWidth") == 9
        loaded = page.run(
            "(async () => { const i = new Image();"
            " i.src = document.querySelector('.overlay image').getAttribute('href');"
            " await i.decode(); return [i.naturalWidth, i.naturalHeight]; })()"
        )
        assert loaded == [32, 32]
        assert texts(page, ".missing") == ["no image at hand"]

    def test_boxes_have_their_colours_and_places(self, page: Browser) -> None:
        def stroke(kind: str) -> str:
            return page.run(
                f"getComputedStyle(document.querySelector('.overlay .{kind} rect:last-child')).stroke"
            )

        assert stroke("truth") == "rgb(74, 163, 255)"
        assert stroke("hit") == "rgb(47, 220, 110)"
        assert stroke("false") == "rgb(255, 90, 79)"
        place = page.run(
            "(() => { const s = document.querySelector('.overlay svg').getBoundingClientRect();"
            " const r = document.querySelector('.overlay .false rect:last-child')"
            ".getBoundingClientRect();"
            " return [(r.x - s.x) / s.width, (r.y - s.y) / s.height]; })()"
        )
        assert place == pytest.approx([600 / 1024, 600 / 1024], abs=0.01)

    def test_kinds_and_findings_can_be_hidden(self, page: Browser) -> None:
        def visible(kind: str) -> bool:
            return page.run(
                f"document.querySelector('.overlay .{kind}').getClientRects().length > 0"
            )

        assert visible("false")
        click(page, ".overlays input[data-kind=false]")
        assert not visible("false")
        assert visible("hit")
        click(page, ".overlays input[data-kind=false]")
        assert visible("false")
        page.run(
            "(() => { const s = document.querySelector('.overlays select'); s.value = 'Nodule';"
            " s.dispatchEvent(new Event('change')); })()"
        )
        assert page.run(
            "[...document.querySelectorAll('.overlay')].filter(o => !o.hidden)"
            ".map(o => o.dataset.finding)"
        ) == ["Nodule"]

    def test_a_click_on_a_heading_sorts_and_totals_stay(self, page: Browser) -> None:
        def order() -> list[str]:
            return texts(page, "table.sortable tbody th")

        assert texts(page, "tr.strong th") == ["Nodule"]
        assert order()[0] == "Mass"
        assert order()[-1] == "mean"
        click(page, "table.sortable thead th:nth-child(3) button")
        assert order() == ["Mass", "Nodule", ATTACK, "mean"]  # falling; without a value last
        click(page, "table.sortable thead th:nth-child(2) button")
        assert order() == ["Nodule", "Mass", ATTACK, "mean"]
        assert page.run("document.querySelector('th[aria-sort]').ariaSort") == "descending"
        click(page, "table.sortable thead th:nth-child(2) button")
        assert order() == [ATTACK, "Mass", "Nodule", "mean"]
        click(page, "table.sortable thead th:nth-child(1) button")
        assert order()[-2:] == ["Nodule", "mean"]

    def test_lines_can_be_hidden(self, page: Browser) -> None:
        line = "document.querySelector('.chart .series').getAttribute('visibility')"
        click(page, ".chart .legend button")
        assert page.run(line) == "hidden"
        assert page.run("document.querySelector('.legend button').ariaPressed") == "false"
        click(page, ".chart .legend button")
        assert page.run(line) == "visible"

    def test_reads_out_the_nearest_value(self, page: Browser) -> None:
        page.hover(".chart .series circle:nth-of-type(3)")
        page.wait_for("document.querySelector('.readout').textContent !== ''")
        assert texts(page, ".readout")[0] == "train: 0.3 at 3"
        assert page.run("document.querySelector('.spot').getAttribute('visibility')") == "visible"
        click(page, ".chart .legend button")
        assert texts(page, ".readout")[0] == ""

    def test_light_and_dark_can_be_read(self, page: Browser) -> None:
        contrast = """((selector) => {
          const rgb = (c) => c.match(/[\\d.]+/g).slice(0, 3).map(Number);
          const lum = (c) => { const [r, g, b] = rgb(c).map(v => { v /= 255;
            return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; });
            return .2126 * r + .7152 * g + .0722 * b; };
          const e = document.querySelector(selector);
          let back = e; while (getComputedStyle(back).backgroundColor === 'rgba(0, 0, 0, 0)')
            back = back.parentElement;
          const style = getComputedStyle(e);
          const a = lum(e instanceof SVGElement ? (selector.includes('text') ? style.fill : style.color) : style.color);
          const b = lum(getComputedStyle(back).backgroundColor);
          return (Math.max(a, b) + .05) / (Math.min(a, b) + .05); })"""
        for dark in (False, True):
            page.dark(dark)
            for selector in ("h1", ".measured", ".warning", "td.number", "svg text.tick",
                             "figcaption", ".legend button"):  # fmt: skip
                assert page.run(f"{contrast}({json.dumps(selector)})") >= 4.5, (dark, selector)
            for series in ("s0", "s1"):
                assert page.run(f"{contrast}('.chart .series.{series}')") >= 3, (dark, series)
        page.dark(False)

    def test_a_report_on_boxes(self, page: Browser, tmp_path: Path, written: Path) -> None:
        truth, predicted, scores = made()
        result = measure_boxes(
            predicted, scores, truth, draws=1, overlays=6,
            pixels=lambda name: np.full((16, 16), 70, np.uint8),
        )  # fmt: skip
        path = tmp_path / "boxes.html"
        write_report(path, ReportInput("Boxes", result.measured_on, {}, result.sections()))
        page.open(path)
        assert texts(page, "h2") == [section.title for section in result.sections()]
        assert page.run("document.querySelectorAll('.overlay').length") == 6
        assert page.run("document.querySelectorAll('.chart > svg .series').length") == 2 * 4
        # Ours by hand at T(IoBB) 0.5, on the page as in the scores.
        row = next(
            r for r in result.scores if (r.measure, r.threshold, r.finding) == ("IoBB", 0.5, "Mass")
        )
        cells = page.run(
            "[...document.querySelector('table.sortable').tBodies[0].rows]"
            ".map(r => [...r.cells].map(c => c.textContent))"
        )
        heads = texts(page, "table.sortable thead th")[: len(cells[0])]
        (ours,) = [r for r in cells if r[0] == "0.5" and r[1] == "ours"]
        assert ours[heads.index("Mass")] == f"{row.accuracy.value:.4f}"
        kinds = page.run("[...document.querySelectorAll('.overlay .box')].map(b => b.classList[1])")
        expected = [box.kind for overlay in result.overlays for box in overlay.boxes]
        assert sorted(kinds) == sorted(expected)
        page.requests[:] = [written.as_uri()]

    def test_fits_a_small_screen(self, page: Browser) -> None:
        page.call(
            "Emulation.setDeviceMetricsOverride",
            width=390, height=800, deviceScaleFactor=1, mobile=False,
        )  # fmt: skip
        assert page.run("document.documentElement.scrollWidth") <= 390
        page.call("Emulation.clearDeviceMetricsOverride")
