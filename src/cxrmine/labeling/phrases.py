"""The notation in which `vocab/findings.yaml` writes its phrases.

========================  =====================================================================
``pleural effusion``      these words, in this order (lower case; one token each, as
                          `cxrmine.language.tokens` cuts them)
``effusion*``             any ending, none included
``(a|b c|d)``             one of the alternatives
``word?`` ``(a b)?``      may be missing
``SIDE``                  one of the phrases that the set ``SIDE`` at the top of the file lists
``...`` ``...7``          a gap of 0 to 4 (0 to 7) tokens, none of them a gap stop
``heart not <enlarged>``  only the words between the angle brackets are the mention; the words
                          around them must be there, but are free for another mention
========================  =====================================================================

A phrase is parsed into nested tuples, which `matcher` and `matcher_reference` read in two
different ways.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

DEFAULT_GAP = 4
MAX_GAP = 12


class Words(NamedTuple):
    """One token out of `keys`: a literal word, or a beginning that ends in ``*``."""

    keys: tuple[str, ...]


class Gap(NamedTuple):
    """Up to `longest` tokens, none of them a gap stop."""

    longest: int


class Choice(NamedTuple):
    """One of several sequences."""

    sequences: tuple[Sequence_, ...]


class Maybe(NamedTuple):
    """A sequence that may be missing."""

    sequence: Sequence_


class Bracket(NamedTuple):
    """Where the mention starts (``<``) or ends (``>``)."""

    opens: bool


Node = Words | Gap | Choice | Maybe | Bracket
Sequence_ = tuple[Node, ...]

_TOKEN = re.compile(r"\.\.\.\d*|[()|?<>]|[^\s()|?<>]+")
_SET = re.compile(r"[A-Z][A-Z_]*")
_MARKS = frozenset("()|?<>")


class PhraseError(ValueError):
    """A phrase that does not follow the notation; the message says where and what to do."""


class Phrase(NamedTuple):
    """A parsed phrase: its nodes, whether it has brackets, and the tokens its gaps may take."""

    nodes: Sequence_
    bracketed: bool
    slack: int


class PhraseParser:
    """Parse phrases of one vocabulary file, which share their sets.

    Parameters
    ----------
    sets
        Name of each set and its phrases; a set may use sets that stand before it.

    Raises
    ------
    PhraseError
        For a set whose phrases do not follow the notation.
    """

    def __init__(self, sets: Mapping[str, tuple[str, ...]]) -> None:
        self._sets: dict[str, Node] = {}
        # Equal nodes become one object, so that the matcher can tell them by identity.
        self._nodes: dict[Node, Node] = {}
        self._words: dict[str, Words] = {}
        for name, phrases in sets.items():
            if not _SET.fullmatch(name):
                raise PhraseError(f"the set {name!r} must be named in capitals")
            if not phrases:
                raise PhraseError(f"the set {name!r} is empty: list at least one phrase")
            sequences = []
            for text in phrases:
                tokens = _TOKEN.findall(text)
                nodes, position = self._sequence(tokens, 0, text)
                if position != len(tokens):
                    raise PhraseError(f"the set {name!r} has an unexpected ')' or '|' in {text!r}")
                if "<" in text or ">" in text:
                    raise PhraseError(f"the set {name!r} may not hold '<' or '>': {text!r}")
                if not nodes:
                    raise PhraseError(f"the set {name!r} has an empty phrase: delete it")
                sequences.append(nodes)
            self._sets[name] = self._choice(sequences)

    def parse(self, text: str) -> Phrase:
        """Parse one phrase.

        Raises
        ------
        PhraseError
            If it does not follow the notation, may be empty, or starts or ends with a gap.
        """
        tokens = _TOKEN.findall(text)
        nodes, position = self._sequence(tokens, 0, text)
        if position != len(tokens):
            raise PhraseError(f"{text!r} has an unexpected {tokens[position]!r}")
        bracketed = "<" in text or ">" in text
        if bracketed:
            marks = [node.opens for node in nodes if isinstance(node, Bracket)]
            if marks != [True, False] or text.count("<") != 1 or text.count(">") != 1:
                raise PhraseError(f"{text!r} needs exactly one '<' and one '>', outside brackets")
            opening = nodes.index(Bracket(True))
            closing = nodes.index(Bracket(False))
            if _may_be_empty(nodes[opening + 1 : closing]):
                raise PhraseError(f"{text!r} may match no word between '<' and '>'")
        if not nodes or not (isinstance(nodes[0], Words) and isinstance(nodes[-1], Words)):
            if _may_be_empty(nodes):
                raise PhraseError(f"{text!r} may match no word at all: make one word obligatory")
            if _gap_first(nodes, step=1) or _gap_first(nodes, step=-1):
                raise PhraseError(f"{text!r} starts or ends with a gap: begin and end with a word")
        return Phrase(nodes, bracketed, _slack(nodes))

    def _sequence(self, tokens: list[str], position: int, text: str) -> tuple[Sequence_, int]:
        nodes: list[Node] = []
        while position < len(tokens):
            token = tokens[position]
            if token == ")" or token == "|":
                break
            position += 1
            if token not in _MARKS:
                known = self._words.get(token)
                nodes.append(self._word(token, text) if known is None else known)
            elif token == "(":
                sequences = []
                while True:
                    inner, position = self._sequence(tokens, position, text)
                    if not inner:
                        raise PhraseError(f"{text!r} has an empty alternative: use '?' instead")
                    sequences.append(inner)
                    if position == len(tokens):
                        raise PhraseError(f"{text!r} lacks a ')'")
                    position += 1
                    if tokens[position - 1] == ")":
                        break
                nodes.append(self._choice(sequences))
            elif token == "?":
                if not nodes or isinstance(nodes[-1], Gap | Maybe | Bracket):
                    raise PhraseError(f"{text!r}: '?' must follow a word, a set or a bracket")
                last = nodes[-1]
                single = isinstance(last, Choice) and len(last.sequences) == 1
                maybe = Maybe(last.sequences[0] if single else (last,))  # type: ignore[union-attr]
                nodes[-1] = self._nodes.setdefault(maybe, maybe)
            else:
                nodes.append(Bracket(token == "<"))
        return tuple(nodes), position

    def _word(self, token: str, text: str) -> Node:
        """Read a token that is no mark: a word, a set or a gap."""
        node: Node
        if token.startswith("..."):
            number = token[3:]
            if number and not number.isdecimal():
                raise PhraseError(f"{text!r}: put a space behind the gap in {token!r}")
            node = Gap(int(number) if number else DEFAULT_GAP)
            if not 1 <= node.longest <= MAX_GAP:
                raise PhraseError(f"{text!r}: a gap is of 1 to {MAX_GAP} tokens")
            return self._nodes.setdefault(node, node)
        if _SET.fullmatch(token):
            if token not in self._sets:
                known = ", ".join(self._sets) or "none"
                raise PhraseError(f"{text!r} uses the unknown set {token!r} (known: {known})")
            return self._sets[token]
        if "*" in token[:-1] or token == "*":
            raise PhraseError(f"{text!r}: '*' stands only at the end of a word")
        if token != token.lower():
            raise PhraseError(f"{text!r}: write words in lower case")
        if "..." in token:
            raise PhraseError(f"{text!r}: put a space before the gap in {token!r}")
        words = self._words[token] = Words((token,))
        self._nodes[words] = words
        return words

    def _choice(self, sequences: list[Sequence_]) -> Node:
        # Alternatives of one word each share a state in the matcher; that keeps it small.
        node: Node
        if all(len(s) == 1 and isinstance(s[0], Words) for s in sequences):
            keys = [key for s in sequences for key in s[0].keys]  # type: ignore[union-attr]
            node = Words(tuple(dict.fromkeys(keys)))
        else:
            node = Choice(tuple(sequences))
        return self._nodes.setdefault(node, node)


def _may_be_empty(nodes: Sequence_) -> bool:
    return all(
        isinstance(node, Gap | Maybe | Bracket)
        or (isinstance(node, Choice) and any(_may_be_empty(s) for s in node.sequences))
        for node in nodes
    )


def _gap_first(nodes: Sequence_, *, step: int) -> bool:
    """Whether a sequence may start (with step -1: end) with a gap."""
    for node in nodes[::step]:
        if isinstance(node, Gap):
            return True
        if isinstance(node, Maybe) and _gap_first(node.sequence, step=step):
            return True
        if isinstance(node, Choice) and any(_gap_first(s, step=step) for s in node.sequences):
            return True
        if not _may_be_empty((node,)):
            return False
    return False


def _slack(nodes: Sequence_) -> int:
    total = 0
    for node in nodes:
        if isinstance(node, Gap):
            total += node.longest
        elif isinstance(node, Maybe):
            total += _slack(node.sequence)
        elif isinstance(node, Choice):
            total += max(_slack(s) for s in node.sequences)
    return total
