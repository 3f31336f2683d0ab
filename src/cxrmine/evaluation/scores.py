"""Precision, recall and F1 by column and in total, from outcomes of single cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cxrmine.evaluation.findings import Total
from cxrmine.evaluation.intervals import Estimate, count_codes, estimate, resample_counts
from cxrmine.evaluation.labels import Uncertain, is_positive

#: What one cell is. IGNORED cells (uncertain ones, if asked for) count nowhere.
TN, TP, FP, FN, IGNORED = range(5)
N_OUTCOMES = 5


def outcomes(
    gold: NDArray[np.int8], ours: NDArray[np.int8], uncertain: Uncertain = "negative"
) -> NDArray[np.int8]:
    """Return each cell's outcome code (`TN`, `TP`, `FP`, `FN`, `IGNORED`); shapes are equal."""
    truth, truth_counts = is_positive(gold, uncertain)
    claim, claim_counts = is_positive(ours, uncertain)
    codes = np.select([truth & claim, claim, truth], [TP, FP, FN], default=TN)
    return np.where(truth_counts & claim_counts, codes, IGNORED).astype(np.int8)


def _ratio(top: NDArray[np.float64], bottom: NDArray[np.float64]) -> NDArray[np.float64]:
    """Divide, with NaN where the bottom is 0."""
    result: NDArray[np.float64] = np.divide(
        top, bottom, out=np.full(top.shape, np.nan), where=bottom > 0
    )
    return result


def micro_precision(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return TP / (TP + FP) over all columns; `counts` has shape ``(…, columns, outcomes)``."""
    total = counts.sum(axis=-2)
    return _ratio(total[..., TP], total[..., TP] + total[..., FP])


def micro_recall(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return TP / (TP + FN) over all columns."""
    total = counts.sum(axis=-2)
    return _ratio(total[..., TP], total[..., TP] + total[..., FN])


def micro_f1(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return 2 TP / (2 TP + FP + FN) over all columns."""
    total = counts.sum(axis=-2)
    return _ratio(2 * total[..., TP], 2 * total[..., TP] + total[..., FP] + total[..., FN])


def macro_f1(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of the columns' F1, leaving out those where it is undefined."""
    top = 2 * counts[..., TP]
    by_column = _ratio(top, top + counts[..., FP] + counts[..., FN])
    defined = ~np.isnan(by_column)
    return _ratio(np.where(defined, by_column, 0.0).sum(axis=-1), defined.sum(axis=-1) * 1.0)


@dataclass(frozen=True)
class Score:
    """One row of ``metrics.csv``: a finding or a total.

    Attributes
    ----------
    name, kind, columns
        The row, whether it is a finding or a total, and what it sums over.
    n_reports
        Reports compared.
    positives
        Positive gold cells among those that count (TP + FN).
    tp, fp, fn, tn, ignored
        Cells.
    precision, recall, f1
        Micro-averaged for a total; undefined (None) where the denominator is 0.
    macro_f1
        For a total only: the mean F1 of its columns that have a positive in the gold.
    """

    name: str
    kind: Literal["finding", "total"]
    columns: tuple[str, ...]
    n_reports: int
    positives: int
    tp: int
    fp: int
    fn: int
    tn: int
    ignored: int
    precision: Estimate
    recall: Estimate
    f1: Estimate
    macro_f1: Estimate | None


def score_table(
    codes: NDArray[np.int8],
    columns: Sequence[str],
    totals: Sequence[Total],
    *,
    draws: int = 2000,
    seed: int = 0,
) -> list[Score]:
    """Score every column, then every total, with report-level bootstrap intervals.

    Parameters
    ----------
    codes
        Outcome codes, shape ``(reports, columns)`` (see `outcomes`).
    columns
        The columns' names.
    totals
        Totals over some of them.
    draws, seed
        Of the bootstrap; 0 draws give no intervals.
    """
    counts = count_codes(codes, N_OUTCOMES)
    resampled = resample_counts(codes, N_OUTCOMES, draws=draws, seed=seed)
    place = {name: k for k, name in enumerate(columns)}
    rows: list[tuple[str, Literal["finding", "total"], tuple[str, ...]]] = [
        *((name, "finding", (name,)) for name in columns),
        *((total.name, "total", total.columns) for total in totals),
    ]
    scores = []
    for name, kind, members in rows:
        chosen = [place[m] for m in members]
        part, drawn = counts[chosen], resampled[:, chosen]
        cells = part.sum(axis=0)
        macro: Estimate | None = None
        if kind == "total":
            # Columns without a positive (Hernia in the Open-i gold) have an F1 of 0 or none at
            # all, whatever the labeler does: they would only dilute the mean.
            marked = [k for k in chosen if counts[k, TP] + counts[k, FN] > 0]
            macro = (
                estimate(macro_f1, counts[marked], resampled[:, marked])
                if marked
                else Estimate(None)
            )
        scores.append(
            Score(
                name=name,
                kind=kind,
                columns=members,
                n_reports=len(codes),
                positives=int(cells[TP] + cells[FN]),
                tp=int(cells[TP]),
                fp=int(cells[FP]),
                fn=int(cells[FN]),
                tn=int(cells[TN]),
                ignored=int(cells[IGNORED]),
                precision=estimate(micro_precision, part, drawn),
                recall=estimate(micro_recall, part, drawn),
                f1=estimate(micro_f1, part, drawn),
                macro_f1=macro,
            )
        )
    return scores
