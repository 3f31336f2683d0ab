"""How far apart two clauses are: Levenshtein's edit distance, plain or relative.

Plain (``levenshtein``): the fewest insertions, deletions and substitutions of one character that
turn one clause into the other (Levenshtein 1966), each of cost 1. It is a metric: symmetric, 0
only between equal clauses, and the triangle inequality holds.

Relative (``normalized``): the plain distance divided by the length of the longer clause, from 0
to 1. Symmetric, and 0 only between equal clauses, but **no metric**: the triangle inequality can
fail ("ab" to "ba" is 1, but each is 1/3 from "aba"). k-medoids needs no triangle inequality.

Distances are computed by rapidfuzz; a character is a Unicode code point.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cdist

METRICS = ("levenshtein", "normalized")

# Distances that `nearest` holds at once: few enough for the caches, so many that the cost of a
# call disappears.
BLOCK_DISTANCES = 8 << 20

# Rows that `square` computes at once; measured, 128 to 512 are equally quick.
BLOCK_ROWS = 256


def distance_dtype(longest: int, metric: str) -> np.dtype[Any]:
    """Return the smallest dtype that holds every distance exactly.

    Parameters
    ----------
    longest : int
        Length of the longest clause in code points; no plain distance is larger.
    metric : str
        One of `METRICS`.

    Returns
    -------
    numpy.dtype
        For plain distances uint8, uint16 or int32; for relative ones float32.

    Raises
    ------
    ValueError
        The metric is not one of `METRICS`.
    """
    if metric not in METRICS:
        raise ValueError(f"no such metric: {metric!r}; choose from {', '.join(METRICS)}")
    if metric == "normalized":
        return np.dtype(np.float32)
    if longest <= np.iinfo(np.uint8).max:
        return np.dtype(np.uint8)
    return np.dtype(np.uint16 if longest <= np.iinfo(np.uint16).max else np.int32)


class ClauseDistances:
    """Distances among a fixed list of clauses, by their indices.

    What is done once for the list, so that many small questions cost nothing more: its
    characters are renamed by falling frequency. An edit distance asks only which characters are
    equal, so one-to-one renaming changes nothing, and rapidfuzz looks codes below 256 up in a
    table, others in a hash map.

    Parameters
    ----------
    clauses : sequence of str
        n clauses.
    metric : str
        One of `METRICS`.
    workers : int, default 1
        Threads. They do not change the result.
    power : int, default 1
        Every distance is given raised to this power; other than 1 for relative ones only. Which
        medoid is nearest does not change.

    Attributes
    ----------
    dtype : numpy.dtype
        Of all distances, as `distance_dtype` gives it for the longest clause.
    lengths : numpy.ndarray
        Shape (n,), int64: of every clause, in code points.
    """

    def __init__(
        self, clauses: Sequence[str], metric: str, *, workers: int = 1, power: int = 1
    ) -> None:
        if power != 1 and metric != "normalized":
            raise ValueError("only relative distances are raised to a power")
        self._power = power
        self.lengths = np.fromiter(map(len, clauses), np.int64, len(clauses))
        self.dtype = distance_dtype(int(self.lengths.max(initial=0)), metric)
        self._scorer = (
            Levenshtein.distance if metric == "levenshtein" else Levenshtein.normalized_distance
        )
        self._workers = workers
        counts = Counter("".join(clauses))
        codes = {ord(character): code for code, (character, _) in enumerate(counts.most_common())}
        self._coded = [clause.translate(codes) for clause in clauses]

    def __len__(self) -> int:
        return len(self._coded)

    def between(
        self, points: ArrayLike | None = None, others: ArrayLike | None = None
    ) -> NDArray[Any]:
        """Return the distances from some clauses to others.

        Parameters
        ----------
        points, others : array_like of int, optional
            m and l indices; None is all clauses in their order.

        Returns
        -------
        numpy.ndarray
            Shape (m, l).
        """
        return self._cdist(self._take(points), self._take(others))

    def square(self, points: ArrayLike | None = None) -> NDArray[Any]:
        """Return all distances among some clauses, shape (m, m), symmetric; None is all."""
        taken = self._take(points)
        result = np.empty((len(taken), len(taken)), self.dtype)
        # Only the upper triangle, in blocks. (rapidfuzz knows a list against itself and computes
        # each pair once, but then one pair at a time; two lists go through its vectorised code,
        # which is four times as fast.)
        for start in range(0, len(taken), BLOCK_ROWS):
            end = start + BLOCK_ROWS
            rows = self._cdist(taken[start:end], taken[start:])
            result[start:end, start:] = rows
            result[end:, start:end] = rows[:, BLOCK_ROWS:].T
        return result

    def nearest(
        self, medoids: ArrayLike, points: ArrayLike | None = None, *, block: int | None = None
    ) -> tuple[NDArray[np.int32], NDArray[Any]]:
        """Return the nearest medoid of some clauses, in blocks of bounded memory.

        Parameters
        ----------
        medoids : array_like of int
            Shape (k,): indices of clauses, at least one.
        points : array_like of int, optional
            m indices; None is all clauses in their order.
        block : int, optional
            Clauses at a time; by default as many as make 8 million distances.

        Returns
        -------
        nearest : numpy.ndarray
            Shape (m,), int32: index into `medoids`, the lower one of equally near ones.
        distance : numpy.ndarray
            Shape (m,): the distance to it.

        Raises
        ------
        ValueError
            There is no medoid.
        """
        chosen, taken = self._take(medoids), self._take(points)
        if not chosen:
            raise ValueError("no medoids to assign to")
        nearest = np.empty(len(taken), np.int32)
        distance = np.empty(len(taken), self.dtype)
        step = block or max(1, BLOCK_DISTANCES // len(chosen))
        for start in range(0, len(taken), step):
            distances = self._cdist(taken[start : start + step], chosen)
            best = distances.argmin(axis=1)
            nearest[start : start + step] = best
            distance[start : start + step] = distances[np.arange(len(best)), best]
        return nearest, distance

    def _take(self, points: ArrayLike | None) -> list[str]:
        """Return the renamed clauses of these indices."""
        if points is None:
            return self._coded
        return [self._coded[i] for i in np.asarray(points, np.int64).tolist()]

    def _cdist(self, clauses: list[str], others: list[str]) -> NDArray[Any]:
        """Return the distances of two lists through rapidfuzz."""
        if not clauses or not others:
            return np.zeros((len(clauses), len(others)), self.dtype)
        result: NDArray[Any] = cdist(
            clauses,
            # Not the same object twice: see `square`.
            list(others) if others is clauses else others,
            scorer=self._scorer,
            dtype=self.dtype,
            workers=self._workers,
        )
        if self._power > 1:
            for row in result:  # no second matrix in memory
                base = row.copy()
                for _ in range(self._power - 1):  # numpy's power of float32 is far slower
                    row *= base
        return result


def pairwise(clauses: Sequence[str], metric: str, *, workers: int = 1) -> NDArray[Any]:
    """Return all distances between clauses.

    Parameters
    ----------
    clauses : sequence of str
        n clauses.
    metric : str
        One of `METRICS`.
    workers : int, default 1
        Threads. They do not change the result.

    Returns
    -------
    numpy.ndarray
        Shape (n, n), symmetric, of the dtype that `distance_dtype` gives.
    """
    return ClauseDistances(clauses, metric, workers=workers).square()


def to_medoids(
    clauses: Sequence[str],
    medoids: Sequence[str],
    metric: str,
    *,
    workers: int = 1,
    block: int | None = None,
) -> tuple[NDArray[np.int32], NDArray[Any]]:
    """Return the nearest medoid of every clause, in blocks of bounded memory.

    Parameters
    ----------
    clauses : sequence of str
        n clauses.
    medoids : sequence of str
        k medoids, at least one; they need not be among the clauses.
    metric : str
        One of `METRICS`.
    workers : int, default 1
        Threads. They do not change the result.
    block : int, optional
        Clauses at a time; by default as many as make 8 million distances.

    Returns
    -------
    nearest : numpy.ndarray
        Shape (n,), int32: index of the nearest medoid, the lower one of equally near ones.
    distance : numpy.ndarray
        Shape (n,): the distance to it, of the dtype that `distance_dtype` gives for the longest of
        clauses and medoids.

    Raises
    ------
    ValueError
        There is no medoid.
    """
    distances = ClauseDistances([*clauses, *medoids], metric, workers=workers)
    all_points = np.arange(len(distances))
    return distances.nearest(all_points[len(clauses) :], all_points[: len(clauses)], block=block)
