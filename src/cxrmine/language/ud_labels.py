"""Other parsers' labels as Universal Dependencies v2, near enough for the rules.

spaCy's English pipelines are trained on ClearNLP-style trees (``prep`` and ``pobj``, the copula as
head, chained conjuncts), scispaCy's on Universal Dependencies v1 of Stanford's converter
(``dobj``, ``neg``, ``nmod`` under verbs). `to_universal` rewrites either, label by label and where
the head differs. What matters is that a rule finds the same path from cue to finding; rare
constructions may end otherwise than an annotator would have it.
"""

from __future__ import annotations

from collections.abc import Sequence

_RENAMED = {
    "ROOT": "root",
    "dobj": "obj",
    "dative": "iobj",
    "nsubjpass": "nsubj:pass",
    "csubjpass": "csubj:pass",
    "auxpass": "aux:pass",
    "poss": "nmod:poss",
    "possessive": "case",
    "prt": "compound:prt",
    "relcl": "acl:relcl",
    "rcmod": "acl:relcl",
    "vmod": "acl",
    "partmod": "acl",
    "infmod": "acl",
    "predet": "det:predet",
    "preconj": "cc:preconj",
    "intj": "discourse",
    "quantmod": "advmod",
    "meta": "dep",
    "oprd": "xcomp",
    "acomp": "xcomp",
    "nn": "compound",
    "hmod": "compound",
    "num": "nummod",
    "number": "nummod",
    "mwe": "fixed",
    "name": "flat",
    "foreign": "flat",
    "tmod": "obl:unmarked",
    "npadvmod": "obl:unmarked",
    "nmod:npmod": "obl:unmarked",
    "nmod:tmod": "obl:unmarked",
    "amod@nmod": "amod",
    "remnant": "orphan",
    "complm": "mark",
    "": "dep",
}
_PREDICATES = frozenset({"VERB", "AUX", "ADJ", "ADV"})
_BE = frozenset("am are be been being is was were 's 're 'm".split())
_OLD_LABELS = frozenset(
    "dobj nsubjpass auxpass prep pobj pcomp acomp neg attr relcl poss prt npadvmod agent".split()
)
_POS_OF_TAG = {
    "N": "NOUN", "J": "ADJ", "R": "ADV", "V": "VERB", "I": "ADP", "M": "AUX", "C": "CCONJ",
    "P": "PRON", "D": "DET", "E": "PRON", "T": "PART", "W": "PRON", "U": "INTJ",
}  # fmt: skip


def is_universal(labels: Sequence[str]) -> bool:
    """Whether a parser's set of labels is that of Universal Dependencies v2."""
    return "obj" in labels or not _OLD_LABELS.intersection(labels)


def to_universal(
    words: Sequence[str],
    heads: Sequence[int],
    deps: Sequence[str],
    pos: Sequence[str],
    tags: Sequence[str] = (),
) -> tuple[list[int], list[str], list[str]]:
    """Return heads, relations and parts of speech in the manner of Universal Dependencies v2.

    Parameters
    ----------
    words
        The *n* words of one sentence, lower case.
    heads
        Their heads; -1 for the root.
    deps
        Their relations: ClearNLP's, those of UD v1, or those of UD v2, which stay.
    pos
        Their universal parts of speech; may be empty strings.
    tags
        Their Penn tags, for words without a part of speech.

    Returns
    -------
    tuple
        Heads (-1 for the root), relations, parts of speech.
    """
    tree = _Rewriter(words, heads, deps, _parts_of_speech(words, pos, tags))
    if not is_universal(deps):
        tree.promote_predicates()
        tree.collapse_prepositions()
        tree.rename()
    tree.flatten_lists()
    tree.deps = ["root" if h < 0 else d for h, d in zip(tree.heads, tree.deps, strict=True)]
    return tree.heads, tree.deps, tree.pos


def _parts_of_speech(words: Sequence[str], pos: Sequence[str], tags: Sequence[str]) -> list[str]:
    out = list(pos) if len(pos) == len(words) else [""] * len(words)
    for i, tag in enumerate(tags):
        if not out[i]:
            known = "PROPN" if tag.startswith("NNP") else _POS_OF_TAG.get(tag[:1], "")
            out[i] = known or ("NUM" if tag == "CD" else "X")
            if tag == "CD":
                out[i] = "NUM"
    return out


class _Rewriter:
    """One tree under rewriting."""

    def __init__(
        self, words: Sequence[str], heads: Sequence[int], deps: Sequence[str], pos: list[str]
    ) -> None:
        self.words = words
        self.heads = list(heads)
        self.deps = list(deps)
        self.pos = pos

    def children(self, head: int) -> list[int]:
        return [i for i, h in enumerate(self.heads) if h == head]

    def promote_predicates(self) -> None:
        """Make the predicate the head and "be" its copula: "lungs are clear"."""
        for verb, word in enumerate(self.words):
            if word not in _BE:
                continue
            below = self.children(verb)
            predicate = next((c for c in below if self.deps[c] in ("acomp", "attr")), None)
            if predicate is None:
                continue
            if any(self.deps[c] == "expl" for c in below):
                # "there is X": X is the subject, and the verb stays.
                self.deps[predicate] = "nsubj"
                self.pos[verb] = "VERB"
                continue
            self.heads[predicate] = self.heads[verb]
            self.deps[predicate] = self.deps[verb]
            self.heads[verb], self.deps[verb] = predicate, "cop"
            for child in below:
                if child != predicate:
                    self.heads[child] = predicate

    def collapse_prepositions(self) -> None:
        """Hang a preposition from its noun: "clear ← prep of ← pobj effusion"."""
        # From the right, so that of two prepositions ("from within X") the inner goes first.
        for i in reversed(range(len(self.words))):
            dep = self.deps[i]
            if dep not in ("prep", "agent", "dative"):
                continue
            below = self.children(i)
            noun = next((c for c in below if self.deps[c] == "pobj"), None)
            clause = next((c for c in below if self.deps[c] == "pcomp"), None)
            inner = next(
                (c for c in below if c > i and self.deps[c] in ("obl", "nmod")), None
            )  # an inner preposition's noun, already collapsed
            target = noun if noun is not None else clause if clause is not None else inner
            head = self.heads[i]
            if target is None:
                if dep != "dative":
                    self.deps[i] = "advmod" if head >= 0 else "root"
                continue
            predicate = head >= 0 and self._is_predicate(head)
            self.heads[target] = head
            if head < 0:
                self.deps[target] = "root"
            elif target == clause and self.pos[target] in ("VERB", "AUX"):
                self.deps[target] = "advcl" if predicate else "acl"
            elif dep == "agent":
                self.deps[target] = "obl:agent"
            else:
                self.deps[target] = "obl" if predicate else "nmod"
            self.heads[i] = target
            self.deps[i] = "mark" if self.deps[target] in ("acl", "advcl") else "case"
            for child in below:
                if child != target:
                    self.heads[child] = target

    def _is_predicate(self, i: int) -> bool:
        if self.pos[i] in _PREDICATES:
            return self.deps[i] not in ("amod", "case") or self.pos[i] != "VERB"
        return False

    def rename(self) -> None:
        """Give every other relation its v2 name."""
        for i, dep in enumerate(self.deps):
            head = self.heads[i]
            word = self.words[i]
            if dep == "neg":
                self.deps[i] = "det" if word in ("no", "neither", "nor") and i < head else "advmod"
            elif dep == "attr":
                self.deps[i] = "xcomp"
            elif dep == "det" and word == "not":
                self.deps[i] = "advmod"
            elif dep == "nmod":
                marked = any(self.deps[c] == "case" for c in self.children(i))
                if marked:
                    self.deps[i] = "obl" if head >= 0 and self._is_predicate(head) else "nmod"
                elif 0 <= i < head:
                    self.deps[i] = "compound"
            elif dep in ("npadvmod", "nmod:npmod", "nmod:tmod", "tmod"):
                predicate = head >= 0 and self._is_predicate(head)
                self.deps[i] = "obl:unmarked" if predicate else "nmod:unmarked"
            elif dep in ("pobj", "pcomp"):
                self.deps[i] = "obl" if head >= 0 and self._is_predicate(head) else "nmod"
            elif dep == "prep":
                self.deps[i] = "case"
            elif dep in _RENAMED:
                self.deps[i] = _RENAMED[dep]

    def flatten_lists(self) -> None:
        """Hang every conjunct from the first, coordinators and commas from their conjunct."""
        for i in range(len(self.words)):
            seen = 0
            while (
                self.deps[i] == "conj"
                and self.heads[i] >= 0
                and self.deps[self.heads[i]] == "conj"
                and self._is_one_list(self.heads[i], i)
                and seen < len(self.words)
            ):
                self.heads[i] = self.heads[self.heads[i]]
                seen += 1
        for i, dep in enumerate(self.deps):
            head = self.heads[i]
            separates = dep == "cc" or (dep == "punct" and self.words[i] in (",", ";", "/"))
            if not separates or head < 0 or head > i:
                continue
            top = self.heads[head] if self.deps[head] == "conj" else head
            following = [
                c for c in range(i + 1, len(self.words)) if self.deps[c] == "conj"
                and self.heads[c] in (head, top)
            ]  # fmt: skip
            if following:
                self.heads[i] = following[0]

    def _is_one_list(self, middle: int, last: int) -> bool:
        """Whether a conjunct of a conjunct is a further item, not a list within an item."""
        first = self.heads[middle]
        return first < middle < last
