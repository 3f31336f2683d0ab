"""Tokens: one regular expression that the matcher, the rules and the parser share.

Words keep their hyphens (``right-sided``), numbers their decimals (``2.5``); contractions and
possessives split as in Universal Dependencies (``is n't``, ``patient 's``); de-identification
marks (``XXXX``, ``___``, ``[** … **]``) are one token each.
"""

from __future__ import annotations

import re

TOKEN = re.compile(
    r"\[\*\*.{0,200}?\*\*\]"  # MIMIC-III's de-identification mark
    r"|_{2,}"
    r"|\bw/o?(?![^\W_])"
    r"|\d+(?:[.,:/]\d+)*%?(?![^\W\d_])"
    r"|[^\W_]+?(?=n['’]t\b)"
    r"|n['’]t\b"
    r"|['’](?:s|re|ve|ll|d|m)\b"
    r"|(?:[^\W_]\.){2,}"  # A.P., i.v.
    r"|[^\W_]+(?:[-–][^\W_]+)*"
    r"|\S",
    re.IGNORECASE | re.DOTALL,
)


def tokenize(text: str, start: int = 0, end: int | None = None) -> list[tuple[int, int]]:
    """Return the half-open character offsets of the tokens of ``text[start:end]``."""
    return [m.span() for m in TOKEN.finditer(text, start, len(text) if end is None else end)]
