"""A mention of a finding: the words, and what the report says of it."""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

Status = Literal["present", "probable", "possible", "absent", "historical", "hypothetical"]
STATUSES: tuple[str, ...] = get_args(Status)


class Mention(NamedTuple):
    """One mention of a concept in a report.

    ``start`` and ``end`` are half-open character offsets into the report's original text, and
    ``text`` is exactly that slice; ``sentence`` is the sentence's own slice
    (``sentence_start``, ``sentence_end``). ``cue`` is the text of the words that decided the
    status and ``rule`` the id of the rule; both are empty where nothing speaks against
    ``present``.
    """

    section: str
    sentence: str
    start: int
    end: int
    text: str
    finding: str
    concept: str
    status: str
    cue: str
    rule: str
    sentence_start: int
    sentence_end: int
