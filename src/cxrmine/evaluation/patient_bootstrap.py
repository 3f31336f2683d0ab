"""AUC and average precision under a bootstrap of whole patients.

It says how far a score would move if other patients had been drawn, without any formula for the
variance: the reference for DeLong's intervals, the default where several images of one patient
stand, and the only interval of average precision here. Findings of one image and images of one
patient are drawn together (Efron and Tibshirani 1993, chapter 8).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cxrmine.evaluation.intervals import Estimate

#: Weights held at once: few enough for a processor's cache (float32: 4 MB).
_CHUNK = 1_000_000


@dataclass(frozen=True)
class Draws:
    """Scores of every draw, shape ``(draws, findings)``; NaN where a draw leaves one undefined."""

    auc: NDArray[np.float64]
    average_precision: NDArray[np.float64]


def resample(
    scores: NDArray[np.float64],
    truth: NDArray[np.bool_],
    known: NDArray[np.bool_],
    clusters: ArrayLike | None = None,
    *,
    draws: int,
    seed: int,
    on_draws: Callable[[int], None] | None = None,
) -> Draws:
    """Draw patients with replacement and score every draw.

    Parameters
    ----------
    scores, truth, known
        Shape ``(n, findings)``; only cells that are known count.
    clusters
        The images' patients, shape ``(n,)``; None if every image is another patient's.
    draws
        How often as many patients as there are are drawn.
    seed
        Seed of NumPy's default generator (PCG64).
    on_draws
        Called now and then with how many draws were scored since the last call.
    """
    n, findings = scores.shape
    place = (
        np.arange(n)
        if clusters is None
        else np.unique(np.asarray(clusters), return_inverse=True)[1].reshape(-1)
    )
    patients = int(place.max()) + 1 if n else 0
    plans = [
        _Plan.of(scores[known[:, k], k], truth[known[:, k], k], place[known[:, k]])
        for k in range(findings)
    ]
    generator = np.random.default_rng(seed)
    auc = np.full((draws, findings), np.nan)
    precision = np.full((draws, findings), np.nan)
    step = max(1, _CHUNK // max(n, 1))
    for start in range(0, draws, step):
        stop = min(start + step, draws)
        drawn = _weights(generator, patients, stop - start)
        for k, plan in enumerate(plans):
            auc[start:stop, k], precision[start:stop, k] = plan.score(drawn)
        if on_draws is not None:
            on_draws(stop - start)
    return Draws(auc, precision)


def _weights(generator: np.random.Generator, patients: int, draws: int) -> NDArray[np.float32]:
    """Return how often each patient is drawn, shape ``(patients, draws)``."""
    weights = np.empty((patients, draws), dtype=np.float32)
    for draw in range(draws):
        picked = generator.integers(patients, size=patients)
        weights[:, draw] = np.bincount(picked, minlength=patients)
    return weights


@dataclass(frozen=True)
class _Plan:
    """What of a finding stays the same in every draw: the order of the scores.

    Draws differ only in how often a patient counts. Every image keeps its place in the order,
    so nothing is sorted again; all draws are scored side by side.
    """

    positives: NDArray[np.intp]  # patients of the images with the finding, highest score first
    negatives: NDArray[np.intp]  # of those without
    starts: NDArray[np.intp]  # where in `positives` each distinct score begins
    pieces: NDArray[np.intp]  # where in `negatives` a piece begins: positives lie between pieces
    higher: NDArray[np.intp]  # pieces with a higher score than each distinct one of `positives`
    not_lower: NDArray[np.intp]  # and with that score or a higher one

    @classmethod
    def of(
        cls, scores: NDArray[np.float64], truth: NDArray[np.bool_], place: NDArray[np.intp]
    ) -> _Plan:
        with_finding, without = -scores[truth], -scores[~truth]
        first, second = np.argsort(with_finding, kind="stable"), np.argsort(without, kind="stable")
        with_finding, without = with_finding[first], without[second]
        values, starts = np.unique(with_finding, return_index=True)
        higher = np.searchsorted(without, values, side="left")
        not_lower = np.searchsorted(without, values, side="right")
        pieces = np.unique(np.concatenate([[0], higher, not_lower]))
        return cls(
            place[truth][first],
            place[~truth][second],
            starts.astype(np.intp),
            pieces[pieces < len(without)].astype(np.intp),
            np.searchsorted(pieces, higher),
            np.searchsorted(pieces, not_lower),
        )

    def score(
        self, weights: NDArray[np.float32]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        draws = weights.shape[1]
        undefined = np.full(draws, np.nan)
        if not len(self.positives):
            return undefined, undefined
        # Sums of float32 stay exact: no piece weighs 2**24 with fewer images. What is added
        # up of them may.
        alarms = np.zeros((len(self.pieces) + 1, draws))
        if len(self.negatives):
            here = np.add.reduceat(weights[self.negatives], self.pieces, axis=0)
            np.cumsum(here, axis=0, out=alarms[1:])
        hits_here = np.add.reduceat(weights[self.positives], self.starts, axis=0).astype(np.float64)
        above, with_ties = alarms[self.higher], alarms[self.not_lower]
        total = alarms[-1]
        hits = np.cumsum(hits_here, axis=0)
        lower = total - (above + with_ties) / 2
        with np.errstate(divide="ignore", invalid="ignore"):
            auc = (hits_here * lower).sum(axis=0) / (hits[-1] * total)
            at = np.where(hits > 0, hits / (hits + with_ties), 0.0)
            precision = (hits_here * at).sum(axis=0) / hits[-1]
        return auc, precision


def percentile_interval(
    value: float | None, drawn: NDArray[np.float64], *, level: float = 0.95
) -> Estimate:
    """Return a score with its percentile interval over the draws that define it.

    Parameters
    ----------
    value
        The score of the images as they are.
    drawn
        Shape ``(draws,)``; NaN where undefined.
    level
        The interval's coverage.
    """
    defined = drawn[~np.isnan(drawn)]
    if value is None or not len(defined):
        return Estimate(value)
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(value, float(low), float(high))
