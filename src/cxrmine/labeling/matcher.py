"""Find the concepts of a vocabulary in a tokenized sentence.

The phrases are compiled into one nondeterministic automaton over tokens, which is made
deterministic lazily, a state at a time, as sentences ask for it (Aho, Sethi and Ullman,
*Compilers*, 1986, section 3.7). A state is a dict from the token's text to the next state, so
that a step of the inner loop is one dict lookup, whatever wildcards, sets and gaps stand behind
it. `matcher_reference` says the same in the plainest way and is tested to agree.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from cxrmine.labeling.phrases import Bracket, Choice, Gap, Maybe, Phrase, Sequence_, Words
from cxrmine.labeling.vocabulary import Vocabulary

# Bounds that keep memory flat over millions of reports; far above what a corpus needs.
_MAX_EDGES = 50_000
_MAX_STATES = 50_000

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


class _State(dict[str, "_State | None"]):
    """A deterministic state: token text → next state, or None where no phrase goes on."""

    __slots__ = ("accepts", "matcher", "members")

    def __init__(
        self, matcher: Matcher, members: frozenset[int], accepts: tuple[_Accept, ...] | None
    ) -> None:
        super().__init__()
        self.matcher = matcher
        self.members = members
        self.accepts = accepts

    def __missing__(self, word: str) -> _State | None:
        target = self.matcher._step(self.members, word)
        if len(self) >= _MAX_EDGES:
            self.clear()
        self[word] = target
        return target


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
        self._edges: list[dict[str, list[int]]] = [{}]
        self._gaps: list[list[int]] = [[]]
        self._accepts: list[list[_Accept]] = [[]]
        self._bracketed: list[Phrase] = []
        self._threads: dict[tuple[frozenset[int], object], set[int]] = {}
        order = 0
        for index, concept in enumerate(vocabulary.concepts):
            for phrase in concept.parsed:
                self._add(phrase, index, order, blocks=False)
                order += 1
            for phrase in concept.parsed_not:
                self._add(phrase, index, order, blocks=True)
        self._threads.clear()
        keys = {key for edges in self._edges for key in edges}
        self._words = frozenset(key for key in keys if not key.endswith("*"))
        self._prefixes = frozenset(key[:-1] for key in keys if key.endswith("*"))
        self._lengths = sorted({len(prefix) for prefix in self._prefixes})
        self._forget()

    def match(self, words: Sequence[str]) -> list[Match]:
        """Return the mentions in one sentence, by start.

        Parameters
        ----------
        words
            The lower-cased tokens of the sentence (`cxrmine.language.tokens.tokenize`).
        """
        root = self._root
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

    def _mention(
        self, words: Sequence[str], start: int, end: int, phrase: int
    ) -> tuple[int, int]:
        tokens = words[start:end]
        for stop, first, last in _ways(self._bracketed[phrase].nodes, tokens, 0, self._stops):
            if stop == len(tokens):
                return start + first, start + last
        raise AssertionError("the automaton and the phrase disagree")  # pragma: no cover

    # -- compiling -------------------------------------------------------------------------

    def _add(self, phrase: Phrase, concept: int, order: int, *, blocks: bool) -> None:
        number = -1
        if phrase.bracketed:
            number = len(self._bracketed)
            self._bracketed.append(phrase)
        accept = _Accept(concept, phrase.slack * 1_000_000 + order, number, blocks)
        for state in self._thread(phrase.nodes, {0}):
            self._accepts[state].append(accept)

    def _new(self) -> int:
        self._edges.append({})
        self._gaps.append([])
        self._accepts.append([])
        return len(self._edges) - 1

    def _thread(self, nodes: Sequence_, sources: set[int]) -> set[int]:
        """Append `nodes` to the automaton behind `sources`; return the states at their end."""
        for node in nodes:
            if isinstance(node, Bracket):
                continue
            # Phrases that begin alike share their states: the same node behind the same
            # states leads to the same states. Words and gaps are told by value, groups by
            # identity, which the phrase parser makes the same thing.
            key = (
                frozenset(sources),
                node if isinstance(node, Words | Gap) else id(node),
            )
            known = self._threads.get(key)
            if known is not None:
                sources = known
                continue
            if isinstance(node, Words):
                target = self._new()
                for source in sources:
                    edges = self._edges[source]
                    for word in node.keys:
                        edges.setdefault(word, []).append(target)
                sources = {target}
            elif isinstance(node, Maybe):
                sources = sources | self._thread(node.sequence, sources)
            elif isinstance(node, Choice):
                sources = set().union(*(self._thread(s, sources) for s in node.sequences))
            else:
                last = sources
                reached = set(sources)
                for _ in range(node.longest):
                    target = self._new()
                    for source in last:
                        self._gaps[source].append(target)
                    last = {target}
                    reached.add(target)
                sources = reached
            self._threads[key] = sources
        return sources

    # -- the lazy deterministic automaton ---------------------------------------------------

    def _forget(self) -> None:
        self._keys: dict[str, list[str]] = {}
        self._gapped = frozenset(i for i, targets in enumerate(self._gaps) if targets)
        self._states: dict[frozenset[int], _State] = {}
        self._root = self._state(frozenset({0}))

    def _state(self, members: frozenset[int]) -> _State:
        state = self._states.get(members)
        if state is None:
            accepts = sorted({a for member in members for a in self._accepts[member]})
            state = self._states[members] = _State(self, members, tuple(accepts) or None)
        return state

    def _step(self, members: frozenset[int], word: str) -> _State | None:
        keys = self._keys.get(word)
        if keys is None:
            if len(self._keys) >= _MAX_EDGES:
                self._keys.clear()
            keys = [word] if word in self._words else []
            for length in self._lengths:
                if length > len(word):
                    break
                if word[:length] in self._prefixes:
                    keys.append(word[:length] + "*")
            self._keys[word] = keys
        passes = word not in self._stops and not self._gapped.isdisjoint(members)
        if not keys and not passes:
            return None
        targets: set[int] = set()
        for member in members:
            edges = self._edges[member]
            for key in keys:
                if key in edges:
                    targets.update(edges[key])
            if passes:
                targets.update(self._gaps[member])
        if not targets:
            return None
        if len(self._states) >= _MAX_STATES:
            self._forget()
        return self._state(frozenset(targets))


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
        if at < len(words) and any(
            words[at] == key or (key[-1] == "*" and words[at].startswith(key[:-1]))
            for key in node.keys
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
