"""Agreement of two label files: Cohen's kappa by column (Cohen 1960)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cxrmine.evaluation.intervals import Estimate, count_codes, estimate, resample_counts
from cxrmine.evaluation.labels import BLANK, Uncertain, is_positive

#: The categories of `kappa` over all values, in the order of their codes.
CATEGORIES = (BLANK, -1, 0, 1)
_N = len(CATEGORIES)


def kappa(pairs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return Cohen's kappa from a table of pairs.

    Parameters
    ----------
    pairs
        Counts, shape ``(…, categories, categories)``: first rater by second rater.

    Returns
    -------
    ndarray
        (p_o - p_e) / (1 - p_e), shape ``(…)``; NaN where both raters use one and the same
        category throughout, or where nothing was counted.
    """
    total = pairs.sum(axis=(-1, -2))
    agreed = np.trace(pairs, axis1=-2, axis2=-1) * total
    expected = (pairs.sum(axis=-1) * pairs.sum(axis=-2)).sum(axis=-1)
    # Whole numbers throughout (both sides times n²), so that "1 - p_e is 0" is exact.
    bottom = total * total - expected
    result: NDArray[np.float64] = np.divide(
        agreed - expected, bottom, out=np.full(bottom.shape, np.nan), where=bottom > 0
    )
    return result


def agreement(pairs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of pairs on the diagonal, NaN where nothing was counted."""
    total = pairs.sum(axis=(-1, -2))
    result: NDArray[np.float64] = np.divide(
        np.trace(pairs, axis1=-2, axis2=-1),
        total,
        out=np.full(total.shape, np.nan),
        where=total > 0,
    )
    return result


@dataclass(frozen=True)
class Agreement:
    """One column's agreement.

    ``kappa`` and ``agreement`` are over positive and not positive; ``kappa_values`` and
    ``agreement_values`` over the four values 1, 0, -1 and blank. ``both``, ``first_only``,
    ``second_only`` and ``neither`` count positive cells, ``ignored`` those left out.
    """

    column: str
    n_reports: int
    both: int
    first_only: int
    second_only: int
    neither: int
    ignored: int
    kappa: Estimate
    agreement: Estimate
    kappa_values: Estimate
    agreement_values: Estimate


def _binary(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Add up the columns' counts of the five cell codes and make 2×2 tables of them."""
    total: NDArray[np.float64] = counts[..., :4].sum(axis=-2)
    return total.reshape(*total.shape[:-1], 2, 2)


def _valued(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    total: NDArray[np.float64] = counts.sum(axis=-2)
    return total.reshape(*total.shape[:-1], _N, _N)


def compare_values(
    first: NDArray[np.int8],
    second: NDArray[np.int8],
    columns: Sequence[str],
    *,
    uncertain: Uncertain = "negative",
    draws: int = 2000,
    seed: int = 0,
) -> list[Agreement]:
    """Compare two arrays of label values, each of shape ``(reports, columns)``.

    Returns one row a column, and with several columns a last one over all cells together.
    """
    one, one_counts = is_positive(first, uncertain)
    two, two_counts = is_positive(second, uncertain)
    # 0 neither, 1 second only, 2 first only, 3 both, 4 ignored: the 2×2 table's cells in order.
    codes = np.where(one_counts & two_counts, 2 * one + two, 4).astype(np.int8)
    # The four values -2 (blank) to 1 are 0 to 3 in the order of CATEGORIES.
    valued = (_N * (first - BLANK) + (second - BLANK)).astype(np.int8)
    counts, drawn = count_codes(codes, 5), resample_counts(codes, 5, draws=draws, seed=seed)
    value_counts = count_codes(valued, _N * _N)
    value_drawn = resample_counts(valued, _N * _N, draws=draws, seed=seed)
    rows = [(column, slice(k, k + 1)) for k, column in enumerate(columns)]
    if len(columns) > 1:
        rows.append((f"all {len(columns)} columns", slice(None)))
    result = []
    for name, part in rows:
        cells, draw = counts[part], drawn[:, part]
        values, value_draw = value_counts[part], value_drawn[:, part]
        neither, second_only, first_only, both, ignored = cells.sum(axis=0).tolist()
        result.append(
            Agreement(
                column=name,
                n_reports=len(codes),
                both=both,
                first_only=first_only,
                second_only=second_only,
                neither=neither,
                ignored=ignored,
                kappa=estimate(lambda c: kappa(_binary(c)), cells, draw),
                agreement=estimate(lambda c: agreement(_binary(c)), cells, draw),
                kappa_values=estimate(lambda c: kappa(_valued(c)), values, value_draw),
                agreement_values=estimate(lambda c: agreement(_valued(c)), values, value_draw),
            )
        )
    return result
