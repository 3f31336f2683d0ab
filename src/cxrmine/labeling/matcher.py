"""Find the concepts of a vocabulary in a tokenized sentence.

The phrases are walked through an automaton (`cxrmine.labeling.automaton`); `matcher_reference` says
the same in the plainest way and is tested to agree.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from cxrmine.labeling.automaton import MAX_EDGES, Automaton
from cxrmine.labeling.phrases import Bracket, Choice, Gap, Maybe, Phrase, Sequence_, Words
from cxrmine.labeling.vocabulary import Vocabulary

SEPARATOR = "\x1f"


class Match(NamedTuple):
    """A mention: half-open token offsets and the concept's position in the vocabulary."""

    start: int
    end: int
    concept_index: int


class _Accept(NamedTuple):
    """What a state says of the tokens walked so far.

    ``rank`` breaks ties between concepts that match the same tokens: the phrase with the least
    slack in its gaps, then the one that stands first in the file. ``phrase`` is the position
    of a phrase with brackets in `Matcher._bracketed`, or -1. A ``blocks`` accept is a ``not``
    phrase: it says that these tokens are not the concept.
    """

    concept: int
    rank: int
    phrase: int
    blocks: bool


class Matcher:
    """Match the phrases of a vocabulary.

    Rules, in this order: a match that lies within a ``not`` phrase of the same concept is
    dropped; of matches that overlap the longest wins, then the one with more words of context
    around its brackets, then the leftmost; of concepts that match the same tokens the phrase
    with the least gap wins, then the first in the file.

    Parameters
    ----------
    vocabulary
        As `load_vocabulary` returns it.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self._stops = vocabulary.gap_stops
        self._automaton: Automaton[_Accept] = Automaton(self._stops)
        self._bracketed: list[Phrase] = []
        self._mentions: dict[tuple[int, tuple[str, ...]], tuple[int, int]] = {}
        order = 0
        for index, concept in enumerate(vocabulary.concepts):
            for phrase in concept.parsed:
                self._add(phrase, index, order, blocks=False)
                order += 1
            for phrase in concept.parsed_not:
                self._add(phrase, index, order, blocks=True)
        self._automaton.ready()

    def match(self, words: Sequence[str]) -> list[Match]:
        """Return the mentions in one sentence, by start.

        Parameters
        ----------
        words
            The lower-cased tokens of the sentence (`cxrmine.language.tokens.tokenize`).
        """
        kinds = self._automaton.kinds
        words = [kinds[word] for word in words]
        root = self._automaton.root
        count = len(words)
        found: list[tuple[int, int, tuple[_Accept, ...]]] | None = None
        for start, word in enumerate(words):
            state = root[word]
            if state is None:
                continue
            end = start + 1
            while True:
                if state.accepts is not None:
                    if found is None:
                        found = [(start, end, state.accepts)]
                    else:
                        found.append((start, end, state.accepts))
                if end == count:
                    break
                state = state[words[end]]
                if state is None:
                    break
                end += 1
        if found is None:
            return []
        if len(found) == 1:
            start, end, accepts = found[0]
            if len(accepts) == 1 and accepts[0].phrase < 0:
                return [] if accepts[0].blocks else [Match(start, end, accepts[0].concept)]
        return self._select(words, found)

    def _select(
        self, words: Sequence[str], found: list[tuple[int, int, tuple[_Accept, ...]]]
    ) -> list[Match]:
        candidates = []
        blocks = []
        for start, end, accepts in found:
            for concept, rank, phrase, blocking in accepts:
                if blocking:
                    blocks.append((start, end, concept))
                elif phrase < 0:
                    length = start - end
                    candidates.append((length, length, start, rank, end, concept))
                else:
                    first, last = self._mention(words, start, end, phrase)
                    candidates.append((first - last, start - end, first, rank, last, concept))
        if blocks:
            candidates = [
                c
                for c in candidates
                if not any(s <= c[2] and c[4] <= e and i == c[5] for s, e, i in blocks)
            ]
        if len(candidates) > 1:
            candidates.sort()
        return select(candidates)

    def _mention(self, words: Sequence[str], start: int, end: int, phrase: int) -> tuple[int, int]:
        tokens = tuple(words[start:end])
        span = self._mentions.get((phrase, tokens))
        if span is None:
            nodes = self._bracketed[phrase].nodes
            span = next(
                (first, last)
                for stop, first, last in _ways(nodes, tokens, 0, self._stops)
                if stop == len(tokens)
            )
            if len(self._mentions) >= MAX_EDGES:
                self._mentions.clear()
            self._mentions[phrase, tokens] = span
        return start + span[0], start + span[1]

    def _add(self, phrase: Phrase, concept: int, order: int, *, blocks: bool) -> None:
        number = -1
        if phrase.bracketed:
            number = len(self._bracketed)
            self._bracketed.append(phrase)
        accept = _Accept(concept, phrase.slack * 1_000_000 + order, number, blocks)
        self._automaton.add(phrase.nodes, accept)


def _ways(
    nodes: Sequence_, words: Sequence[str], at: int, stops: frozenset[str]
) -> Iterator[tuple[int, int, int]]:
    """Yield every way in which `nodes` match from token `at`, in the order of `to_regex`.

    Each is ``(end, where the mention starts, where it ends)``; the latter two are -1 where the
    nodes hold no bracket. Compiling the expression of `to_regex` would cost far more than the
    few tokens that are walked here.
    """
    if not nodes:
        yield at, -1, -1
        return
    node, rest = nodes[0], nodes[1:]
    if isinstance(node, Words):
        if at < len(words) and (
            words[at] in node.keys
            or any(key[-1] == "*" and words[at].startswith(key[:-1]) for key in node.keys)
        ):
            yield from _ways(rest, words, at + 1, stops)
    elif isinstance(node, Bracket):
        for end, first, last in _ways(rest, words, at, stops):
            yield (end, at, last) if node.opens else (end, first, at)
    elif isinstance(node, Gap):
        for taken in range(node.longest + 1):
            yield from _ways(rest, words, at + taken, stops)
            if at + taken >= len(words) or words[at + taken] in stops:
                break
    else:
        options = node.sequences if isinstance(node, Choice) else (node.sequence, ())
        for option in options:
            yield from _ways(option + rest, words, at, stops)


def select(candidates: Iterable[tuple[int, int, int, int, int, int]]) -> list[Match]:
    """Keep the best candidates that do not overlap, and return them by start.

    Parameters
    ----------
    candidates
        In order of preference: ``(-mention length, -length with context, start, rank, end,
        concept)``.
    """
    chosen: list[Match] = []
    for _, _, start, _, end, concept in candidates:
        for other in chosen:
            if start < other[1] and other[0] < end:
                break
        else:
            chosen.append(Match(start, end, concept))
    chosen.sort()
    return chosen


def join(words: Iterable[str]) -> str:
    """Join tokens for the expressions of `to_regex`: a separator behind each."""
    return "".join(
        (word.replace(SEPARATOR, " ") if SEPARATOR in word else word) + SEPARATOR for word in words
    )


def to_regex(phrase: Phrase, stops: frozenset[str]) -> re.Pattern[str]:
    """Write a phrase as an expression over `join`-ed tokens, with a group ``mention``."""
    stop = "|".join(re.escape(word) for word in sorted(stops))
    gap_token = f"(?!(?:{stop}){SEPARATOR})[^{SEPARATOR}]*{SEPARATOR}"

    def write(nodes: Sequence_) -> str:
        parts = []
        for node in nodes:
            if isinstance(node, Words):
                keys = (
                    re.escape(key[:-1]) + f"[^{SEPARATOR}]*" if key[-1] == "*" else re.escape(key)
                    for key in node.keys
                )
                parts.append(f"(?:{'|'.join(keys)}){SEPARATOR}")
            elif isinstance(node, Gap):
                parts.append(f"(?:{gap_token}){{0,{node.longest}}}?")
            elif isinstance(node, Choice):
                parts.append(f"(?:{'|'.join(write(s) for s in node.sequences)})")
            elif isinstance(node, Maybe):
                parts.append(f"(?:{write(node.sequence)})?")
            else:
                parts.append("(?P<mention>" if node.opens else ")")
        return "".join(parts)

    body = write(phrase.nodes)
    return re.compile(body if phrase.bracketed else f"(?P<mention>{body})")
