"""negspacy in place of our rules (``--assertion negex``), to see the difference.

This is the paper's baseline: concepts from a dictionary, negation by NegEx (Chapman et al. 2001).
NegEx knows two outcomes only, so every mention is ``present`` or ``absent``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cxrmine.errors import UserError
from cxrmine.labeling.assertion import PRESENT, Decision

NEGATED = Decision("absent", (), "negex", "negex")


class NegexAssertion:
    """Judges the mentions of one sentence by negspacy with its own clinical terms."""

    def __init__(self) -> None:
        try:
            from negspacy.negation import Negex  # noqa: F401  (registers the factory)
        except ImportError:
            raise UserError(
                "The assertion 'negex' needs negspacy: pip install 'cxrmine[negex]'."
            ) from None
        import spacy

        self._nlp = spacy.blank("en")
        self._negex: Any = self._nlp.add_pipe("negex")

    def decide(
        self,
        sentence: str,
        offsets: Sequence[tuple[int, int]],
        matches: Sequence[tuple[int, int, int]],
    ) -> list[Decision]:
        """Return a decision for each match ``(first token, end token, concept)``."""
        doc = self._nlp.make_doc(sentence)
        for token in doc:
            token.is_sent_start = token.i == 0
        spans = [
            doc.char_span(
                offsets[first][0], offsets[last - 1][1], label="FINDING", alignment_mode="expand"
            )
            for first, last, _ in matches
        ]
        # Entities may not overlap: a mention that shares a token with an earlier one is judged
        # with it.
        home: dict[int, int] = {}  # token → first token of the entity that it belongs to
        entities: list[Any] = []
        for span in spans:
            tokens = range(span.start, span.end)
            if home.keys().isdisjoint(tokens):
                home.update(dict.fromkeys(tokens, span.start))
                entities.append(span)
        doc.ents = entities
        self._negex(doc)
        negated = {entity.start: entity._.negex for entity in doc.ents}
        return [
            NEGATED
            if any(negated[home[i]] for i in range(span.start, span.end) if i in home)
            else PRESENT
            for span in spans
        ]
