from __future__ import annotations

import re
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrmine.clauses.normalize import fixpoint, normalize

SAME = {
    # Case, width, form
    "nothing to do": ("双肺纹理增多", "双肺纹理增多"),
    "case": ("No Acute DISEASE", "no acute disease"),
    "case folding": ("Straße ΚΑΡΔΙΆΣ", "strasse καρδιάσ"),
    "width": ("ＣＴ：ａｂｃ", "ct:abc"),
    "half-width kana": ("ﾊｲｴﾝ", "ハイエン"),
    "ligatures": ("ﬁbrosis", "fibrosis"),
    "decomposed": ("e\u0301panchement", "épanchement"),
    "compatibility ideograph": ("\uf9d3", "陸"),
    # Spaces
    "spaces": ("  no \t acute\u00a0\u2003disease\n", "no acute disease"),
    "spaces in Chinese": ("双 肺　纹理 增多", "双肺纹理增多"),
    "spaces by brackets": ("结节 （右上） 可疑", "结节(右上)可疑"),
    "spaces in Korean": ("폐렴  의심", "폐렴 의심"),
    "spaces between languages": ("CT 示 nodule 可疑", "ct 示 nodule 可疑"),
    # Numbers
    "a number": ("rib 5 fracture", "rib fracture"),
    "a level": ("T12 and l4-5", "t and l"),
    "a decimal and its unit": ("nodule 1.5cm", "nodule cm"),
    "as in English": ("a 5-mm nodule", "a mm nodule"),
    "a product": ("mass 3.5 x 2.1×4 cm, new", "mass cm, new"),
    "a range": ("ribs 5-7, 9–10 and 11 ~ 12", "ribs and"),
    "a limit": ("nodule <5 mm, >= 3 mm, ±2 mm", "nodule mm, mm, mm"),
    "thousands": ("1,200 units", "units"),
    "a date": ("seen 2020-01-31 again, 31.1.2020", "seen again"),
    "a time": ("at 10:30 today", "at today"),
    "a fraction": ("1/2 of ½ lung", "of lung"),
    "a sign": ("density -5 HU", "density hu"),
    "a hyphen": ("covid-19 pneumonia", "covid pneumonia"),
    "not that hyphen": ("T12-L1 disc, well-known", "t-l disc, well-known"),
    "a grade": ("3+ edema", "edema"),
    "an ordinal": ("Fraktur der 7. Rippe", "fraktur der rippe"),
    "an exponent": ("3 cm² or 3 cm^2 or 3 cm2", "cm or cm or cm"),
    "digits in words": ("H1N1 on O2", "hn on o"),
    "Chinese": ("第 5 肋、第6、7肋骨折", "第肋、第肋骨折"),
    "Chinese range": ("约1.5～2.0厘米", "约厘米"),
    "Chinese spaces": ("约 1.5 cm", "约cm"),
    "Chinese date": ("2020年1月5日复查", "年月日复查"),
    "full-width digits": ("直径１２毫米", "直径毫米"),
    "circled": ("①结节", "结节"),
    "Arabic digits": ("عقدة ١٫٥ سم", "عقدة سم"),
    "Devanagari digits": ("१२ गाँठ", "गाँठ"),
    "a keycap": ("item 1\ufe0f\u20e3 mass", "item mass"),
    "numerals that are words": ("二尖瓣Ⅱ级，two leads", "二尖瓣ii级,two leads"),
    "what was in brackets": ("结节（3）枚 (1, 2)", "结节枚"),
    "a number among others": ("mass (left, 5, new) seen", "mass (left, new) seen"),
    "units stay": ("45岁，30℃，50%", "岁,°c,%"),
    "a unit alone": ("５mm", "mm"),
    # The ends
    "marks": ("—“双肺清晰”。", "双肺清晰"),
    "brackets around": ("(「结节」)", "结节"),
    "brackets that belong": ("结节（右上）", "结节(右上)"),
    "brackets that begin": ("(old) scar", "(old) scar"),
    "half a bracket": ("scar) seen (", "scar) seen"),
    "half a bracket first": ("(scar seen", "scar seen"),
    "a finding's sign": ("积液(+)", "积液(+)"),
    # What carries no meaning, and what does
    "invisible": ("\ufeff双\u200b肺\u00ad清\u200f晰\x00\u2060", "双肺清晰"),
    "variation selectors": ("葛\U000e0100城\ufe01", "葛城"),
    "emoji": ("lungs ❤️ 👨‍⚕️👍🏽 OK", "lungs ❤️ 👨‍⚕️👍🏽 ok"),
    "loose joiners": ("a\u200db ❤\u200d b\ufe0f", "ab ❤ b"),
    "mixed": ("CT示：右肺 nodule（新）🫁", "ct示:右肺 nodule(新)🫁"),
    "Hindi signs": ("फेफड़े।", "फेफड़े"),
    "masks with words": ("XXXX mass ___ new", "xxxx mass ___ new"),
}  # fmt: skip


@pytest.mark.parametrize(("raw", "expected"), SAME.values(), ids=SAME)
def test_normal_form(raw: str, expected: str) -> None:
    assert normalize(raw) == unicodedata.normalize("NFKC", expected)


@pytest.mark.parametrize(
    "raw", ["", "  ", "12", "3.5 × 2", "（1）", "—", "🫁", "(+)", "XXXX", "xxxx XXX", "___", "30°", "\u200b"]
)  # fmt: skip
def test_nothing_is_left(raw: str) -> None:
    assert normalize(raw) == ""


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("nodule 1.5cm", "nodule"),
        ("a 5-mm nodule", "a nodule"),
        ("mass 3cmx2cm x 1 cm new", "mass new"),
        ("mass 3.5 x 2.1 cm", "mass"),
        ("3 cm² scar, 2cm3", "scar"),
        ("结节约5毫米，1.5～2.0厘米", "结节约"),
        ("45岁", ""),
        ("30℃ 50 ％ effusion", "effusion"),
        ("压缩约50%，约1/3", "压缩约,约"),
        ("ＭＬ 500ML fluid", "ml fluid"),
        ("узел 5 мм", "узел"),
        ("O2 2 L/min", "o"),
        # No number before, or another word
        ("厘米 mm scar", "厘米 mm scar"),
        ("5 mmx", "mmx"),
        ("3 masses", "masses"),
        ("3个结节", "个结节"),
    ],
)
def test_units_go_with_their_numbers(raw: str, expected: str) -> None:
    assert normalize(raw, drop_units=True) == expected


PARTS = st.sampled_from(
    [
        *"aZß肺、。，,.:;()（）[]【】“”-–—×x~+<>%°5１٣१①½ßİſµ \u3000\u200b\u200d\ufe0f\u20e3\u0301\ufeff\xad",
        *["5mm", "XXXX", "cm", "1.5", "12-3", "👨‍⚕️", "❤️", "厘米", "岁", "Ⅱ", "ﬁ", "L1-L2", "\r\n"],
    ]
)
RAWS = st.one_of(st.text(max_size=20), st.lists(PARTS, max_size=12).map("".join))


@given(RAWS, st.booleans())
def test_what_holds_for_every_text(raw: str, drop_units: bool) -> None:
    clause = normalize(raw, drop_units=drop_units)
    assert normalize(clause, drop_units=drop_units) == clause
    assert clause == fixpoint(raw, drop_units)
    assert unicodedata.is_normalized("NFKC", clause)
    assert not re.search(r"\d|\s\s|^\s|\s$", clause)
    assert clause == "" or re.search(r"[^\W\d_]", clause)


@given(st.lists(st.sampled_from(["双肺", "mass", "right", "心影", "🫁"]), min_size=1, max_size=5))
def test_numbers_are_variables(words: list[str]) -> None:
    def filled(*numbers: str) -> str:
        cycle = numbers * len(words)
        return " ".join(f"{word} {number} mm" for word, number in zip(words, cycle, strict=False))

    forms = {normalize(filled(*n)) for n in [("5",), ("１２", "3.5"), ("1-2", "<4", "1,000")]}
    assert len(forms) == 1


@pytest.mark.parametrize(
    "unit", ["1", "1.", "(", ")", "()", "1 x ", "a1", "肺 ", " ", "-", "\u200d", "(1"]
)
def test_no_text_takes_quadratic_time(unit: str) -> None:
    began = time.process_time()
    fixpoint(unit * (20_000 // len(unit)), True)
    assert time.process_time() - began < 3
