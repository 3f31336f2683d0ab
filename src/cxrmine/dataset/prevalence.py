"""How common a finding is, with an interval that knows that a patient's images resemble each other.

Images of one patient mostly show the same disease, so n images tell less than n patients would.
The variance of the share is that of a ratio of sums over patients, drawn as whole clusters
(Cochran 1977, "Sampling Techniques", section 9A.2); it gives the number of independent images
that would be worth as much (Kish 1965, "Survey Sampling", section 8.2), and Wilson's interval is
taken with that number (as Dean and Pagano 2015, J Surv Stat Methodol 3:484, advise for clustered
samples; Korn and Graubard 1998, Survey Methodology 24:193, use it likewise).
"""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from cxrmine.evaluation.intervals import Estimate


def clustered_share(
    positives: NDArray[np.integer], images: NDArray[np.integer], *, level: float = 0.95
) -> Estimate:
    """Return the share of positive images and its interval, patients being the units drawn.

    Parameters
    ----------
    positives, images : ndarray, shape (patients,)
        How many of each patient's images are positive, and how many there are. Patients without
        images do not count.
    level : float
        The interval's coverage.

    Returns
    -------
    Estimate
        Without a value where there are no images, without an interval for a single patient, whose
        images say nothing about other patients.

    Raises
    ------
    ValueError
        If a patient has more positive images than images, or a negative number.

    Examples
    --------
    With one image a patient it is Wilson's interval:

    >>> clustered_share(np.array([1, 0, 0, 0]), np.array([1, 1, 1, 1]))
    Estimate(value=0.25, low=0.0455..., high=0.6993...)
    """
    if positives.shape != images.shape or (positives < 0).any() or (positives > images).any():
        raise ValueError(
            "each patient's positive images must be between 0 and the patient's images"
        )
    kept = images > 0
    y, m = positives[kept].astype(np.float64), images[kept].astype(np.float64)
    total, patients = float(m.sum()), len(m)
    if not patients:
        return Estimate(None)
    share = float(y.sum()) / total
    if patients == 1:
        return Estimate(share)
    residual = y - share * m
    # Without n / (n - 1), so that one image a patient, or m equal ones, are worth one each.
    variance = float(residual @ residual) / total**2
    # Nobody or everybody positive: nothing is known of how images cluster, so each patient counts
    # once. Otherwise the images are never taken to be worth more than independent ones.
    worth = share * (1 - share) / variance if variance > 0 else float(patients)
    return _wilson(share, min(worth, total), level)


def _wilson(share: float, number: float, level: float) -> Estimate:
    """Wilson's score interval (JASA 22, 1927) for a number that need not be whole."""
    z2 = NormalDist().inv_cdf((1 + level) / 2) ** 2
    middle = (share + z2 / (2 * number)) / (1 + z2 / number)
    half = sqrt(z2 * (share * (1 - share) / number + z2 / (4 * number**2))) / (1 + z2 / number)
    return Estimate(share, max(0.0, middle - half), min(1.0, middle + half))
