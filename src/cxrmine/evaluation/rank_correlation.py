"""Spearman's rank correlation between two models' scores of the same images."""

from __future__ import annotations

from math import atanh, sqrt, tanh
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cxrmine.evaluation.intervals import Estimate


def midranks(values: ArrayLike) -> NDArray[np.float64]:
    """Return the ranks from 1 to n, equal values sharing the mean of their ranks.

    >>> midranks([3.0, 1.0, 3.0])
    array([2.5, 1. , 2.5])
    """
    array = np.asarray(values, dtype=np.float64)
    _, group, counts = np.unique(array, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: NDArray[np.float64] = (last - (counts - 1) / 2)[group.reshape(-1)]
    return ranks


def spearman(
    first: ArrayLike, second: ArrayLike, *, independent: int | None = None, level: float = 0.95
) -> Estimate:
    """Return Spearman's rho, the correlation of the midranks, with an interval.

    The interval is that of Bonett and Wright (Psychometrika 65, 2000): Fisher's z with variance
    ``(1 + rho² / 2) / (n - 3)``.

    Parameters
    ----------
    first, second
        Shape ``(n,)``.
    independent
        The n of the interval: the number of patients, where some have several images. Fewer
        than n makes it wider than it need be, never narrower. By default n.
    level
        The interval's coverage.

    Returns
    -------
    Estimate
        In [-1, 1]. No value where all of one side are equal or there are fewer than two images,
        no interval for fewer than four.

    Raises
    ------
    ValueError
        If the shapes differ or a score is NaN.

    Examples
    --------
    >>> spearman([0.1, 0.2, 0.3, 0.4], [1.0, 2.0, 4.0, 3.0]).value
    0.8
    """
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if a.ndim != 1 or a.shape != b.shape:
        raise ValueError(f"{a.shape} and {b.shape} must have one shape (n,)")
    if np.isnan(a).any() or np.isnan(b).any():
        raise ValueError("a score is NaN")
    if len(a) < 2:
        return Estimate(None)
    # Twice the distance from the mean rank is a whole number: sums stay exact up to 2**53.
    x, y = 2 * midranks(a) - len(a) - 1, 2 * midranks(b) - len(b) - 1
    scale = sqrt(float(x @ x) * float(y @ y))
    if scale == 0:
        return Estimate(None)
    rho = min(1.0, max(-1.0, float(x @ y) / scale))
    n = len(a) if independent is None else independent
    if n < 4:
        return Estimate(rho)
    if abs(rho) == 1:
        return Estimate(rho, rho, rho)
    half = NormalDist().inv_cdf((1 + level) / 2) * sqrt((1 + rho**2 / 2) / (n - 3))
    z = atanh(rho)
    return Estimate(rho, tanh(z - half), tanh(z + half))
