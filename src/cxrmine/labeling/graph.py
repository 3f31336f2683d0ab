"""The dependency graph of a sentence: prepositions collapsed, conjuncts propagated.

The parser gives a Universal Dependencies v2 tree. Rules read a graph made from it, close to
what Stanford's converter calls *CCprocessed* and to UD's enhanced dependencies:

* **collapsed prepositions**: ``nmod`` and ``obl`` carry their preposition (``nmod:of``,
  ``obl:without``), ``conj`` its conjunction (``conj:or``), ``acl``/``advcl`` their marker;
* **propagated conjuncts**: what governs the first member of a list governs every member, and a
  negative determiner or preposition of the first holds for all. "Clear of A, B, or C" is one
  rule and three negations.

Negation does not cross a contrast ("no A but B"), nor into a conjunct that brings a determiner
or an adjective of its own that asserts it ("no A, small B").
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import networkx

NEGATIVE_DETERMINERS = frozenset({"no", "neither", "nor", "without", "w/o"})
_CONTRAST = frozenset({"but", "yet", "however", "although", "except", "though", "plus"})
_ALTERNATIVE = frozenset({"or", "nor"})

# Adjectives with which a report asserts that a thing is there: they end an elliptic negation
# unless "or"/"nor" carries it on ("no effusion, stable cardiomegaly").
ASSERTING = frozenset(
    """small tiny mild moderate severe minimal slight trace stable unchanged persistent persisting
    increased increasing decreased decreasing improved improving worsened worsening new bilateral
    extensive large marked mildly moderately severely slightly minimally stably again residual
    chronic continued interval occasional rare some patchy scattered redemonstrated subtle left right calcified
    tortuous low borderline probable possible likely old remote healed normal there
    clear post status bibasilar biapical multiple several few otherwise a an one two three four five now""".split()
)

Edge = tuple[str, int]


class SentenceGraph:
    """The graph of one sentence of *n* tokens.

    Parameters
    ----------
    words
        The tokens, lower case.
    heads
        For each token the index of its head; the root's head is itself (or negative).
    deps
        For each token its Universal Dependencies v2 relation.
    pos
        For each token its universal part of speech (may be empty strings).

    Attributes
    ----------
    up, down
        For each token the list of ``(relation, token)`` above and below it, the collapsed and
        propagated edges included.
    """

    __slots__ = ("deps", "down", "heads", "pos", "up", "words")

    def __init__(
        self,
        words: Sequence[str],
        heads: Sequence[int],
        deps: Sequence[str],
        pos: Sequence[str] = (),
    ) -> None:
        n = len(words)
        self.words = words
        self.heads = [h if 0 <= h < n else i for i, h in enumerate(heads)]
        self.deps = [d.lower() for d in deps]
        self.pos = pos if len(pos) == n else [""] * n
        self.up: list[list[Edge]] = [[] for _ in range(n)]
        self.down: list[list[Edge]] = [[] for _ in range(n)]
        self._collapse()
        self._propagate()

    def _collapse(self) -> None:
        words, heads, deps = self.words, self.heads, self.deps
        n = len(words)
        marker: dict[int, str] = {}
        fixed: dict[int, list[int]] = {}
        for i in range(n):
            if deps[i] == "fixed":
                fixed.setdefault(heads[i], []).append(i)
        for i in range(n):
            d = deps[i]
            if d in ("case", "mark") and heads[i] != i:
                text = "_".join([words[i], *(words[j] for j in fixed.get(i, ()))])
                # Of several prepositions ("from within the …") the last says the relation;
                # of a preposition and a clause marker the preposition.
                if d == "case" or heads[i] not in marker:
                    marker[heads[i]] = text
        cc_of: dict[int, str] = {
            heads[i]: "or" if words[i] in ("and/or", "/") else words[i]
            for i in range(n)
            if deps[i] == "cc" and heads[i] != i
        }
        for i in range(n):
            h = heads[i]
            if h == i:
                continue
            d = deps[i]
            base = d.split(":", 1)[0]
            if base in ("nmod", "obl", "acl", "advcl"):
                m = marker.get(i)
                if m is not None and ":" not in d:
                    d = f"{d}:{m}"
            elif base == "conj":
                c = cc_of.get(i)
                if c is not None:
                    d = f"conj:{c}"
            self._add(d, h, i)

    def _add(self, rel: str, head: int, child: int) -> None:
        edge = (rel, head)
        if edge not in self.up[child]:
            self.up[child].append(edge)
            self.down[head].append((rel, child))

    def _propagate(self) -> None:
        n = len(self.words)
        for i in range(n):
            if not self.deps[i].startswith("conj"):
                continue
            first = self.heads[i]
            if first == i:
                continue
            link = next((r for r, h in self.up[i] if h == first and r.startswith("conj")), "conj")
            # What governs the first conjunct governs this one (heads are visited left to right,
            # so a chain A → B → C passes on what A has).
            for rel, head in list(self.up[first]):
                if not rel.startswith("conj") and head != i:
                    self._add(rel, head, i)
            self._share_negation(first, i, link)

    def _share_negation(self, first: int, i: int, link: str) -> None:
        alternative = link.partition(":")[2] in _ALTERNATIVE
        carried = [
            (rel, c)
            for rel, c in self.down[first]
            if rel.split(":", 1)[0] in ("det", "case", "advmod", "cc", "mark")
            and c < i
            and (
                self.words[c] in NEGATIVE_DETERMINERS
                or (alternative and self.words[c] in ("not", "n't", "never"))
            )
        ]
        if not carried:
            return
        own = any(rel in ("det", "case") and child > first for rel, child in self.down[i])
        if (own and not alternative) or self._contrasts(first, i, link):
            return
        for rel, c in carried:
            self._add(rel, i, c)

    def _contrasts(self, first: int, i: int, link: str) -> bool:
        """Whether the list's negation stops before conjunct `i`."""
        conjunction = link.partition(":")[2]
        if conjunction in _CONTRAST:
            return True
        if conjunction in _ALTERNATIVE:
            return False
        # A list closed by "or"/"nor" further on is one list: "no A, small B, or C".
        if conjunction == "" and any(
            r.partition(":")[2] in _ALTERNATIVE
            for r, c in self.down[first]
            if r.startswith("conj") and c > i
        ):
            return False
        left = min([i, *(c for _, c in self.down[i] if first < c < i)])
        return any(w in ASSERTING for w in self.words[left:i])

    def to_networkx(self) -> networkx.MultiDiGraph:
        """Return the graph as a networkx ``MultiDiGraph`` (edges head → dependent, ``rel``)."""
        import networkx

        graph = networkx.MultiDiGraph()
        for i, word in enumerate(self.words):
            graph.add_node(i, word=word, pos=self.pos[i])
        for child, edges in enumerate(self.up):
            for rel, head in edges:
                graph.add_edge(head, child, rel=rel)
        return graph
