"""How many clusters: the fewest that leave hardly a clause unlike its medoid, but 30 at least.

The criterion of ``--k auto``: the smallest k from 30 up at which at least 99 % of all clauses
(counted as often as they occur) lie within relative distance 0.5 of their medoid, that is, no
more than half of the longer one's characters differ. Below that k, diagnoses share clusters; far
above it, clusters only divide wordings, which the suggestion of terms has to put together again.
Neither the number of diagnoses nor a bend in a curve has to be guessed.

Why 30 at least: in a corpus of few wordings fewer would do for the 99 %, but then a rare
diagnosis whose words look like a common one's has no cluster of its own (5 and 10 diagnoses of a
few wordings each: purity 0.987 to 0.993 at the 13 to 23 clusters that cover 99 %, 0.995 to 1 at
30, the terms' adjusted Rand index the same), and thirty clusters are soon read. A quarter of the
distinct clauses is enough where these are few.

k is searched among 1, 2, 3 ... on a growing grid, each from the prefix of one BUILD order
(Kaufman and Rousseeuw 1990) improved by FasterPAM, then by bisection between the grid's last
point that fails and its first that holds. Above `LARGEST` distinct clauses a sample in
proportion to the weights stands for all of them, and a second one, drawn apart from it, says
what is covered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxrmine.clauses.clara import draw_sample
from cxrmine.clauses.distance import ClauseDistances
from cxrmine.clauses.kmedoids import build_order, fasterpam
from cxrmine.clauses.objective import POWER, weights
from cxrmine.clauses.steps import Steps

#: Share of the clauses that have to lie so near to their medoid ...
COVERED = 0.99
#: ... by relative distance.
NEAR = 0.5
#: Clusters at least, where there are four times as many distinct clauses.
FEWEST_CLUSTERS = 30
#: Clusters at most; more are more than a reader can name.
MOST_CLUSTERS = 300
#: Distinct clauses that k is chosen on.
LARGEST = 4_000
_CHECKED_ON = 40_000


@dataclass(frozen=True, slots=True)
class KPoint:
    """One k that was tried.

    ``loss`` is the mean distance of a clause to its medoid in the run's metric, ``covered`` the
    share of clauses within `NEAR` of it.
    """

    k: int
    loss: float
    covered: float


@dataclass(frozen=True, slots=True)
class KChoice:
    """The k that was chosen, the criterion in one sentence, and every k tried, rising."""

    k: int
    criterion: str
    curve: tuple[KPoint, ...]


def choose_k(
    clauses: Sequence[str],
    counts: NDArray[np.int64],
    metric: str,
    *,
    seed: int,
    memory_bytes: int,
    workers: int,
    steps: Steps | None = None,
) -> KChoice:
    """Choose the number of clusters by the criterion at the top of this module.

    Parameters
    ----------
    clauses : sequence of str
        n distinct clauses, sorted; at least one.
    counts : numpy.ndarray
        Shape (n,), int64, positive.
    metric : str
        One of `cxrmine.clauses.distance.METRICS`.
    seed : int
        Of the samples, where there are any.
    memory_bytes : int
        Memory to stay within; it may make the sample smaller.
    workers : int
        Threads. They do not change the result.
    steps : Steps, optional
        Keeps what was computed for each k.

    Returns
    -------
    KChoice
    """
    steps = steps or Steps()
    weight = np.asarray(weights(counts, metric), np.float64)
    largest = max(min(LARGEST, int((memory_bytes / 16) ** 0.5)), 100)
    points, point_weight = draw_sample(weight, largest, np.random.default_rng([seed, 1]))
    checked, checked_count = draw_sample(counts, _CHECKED_ON, np.random.default_rng([seed, 2]))
    distances = ClauseDistances(clauses, metric, workers=workers)
    powered = ClauseDistances(clauses, metric, workers=workers, power=POWER[metric])
    most = min(MOST_CLUSTERS, len(points))
    matrix: NDArray[Any] | None = None

    def costs() -> NDArray[Any]:
        nonlocal matrix
        if matrix is None:  # not at all where all steps were done before
            matrix = powered.square(points)
        return matrix

    order = steps.do("choose-k-order", lambda: {"order": build_order(costs(), most, point_weight)})[
        "order"
    ]
    tried: dict[int, KPoint] = {}

    def point(k: int) -> KPoint:
        def compute() -> dict[str, Any]:
            found = fasterpam(costs(), order[:k], point_weight)
            medoids = np.sort(points[found.medoids])
            nearest, distance = distances.nearest(medoids, checked)
            relative = distance.astype(np.float64)
            if metric == "levenshtein":
                own = distances.lengths[medoids[nearest]]
                relative /= np.maximum(np.maximum(distances.lengths[checked], own), 1)
            total = checked_count.sum()
            return {
                "loss": (checked_count * distance).sum() / total,
                "covered": checked_count[relative <= NEAR].sum() / total,
            }

        if k not in tried:
            arrays = steps.do(f"choose-k-{k}", compute)
            tried[k] = KPoint(k, float(arrays["loss"]), float(arrays["covered"]))
        return tried[k]

    fewest = min(FEWEST_CLUSTERS, -(-len(clauses) // 4), most)
    chosen = max(_smallest(point, _grid(most)), fewest)
    reached = point(chosen).covered >= COVERED
    beyond = [k for k in _grid(most) if chosen < k <= 2 * chosen]
    for k in beyond[:3]:  # for the reader of the curve
        point(k)
    criterion = (
        f"the smallest k from {fewest} up at which at least {COVERED:.0%} of the clauses lie "
        "within half of their characters of their medoid"
        if reached
        else f"no k up to {most} brings {COVERED:.0%} of the clauses within half of their "
        f"characters of their medoid ({point(chosen).covered:.1%} do), so {most} is taken"
    )
    return KChoice(chosen, criterion, tuple(tried[k] for k in sorted(tried)))


def _grid(most: int) -> list[int]:
    """Return 1, 2, 3 ... in steps that grow to a sixth, ending with `most`."""
    grid = [1]
    while grid[-1] < most:
        grid.append(min(most, grid[-1] + max(1, grid[-1] // 6)))
    return grid


def _smallest(point: Any, grid: list[int]) -> int:
    """Return the smallest k that holds, as far as grid and bisection see; else the largest."""
    fails = 0
    for k in grid:
        if point(k).covered >= COVERED:
            holds = k
            break
        fails = k
    else:
        return grid[-1]
    while holds - fails > 1:
        middle = (fails + holds) // 2
        if point(middle).covered >= COVERED:
            holds = middle
        else:
            fails = middle
    return holds
