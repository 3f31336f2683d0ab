from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import jinja2
import pytest

from cxrmine.offline_page import PageFolder

STYLE, SCRIPT = "b > i { color: red }", 'alert("<ä>")'


@pytest.fixture
def pages(tmp_path: Path) -> PageFolder:
    (tmp_path / "page.html").write_text(
        "{{ policy | safe }}|{{ css | safe }}|{{ script | safe }}|{{ text }}", encoding="utf-8"
    )
    (tmp_path / "plain.html").write_text("{{ policy | safe }}", encoding="utf-8")
    (tmp_path / "a.css").write_text(STYLE, encoding="utf-8")
    (tmp_path / "a.js").write_text(SCRIPT, encoding="utf-8")
    return PageFolder(tmp_path)


def source(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def test_the_policy_admits_the_pages_own_style_and_script_alone(pages: PageFolder) -> None:
    policy, css, script, text = pages.render(
        "page.html", style="a.css", script="a.js", text="<b>"
    ).split("|")
    assert (css, script) == (STYLE, SCRIPT)
    assert text == "&lt;b&gt;"
    assert f"style-src {source(STYLE)};" in policy
    assert f"script-src {source(SCRIPT)};" in policy
    assert policy.startswith("default-src 'none';")


def test_a_page_without_a_script_admits_none(pages: PageFolder) -> None:
    assert "script-src" not in pages.render("plain.html", style="a.css")


def test_a_value_that_is_missing_is_an_error(pages: PageFolder) -> None:
    with pytest.raises(jinja2.UndefinedError):
        pages.render("page.html", style="a.css", script="a.js")
