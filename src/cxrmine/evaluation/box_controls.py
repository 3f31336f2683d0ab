"""What boxes would score that know nothing of the image: the controls beside every result.

Radiographs of the chest are alike, and IoBB asks little of a small box, so a share of hits says
something only beside what chance and habit reach.

Random map
    Wherever boxes were predicted for an image and a finding, a map of 7 × 7 independent uniform
    values is interpolated and scaled to 0 to 255, and boxes are drawn round its regions above 60
    and 180, as round those of a heat map. It gives more boxes than a heat map does (about seven),
    and more tries hit more, a finer map's even more: its average of false boxes belongs beside
    its accuracy. Repeated with new maps; the mean and the spread of the repetitions are told.
Random map, as many boxes
    The same, of which only as many boxes count as were predicted for the pair, best first.
Centre box
    One box for each such pair, in the middle of the image, of the usual size (median width and
    height) of the finding's true boxes. It knows how large the finding is wont to be, which no
    prediction is told, but not where.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cxrmine.evaluation.box_scores import (
    BoxArrays,
    BoxScore,
    BoxTask,
    FloatArray,
    IntArray,
    score_boxes,
)
from cxrmine.localization.boxes import THRESHOLDS, boxes_from_maps, interpolated

#: Values a side of a random map: what a network at 224 pixels has (ResNet, DenseNet).
GRID = 7
#: Pixels a side that they are interpolated to: boxes come in steps of a 42nd of the image.
RESOLUTION = 42
#: Repetitions of the random map.
DRAWS = 20

Key = tuple[str, float, str]


@dataclass(frozen=True, slots=True)
class RandomScore:
    """A random map's accuracy and false boxes per image: mean, and 95 % of the repetitions."""

    accuracy: float | None
    accuracy_low: float | None
    accuracy_high: float | None
    afp: float | None


@dataclass(frozen=True, slots=True)
class Controls:
    """The controls' scores by measure, threshold and finding.

    `random` is the random map with all its boxes, `random_same` with as many as were predicted.
    """

    random: dict[Key, RandomScore]
    random_same: dict[Key, RandomScore]
    centre: dict[Key, BoxScore]


def run_controls(
    task: BoxTask,
    predicted: BoxArrays,
    *,
    draws: int = DRAWS,
    seed: int = 0,
    on_draw: Callable[[int], None] | None = None,
) -> Controls:
    """Score the controls.

    Parameters
    ----------
    task : BoxTask
    predicted : BoxArrays
        They say for which pairs of image and finding the controls have a try. On a pair with a
        true box and without a prediction the controls have none either.
    draws : int
        Repetitions of the random map.
    seed : int
        Of NumPy's default generator; each repetition has its own stream.
    on_draw : callable, optional
        Called with the number of repetitions that are done.
    """
    centre = {_key(row): row for row in score_boxes(task, centre_boxes(task, predicted))}
    # Numbers alone are kept of a repetition: accuracy and false boxes per image.
    scores, of_same = np.empty((2, draws, len(centre), 2))
    for draw in range(draws):
        boxes, among_first = random_boxes(task, predicted, seed=(seed, draw))
        for into, some in ((scores, boxes), (of_same, boxes.take(among_first))):
            into[draw] = [(row.accuracy.value, row.afp.value) for row in score_boxes(task, some)]
        if on_draw is not None:
            on_draw(draw + 1)
    return Controls(
        {key: _summary(scores[:, place]) for place, key in enumerate(centre)},
        {key: _summary(of_same[:, place]) for place, key in enumerate(centre)},
        centre,
    )


def random_boxes(
    task: BoxTask, predicted: BoxArrays, *, seed: tuple[int, int]
) -> tuple[BoxArrays, NDArray[np.bool_]]:
    """Return the boxes of one random map for each pair of image and finding.

    Parameters
    ----------
    task, predicted
        As `run_controls`.
    seed : tuple of int
        Seed and number of the repetition.

    Returns
    -------
    tuple
        The boxes, and which of them are among the first of their pair, as many as were predicted.
    """
    pairs, counts = np.unique(task.pairs(predicted), return_counts=True)
    maps = interpolated(np.random.default_rng(seed).random((len(pairs), GRID, GRID)), RESOLUTION)
    low = maps.min(axis=(1, 2), keepdims=True)
    maps -= low
    maps *= 255 / maps.max(axis=(1, 2), keepdims=True)
    # The highest value can come out an ulp above 255.
    found = boxes_from_maps(np.minimum(maps, 255, out=maps), THRESHOLDS, task.size)
    # The boxes of a map stand together, best first.
    rank = np.arange(len(found)) - np.searchsorted(found.index, found.index, side="left")
    boxes = _of_pairs(task, pairs[found.index], found.boxes, found.score)
    return boxes, rank < counts[found.index]


def centre_boxes(task: BoxTask, predicted: BoxArrays) -> BoxArrays:
    """Return the centre box of each pair of image and finding for which a box was predicted."""
    pairs = np.unique(task.pairs(predicted))
    sides = np.array(
        [
            np.median(task.truth.corners[task.truth.finding == place, 2:], axis=0)
            for place in range(len(task.findings))
        ]
    ).reshape(-1, 2)
    own = sides[pairs % max(len(task.findings), 1)]
    corners = np.concatenate([(task.size - own) / 2, own], axis=1)
    return _of_pairs(task, pairs, corners, np.ones(len(pairs)))


def _of_pairs(task: BoxTask, pairs: IntArray, corners: FloatArray, score: FloatArray) -> BoxArrays:
    findings = max(len(task.findings), 1)
    return BoxArrays(pairs // findings, pairs % findings, corners, score)


def _key(row: BoxScore) -> Key:
    return row.measure, row.threshold, row.finding


def _summary(values: FloatArray) -> RandomScore:
    accuracy, afp = values.T
    if np.isnan(values).any():  # no true box, or no image
        return RandomScore(None, None, None, None)
    low, high = np.quantile(accuracy, [0.025, 0.975])
    return RandomScore(float(np.mean(accuracy)), float(low), float(high), float(np.mean(afp)))
