from __future__ import annotations

import html
import html.parser
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import Browser, browsing
from hypothesis import given
from hypothesis import strategies as st

from cxrmine.labeling.mention import STATUSES, Mention
from cxrmine.reports.report import Report
from cxrmine.runs.evidence import write_evidence
from cxrmine.runs.evidence_data import cue_spans, evidence_line, script_safe_json

COLUMNS = {"two": ["Effusion", "Edema"], "chexpert": ["Effusion", "Edema", "Mass"]}
ATTACK = '</script><img src=x onerror="window.owned = 1"><!-- <script>window.owned = 2'


def mention(text: str, words: str, status: str, cue: str = "", rule: str = "", **more) -> Mention:
    """Return the mention of `words`, in the sentence of `text` that holds them."""
    start = more.get("start", text.index(words))
    first = text.rfind(".", 0, start) + 1
    last = text.find(".", start) + 1 or len(text)
    return Mention(
        section="findings",
        sentence=text[first:last],
        start=start,
        end=start + len(words),
        text=words,
        finding=more.get("finding", "Effusion"),
        concept="c",
        status=status,
        cue=cue,
        rule=rule,
        sentence_start=first,
        sentence_end=last,
    )


def line(report_id: str, text: str, *mentions: Mention, **values: int | None) -> bytes:
    labels = {
        "two": {"Effusion": values.get("effusion", 0), "Edema": values.get("edema", 0)},
        "chexpert": {"Effusion": values.get("effusion"), "Edema": -1, "Mass": None},
    }
    return evidence_line(Report(report_id, text), mentions, labels).encode()


def write(folder: Path, lines: list[bytes], **options: object) -> list[str]:
    statuses = Counter(row[4] for one in lines for row in json.loads(one)[2])
    return write_evidence(
        folder, lines, reports=len(lines), columns=COLUMNS, statuses=statuses, **options
    )


# ---------------------------------------------------------------------------- the data


@given(st.text(st.characters(codec="utf-8")))
def test_nothing_in_the_data_can_end_its_element(text: str) -> None:
    data = script_safe_json([text, ATTACK + text])
    assert not set(data) & set("<>&")
    assert data.isascii()
    assert json.loads(data) == [text, ATTACK + text]


@given(st.text(st.sampled_from("ab😀é𝔸 "), max_size=12), st.data())
def test_offsets_are_javascript_s(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    found = Mention("s", text, start, end, text[start:end], "F", "c", "present", "", "", 0, 0)
    row = json.loads(evidence_line(Report("1", text), [found], {}))[2][0]
    units = text.encode("utf-16-le")
    assert units[2 * row[0] : 2 * row[1]].decode("utf-16-le") == text[start:end]


@pytest.mark.parametrize(
    ("text", "words", "cue", "expected"),
    [
        ("No edema or effusion.", "effusion", "No", ["No"]),
        ("Edema has resolved.", "Edema", "has  resolved", ["has resolved"]),
        ("No sign is seen of edema.", "edema", "No … of", ["No", "of"]),
        ("Not in the nodes: no edema.", "edema", "no", ["no"]),
        ("Nodular edema.", "edema", "no", []),
        ("Edema. No effusion.", "Edema", "No", []),
        ("Edema (?).", "Edema", "(?)", ["(?)"]),
    ],
)
def test_a_cue_is_found_in_its_sentence(
    text: str, words: str, cue: str, expected: list[str]
) -> None:
    spans = cue_spans(text, mention(text, words, "absent", cue))
    assert [text[start:end] for start, end in spans] == expected


def test_of_equal_cues_the_nearest_counts() -> None:
    text = "No mass, and no edema at all."
    assert cue_spans(text, mention(text, "edema", "absent", "no")) == [(13, 15)]
    assert cue_spans(text, mention(text, "mass", "absent", "no")) == [(0, 2)]


# ---------------------------------------------------------------------------- the files


class Outside(html.parser.HTMLParser):
    """Everything in a page that would be fetched from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("src", "href", "action", "data", "poster", "srcset") and value:
                self.found.append((tag, value))
            assert not name.startswith("on")
            assert name != "style"


def test_a_page_needs_nothing_from_elsewhere(tmp_path: Path) -> None:
    write(tmp_path, [line("1", ATTACK)])
    page = (tmp_path / "evidence.html").read_text()
    outside = Outside()
    outside.feed(page)
    assert outside.found == [("a", "#results")]
    assert not re.search(r"url\(|@import|fetch\(|XMLHttpRequest|WebSocket|innerHTML", page)
    assert "default-src 'none'" in html.unescape(page)
    assert page.count("<script") == page.count("</script>") == 3


def test_pages_are_the_same_every_time(tmp_path: Path) -> None:
    lines = [line(str(n), f"Report {n}.") for n in range(5)]
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write(tmp_path / name, lines)
    assert (tmp_path / "a/evidence.html").read_bytes() == (
        tmp_path / "b/evidence.html"
    ).read_bytes()


def test_many_reports_get_several_files_and_an_index(tmp_path: Path) -> None:
    lines = [line(f"id<{n}>", "Edema.", mention("Edema.", "Edema", "present")) for n in range(7)]
    # Fragments of any size: they are what the parts hold.
    fragments = [b"".join(lines[:4]), b"", b"".join(lines[4:])]
    names = write_evidence(
        tmp_path, fragments, reports=7, columns=COLUMNS, statuses={"present": 7}, per_page=3
    )
    assert names == [
        "evidence.html",
        "evidence_001.html",
        "evidence_002.html",
        "evidence_003.html",
    ]
    assert sorted(p.name for p in tmp_path.iterdir()) == names
    index = (tmp_path / "evidence.html").read_text()
    assert "id&lt;3&gt;" in index
    assert "id<3>" not in index
    held = [[row[0] for row in embedded(tmp_path / name, "data")] for name in names[1:]]
    assert [id for ids in held for id in ids] == [f"id<{n}>" for n in range(7)]
    assert [len(ids) for ids in held] == [3, 3, 1]
    assert embedded(tmp_path / names[3], "meta")["offset"] == 6


def embedded(page: Path, name: str):
    found = re.search(rf'id="{name}">(.*?)</script>', page.read_text(), re.DOTALL)
    assert found
    return json.loads(found[1])


# ---------------------------------------------------------------------------- in a browser

FIRST = "Small left effusion. No edema or 😀 effusion. Edema may be early."
LINES = [
    line(
        "first",
        FIRST,
        mention(FIRST, "effusion", "present"),
        mention(FIRST, "edema", "absent", "No", "neg-no", finding="Edema"),
        mention(FIRST, "effusion", "absent", "No", "neg-no", start=FIRST.rindex("effusion")),
        mention(FIRST, "Edema", "possible", "may", "hedge-may", finding="Edema"),
        effusion=1,
    ),
    line("attack", f"{ATTACK} effusion.", mention(f"{ATTACK} effusion.", "effusion", "present")),
    line("empty", ""),
    line(
        "nested",
        "Basal pleural effusion.",
        mention("Basal pleural effusion.", "Basal pleural effusion", "present", finding="Outer"),
        mention("Basal pleural effusion.", "pleural effusion", "probable", "", "odd-rule"),
    ),
    *(line(f"more-{n:02d}", "Nothing to see.") for n in range(40)),
]


@pytest.fixture(scope="module")
def browser(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browsing(chromium, tmp_path_factory.mktemp("profile")) as page:
        yield page


@pytest.fixture
def page(browser: Browser, tmp_path: Path) -> Iterator[Browser]:
    write(tmp_path, LINES)
    browser.errors.clear()
    browser.requests.clear()
    browser.call("Input.dispatchMouseEvent", type="mouseMoved", x=1, y=1)
    browser.open(tmp_path / "evidence.html")
    yield browser
    assert browser.errors == []
    assert browser.requests == [(tmp_path / "evidence.html").as_uri()]


def shown(page: Browser) -> list[str]:
    return page.run("[...document.querySelectorAll('article h2')].map(h => h.firstChild.data)")


def choose(page: Browser, select: str, value: str) -> None:
    page.run(
        f"(() => {{ const s = document.querySelector('#{select}'); s.value = {json.dumps(value)};"
        " s.dispatchEvent(new Event('change', {bubbles: true})); })()"
    )


@pytest.mark.browser
class TestPage:
    def test_shows_the_text_as_it_is(self, page: Browser) -> None:
        texts = page.run("[...document.querySelectorAll('.text')].map(t => t.textContent)")
        assert texts[0] == FIRST
        assert texts[1] == f"{ATTACK} effusion."
        assert texts[2] == "The report is empty."

    def test_runs_nothing_that_a_report_holds(self, page: Browser) -> None:
        assert page.run("typeof window.owned") == "undefined"
        assert page.run("document.querySelectorAll('img').length") == 0
        assert page.run("document.scripts.length") == 3
        # Nor would it if something got in: the policy allows the page's own script alone.
        page.run("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"owned=1\">')")
        assert page.run("typeof window.owned") == "undefined"
        assert any("Content Security Policy" in e or "violates" in e for e in page.errors)
        page.errors.clear()
        del page.requests[1:]

    def test_marks_each_mention_with_its_status(self, page: Browser) -> None:
        marks = page.run(
            "[...document.querySelector('article').querySelectorAll('mark')]"
            ".map(m => [m.textContent, m.className.match(/s-(\\w+)/)[1]])"
        )
        assert marks == [
            ["effusion", "present"],
            ["edema", "absent"],
            ["effusion", "absent"],
            ["Edema", "possible"],
        ]
        cues = page.run(
            "[...document.querySelector('article').querySelectorAll('.cue')].map(c => c.textContent)"
        )
        assert cues == ["No", "may"]

    def test_tells_cue_and_rule_on_hover(self, page: Browser) -> None:
        assert page.run("document.querySelector('#tip').hidden")
        page.hover("mark.s-absent")
        page.wait_for("!document.querySelector('#tip').hidden")
        tip = page.run("document.querySelector('#tip').textContent")
        for told in ("absent", "Edema", "“No”", "neg-no"):
            assert told in tip
        assert page.run("[...document.querySelectorAll('.lit')].map(c => c.textContent)") == ["No"]
        page.hover("h1")
        page.wait_for("document.querySelector('#tip').hidden")
        assert page.run("document.querySelectorAll('.lit').length") == 0

    def test_tells_of_every_nested_mention(self, page: Browser) -> None:
        page.hover("mark.s-probable")
        page.wait_for("!document.querySelector('#tip').hidden")
        tip = page.run("document.querySelector('#tip').textContent")
        assert "Outer" in tip
        assert "odd-rule" in tip

    def test_shows_labels_beside_the_report(self, page: Browser) -> None:
        labels = page.run(
            "[...document.querySelector('.labels').querySelectorAll('h3, li, summary, p')]"
            ".map(e => e.textContent)"
        )
        assert labels == [
            *("two", "Effusion1", "1 labelled 0", "Edema0"),
            *("chexpert", "Effusion1", "Edema-1", "1 left blank"),
        ]

    def test_searches_text_and_ids(self, page: Browser) -> None:
        page.run("document.querySelector('#query').focus()")
        page.type("BASAL pl")
        page.wait_for("document.querySelectorAll('article').length === 1")
        assert shown(page) == ["nested"]
        hits = page.run("[...document.querySelectorAll('.hit')].map(h => h.textContent).join('')")
        assert hits == "Basal pl"
        assert page.run("document.querySelector('#count').textContent") == "1 of 44 reports"
        page.run("document.querySelector('#clear').click()")
        page.type("more-3")
        page.wait_for("document.querySelectorAll('article').length === 10")

    def test_filters_by_finding_status_and_rule_at_once(self, page: Browser) -> None:
        choose(page, "finding", "=Effusion")
        assert shown(page) == ["first", "attack", "nested"]
        count = "document.querySelector('#count').textContent"
        assert page.run(count) == "3 of 44 reports, 4 mentions match"
        page.run("document.querySelector('#statuses input[value=absent]').click()")
        assert shown(page) == ["first"]
        assert page.run(count) == "1 of 44 reports, 1 mention match"
        # The one that matches stands out from those that do not.
        marks = page.run(
            "[...document.querySelectorAll('mark')].map(m => m.classList.contains('match'))"
        )
        assert marks == [False, False, True, False]
        choose(page, "rule", "=hedge-may")
        assert shown(page) == []
        assert "No report matches" in page.run("document.querySelector('#reports').textContent")
        page.run("document.querySelector('#clear').click()")
        assert page.run(count) == "44 reports"
        choose(page, "rule", "=")  # decided by no rule, which is not the same as by any
        assert shown(page) == ["first", "attack", "nested"]

    def test_lists_count_what_a_choice_would_give(self, page: Browser) -> None:
        page.run("document.querySelector('#statuses input[value=absent]').click()")
        findings = page.run("[...document.querySelector('#finding').options].map(o => o.text)")
        assert findings == ["Any finding", "Edema (1)", "Effusion (1)", "Outer (0)"]
        chips = page.run("[...document.querySelectorAll('.chip')].map(c => c.textContent)")
        counts = {"present": 3, "probable": 1, "possible": 1, "absent": 2}
        assert chips == [f"{status}{counts.get(status, 0)}" for status in STATUSES]

    def test_works_by_keyboard_alone(self, page: Browser) -> None:
        # Tab from the top: skip link, search, finding, rule, clear, six statuses, pager, marks.
        reached = []
        for _ in range(14):
            page.press("Tab", 9)
            reached.append(
                page.run(
                    "document.activeElement.id || document.activeElement.tagName.toLowerCase()"
                )
            )
        assert reached[:5] == ["a", "query", "finding", "rule", "clear"]
        assert reached[5:11] == ["input"] * 6
        assert "mark" in reached[11:]
        assert not page.run("document.querySelector('#tip').hidden")  # as on hover
        assert "rule" in page.run("document.querySelector('#tip').textContent")
        assert page.run("document.activeElement.getAttribute('aria-label')")
        page.press("Escape", 27)
        assert page.run("document.querySelector('#tip').hidden")
        page.run("document.querySelector('#statuses input').focus()")
        page.press(" ", 32, " ")
        assert page.run("document.querySelector('#statuses input').checked")
        assert shown(page) == ["first", "attack", "nested"]

    def test_turns_pages(self, page: Browser) -> None:
        assert len(shown(page)) == 20
        page.run("document.querySelectorAll('.pager button')[1].click()")
        assert shown(page)[0] == "more-16"
        page.run("document.querySelectorAll('.pager button')[3].click()")
        assert shown(page) == [f"more-{n}" for n in range(36, 40)]
        assert page.run("document.querySelectorAll('.pager button')[1].disabled")
        assert page.run("document.querySelector('.pager span').textContent") == "Page 3 of 3"

    @pytest.mark.parametrize("dark", [False, True])
    def test_is_legible_in_light_and_in_dark(self, page: Browser, dark: bool) -> None:
        page.dark(dark)
        # WCAG 2.1, 1.4.3: a contrast of 4.5 to 1 for text.
        worst = page.run(CONTRAST)
        page.dark(False)
        assert worst["ratio"] >= 4.5, worst


#: The least contrast between any text of the page and the nearest background behind it.
CONTRAST = """(() => {
  const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = (c) => [0.2126, 0.7152, 0.0722].reduce((sum, share, i) => {
    const v = c[i] / 255;
    return sum + share * (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  }, 0);
  let worst = { ratio: 99 };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.getClientRects().length) continue;
    if (element.closest('script, button:disabled, option, .none')) continue;
    let behind = element;
    let back = rgb(getComputedStyle(behind).backgroundColor);
    while (back.length === 4 && back[3] === 0 && behind.parentElement) {
      behind = behind.parentElement;
      back = rgb(getComputedStyle(behind).backgroundColor);
    }
    const a = light(rgb(getComputedStyle(element).color)), b = light(back);
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < worst.ratio) worst = { ratio, text: walker.currentNode.data, name: element.className };
  }
  return worst;
})()"""


@pytest.mark.browser
def test_a_page_of_thousands_stays_small_on_the_screen(browser: Browser, tmp_path: Path) -> None:
    text = "Small left effusion. No edema, number {}. " * 6
    lines = []
    for number in range(5_000):
        own = text.format(*[number] * 6)
        lines.append(
            line(
                f"report-{number:04d}",
                own,
                mention(own, "effusion", "present"),
                mention(own, "edema", "absent", "No", "neg-no", finding="Edema"),
            )
        )
    write(tmp_path, lines)
    browser.open(tmp_path / "evidence.html")
    elements = "document.querySelectorAll('*').length"
    assert browser.run("document.querySelector('#count').textContent") == "5,000 reports"
    assert browser.run(elements) < 3_000
    took = browser.run(
        "(() => { const t = performance.now();"
        "document.querySelector('#statuses input[value=absent]').click();"
        "document.body.offsetHeight; return performance.now() - t; })()"
    )
    print(f"filter of 5,000 reports: {took:.0f} ms")
    count = browser.run("document.querySelector('#count').textContent")
    assert count == "5,000 of 5,000 reports, 5,000 mentions match"
    assert took < 5_000  # some tens of milliseconds on an idle machine
    browser.run("document.querySelector('#query').focus()")
    browser.type("number 4321.")
    browser.wait_for("document.querySelectorAll('article').length === 1")
    assert shown(browser) == ["report-4321"]
    assert browser.run(elements) < 3_000
    assert browser.errors == []
