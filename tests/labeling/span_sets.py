"""The sentences of ``tests/data/assertion``: spans of text and the status each must get."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import yaml

FOLDER = Path(__file__).resolve().parent.parent / "data" / "assertion"
SETS = ("hard_sentences", "general_clinical")
PARTS = ("a", "b")


class SpanSet(NamedTuple):
    """One sentence: its text, its spans, and for each span the statuses that are right.

    The first status is the one that the set's author prefers.
    """

    text: str
    spans: list[tuple[int, int]]
    right: list[tuple[str, ...]]


def read_spans(name: str | None = None, part: str | None = None) -> list[SpanSet]:
    """Return the sentences of a set and part (default: of all of them)."""
    found = []
    for each in SETS if name is None else (name,):
        loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        entries = yaml.load((FOLDER / f"{each}.yaml").read_text("utf-8"), Loader=loader)
        for entry in entries:
            if part in (None, entry.get("part")):
                found.append(_read(entry))
    return found


def _read(entry: dict[str, Any]) -> SpanSet:
    text = entry["text"]
    spans, right = [], []
    for span in entry["spans"]:
        at = -1
        for _ in range(span.get("nth", 1)):
            at = text.index(span["span"], at + 1)
        spans.append((at, at + len(span["span"])))
        right.append((span["status"], span["also"]) if "also" in span else (span["status"],))
    return SpanSet(text, spans, right)


class Scores(NamedTuple):
    """How many spans got a right status, F1 of the status ``absent``, and which layer decided."""

    spans: int
    right: int
    f1_absent: float
    layers: dict[str, int]

    @property
    def accuracy(self) -> float:
        """The share of spans with a right status."""
        return self.right / self.spans

    def __str__(self) -> str:
        return f"{self.spans} spans, accuracy {self.accuracy:.1%}, F1 absent {self.f1_absent:.1%}"


def score(labeler: Any, sentences: list[SpanSet]) -> Scores:
    """Score a labeler: a second status of a span (``also``) is as right as the first."""
    right = true = false = missed = 0
    layers: Counter[str] = Counter()
    for text, offsets, statuses in sentences:
        for decision, ok in zip(labeler.assert_spans(text, offsets), statuses, strict=True):
            layers[decision.layer] += 1
            hit = decision.status in ok
            right += hit
            if decision.status == "absent":
                true += hit
                false += not hit
            elif ok[0] == "absent" and not hit:
                missed += 1
    f1_absent = 2 * true / (2 * true + false + missed) if true else 0.0
    return Scores(layers.total(), right, f1_absent, dict(layers))
