"""Treebanks as the parser wants them: UD v1 to v2 (GENIA), and the tokens of `cxrmine`."""

from __future__ import annotations

from dataclasses import replace

from scripts.parser_training.trees import (
    ROOT,
    Tree,
    children_of,
    is_tree,
    penn_to_universal,
    projective,
    regroup,
)

from cxrmine.language.tokens import tokenize

_RENAMED = {
    "dobj": "obj",
    "nsubjpass": "nsubj:pass",
    "csubjpass": "csubj:pass",
    "auxpass": "aux:pass",
    "mwe": "fixed",
    "name": "flat",
    "foreign": "flat",
    "remnant": "orphan",
    "nmod:agent": "obl:agent",
}
_SEPARATORS = frozenset({",", ";", "/"})


def to_version_2(tree: Tree) -> Tree:
    """Convert a Universal Dependencies v1 tree with Penn tags (GENIA) to v2 with universal ones.

    Follows universaldependencies.org/v2/summary.html: renamed relations; ``neg`` by what the word
    is; ``nmod`` under a predicate to ``obl``; a coordinator and the comma before a conjunct hang
    from that conjunct and no longer from the first one.
    """
    heads = list(tree.heads)
    deps = list(tree.deps)
    children = children_of(tree.heads)
    for i, dep in enumerate(tree.deps):
        word, head = tree.words[i].lower(), heads[i]
        if dep in _RENAMED:
            deps[i] = _RENAMED[dep]
        elif dep == "neg":
            deps[i] = "det" if word in ("no", "neither", "nor") and i < head else "advmod"
        elif dep in ("nmod", "nmod:npmod", "nmod:tmod"):
            deps[i] = _nominal_label(tree, i, children)
    for head, mine in enumerate(children):
        conjuncts = [c for c in mine if tree.deps[c] == "conj" and c > head]
        for i in mine:
            is_separator = tree.deps[i] == "punct" and tree.words[i] in _SEPARATORS
            if i < head or not (tree.deps[i] == "cc" or is_separator):
                continue
            following = next((c for c in conjuncts if c > i), None)
            if following is None:
                continue
            # A comma that closes an apposition belongs to that, not to the next conjunct.
            others = [c for c in mine if i < c < following and tree.deps[c] not in ("punct", "cc")]
            if not others:
                heads[i] = following
    pos = tuple(
        penn_to_universal(tag, dep, word)
        for tag, dep, word in zip(tree.pos, deps, tree.words, strict=True)
    )
    return replace(tree, heads=tuple(heads), deps=tuple(deps), pos=pos)


def _nominal_label(tree: Tree, i: int, children: list[list[int]]) -> str:
    head = tree.heads[i]
    tag = tree.pos[head] if head != ROOT else ""
    unmarked = tree.deps[i] != "nmod"
    copula = [c for c in children[head] if tree.deps[c] == "cop"] if head != ROOT else []
    is_predicate = tag[:2] in ("VB", "JJ", "RB") or (copula and i < copula[0])
    if not is_predicate:
        return "nmod:unmarked" if unmarked else "nmod"
    if unmarked:
        return "obl:unmarked"
    passive = tree.deps[head] == "acl" or any(tree.deps[c] == "auxpass" for c in children[head])
    by = any(tree.deps[c] == "case" and tree.words[c].lower() == "by" for c in children[i])
    return "obl:agent" if tag == "VBN" and passive and by else "obl"


def text_of(tree: Tree) -> tuple[str, list[tuple[int, int]]]:
    """Return the sentence's text and the offsets of its words."""
    pieces: list[str] = []
    offsets: list[tuple[int, int]] = []
    at = 0
    for i, word in enumerate(tree.words):
        offsets.append((at, at + len(word)))
        space = " " if not tree.space_after or tree.space_after[i] else ""
        pieces.append(word + space)
        at += len(word) + len(space)
    return "".join(pieces), offsets


def retokenize(tree: Tree) -> Tree:
    """Return the tree over the words that `cxrmine.language.tokens.tokenize` finds.

    Words that our tokens span whole (``follow`` ``-`` ``up``) become one; a word with a full stop
    at its end (``Dr.``) becomes two.  Where the two cuts cross, or the treebank keeps whole what
    we would take to pieces (web addresses, smileys), the treebank's words stay.
    """
    text, offsets = text_of(tree)
    ours = tokenize(text)
    spans: list[tuple[int, int]] = []
    split: dict[int, int] = {}
    i = j = 0
    while i < len(offsets):
        first_i, first_j = i, j
        i, j = i + 1, j + 1
        # Widen both sides until they end together.
        while offsets[i - 1][1] != ours[j - 1][1]:
            if offsets[i - 1][1] < ours[j - 1][1]:
                i += 1
            else:
                j += 1
        if i - first_i > 1 and j - first_j == 1:
            spans.append((first_i, i))
            continue
        if i - first_i == 1 and j - first_j == 2 and text[slice(*ours[j - 1])] == ".":
            split[first_i] = ours[j - 1][0] - offsets[first_i][0]
        spans.extend((k, k + 1) for k in range(first_i, i))
    merged = regroup(tree, spans) if len(spans) < len(tree) else tree
    starts = {start: new for new, (start, _) in enumerate(spans)}
    for old, length in sorted(split.items(), reverse=True):
        merged = _split_stop(merged, starts[old], length)
    return merged


def _split_stop(tree: Tree, index: int, length: int) -> Tree:
    """Cut the full stop off a word and hang it from the word."""

    def inserted(values: tuple, value: object) -> tuple:
        return (*values[: index + 1], value, *values[index + 1 :])

    word = tree.words[index]
    heads = tuple(h + (h > index) for h in tree.heads)
    cut = replace(
        tree,
        words=inserted(tree.words, word[length:]),
        heads=inserted(heads, index),
        deps=inserted(tree.deps, "punct"),
        pos=inserted(tree.pos, "PUNCT"),
        space_after=inserted(tree.space_after, True) if tree.space_after else (),
    )
    return replace(cut, words=(*cut.words[:index], word[:length], *cut.words[index + 1 :]))


def prepare(tree: Tree, *, version_1: bool = False) -> Tree | None:
    """Return a treebank sentence as a training or test tree; None if it is no single tree."""
    if version_1:
        tree = to_version_2(tree)
    tree = retokenize(tree)
    return projective(tree) if is_tree(tree) else None
