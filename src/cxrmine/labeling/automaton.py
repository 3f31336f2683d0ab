"""An automaton over tokens, made deterministic lazily, a state at a time.

Phrases (`cxrmine.labeling.phrases`) are compiled into one nondeterministic automaton; a
deterministic state is made when a sentence first reaches it (Aho, Sethi and Ullman, *Compilers*,
1986, section 3.7). A state is a dict from a token's text to the next state, so that a step of
the inner loop is one dict lookup, whatever wildcards, sets and gaps stand behind it.
"""

from __future__ import annotations

from typing import Generic, TypeVar

from cxrmine.labeling.phrases import Bracket, Choice, Gap, Maybe, Sequence_, Words

# Bounds that keep memory flat over millions of reports; far above what a corpus needs.
_MAX_EDGES = 50_000
_MAX_STATES = 50_000

Value = TypeVar("Value")


class State(dict[str, "State[Value] | None"], Generic[Value]):
    """A deterministic state: token text → next state, or None where no phrase goes on.

    ``accepts`` holds the values of the phrases that end here, in the order of adding, or None.
    """

    __slots__ = ("_automaton", "_members", "accepts")

    def __init__(
        self,
        automaton: Automaton[Value],
        members: frozenset[int],
        accepts: tuple[Value, ...] | None,
    ) -> None:
        super().__init__()
        self._automaton = automaton
        self._members = members
        self.accepts = accepts

    def __missing__(self, word: str) -> State[Value] | None:
        target = self._automaton._step(self._members, word)
        if len(self) >= _MAX_EDGES:
            self.clear()
        self[word] = target
        return target


class Automaton(Generic[Value]):
    """Phrases with a value each.

    Parameters
    ----------
    stops
        Tokens that a gap never takes.
    """

    def __init__(self, stops: frozenset[str] = frozenset()) -> None:
        self._stops = stops
        self._edges: list[dict[str, list[int]]] = [{}]
        self._gaps: list[list[int]] = [[]]
        self._ends: list[list[int]] = [[]]
        self._values: list[Value] = []
        self._states: dict[frozenset[int], State[Value]] = {}
        self.root: State[Value]

    def add(self, nodes: Sequence_, value: Value) -> None:
        """Add a parsed phrase; call `ready` after the last one."""
        self._values.append(value)
        for state in self._thread(nodes, {0}):
            self._ends[state].append(len(self._values) - 1)

    def ready(self) -> None:
        """Prepare for walking from `root`."""
        keys = {key for edges in self._edges for key in edges}
        self._words = frozenset(key for key in keys if not key.endswith("*"))
        self._prefixes = frozenset(key[:-1] for key in keys if key.endswith("*"))
        self._gapped = any(self._gaps)
        self._lengths = sorted({len(prefix) for prefix in self._prefixes})
        self._forget()

    def first_words(self) -> frozenset[str]:
        """Return the words with which a phrase can begin (none of them a wildcard)."""
        return frozenset(self._edges[0])

    def _new(self) -> int:
        self._edges.append({})
        self._gaps.append([])
        self._ends.append([])
        return len(self._edges) - 1

    def _thread(self, nodes: Sequence_, sources: set[int]) -> set[int]:
        """Append `nodes` behind `sources`; return the states at their end."""
        for node in nodes:
            if isinstance(node, Words):
                target = self._new()
                for source in sources:
                    edges = self._edges[source]
                    for key in node.keys:
                        edges.setdefault(key, []).append(target)
                sources = {target}
            elif isinstance(node, Maybe):
                sources = sources | self._thread(node.sequence, sources)
            elif isinstance(node, Choice):
                sources = set().union(*(self._thread(s, sources) for s in node.sequences))
            elif isinstance(node, Gap):
                last = sources
                reached = set(sources)
                for _ in range(node.longest):
                    target = self._new()
                    for source in last:
                        self._gaps[source].append(target)
                    last = {target}
                    reached.add(target)
                sources = reached
            else:
                assert isinstance(node, Bracket)
        return sources

    def _forget(self) -> None:
        self._states = {}
        self.root = self._state(frozenset({0}))

    def _state(self, members: frozenset[int]) -> State[Value]:
        state = self._states.get(members)
        if state is None:
            ends = sorted({end for member in members for end in self._ends[member]})
            accepts = tuple(self._values[end] for end in ends) or None
            state = self._states[members] = State(self, members, accepts)
        return state

    def _step(self, members: frozenset[int], word: str) -> State[Value] | None:
        known = word in self._words
        if not known and not self._lengths and not self._gapped:
            return None
        keys = [word] if known else []
        for length in self._lengths:
            if length > len(word):
                break
            if word[:length] in self._prefixes:
                keys.append(word[:length] + "*")
        passes = word not in self._stops
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
