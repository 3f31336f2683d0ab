"""k-medoids with weights: FasterPAM, and plain PAM as its reference.

Given all distances between n points and a number k, find k of the points, the medoids, so that
the sum over points of weight times distance to the nearest medoid, the *loss*, is small. A point
of weight 3 counts as three equal points, so that a clause that stands in the reports a thousand
times is one row of the matrix.

- Kaufman L, Rousseeuw PJ. Finding Groups in Data. Wiley 1990, chapter 2: PAM, with BUILD and SWAP.
- Schubert E, Rousseeuw PJ. Fast and eager k-medoids clustering: O(k) runtime improvement of the
  PAM, CLARA, and CLARANS algorithms. Information Systems 101 (2021) 101804: FasterPAM, LAB.

Everything here is numpy. What makes FasterPAM fast in it: a candidate changes something only for
points nearer to it than to their second nearest medoid. One vectorised comparison of a row of
the matrix, kept in its small dtype (uint8 for plain edit distances), finds those few points; all
else works on them alone.

Sums of integer distances with whole weights (or whole 1024ths) are exact: they are kept in
float64, which holds integers up to 2**53. Elsewhere a swap must gain more than rounding can feign.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

STARTS = ("build", "lab")

# Rows of the matrix that BUILD works on at once: the block and its float64 copy stay in the
# caches for some 10,000 points.
BUILD_ROWS = 32

# Where sums are not exact, a swap must gain this share of the loss: far above the rounding of
# sums in float64, far below what matters.
FLOAT_TOLERANCE = 1e-10


@dataclass(frozen=True, slots=True, eq=False)
class Clustering:
    """k medoids and the points assigned to them.

    ``medoids`` (k,) int64 are indices of points, rising; ``nearest`` (n,) int32 is an index into
    ``medoids``, the lower of equally near ones; ``distance`` (n,) is the distance to it, in the
    matrix's dtype; ``loss`` the weighted sum of it. ``swaps`` and ``passes`` say how long the
    search took; a pass is one look at every point as a candidate.
    """

    medoids: NDArray[np.int64]
    nearest: NDArray[np.int32]
    distance: NDArray[Any]
    loss: float
    swaps: int
    passes: int


def assign(
    d: NDArray[Any],
    medoids: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    swaps: int = 0,
    passes: int = 0,
) -> Clustering:
    """Assign every point to its nearest medoid.

    Parameters
    ----------
    d : numpy.ndarray
        Shape (n, n), symmetric distances, of any real dtype.
    medoids : array_like
        Shape (k,), distinct indices of points.
    weights : array_like, optional
        Shape (n,), positive; by default all 1.
    swaps, passes : int, default 0
        Kept in the result.

    Returns
    -------
    Clustering

    Raises
    ------
    ValueError
        The matrix is not square or empty, a weight is not positive, or the medoids are not
        distinct indices of points.
    """
    w = _weights(d, weights)
    chosen = np.sort(_medoids(d, medoids))
    if len(chosen) == len(d):
        # Its own medoid, also where another point lies at distance 0.
        nearest = np.arange(len(d), dtype=np.int32)
        distance = d.diagonal().copy()
    else:
        nearest, distance = _nearest(d, chosen)
    return Clustering(chosen, nearest, distance, float((w * distance).sum()), swaps, passes)


def pam(
    d: NDArray[Any], medoids: ArrayLike, weights: ArrayLike | None = None, *, max_swaps: int = 10**6
) -> Clustering:
    """Improve medoids by plain PAM: of all k (n - k) swaps make the best, until none helps.

    The reference, straight from the definition: every swap's loss is computed anew from the
    matrix. O(k n^2) a swap; for tests and small inputs. Of equally good swaps the one with the
    lower medoid, then the lower candidate, is made.

    Parameters
    ----------
    d, medoids, weights
        As for `assign`.
    max_swaps : int, default 1,000,000
        When to stop at the latest.

    Returns
    -------
    Clustering
    """
    w = _weights(d, weights)
    chosen = np.sort(_medoids(d, medoids))
    share = _tolerance(d.dtype, w)
    loss = float(w @ d[chosen].min(axis=0))
    swaps = 0
    while swaps < max_swaps:
        best, best_loss = None, loss * (1 - share)
        for out in range(len(chosen)):
            rest = np.delete(chosen, out)
            without = d[rest].min(axis=0) if len(rest) else np.full(len(d), _top(d), d.dtype)
            losses = np.minimum(d, without) @ w
            losses[chosen] = np.inf
            into = int(losses.argmin())
            if losses[into] < best_loss:
                best, best_loss = (out, into), float(losses[into])
        if best is None:
            break
        chosen[best[0]] = best[1]
        chosen.sort()
        loss = best_loss
        swaps += 1
    return assign(d, chosen, w, swaps=swaps, passes=swaps + 1)


def fasterpam(
    d: NDArray[Any],
    medoids: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    max_passes: int = 100,
) -> Clustering:
    """Improve medoids by FasterPAM: make every swap that helps as soon as it is found.

    Goes through the points as candidates, in their order and round again; for each it finds the
    medoid that is best exchanged for it, all k at once (Schubert and Rousseeuw 2021, section
    3.2), and exchanges them if that lowers the loss (section 3.4). Ends when every point was
    looked at since the last swap: then no single swap helps. Never worse than its start.

    Parameters
    ----------
    d, medoids, weights
        As for `assign`.
    max_passes : int, default 100
        When to stop at the latest.

    Returns
    -------
    Clustering
    """
    w = _weights(d, weights)
    chosen = _medoids(d, medoids)
    if len(chosen) == len(d):
        return assign(d, chosen, w)
    if len(chosen) == 1:
        return _one_medoid(d, int(chosen[0]), w)
    # A point's distances to the medoids lie side by side.
    search = SwapSearch(np.ascontiguousarray(d[chosen].T), chosen, w)
    idle = passes = 0
    while idle < len(d) and passes < max_passes:
        passes += 1
        for x in range(len(d)):
            idle = 0 if search.try_candidate(x, d[x]) else idle + 1
            if idle >= len(d):
                break
    return assign(d, search.medoids, w, swaps=search.swaps, passes=passes)


class SwapSearch:
    """FasterPAM's state: for every point its nearest and second nearest medoid.

    It never holds the matrix, only the distances to the medoids and the row of the candidate it
    is given, so that a search over more points than fit in a matrix can compute rows as it goes.

    Parameters
    ----------
    to_medoid : numpy.ndarray
        Shape (n, k), k at least 2: distances from every point to every medoid. Changed in place.
    medoids : numpy.ndarray
        Shape (k,): distinct names of the medoids, in the order of the columns. Any integers
        will do; as indices of points they say which points need not be tried.
    weights : numpy.ndarray
        Shape (n,), float64, positive.
    """

    def __init__(
        self,
        to_medoid: NDArray[Any],
        medoids: NDArray[np.int64],
        weights: NDArray[np.float64],
    ) -> None:
        self.to_medoid = to_medoid
        self.medoids = medoids.copy()
        self.is_medoid = set(medoids.tolist())
        self.w = weights
        n, self.k = to_medoid.shape
        self.swaps = 0
        self._share = _tolerance(to_medoid.dtype, weights)
        self.first = np.empty(n, np.int64)
        self.second = np.empty(n, np.int64)
        self.d1 = np.empty(n, to_medoid.dtype)
        self.d2 = np.empty(n, to_medoid.dtype)
        self._rescan(np.arange(n))
        self._update_removal()

    def try_candidate(self, x: int, row: NDArray[Any]) -> bool:
        """Exchange candidate `x` for the medoid where it helps most; say whether it helped.

        ``row`` (n,) holds its distances to all points.
        """
        if x in self.is_medoid:
            return False
        moved = (row < self.d2).nonzero()[0]
        if not len(moved):
            return False
        dx = _wide(row.take(moved))
        d1 = _wide(self.d1.take(moved))
        d2 = _wide(self.d2.take(moved))
        w = self.w.take(moved)
        # Whatever medoid goes, points nearer to x than to their nearest medoid move to x ...
        shared = float((w * (d1 - np.minimum(dx, d1))).sum())
        # ... and those of the medoid that goes move to x instead of to their second nearest.
        saved = np.bincount(self.first.take(moved), w * (d2 - np.maximum(dx, d1)), self.k)
        saved -= self.removal
        out = int(saved.argmax())
        if shared + saved[out] <= self.tolerance:
            return False
        self._swap(out, x, row)
        return True

    def _swap(self, out: int, x: int, row: NDArray[Any]) -> None:
        """Put point `x` in the place of medoid number `out`."""
        self.is_medoid.remove(int(self.medoids[out]))
        self.is_medoid.add(x)
        self.medoids[out] = x
        self.swaps += 1
        self.to_medoid[:, out] = row
        lost = (self.first == out) | (self.second == out)
        gained = ((row < self.d2) & ~lost).nonzero()[0]
        is_first = row[gained] < self.d1[gained]
        now_first, now_second = gained[is_first], gained[~is_first]
        self.second[now_first] = self.first[now_first]
        self.d2[now_first] = self.d1[now_first]
        self.first[now_first] = out
        self.d1[now_first] = row[now_first]
        self.second[now_second] = out
        self.d2[now_second] = row[now_second]
        self._rescan(lost.nonzero()[0])
        self._update_removal()

    def _rescan(self, points: NDArray[np.intp]) -> None:
        """Find the two nearest medoids of these points anew."""
        near = self.to_medoid[points]
        rows = np.arange(len(points))
        first = near.argmin(axis=1)
        self.first[points] = first
        self.d1[points] = near[rows, first]
        near[rows, first] = _top(near)
        second = near.argmin(axis=1)
        # Where every other medoid is as far as the dtype can say, argmin may return `first`.
        second = np.where(second == first, (first == 0).astype(second.dtype), second)
        self.second[points] = second
        self.d2[points] = self.to_medoid[points, second]

    def _update_removal(self) -> None:
        """Find what each medoid's removal costs: its points go to their second nearest."""
        cost = self.w * (_wide(self.d2) - _wide(self.d1))
        self.removal = np.bincount(self.first, cost, self.k)
        # Summed anew after every swap: nothing drifts.
        self.loss = float((self.w * self.d1).sum())
        self.tolerance = self._share * self.loss


def _one_medoid(d: NDArray[Any], medoid: int, w: NDArray[np.float64]) -> Clustering:
    """Return the best clustering with one medoid; it needs no search."""
    total = weighted_sums(d, w)
    best = int(total.argmin())
    if total[medoid] - total[best] <= _tolerance(d.dtype, w) * total[medoid]:
        return assign(d, [medoid], w, passes=1)
    return assign(d, [best], w, swaps=1, passes=1)


def build_order(d: NDArray[Any], k_max: int, weights: ArrayLike | None = None) -> NDArray[np.int64]:
    """Return points in the order in which PAM's BUILD takes them as medoids.

    The first is the point of the least weighted sum of distances; each next one lowers the loss
    most, of equals the one of lower index (Kaufman and Rousseeuw 1990, chapter 2). As BUILD is
    greedy, the first k of the order are BUILD's start for every k up to `k_max`.

    A point's gain changes only through points that a new medoid drew nearer, so it is kept and
    updated from their rows alone: for k_max medoids about n^2 times the few times a point moves,
    not k_max n^2.

    Parameters
    ----------
    d : numpy.ndarray
        Shape (n, n), symmetric distances.
    k_max : int
        How many; at most n are returned.
    weights : array_like, optional
        Shape (n,), positive; by default all 1.

    Returns
    -------
    numpy.ndarray
        Shape (min(k_max, n),), int64.

    Raises
    ------
    ValueError
        `k_max` is less than 1, or what `assign` refuses.
    """
    w = _weights(d, weights)
    n = len(d)
    if k_max < 1:
        raise ValueError(f"k must be at least 1, not {k_max}")
    order = np.empty(min(k_max, n), np.int64)
    order[0] = weighted_sums(d, w).argmin()
    nearest = d[order[0]].copy()
    gain = np.zeros(n)
    _add_gain(gain, d, w, np.arange(n), nearest, None)
    taken = np.zeros(n, bool)
    taken[order[0]] = True
    for i in range(1, len(order)):
        x = int(np.where(taken, -np.inf, gain).argmax())
        order[i] = x
        taken[x] = True
        moved = (d[x] < nearest).nonzero()[0]
        _add_gain(gain, d, w, moved, d[x, moved], nearest[moved])
        nearest[moved] = d[x, moved]
    return order


def _add_gain(
    gain: NDArray[np.float64],
    d: NDArray[Any],
    w: NDArray[np.float64],
    points: NDArray[np.intp],
    now: NDArray[Any],
    before: NDArray[Any] | None,
) -> None:
    """Add to every candidate's gain what `points` bring it, less what they brought it before.

    A point at distance a from its nearest medoid brings a candidate at distance b
    max(a - b, 0) = max(a, b) - b; so a change of a changes it by a difference of two maxima,
    which never leaves an unsigned dtype when taken the right way round.
    """
    for start in range(0, len(points), BUILD_ROWS):
        part = slice(start, start + BUILD_ROWS)
        rows = _wide(d[points[part]])
        if before is None:
            brought = np.maximum(rows, now[part, None]) - rows
            gain += _weighted(w[points[part]], brought)
        else:
            lost = np.maximum(rows, before[part, None]) - np.maximum(rows, now[part, None])
            gain -= _weighted(w[points[part]], lost)


def build(d: NDArray[Any], k: int, weights: ArrayLike | None = None) -> NDArray[np.int64]:
    """Return BUILD's k medoids (Kaufman and Rousseeuw 1990), as `build_order` finds them."""
    return build_order(d, k, weights)


def lab(
    d: NDArray[Any], k: int, weights: ArrayLike | None, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return k medoids by LAB: BUILD, each step on a small random sample.

    Each step draws 10 + ceil(sqrt(n)) of the points that are no medoids yet and takes the one
    that lowers the loss of the sample most (Schubert and Rousseeuw 2021, section 3.3). Points
    are drawn with replacement in proportion to their weight, which is what drawing from the
    repeated points would be.

    Parameters
    ----------
    d : numpy.ndarray
        Shape (n, n), symmetric distances.
    k : int
        How many; at most n are returned.
    weights : array_like or None
        Shape (n,), positive; None for all 1.
    rng : numpy.random.Generator
        Source of the samples.

    Returns
    -------
    numpy.ndarray
        Shape (min(k, n),), int64.
    """
    w = _weights(d, weights)
    n = len(d)
    if k < 1:
        raise ValueError(f"k must be at least 1, not {k}")
    size = 10 + int(np.ceil(np.sqrt(n)))
    nearest = np.full(n, _top(d), d.dtype)
    left = w.copy()
    chosen = np.empty(min(k, n), np.int64)
    for i in range(len(chosen)):
        # Inverse transform on the cumulated weights; a point without any is never hit.
        limits = np.cumsum(left)
        draws = np.searchsorted(limits, rng.random(size) * limits[-1], side="right")
        sample, times = np.unique(np.minimum(draws, n - 1), return_counts=True)
        if left[sample].min() <= 0:  # rounding at the very end of the cumulated weights
            sample, times = np.flatnonzero(left > 0)[-1:], np.ones(1, np.int64)
        among = d[np.ix_(sample, sample)]
        # Exact for any dtype: no point of the sample is worth less than its nearest medoid.
        after = np.minimum(among, nearest[sample]).astype(np.float64)
        x = int(sample[(after @ times).argmin()])
        chosen[i] = x
        left[x] = 0
        np.minimum(nearest, d[x], out=nearest)
    return chosen


def k_medoids(
    d: NDArray[Any],
    k: int,
    weights: ArrayLike | None = None,
    *,
    start: str = "build",
    restarts: int = 1,
    seed: int = 0,
) -> Clustering:
    """Cluster by FasterPAM from a good start; of several restarts keep the least loss.

    Parameters
    ----------
    d : numpy.ndarray
        Shape (n, n), symmetric distances.
    k : int
        Number of clusters; with k >= n every point is its own medoid.
    weights : array_like, optional
        Shape (n,), positive; by default all 1.
    start : {"build", "lab"}, default "build"
        Where the first search starts. BUILD involves no chance, so restarts after the first
        start from LAB either way.
    restarts : int, default 1
        Searches, at least 1. Of equal losses the first is kept.
    seed : int, default 0
        Seed of LAB's samples.

    Returns
    -------
    Clustering

    Raises
    ------
    ValueError
        An unknown start, no restart, k less than 1, or what `assign` refuses.
    """
    if start not in STARTS:
        raise ValueError(f"no such start: {start!r}; choose from {', '.join(STARTS)}")
    if restarts < 1:
        raise ValueError(f"restarts must be at least 1, not {restarts}")
    w = _weights(d, weights)
    rng = np.random.default_rng(seed)
    best: Clustering | None = None
    for i in range(restarts):
        first = build(d, k, w) if start == "build" and i == 0 else lab(d, k, w, rng)
        found = fasterpam(d, first, w)
        if best is None or found.loss < best.loss:
            best = found
        if len(best.medoids) in (1, len(d)):
            break  # nothing left to chance
    assert best is not None
    return best


def weighted_sums(d: NDArray[Any], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return every point's weighted sum of distances to all points, shape (n,)."""
    total = np.zeros(len(d))
    for start in range(0, len(d), BUILD_ROWS):
        part = slice(start, start + BUILD_ROWS)
        total += _weighted(weights[part], d[part])
    return total


def _weighted(w: NDArray[np.float64], rows: NDArray[Any]) -> NDArray[np.float64]:
    """Return the weighted sum of rows, each of its columns in float64.

    Not by BLAS: its threads gain nothing here, wait for each other on a busy machine, and their
    number would decide the order, and so the rounding, of sums of float distances.
    """
    total: NDArray[np.float64] = np.einsum("i,ij->j", w, rows)
    return total


def _nearest(d: NDArray[Any], chosen: NDArray[np.int64]) -> tuple[NDArray[np.int32], NDArray[Any]]:
    """Return for every point the index of the nearest medoid, and its distance."""
    near = np.ascontiguousarray(d[chosen].T)
    nearest = near.argmin(axis=1)
    return nearest.astype(np.int32), near[np.arange(len(d)), nearest]


def _weights(d: NDArray[Any], weights: ArrayLike | None) -> NDArray[np.float64]:
    """Return the weights as float64, checked along with the matrix's shape."""
    if d.ndim != 2 or d.shape[0] != d.shape[1] or not len(d):
        raise ValueError(f"distances must be a square matrix of some points, not {d.shape}")
    if weights is None:
        return np.ones(len(d))
    w = np.asarray(weights, np.float64)
    if w.shape != (len(d),):
        raise ValueError(f"{len(d)} points need as many weights, not {w.shape}")
    if not (np.isfinite(w).all() and (w > 0).all()):
        raise ValueError("weights must be positive and finite")
    return w


def _medoids(d: NDArray[Any], medoids: ArrayLike) -> NDArray[np.int64]:
    """Return the medoids as int64, checked to be distinct indices of points."""
    chosen = np.array(medoids, np.int64)
    if chosen.ndim != 1 or not 1 <= len(chosen) <= len(d):
        raise ValueError(f"there must be 1 to {len(d)} medoids, not {chosen.shape}")
    if chosen.min() < 0 or chosen.max() >= len(d) or len(np.unique(chosen)) < len(chosen):
        raise ValueError("medoids must be distinct indices of points")
    return chosen


def _wide(distances: NDArray[Any]) -> NDArray[Any]:
    """Return float distances as float64, so that differences are not rounded to float32.

    Integer ones stay: every difference taken here is of a larger less a smaller one.
    """
    return distances if np.issubdtype(distances.dtype, np.integer) else distances.astype(np.float64)


def _top(d: NDArray[Any]) -> Any:
    """Return the largest value of the matrix's dtype."""
    return np.inf if np.issubdtype(d.dtype, np.floating) else np.iinfo(d.dtype).max


def _tolerance(dtype: np.dtype[Any], weights: NDArray[np.float64]) -> float:
    """Return what share of the loss a swap must gain: 0 where sums of this dtype are exact."""
    parts = weights * 1024
    exact = np.issubdtype(dtype, np.integer) and (parts == np.floor(parts)).all()
    return 0.0 if exact else FLOAT_TOLERANCE
