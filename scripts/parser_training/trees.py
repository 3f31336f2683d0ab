"""Dependency trees: CoNLL-U in and out, a bracket notation, and edits that keep a tree a tree.

The bracket notation writes one tree as text in reading order.  A group is
``(label … head … )``; its one bare word is the head, every inner group a dependent::

    (nsubj:pass (det No) effusion) (aux:pass is) seen (punct .)

A word may carry its part of speech (``seen/VERB``); without one it is guessed from the label.
The whole string is the root's group.  The template generator and the tests write trees so.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

ROOT = -1


@dataclass(frozen=True)
class Tree:
    """One sentence: four parallel tuples, heads as indices (`ROOT` for the root).

    ``space_after`` says whether white space follows a word; ``document`` and ``text`` are what
    the treebank's comments gave, else empty.
    """

    words: tuple[str, ...]
    heads: tuple[int, ...]
    deps: tuple[str, ...]
    pos: tuple[str, ...]
    space_after: tuple[bool, ...] = field(default=(), compare=False)
    document: str = field(default="", compare=False)

    def __len__(self) -> int:
        return len(self.words)


# --------------------------------------------------------------------------- CoNLL-U

#: Penn tags of GENIA, whose UPOS column repeats them; words that need a look at their label
#: (``IN``, ``DT``, ``TO``, ``VB*``) are settled in `penn_to_universal`.
_PENN = {
    "CC": "CCONJ", "CD": "NUM", "EX": "PRON", "FW": "X", "JJ": "ADJ", "JJR": "ADJ", "JJS": "ADJ",
    "LS": "X", "MD": "AUX", "NN": "NOUN", "NNS": "NOUN", "NNP": "PROPN", "NNPS": "PROPN",
    "NP": "PROPN", "PDT": "DET", "POS": "PART", "PRP": "PRON", "PRP$": "PRON", "RB": "ADV",
    "RBR": "ADV", "RBS": "ADV", "RP": "ADP", "SYM": "SYM", "UH": "INTJ", "WP": "PRON",
    "WP$": "PRON", "WRB": "ADV",
}  # fmt: skip
_UNIVERSAL = frozenset(
    "ADJ ADP ADV AUX CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB X".split()
)
_NOMINAL_LABELS = frozenset({"nsubj", "nsubj:pass", "obj", "iobj", "obl", "nmod", "root", "conj"})


def penn_to_universal(tag: str, dep: str, word: str) -> str:
    """Return the universal part of speech of a Penn-tagged word that bears the v2 label `dep`."""
    if tag in _UNIVERSAL:
        return tag
    if tag in ("DT", "WDT"):
        return "PRON" if dep in _NOMINAL_LABELS else "DET"
    if tag == "IN":
        return "SCONJ" if dep == "mark" else "ADP"
    if tag == "TO":
        return "PART" if dep in ("mark", "aux") else "ADP"
    if tag.startswith("VB"):
        return "AUX" if dep in ("aux", "aux:pass", "cop") else "VERB"
    if tag == "RB" and word.lower() in ("not", "n't"):
        return "PART"
    return _PENN.get(tag, "PUNCT" if not any(c.isalnum() for c in word) else "X")


def read_conllu(path: Path) -> Iterator[Tree]:
    """Yield the trees of a CoNLL-U file (``.gz`` or plain); ranges and empty nodes are left out.

    Raises
    ------
    ValueError
        If a line has not ten columns or a head is no word of its sentence.
    """
    opener = gzip.open if path.suffix == ".gz" else open
    document = ""
    rows: list[list[str]] = []
    # A contraction ("didn't") is a range line; white space after its last part is the range's.
    ranges: dict[int, bool] = {}
    with opener(path, "rt", encoding="utf-8") as lines:
        for number, line in enumerate([*lines, "\n"], start=1):
            line = line.rstrip("\n")
            if line.startswith("# newdoc id"):
                document = line.partition("=")[2].strip()
            elif line.startswith("#"):
                continue
            elif not line:
                if rows:
                    yield _tree_of_rows(rows, ranges, document, f"{path.name}:{number}")
                rows, ranges = [], {}
            else:
                columns = line.split("\t")
                if len(columns) != 10:
                    raise ValueError(
                        f"{path.name}:{number}: {len(columns)} columns where CoNLL-U has ten."
                    )
                if columns[0].isdigit():
                    rows.append(columns)
                elif "-" in columns[0]:
                    first, _, last = columns[0].partition("-")
                    for inner in range(int(first), int(last)):
                        ranges[inner] = False
                    ranges[int(last)] = "SpaceAfter=No" not in columns[9]


def _tree_of_rows(
    rows: list[list[str]], ranges: dict[int, bool], document: str, where: str
) -> Tree:
    heads = tuple(int(r[6]) - 1 for r in rows)
    if any(h >= len(rows) for h in heads):
        raise ValueError(f"{where}: a head points outside its sentence.")
    return Tree(
        words=tuple(r[1] for r in rows),
        heads=heads,
        deps=tuple(r[7] for r in rows),
        pos=tuple(r[3] for r in rows),
        space_after=tuple(
            ranges.get(i, "SpaceAfter=No" not in r[9]) for i, r in enumerate(rows, start=1)
        ),
        document=document,
    )


def write_conllu(trees: Iterable[Tree], path: Path) -> None:
    """Write trees as CoNLL-U (form, UPOS, head and label; the other columns blank)."""
    with open(path, "w", encoding="utf-8") as out:
        for number, tree in enumerate(trees, start=1):
            out.write(f"# sent_id = {number}\n# text = {' '.join(tree.words)}\n")
            for i, (word, head, dep, pos) in enumerate(
                zip(tree.words, tree.heads, tree.deps, tree.pos, strict=True), start=1
            ):
                out.write(f"{i}\t{word}\t_\t{pos}\t_\t_\t{head + 1}\t{dep}\t_\t_\n")
            out.write("\n")


# --------------------------------------------------------------------------- brackets

_POS_OF_LABEL = {
    "det": "DET", "det:predet": "DET", "case": "ADP", "punct": "PUNCT", "aux": "AUX",
    "aux:pass": "AUX", "cop": "AUX", "amod": "ADJ", "cc": "CCONJ", "cc:preconj": "CCONJ",
    "advmod": "ADV", "nummod": "NUM", "mark": "SCONJ", "expl": "PRON", "compound:prt": "ADP",
    "acl": "VERB", "acl:relcl": "VERB", "advcl": "VERB", "xcomp": "VERB", "ccomp": "VERB",
    "discourse": "INTJ", "fixed": "ADP",
}  # fmt: skip
#: Words whose part of speech does not follow from their label.
_POS_OF_WORD = {
    "not": "PART", "n't": "PART", "to": "PART", "there": "PRON", "which": "PRON", "who": "PRON",
    "it": "PRON", "they": "PRON", "he": "PRON", "she": "PRON", "this": "PRON", "these": "PRON",
    "'s": "PART", "that": "PRON", "his": "PRON", "her": "PRON", "its": "PRON", "cannot": "AUX",
}  # fmt: skip
_BRACKET = re.compile(r"\(|\)|[^\s()]+")


def parse_brackets(text: str) -> Tree:
    """Read one tree in the bracket notation of this module's docstring.

    Round brackets as words are written ``-LRB-`` and ``-RRB-``.

    Raises
    ------
    ValueError
        If a group has no head or two, or brackets do not match.
    """
    words: list[str] = []
    pos: list[str] = []
    heads: list[int] = []
    deps: list[str] = []
    # One open group: label, index of its head (or None), indices of dependents met so far.
    stack: list[tuple[str, list[int], list[int]]] = [("root", [], [])]

    def close() -> int:
        label, head, children = stack.pop()
        if len(head) != 1:
            raise ValueError(f"group {label!r} has {len(head)} heads instead of one: {text}")
        for child in children:
            heads[child] = head[0]
        deps[head[0]] = label
        if not pos[head[0]]:
            word = words[head[0]].lower()
            pos[head[0]] = _guess_pos(word, label)
        return head[0]

    expect_label = False
    for piece in _BRACKET.findall(text):
        if piece == "(":
            expect_label = True
        elif expect_label:
            stack.append((piece, [], []))
            expect_label = False
        elif piece == ")":
            if len(stack) == 1:
                raise ValueError(f"a bracket closes that never opened: {text}")
            child = close()
            stack[-1][2].append(child)
        else:
            word, slash, tag = piece.rpartition("/")
            if not slash or tag not in _UNIVERSAL:
                word, tag = piece, ""
            stack[-1][1].append(len(words))
            words.append({"-LRB-": "(", "-RRB-": ")"}.get(word, word))
            pos.append(tag)
            heads.append(ROOT)
            deps.append("")
    if len(stack) != 1:
        raise ValueError(f"{len(stack) - 1} brackets never close: {text}")
    close()
    return Tree(tuple(words), tuple(heads), tuple(deps), tuple(pos))


def _guess_pos(word: str, label: str) -> str:
    if not any(c.isalnum() or c == "_" for c in word):
        return "PUNCT" if label in ("punct", "root") else "SYM"
    if label == "mark":
        return "PART" if word == "to" else "SCONJ"
    if label in ("det", "case", "cc", "nummod"):
        return _POS_OF_LABEL[label]
    if word in _POS_OF_WORD:
        return _POS_OF_WORD[word]
    return _POS_OF_LABEL.get(label, "NOUN")


# --------------------------------------------------------------------------- edits


def children_of(heads: tuple[int, ...]) -> list[list[int]]:
    """Return each word's dependents in order."""
    children: list[list[int]] = [[] for _ in heads]
    for i, head in enumerate(heads):
        if head != ROOT:
            children[head].append(i)
    return children


def is_tree(tree: Tree) -> bool:
    """Whether there is one root and every word hangs from it."""
    if sum(h == ROOT for h in tree.heads) != 1:
        return False
    for i in range(len(tree)):
        seen = 0
        while i != ROOT:
            i = tree.heads[i]
            seen += 1
            if seen > len(tree):
                return False
    return True


def projective(tree: Tree) -> Tree:
    """Lift crossing arcs to the grandparent until none cross (labels stay plain).

    spaCy would lift them too but with decorated labels (``obl||advcl``), which cost the parser
    classes and come up in one arc of a hundred.
    """
    heads = list(tree.heads)

    def hangs_from(i: int, head: int) -> bool:
        while i not in (ROOT, head):
            i = heads[i]
        return i == head

    def crosses(i: int) -> bool:
        """Whether a word between `i` and its head hangs from elsewhere."""
        head = heads[i]
        return head != ROOT and not all(
            hangs_from(between, head) for between in range(min(i, head) + 1, max(i, head))
        )

    # An arc below the root's own never crosses, so there is always a grandparent.
    while crossing := [i for i in range(len(heads)) if crosses(i)]:
        shortest = min(crossing, key=lambda i: abs(i - heads[i]))
        heads[shortest] = heads[heads[shortest]]
    return replace(tree, heads=tuple(heads))


def regroup(tree: Tree, spans: list[tuple[int, int]]) -> Tree:
    """Merge each half-open span of words into one word; its head is the group's outermost."""
    position: dict[int, int] = {}
    for new, (start, end) in enumerate(spans):
        for i in range(start, end):
            position[i] = new
    words, heads, deps, pos, space = [], [], [], [], []
    for new, (start, end) in enumerate(spans):
        outermost = [i for i in range(start, end) if position.get(tree.heads[i]) != new]
        # Two words may hang from outside (a hyphen does); a real word goes before punctuation.
        outermost.sort(key=lambda i: (tree.deps[i] == "punct", i))
        top = outermost[0]
        words.append("".join(tree.words[start:end]))
        heads.append(ROOT if tree.heads[top] == ROOT else position[tree.heads[top]])
        deps.append(tree.deps[top])
        pos.append(tree.pos[top])
        space.append(tree.space_after[end - 1] if tree.space_after else True)
    return replace(
        tree,
        words=tuple(words),
        heads=tuple(heads),
        deps=tuple(deps),
        pos=tuple(pos),
        space_after=tuple(space),
    )


def drop_word(tree: Tree, index: int) -> Tree:
    """Return the tree without one leaf.

    Raises
    ------
    ValueError
        If the word has dependents.
    """
    if index in tree.heads:
        raise ValueError(f"word {index} of {' '.join(tree.words)!r} has dependents")

    def without(values: tuple) -> tuple:
        return values[:index] + values[index + 1 :]

    return replace(
        tree,
        words=without(tree.words),
        heads=tuple(h - (h > index) for h in without(tree.heads)),
        deps=without(tree.deps),
        pos=without(tree.pos),
        space_after=without(tree.space_after) if tree.space_after else (),
    )
