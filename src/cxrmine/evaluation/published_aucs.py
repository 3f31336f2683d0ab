"""Printed AUCs of classifiers, to stand beside ours.

The table ``published/classifier_aucs.csv`` has one row a figure, with its paper and what it was
measured on: facts from the papers' tables. None was measured on the user's images, so they say
what is usual, not who is better.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files

from cxrmine.evaluation.findings import key
from cxrmine.tables import read_csv

MEAN = "mean"


@dataclass(frozen=True)
class PublishedAuc:
    """One printed AUC; `finding` is ``mean`` for a mean that the paper prints."""

    data: str
    method: str
    paper: str
    measured_on: str
    finding: str
    auc: float


@cache
def published_aucs() -> tuple[PublishedAuc, ...]:
    """Return all rows, in the file's order."""
    with as_file(files("cxrmine.evaluation") / "published" / "classifier_aucs.csv") as path:
        records = read_csv(path)[1]
    return tuple(
        PublishedAuc(
            record["data"],
            record["method"],
            record["paper"],
            record["measured_on"],
            record["finding"],
            float(record["auc"]),
        )
        for record in records
    )


def published_beside(findings: Sequence[str]) -> tuple[PublishedAuc, ...]:
    """Return the rows to print beside `findings`: those of the same data set's labels.

    ChestX-ray8's and ChestX-ray14's belong where a finding of theirs is that CheXpert's five lack
    (it says Effusion where CheXpert says Pleural Effusion), and the other way round. Findings
    that were not scored are left out, and so is a printed mean unless all that it is a mean of
    were.
    """
    ours = {key(name) for name in findings}
    rows = []
    for row in published_aucs():
        own = {key(r.finding) for r in published_aucs() if r.data == row.data and r.finding != MEAN}
        # Atelectasis is in both sets: what only one of them has tells which it is.
        others = {
            key(r.finding) for r in published_aucs() if r.data != row.data and r.finding != MEAN
        }
        if not ours & (own - others):
            continue
        if key(row.finding) in ours or (row.finding == MEAN and own <= ours):
            rows.append(row)
    return tuple(rows)
