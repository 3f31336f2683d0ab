from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_boxes import inputs

from cxrmine.dataset.model import Box
from cxrmine.evaluation.box_inputs import Gold, match_boxes
from cxrmine.evaluation.box_scores import MEAN, POOLED
from cxrmine.evaluation.pointing import Points, points_from_boxes, score_points, union_area

TRUTH = (
    Box("a", "Mass", 100, 100, 100, 100),
    Box("a", "Mass", 600, 600, 100, 100),
    Box("b", "Mass", 412, 412, 200, 200),
    Box("c", "Nodule", 0, 0, 1024, 512),
)


def task(predicted: tuple[Box, ...] = (), scores: tuple[float, ...] = ()):
    return match_boxes(list(predicted), list(scores), Gold(TRUTH))


def test_a_point_in_any_box_of_the_finding_is_a_hit() -> None:
    own = task().task
    pairs = own.pairs(own.truth)
    points = Points(np.array([pairs[0], pairs[3]]), np.array([[650.0, 650.0], [10.0, 600.0]]))
    rows = {row.finding: row for row in score_points(own, points)}
    assert (rows["Mass"].pairs, rows["Mass"].hits) == (2, 1)  # b has no point: a miss
    assert (rows["Nodule"].pairs, rows["Nodule"].hits) == (1, 0)
    assert rows[POOLED].accuracy.value == pytest.approx(1 / 3)
    assert rows[MEAN].accuracy.value == pytest.approx(1 / 4)
    assert rows["Mass"].centre == 0.5
    assert rows["Nodule"].centre == 1  # the border belongs to the box
    assert rows["Mass"].chance == pytest.approx((20_000 + 40_000) / 2 / 1024**2)
    assert rows["Nodule"].chance == 0.5


def test_the_point_is_the_middle_of_the_surest_box() -> None:
    predicted = (
        Box("a", "Mass", 0, 0, 1000, 1000),
        Box("a", "Mass", 140, 140, 20, 20),  # as sure and smaller
        Box("a", "Mass", 900, 900, 2, 2),
        Box("b", "Mass", 500, 500, 2, 2),
        Box("b", "Mass", 0, 0, 2, 2),
    )
    found = task(predicted, (0.9, 0.9, 0.8, 0.2, math.nan))
    points = points_from_boxes(found.task, found.predicted)
    assert points.place.tolist() == [[150, 150], [501, 501]]
    rows = {row.finding: row for row in score_points(found.task, points)}
    assert rows["Mass"].hits == 2


def test_a_point_anywhere_hits_as_often_as_chance_says() -> None:
    own = inputs(4, 60).task
    pairs = np.unique(own.pairs(own.truth))
    generator = np.random.default_rng(0)
    hits = [
        next(
            row.accuracy.value
            for row in score_points(own, Points(pairs, generator.uniform(0, 1024, (len(pairs), 2))))
            if row.finding == POOLED
        )
        for _ in range(60)
    ]
    chance = next(
        row.chance
        for row in score_points(own, Points(pairs[:0], np.empty((0, 2))))
        if row.finding == POOLED
    )
    assert np.mean(hits) == pytest.approx(chance, abs=0.012)


corner = st.integers(-3, 12)
side = st.integers(1, 9)


@given(st.lists(st.tuples(corner, corner, side, side), min_size=1, max_size=6))
def test_the_union_is_that_of_counted_pixels(boxes: list[tuple[int, int, int, int]]) -> None:
    grid = np.zeros((10, 10), bool)
    for x, y, width, height in boxes:
        grid[max(y, 0) : max(y + height, 0), max(x, 0) : max(x + width, 0)] = True
    assert union_area(np.array(boxes, float), 10) == grid.sum()
