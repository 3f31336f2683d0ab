"""How much of the labels a look without understanding gives away.

A phantom whose findings show in the film's mean grey, or in a thumbnail, would prove nothing of a
trainer. Two logistic models are fitted to each finding, on the global mean and on thumbnails of
16 × 16 pixels, and scored on patients that they have not seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

THUMBNAIL = 16
#: What a phantom may give away at most: mean AUC by the global mean, and by thumbnails.
LIMITS = (0.65, 0.80)
_FOLDS = 5
#: Strengths of the ridge that the inner validation chooses from, per image.
_RIDGES = (0.005, 0.02, 0.08)


@dataclass(frozen=True, slots=True)
class Separability:
    """The AUCs of the cheap looks.

    Parameters
    ----------
    findings : tuple of str
    by_mean, by_thumbnail : tuple of float
        The AUC of each finding over all images, each scored by the model of the folds that its
        patient is not in; NaN where a finding has fewer than 10 images with it or without it.
    images, patients : int
        Measured on so many.
    """

    findings: tuple[str, ...]
    by_mean: tuple[float, ...]
    by_thumbnail: tuple[float, ...]
    images: int
    patients: int

    @property
    def mean(self) -> float:
        """Mean AUC of the global mean over the findings that have one; NaN if none has."""
        return _mean(self.by_mean)

    @property
    def thumbnail(self) -> float:
        """Mean AUC of the thumbnails over the findings that have one; NaN if none has."""
        return _mean(self.by_thumbnail)


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if value == value]
    return sum(known) / len(known) if known else float("nan")


def thumbnail(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return an image's thumbnail: means over a grid of 16 × 16, flat, of 0 to 1.

    Parameters
    ----------
    image : ndarray of uint8, shape (rows, columns)
        At least 16 of each; cells differ by a pixel where 16 does not divide them.
    """
    rows, columns = image.shape
    if min(rows, columns) < THUMBNAIL:
        raise ValueError(f"an image of {rows} x {columns} has no thumbnail of {THUMBNAIL}")
    cuts = [np.arange(THUMBNAIL) * size // THUMBNAIL for size in (rows, columns)]
    sums = np.add.reduceat(image.astype(np.float32), cuts[0], axis=0)
    sums = np.add.reduceat(sums, cuts[1], axis=1)
    counts = [
        np.diff(np.append(cut, size)) for cut, size in zip(cuts, (rows, columns), strict=True)
    ]
    return (sums / np.outer(*counts).astype(np.float32) / 255).ravel().astype(np.float32)


def separability(
    thumbnails: NDArray[np.floating],
    labels: NDArray[np.integer],
    patients: NDArray[np.integer],
    findings: Sequence[str],
) -> Separability:
    """Measure how well the global mean and thumbnails tell the findings.

    Parameters
    ----------
    thumbnails : ndarray, shape (images, 256)
        From `thumbnail`. Their mean is the image's global mean.
    labels : ndarray of 0 and 1, shape (images, findings)
    patients : ndarray of int, shape (images,)
        No patient is in two folds.
    findings : sequence of str

    Returns
    -------
    Separability
        From logistic regression with a ridge, in folds of patients. The ridge of a finding is
        the best of `_RIDGES` when one fold is told from three others; that this fold is scored
        too later on can only flatter the look.
    """
    x = thumbnails.astype(np.float64)
    means = x.mean(1, keepdims=True)
    # Squares let the model see "brighter or darker than usual" as well.
    by_mean = np.hstack([means, (means - means.mean()) ** 2])
    order = np.unique(patients)
    np.random.default_rng(0).shuffle(order)
    fold_of = dict(zip(order.tolist(), (np.arange(len(order)) % _FOLDS).tolist(), strict=True))
    folds = np.array([fold_of[patient] for patient in patients.tolist()])
    aucs: dict[int, list[float]] = {0: [], 1: []}
    for k in range(len(findings)):
        y = labels[:, k].astype(np.float64)
        for which, features in enumerate((by_mean, x)):
            if min(y.sum(), len(y) - y.sum()) < 10:
                aucs[which].append(float("nan"))
                continue
            aucs[which].append(rank_auc(_out_of_fold(features, y, folds), y))
    return Separability(tuple(findings), tuple(aucs[0]), tuple(aucs[1]), len(x), len(order))


def _out_of_fold(
    x: NDArray[np.float64], y: NDArray[np.float64], folds: NDArray[np.integer]
) -> NDArray[np.float64]:
    """Return ranks (0 to 1) of the scores within each fold: models of folds are not on one scale."""
    ridge = _RIDGES[0]
    inner, learn = folds == 1, folds > 1
    if x.shape[1] > 2 and 0 < y[inner].sum() < inner.sum():

        def worth(one: float) -> float:
            return rank_auc(_score(fit_logistic(x[learn], y[learn], one), x[inner]), y[inner])

        ridge = max(_RIDGES, key=worth)
    scores = np.empty(len(y))
    for fold in range(_FOLDS):
        held = folds == fold
        score = _score(fit_logistic(x[~held], y[~held], ridge), x[held])
        scores[held] = (np.argsort(np.argsort(score, kind="stable")) + 0.5) / max(len(score), 1)
    return scores


@dataclass(frozen=True, slots=True)
class Logistic:
    """A fitted model: ``(x - centre) / scale @ weights + bias`` is the log odds."""

    centre: NDArray[np.float64]
    scale: NDArray[np.float64]
    weights: NDArray[np.float64]
    bias: float


def _score(model: Logistic, x: NDArray[np.float64]) -> NDArray[np.float64]:
    return (x - model.centre) / model.scale @ model.weights + model.bias


def fit_logistic(
    x: NDArray[np.float64], y: NDArray[np.float64], ridge: float, *, rounds: int = 30
) -> Logistic:
    """Fit logistic regression with a ridge by Newton's method (IRLS).

    Parameters
    ----------
    x : ndarray, shape (n, features)
        Standardised inside.
    y : ndarray of 0 and 1, shape (n,)
    ridge : float
        Penalty per case: the loss is ``mean(log loss) + ridge / 2 · |weights|²``; the bias is free.
    rounds : int
        At most so many steps; it ends earlier when the gradient is gone.

    Returns
    -------
    Logistic
        Hastie, Tibshirani, Friedman: The Elements of Statistical Learning, section 4.4.1, with
        the penalty of 4.4.4.
    """
    centre, scale = x.mean(0), x.std(0)
    scale[scale == 0] = 1
    z = np.hstack([(x - centre) / scale, np.ones((len(x), 1))])
    penalty = np.full(z.shape[1], ridge)
    penalty[-1] = 0
    weights = np.zeros(z.shape[1])
    for _ in range(rounds):
        odds = np.clip(z @ weights, -30, 30)
        chance = 1 / (1 + np.exp(-odds))
        gradient = z.T @ (chance - y) / len(y) + penalty * weights
        if float(np.abs(gradient).max()) < 1e-6:
            break
        heavy = np.maximum(chance * (1 - chance), 1e-9)
        curvature = (z * heavy[:, np.newaxis]).T @ z / len(y)
        curvature[np.diag_indices_from(curvature)] += penalty + 1e-9
        weights -= np.linalg.solve(curvature, gradient)
    return Logistic(centre, scale, weights[:-1], float(weights[-1]))


def rank_auc(scores: NDArray[np.floating], labels: NDArray[np.floating]) -> float:
    """Return the area under the ROC curve by ranks, ties counted half (Mann-Whitney)."""
    _, place, count = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(count) - (count - 1) / 2)[place]
    positive = labels > 0.5
    n1, n0 = int(positive.sum()), int((~positive).sum())
    if not n1 or not n0:
        return float("nan")
    return float((ranks[positive].sum() - n1 * (n1 + 1) / 2) / (n1 * n0))
