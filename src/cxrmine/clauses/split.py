"""Cut a section's text into clauses, whatever its language.

A clause ends at a comma, a stop, a colon, a semicolon (ASCII, full-width, and those of other
scripts) and at a line's end, but not within a number or in parentheses. An ASCII period ends one
only where a sentence can end. Bullets and list numbers belong to no clause. The enumeration comma
``、`` joins what it stands between (心、肺、膈 is one clause) unless the caller wants it cut.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

#: The longest parenthesis in characters. A longer one is two that lack their other halves, and
#: must not hide the separators between them.
MAX_PARENTHESIS = 200

# How many open parentheses are remembered: text with more of them is no text, and looking through
# them all for each that closes would take quadratic time.
_MAX_DEPTH = 20

_LINE_ENDS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
# Question marks, stops and semicolons of the world's scripts: Unicode's Terminal_Punctuation
# (PropList.txt), but for commas, colons, periods and scripts that nobody writes reports in.
_STOPS = (
    "。｡；！？﹔﹖﹗;!…|｜¦"
    "؛؟۔"  # Arabic, Urdu
    "।॥෴"  # Devanagari and the scripts that use its danda, Sinhala
    "։՜՞"  # Armenian
    "\u037e"  # the Greek question mark
    "።፤፥፦፧፨"  # Ethiopic
    "།༎"  # Tibetan
    "၊။"  # Myanmar
    "។៕"  # Khmer
    "᠂᠃"  # Mongolian
)
_COMMAS = ",，﹐،፣߸"
_COLONS = ":：﹕"
_PERIODS = (".", "．", "﹒")
_ENUMERATION = "、﹑､"
# Bullets that stand for nothing else separate wherever they stand …
_BULLETS = "•●■▪◦‣⁃∙▶►➢➤❖✓✔\uf0b7\uf0a7\uf0d8"
# … those that are also hyphens, redactions or check boxes only go from a clause's start.
_START_BULLETS = "-–—−*·・‧○◇◆□★☆※→⇒>#+~"
_CIRCLED = "①-⒛㈠-㈩㊀-㊉❶-➓⓪⓵-⓾"

_OPEN = "(（﹙[［【〔〖「『《〈｢{｛"
_CLOSE = ")）﹚]］】〕〗」』》〉｣}｝"
# Half-width and full-width halves are mixed when typing, so the width does not matter.
_PAIRS = "(((" + "[[" + "【〔〖「『《〈「" + "{{"
_KIND = dict(zip(_OPEN + _CLOSE, _PAIRS * 2, strict=True))

_LINES = re.escape(_LINE_ENDS)
_ALWAYS = frozenset(_LINE_ENDS + _STOPS + _BULLETS)
_NOT_IN_NUMBERS = frozenset(_COMMAS + _COLONS + _ENUMERATION)
_AMBIGUOUS = _COMMAS + _COLONS + "".join(_PERIODS) + "?"
_CANDIDATES = re.escape(_LINE_ENDS + _STOPS + _BULLETS + _AMBIGUOUS + _OPEN) + _CIRCLED
_CANDIDATE = re.compile(f"[{_CANDIDATES}]")
_CANDIDATE_OR_ENUMERATION = re.compile(f"[{_CANDIDATES}{_ENUMERATION}]")

# A parenthesis does not go on past a blank line or into the next item of a list.
_BRACKET = re.compile(
    rf"[{re.escape(_OPEN + _CLOSE)}]|[\r\n]\s*(?:[\r\n]|\(?\d{{1,2}}[.．、)）]|[{_BULLETS}*-]\s)"
)
_HAS_BRACKET = re.compile(f"[{re.escape(_OPEN)}]")

# A list number with its mark: "1." "2、" "(3)" "（4）" "5)"; not the start of "1.5" or "2、3肋".
_NUMBER = re.compile(
    r"[(（]\s?(\d{1,2})\s?[)）]|(?<![\d.．,/:-])(\d{1,2})\s?(?:[.．]\s{0,3}(?!\d)|[、)）](?!\d))"
    r"|(?<!\w)#(\d{1,2})[.:)]?\s"
)
_FIRST = re.compile(r"1\s?[.．、)）]")
_ITEM = re.compile(r"\d{1,2}\s?[.．、)）](?!\d)")
# Before a number in the middle of a line: "第2、" and "L2、" go on, "nodule 2." begins an item.
_JOINED = re.compile(r"(?:(?:\A|[^A-Za-z])[A-Za-z]{1,2}|[第颈胸腰骶肋约为径≤≥<>=≈-])\Z")
_NUMERALS = "一二三四五六七八九十"
# What may stand before a clause and is no part of it.
_LEAD = re.compile(
    rf"(?:\s|[{re.escape(_START_BULLETS)}](?!\d)|[{_CIRCLED}{re.escape(_CLOSE)}]|&[a-z]{{2,6}};"
    rf"|[(（]\s?(?:\d{{1,2}}|[{_NUMERALS}]{{1,3}}|[A-Ha-h])\s?[)）]"
    r"|\d{1,2}\s?[.．、)）](?!\d)|#\d{1,2}[.:)]?\s|\d{1,2}\s?[-–—]\s(?=[^\W\d_])"
    rf"|[{_NUMERALS}]{{1,3}}[、.．)）](?![{_NUMERALS}])"
    r"|[A-Ha-h][)）](?=\s|[^\W\d_])"
    r")+"
)
_LIST_LETTERS = frozenset("ABCDEFGHabcdefgh")
_LEAD_LETTERS = _LIST_LETTERS | frozenset(_NUMERALS)
_LETTER = re.compile(r"[^\W\d_]")
_WORD = re.compile(r"\w+")
_INITIAL = re.compile(r"(?:\A|\W)[^\W\d_]\.\s?\Z")
# Line breaks as exports write them.
_MARKUP = re.compile(
    r"(?:\\r)?\\n|_x000[DA]_|</?(?:br|p|li|ul|ol|div|tr|td)\b[^<>]{0,40}>", re.IGNORECASE
)
_ENTITY = re.compile(r"&(?:[A-Za-z]{2,8}|#\d{1,6}|#[xX][0-9A-Fa-f]{1,6})\Z")

# Abbreviations after which a sentence goes on whatever follows …
_GOES_ON = frozenset(
    """
    dr drs mr mrs ms prof st approx appr aprox vs viz cf fig figs ca incl excl eg ie bilat resp esp
    bzw vgl ggf evtl sog inkl exkl bds li re dra sra env mme
    """.split()
)
# … and those that also end one: it goes on where a small letter or a digit follows.
_MAY_GO_ON = frozenset(
    """
    etc lat ant post inf sup med max min diam dept hosp vert dist prox susp izq der jan feb mar apr
    jun jul aug sep sept oct nov dec am pm al sr jr inc ltd co usw vol pt pts
    """.split()
)
# "No. 5", "S. 12": a number follows, or it was a sentence.
_BEFORE_NUMBER = frozenset("no nr nos num pp vol ch sec".split())
# German counts "der 7. Rippe".
_BEFORE_ORDINAL = frozenset("der die das dem den des im am zum zur vom bis und oder".split())
_FILE_SUFFIXES = frozenset(
    """
    pdf doc docx txt dcm jpg jpeg png gif bmp tif tiff xml html htm csv xls xlsx json zip com org
    net gov edu de cn uk
    """.split()
)


def split_clauses(
    text: str, start: int = 0, end: int | None = None, *, split_enumeration: bool = False
) -> list[tuple[int, int]]:
    """Return where the clauses of a stretch of text lie.

    Parameters
    ----------
    text : str
        A report, in any script.
    start, end : int
        The stretch to split, half-open; all of the text by default. What lies outside is not
        looked at.
    split_enumeration : bool
        Whether ``、`` separates too.

    Returns
    -------
    list of (int, int)
        Half-open character offsets into `text`, in order, not overlapping, without white space,
        bullets and list numbers. Every one has a letter (or a sign such as ¼).

    Raises
    ------
    ValueError
        If ``0 <= start <= end <= len(text)`` does not hold.

    Notes
    -----
    - Full-width and foreign stops, semicolons, exclamation marks and line breaks always separate,
      except in parentheses that are closed within `MAX_PARENTHESIS` characters.
    - Commas and colons do unless they stand between two digits (``1,200``, ``3 : 1``).
    - A question mark does unless it stands before its word (``?pneumonia``).
    - A period does where white space or a caseless letter (Chinese …) follows, or a capitalised
      word (``clear.No``), but not after an abbreviation or an initial that goes on.
    - A list number is dropped where a clause begins with it; one in the middle of a line begins a
      clause if it continues the count (``1.a 2.b``, ``1、甲2、乙``).

    Examples
    --------
    >>> text = "1、双肺纹理增多，心、肺、膈（左，右）未见异常。2、结节1.5cm"
    >>> [text[a:b] for a, b in split_clauses(text)]
    ['双肺纹理增多', '心、肺、膈（左，右）未见异常', '结节1.5cm']
    """
    if end is None:
        end = len(text)
    if not 0 <= start <= end <= len(text):
        raise ValueError(f"no stretch of the text: [{start}, {end}) of {len(text)} characters")
    body = text if end - start == len(text) else text[start:end]
    pairs = _parentheses(body) if _HAS_BRACKET.search(body) else {}
    cuts = _cuts(body, pairs)
    candidate = _CANDIDATE_OR_ENUMERATION if split_enumeration else _CANDIDATE
    clauses: list[tuple[int, int]] = []
    begin = 0
    for cut, after in cuts:
        _split_segment(body, begin, cut, pairs, candidate, start, clauses)
        begin = after
    _split_segment(body, begin, len(body), pairs, candidate, start, clauses)
    return clauses


def _split_segment(
    body: str,
    begin: int,
    end: int,
    pairs: dict[int, int],
    candidate: re.Pattern[str],
    offset: int,
    clauses: list[tuple[int, int]],
) -> None:
    """Append the clauses of ``body[begin:end]``, which no list number interrupts."""
    skip = begin
    for match in candidate.finditer(body, begin, end):
        position = match.start()
        if position < skip:
            continue
        mark = match[0]
        if mark not in _ALWAYS:
            if mark in _KIND:
                skip = pairs.get(position, position)
                continue
            if not _separates(mark, body, position, begin, end):
                continue
        elif mark == ";" and _ENTITY.search(body, max(begin, position - 9), position):
            continue
        if begin < position:
            _append(body, begin, position, offset, clauses)
        begin = position + 1
    if begin < end:
        _append(body, begin, end, offset, clauses)


def _append(body: str, begin: int, end: int, offset: int, clauses: list[tuple[int, int]]) -> None:
    while begin < end and body[begin].isspace():
        begin += 1
    while end > begin and body[end - 1].isspace():
        end -= 1
    if begin == end:
        return
    first = body[begin]
    if not first.isalpha() or first in _LEAD_LETTERS:
        if lead := _LEAD.match(body, begin, end):
            begin = lead.end()
        if not _LETTER.search(body, begin, end):
            return
        if end - begin == 1 and body[begin] in _LIST_LETTERS and body.startswith(_PERIODS, end):
            return  # "A. Heart", cut at its period
    clauses.append((begin + offset, end + offset))


def _parentheses(body: str) -> dict[int, int]:
    """Return the position after each parenthesis that is closed, by that of its opening half."""
    pairs: dict[int, int] = {}
    stack: list[tuple[str, int]] = []
    for match in _BRACKET.finditer(body):
        kind = _KIND.get(match[0])
        if kind is None:
            stack.clear()
        elif match[0] in _OPEN:
            stack.append((kind, match.start()))
            del stack[:-_MAX_DEPTH]
        else:
            for depth in range(len(stack) - 1, -1, -1):
                if stack[depth][0] == kind:
                    opening = stack[depth][1]
                    if match.end() - opening <= MAX_PARENTHESIS:
                        pairs[opening] = match.end()
                    del stack[depth:]
                    break
    return pairs


def _cuts(body: str, pairs: dict[int, int]) -> list[tuple[int, int]]:
    """Return the list numbers and the written-out line breaks that separate, in order."""
    cuts: list[tuple[int, int]] = []
    if "<" in body or "\\n" in body or "_x000" in body:
        cuts.extend(match.span() for match in _MARKUP.finditer(body))
    if "2" in body and (_FIRST.search(body) or "#1" in body):
        cuts.extend(_counted(body, pairs))
    if len(cuts) < 2:
        return cuts
    cuts.sort()
    return [cut for i, cut in enumerate(cuts) if i == 0 or cut[0] >= cuts[i - 1][1]]


def _counted(body: str, pairs: dict[int, int]) -> Iterator[tuple[int, int]]:
    """Yield the list numbers that count on from a "1." at a clause's start.

    Reports list their items in one line, often without a mark between them.
    """
    expected = 1
    closed = 0  # the end of the parentheses before
    openings = sorted(pairs)
    waiting = 0
    for match in _NUMBER.finditer(body):
        begin = match.start()
        while waiting < len(openings) and openings[waiting] < begin:
            closed = max(closed, pairs[openings[waiting]])
            waiting += 1
        value = int(match[1] or match[2] or match[3])
        if begin < closed or value not in (1, expected):
            continue
        before = body[max(0, begin - 3) : begin]
        if value == 1:
            stripped = before.rstrip()
            if stripped and stripped[-1].isalnum() and "\n" not in before:
                continue
        elif _JOINED.search(before):
            continue
        yield match.span()
        expected = value + 1


def _separates(mark: str, body: str, position: int, begin: int, end: int) -> bool:
    """Say whether an ambiguous mark within the segment's rest ``body[begin:end]`` separates."""
    if mark in _PERIODS:
        return _ends_sentence(body, position, begin, end)
    if mark == "?":
        after = body[position + 1 : position + 2]
        previous = body[position - 1] if position > begin else " "
        return not (after.isalnum() and (previous.isspace() or previous in "(/"))
    if mark in _NOT_IN_NUMBERS:
        left, right = position - 1, position + 1
        while left > begin and body[left] == " ":
            left -= 1
        while right < end and body[right] == " ":
            right += 1
        if left < begin or right >= end:
            return True
        if body[left].isdigit() and body[right].isdigit():
            return False
        return body[position : position + 3] != "://"
    return True  # a circled number


def _ends_sentence(body: str, position: int, begin: int, end: int) -> bool:
    """Say whether the period at `position` ends a sentence."""
    if position + 1 >= end:
        return True
    after = body[position + 1]
    if after.islower():
        return False  # "e.g", "image.dcm"
    word_at = position
    while word_at > begin and position - word_at < 20:
        before = body[word_at - 1]
        if not before.isalnum() and before != ".":
            break
        word_at -= 1
    word = body[word_at:position].lower()
    if after.isdigit():
        # "1.5", ".5" and "T.8"; but "增多.2" and "mass.2. Scar" lack their space.
        if not word or word[-1].isdigit():
            return False
        return word[-1].upper() == word[-1] or (
            len(word) > 1 and "." not in word and bool(_ITEM.match(body, position + 1, end))
        )
    if after.isspace():
        return _ends_before_space(body, position, word_at, word, end)
    if after.isupper():
        # "clear.No" lacks its space; "U.S." and "REPORT.PDF" do not.
        following = _WORD.match(body, position + 1, end)
        name = following[0] if following else ""
        return (
            len(word) > 1
            and "." not in word
            and word not in _GOES_ON
            and (len(name) > 1 or name in "AI")
            and name.lower() not in _FILE_SUFFIXES
        )
    if after.isalpha():
        return word not in _GOES_ON
    return after not in "_/@\\"


def _ends_before_space(body: str, position: int, word_at: int, word: str, end: int) -> bool:
    """Say whether a period with white space behind it ends a sentence."""
    next_at = position + 2
    while next_at < end and body[next_at] == " ":
        next_at += 1
    following = body[next_at] if next_at < end else ""
    if not word or not following or following in _LINE_ENDS:
        return True
    if word in _GOES_ON:
        return False
    if word in _MAY_GO_ON:
        return not (following.islower() or following.isdigit())
    if word in _BEFORE_NUMBER:
        return not following.isdigit()
    if "." in word:
        initials = all(len(part) < 2 for part in word.split("."))
        return not initials or (word in ("a.m", "p.m") and following.isupper())
    if word.isdigit():
        return body[:word_at].rstrip().rpartition(" ")[2].lower() not in _BEFORE_ORDINAL
    if len(word) == 1 and word.upper() != word:
        # "L. lung", "C. difficile", "z. B."; but "Hepatitis B. No", and "A. Heart" in a list.
        initial = next_at + 1 < end and body[next_at + 1] == "." and following.isalpha()
        initial = initial or bool(_INITIAL.search(body, max(0, word_at - 4), word_at))
        return not (word in "lr" or following.islower() or initial)
    return True
