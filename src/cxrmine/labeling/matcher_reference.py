"""The matcher in its plainest form: every phrase tried at every place, as an expression.

Thousands of times slower than `matcher`, which is tested to return the same.
"""

from __future__ import annotations

from collections.abc import Sequence

from cxrmine.labeling.matcher import SEPARATOR, Match, join, select, to_regex
from cxrmine.labeling.vocabulary import Vocabulary


def match_reference(vocabulary: Vocabulary, words: Sequence[str]) -> list[Match]:
    """Return what ``Matcher(vocabulary).match(words)`` must return."""
    stops = vocabulary.gap_stops
    candidates = []
    blocks = []
    order = 0
    for index, concept in enumerate(vocabulary.concepts):
        for phrase in concept.parsed:
            pattern = to_regex(phrase, stops)
            rank = phrase.slack * 1_000_000 + order
            order += 1
            for start in range(len(words)):
                for end in range(start + 1, len(words) + 1):
                    text = join(words[start:end])
                    found = pattern.fullmatch(text)
                    if found:
                        first = start + text.count(SEPARATOR, 0, found.start("mention"))
                        last = first + found["mention"].count(SEPARATOR)
                        candidates.append((first - last, start - end, first, rank, last, index))
        for phrase in concept.parsed_not:
            pattern = to_regex(phrase, stops)
            for start in range(len(words)):
                for end in range(start + 1, len(words) + 1):
                    if pattern.fullmatch(join(words[start:end])):
                        blocks.append((start, end, index))
    kept = [
        (length, context, start, rank, end, concept)
        for length, context, start, rank, end, concept in candidates
        if not any(s <= start and end <= e and concept == i for s, e, i in blocks)
    ]
    return select(sorted(kept))
