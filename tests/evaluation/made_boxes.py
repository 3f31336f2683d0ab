"""Boxes for the tests of box evaluation, and the scores counted one by one."""

from __future__ import annotations

import math

import numpy as np

from cxrmine.dataset.model import Box
from cxrmine.evaluation.box_inputs import BoxInputs, Gold, match_boxes
from cxrmine.localization.boxes_reference import reference_overlap

FINDINGS = ("Cardiomegaly", "Mass", "Nodule")


def made(seed: int = 0, images: int = 30) -> tuple[list[Box], list[Box], list[float]]:
    """True boxes, predicted boxes (some near a true one, some anywhere), and their scores."""
    generator = np.random.default_rng(seed)
    truth, predicted = [], []
    for number in range(images):
        name = f"{number // 2:08d}_{number % 2:03d}.png"
        for finding in FINDINGS:
            for _ in range(generator.integers(0, 3)):
                x, y = generator.uniform(0, 700, 2)
                width, height = generator.uniform(40, 300, 2)
                truth.append(Box(name, finding, x, y, width, height))
                for _ in range(generator.integers(0, 3)):
                    dx, dy = generator.normal(0, 40, 2)
                    sx, sy = np.exp(generator.normal(0, 0.4, 2))
                    predicted.append(Box(name, finding, x + dx, y + dy, width * sx, height * sy))
            if generator.random() < 0.4:
                x, y, width, height = generator.uniform(20, 500, 4)
                predicted.append(Box(name, finding, x, y, width, height))
    scores = generator.uniform(0, 1, len(predicted)).tolist()
    return truth, predicted, scores


def inputs(seed: int = 0, images: int = 30) -> BoxInputs:
    truth, predicted, scores = made(seed, images)
    return match_boxes(predicted, scores, Gold(tuple(truth)))


def counted(
    truth: list[Box], predicted: list[Box], measure: str, threshold: float
) -> dict[str, tuple[int, int, int, int]]:
    """Boxes, hits, predictions and false ones by finding, from the definition, box by box."""
    which = ("IoU", "IoBB").index(measure)

    def reaches(one: Box, two: Box) -> bool:
        if (one.image_index, one.finding) != (two.image_index, two.finding):
            return False
        corners = [(b.x, b.y, b.width, b.height) for b in (one, two)]
        return reference_overlap(*corners)[which] > threshold

    found = {}
    for finding in FINDINGS:
        own = [b for b in truth if b.finding == finding]
        given = [b for b in predicted if b.finding == finding]
        hits = sum(any(reaches(p, t) for p in given) for t in own)
        false = sum(not any(reaches(p, t) for t in own) for p in given)
        found[finding] = (len(own), hits, len(given), false)
    return found


NAN = math.nan
