"""Tokens: one regular expression that the matcher, the rules and the parser share.

Words keep their hyphens (``right-sided``), numbers their decimals (``2.5``); contractions and
possessives split as in Universal Dependencies (``is n't``, ``patient 's``); de-identification
marks (``XXXX``, ``___``, ``[** … **]``) are one token each.
"""

from __future__ import annotations

import re

TOKEN = re.compile(
    # The first two lines change nothing: they take the common cases by a shorter way.
    r"[A-Za-z]+(?=[\s,;:]|\.(?:\s|\Z))"
    r"|[.,;:()]"
    r"|\[\*\*(?s:.{0,200}?)\*\*\]"  # MIMIC-III's de-identification mark
    r"|_{2,}"
    r"|\b[wW]/[oO]?(?![^\W_])"
    r"|\d+(?:[.,:/]\d+)*%?(?![^\W\d_])"
    r"|[^\W_]+?(?=[nN]['’][tT]\b)"
    r"|[nN]['’][tT]\b"
    r"|['’](?:[sS]|[rR][eE]|[vV][eE]|[lL][lL]|[dD]|[mM])\b"
    r"|(?:[^\W_]\.){2,}"  # A.P., i.v.
    r"|(?<=\w)-[fF][rR][eE][eE]\b"  # pain-free: a cue of its own
    r"|[^\W_]+(?:[-–](?![fF][rR][eE][eE]\b)[^\W_]+)*"
    r"|\S"
)


def tokenize(text: str, start: int = 0, end: int | None = None) -> list[tuple[int, int]]:
    """Return the half-open character offsets of the tokens of ``text[start:end]``."""
    return [m.span() for m in TOKEN.finditer(text, start, len(text) if end is None else end)]
