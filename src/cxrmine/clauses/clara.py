"""k-medoids of more clauses than have a matrix of distances in memory.

Sample and assign, as CLARA does (Kaufman and Rousseeuw 1990, chapter 3), with FasterPAM in place
of PAM (Schubert and Rousseeuw 2021, section 3.6), and three things more:

- Samples are drawn in proportion to the counts, the heaviest clauses always among them, and
  carry weights that make up for it: every clause counts in expectation what it counts in the
  data. (1,000,000 clauses of scripts/generate_clauses.py, 200,000 of them distinct, k = 200:
  medoids found on 20,000 distinct clauses so drawn left 1.90 edits a clause over all, on as many
  drawn evenly 2.39 and 2.52.)
- Of the samples' medoids those of the least loss over *all* clauses are kept.
- These are then refined over all clauses: candidates, the heaviest of every cluster first, are
  tried by FasterPAM's swap with their distances computed as they are needed. It costs time
  instead of memory, and ends after a fixed number of distances.

Every sample depends on its number and the seed alone, so that a run which was killed need not do
finished samples again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cxrmine.clauses.distance import BLOCK_DISTANCES, ClauseDistances, distance_dtype
from cxrmine.clauses.kmedoids import SwapSearch, k_medoids

# Distinct clauses in a sample at most. Time and memory grow with their square; the refinement
# over all clauses brings more than a larger sample.
LARGEST_SAMPLE = 20_000

# Distances that the refinement computes at most: one or two minutes on two cores.
REFINE_DISTANCES = 8_000_000_000

# The refinement goes through its candidates so many times. Twice through half as many lowered the
# loss more than once through all of them or four times through a quarter.
SWEEPS = 2

# Bytes of working memory for each point beside the matrix: blocks of rows while it is computed
# and while BUILD goes through it.
POINT_BYTES = 2048


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """A finished part of a run: what to keep so that it need not be done again.

    ``name`` is "sample 1", "sample 2", ... or "refined"; ``number`` of ``total`` says how far the
    run is. ``medoids`` (k,) are rising indices of clauses; ``loss`` is theirs over all clauses.
    """

    name: str
    number: int
    total: int
    medoids: NDArray[np.int64]
    loss: float


@dataclass(frozen=True, slots=True, eq=False)
class Sampled:
    """k medoids found on samples, and all clauses assigned to them.

    ``medoids`` (k,) are rising indices of clauses. ``nearest`` (n,) int32 is an index into them,
    the lower of equally near ones, or -1 for a clause beyond the cut-off; ``distance`` (n,) is the
    distance to the nearest in either case, raised to the power that was asked for, and ``loss``
    the weighted sum of it over all clauses.
    ``sample_size`` is the number of distinct clauses in a sample; ``sample_losses`` the loss over
    all clauses of each sample's medoids, before refinement.
    """

    medoids: NDArray[np.int64]
    nearest: NDArray[np.int32]
    distance: NDArray[Any]
    loss: float
    sample_size: int
    sample_losses: tuple[float, ...]


def matrix_bytes(n: int, k: int, longest: int, metric: str) -> int:
    """Return the bytes that k-medoids over n clauses needs: the matrix and what it works on.

    Parameters
    ----------
    n, k : int
        Distinct clauses, clusters.
    longest : int
        Length of the longest clause in code points.
    metric : str
        One of `cxrmine.clauses.distance.METRICS`.

    Returns
    -------
    int
    """
    item = distance_dtype(longest, metric).itemsize
    return n * n * item + n * (2 * min(k, n) * item + POINT_BYTES)


def sample_size(n: int, k: int, longest: int, metric: str, memory_bytes: int) -> int:
    """Return how many distinct clauses a sample has.

    As many as fit in memory, at most `LARGEST_SAMPLE`, but for a huge k at least Kaufman and
    Rousseeuw's 40 + 2k, and no more than there are.

    Parameters
    ----------
    n, k, longest, metric
        As for `matrix_bytes`.
    memory_bytes : int
        Memory to stay within.

    Returns
    -------
    int
    """
    item = distance_dtype(longest, metric).itemsize
    # The positive root of item m^2 + b m = memory.
    b = 2 * k * item + POINT_BYTES
    fits = int((math.sqrt(b * b + 4 * item * max(memory_bytes, 0)) - b) / (2 * item))
    return min(n, max(min(fits, LARGEST_SAMPLE), 40 + 2 * k))


def draw_sample(
    counts: ArrayLike, size: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Draw distinct clauses in proportion to their counts, and weigh them to stand for all.

    A clause that alone makes up a sampling step or more is certain to be drawn and keeps its
    count. The rest are drawn systematically, at equal steps along their cumulated counts (Madow
    1949), and weigh a step each, their count over their chance of being drawn (Horvitz and
    Thompson 1952). As clauses are sorted by text, equal steps also spread the sample over all
    kinds of them.

    Parameters
    ----------
    counts : array_like
        Shape (n,), positive.
    size : int
        Clauses to draw, at least 1; all of them where that is n or more.
    rng : numpy.random.Generator
        Decides where the steps begin.

    Returns
    -------
    points : numpy.ndarray
        Shape (size,), int64, rising.
    weights : numpy.ndarray
        Shape (size,), float64, whole 1024ths so that sums of integer distances stay exact.
    """
    w = np.asarray(counts, np.float64)
    if size >= len(w):
        return np.arange(len(w)), w.copy()
    sure = np.zeros(len(w), bool)
    while True:
        left = size - int(sure.sum())
        interval = w[~sure].sum() / max(left, 1)
        heavy = ~sure & (w >= interval)
        if not left or not heavy.any():
            break
        sure |= heavy
    rest = np.flatnonzero(~sure)
    # A point is drawn where the cumulated counts pass the end of a step; none is as long as a
    # step, so that none is drawn twice.
    ends = np.cumsum(w[rest])
    passed = np.searchsorted(ends / ends[-1] * left, np.arange(1, left + 1) - rng.random())
    drawn = rest[np.unique(passed)]
    points = np.sort(np.concatenate([np.flatnonzero(sure), drawn]))
    weights = np.where(sure[points], w[points], interval)
    return points, np.maximum(np.round(weights * 1024), 1) / 1024


def run_sample(
    distances: ClauseDistances,
    counts: ArrayLike,
    k: int,
    *,
    size: int,
    seed: int,
    number: int,
) -> NDArray[np.int64]:
    """Draw sample `number` and return its medoids by FasterPAM from BUILD's start.

    Parameters
    ----------
    distances : ClauseDistances
        Of all n clauses.
    counts : array_like
        Shape (n,), positive.
    k : int
        Clusters.
    size : int
        Distinct clauses in the sample; more than k.
    seed, number : int
        Together they decide the sample, and nothing else does.

    Returns
    -------
    numpy.ndarray
        Shape (k,), int64: rising indices of clauses.
    """
    points, weights = draw_sample(counts, size, np.random.default_rng([seed, number]))
    return points[k_medoids(distances.square(points), k, weights).medoids]


def refine(
    distances: ClauseDistances,
    counts: ArrayLike,
    medoids: ArrayLike,
    *,
    memory_bytes: int,
    seed: int = 0,
    budget: int = REFINE_DISTANCES,
) -> NDArray[np.int64]:
    """Improve medoids by FasterPAM's swaps over all clauses, for a number of candidates.

    Candidates are the heaviest clause of every cluster, then the second of every cluster, and so
    on: on 200,000 clauses 3,000 such candidates lowered the loss more than 4,000 of the worst
    served, of the heaviest of all or of random ones. It ends when the budget is spent, or none of
    them helps. Where even the distances to the medoids are too many for the memory, a large
    sample drawn by `draw_sample` stands for all clauses.

    Parameters
    ----------
    distances : ClauseDistances
        Of all n clauses.
    counts : array_like
        Shape (n,), positive.
    medoids : array_like
        Shape (k,): indices of clauses.
    memory_bytes : int
        Memory to stay within.
    seed : int, default 0
        Of the sample, where there is one.
    budget : int
        Distances to compute at most.

    Returns
    -------
    numpy.ndarray
        Shape (k,), int64: rising indices of clauses. Over all clauses, or their sample, never
        worse than `medoids`.
    """
    chosen = np.array(medoids, np.int64)
    w = np.asarray(counts, np.float64)
    if len(chosen) < 2:
        return chosen
    # To the medoids, and a part of that again while their nearest are found; vectors of the
    # search, half of the memory staying free for the blocks of rows.
    each = 2 * len(chosen) * distances.dtype.itemsize + 128
    size = max(memory_bytes // 2 // each, 40 + 2 * len(chosen))
    points, weights = draw_sample(w, size, np.random.default_rng([seed, 0]))
    whole = len(points) == len(distances)
    search = SwapSearch(distances.between(points, chosen), chosen, weights)
    step = max(1, BLOCK_DISTANCES // len(points))
    left = max(budget // len(points), 1)
    sweep = -(-left // SWEEPS)
    swaps = -1
    while left and search.swaps > swaps:
        swaps = search.swaps
        candidates = _in_turn(distances.nearest(search.medoids)[0], w)
        candidates = candidates[~np.isin(candidates, search.medoids)][: min(sweep, left)]
        left -= len(candidates)
        for start in range(0, len(candidates), step):
            block = candidates[start : start + step]
            rows = distances.between(block, None if whole else points)
            for x, row in zip(block.tolist(), rows, strict=True):
                search.try_candidate(x, row)
    return np.sort(search.medoids)


def clara(
    clauses: Sequence[str],
    counts: ArrayLike,
    k: int,
    *,
    metric: str,
    memory_bytes: int,
    power: int = 1,
    seed: int = 0,
    workers: int = 1,
    samples: int = 3,
    cut_off: float | None = None,
    finished: Mapping[str, ArrayLike] | None = None,
    on_step: Callable[[Step], None] | None = None,
) -> Sampled:
    """Cluster clauses by FasterPAM on samples, refine over all, assign all.

    Parameters
    ----------
    clauses : sequence of str
        n distinct clauses, sorted.
    counts : array_like
        Shape (n,): how often each stands in the reports, or whatever it is to weigh; positive.
    k : int
        Clusters, at least 1; with k >= n every clause is its own medoid.
    metric : str
        One of `cxrmine.clauses.distance.METRICS`.
    memory_bytes : int
        Memory to stay within; it decides the size of the samples.
    power : int, default 1
        The loss sums distances raised to this power, and so is `Sampled.distance`. Other than 1
        for relative distances only (`ClauseDistances`).
    seed : int, default 0
        Of everything drawn.
    workers : int, default 1
        Threads. They do not change the result.
    samples : int, default 3
        How many, at least 1. Where one sample holds all clauses there is only that.
    cut_off : float, optional
        A clause whose edit distance to its nearest medoid is more than this share of the longer
        one's length is assigned to none.
    finished : mapping of str to array_like, optional
        Medoids of steps that an earlier run with the same clauses, counts and options finished,
        by their name. They are not computed again.
    on_step : callable, optional
        Called with every step that was computed.

    Returns
    -------
    Sampled

    Raises
    ------
    ValueError
        No clauses, k or samples less than 1, counts that are not positive or not as many as the
        clauses, or a power that is not for this metric.
    """
    w = np.asarray(counts, np.float64)
    n = len(clauses)
    if k < 1 or samples < 1:
        raise ValueError(f"k and samples must be at least 1, not {k} and {samples}")
    if not n or w.shape != (n,) or not (np.isfinite(w).all() and (w > 0).all()):
        raise ValueError(f"{n} clauses need as many positive counts, and there must be some")
    distances = ClauseDistances(clauses, metric, workers=workers, power=power)
    if k >= n:
        each = np.arange(n)
        return Sampled(each, each.astype(np.int32), np.zeros(n, distances.dtype), 0.0, n, (0.0,))
    size = sample_size(n, k, int(distances.lengths.max()), metric, memory_bytes)
    # A sample of everything is a full run: another would find the same, and no swap helps.
    samples = 1 if size == n else samples
    total = samples + (size < n)

    def loss_of(medoids: NDArray[np.int64]) -> float:
        return float((w * distances.nearest(medoids)[1]).sum())

    def do(name: str, number: int, work: Callable[[], NDArray[np.int64]]) -> Step:
        """Take a step from the finished ones, or do it and say so."""
        if finished is not None and name in finished:
            medoids = np.asarray(finished[name], np.int64)
            return Step(name, number, total, medoids, loss_of(medoids))
        medoids = work()
        step = Step(name, number, total, medoids, loss_of(medoids))
        if on_step is not None:
            on_step(step)
        return step

    steps = []
    for i in range(1, samples + 1):

        def sample(number: int = i) -> NDArray[np.int64]:
            return run_sample(distances, w, k, size=size, seed=seed, number=number)

        steps.append(do(f"sample {i}", i, sample))
    best = min(steps, key=lambda step: step.loss)  # the first of equals
    if size < n:
        start = best.medoids
        refined = do(
            "refined",
            total,
            lambda: refine(distances, w, start, memory_bytes=memory_bytes, seed=seed),
        )
        # Over a sample of clauses it may look better than it is.
        best = refined if refined.loss < best.loss else best
    nearest, distance = distances.nearest(best.medoids)
    if cut_off is not None:
        own = best.medoids[nearest]
        longer = np.maximum(distances.lengths, distances.lengths[own])
        share = distance / np.maximum(longer, 1) if metric == "levenshtein" else distance
        # float32 rounds a power by less than this.
        within = share <= cut_off**power * (1 + 1e-6)
        nearest = np.where(within, nearest, -1).astype(np.int32)
    losses = tuple(step.loss for step in steps)
    return Sampled(best.medoids, nearest, distance, best.loss, size, losses)


def _in_turn(nearest: NDArray[np.int32], weights: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return all points: the heaviest of every cluster, the second of every cluster, and so on."""
    by_cluster = np.lexsort((-weights, nearest))
    first = np.searchsorted(nearest[by_cluster], np.arange(nearest.max() + 1))
    rank = np.empty(len(nearest), np.int64)
    rank[by_cluster] = np.arange(len(nearest)) - first[nearest[by_cluster]]
    return np.argsort(rank, kind="stable")
