"""Cue phrases: words that say a finding is absent, doubtful, past … found in surface order."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Generic, TypeVar

from cxrmine.labeling.automaton import Automaton
from cxrmine.labeling.phrases import PhraseError, PhraseParser, Sequence_, Words
from cxrmine.language.tokens import TOKEN

Value = TypeVar("Value")


class Cues(Generic[Value]):
    """Finds cue phrases in a sentence's lower-cased words: the longest at each place.

    Phrases are in the notation of `cxrmine.labeling.phrases`, without gaps and brackets; a whole
    phrase in back ticks is taken word for word (`` `( - )` ``).
    """

    def __init__(self) -> None:
        self._automaton: Automaton[Value] = Automaton()

    def add(self, phrase: str, parser: PhraseParser, value: Value) -> None:
        """Add one phrase; call `ready` after the last one.

        Raises
        ------
        PhraseError
            If the phrase does not follow the notation.
        """
        if "`" in phrase:
            literal = re.fullmatch(r"`([^`]*[^`\s][^`]*)`", phrase)
            if literal is None:
                raise PhraseError(f"{phrase!r}: put back ticks around the whole phrase, as in `?`")
            # Tokens as a report's: "(-)" is three of them.
            words = TOKEN.findall(literal[1].lower())
            nodes: Sequence_ = tuple(Words((word,)) for word in words)
        else:
            nodes = parser.parse(phrase).nodes
        self._automaton.add(nodes, value)

    def ready(self) -> None:
        """Prepare for `find`."""
        self._automaton.ready()
        self._first = self._automaton.first_words()

    def opens(self, word: str) -> bool:
        """Return whether some phrase begins with `word`."""
        return word in self._first

    def find(
        self, words: Sequence[str], starts: Iterable[int] | None = None
    ) -> list[tuple[int, int, tuple[Value, ...]]]:
        """Return ``(start, end, values)`` from left to right; longer phrases hide shorter ones.

        `starts` are the only tokens where a phrase can begin, where the caller knows them.
        """
        root = self._automaton.root
        kinds = self._automaton.kinds
        count = len(words)
        hits: list[tuple[int, int, tuple[Value, ...]]] = []
        for start in range(count) if starts is None else starts:
            state = root[kinds[words[start]]]
            if state is None:
                continue
            best = None
            end = start + 1
            while True:
                if state.accepts is not None:
                    best = (start, end, state.accepts)
                if end == count:
                    break
                state = state[kinds[words[end]]]
                if state is None:
                    break
                end += 1
            if best is not None:
                hits.append(best)
        if len(hits) < 2:
            return hits
        # Of overlapping phrases the longer wins ("cannot be excluded" over "excluded").
        hits.sort(key=lambda hit: (hit[0] - hit[1], hit[0]))
        taken: set[int] = set()
        kept = []
        for hit in hits:
            tokens = range(hit[0], hit[1])
            if taken.isdisjoint(tokens):
                kept.append(hit)
                taken.update(tokens)
        kept.sort()
        return kept
