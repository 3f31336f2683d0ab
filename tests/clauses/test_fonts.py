from __future__ import annotations

import os
import warnings
from pathlib import Path

import pytest

from cxrmine.clauses import fonts
from cxrmine.clauses.fonts import MISSING, Face, base_face, choose_fonts, installed_faces

CHINESE = ["两肺纹理增多", "主动脉硬化", "chest 2"]
CHARACTERS = len(set("".join(CHINESE)) - set("chest 2"))


@pytest.fixture(scope="module")
def chinese_face() -> Face:
    """A font of the machine that has Chinese characters."""
    chosen = choose_fonts(CHINESE)
    if chosen.missing:
        pytest.skip("no Chinese font here (Debian: apt-get install fonts-wqy-zenhei)")
    return chosen.faces[1]


def test_latin_cyrillic_greek_and_arabic_need_no_font_of_the_machine() -> None:
    chosen = choose_fonts(["Effusion, naïve", "лёгкие", "καρδιά", "القلب"], installed=())
    assert chosen.faces == (base_face(),)
    assert chosen.missing == frozenset()
    assert chosen.warning is None or "Matplotlib 3.11" in chosen.warning


def test_old_matplotlib_says_that_arabic_is_not_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib import font_manager

    monkeypatch.setattr(font_manager, "FontPath", None, raising=False)
    assert choose_fonts(["القلب"], installed=()).warning is None
    monkeypatch.delattr(font_manager, "FontPath")
    assert "Matplotlib 3.11" in (choose_fonts(["القلب"], installed=()).warning or "")
    assert choose_fonts(["heart"], installed=()).warning is None


def test_one_font_more_draws_chinese(chinese_face: Face) -> None:
    chosen = choose_fonts(CHINESE, installed=(chinese_face,))
    assert chosen.faces == (base_face(), chinese_face)
    assert chosen.warning is None
    assert chosen.drawable("两肺") == "两肺"


def test_no_more_fonts_than_it_takes(chinese_face: Face) -> None:
    # Copies under other names, and fonts that have nothing to add.
    others = [face for face in installed_faces() if face.family.startswith("DejaVu")]
    twin = Face(chinese_face.path, chinese_face.index, "Twin")
    chosen = choose_fonts(CHINESE, installed=(*others, twin, chinese_face))
    assert len(chosen.faces) == 2


def test_without_a_font_it_says_what_to_install() -> None:
    chosen = choose_fonts(CHINESE, installed=())
    assert len(chosen.missing) == CHARACTERS
    assert chosen.warning is not None
    for told in (
        f"for {CHARACTERS} of its",
        "fonts-noto-cjk",
        "fonts-wqy-zenhei",
        "google-noto-sans-cjk-fonts",
        "~/.fonts",
        "a font for Chinese (",
    ):
        assert told in chosen.warning
    # Characters of reports do not get into messages.
    assert not set("".join(CHINESE)) & {c for c in chosen.warning if ord(c) > 0x3000}
    assert chosen.drawable("CT 两肺") == f"CT {MISSING * 2}"


@pytest.mark.parametrize(
    ("text", "told", "untold"),
    [
        ("肺に", "Chinese and Japanese (", "Korean"),
        ("심비대", "for Korean (", "Chinese"),
        ("肺に심", "Chinese, Japanese and Korean (", "one for the others"),
        ("ไม่", "fonts-noto-core", "Chinese"),
        ("肺ไ", "and one for the others", "Korean"),
    ],
)
def test_the_advice_is_for_the_characters_that_lack(text: str, told: str, untold: str) -> None:
    warning = choose_fonts([text], installed=()).warning
    assert warning is not None
    assert told in warning
    assert untold not in warning


def test_a_damaged_font_is_passed_over(tmp_path: Path, chinese_face: Face) -> None:
    (tmp_path / "broken.ttf").write_bytes(b"no font at all")
    broken = (
        Face(str(tmp_path / "broken.ttf"), 0, "Noto Sans CJK SC"),
        Face(str(tmp_path / "gone.ttf"), 0, "Noto Sans SC"),
        Face(chinese_face.path, 99, "Source Han Sans SC"),  # no such font in the collection
    )
    chosen = choose_fonts(CHINESE, installed=(*broken, chinese_face))
    assert chosen.warning is None
    assert chosen.faces[-1] == chinese_face


def test_the_shape_of_a_script_decides_among_fonts(chinese_face: Face) -> None:
    def named(family: str) -> Face:
        return Face(chinese_face.path, chinese_face.index, family)

    installed = (named("Noto Sans CJK JP"), named("Noto Sans CJK KR"), named("Noto Sans CJK SC"))
    families = {
        text: choose_fonts([text], installed=installed).faces[1].family
        for text in ("角骨直", "角骨に", "角骨심")
    }
    assert families == {
        "角骨直": "Noto Sans CJK SC",
        "角骨に": "Noto Sans CJK JP",
        "角骨심": "Noto Sans CJK KR",
    }


def test_fonts_that_draw_nothing_are_no_fonts() -> None:
    names = [face.family.casefold() for face in installed_faces()]
    assert not [name for name in names if "last resort" in name or "color emoji" in name]
    assert len(names) == len(set(names))


def test_a_font_installed_after_matplotlibs_list_is_found(
    tmp_path: Path, chinese_face: Face, monkeypatch: pytest.MonkeyPatch
) -> None:
    from matplotlib import font_manager

    copy = tmp_path / f"new{Path(chinese_face.path).suffix}"
    os.link(chinese_face.path, copy) if os.access(chinese_face.path, os.W_OK) and os.stat(
        chinese_face.path
    ).st_dev == os.stat(tmp_path).st_dev else copy.write_bytes(Path(chinese_face.path).read_bytes())
    monkeypatch.setattr(font_manager.fontManager, "ttflist", [])
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: [str(copy)])
    assert [face.path for face in installed_faces()] == [str(copy)]
    assert choose_fonts(CHINESE).warning is None


def test_outlines_are_measured_at_a_size_of_one(chinese_face: Face) -> None:
    chosen = choose_fonts(CHINESE, installed=(chinese_face,))
    one, two = chosen.outline("肺").vertices, chosen.outline("肺肺").vertices
    assert 0.7 < one[:, 0].max() - one[:, 0].min() < 1.1
    assert two[:, 0].max() - one[:, 0].max() == pytest.approx(1.0, abs=0.1)
    assert len(chosen.outline("  ").vertices) == 0
    # A formula is text, and what has no shape takes no place.
    assert len(chosen.outline("$x^2$").vertices) > len(chosen.outline("x2").vertices)
    assert (chosen.outline("a\u200db").vertices == chosen.outline("ab").vertices).all()


def test_matplotlib_has_nothing_to_warn_of() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        chosen = choose_fonts(["两 😀 \U000e0001 \x07"], installed=())
        assert len(chosen.outline("两 😀 \U000e0001 \x07").vertices) > 0


def test_no_setting_of_matplotlib_is_touched() -> None:
    import matplotlib
    from matplotlib import font_manager

    before = dict(matplotlib.rcParams), list(font_manager.fontManager.ttflist)
    choose_fonts(CHINESE).outline("两肺")
    assert (dict(matplotlib.rcParams), list(font_manager.fontManager.ttflist)) == before


def test_scripts_are_told_apart() -> None:
    found = {char: fonts._script(char) for char in "肺、。（の心가аß"}
    assert {char for char, script in found.items() if script == "han"} == set("肺、。（心")
    assert (found["の"], found["가"], found["а"]) == ("kana", "hangul", "other")
