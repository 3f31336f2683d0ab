"""Phrases as an automaton over tokens, made deterministic lazily, a state at a time.

Phrases (`cxrmine.labeling.phrases`) are compiled into one nondeterministic automaton; a
deterministic state is made when a sentence first reaches it (Aho, Sethi and Ullman, *Compilers*,
1986, section 3.7). A state is a dict from a token's text to the next state, so that a step of
the inner loop is one dict lookup, whatever wildcards, sets and gaps stand behind it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Generic, TypeVar

from cxrmine.labeling.phrases import Bracket, Choice, Maybe, Sequence_, Words

# Bounds that keep memory flat over millions of reports; far above what a corpus needs.
MAX_EDGES = 50_000
MAX_STATES = 50_000
_MANY_ARCS = 32

Value = TypeVar("Value")
_Arc = tuple["tuple[str, ...] | frozenset[str]", int]
# (states, identity of the node behind them) → the states that it leads to.
_Threads = dict[tuple[frozenset[int], int], frozenset[int]]


class State(dict[str, "State[Value] | None"], Generic[Value]):
    """A deterministic state: token text → next state, or None where no phrase goes on.

    ``accepts`` holds the values of the phrases that end here, in the order of adding, or None.
    Behind it stand ``members``, states of the nondeterministic automaton: where they lead stands
    in ``arcs`` and, for any token that is no gap stop, in ``gaps`` (both gathered when first
    needed). Many arcs are indexed by key; for a few that would cost more than it saves.
    """

    __slots__ = ("accepts", "arcs", "automaton", "gaps", "indexed", "members")

    def __init__(self, automaton: Automaton[Value], members: frozenset[int]) -> None:
        super().__init__()
        self.automaton = automaton
        self.members = members
        self.accepts: tuple[Value, ...] | None = None
        accepting = members & automaton._ends.keys()
        if accepting:
            ends = {end for member in accepting for end in automaton._ends[member]}
            self.accepts = tuple([automaton._values[end] for end in sorted(ends)])
        self.arcs: list[_Arc] | None = None
        self.indexed: dict[str, list[int]] | None = None
        self.gaps: Sequence[int] = ()

    def __missing__(self, word: str) -> State[Value] | None:
        automaton = self.automaton
        arcs = self.arcs if self.arcs is not None else self._gather()
        keys = automaton.keys_of(word)
        state = None
        targets = [] if word in automaton.stops else list(self.gaps)
        if self.indexed is not None:
            for key in keys:
                targets += self.indexed.get(key, ())
        else:
            for key in keys:
                targets += [target for arc, target in arcs if key in arc]
        if targets:
            state = automaton._state(frozenset(targets))
        if len(self) >= MAX_EDGES:
            self.clear()
        self[word] = state
        return state

    def _gather(self) -> list[_Arc]:
        automaton = self.automaton
        if len(self.members) == 1:
            (member,) = self.members
            arcs = automaton._arcs[member]
            self.gaps = automaton._gaps.get(member, ())
        else:
            arcs = [arc for member in self.members for arc in automaton._arcs[member]]
            if automaton._gaps:
                gaps = automaton._gaps
                self.gaps = [target for m in self.members if m in gaps for target in gaps[m]]
        self.arcs = arcs
        if len(arcs) > _MANY_ARCS:
            self.indexed = {}
            for keys, target in arcs:
                for key in keys:
                    self.indexed.setdefault(key, []).append(target)
        return arcs


class Kinds(dict[str, str], Generic[Value]):
    """Token → the token that stands for all that no phrase can tell from it.

    Most words of a report stand in no phrase and are all alike to the automaton, which so has a
    fraction of the steps to learn.
    """

    def __init__(self, automaton: Automaton[Value]) -> None:
        super().__init__()
        self._automaton = automaton
        self._first: dict[tuple[tuple[str, ...], bool], str] = {}

    def __missing__(self, word: str) -> str:
        automaton = self._automaton
        signature = (automaton.keys_of(word), word in automaton.stops)
        if len(self) >= MAX_EDGES:
            self.clear()
        self[word] = kind = self._first.setdefault(signature, word)
        return kind


class Automaton(Generic[Value]):
    """Phrases with a value each: `add` them, call `ready`, then walk from `root`.

    Parameters
    ----------
    stops
        Tokens that a gap never takes.

    Attributes
    ----------
    root : State
        Where every walk begins.
    kinds : Kinds
        Walk with ``kinds[token]`` in place of the token: it leads the same way.
    """

    def __init__(self, stops: frozenset[str] = frozenset()) -> None:
        self.stops = stops
        # The nondeterministic automaton, by state: (keys, target), targets of a gap, ends.
        self._arcs: list[list[_Arc]] = [[]]
        self._gaps: dict[int, list[int]] = {}
        self._ends: dict[int, list[int]] = {}
        self._values: list[Value] = []
        self._words: set[str] = set()
        # Nodes are told apart by identity, so they must outlive the compiling.
        self._threads: _Threads = {}
        self._alive: list[Sequence_] = []

    def add(self, nodes: Sequence_, value: Value) -> None:
        """Add a parsed phrase (`Phrase.nodes`)."""
        self._values.append(value)
        self._alive.append(nodes)
        for state in self._thread(nodes, frozenset((0,))):
            self._ends.setdefault(state, []).append(len(self._values) - 1)

    def ready(self) -> None:
        """Prepare for walking."""
        self._threads.clear()
        self._alive.clear()
        self._prefixes = frozenset(key[:-1] for key in self._words if key[-1] == "*")
        self._lengths = sorted({len(prefix) for prefix in self._prefixes})
        self._forget()

    def first_words(self) -> frozenset[str]:
        """Return the keys with which a phrase can begin."""
        return frozenset(key for keys, _ in self._arcs[0] for key in keys)

    def keys_of(self, word: str) -> tuple[str, ...]:
        """Return the keys that a token answers to: itself, and the wildcards it begins with."""
        keys = self._keys.get(word)
        if keys is None:
            found = [word] if word in self._words else []
            for length in self._lengths:
                if length > len(word):
                    break
                if word[:length] in self._prefixes:
                    found.append(word[:length] + "*")
            if len(self._keys) >= MAX_EDGES:
                self._keys.clear()
            keys = self._keys[word] = tuple(found)
        return keys

    def _thread(self, nodes: Sequence_, sources: frozenset[int]) -> frozenset[int]:
        """Append `nodes` to the automaton behind `sources`; return the states at their end.

        Phrases that begin alike share their states: the same node behind the same states
        leads to the same states. The phrase parser gives equal nodes one identity.
        """
        arcs = self._arcs
        for node in nodes:
            if isinstance(node, Bracket):
                continue
            place = (sources, id(node))
            known = self._threads.get(place)
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
                    known = sources | self._thread(node.sequence, sources)
                elif isinstance(node, Choice):
                    ends = [self._thread(s, sources) for s in node.sequences]
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
                self._threads[place] = known
            sources = known
        return sources

    def _forget(self) -> None:
        self._states: dict[frozenset[int], State[Value]] = {}
        self._keys: dict[str, tuple[str, ...]] = {}
        self.kinds: Kinds[Value] = Kinds(self)
        self.root = self._state(frozenset((0,)))

    def _state(self, members: frozenset[int]) -> State[Value]:
        state = self._states.get(members)
        if state is None:
            if len(self._states) >= MAX_STATES:
                self._forget()
            state = self._states[members] = State(self, members)
        return state
