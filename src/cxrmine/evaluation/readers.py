"""Human readers as points in the ROC plane, above or below a model's curve.

A reader says yes or no, so a reader is one pair of sensitivity and specificity. The reader lies
below a curve if the model reaches a higher sensitivity at the reader's specificity (CheXpert's
measure, Irvin et al., AAAI 2019, section "Test results"). Both are measured on the same images:
those that the reader decided and the model scored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cxrmine.errors import UserError
from cxrmine.evaluation.auc import Roc, roc_curve, sensitivity_at
from cxrmine.evaluation.intervals import Estimate
from cxrmine.evaluation.labels import read_labels
from cxrmine.evaluation.operating_point import rates
from cxrmine.evaluation.predictions import Gold, Paired, match_columns, model_name

Position = Literal["below", "on", "above"]

# A point on a slope of the curve is computed in two ways that differ in the last digit.
_SAME = 1e-12


@dataclass(frozen=True)
class Reader:
    """A reader's decisions.

    Attributes
    ----------
    name
        The file's name.
    path
        The file.
    findings
        The gold's names of what was decided.
    decisions
        Id → codes by finding, as `cxrmine.evaluation.labels` has them; 1 and 0 are decisions.
    """

    name: str
    path: Path
    findings: tuple[str, ...]
    ids: Mapping[str, int]
    decisions: NDArray[np.int8]


@dataclass(frozen=True)
class ReaderPoint:
    """One reader, one finding and one model's curve, on the same images."""

    model: str
    reader: str
    finding: str
    n: int
    positives: int
    sensitivity: Estimate
    specificity: Estimate
    curve_sensitivity: float | None
    position: Position | None


def read_reader(path: str | Path, gold: Gold, renamed: Mapping[str, str] | None = None) -> Reader:
    """Read a reader's table: an id column and one column a finding, 1 or 0.

    A blank or -1 is no decision: the reader is not scored there.

    Raises
    ------
    UserError
        If the file is no label table, shares no finding or no id with the gold, or a cell is
        something else.
    """
    place = Path(path)
    table = read_labels(place)
    pairs = match_columns(place, table.columns, gold, renamed, strict=False)
    if not set(table.ids) & set(gold.ids):
        raise UserError(
            f"{place} and the gold {gold.path} share no id; ids are compared letter by letter: "
            "did this reader read the same images?"
        )
    return Reader(
        model_name(place),
        place,
        tuple(finding for _, finding in pairs),
        {image: row for row, image in enumerate(table.ids)},
        table.values([column for column, _ in pairs], table.ids),
    )


def position(curve: Roc, fpr: float, tpr: float) -> tuple[Position, float]:
    """Say where a point lies, and the curve's sensitivity at its false positive rate."""
    there = sensitivity_at(curve, fpr)
    if there > tpr + _SAME:
        return "below", there
    return ("above" if there < tpr - _SAME else "on"), there


def place_reader(paired: Paired, reader: Reader) -> list[ReaderPoint]:
    """Return the reader's point beside the model's curve for every finding of both.

    A position is None where the images that count lack one kind.
    """
    rows = np.array([reader.ids.get(image, -1) for image in paired.ids], dtype=np.intp)
    points = []
    for k, finding in enumerate(paired.findings):
        if finding not in reader.findings:
            continue
        code = reader.decisions[rows, reader.findings.index(finding)]
        counts = paired.known[:, k] & (rows >= 0) & ((code == 0) | (code == 1))
        truth, scores = paired.truth[counts, k], paired.scores[counts, k]
        called = code[counts] == 1
        clusters = None if paired.patients is None else paired.patients[counts]
        sensitivity, specificity = rates(called, truth, clusters)
        curve = roc_curve(scores, truth)
        where: Position | None = None
        there: float | None = None
        if curve is not None and sensitivity.value is not None:
            alarms, negatives = int((called & ~truth).sum()), int((~truth).sum())
            where, there = position(curve, alarms / negatives, sensitivity.value)
        points.append(
            ReaderPoint(
                paired.model,
                reader.name,
                finding,
                int(counts.sum()),
                int(truth.sum()),
                sensitivity,
                specificity,
                there,
                where,
            )
        )
    return points
