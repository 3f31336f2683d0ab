"""The form in which clauses are compared: one wording, one string.

Case, width, spaces, digits and marks at the ends vary without meaning; what remains of a clause
is its words. Digits go because they are variables (sizes, dates, levels).
"""

from __future__ import annotations

import re
from functools import lru_cache
from unicodedata import category
from unicodedata import normalize as unicode_form

#: How many normal forms are remembered: clauses repeat themselves.
CACHE_SIZE = 1 << 17

# Most clauses are nothing but Chinese characters, or nothing but ASCII words.
_HAN = re.compile(r"[\u4e00-\u9fff]+")
_WORDS = re.compile(r"[A-Za-z]+(?: [A-Za-z]+)*")
# What `_once` would not change.
_STABLE = re.compile(r"[a-z\u4e00-\u9fff]+(?: [a-z]+)*")

# A variation selector or a joiner counts within an emoji only.
_EMOJI = (
    "©®\u203c\u2049\u2190-\u21ff\u2300-\u23ff\u2460-\u27bf\u2900-\u297f\u2b00-\u2bff\u3030\u303d"
    "\U0001f000-\U0001faff"
)
# Control and format characters (Unicode's Cc but white space, and Cf), variation selectors, and
# letters and marks that print nothing.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2"
    "\u180b-\u180f\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ufe00-\ufe0e\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0001-\U000e01ef\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0]"
    f"|(?<![{_EMOJI}\ufe0f])\u200d|\u200d(?![{_EMOJI}])|(?<![{_EMOJI}])\ufe0f"
)

_DASH = "‐‑‒–—―−-"
_LETTER_CLASS = r"[^\W\d_]"
_DIGITS = r"\d+\u20e3?"
# Han, kana and their marks are written without spaces between.
_CJK = "\u3001-\u303f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff"

# What stands between two digits, and before a number, belongs to the number alone.
_JOINT = rf"\s?[.,:/x*^~×⁄٫٬、±+{_DASH}]+\s?"
_SIGN = rf"(?:[<>≤≥=~≈∼±+#^]+\s?|(?<![^\W_])[{_DASH}]\s?|(?<={_LETTER_CLASS})[{_DASH}])"
_UNITS = (
    # Length, area, volume, mass …
    "mm|cm|dm|km|nm|[uμ]m|m|ml|dl|cc|mg|kg|mcg|[uμ]g|g|iu|hu|mmol|mm ?hg|kpa"
    "|kvp?|mas?|[mu]?gy|msv|bpm|(?:l|m|g|mg|ml)/(?:min|h|s|l|dl|kg|ml|m)"
    "|mm/s|%|‰|°[cf]?|inch(?:es)?"
    # … and time. What follows an age in English is not of the number.
    "|secs?|min|hrs?|hours?|days?|weeks?|months?|yrs?|years?"
    "|мм|см|мл|мг|кг|лет|года?"
)
_CJK_UNITS = (
    "立方厘米|平方厘米|立方毫米|平方毫米|厘米|毫米|分米|公分|公里|微米|纳米|米|毫升|公升|升|毫克|千克"
    "|公斤|微克|克|周岁|岁|個月|个月|小时|小時|分钟|分鐘|年|月|日|天|周|度|釐米|センチ|ミリ|歳"
)
_UNIT = (
    rf"(?:\s?-?(?:(?:{_UNITS})(?:(?:\^?[23](?!\d))?(?!{_LETTER_CLASS})|(?=x\s?\d))|{_CJK_UNITS}))"
)
# The period of an ordinal, and the plus of a grade ("7. Rippe", "3+").
_END = r"\+*(?:\.(?!\w))?"
_END_OF_WORD = rf"{_END}(?:[{_DASH}](?={_LETTER_CLASS}))?"


def _quantities(one: str) -> re.Pattern[str]:
    """Compile the pattern of quantities made of `one` and others joined to it.

    A hyphen behind goes with the number where the word began with the number ("5-mm", "4-chamber",
    not "T12-L1"); so do spaces between a CJK character and the number.
    """
    several = rf"{one}(?:{_JOINT}{one})*"
    return re.compile(
        rf"(?<=[{_CJK}]) ?(?:{_SIGN})?{several}{_END} ?"
        rf"|(?<![^\W_])(?:{_SIGN})?{several}{_END_OF_WORD}"
        rf"|(?:{_SIGN})?{several}{_END}"
    )


_NUMBERS = _quantities(_DIGITS)
_NUMBERS_AND_UNITS = _quantities(rf"{_DIGITS}{_UNIT}?")
_ANY_DIGIT = re.compile(r"\d")

_OPEN, _CLOSE = "([{【〔〖「『《〈", ")]}】〕〗」』》〉"
_O, _C = re.escape(_OPEN), re.escape(_CLOSE)
_SPACES = re.compile(r"\s+")
_NEEDLESS_SPACE = re.compile(
    rf"(?<=[{_CJK}]) (?=[{_CJK}{_O}])|(?<=[{_C}]) (?=[{_CJK}])| (?=[,;:.!?])"
)
# What a number leaves in its parentheses, or between two commas.
_EMPTY = re.compile(rf"[{_O}][\s,;:./、]*[{_C}]")
_LOOSE = re.compile(rf"(?<=[{_O}])[\s,;:./、]+|[\s,;:./、]+(?=[{_C}])|(?<=[,;:、])\s*[,;:、]+")

_LETTER = re.compile(_LETTER_CLASS)
# Nothing but what stands for words taken out.
_MASKS = re.compile(r"(?:x{3,}|[\W_])+")
# Stripped from the ends beside punctuation and white space; but no "%", which is a unit, nor a
# "+" behind, which says positive.
_END_SYMBOLS = frozenset("<>=~^`|$¨´±×−∼≈≤≥")
_UNIT_MARKS = frozenset("%‰٪")


def normalize(raw: str, *, drop_units: bool = False) -> str:
    """Return the normal form of a clause, empty where no word is left.

    Parameters
    ----------
    raw : str
        A clause as it stands in the report.
    drop_units : bool
        Whether the unit behind a number (cm, 毫米, %, 岁 …) goes with it.

    Returns
    -------
    str
        In Unicode's NFKC and case-folded; white space collapsed to single spaces, none between
        two CJK characters; without invisible characters, digits of any script (decimal separators,
        ranges, signs and list commas of theirs included), and marks at the ends. Numerals that are
        words (一, Ⅱ as ``ii``) stay. Marks of de-identification count as no word.
        ``normalize(normalize(x)) == normalize(x)``.

    Examples
    --------
    >>> normalize("右肺　结节，约 1.5×2.0cm。")
    '右肺结节,约cm'
    >>> normalize("右肺　结节，约 1.5×2.0cm。", drop_units=True)
    '右肺结节,约'
    >>> normalize("Ribs 5-7, LEFT (see 3).")
    'ribs, left (see)'
    """
    return _normalized(raw, drop_units)


@lru_cache(maxsize=CACHE_SIZE)
def _normalized(raw: str, drop_units: bool) -> str:
    if _HAN.fullmatch(raw):
        return raw
    if _WORDS.fullmatch(raw):
        lower = raw.lower()
        return "" if "xxx" in lower and _MASKS.fullmatch(lower) else lower
    return fixpoint(raw, drop_units)


def fixpoint(raw: str, drop_units: bool) -> str:
    """Return the normal form without short cuts and memory: the reference for `normalize`."""
    before, text = raw, _once(raw, drop_units)
    # What one step takes out can leave something for another (a letter and an accent that
    # meet when the digit between them goes).
    while text != before and not _STABLE.fullmatch(text):
        before, text = text, _once(text, drop_units)
    return text if _LETTER.search(text) and not _MASKS.fullmatch(text) else ""


def _once(text: str, drop_units: bool) -> str:
    if text.isascii():
        text = _INVISIBLE.sub("", text).lower() if not text.isprintable() else text.lower()
    else:
        text = _INVISIBLE.sub("", text)
        text = unicode_form("NFKC", unicode_form("NFKC", text).casefold())
    if _ANY_DIGIT.search(text):
        text = (_NUMBERS_AND_UNITS if drop_units else _NUMBERS).sub("", text)
        text = _LOOSE.sub("", _EMPTY.sub("", text))
    text = _SPACES.sub(" ", text)
    text = _NEEDLESS_SPACE.sub("", text)
    return _stripped(text)


def _stripped(text: str) -> str:
    """Strip marks from the ends; of parentheses, those whose other half is missing or outermost."""
    start, end = 0, len(text)
    pairs: dict[int, int] | None = None
    while start < end:
        first, last = text[start], text[end - 1]
        opens = closes = False
        if first in _OPEN or last in _CLOSE:
            if pairs is None:
                pairs = _pairs(text)
                closing = set(pairs.values())
            if pairs.get(start) == end - 1:
                start, end = start + 1, end - 1
                continue
            opens, closes = start in pairs, end - 1 in closing
        if not opens and _strippable(first, leading=True):
            start += 1
        elif not closes and _strippable(last, leading=False):
            end -= 1
        else:
            break
    return text[start:end]


def _strippable(character: str, *, leading: bool) -> bool:
    if character.isalnum() or character in _UNIT_MARKS:
        return False
    if character.isspace() or character in _END_SYMBOLS:
        return True
    kind = category(character)
    # An accent that lost its letter, or a bullet.
    return kind[0] == "P" or (leading and (kind[0] == "M" or character == "+"))


def _pairs(text: str) -> dict[int, int]:
    """Return the positions of parentheses that match, by that of the opening one."""
    pairs: dict[int, int] = {}
    stack: list[int] = []
    for position, character in enumerate(text):
        if character in _OPEN:
            stack.append(position)
        elif character in _CLOSE:
            opening = _OPEN[_CLOSE.index(character)]
            if stack and text[stack[-1]] == opening:
                pairs[stack.pop()] = position
    return pairs
