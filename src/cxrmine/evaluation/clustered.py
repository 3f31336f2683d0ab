"""Intervals of shares and of rates whose cases come in clusters: boxes on images of patients.

Boxes of one patient are alike, so n boxes tell less than n patients would. The variance of a
share or rate is therefore estimated between clusters, by linearising the ratio (Cochran 1977,
"Sampling Techniques", 3rd edition, chapter 6), and the share's interval is Wilson's at the
*effective* number of cases, share × (1 − share) / variance (Kish 1965, section 8.2; that Wilson's
interval so used keeps its coverage: Dean and Pagano, J. Survey Stat. Methodol. 3, 2015).
"""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from cxrmine.evaluation.intervals import Estimate

FloatArray = NDArray[np.float64]

# The upper bound of a Poisson mean of which nothing was seen, two-sided at 95 %: −ln 0.025
# (Garwood 1936).
_NONE_SEEN = 3.688879454113936


def linearised_variance(influence: FloatArray) -> float:
    """Return the variance of a sum of influences, one a cluster.

    Parameters
    ----------
    influence : ndarray, shape (clusters,)
        What each cluster adds to the estimate beyond its share; they sum to about 0.

    Returns
    -------
    float
        ``C / (C − 1) · Σ (d − mean d)²``; NaN with fewer than two clusters.
    """
    clusters = len(influence)
    if clusters < 2:
        return float("nan")
    spread = influence - influence.mean()
    return float(clusters / (clusters - 1) * (spread @ spread))


def share(hits: FloatArray, cases: FloatArray) -> Estimate:
    """Return the share of hits and its 95 % interval.

    Parameters
    ----------
    hits, cases : ndarray, shape (clusters,)
        How many of how many, by cluster.

    Returns
    -------
    Estimate
        Without a value where there is no case.
    """
    return mean_share(hits[:, np.newaxis], cases[:, np.newaxis])


def mean_share(hits: FloatArray, cases: FloatArray) -> Estimate:
    """Return the unweighted mean of several shares and its 95 % interval.

    Parameters
    ----------
    hits, cases : ndarray, shape (clusters, shares)
        Shares without a case are left out.
    """
    there = cases.sum(axis=0) > 0
    hits, cases = hits[:, there], cases[:, there]
    if not there.any():
        return Estimate(None)
    whole = cases.sum(axis=0)
    shares = hits.sum(axis=0) / whole
    value = float(shares.mean())
    influence = ((hits - shares * cases) / whole).mean(axis=1)
    used = cases.sum(axis=1) > 0
    clusters = int(used.sum())
    variance = linearised_variance(influence[used])
    # At 0 and 1 the variance says nothing, nor does that of one cluster: a cluster then counts as
    # one case. Otherwise independent cases are the most that can be known.
    number = float(clusters)
    if clusters > 1 and 0 < value < 1:
        number = float(whole.sum())
        if variance > 0:
            number = min(number, value * (1 - value) / variance)
    return wilson_effective(value, number)


def wilson_effective(value: float, number: float, *, level: float = 0.95) -> Estimate:
    """Return Wilson's interval (JASA 22, 1927) for a share of an effective number of cases.

    At whole numbers it is `cxrmine.evaluation.intervals.wilson`.
    """
    z2 = NormalDist().inv_cdf((1 + level) / 2) ** 2
    middle = (value + z2 / (2 * number)) / (1 + z2 / number)
    half = sqrt(z2 * (value * (1 - value) / number + z2 / (4 * number**2))) / (1 + z2 / number)
    # At 0 and 1 the bound is the value itself, but for rounding.
    low, high = min(max(0.0, middle - half), value), max(min(1.0, middle + half), value)
    return Estimate(value, low, high)


def rate(events: FloatArray, units: FloatArray, *, level: float = 0.95) -> Estimate:
    """Return the number of events a unit (false boxes an image) and its interval.

    Parameters
    ----------
    events, units : ndarray, shape (clusters,)
        How many events on how many units, by cluster.

    Returns
    -------
    Estimate
        Normal in the linearised variance, from 0 upwards; without any event up to the Poisson
        bound for the number of clusters. Without a value where there is no unit, without an
        interval where there is one cluster.
    """
    whole = units.sum()
    if whole <= 0:
        return Estimate(None)
    value = float(events.sum() / whole)
    used = units > 0
    clusters = int(used.sum())
    if not events.sum():
        return Estimate(value, 0.0, _NONE_SEEN / clusters)
    variance = linearised_variance((events - value * units)[used] / whole)
    if not variance >= 0:
        return Estimate(value)
    half = NormalDist().inv_cdf((1 + level) / 2) * sqrt(variance)
    return Estimate(value, max(0.0, value - half), value + half)
