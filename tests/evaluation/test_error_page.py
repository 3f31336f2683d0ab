"""The page of wrong cells: safe, complete, offline, and it filters."""

from __future__ import annotations

import io
import re
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from cxrmine.evaluation.error_page import Piece, highlight, write_error_page
from cxrmine.evaluation.label_errors import MentionRow, WrongCell

NASTY = "A <script>alert('x')</script> & \"mass\" is seen."


def mention(text: str, word: str, status: str = "present", offset: int = 50) -> MentionRow:
    start = offset + text.index(word)
    return MentionRow(
        "findings",
        text,
        start,
        start + len(word),
        word,
        "Mass",
        "lung_mass",
        status,
        "no",
        "no-x",
        offset,
    )


CELLS = [
    WrongCell("R<1>", "Mass", 0, 1, "FP", (mention(NASTY, "mass"),)),
    WrongCell("R2", "Mass", 1, -2, "FN"),
    WrongCell("R3", "Nodule & Co", 0, 1, "FP", (mention("One nodule, two.", "nodule", "absent"),)),
    WrongCell("R4", "Nodule & Co", 1, 0, "FN", (mention("Perhaps a nodule.", "nodule"),)),
]


def page(cells: list[WrongCell] = CELLS, **options: object) -> str:
    handle = io.StringIO()
    settings: dict = {"measured_on": "Measured on 4 reports.", "has_mentions": True, **options}
    write_error_page(handle, cells, **settings)
    return handle.getvalue()


class Outline(HTMLParser):
    """Collects tags, attributes and text as a browser would see them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def test_pieces_add_up_and_mark_the_mention():
    found = mention(NASTY, "mass")
    pieces = highlight(NASTY, 50, [found])
    assert "".join(p.text for p in pieces) == NASTY
    assert [p for p in pieces if p.mention] == [Piece("mass", found)]


def test_wrong_offsets_and_overlaps_are_not_marked():
    text = "A lung mass."
    wide, inner, off = (
        mention(text, "lung mass"),
        mention(text, "mass"),
        mention(text, "mass", offset=7),
    )
    assert [p.text for p in highlight(text, 50, [wide, inner])] == ["A ", "lung mass", "."]
    assert highlight(text, 50, [off]) == [Piece(text)]
    assert highlight("", 0, []) == [Piece("")]


def test_text_is_escaped_and_nothing_is_remote():
    html = page()
    outline = Outline(html)
    assert len(outline.all("script")) == 1
    assert len(outline.all("article")) == 4
    assert "alert('x')" in "".join(outline.text)
    assert not re.search(r"(?i)https?://|//[a-z]|@import|url\(", html.replace("/* file:", ""))
    assert not [a for _, a in outline.tags if {"src", "href"} & a.keys()]
    policy = [m["content"] for m in outline.all("meta") if m.get("http-equiv")]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"]


def test_every_cell_has_its_sentence_status_and_rule():
    outline = Outline(page())
    text = " ".join("".join(outline.text).split())
    assert "R<1>" in text
    assert NASTY in text
    assert "gold 1, ours blank" in text
    assert "No mention that bears on this column" in text
    marks = outline.all("mark")
    assert [m["data-status"] for m in marks] == ["present", "absent", "present"]
    assert marks[0]["title"] == "present, rule no-x, cue “no”"
    options = [o["value"] for o in outline.all("option")]
    assert options == ["", "Mass", "Nodule & Co", "", "FP", "FN"]


def test_whole_reports_where_they_are_known():
    text = " " * 50 + NASTY
    outline = Outline(page(texts={"R<1>": text, "R2": "<b>Only here</b>"}))
    details = outline.all("details")
    assert len(details) == 2
    assert ["open" in d for d in details] == [False, True]  # without a sentence, show the report
    assert len(outline.all("mark")) == 4
    assert "<b>Only here</b>" in "".join(outline.text)


def test_limit_and_missing_mentions_are_said():
    text = "".join(Outline(page(limit=2)).text)
    assert "The first 2 of 4 wrong cells" in text
    assert len(Outline(page(limit=2)).all("article")) == 2
    assert "no sentences are known" in "".join(Outline(page(has_mentions=False)).text)
    assert "no sentences are known" not in "".join(Outline(page()).text)


def test_sentences_without_a_known_place():
    without = replace(mention(NASTY, "mass"), sentence_start=None)
    outline = Outline(page([WrongCell("R1", "Mass", 0, 1, "FP", (without,))]))
    assert len(outline.all("mark")) == 1


@pytest.mark.browser
@pytest.mark.parametrize(
    ("state", "visible"),
    [
        ("", ["Mass FP", "Mass FN", "Nodule & Co FP", "Nodule & Co FN"]),
        ("#finding=Mass", ["Mass FP", "Mass FN"]),
        ("#kind=FN", ["Mass FN", "Nodule & Co FN"]),
        ("#finding=Nodule+%26+Co&kind=FP", ["Nodule & Co FP"]),
        ("#words=perhaps", ["Nodule & Co FN"]),
    ],
)
def test_filters_in_a_browser(tmp_path: Path, chromium: str, state: str, visible: list[str]):
    path = tmp_path / "errors.html"
    path.write_text(page(), encoding="utf-8")
    done = subprocess.run(
        [
            chromium,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            f"--user-data-dir={tmp_path / 'profile'}",
            "--dump-dom",
            path.as_uri() + state,
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    outline = Outline(done.stdout)
    shown = [
        f"{a['data-finding']} {a['data-kind']}" for a in outline.all("article") if "hidden" not in a
    ]
    assert shown == visible
    assert f"{len(visible)} of 4 shown" in "".join(outline.text)
