"""Figures of other labelers on the Open-i gold, to print beside ours.

The tables lie in ``published/``, one row a figure, with the paper (or study) and what it was
measured on: facts from the papers' tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files

from cxrmine.tables import read_csv

_FILES = ("openi_labels.csv", "openi_dev_peers.csv")


@dataclass(frozen=True)
class PublishedScore:
    """One published row; scores are shares in [0, 1], None where the paper gives none."""

    method: str
    paper: str
    measured_on: str
    row: str
    precision: float | None
    recall: float | None
    f1: float | None


@cache
def published_scores() -> tuple[PublishedScore, ...]:
    """Return all rows, in the files' order."""
    rows = []
    for name in _FILES:
        with as_file(files("cxrmine.evaluation") / "published" / name) as path:
            for record in read_csv(path)[1]:
                rows.append(
                    PublishedScore(
                        method=record["method"],
                        paper=record["paper"],
                        measured_on=record["measured_on"],
                        row=record["row"],
                        precision=_number(record["precision"]),
                        recall=_number(record["recall"]),
                        f1=_number(record["f1"]),
                    )
                )
    return tuple(rows)


def published_for(row: str) -> tuple[PublishedScore, ...]:
    """Return the published figures for a finding or a total, by our name of the row."""
    return tuple(p for p in published_scores() if p.row == row)


def _number(cell: str) -> float | None:
    return float(cell) if cell else None
