"""Predicted boxes against true ones: accuracy and average false positives, as in ChestX-ray8.

Wang et al. 2017, section 4, Disease Localization: a localization is correct if IoU > T(IoU) or
IoBB > T(IoBB), and Table 4 gives the "localization accuracy (Acc.) and Average False Positive
(AFP) number for each disease type". In full, for one finding, measure and threshold T:

accuracy
    the share of the true boxes of the finding, on the stated images, that some predicted box of
    the finding on the same image overlaps by more than T;
average false positives
    the number of predicted boxes of the finding that overlap no true box of the finding on their
    image by more than T, divided by the number of stated images. A predicted box on an image
    without a true box of the finding is false, whatever the image's labels say.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cxrmine.evaluation.clustered import mean_share, rate, share
from cxrmine.evaluation.intervals import Estimate
from cxrmine.localization.overlap import iobb, iou

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

#: The measures and their thresholds, in the order of the paper's tables.
THRESHOLDS = {
    "IoBB": (0.1, 0.25, 0.5, 0.75, 0.9),
    "IoU": (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7),
}
#: Rows over all findings: every box counts alike, or every finding.
POOLED = "all"
MEAN = "mean"


@dataclass(frozen=True, slots=True)
class BoxArrays:
    """Boxes in columns.

    Parameters
    ----------
    image, finding : ndarray of int64, shape (boxes,)
        Places in `BoxTask.images` and `BoxTask.findings`.
    corners : ndarray of float64, shape (boxes, 4)
        ``x, y, width, height`` in pixels of the image.
    score : ndarray of float64, shape (boxes,)
        How sure a box is; NaN where nobody says.
    """

    image: IntArray
    finding: IntArray
    corners: FloatArray
    score: FloatArray

    def __len__(self) -> int:
        """Return the number of boxes."""
        return len(self.image)

    def take(self, which: NDArray[np.bool_] | IntArray) -> BoxArrays:
        """Return some of the boxes."""
        return BoxArrays(
            self.image[which], self.finding[which], self.corners[which], self.score[which]
        )


@dataclass(frozen=True, slots=True)
class BoxTask:
    """What is asked: where on these images are these findings.

    Parameters
    ----------
    images : tuple of str
        The stated images.
    findings : tuple of str
        Those that have a true box.
    truth : BoxArrays
        The true boxes.
    clusters : ndarray of int64, shape (images,)
        Images of one patient have the same number, counted from 0 without gaps.
    clustered_by : str
        ``patient``, ``image`` where patients are unknown, or both where some are.
    size : float
        Pixels a side of the images that boxes are counted in.
    """

    images: tuple[str, ...]
    findings: tuple[str, ...]
    truth: BoxArrays
    clusters: IntArray
    clustered_by: str = "image"
    size: float = 1024.0

    def pairs(self, boxes: BoxArrays) -> IntArray:
        """Return each box's pair of image and finding as one number."""
        pairs: IntArray = boxes.image * len(self.findings) + boxes.finding
        return pairs


@dataclass(frozen=True, slots=True)
class Overlaps:
    """The best overlap of each box with one of the other side, of the same image and finding.

    Shapes ``(true boxes,)`` and ``(predicted boxes,)``; 0 where there is none.
    """

    truth: FloatArray
    predicted: FloatArray


@dataclass(frozen=True, slots=True)
class BoxScore:
    """A row of ``boxes.csv``.

    Parameters
    ----------
    measure, threshold, finding
        Which question; `finding` may be `POOLED` or `MEAN`.
    boxes : int
        True boxes.
    hits : int
        How many of them a predicted box hits.
    predicted, false_boxes : int
        Predicted boxes, and how many of them hit nothing.
    accuracy, afp : Estimate
        Of `hits` in `boxes`, and of `false_boxes` per image.
    afp_per_box : float
        False boxes per true box of any finding, as the paper seems to have counted
        (`cxrmine.evaluation.published_boxes`).
    """

    measure: str
    threshold: float
    finding: str
    boxes: int
    hits: int
    predicted: int
    false_boxes: int
    accuracy: Estimate
    afp: Estimate
    afp_per_box: float


def best_overlaps(task: BoxTask, predicted: BoxArrays) -> dict[str, Overlaps]:
    """Return the best overlaps by measure.

    Parameters
    ----------
    task : BoxTask
    predicted : BoxArrays
    """
    at_predicted, at_truth = same_pair(task.pairs(predicted), task.pairs(task.truth))
    ours, theirs = predicted.corners[at_predicted], task.truth.corners[at_truth]
    found = {}
    for measure, function in (("IoBB", iobb), ("IoU", iou)):
        best = Overlaps(np.zeros(len(task.truth)), np.zeros(len(predicted)))
        if len(ours):
            overlap = function(ours, theirs)
            np.maximum.at(best.truth, at_truth, overlap)
            np.maximum.at(best.predicted, at_predicted, overlap)
        found[measure] = best
    return found


def same_pair(one: IntArray, two: IntArray) -> tuple[IntArray, IntArray]:
    """Return all places ``(i, j)`` with ``one[i] == two[j]``, as two arrays."""
    order = np.argsort(two, kind="stable")
    ranked = two[order]
    low = np.searchsorted(ranked, one, side="left")
    counts = np.searchsorted(ranked, one, side="right") - low
    first = np.repeat(np.arange(len(one)), counts)
    offset = np.arange(len(first)) - np.repeat(np.cumsum(counts) - counts, counts)
    return first, order[low[first] + offset] if len(first) else np.empty(0, np.int64)


def score_boxes(
    task: BoxTask, predicted: BoxArrays, overlaps: dict[str, Overlaps] | None = None
) -> list[BoxScore]:
    """Return the rows of ``boxes.csv``: by measure, threshold and finding, pooled and mean last.

    Parameters
    ----------
    task : BoxTask
    predicted : BoxArrays
    overlaps : dict, optional
        From `best_overlaps`, where they are known already.
    """
    overlaps = overlaps or best_overlaps(task, predicted)
    clusters, findings = int(task.clusters.max(initial=-1)) + 1, len(task.findings)

    def by_cluster(boxes: BoxArrays, weights: NDArray[np.bool_] | None = None) -> FloatArray:
        place = task.clusters[boxes.image] * findings + boxes.finding
        counts = np.bincount(place, weights, minlength=clusters * findings)
        return counts.reshape(clusters, findings).astype(np.float64)

    images = np.bincount(task.clusters, minlength=clusters).astype(np.float64)
    cases, given = by_cluster(task.truth), by_cluster(predicted)
    rows = []
    for measure, thresholds in THRESHOLDS.items():
        best = overlaps[measure]
        for threshold in thresholds:
            hits = by_cluster(task.truth, best.truth > threshold)
            false = by_cluster(predicted, best.predicted <= threshold)
            for place, finding in enumerate(task.findings):
                own = np.s_[:, [place]]
                rows.append(
                    _row(measure, threshold, finding, hits[own], cases[own], false[own],
                         given[own], images, len(task.truth))
                )  # fmt: skip
            pooled = _row(
                measure, threshold, POOLED, hits, cases, false, given, images, len(task.truth)
            )
            rows.append(replace(pooled, accuracy=share(hits.sum(axis=1), cases.sum(axis=1))))
            mean = replace(
                pooled,
                finding=MEAN,
                afp=rate(false.sum(axis=1) / max(findings, 1), images),
                afp_per_box=pooled.afp_per_box / max(findings, 1),
            )
            rows.append(mean)
    return rows


def _row(
    measure: str,
    threshold: float,
    finding: str,
    hits: FloatArray,
    cases: FloatArray,
    false: FloatArray,
    given: FloatArray,
    images: FloatArray,
    boxes: int,
) -> BoxScore:
    """Return a row; `accuracy` is the mean over the columns (findings) of the counts."""
    wrong = int(false.sum())
    return BoxScore(
        measure,
        threshold,
        finding,
        boxes=int(cases.sum()),
        hits=int(hits.sum()),
        predicted=int(given.sum()),
        false_boxes=wrong,
        accuracy=mean_share(hits, cases),
        afp=rate(false.sum(axis=1), images),
        afp_per_box=wrong / boxes if boxes else float("nan"),
    )
