from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrmine.clauses.split import MAX_PARENTHESIS, split_clauses


def pieces(text: str, **options: bool) -> list[str]:
    return [text[start:end] for start, end in split_clauses(text, **options)]


CASES = {
    # Separators
    "ASCII": ("big heart, clear lungs; no mass: none", ["big heart", "clear lungs", "no mass", "none"]),
    "full width": ("双肺纹理增多，心影增大；主动脉硬化。", ["双肺纹理增多", "心影增大", "主动脉硬化"]),
    "full-width period": ("双肺清晰．心影增大", ["双肺清晰", "心影增大"]),
    "half-width Japanese": ("肺野清明｡心拡大なし", ["肺野清明", "心拡大なし"]),
    "questions, exclamations": ("肺炎？结节！mass? yes!", ["肺炎", "结节", "mass", "yes"]),
    "a colon": ("右肺：结节", ["右肺", "结节"]),
    "an ASCII colon": ("诊断:双肺纹理增多", ["诊断", "双肺纹理增多"]),
    "lines": ("a line\nanother\r\nthird\u2028fourth\x85fifth", ["a line", "another", "third", "fourth", "fifth"]),
    "old Mac lines": ("one\rtwo", ["one", "two"]),
    "an ellipsis": ("结节……待查", ["结节", "待查"]),
    "a bar": ("结节|积液｜气胸", ["结节", "积液", "气胸"]),
    "written-out line breaks": ("mass\\neffusion<br/>edema_x000D_scar", ["mass", "effusion", "edema", "scar"]),
    "spaces never": ("双肺 纹理　增多\t可能", ["双肺 纹理　增多\t可能"]),
    "nothing": (" \n，。; ", []),
    "marks and digits alone": ("12, —, 3.5。(7)", []),
    "an emoji": ("lungs clear 🫁, ok", ["lungs clear 🫁", "ok"]),
    # Enumerations
    "、 joins": ("心、肺、膈未见异常", ["心、肺、膈未见异常"]),
    # Numbers
    "a decimal": ("结节1.5cm。肿块２．５厘米", ["结节1.5cm", "肿块２．５厘米"]),
    "a decimal without zero": ("nodule of .5 cm", ["nodule of .5 cm"]),
    "thousands": ("dose 1,200 units", ["dose 1,200 units"]),
    "a ratio": ("心胸比 3:5，3 : 5", ["心胸比 3:5，3 : 5"]),
    "a time": ("called at 10:30, done", ["called at 10:30", "done"]),
    "a list of numbers": ("ribs 5, 6 and 7, left", ["ribs 5, 6 and 7", "left"]),
    "full-width list of numbers": ("左侧第5，6、7肋骨折，陈旧", ["左侧第5，6、7肋骨折", "陈旧"]),
    "a sentence ends with a number": ("fracture of T12. 2 views", ["fracture of T12", "2 views"]),
    # Parentheses
    "in parentheses": ("结节（左，右。上）待查，积液", ["结节（左，右。上）待查", "积液"]),
    "ASCII parentheses": ("mass (left, 2 cm; new) seen. no edema", ["mass (left, 2 cm; new) seen", "no edema"]),
    "nested": ("a (b, [c, d], e), f", ["a (b, [c, d], e)", "f"]),
    "other brackets": ("【甲，乙】丙「丁，戊」，己", ["【甲，乙】丙「丁，戊」", "己"]),
    "both widths in a pair": ("结节(左，右）可疑，积液", ["结节(左，右）可疑", "积液"]),
    "never closed": ("结节（左，积液，气胸。正常", ["结节（左", "积液", "气胸", "正常"]),
    "never opened": ("结节），积液", ["结节）", "积液"]),
    "never closed, another is": ("a (b, c, d (e, f) g, h", ["a (b", "c", "d (e, f) g", "h"]),
    "crossed": ("a (b, c] d, e", ["a (b", "c] d", "e"]),
    "not past an item": ("1. mass (left, big\n2. scar), old", ["mass (left", "big", "scar)", "old"]),
    "over a line's end": ("mass (left\nupper), old", ["mass (left\nupper)", "old"]),
    # Periods
    "sentences": ("Heart is big. lungs clear. No mass.", ["Heart is big", "lungs clear", "No mass"]),
    "before Chinese": ("双肺清晰.心影增大.CT示结节", ["双肺清晰", "心影增大", "CT示结节"]),
    "a missing space": ("Lungs are clear.No mass", ["Lungs are clear", "No mass"]),
    "abbreviations": (
        "approx. 3 cm, e.g. Mass, Dr. Who vs. St. Mary, i.e. a scar",
        ["approx. 3 cm", "e.g. Mass", "Dr. Who vs. St. Mary", "i.e. a scar"],
    ),
    "left": ("L. lung and R. Lung clear. ok", ["L. lung and R. Lung clear", "ok"]),
    "species": ("old C. difficile, S. aureus", ["old C. difficile", "S. aureus"]),
    "a letter ends": ("known hepatitis B. No mass", ["known hepatitis B", "No mass"]),
    "etc. ends": ("tubes etc. No mass", ["tubes etc", "No mass"]),
    "etc. goes on": ("tubes etc. are new", ["tubes etc. are new"]),
    "a number": ("see No. 5. No mass", ["see No. 5", "No mass"]),
    "the hour": ("at 5 p.m. Done at 6 p.m. today", ["at 5 p.m", "Done at 6 p.m. today"]),
    "files": ("see image.dcm and REPORT.PDF and v1.2. ok", ["see image.dcm and REPORT.PDF and v1.2", "ok"]),
    "a web page": ("see https://a.example/path. ok", ["see https://a.example/path", "ok"]),
    "a German ordinal": ("Fraktur der 7. Rippe. Kein Erguss", ["Fraktur der 7. Rippe", "Kein Erguss"]),
    "German initials": ("z. B. Pneumonie, d. h. Infekt", ["z. B. Pneumonie", "d. h. Infekt"]),
    "a query": ("Opacity ?pneumonia, ?mass", ["Opacity ?pneumonia", "?mass"]),
    "an entity": ("heart &amp; lungs; clear", ["heart &amp; lungs", "clear"]),
    # List numbers and bullets
    "numbered lines": ("1. mass\n2) scar\n(3) edema\n4、积液\n（5）气胸", ["mass", "scar", "edema", "积液", "气胸"]),
    "numbered in a line": ("1、双肺纹理增多2、主动脉硬化3、心影增大", ["双肺纹理增多", "主动脉硬化", "心影增大"]),
    "numbered with periods": ("1.双肺纹理增多2.主动脉硬化", ["双肺纹理增多", "主动脉硬化"]),
    "numbered in English": ("1. Big heart 2. Edema 3. No mass", ["Big heart", "Edema", "No mass"]),
    "in parentheses, a line": ("（1）结节（2）积液(3)气胸", ["结节", "积液", "气胸"]),
    "numbered with a hash": ("#1 Mass #2. Scar", ["Mass", "Scar"]),
    "numbered with a dash": ("1 - Mass. 2 – Scar", ["Mass", "Scar"]),
    "numbered without spaces": ("1. mass.2. scar.3) edema", ["mass", "scar", "edema"]),
    "numbered from two": ("mass.2. scar", ["mass", "scar"]),
    "circled": ("①结节②积液 ③ 气胸", ["结节", "积液", "气胸"]),
    "Chinese numerals": ("一、结节\n（二）积液", ["结节", "积液"]),
    "Chinese numerals that count": ("一、二肋骨折", ["一、二肋骨折"]),
    "a list within an item": ("1、腰1、腰2椎体变扁2、第2、3肋骨折", ["腰1、腰2椎体变扁", "第2、3肋骨折"]),
    "vertebrae are no list": ("腰1、腰2、腰3椎体变扁", ["腰1、腰2、腰3椎体变扁"]),
    "a size at the start": ("1.5cm结节，2 cm mass", ["1.5cm结节", "2 cm mass"]),
    "letters": ("A. Big heart. b) Scar", ["Big heart", "Scar"]),
    "bullets": ("- mass\n* scar\n• edema • clot\n→ 积液", ["mass", "scar", "edema", "clot", "积液"]),
    "hyphens stay": ("well-known mass - new, T12-L1", ["well-known mass - new", "T12-L1"]),
    # De-identification
    "masks": ("XXXX mass at ___ on [**2101-3-4, A**], ok", ["XXXX mass at ___ on [**2101-3-4, A**]", "ok"]),
    # Other scripts
    "Arabic": ("الرئتان سليمتان، القلب طبيعي؛ كتلة؟ لا", ["الرئتان سليمتان", "القلب طبيعي", "كتلة", "لا"]),
    "Urdu": ("دل بڑا ہے۔ پھیپھڑے صاف", ["دل بڑا ہے", "پھیپھڑے صاف"]),
    "Arabic digits": ("عقدة ١,٥ سم", ["عقدة ١,٥ سم"]),
    "Hindi": ("हृदय बड़ा है। फेफड़े साफ हैं", ["हृदय बड़ा है", "फेफड़े साफ हैं"]),
    "Armenian": ("սիրտը մեծ է։ թոքերը մաքուր", ["սիրտը մեծ է", "թոքերը մաքուր"]),
    "Japanese": ("心、肺に異常なし。結節あり", ["心、肺に異常なし", "結節あり"]),
    "Korean": ("폐렴 의심. 심비대, 흉수", ["폐렴 의심", "심비대", "흉수"]),
    "Russian": ("Сердце увеличено. Выпот, т.е. жидкость", ["Сердце увеличено", "Выпот", "т.е. жидкость"]),
    "Greek": ("καρδιά μεγάλη· όχι\u037e ναι", ["καρδιά μεγάλη· όχι", "ναι"]),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES)
def test_clauses(text: str, expected: list[str]) -> None:
    assert pieces(text) == expected


def test_enumerations_are_cut_where_asked() -> None:
    text = "1、心、肺、膈正常；第5、6肋骨折"
    assert pieces(text) == ["心、肺、膈正常", "第5、6肋骨折"]
    assert pieces(text, split_enumeration=True) == ["心", "肺", "膈正常", "第5、6肋骨折"]


def test_a_stretch_is_split_by_itself() -> None:
    text = "所见（甲，乙）诊断：结节，积液。建议）"
    start = text.index("结节")
    assert split_clauses(text, start, start + 5) == [(start, start + 2), (start + 3, start + 5)]
    # The parenthesis that opened before the stretch does not reach into it.
    inside = text.index("甲")
    assert [text[a:b] for a, b in split_clauses(text, inside, inside + 3)] == ["甲", "乙"]
    assert split_clauses(text, 4, 4) == []


@pytest.mark.parametrize(("start", "end"), [(-1, 2), (3, 2), (0, 6), (7, None)])
def test_a_stretch_outside_of_the_text(start: int, end: int | None) -> None:
    with pytest.raises(ValueError, match="no stretch of the text"):
        split_clauses("abcde", start, end)


def test_a_long_parenthesis_is_two_halves() -> None:
    inner = "x" * (MAX_PARENTHESIS - 5)
    assert pieces(f"({inner}, y)") == [f"({inner}, y)"]
    assert pieces(f"({inner}x, y)") == [f"({inner}x", "y)"]


PARTS = st.one_of(
    st.text(max_size=4),
    st.sampled_from(
        """1. 2、 (3) ① 1.5 3:1 1,200 , . ， 。 ； ： 、 ( ) （ ） 【 】 \n \r\n • - e.g. Dr. L. 双肺 结节
        XXXX No A. &amp; <br> \\n ? ?x 一、 😀 ; :// ...""".split(" ")
    ),
)
TEXTS = st.lists(PARTS, max_size=20).map("".join)


@given(TEXTS, st.booleans())
def test_offsets(text: str, split_enumeration: bool) -> None:
    end = 0
    for start, stop in split_clauses(text, split_enumeration=split_enumeration):
        assert end <= start < stop <= len(text)
        piece = text[start:stop]
        assert piece == piece.strip()
        assert re.search(r"[^\W\d_]", piece)
        end = stop


@given(TEXTS, st.text(max_size=5), st.text(max_size=5))
def test_what_lies_outside_does_not_matter(text: str, before: str, after: str) -> None:
    whole = before + text + after
    shifted = [(a + len(before), b + len(before)) for a, b in split_clauses(text)]
    assert split_clauses(whole, len(before), len(before) + len(text)) == shifted


@given(st.lists(st.sampled_from(["双肺纹理增多", "心影增大", "a mass", "肋骨 骨折"]), max_size=6))
def test_clauses_come_back(clauses: list[str]) -> None:
    for text in (
        "，".join(clauses),
        "; ".join(clauses),
        "\n".join(f"- {c}" for c in clauses),
        "".join(f"{i}、{c}" for i, c in enumerate(clauses, 1)),
        " ".join(f"（{i}）{c}。" for i, c in enumerate(clauses, 1)),
    ):
        assert pieces(text) == clauses


@pytest.mark.parametrize("unit", ["(", ")", "(]", "1、", "1.2.", ".", "a.", "(1)", "&;", " ", "一"])
def test_no_text_takes_quadratic_time(unit: str) -> None:
    text = unit * (100_000 // len(unit))
    began = time.process_time()
    split_clauses(text)
    assert time.process_time() - began < 3
