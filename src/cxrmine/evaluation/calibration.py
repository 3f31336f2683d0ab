"""Calibration: whether scores of 0.3 mean three in ten.

Only scores that are probabilities can be calibrated: in [0, 1].
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cxrmine.evaluation.auc import checked
from cxrmine.evaluation.intervals import Estimate
from cxrmine.evaluation.operating_point import share

#: Bins of equal width over [0, 1].
BINS = 10
# float32 sigmoids saturate at exactly 0 and 1, whose logits are infinite.
_EDGE = 1e-7


@dataclass(frozen=True)
class Bin:
    """The images with scores in ``[low, high)`` (the last bin: up to 1 itself)."""

    low: float
    high: float
    n: int
    mean_score: float | None
    positives: Estimate


@dataclass(frozen=True)
class Calibration:
    """How far scores are from probabilities.

    Attributes
    ----------
    brier
        The mean squared error of the scores (Brier, Monthly Weather Review 78, 1950); lower is
        better, and the prevalence p as everybody's score gets p (1 - p).
    ece
        Expected calibration error: the mean over the images of the distance between their bin's
        mean score and its share of positives (Guo et al., ICML 2017, equation 3), with `BINS`
        bins. It is never negative, so noise makes it larger; it has no interval.
    intercept
        Calibration in the large: the intercept of a logistic model with the scores' logits as
        offset (Cox 1958; Van Calster et al., BMC Medicine 17, 2019). 0 is perfect, below 0 the
        scores are too high.
    slope
        The slope of a logistic model on the logits: 1 is perfect, below 1 the scores are too
        extreme. No value where scores separate the two kinds of image.
    bins
        The reliability diagram.
    """

    brier: Estimate
    ece: float
    intercept: Estimate
    slope: Estimate
    bins: tuple[Bin, ...]


def are_probabilities(scores: NDArray[np.float64]) -> bool:
    """Tell whether all scores lie in [0, 1]."""
    return bool(((scores >= 0) & (scores <= 1)).all())


def calibration(
    scores: ArrayLike, labels: ArrayLike, clusters: ArrayLike | None = None
) -> Calibration | None:
    """Return the calibration of scores, or None where there is no image or a score is no share.

    Parameters
    ----------
    scores
        Shape ``(n,)``.
    labels
        Shape ``(n,)``, 0 or 1.
    clusters
        The images' patients, shape ``(n,)``, for the intervals; None if every image is another
        patient's.
    """
    s, y = checked(scores, labels)
    if not len(s) or not are_probabilities(s):
        return None
    place = (
        np.arange(len(s))
        if clusters is None
        else np.unique(np.asarray(clusters), return_inverse=True)[1].reshape(-1)
    )
    bins = _bins(s, y, None if clusters is None else place)
    gaps = [b.n * abs(b.mean_score - b.positives.value) for b in bins
            if b.mean_score is not None and b.positives.value is not None]  # fmt: skip
    clipped = np.clip(s, _EDGE, 1 - _EDGE)
    logits = np.log(clipped / (1 - clipped))
    ones = np.ones((len(s), 1))
    intercept = _logistic(ones, y, logits, place)
    slope = _logistic(np.column_stack([ones, logits]), y, np.zeros(len(s)), place)
    return Calibration(
        _mean((s - y) ** 2, place),
        sum(gaps) / len(s),
        intercept[0] if intercept else Estimate(None),
        slope[1] if slope else Estimate(None),
        bins,
    )


def _bins(
    scores: NDArray[np.float64], truth: NDArray[np.bool_], place: NDArray[np.intp] | None
) -> tuple[Bin, ...]:
    edges = np.arange(BINS + 1) / BINS
    at = np.clip(np.searchsorted(edges, scores, side="right") - 1, 0, BINS - 1)
    bins = []
    for k in range(BINS):
        inside = at == k
        n = int(inside.sum())
        bins.append(
            Bin(
                float(edges[k]),
                float(edges[k + 1]),
                n,
                float(scores[inside].mean()) if n else None,
                share(truth[inside], None if place is None else place[inside]),
            )
        )
    return tuple(bins)


def _mean(values: NDArray[np.float64], place: NDArray[np.intp], level: float = 0.95) -> Estimate:
    mean = float(values.mean())
    sums = np.bincount(place, values - mean)
    patients = len(sums)
    if patients < 2:
        return Estimate(mean)
    error = sqrt(float(sums @ sums) * patients / (patients - 1)) / len(values)
    half = NormalDist().inv_cdf((1 + level) / 2) * error
    return Estimate(mean, max(0.0, mean - half), min(1.0, mean + half))


def _logistic(
    design: NDArray[np.float64],
    truth: NDArray[np.bool_],
    offset: NDArray[np.float64],
    place: NDArray[np.intp],
    level: float = 0.95,
) -> list[Estimate] | None:
    """Fit a logistic model by Newton's method; None where it has no maximum.

    The intervals are Wald's with the variance of Liang and Zeger (Biometrika 73, 1986), which
    adds up a patient's images.
    """
    beta = np.zeros(design.shape[1])
    y = truth.astype(np.float64)

    def loss(at: NDArray[np.float64]) -> float:
        eta = offset + design @ at
        return float(np.logaddexp(0, eta).sum() - y @ eta)

    now = loss(beta)
    for _ in range(100):
        p = _sigmoid(offset + design @ beta)
        hessian = (design * (p * (1 - p))[:, np.newaxis]).T @ design
        try:
            step = np.asarray(np.linalg.solve(hessian, design.T @ (y - p)), dtype=np.float64)
        except np.linalg.LinAlgError:
            return None
        beta, now, moved = _step(loss, beta, step, now)
        if np.abs(beta).max() > 1e3:  # it runs off: the scores separate the two kinds
            return None
        if moved < 1e-10 * (1 + np.abs(beta).max()):
            break
    else:
        return None
    p = _sigmoid(offset + design @ beta)
    hessian = (design * (p * (1 - p))[:, np.newaxis]).T @ design
    if not 0 < np.linalg.cond(hessian) < 1e12:
        return None
    residual = design * (y - p)[:, np.newaxis]
    sums = np.stack([np.bincount(place, column) for column in residual.T], axis=1)
    patients = len(sums)
    if patients < 2:
        return [Estimate(float(b)) for b in beta]
    bread = np.linalg.inv(hessian)
    variance = np.diag(bread @ (sums.T @ sums) @ bread) * patients / (patients - 1)
    half = NormalDist().inv_cdf((1 + level) / 2) * np.sqrt(np.maximum(variance, 0))
    return [Estimate(float(b), float(b - h), float(b + h)) for b, h in zip(beta, half, strict=True)]


def _step(
    loss: Callable[[NDArray[np.float64]], float],
    beta: NDArray[np.float64],
    step: NDArray[np.float64],
    now: float,
) -> tuple[NDArray[np.float64], float, float]:
    """Take Newton's step, halved until the loss does not rise."""
    for _ in range(40):
        there = beta + step
        value = loss(there)
        if value <= now:
            return there, value, float(np.abs(step).max())
        step = step / 2
    return beta, now, 0.0


def _sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    # exp of a negative number only: the other side overflows.
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + small), small / (1 + small))
