"""Sensitivity and specificity at one threshold, and which threshold to look at.

Youden's point (Youden, Cancer 3, 1950) is the threshold at which sensitivity + specificity - 1
is largest. It is chosen on the very images that it is measured on, so it flatters a little, the
more the fewer images have the finding; the intervals take the threshold as given.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cxrmine.evaluation import clustered
from cxrmine.evaluation.auc import checked, tied_groups
from cxrmine.evaluation.intervals import Estimate, wilson


@dataclass(frozen=True)
class OperatingPoint:
    """A threshold (a score of at least that much is positive) and what it reaches."""

    threshold: float
    sensitivity: Estimate
    specificity: Estimate


def youden(
    scores: ArrayLike, labels: ArrayLike, clusters: ArrayLike | None = None
) -> OperatingPoint | None:
    """Return Youden's point, or None where one kind of image is missing.

    Where several thresholds reach the same, the highest is taken.

    Parameters
    ----------
    scores
        Shape ``(n,)``, higher for a more likely finding.
    labels
        Shape ``(n,)``, 0 or 1.
    clusters
        The images' patients, for the intervals.

    Examples
    --------
    >>> youden([0.9, 0.8, 0.7, 0.2], [1, 1, 0, 0]).threshold
    0.8
    """
    s, y = checked(scores, labels)
    groups = tied_groups(s, y)
    positives, negatives = int(groups.positives.sum()), int(groups.negatives.sum())
    if not positives or not negatives:
        return None
    hits, alarms = np.cumsum(groups.positives), np.cumsum(groups.negatives)
    # In whole numbers, so that rounding does not choose among equal thresholds.
    best = int(np.argmax(hits * negatives - alarms * positives))
    threshold = float(groups.scores[best])
    return OperatingPoint(threshold, *rates(s >= threshold, y, clusters))


def rates(
    called: NDArray[np.bool_], labels: NDArray[np.bool_], clusters: ArrayLike | None = None
) -> tuple[Estimate, Estimate]:
    """Return sensitivity and specificity of yes-or-no decisions, with intervals.

    Parameters
    ----------
    called, labels
        Shape ``(n,)``.
    clusters
        The images' patients; None if every image is another patient's.
    """
    place = None if clusters is None else np.asarray(clusters)

    def one(kind: NDArray[np.bool_], right: NDArray[np.bool_]) -> Estimate:
        return share(right[kind], None if place is None else place[kind])

    return one(labels, called), one(~labels, ~called)


def share(flags: NDArray[np.bool_], clusters: NDArray[np.integer] | None = None) -> Estimate:
    """Return the share of True with Wilson's interval.

    Parameters
    ----------
    flags
        Shape ``(n,)``.
    clusters
        The images' patients, shape ``(n,)``, whole numbers. Where some have several, the interval
        is that of the effective number of flags (`cxrmine.evaluation.clustered`).
    """
    n, hits = len(flags), int(flags.sum())
    if clusters is None or not n:
        return wilson(hits, n)
    place = np.unique(clusters, return_inverse=True)[1].reshape(-1)
    cases = np.bincount(place).astype(np.float64)
    if len(cases) == n:
        return wilson(hits, n)
    return clustered.share(np.bincount(place, flags).astype(np.float64), cases)
