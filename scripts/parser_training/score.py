"""Scores of a parser against gold trees: attachment, and the arcs that negation rules walk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scripts.parser_training.trees import Tree

#: Words from which a negation or its opposite starts.
CUES = frozenset(
    """no not n't never without w/o negative free clear evidence absence absent denies denied deny
    nor neither cannot exclude excluded ruled rule unlikely resolved resolution lack lacks fails
    failed longer""".split()
)
_PATH_LABELS = frozenset({"conj", "case", "cc", "det", "appos"})


@dataclass(frozen=True)
class Scores:
    """Shares in percent; punctuation counts in neither, as in spaCy's scorer."""

    tokens: int
    uas: float
    las: float
    pos: float
    rule_arcs: int
    rule_uas: float
    rule_las: float


def is_rule_arc(tree: Tree, i: int) -> bool:
    """Whether a rule for status may walk the arc above word `i`.

    It starts or ends at a cue, joins conjuncts, or says which preposition or determiner a
    finding has.
    """
    if tree.deps[i] in _PATH_LABELS:
        return True
    head = tree.heads[i]
    if tree.words[i].lower() in CUES:
        return True
    return head >= 0 and tree.words[head].lower() in CUES and tree.deps[i] != "punct"


def score(gold: Sequence[Tree], guess: Sequence[Tree]) -> Scores:
    """Return attachment scores of `guess` against `gold`, sentence by sentence.

    Raises
    ------
    ValueError
        If two sentences have different words.
    """
    tokens = heads = labels = tags = arcs = arc_heads = arc_labels = words = 0
    for g, p in zip(gold, guess, strict=True):
        if len(g) != len(p):
            raise ValueError(f"{len(p)} words parsed where the gold has {len(g)}: {g.words}")
        for i in range(len(g)):
            words += 1
            tags += g.pos[i] == p.pos[i]
            if g.deps[i] == "punct":
                continue
            same_head = g.heads[i] == p.heads[i]
            same = same_head and g.deps[i] == p.deps[i]
            tokens += 1
            heads += same_head
            labels += same
            if is_rule_arc(g, i):
                arcs += 1
                arc_heads += same_head
                arc_labels += same
    return Scores(
        tokens=tokens,
        uas=100 * heads / max(tokens, 1),
        las=100 * labels / max(tokens, 1),
        pos=100 * tags / max(words, 1),
        rule_arcs=arcs,
        rule_uas=100 * arc_heads / max(arcs, 1),
        rule_las=100 * arc_labels / max(arcs, 1),
    )
