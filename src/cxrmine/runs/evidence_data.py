"""The evidence page's data: one line of JSON a report, safe inside a ``<script>`` element.

A line is ``[report id, text, mentions, labels]``; a mention is ``[start, end, finding, concept,
status, cue, rule, section, cue spans]`` and labels are one list of values a scheme. Offsets count
UTF-16 code units, as JavaScript's strings do.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from cxrmine.reports.report import Report

if TYPE_CHECKING:
    from cxrmine.labeling.mention import Mention

# Nothing in a report may end the script element or open a comment in it (HTML, "Restrictions for
# contents of script elements"); U+2028 and U+2029 are already escaped as all that is not ASCII.
_UNSAFE = str.maketrans({"<": r"\u003c", ">": r"\u003e", "&": r"\u0026"})


def script_safe_json(value: object) -> str:
    """Return `value` as JSON that can stand inside a ``<script>`` element.

    >>> script_safe_json("</script>")
    '"\\\\u003c/script\\\\u003e"'
    """
    return json.dumps(value, separators=(",", ":")).translate(_UNSAFE)


def evidence_line(
    report: Report,
    mentions: Sequence[Mention],
    labels: Mapping[str, Mapping[str, int | None]],
) -> str:
    """Return the line of `report`, with its line end."""
    text = report.text
    # Offsets differ only behind characters beyond the basic plane, which few reports have.
    wide = [place for place, char in enumerate(text) if char > "\uffff"] if _wide(text) else []

    def unit(offset: int) -> int:
        return offset + bisect_left(wide, offset)

    rows = []
    for mention in mentions:
        spans = cue_spans(text, mention) if mention.cue else []
        rows.append(
            [
                unit(mention.start),
                unit(mention.end),
                mention.finding,
                mention.concept,
                mention.status,
                mention.cue,
                mention.rule,
                mention.section,
                [[unit(start), unit(end)] for start, end in spans],
            ]
        )
    values = [list(of_scheme.values()) for of_scheme in labels.values()]
    return script_safe_json([report.report_id, text, rows, values]) + "\n"


def _wide(text: str) -> bool:
    return not text.isascii() and max(text) > "\uffff"


def cue_spans(text: str, mention: Mention) -> list[tuple[int, int]]:
    """Return where the words of the mention's cue stand in its sentence.

    The cue as a whole where it stands so, else each of its words; of several places the one
    nearest to the mention. A word that is not in the sentence has no span.

    Returns
    -------
    list of tuple
        Half-open character offsets into `text`, ascending.
    """
    whole = _nearest(text, mention.cue, mention)
    if whole is not None:
        return [whole]
    spans = {_nearest(text, word, mention) for word in re.findall(r"[^\s…]+", mention.cue)}
    return sorted(span for span in spans if span is not None)


def _nearest(text: str, words: str, mention: Mention) -> tuple[int, int] | None:
    found = [
        match.span()
        for match in _pattern(words).finditer(text, mention.sentence_start, mention.sentence_end)
    ]
    return min(found, default=None, key=lambda span: _gap(span, mention))


def _gap(span: tuple[int, int], mention: Mention) -> int:
    return max(mention.start - span[1], span[0] - mention.end, 0)


@lru_cache(maxsize=4096)
def _pattern(words: str) -> re.Pattern[str]:
    body = r"\s+".join(re.escape(word) for word in words.split()) or r"(?!)"
    return re.compile(rf"(?<!\w){body}(?!\w)", re.IGNORECASE)
