"""Intervals: the report-level bootstrap, and Wilson's interval of a single share.

The bootstrap says how far a score would move if other reports had been drawn. Findings of one
report depend on each other, so whole reports are resampled, not cells (Efron and Tibshirani 1993,
chapter 6; percentile intervals, chapter 13). Drawing n reports with replacement is drawing their
counts from a multinomial distribution; reports with the same outcome in every column are
interchangeable, so the counts of the distinct outcomes are drawn instead. That has the same
distribution, and its cost does not grow with the number of reports.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

#: Cells of the resampling matrix held at once (float64: 64 MB).
_CHUNK = 8_000_000


@dataclass(frozen=True)
class Estimate:
    """A score in [0, 1] (kappa: [-1, 1]) and its interval; None where it is undefined."""

    value: float | None
    low: float | None = None
    high: float | None = None


def count_codes(codes: NDArray[np.integer], n_codes: int) -> NDArray[np.int64]:
    """Return how often each code occurs in each column, shape ``(columns, n_codes)``."""
    return np.stack([(codes == c).sum(axis=0, dtype=np.int64) for c in range(n_codes)], axis=-1)


def resample_counts(
    codes: NDArray[np.integer], n_codes: int, *, draws: int, seed: int
) -> NDArray[np.float64]:
    """Resample the rows of `codes` and count every code in every column.

    Parameters
    ----------
    codes
        Shape ``(reports, columns)``, integers from 0 to ``n_codes - 1``.
    n_codes
        The number of codes.
    draws
        How many times ``reports`` rows are drawn with replacement.
    seed
        Seed of NumPy's default generator (PCG64).

    Returns
    -------
    ndarray
        Counts (whole numbers), shape ``(draws, columns, n_codes)``; each adds up to the number
        of reports over the codes.
    """
    if codes.ndim != 2 or codes.shape[0] == 0:
        raise ValueError(f"codes must have shape (reports, columns), not {codes.shape}")
    n_reports = codes.shape[0]
    patterns, multiplicity = np.unique(codes, axis=0, return_counts=True)
    # float64 because NumPy multiplies integer matrices without BLAS; whole numbers up to 2**53
    # stay exact.
    onehot = np.stack([patterns == c for c in range(n_codes)], axis=-1).astype(np.float64)
    onehot = onehot.reshape(len(patterns), -1)
    generator = np.random.default_rng(seed)
    share = multiplicity / n_reports
    step = max(1, _CHUNK // len(patterns))
    parts = []
    for start in range(0, draws, step):
        weights = generator.multinomial(n_reports, share, size=min(step, draws - start))
        parts.append(weights.astype(np.float64) @ onehot)
    counts = np.concatenate(parts) if parts else np.empty((0, onehot.shape[1]))
    return counts.reshape(draws, codes.shape[1], n_codes)


def estimate(
    score: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    counts: NDArray[np.int64],
    resampled: NDArray[np.float64],
    *,
    level: float = 0.95,
) -> Estimate:
    """Return a score of the counts as they are, and its percentile interval over the draws.

    Parameters
    ----------
    score
        From counts ``(…, columns, codes)`` to scores ``(…)``, NaN where undefined.
    counts
        Shape ``(columns, codes)``.
    resampled
        Shape ``(draws, columns, codes)``. Draws in which the score is undefined are left out;
        without any other there is no interval.
    level
        The interval's coverage.
    """
    value = float(score(counts.astype(np.float64)[np.newaxis])[0])
    if np.isnan(value):
        return Estimate(None)
    drawn = score(resampled) if len(resampled) else np.empty(0)
    drawn = drawn[~np.isnan(drawn)]
    if not len(drawn):
        return Estimate(value)
    tail = (1 - level) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return Estimate(value, float(low), float(high))


def wilson(part: int, whole: int, *, level: float = 0.95) -> Estimate:
    """Return a share and its interval (Wilson, JASA 22, 1927: the score interval).

    Parameters
    ----------
    part, whole
        How many of how many; they are taken to be independent of each other.
    level
        The interval's coverage.

    Returns
    -------
    Estimate
        Without a value where `whole` is 0.

    Raises
    ------
    ValueError
        If `part` is negative or exceeds `whole`.

    Examples
    --------
    >>> wilson(0, 10)
    Estimate(value=0.0, low=0.0, high=0.2775...)
    """
    if not 0 <= part <= whole:
        raise ValueError(f"{part} of {whole} is no share")
    if not whole:
        return Estimate(None)
    z2 = NormalDist().inv_cdf((1 + level) / 2) ** 2
    share = part / whole
    middle = (share + z2 / (2 * whole)) / (1 + z2 / whole)
    half = sqrt(z2 * (share * (1 - share) / whole + z2 / (4 * whole * whole))) / (1 + z2 / whole)
    return Estimate(share, max(0.0, middle - half), min(1.0, middle + half))
