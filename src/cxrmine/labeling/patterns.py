"""The notation of the dependency patterns in ``rules/*.yaml``, and how they are matched.

A pattern is a walk that starts at the mention (see ``rules/README.md``):

====================  ====================================================================
``>rel``              go down to a dependent by relation ``rel``
``<rel``              go up to the head by relation ``rel``
``rel``               ``nmod`` matches ``nmod`` and ``nmod:of``; ``nmod:of`` itself only;
                      ``a|b`` either; ``_`` any
``<rel*``             the step any number of times, none included
``{no|neither}``      the node's lemma or word is one of these; a name in capitals is a list
                      of the rule files (``{SEEN}``); ``{_}`` any word
``@{…}``              the same, and the node is (part of) the cue
``[>rel {…}]``        the node also has this branch; ``[!>rel {…}]`` it has not
====================  ====================================================================

Words are compared with a token's lower-cased form and with its lemma. Matching walks from the
mention and never scans the graph.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from cxrmine.labeling.graph import SentenceGraph


class PatternError(ValueError):
    """A pattern that cannot be read; says where and what was expected."""


@dataclass(frozen=True, slots=True)
class Branch:
    """A condition on a node: some (or, negated, no) path of steps leads on from it."""

    steps: tuple[Step, ...]
    negated: bool


@dataclass(frozen=True, slots=True)
class Step:
    """One arrow: direction, relations, repetition, and the test of the node it leads to."""

    up: bool
    relations: tuple[str, ...]
    repeat: bool
    words: frozenset[str] | None
    is_cue: bool
    branches: tuple[Branch, ...]


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled pattern: conditions on the mention itself, then the steps."""

    source: str
    start: tuple[Branch, ...]
    steps: tuple[Step, ...]

    def cue_words(self) -> frozenset[str]:
        """Return the words of one of its cue nodes: without one of them it cannot match."""
        return _first_cue(self.steps) or _first_branch_cue(self.start)

    def required_words(self) -> tuple[frozenset[str], ...]:
        """Return sets of words of each of which the sentence must hold one for a match.

        They come from collapsed prepositions (``obl:of|obl:from``) and from tests for function
        words (``[>det {no}]``), whose few other forms are known. A sentence without them need
        not be parsed for this pattern.
        """
        found: list[frozenset[str]] = []
        _collect_required(self.steps, found)
        for branch in self.start:
            if not branch.negated:
                _collect_required(branch.steps, found)
        return tuple(found)


# Words without inflection, so that a test for them is a test of the sentence's own words …
FUNCTION_WORDS = frozenset(
    """no not n't never neither nor without w/o cannot can could may might must should will would
    if unless whether lest of for from to with in or and versus vs out longer new likely unlikely
    """.split()
)
# … but for these contracted forms, whose lemma the test would match.
_OTHER_FORMS = {
    "not": ("n't", "n’t"),
    "n't": ("n’t",),
    "can": ("ca",),
    "will": ("wo", "'ll"),
    "would": ("'d",),
}
# What the graph calls "or" (`SentenceGraph`), beside the word itself.
_OR = ("or", "/", "and/or")
# Subtypes that Universal Dependencies gives a relation itself; every other one is a word of the
# sentence: the collapsed preposition, marker or conjunction.
_UD_SUBTYPES = frozenset(
    "poss tmod npmod relcl agent unmarked desc arg lmod outer pass cleft".split()
)
_COLLAPSED = frozenset({"obl", "nmod", "acl", "advcl", "conj"})

# https://universaldependencies.org/u/dep/: a name that is none of these can never match.
UD_RELATIONS = frozenset(
    """acl advcl advmod amod appos aux case cc ccomp clf compound conj cop csubj dep det discourse
    dislocated expl fixed flat goeswith iobj list mark nmod nsubj nummod obj obl orphan parataxis
    punct reparandum root vocative xcomp""".split()
)


def _collect_required(steps: tuple[Step, ...], found: list[frozenset[str]]) -> None:
    for step in steps:
        if step.repeat:
            continue
        words: set[str] = set()
        for relation in step.relations:
            base, _, subtype = relation.partition(":")
            if base not in _COLLAPSED or not subtype or subtype in _UD_SUBTYPES:
                break
            if base == "conj" and subtype == "or":
                words.update(_OR)
            else:
                words.add(subtype.partition("_")[0])
        else:
            found.append(frozenset(words))
        if step.words is not None and step.words <= FUNCTION_WORDS:
            other = (form for word in step.words for form in _OTHER_FORMS.get(word, ()))
            found.append(step.words.union(other))
        for branch in step.branches:
            if not branch.negated:
                _collect_required(branch.steps, found)


def _first_cue(steps: tuple[Step, ...]) -> frozenset[str]:
    # A step that may be left out is not needed for a match, nor is what hangs on it.
    needed = [step for step in steps if not step.repeat]
    for step in needed:
        if step.is_cue and step.words is not None:
            return step.words
    for step in needed:
        if words := _first_branch_cue(step.branches):
            return words
    return frozenset()


def _first_branch_cue(branches: tuple[Branch, ...]) -> frozenset[str]:
    for branch in branches:
        if not branch.negated and (words := _first_cue(branch.steps)):
            return words
    return frozenset()


_TOKEN = re.compile(r"\s*(?:(\[!?)|(\])|([<>])|(@?)\{([^}]*)\}|([^\s\[\]<>{}@]+))")


_EXPECTED = {
    "name": "a relation such as det or nmod:of",
    "close": "']'",
}


class _Reader:
    def __init__(self, source: str, lists: Mapping[str, frozenset[str]]) -> None:
        self.source = source
        self.lists = lists
        self.tokens: list[tuple[str, str]] = []
        at = 0
        text = source.rstrip()
        while at < len(text):
            m = _TOKEN.match(text, at)
            if m is None:
                raise PatternError(
                    f"pattern {source!r}: cannot read {text[at:].lstrip()!r}: words stand in "
                    "{…}, a cue's in @{…}"
                )
            if m[1]:
                self.tokens.append(("open", m[1]))
            elif m[2]:
                self.tokens.append(("close", "]"))
            elif m[3]:
                self.tokens.append(("arrow", m[3]))
            elif m[5] is not None:
                self.tokens.append(("cue" if m[4] else "words", m[5]))
            else:
                self.tokens.append(("name", m[6]))
            at = m.end()
        self.at = 0

    def peek(self) -> str:
        return self.tokens[self.at][0] if self.at < len(self.tokens) else "end"

    def next(self, kind: str) -> str:
        if self.peek() != kind:
            found = self.tokens[self.at][1] if self.at < len(self.tokens) else "the end"
            raise PatternError(
                f"pattern {self.source!r}: expected {_EXPECTED[kind]}, found {found!r}"
            )
        value = self.tokens[self.at][1]
        self.at += 1
        return value

    def words(self, text: str) -> frozenset[str] | None:
        parts = [part.strip() for part in text.split("|")]
        if "_" in parts:
            return None
        found: set[str] = set()
        for word in parts:
            if not word:
                raise PatternError(
                    f"pattern {self.source!r}: {{{text}}} holds an empty word; write {{_}} for any"
                )
            if word.isupper():
                if word not in self.lists:
                    raise PatternError(
                        f"pattern {self.source!r}: no list {word!r}; lists are "
                        f"{', '.join(sorted(self.lists)) or '(none)'}"
                    )
                found |= self.lists[word]
            else:
                found.add(word.lower())
        return frozenset(found)

    def relations(self, text: str) -> tuple[str, ...]:
        relations = tuple(text.split("|"))
        for relation in relations:
            base = relation.partition(":")[0]
            if relation != "_" and base not in UD_RELATIONS:
                raise PatternError(
                    f"pattern {self.source!r}: {relation!r} is no relation of Universal "
                    f"Dependencies v2; they are {', '.join(sorted(UD_RELATIONS))}, and _ for any"
                )
        return relations

    def branches(self) -> tuple[Branch, ...]:
        found: list[Branch] = []
        while self.peek() == "open":
            negated = self.next("open") == "[!"
            at = self.at
            steps = self.steps()
            if negated and any(kind == "cue" for kind, _ in self.tokens[at : self.at]):
                raise PatternError(
                    f"pattern {self.source!r}: a cue @{{…}} cannot stand in [!…], where there "
                    "must be none"
                )
            self.next("close")
            found.append(Branch(steps, negated))
        return tuple(found)

    def steps(self) -> tuple[Step, ...]:
        found: list[Step] = []
        while self.peek() == "arrow":
            up = self.next("arrow") == "<"
            name = self.next("name")
            repeat = name.endswith("*")
            relations = self.relations(name.removesuffix("*"))
            words: frozenset[str] | None = None
            is_cue = False
            if self.peek() in ("words", "cue"):
                is_cue = self.peek() == "cue"
                words = self.words(self.next(self.peek()))
            found.append(Step(up, relations, repeat, words, is_cue, self.branches()))
        if not found:
            raise PatternError(f"pattern {self.source!r}: expected a step such as >det or <obj")
        return tuple(found)


def compile_pattern(source: str, lists: Mapping[str, frozenset[str]] | None = None) -> Pattern:
    """Compile `source`; `lists` holds the word lists that it may name.

    Raises
    ------
    PatternError
        If the pattern is not in the notation above.
    """
    reader = _Reader(source, lists or {})
    if reader.peek() != "name" or reader.next("name") != "mention":
        raise PatternError(f"pattern {source!r}: must begin with 'mention'")
    start = reader.branches()
    steps = () if reader.peek() == "end" else reader.steps()
    if reader.peek() != "end":
        raise PatternError(f"pattern {source!r}: unexpected {reader.tokens[reader.at][1]!r}")
    if not steps and not start:
        raise PatternError(f"pattern {source!r}: nothing follows 'mention'")
    return Pattern(source, start, steps)


@lru_cache(maxsize=4096)
def _relation_matches(relations: tuple[str, ...], rel: str) -> bool:
    return any(
        r == "_" or rel == r or (rel.startswith(r) and rel[len(r) : len(r) + 1] == ":")
        for r in relations
    )


Lemma = Callable[[int], str]


def match(pattern: Pattern, graph: SentenceGraph, node: int, lemma: Lemma) -> list[int] | None:
    """Return the cue tokens (ascending) if `pattern` matches from token `node`, else None."""
    cues: list[int] = []
    for branch in pattern.start:
        found = _walk(branch.steps, 0, graph, node, lemma, frozenset({node}))
        if (found is None) != branch.negated:
            return None
        if found:
            cues += found
    if pattern.steps:
        found = _walk(pattern.steps, 0, graph, node, lemma, frozenset({node}))
        if found is None:
            return None
        cues += found
    return sorted(set(cues))


def _walk(
    steps: tuple[Step, ...],
    at: int,
    graph: SentenceGraph,
    node: int,
    lemma: Lemma,
    seen: frozenset[int],
) -> list[int] | None:
    if at == len(steps):
        return []
    step = steps[at]
    if step.repeat:  # none at all comes first: the shortest walk is the safest
        found = _walk(steps, at + 1, graph, node, lemma, seen)
        if found is not None:
            return found
    for rel, other in graph.up[node] if step.up else graph.down[node]:
        if other in seen or not _relation_matches(step.relations, rel):
            continue
        if step.words is not None and not (
            graph.words[other] in step.words or lemma(other) in step.words
        ):
            continue
        extra = _branches_hold(step.branches, graph, other, lemma)
        if extra is None:
            continue
        rest = _walk(steps, at if step.repeat else at + 1, graph, other, lemma, seen | {other})
        if rest is not None:
            return [*([other] if step.is_cue else []), *extra, *rest]
    return None


def _branches_hold(
    branches: tuple[Branch, ...], graph: SentenceGraph, node: int, lemma: Lemma
) -> list[int] | None:
    cues: list[int] = []
    for branch in branches:
        found = _walk(branch.steps, 0, graph, node, lemma, frozenset({node}))
        if (found is None) != branch.negated:
            return None
        if found:
            cues += found
    return cues
