"""Find the concepts of a vocabulary in a tokenized sentence.

The phrases are compiled into one nondeterministic automaton over tokens, which is made
deterministic lazily, a state at a time, as sentences ask for it (Aho, Sethi and Ullman,
*Compilers*, 1986, section 3.7). A state is a dict from the token's text to the next state, so
that a step of the inner loop is one dict lookup, whatever wildcards, sets and gaps stand behind
it. `matcher_reference` says the same in the plainest way and is tested to agree.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from cxrmine.labeling.phrases import Bracket, Choice, Gap, Maybe, Phrase, Sequence_, Words
from cxrmine.labeling.vocabulary import Vocabulary

# Bounds that keep memory flat over millions of reports; far above what a corpus needs.
_MAX_EDGES = 50_000
_MAX_STATES = 50_000

SEPARATOR = "\x1f"

_MANY_ARCS = 32

_Arc = tuple[Collection[str], int]
_Threads = dict[tuple[frozenset[int], int], frozenset[int]]


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
    """A deterministic state: token text → next state, or None where no phrase goes on.

    ``members`` are the states of the nondeterministic automaton that it stands for; what they
    accept stands in ``accepts``, where they lead in ``arcs`` and, for any token that is no gap
    stop, in ``gaps`` (both gathered when first needed). Many arcs are indexed by key; for a few
    that would cost more than it saves.
    """

    __slots__ = ("accepts", "arcs", "gaps", "indexed", "matcher", "members")

    def __init__(self, matcher: Matcher, members: frozenset[int]) -> None:
        super().__init__()
        self.matcher = matcher
        self.members = members
        accepts = {a for member in members for a in matcher._accepts.get(member, ())}
        self.accepts = tuple(sorted(accepts)) if accepts else None
        self.arcs: list[_Arc] | None = None
        self.indexed: dict[str, list[int]] | None = None
        self.gaps: list[int] = []

    def __missing__(self, word: str) -> _State | None:
        matcher = self.matcher
        if self.arcs is None:
            self._gather()
            assert self.arcs is not None
        targets = set() if word in matcher._stops else set(self.gaps)
        for key in matcher._keys_of(word):
            if self.indexed is not None:
                targets.update(self.indexed.get(key, ()))
            else:
                targets.update([target for keys, target in self.arcs if key in keys])
        state = matcher._state(frozenset(targets)) if targets else None
        if len(self) >= _MAX_EDGES:
            self.clear()
        self[word] = state
        return state

    def _gather(self) -> None:
        matcher = self.matcher
        self.arcs = [arc for member in self.members for arc in matcher._arcs[member]]
        for member in self.members:
            self.gaps += matcher._gaps.get(member, ())
        if len(self.arcs) > _MANY_ARCS:
            self.indexed = {}
            for keys, target in self.arcs:
                for key in keys:
                    self.indexed.setdefault(key, []).append(target)


class _Kinds(dict[str, str]):
    """Token → the token that stands for all that no phrase can tell from it.

    Most words of a report stand in no phrase and are all alike to the automaton, which so has a
    fraction of the states and steps to learn.
    """

    def __init__(self, matcher: Matcher) -> None:
        super().__init__()
        self._matcher = matcher
        self._first: dict[tuple[tuple[str, ...], bool], str] = {}

    def __missing__(self, word: str) -> str:
        matcher = self._matcher
        signature = (matcher._keys_of(word), word in matcher._stops)
        if len(self) >= _MAX_EDGES:
            self.clear()
        self[word] = kind = self._first.setdefault(signature, word)
        return kind


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
        # The nondeterministic automaton, by state: (keys, target), targets of a gap, accepts.
        self._arcs: list[list[_Arc]] = [[]]
        self._gaps: dict[int, list[int]] = {}
        self._accepts: dict[int, list[_Accept]] = {}
        self._bracketed: list[Phrase] = []
        self._words: set[str] = set()
        threads: _Threads = {}
        order = 0
        for index, concept in enumerate(vocabulary.concepts):
            for phrase in concept.parsed:
                self._add(phrase, index, order, threads, blocks=False)
                order += 1
            for phrase in concept.parsed_not:
                self._add(phrase, index, order, threads, blocks=True)
        self._prefixes = frozenset(key[:-1] for key in self._words if key[-1] == "*")
        self._lengths = sorted({len(prefix) for prefix in self._prefixes})
        self._forget()

    def match(self, words: Sequence[str]) -> list[Match]:
        """Return the mentions in one sentence, by start.

        Parameters
        ----------
        words
            The lower-cased tokens of the sentence (`cxrmine.language.tokens.tokenize`).
        """
        kind = self._kinds
        words = [kind[word] for word in words]
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
            if len(self._mentions) >= _MAX_EDGES:
                self._mentions.clear()
            self._mentions[phrase, tokens] = span
        return start + span[0], start + span[1]

    # -- compiling -------------------------------------------------------------------------

    def _add(
        self, phrase: Phrase, concept: int, order: int, threads: _Threads, *, blocks: bool
    ) -> None:
        number = -1
        if phrase.bracketed:
            number = len(self._bracketed)
            self._bracketed.append(phrase)
        accept = _Accept(concept, phrase.slack * 1_000_000 + order, number, blocks)
        for state in self._thread(phrase.nodes, frozenset((0,)), threads):
            self._accepts.setdefault(state, []).append(accept)

    def _thread(
        self, nodes: Sequence_, sources: frozenset[int], threads: _Threads
    ) -> frozenset[int]:
        """Append `nodes` to the automaton behind `sources`; return the states at their end.

        Phrases that begin alike share their states: the same node behind the same states
        leads to the same states (`threads`). The phrase parser gives equal nodes one identity.
        """
        arcs = self._arcs
        for node in nodes:
            if isinstance(node, Bracket):
                continue
            place = (sources, id(node))
            known = threads.get(place)
            if known is None:
                if isinstance(node, Words):
                    target = len(arcs)
                    arcs.append([])
                    self._words.update(node.keys)
                    keys = node.keys if len(node.keys) < 4 else frozenset(node.keys)
                    arc = (keys, target)
                    for source in sources:
                        arcs[source].append(arc)
                    known = frozenset((target,))
                elif isinstance(node, Maybe):
                    known = sources | self._thread(node.sequence, sources, threads)
                elif isinstance(node, Choice):
                    ends = [self._thread(s, sources, threads) for s in node.sequences]
                    known = frozenset().union(*ends)
                else:
                    last: Iterable[int] = sources
                    reached = set(sources)
                    for _ in range(node.longest):
                        target = len(arcs)
                        arcs.append([])
                        for source in last:
                            self._gaps.setdefault(source, []).append(target)
                        last = (target,)
                        reached.add(target)
                    known = frozenset(reached)
                threads[place] = known
            sources = known
        return sources

    # -- the lazy deterministic automaton ---------------------------------------------------

    def _forget(self) -> None:
        self._states: dict[frozenset[int], _State] = {}
        self._keys: dict[str, tuple[str, ...]] = {}
        self._kinds = _Kinds(self)
        self._mentions: dict[tuple[int, tuple[str, ...]], tuple[int, int]] = {}
        self._root = self._state(frozenset((0,)))

    def _state(self, members: frozenset[int]) -> _State:
        state = self._states.get(members)
        if state is None:
            if len(self._states) >= _MAX_STATES:
                self._forget()
            state = self._states[members] = _State(self, members)
        return state

    def _keys_of(self, word: str) -> tuple[str, ...]:
        """Return the keys that a token answers to: itself, and the wildcards it begins with."""
        keys = self._keys.get(word)
        if keys is None:
            found = [word] if word in self._words else []
            for length in self._lengths:
                if length > len(word):
                    break
                if word[:length] in self._prefixes:
                    found.append(word[:length] + "*")
            if len(self._keys) >= _MAX_EDGES:
                self._keys.clear()
            keys = self._keys[word] = tuple(found)
        return keys


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
