"""The ROC curve, the area under it, and how sure that area is.

The area is the probability that an image with the finding gets a higher score than one without,
ties counting half (Hanley and McNeil, Radiology 143, 1982). Its variance is DeLong's (DeLong,
DeLong and Clarke-Pearson, Biometrics 44, 1988, equations 3 to 6). Images of one patient resemble
each other; where patients are given, their images' shares in the variance are added up before
they are squared (Obuchowski, Biometrics 53, 1997). All of it takes one sort: O(n log n), as in
Sun and Xu (IEEE Signal Processing Letters 21, 2014), by tied groups instead of their midranks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import erfc, inf, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cxrmine.evaluation.intervals import Estimate


@dataclass(frozen=True)
class Groups:
    """The images by score, equal scores together, the highest score first.

    Attributes
    ----------
    scores
        The distinct scores, falling, shape ``(groups,)``.
    positives, negatives
        How many images of each kind have that score, shape ``(groups,)``, integers.
    group
        The group of every image, shape ``(n,)``.
    """

    scores: NDArray[np.float64]
    positives: NDArray[np.int64]
    negatives: NDArray[np.int64]
    group: NDArray[np.int64]


def checked(scores: ArrayLike, labels: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return scores as float64 and labels as bool, both of shape ``(n,)``.

    Raises
    ------
    ValueError
        If they are not of one length and one dimension, a score is NaN, or a label is neither
        0 nor 1.
    """
    s = np.asarray(scores, dtype=np.float64)
    y = np.asarray(labels)
    if s.ndim != 1 or s.shape != y.shape:
        raise ValueError(f"scores {s.shape} and labels {y.shape} must have one shape (n,)")
    if np.isnan(s).any():
        raise ValueError("a score is NaN")
    if y.dtype != np.bool_ and not np.isin(y, (0, 1)).all():
        raise ValueError("labels must be 0 or 1")
    return s, y.astype(np.bool_)


def tied_groups(scores: ArrayLike, labels: ArrayLike) -> Groups:
    """Sort the images by score, highest first, and count both kinds at every distinct score."""
    s, y = checked(scores, labels)
    values, group = np.unique(-s, return_inverse=True)
    group = group.reshape(-1).astype(np.int64)
    both = np.bincount(group, minlength=len(values))
    positives = np.bincount(group[y], minlength=len(values))
    return Groups(-values, positives, both - positives, group)


def auc(scores: ArrayLike, labels: ArrayLike) -> float | None:
    """Return the area under the ROC curve, or None where one kind of image is missing.

    Parameters
    ----------
    scores
        Shape ``(n,)``; any finite or infinite numbers, higher for a more likely finding.
    labels
        Shape ``(n,)``, 0 or 1.

    Raises
    ------
    ValueError
        As `checked`.

    Examples
    --------
    >>> auc([0.9, 0.4, 0.4, 0.1], [1, 1, 0, 0])
    0.875
    """
    groups = tied_groups(scores, labels)
    positives, negatives = int(groups.positives.sum()), int(groups.negatives.sum())
    if not positives or not negatives:
        return None
    return _area(groups, positives, negatives)


def _area(groups: Groups, positives: int, negatives: int) -> float:
    below = negatives - np.cumsum(groups.negatives)  # negatives with a lower score
    # Twice the number of pairs in the right order: a whole number, so nothing is rounded.
    doubled = int((groups.positives * (2 * below + groups.negatives)).sum())
    return doubled / (2 * positives * negatives)


@dataclass(frozen=True)
class Influence:
    """An area, and what every image contributes to its deviation.

    Attributes
    ----------
    auc
        The area.
    parts
        Shape ``(n,)``. The variance of the area is the sum of their squares (by patient: of the
        squares of the patients' sums); the covariance of two areas, that of their products.
    """

    auc: float
    parts: NDArray[np.float64]


def influence(
    scores: ArrayLike, labels: ArrayLike, clusters: ArrayLike | None = None
) -> Influence | None:
    """Return the area and the images' structural components, centred and scaled.

    Parameters
    ----------
    scores, labels
        As `auc` takes them.
    clusters
        The patient of every image, shape ``(n,)``, whole numbers; None if every image is another
        patient's.

    Returns
    -------
    Influence or None
        None where there are fewer than two images (patients) of either kind: then the area has
        no variance.

    Notes
    -----
    DeLong's components are V10 of an image with the finding (the share of those without that
    score lower) and V01 of one without. With I10 and I01 patients who have images of each kind,
    and m and n such images, the parts are ``(V10 - auc) / m * sqrt(I10 / (I10 - 1))`` and
    ``(V01 - auc) / n * sqrt(I01 / (I01 - 1))``. Without clusters that is DeLong's variance
    exactly; with them Obuchowski's, but for the small-sample factor of her cross term, which is
    the geometric mean of the two here, so that a variance cannot be negative.
    """
    s, y = checked(scores, labels)
    groups = tied_groups(s, y)
    positives, negatives = int(groups.positives.sum()), int(groups.negatives.sum())
    if clusters is None:
        patients = (positives, negatives)
    else:
        place = np.asarray(clusters)
        if place.shape != s.shape:
            raise ValueError(f"clusters {place.shape} and scores {s.shape} must have one shape")
        patients = (len(np.unique(place[y])), len(np.unique(place[~y])))
    if min(patients) < 2:
        return None
    area = _area(groups, positives, negatives)
    lower = (negatives - np.cumsum(groups.negatives)) + groups.negatives / 2
    higher = (np.cumsum(groups.positives) - groups.positives) + groups.positives / 2
    with_finding = (lower / negatives - area) / positives * sqrt(patients[0] / (patients[0] - 1))
    without = (higher / positives - area) / negatives * sqrt(patients[1] / (patients[1] - 1))
    return Influence(area, np.where(y, with_finding[groups.group], without[groups.group]))


def covariance(
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    clusters: ArrayLike | None = None,
) -> float:
    """Return the covariance of two areas from the parts of the same ``(n,)`` images.

    An image that does not count for one of them has part 0 there.
    """
    if clusters is None:
        return float(first @ second)
    place = np.unique(np.asarray(clusters), return_inverse=True)[1].reshape(-1)
    return float(np.bincount(place, first) @ np.bincount(place, second))


def normal_interval(value: float, variance: float, *, level: float = 0.95) -> Estimate:
    """Return the interval of a normal distribution around an area, cut off at 0 and 1."""
    half = NormalDist().inv_cdf((1 + level) / 2) * sqrt(max(variance, 0.0))
    return Estimate(value, max(0.0, value - half), min(1.0, value + half))


def auc_interval(
    scores: ArrayLike,
    labels: ArrayLike,
    *,
    clusters: ArrayLike | None = None,
    level: float = 0.95,
) -> Estimate:
    """Return the area under the ROC curve with DeLong's interval.

    Parameters
    ----------
    scores, labels, clusters
        As `influence` takes them.
    level
        The interval's coverage.

    Returns
    -------
    Estimate
        No value where one kind of image is missing, no interval where one kind has a single
        image (patient). Where all scores lie in the right order, the interval has no width.

    Examples
    --------
    >>> auc_interval([0.9, 0.8, 0.3, 0.6, 0.2, 0.1], [1, 1, 1, 0, 0, 0])
    Estimate(value=0.888..., low=0.580..., high=1.0)
    """
    found = influence(scores, labels, clusters)
    if found is None:
        return Estimate(auc(scores, labels))
    return normal_interval(found.auc, covariance(found.parts, found.parts, clusters), level=level)


def mean_interval(
    areas: Sequence[Influence], *, clusters: ArrayLike | None = None, level: float = 0.95
) -> Estimate:
    """Return the mean of several findings' areas on the same images, with its interval.

    The findings' areas depend on each other, because they are measured on the same images; the
    mean's variance is taken from the means of the parts, which holds all the covariances.
    """
    if not areas:
        return Estimate(None)
    parts = np.mean([area.parts for area in areas], axis=0)
    value = float(np.mean([area.auc for area in areas]))
    return normal_interval(value, covariance(parts, parts, clusters), level=level)


@dataclass(frozen=True)
class Difference:
    """The difference of two areas on the same images, with its interval and two-sided p.

    None where it is undefined; `p` is 1 for two models whose scores have the same order.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    p: float | None = None


def paired_difference(
    first: Influence | None,
    second: Influence | None,
    *,
    clusters: ArrayLike | None = None,
    level: float = 0.95,
) -> Difference:
    """Return ``first - second`` with DeLong's paired test.

    Parameters
    ----------
    first, second
        From `influence` (or means of several findings' areas), on the same images.
    clusters
        The images' patients.
    level
        The interval's coverage.

    Notes
    -----
    DeLong et al. 1988, section 4: the variance of the difference is that of the contrast (1, -1),
    which is the variance of the images' differences.
    """
    if first is None or second is None:
        return Difference(None)
    value = first.auc - second.auc
    parts = first.parts - second.parts
    deviation = sqrt(max(covariance(parts, parts, clusters), 0.0))
    half = NormalDist().inv_cdf((1 + level) / 2) * deviation
    if deviation > 0:
        p: float | None = erfc(abs(value) / deviation / sqrt(2))
    else:
        p = 1.0 if value == 0 else None
    return Difference(value, value - half, value + half, p)


def mean_influence(areas: Sequence[Influence]) -> Influence | None:
    """Return the mean of several findings' areas as one area, for `paired_difference`."""
    if not areas:
        return None
    return Influence(
        float(np.mean([area.auc for area in areas])),
        np.mean([area.parts for area in areas], axis=0),
    )


@dataclass(frozen=True)
class Roc:
    """The corners of an ROC curve, from (0, 0) to (1, 1).

    Attributes
    ----------
    fpr, tpr
        Shape ``(corners,)``, not falling.
    thresholds
        The images with at least this score are called positive; infinite at the first corner.
    """

    fpr: NDArray[np.float64]
    tpr: NDArray[np.float64]
    thresholds: NDArray[np.float64]


def roc_curve(scores: ArrayLike, labels: ArrayLike) -> Roc | None:
    """Return the ROC curve without the points that lie on a line between two others.

    Returns
    -------
    Roc or None
        None where one kind of image is missing.
    """
    groups = tied_groups(scores, labels)
    positives, negatives = int(groups.positives.sum()), int(groups.negatives.sum())
    if not positives or not negatives:
        return None
    up, right = groups.positives, groups.negatives
    keep = np.ones(len(up), dtype=np.bool_)
    keep[:-1] = up[:-1] * right[1:] != up[1:] * right[:-1]
    tpr = np.cumsum(up)[keep] / positives
    fpr = np.cumsum(right)[keep] / negatives
    return Roc(
        np.concatenate([[0.0], fpr]),
        np.concatenate([[0.0], tpr]),
        np.concatenate([[inf], groups.scores[keep]]),
    )


def sensitivity_at(curve: Roc, fpr: float) -> float:
    """Return the highest sensitivity of a curve at a false positive rate in [0, 1].

    Between corners the curve is a straight line: what throwing a coin between two thresholds
    reaches.
    """
    at = int(np.searchsorted(curve.fpr, fpr, side="right")) - 1
    if at + 1 >= len(curve.fpr):
        return float(curve.tpr[-1])
    left, right = curve.fpr[at], curve.fpr[at + 1]
    share = (fpr - left) / (right - left)
    return float(curve.tpr[at] + share * (curve.tpr[at + 1] - curve.tpr[at]))
