"""The pointing game: does the hottest point lie in a true box?

Zhang et al., "Top-down neural attention by excitation backprop" (ECCV 2016, arXiv:1608.00507,
section 4.1): for each image and each of its findings one point is given, and it is a hit if it
lies in one of the finding's true boxes; here without that paper's margin round the boxes. Unlike
a share of boxes, nothing can be gained by more tries.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cxrmine.evaluation.box_scores import MEAN, POOLED, BoxArrays, BoxTask, FloatArray, IntArray
from cxrmine.evaluation.clustered import mean_share, share
from cxrmine.evaluation.intervals import Estimate


@dataclass(frozen=True, slots=True)
class Points:
    """One point for each of some pairs of image and finding.

    Parameters
    ----------
    pair : ndarray of int64, shape (points,)
        As `BoxTask.pairs`; no pair twice.
    place : ndarray of float64, shape (points, 2)
        ``x, y`` in pixels of the image.
    """

    pair: IntArray
    place: FloatArray


@dataclass(frozen=True, slots=True)
class PointingScore:
    """A row of ``pointing.csv``.

    Parameters
    ----------
    finding : str
        Or `POOLED`, `MEAN`.
    pairs, hits : int
        Pairs of image and finding with a true box, and how many have their point in one.
    accuracy : Estimate
    chance : float
        What a point anywhere on the image would reach: the mean share of the image that the
        pair's true boxes cover.
    centre : float
        What the middle of the image reaches.
    """

    finding: str
    pairs: int
    hits: int
    accuracy: Estimate
    chance: float
    centre: float


def points_from_boxes(task: BoxTask, predicted: BoxArrays) -> Points:
    """Return the middle of the surest box of each pair; of equally sure ones the smallest.

    Boxes without a score come last. A heat map gives a small box round its hot spot and a large
    one round that, both with the spot's score: the small one points better.
    """
    pairs = task.pairs(predicted)
    area = predicted.corners[:, 2] * predicted.corners[:, 3]
    order = np.lexsort(
        (*predicted.corners.T, area, -np.nan_to_num(predicted.score, nan=-np.inf), pairs)
    )
    _, first = np.unique(pairs[order], return_index=True)
    best = order[first]
    corners = predicted.corners[best]
    return Points(pairs[best], corners[:, :2] + corners[:, 2:] / 2)


def score_points(task: BoxTask, points: Points) -> list[PointingScore]:
    """Return the rows of ``pointing.csv``; a pair with a true box and without a point is a miss.

    Parameters
    ----------
    task : BoxTask
    points : Points
        Those of pairs without a true box are passed over.
    """
    findings = len(task.findings)
    of_truth = task.pairs(task.truth)
    pairs, pair_of = np.unique(of_truth, return_inverse=True)
    place = np.full((len(pairs), 2), np.nan)
    at = np.searchsorted(pairs, points.pair)
    at = np.minimum(at, max(len(pairs) - 1, 0))
    known = pairs[at] == points.pair if len(pairs) else np.zeros(len(points.pair), bool)
    place[at[known]] = points.place[known]
    hit = _inside(place, task.truth.corners, pair_of)
    middle = np.full((len(pairs), 2), task.size / 2)
    centre = _inside(middle, task.truth.corners, pair_of)
    covered = np.array(
        [
            union_area(task.truth.corners[pair_of == number], task.size) / task.size**2
            for number in range(len(pairs))
        ]
    )
    cluster, finding = task.clusters[pairs // findings], pairs % findings
    clusters = int(task.clusters.max(initial=-1)) + 1

    def table(weights: FloatArray | None) -> FloatArray:
        counts = np.bincount(cluster * findings + finding, weights, minlength=clusters * findings)
        return counts.reshape(clusters, findings).astype(np.float64)

    hits, cases = table(hit.astype(np.float64)), table(None)
    rows = []
    for number, name in enumerate(task.findings):
        own = finding == number
        rows.append(
            PointingScore(
                name,
                int(own.sum()),
                int(hit[own].sum()),
                share(hits[:, number], cases[:, number]),
                float(covered[own].mean()),
                float(centre[own].mean()),
            )
        )
    if not rows:
        return []
    rows.append(
        PointingScore(
            POOLED,
            len(pairs),
            int(hit.sum()),
            share(hits.sum(axis=1), cases.sum(axis=1)),
            float(covered.mean()),
            float(centre.mean()),
        )
    )
    rows.append(
        PointingScore(
            MEAN,
            len(pairs),
            int(hit.sum()),
            mean_share(hits, cases),
            float(np.mean([row.chance for row in rows[:-1]])),
            float(np.mean([row.centre for row in rows[:-1]])),
        )
    )
    return rows


def _inside(place: FloatArray, corners: FloatArray, pair_of: IntArray) -> FloatArray:
    """Say for each pair whether its point lies in one of its boxes, the border included."""
    points = place[pair_of]
    low, high = corners[:, :2], corners[:, :2] + corners[:, 2:]
    inside = ((points >= low) & (points <= high)).all(axis=1)  # False where there is no point
    found: FloatArray = np.zeros(len(place), bool)
    np.logical_or.at(found, pair_of, inside)
    return found


def union_area(corners: FloatArray, size: float) -> float:
    """Return the area of an image of `size` × `size` pixels that boxes cover together.

    Parameters
    ----------
    corners : ndarray, shape (boxes, 4)
        ``x, y, width, height``; what lies outside the image does not count.
    """
    low = np.clip(corners[:, :2], 0, size)
    high = np.clip(corners[:, :2] + corners[:, 2:], 0, size)
    xs, ys = (np.unique(np.concatenate([low[:, axis], high[:, axis]])) for axis in (0, 1))
    across = (low[:, :1] <= xs[:-1]) & (xs[1:] <= high[:, :1])  # (boxes, cells)
    down = (low[:, 1:] <= ys[:-1]) & (ys[1:] <= high[:, 1:])
    covered = (down[:, :, np.newaxis] & across[:, np.newaxis, :]).any(axis=0)
    return float(np.diff(ys) @ covered @ np.diff(xs))
