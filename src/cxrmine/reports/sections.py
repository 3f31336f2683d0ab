"""Sections of a report: where Findings, Impression, Indication … begin and end.

A report is cut at its *headers*. What counts as one:

- a known header (`section_names.SYNONYMS`) before a colon, at the start of a line or in running
  text, in any case at a line's or sentence's start and capitalised elsewhere; alone on its line; in
  capitals without a colon (``IMPRESSION No acute …``, ``IMPRESSION - …``); with Markdown or HTML
  marks around it; in Chinese with a full-width colon or in ``【】``;
- an unknown phrase in capitals or title case before a colon at the start of a line (or of a
  sentence): it gets a section of its own, so that it does not leak into the one before;
- not a header: ``Lungs:``, ``Right hilum:``, ``Lines/tubes:`` … These *sub-headers* stay within
  Findings, and begin the part that counts where nothing else does.

Reports often leave the Findings header out. Where there is none but an Impression, what follows
the Indication, History, Comparison, Technique or Examination after a blank line is the Findings
(the habit of MIMIC-CXR), and so is a line with a statement on anatomy, and prose before the first
header. Where there is neither, what follows counts as ``text``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from cxrmine.reports.report import Section
from cxrmine.reports.section_names import (
    ALONE,
    INSIDE,
    MODIFIERS,
    SMALL,
    SYNONYMS,
    VERBS,
    VIEW_CORE,
    VIEW_WORDS,
    WEAK,
)

#: Sections that never count, not even where neither Findings nor Impression exists.
NEVER_SCORED = frozenset({"indication", "history", "comparison"})

#: Sections that count.
SCORED = frozenset({"findings", "impression", "addendum"})
_COUNTED = SCORED | {"diagnosis"}

# Words whose presence makes an unknown phrase a sub-header of the findings: what is looked at
# (anatomy, devices) and what is found …
_SUBJECT = re.compile(
    r"\b(?:lungs?|lobes?|lingula|pulmon\w*|parenchym\w*|air\w*|trache\w*|bronch\w*|hearts?|cardi\w*"
    r"|pericardi\w*|mediast\w*|hil(?:ar|um|a|i)|pleura\w*|costophrenic|(?:hemi)?diaphragm\w*|bon(?:e|es|y)"
    r"|osseous|oste\w*|skelet\w*|musculoskeletal|ribs?|spin(?:e|al)|vertebra\w*|clavic\w*|shoulders?|sternum"
    r"|sternotomy|scapul\w*|thora(?:x|cic)|tissues?|subcutaneous|skin|wall|breasts?|axilla\w*|abdom\w*|bowel"
    r"|stomach|gastric|liver|spleen|kidneys?|gallbladder|pelvis|hips?|knees?|neck|aort(?:a|ic)|\w*vascul\w*"
    r"|vessels?|arter(?:y|ies|ial)|veins?|venous|silhouettes?|contours?|apex|apices|bases?|basilar|zones?|fields?"
    r"|lines?|tubes?|devices?|catheters?|drains?|wires?|leads?|pace(?:maker\w*|rs?)|implants?|hardware|stents?"
    r"|valves?|clips|sutures|staples|prosthe\w*|ett|ngt|picc|cvc|port|monitoring|support|instrument\w*|apparatus"
    r"|surgical|postsurgical|postoperative|effusions?|(?:hydro)?pneumothora\w*|ptx|pneumo\w*|o?edema\w*|chf"
    r"|congest\w*|consolidat\w*|opaci\w*|infiltrat\w*|atelecta\w*|densit\w*|shadow\w*|markings|septal"
    r"|nod(?:e|ule|ular)s?|mass(?:es)?|tumou?rs?|malignan\w*|neoplas\w*|metasta\w*|cancer|carcinoma|lesions?"
    r"|granulom\w*|tubercul\w*|tb|scar\w*|fibro\w*|cavit\w*|bulla\w*|blebs?|cysts?|abscess\w*|empyema"
    r"|fractures?|trauma\w*|h(?:a)?emorrhage|calcifi\w*|cardiomegaly|enlarge\w*|emphysema\w*|copd|hernias?"
    r"|(?:hyper|hypo)?inflat\w*|hyperexpan\w*|volumes?|interstiti\w*|lymph\w*|thyroid|o?esophag\w*|goiter"
    r"|thickening|scolio\w*|kypho\w*|degenerat\w*|arthr\w*|disease|infecti\w*|kub|acute|chronic"
    r"|upper|lower|middle|left|right|bilateral|central|peripheral)\b|[肺心膈隔胸骨肋管腔肝胆脾胰肾窗野门影]",
    re.IGNORECASE,
)
# … unless its last word says that it is about the patient's papers.
_PAPERS = re.compile(
    r"\b(?:history|course|notes?|by|name|number|id|mrn|physicians?|doctors?|providers?|clinicians?|date|time"
    r"|codes?|dose|exposure|service|department|hospital|phone|fax|medications?|allergies|protocol|reports?"
    r"|request|question|diagnos[ei]s|screening|remarks?|consent|text|to|facility|address|age|sex|gender)$",
    re.IGNORECASE,
)
# Words that stand for something taken out.
_MASK = re.compile(r"(?:[\s,/.-]*(?:[xX]{3,}|_{2,}|\d+))+[\s,/.-]*|.*\*\*\].*", re.DOTALL)

# Where the title's description ends and its date or time begins.
_VIEW_TAIL = re.compile(
    r"[\d_\[]|\b(?:on|at|dated|from|compared|obtained|performed|dating|xxxx|"
    r"january|february|march|april|may|june|july|august|september|october|november|december)\b"
)

# What a header may be …
_KNOWN, _SUB, _VIEW, _UNKNOWN, _BREAK = range(5)
# … and what may stand before the text in front of a colon.
_AMID_TEXT, _AFTER_HEADER, _AT_LINE, _AT_SENTENCE = range(4)
_TABLE = {phrase: name for name, phrases in SYNONYMS.items() for phrase in phrases}

_COLON = re.compile(r"[:：]")
# A sentence's end (not that of an initial or a list's number), a wide gap, a bullet or an HTML tag:
# the next word may begin a header.
_BOUNDARY = re.compile(
    r"(?:(?<=[^\s.]{2})[.!?;|]+[\"')\]*_]*\s+|[。！？；|]\s*|\s{3,}|\t|\s[-–—•*]+\s+|<[^<>]{0,20}>\s*"
    r"|\\n|】|__+\s+|(?<=[^\s.][.!?;])(?=[A-Z]{4})|(?<=[\u3400-\u9fff\d])\s+(?=[\u3400-\u9fff]))(?=\S)"
)
_DECORATION = re.compile(r"[\s*#_>•·=~\"'(\[【<-]*(?:\(?\d{1,2}[.)]\s*)?[\s*#_(\[【]*")
_LISTED = re.compile(r"\s*(?:\(?\d{1,2}[.)]|[-•·*]\s)")
_ADDENDUM = re.compile(
    r"(?:^|[.!?]\s)[\s*#_>(\[]*((?:\w+\s+)?addendum(?:\s*#?\s*\d+)?(?:\s+(?:by|on|to|dated|created|entered"
    r"|begins|made|for)\b.*)?)[\s*)\]]*\Z",
    re.IGNORECASE | re.DOTALL,
)
_VIEW_SPLIT = re.compile(r"[\s,/&().;-]+(?![a-z]*ray)")
_WORD = re.compile(r"\S+")
_JOINERS = re.compile(r"\s*(?:&amp;|[&/+])\s*")
_SPACE = re.compile(r"\s+")
_TAIL = re.compile(r"(?:\(s\)|(?<![^\W_])#?\d{1,2}(?!\d)|[\s*_#.,)\]】>-])++$")
_PARAGRAPH = re.compile(r"\n[^\S\n]*\n\s*|\r[^\S\r\n]*\r\s*")
_STATES = re.compile(r"\s*(?:There|The|No|Heart|Lungs?)\b", re.IGNORECASE)
_SENTENCE_END = re.compile(r"[.!?。]\s*(?=\S)|\n\s*(?=\S)")
_LINE_END = re.compile(r"\r?\n|\r")
_WRAP = 80  # characters a line in reports that are wrapped
_LETTER = re.compile(r"[^\W\d_]")
_CJK = re.compile(r"[\u3400-\u9fff]")
_BRACKETED = re.compile(r"【([^】【\n]{1,16})】[ \t]*[:：]?")
_RULE = re.compile(r"(?:^|(?<=[\n\r]))[ \t]*[_=*-]{8,}[ \t]*(?=[\r\n]|$)")

# A header alone on its line, without a colon; `ALONE` has the phrases.
# (A pattern that begins with one literal character is searched for several times faster.)
_ALONE = re.compile(r"\n[ \t#*_>]*+([A-Za-z][A-Za-z &/]{3,44}+)[ \t*_#.–—-]*+(?=[\r\n]|\Z)")
_ALONE_OLD_MAC = re.compile(_ALONE.pattern.replace(r"\n", r"\r", 1))
_ALONE_FIRST = re.compile(r"[ \t#*_>]*+([A-Za-z][A-Za-z &/]{3,44}+)[ \t*_#.–—-]*+(?=[\r\n])")
_ALONE_CHINESE = re.compile(r"^[^\S\n]*([\u3400-\u9fff]{2,8})[^\S\n]*$", re.MULTILINE)
# A header in capitals, without a colon, before text that is not in capitals, or before a dash.
_CAPITALS = re.compile(
    r"(?:FINDINGS?|IMPRESSIONS?|CONCLUSIONS?|INDICATIONS?|HISTORY|COMPARISONS?|TECHNIQUE|EXAMINATION"
    r"|ADDENDUM)(?:[ \t]*\*{1,3}[ \t]+|[ \t]*[–—][ \t]*|[ \t]+-+[ \t]*|[ \t]+(?=[A-Z][a-z]|\d{1,2}[.)]\s|A [a-z]))"
)


class _Header(NamedTuple):
    start: int
    body: int
    name: str
    kind: int


def find_sections(text: str) -> tuple[Section, ...]:
    """Return the sections of a report, in order.

    Parameters
    ----------
    text
        The report, in any case, with or without line breaks; headers in English or Chinese.

    Returns
    -------
    tuple of Section
        Name and half-open offsets of each body, without header and surrounding white space,
        sorted, not overlapping, never empty. Text before the first header is ``preamble``, or
        ``findings`` where it is prose, no Findings header exists and an Impression does. Names
        are those of `section_names.SYNONYMS`; an unknown header names its section itself, in
        lower case. No sections where no header is found at all.
    """
    headers = _find_headers(text)
    if not headers:
        return ()
    sections, explicit = _cut(text, headers)
    if not explicit:
        sections = _findings_without_header(text, sections)
    return tuple(sections)


def scored_sections(text: str, sections: Sequence[Section] | None = None) -> tuple[Section, ...]:
    """Return the sections whose findings count.

    Findings, Impression and Addendum count, and Diagnosis where it does not come before the
    first Findings or Impression (there it is the referrer's). Where a report has neither
    Findings nor Impression (nor a Diagnosis), its whole text counts, as in the ChestX-ray8 paper
    (Wang et al., CVPR 2017, section 3.1), except Indication, History and Comparison.

    Parameters
    ----------
    text
        The report.
    sections
        Its sections where they are known; otherwise `find_sections` finds them.

    Returns
    -------
    tuple of Section
        In order; empty for a report without text (or with nothing but an indication …). A whole
        text is one section called ``text``; with parts that never count cut out, several.
    """
    if sections is None:
        sections = find_sections(text)
    main = [s.start for s in sections if s.name in ("findings", "impression") and s.end > s.start]
    if main:
        first = main[0]
        return tuple(
            s
            for s in sections
            if (s.name in SCORED or (s.name == "diagnosis" and s.start > first)) and s.end > s.start
        )
    if any(s.name == "diagnosis" for s in sections):
        return tuple(s for s in sections if s.name in SCORED or s.name == "diagnosis")
    if not any(s.name in NEVER_SCORED for s in sections):
        return (Section("text", 0, len(text)),) if text and not text.isspace() else ()
    return tuple(Section("text", s.start, s.end) for s in sections if s.name not in NEVER_SCORED)


@lru_cache(maxsize=1024)
def canonical_name(header: str) -> str:
    """Return the canonical name of a section header, or the header itself in lower case.

    >>> canonical_name("Clinical Information")
    'history'
    >>> canonical_name("Nursing remarks")
    'nursing remarks'
    """
    phrase = _normalise(header)
    return _look_up(phrase) or phrase


def _normalise(phrase: str) -> str:
    phrase = _DECORATION.sub("", phrase.lower(), count=1)
    phrase = _TAIL.sub("", phrase)
    return _SPACE.sub(" ", _JOINERS.sub(" and ", phrase).replace("_", " ")).strip()


def _look_up(phrase: str) -> str | None:
    """Return the canonical name of a normalised phrase, None where it is unknown."""
    if name := _TABLE.get(phrase):
        return name
    if " (" in phrase:
        return _look_up(phrase[: phrase.index(" (")])
    if " and " in phrase:
        names = [_look_up(part) for part in phrase.split(" and ")]
        if None in names:
            return None
        return next((n for n in ("findings", "impression", "diagnosis") if n in names), names[0])
    modifier = next((m for m in MODIFIERS if phrase.startswith(m + " ")), None)
    return None if modifier is None else _look_up(phrase[len(modifier) + 1 :])


def _find_headers(text: str) -> list[_Header]:
    colonless = _colonless_headers(text)
    headers: list[_Header] = []
    previous = 0  # where the last header ended
    waiting = 0
    carriage = "\r" in text
    capitals: bool | None = None
    for position in _colons(text):
        while waiting < len(colonless) and colonless[waiting].body <= position:
            if colonless[waiting].start >= previous:
                headers.append(colonless[waiting])
                previous = colonless[waiting].body
            waiting += 1
        low = previous if previous > position - 80 else position - 80
        line = text.rfind("\n", low, position)
        if carriage:
            line = max(line, text.rfind("\r", low, position))
        if line >= 0:
            low, origin = line + 1, _AT_LINE
        elif low <= 0:
            low, origin = 0, _AT_LINE
        else:
            origin = _AFTER_HEADER if low == previous else _AMID_TEXT
        found = _classify(text[low:position], origin)
        if found is None:
            continue
        offset, name, kind, needs_mixed_case = found
        body = position + 1
        following = text[body : body + 1]
        if following and not following.isspace():
            if kind != _KNOWN and not following.isupper() and text[position] == ":":
                continue
            if following.isdigit() and text[position - 1].isdigit():
                continue  # 5:12
            while text[body : body + 1] == "*":  # the end of **Findings:**
                body += 1
        if needs_mixed_case:
            if capitals is None:
                capitals = text.isupper()
            if capitals:
                continue
        headers.append(_Header(low + offset, body, name, kind))
        previous = body
    headers.extend(h for h in colonless[waiting:] if h.start >= previous)
    return headers


def _colons(text: str) -> list[int]:
    if not text.isascii() and "：" in text:
        return [m.start() for m in _COLON.finditer(text)]
    positions = []
    position = text.find(":")
    while position >= 0:
        positions.append(position)
        position = text.find(":", position + 1)
    return positions


def _colonless_headers(text: str) -> list[_Header]:
    found: list[_Header] = []
    if (newline := "\n" in text) or "\r" in text:
        if first := _ALONE_FIRST.match(text):
            _append_alone(found, first)
        for match in (_ALONE if newline else _ALONE_OLD_MAC).finditer(text):
            _append_alone(found, match)
        if "____" in text or "----" in text or "====" in text or "****" in text:
            _append_rules(found, text)
    # `_CAPITALS` is slow; without one of these it has nothing to find.
    if (
        not text.isascii()
        or "N " in text
        or "S " in text
        or "Y " in text
        or "E " in text
        or "M " in text
        or "G " in text
        or "\t" in text
        or "*" in text
    ):
        for match in _CAPITALS.finditer(text):
            before = text[max(0, match.start() - 40) : match.start()].rstrip(" \t*#")
            if not before or before[-1] in ".!?;:\n\r":
                name = _TABLE[match[0].strip(" \t-–—*").lower()]
                found.append(_Header(match.start(), match.end(), name, _KNOWN))
    if text.isascii():
        found.sort()
        return found
    if newline:
        for match in _ALONE_CHINESE.finditer(text):
            if chinese := _TABLE.get(match[1]):
                found.append(_Header(match.start(), match.end(), chinese, _KNOWN))
    if "【" in text:
        for match in _BRACKETED.finditer(text):
            name = canonical_name(match[1])
            kind = _KNOWN if name in SYNONYMS else _UNKNOWN
            if kind == _KNOWN or not _SUBJECT.search(name):
                found.append(_Header(match.start(), match.end(), name, kind))
    found.sort()
    return found


def _append_rules(found: list[_Header], text: str) -> None:
    """Add the lines across the page; one right below a header underlines it."""
    alone = {header.body: i for i, header in enumerate(found)}
    for match in _RULE.finditer(text):
        before = text[max(0, match.start() - 100) : match.start()]
        above = match.start() - len(before) + len(before.rstrip())
        if above in alone and match[0].lstrip()[0] in "=-":
            header = found[alone[above]]
            found[alone[above]] = header._replace(body=match.end())
        else:
            found.append(_Header(match.start(), match.end(), "preamble", _BREAK))


def _append_alone(found: list[_Header], match: re.Match[str]) -> None:
    if name := _alone(match[1]):
        start = match.start() + (match[0][0] in "\r\n")
        found.append(_Header(start, match.end(), name, _KNOWN))


@lru_cache(maxsize=4096)
def _alone(phrase: str) -> str | None:
    """Return the canonical name of a line that is nothing but a header."""
    phrase = _normalise(phrase)
    return _look_up(phrase) if phrase in ALONE else None


@lru_cache(maxsize=8192)
def _classify(chunk: str, origin: int) -> tuple[int, str, int, bool] | None:
    """Say which header, if any, ends where `chunk` (the text before a colon) ends.

    Returned are the header's offset in the chunk, its name and kind, and whether it counts only
    in a report that is not all capitals. Headers repeat, so the answer is cached.
    """
    addendum = _ADDENDUM.search(chunk)
    if addendum and (addendum.start() or origin != _AMID_TEXT):
        return addendum.start(1), "addendum", _KNOWN, False
    first = offset = _decoration_end(chunk, 0)
    start = 0
    for match in _BOUNDARY.finditer(chunk, first):
        start, origin = match.end(), _AT_SENTENCE
        offset = _decoration_end(chunk, start)
    phrase = _normalise(chunk[offset:])
    if not phrase:
        return None
    if origin != _AMID_TEXT:
        if phrase in INSIDE:
            return start, phrase, _SUB, False
        if name := _look_up(phrase):
            return start, name, _KNOWN, False
    if origin == _AT_LINE and _LISTED.match(chunk) and not chunk.isupper():
        origin = _AFTER_HEADER  # "2. Mild failure: …" is an item of a list, not a header
    return (
        _view_title(chunk, first, start)
        or _known_ending(chunk, offset, start, origin)
        or _unknown(chunk[offset:], start, origin)
    )


def _decoration_end(chunk: str, start: int) -> int:
    match = _DECORATION.match(chunk, start)
    return match.end() if match else start


def _known_ending(
    chunk: str, segment: int, start: int, origin: int
) -> tuple[int, str, int, bool] | None:
    """Find a known, capitalised header at the end of running text, the longest first."""
    words = [m.start() for m in _WORD.finditer(chunk, segment)]
    for i, word in enumerate(words[-6:], max(0, len(words) - 6)):
        letter = _decoration_end(chunk, word)
        if not chunk[letter : letter + 1].isupper():
            continue
        phrase = _normalise(chunk[letter:])
        if phrase in INSIDE:
            return None
        name = _look_up(phrase)
        if name and phrase not in WEAK:
            # "CARDIAC HISTORY:" on its own line is one header, not the end of the text before.
            whole = origin in (_AT_LINE, _AT_SENTENCE) and i <= 3 and _is_title(chunk[segment:])
            return start if whole else word, name, _KNOWN, False
    return None


def _is_title(phrase: str) -> bool:
    """Say whether every word begins with a capital, but for small ones."""
    return all(not word[0].islower() or word in SMALL for word in phrase.split())


def _unknown(segment: str, offset: int, origin: int) -> tuple[int, str, int, bool] | None:
    """Judge a phrase that the table does not have."""
    phrase = _SPACE.sub(" ", segment).strip(" *_#")
    if origin == _AMID_TEXT or not phrase or len(phrase) > 60 or _MASK.fullmatch(phrase):
        return None
    name = phrase.lower()
    if not phrase[0].isupper():
        if _CJK.match(phrase) and len(phrase) <= 10:
            return offset, name, _SUB if _SUBJECT.search(phrase) else _UNKNOWN, False
        return None
    words = phrase.split()
    if len(words) > 8 or not VERBS.isdisjoint(word.strip(",.()").lower() for word in words):
        return None
    papers = _PAPERS.search(phrase) is not None
    if not papers and _SUBJECT.search(phrase):
        return (offset, name, _SUB, False) if len(words) <= 4 or _is_title(phrase) else None
    if origin == _AT_LINE and (papers or _is_title(phrase)):
        return offset, name, _UNKNOWN, False
    capitals = phrase.isupper()
    if origin == _AT_SENTENCE and (
        (capitals and len(phrase) > 2) or (len(words) > 1 and _is_title(phrase))
    ):
        return offset, name, _UNKNOWN, capitals
    return None


def _view_title(chunk: str, first: int, segment: int) -> tuple[int, str, int, bool] | None:
    """Recognise a title such as ``PORTABLE AP CHEST, 5:12 A.M.`` before a colon.

    It may be the whole line (a date's or an initial's stop does not end it) or its last sentence.
    """
    for start, offset in ((first, 0), (segment, segment)):
        title = chunk[start:].lower()
        tail = _VIEW_TAIL.search(title, 4)
        if tail:
            title = title[: tail.start()]
        words = _VIEW_SPLIT.split(title.strip(" ,.-("))
        if not VIEW_CORE.isdisjoint(words) and all(not w or w in VIEW_WORDS for w in words):
            return offset, "examination", _VIEW, False
    return None


def _cut(text: str, headers: list[_Header]) -> tuple[list[Section], bool]:
    """Turn headers into sections: decide what a sub-header, a title or a rule begins.

    Returned is also whether a Findings header with a body exists.
    """
    explicit = False
    for header in headers:
        if header.name == "findings" and header.kind == _KNOWN:
            headers, explicit = _findings_header(text, headers)
            break
    sections: list[Section] = []
    name, start = "preamble", 0
    last_scored = ""
    for header in headers:
        next_name, next_start = header.name, header.body
        if header.kind == _SUB or header.kind == _VIEW:
            if name in _COUNTED or header.name in INSIDE:
                continue
            if header.kind == _SUB:
                if not _begins_findings(text, header, name, explicit, last_scored):
                    continue
                next_name, next_start = "findings", header.start
                if name == "preamble" and not _begins_line(text, header.start):
                    next_start = start  # "The heart is big. Lungs: clear."
            elif not explicit:
                next_name = "findings"
        _append(sections, text, name, start, min(header.start, next_start))
        name, start = next_name, next_start
        if name in _COUNTED:
            last_scored = name
    _append(sections, text, name, start, len(text))
    return sections, explicit


def _begins_findings(
    text: str, header: _Header, name: str, explicit: bool, last_scored: str
) -> bool:
    """Say whether a sub-header met in a section that does not count begins the findings.

    It does where no header does; and where it goes on with a list of them that a header of
    another kind broke off.
    """
    if explicit:
        return (
            last_scored == "findings"
            and name not in ("notification", "signature", "wet read")
            and _begins_line(text, header.start)
        )
    return name not in ("indication", "history") or _begins_line(text, header.start)


def _findings_header(text: str, headers: list[_Header]) -> tuple[list[_Header], bool]:
    """Find out whether a Findings header has a body.

    In "FINDINGS: Comparison: none. The heart …" it has: the findings go on after one sentence,
    where a header is put in.
    """
    result: list[_Header] = []
    explicit = False
    for i, header in enumerate(headers):
        previous = headers[i - 1] if i else None
        end = headers[i + 1].start if i + 1 < len(headers) else len(text)
        result.append(header)
        if header.kind != _KNOWN:
            continue
        if header.name == "findings":
            if _LETTER.search(text, header.body, end) or (
                i + 1 < len(headers) and headers[i + 1].kind in (_SUB, _VIEW)
            ):
                explicit = True
        elif (
            previous
            and previous.name == "findings"
            and previous.kind == _KNOWN
            and header.name in _BEFORE_FINDINGS
            and len(between := text[previous.body : header.start].strip(" \t")) <= 12
            and "\n" not in between
        ):
            stop = _SENTENCE_END.search(text, header.body, end)
            if header.name == "comparison" and _STATES.match(text, header.body, end):
                result.pop()  # "FINDINGS: Comparison: There is …": the comparison was left out
                explicit = True
            elif stop:
                result.append(_Header(stop.end(), stop.end(), "findings", _KNOWN))
                explicit = True
    return result, explicit


def _begins_line(text: str, position: int) -> bool:
    before = text[max(0, position - 20) : position].rstrip(" \t")
    return not before or before[-1] in "\n\r"


def _append(sections: list[Section], text: str, name: str, start: int, end: int) -> None:
    body = text[start:end].rstrip()
    stripped = body.lstrip()
    if stripped and (name != "preamble" or _LETTER.search(stripped)):
        end = start + len(body)
        sections.append(Section(name, end - len(stripped), end))


# Prose, as against a title: a verb, or a word that states something.
_PROSE = re.compile(
    r"\b(?:is|are|was|were|has|have|shows?|demonstrates?|no|normal|clear|unremarkable|stable"
    r"|unchanged|seen|noted|identified|present|within|remains?|appears?|there|enlarged)\b",
    re.IGNORECASE,
)
# A line that asks or tells about the patient is still the referrer's.
_REFERRER = re.compile(
    r"[\s\W]*(?:rule|r/o|evaluate|eval|assess|check|please|question|concern\w*|pt|patient|he|she|his|her"
    r"|history|hx|status|s/p|known|prior|previous|\d+|_+)\b",
    re.IGNORECASE,
)
_BEFORE_FINDINGS = frozenset(
    {"indication", "history", "comparison", "technique", "examination", "preamble", "date"}
)


def _findings_without_header(text: str, sections: list[Section]) -> list[Section]:
    """Name the paragraphs or lines that hold the findings where no header does.

    Without an Impression either, they and what sub-headers and titles began are called ``text``,
    since then the whole text counts.
    """
    concluded = any(s.name in ("impression", "diagnosis") for s in sections)
    new_name = "findings" if concluded else "text"
    result: list[Section] = []
    for section in sections:
        name, start, end = section
        if name == "findings":
            result.append(Section(new_name, start, end))
        elif name not in _BEFORE_FINDINGS:
            result.append(section)
        elif name == "preamble":
            # A title may stand before the prose; it holds no findings.
            prose = concluded and _PROSE.search(text, start, end)
            result.append(Section("findings", start, end) if prose else section)
        elif cut := _end_of_body(text, start, end, concluded):
            _append(result, text, name, start, cut)
            _append(result, text, new_name, cut, end)
        else:
            result.append(section)
    return result


def _end_of_body(text: str, start: int, end: int, concluded: bool) -> int | None:
    """Find where the body of an Indication … ends and unheaded findings begin, if they do.

    A blank line ends it. Else a line break does that was meant as one (the line before ends a
    sentence or is short) and, where an Impression exists, has a statement on anatomy behind it;
    but not in a body that began below its header, which is a list of lines.
    """
    if gap := _PARAGRAPH.search(text, start, end):
        return gap.end()
    if _begins_line(text, start):
        return None
    line_start = start
    for match in _LINE_END.finditer(text, start, end):
        line = text[line_start : match.start()].rstrip()
        after = text[match.end() : min(end, match.end() + 200)].split("\n", 1)[0]
        # Text that was wrapped has its next word on the next line because it did not fit.
        word = len(after.split(maxsplit=1)[0]) if after.strip() else 0
        meant = line.endswith((".", "!", "?")) or len(line) + word < _WRAP - 20
        if meant and not _REFERRER.match(after):
            statement = _PROSE.search(after) and _SUBJECT.search(after)
            if statement or not concluded:
                return match.end()
        line_start = match.end()
    return None


def split_section(text: str, section: Section) -> tuple[Section, ...]:
    """Cut one section at the known headers within its body.

    For sections that a format gives (an XML element, a column): some bodies hold a whole earlier
    report. Sub-headers and unknown headers do not cut, nor does a header within Findings or
    Impression that neither of these follows (then the format knows better); and what stands in an
    Indication, History or Comparison never counts, an earlier report's Impression least of all.
    """
    if section.name in NEVER_SCORED or ":" not in (body := text[section.start : section.end]):
        return (section,)
    headers = [h for h in _find_headers(body) if h.kind == _KNOWN]
    if not headers:
        return (section,)
    headers.insert(0, _Header(0, 0, section.name, _KNOWN))
    if section.name == "findings":
        headers, _ = _findings_header(body, headers)
    if section.name in _COUNTED:
        while headers[-1].name not in _COUNTED:
            headers.pop()
    if all(h.name == section.name for h in headers):
        return (section,)
    parts: list[Section] = []
    for i, header in enumerate(headers):
        end = headers[i + 1].start if i + 1 < len(headers) else len(body)
        _append(parts, body, header.name, header.body, end)
    return tuple(Section(n, s + section.start, e + section.start) for n, s, e in parts)
