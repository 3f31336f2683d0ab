from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest
from made_boxes import inputs

from cxrmine.dataset.model import Box
from cxrmine.evaluation.box_controls import centre_boxes, random_boxes, run_controls
from cxrmine.evaluation.box_inputs import Gold, match_boxes
from cxrmine.evaluation.box_scores import score_boxes


def test_random_maps_have_a_try_where_boxes_were_predicted() -> None:
    found = inputs()
    pairs, counts = np.unique(found.task.pairs(found.predicted), return_counts=True)
    boxes, first = random_boxes(found.task, found.predicted, seed=(0, 0))
    assert set(found.task.pairs(boxes).tolist()) == set(pairs.tolist())
    ours = dict(zip(*np.unique(found.task.pairs(boxes), return_counts=True), strict=True))
    limited = dict(
        zip(*np.unique(found.task.pairs(boxes.take(first)), return_counts=True), strict=True)
    )
    for pair, count in zip(pairs, counts, strict=True):
        assert limited[pair] == min(count, ours[pair])
    assert (boxes.corners[:, :2] >= 0).all()
    assert (boxes.corners[:, :2] + boxes.corners[:, 2:] <= 1024 + 1e-9).all()
    # The first box of a pair is round the map's highest value.
    places = np.searchsorted(found.task.pairs(boxes), pairs)
    assert boxes.score[places] == pytest.approx(1)


def test_repetitions_differ_and_seeds_repeat() -> None:
    found = inputs()
    one, _ = random_boxes(found.task, found.predicted, seed=(0, 0))
    again, _ = random_boxes(found.task, found.predicted, seed=(0, 0))
    other, _ = random_boxes(found.task, found.predicted, seed=(0, 1))
    np.testing.assert_array_equal(one.corners, again.corners)
    assert one.corners.shape != other.corners.shape or not (one.corners == other.corners).all()


def test_means_are_those_of_the_repetitions() -> None:
    found = inputs()
    done: list[int] = []
    controls = run_controls(found.task, found.predicted, draws=3, seed=5, on_draw=done.append)
    assert done == [1, 2, 3]
    rows = [
        score_boxes(found.task, random_boxes(found.task, found.predicted, seed=(5, draw))[0])
        for draw in range(3)
    ]
    for first, *others in zip(*rows, strict=True):
        key = (first.measure, first.threshold, first.finding)
        accuracies = [row.accuracy.value for row in (first, *others)]
        assert controls.random[key].accuracy == pytest.approx(np.mean(accuracies))
        assert min(accuracies) <= controls.random[key].accuracy_low
        assert controls.random[key].accuracy_high <= max(accuracies)
        same = controls.random_same[key]
        assert same.afp <= controls.random[key].afp


def test_a_random_map_hits_a_box_as_large_as_the_image_and_hardly_a_dot() -> None:
    truth = [Box(f"i{n}", "Mass", 0, 0, 1024, 1024) for n in range(20)]
    truth += [Box(f"i{n}", "Nodule", 40.0 * n, 512, 3, 3) for n in range(20)]
    predicted = [Box(b.image_index, b.finding, 0, 0, 10, 10) for b in truth]
    found = match_boxes(predicted, [math.nan] * 40, Gold(tuple(truth)))
    controls = run_controls(found.task, found.predicted, draws=5)
    assert controls.random["IoBB", 0.9, "Mass"].accuracy == 1
    assert controls.random["IoBB", 0.1, "Nodule"].accuracy == 0


def test_the_centre_box_has_the_findings_usual_size() -> None:
    truth = (
        Box("a", "Mass", 0, 0, 100, 50),
        Box("b", "Mass", 0, 0, 200, 70),
        Box("c", "Mass", 412, 462, 300, 600),
        Box("c", "Nodule", 0, 0, 10, 20),
    )
    predicted = [Box("b", "Mass", 1, 1, 5, 5), Box("c", "Mass", 1, 1, 5, 5),
                 Box("a", "Nodule", 1, 1, 2, 2), Box("c", "Mass", 8, 8, 5, 5)]  # fmt: skip
    found = match_boxes(predicted, [0.1] * 4, Gold(truth))
    boxes = centre_boxes(found.task, found.predicted)
    assert len(boxes) == 3  # one a pair
    by_pair = {
        (found.task.images[i], found.task.findings[f]): tuple(c)
        for i, f, c in zip(boxes.image, boxes.finding, boxes.corners.tolist(), strict=True)
    }
    assert by_pair == {
        ("b", "Mass"): (412, 477, 200, 70),
        ("c", "Mass"): (412, 477, 200, 70),
        ("a", "Nodule"): (507, 502, 10, 20),
    }
    controls = run_controls(found.task, found.predicted, draws=1)
    assert controls.centre["IoBB", 0.9, "Mass"].hits == 1  # the one of image c
    # Its box on image a would have been free: no box was predicted there.
    assert controls.centre["IoBB", 0.9, "Mass"].predicted == 2


def test_without_predictions_there_are_no_tries() -> None:
    found = match_boxes([], [], Gold((Box("a", "Mass", 0, 0, 9, 9),)))
    controls = run_controls(found.task, found.predicted, draws=2)
    assert controls.random["IoBB", 0.1, "Mass"].accuracy == 0
    assert controls.centre["IoBB", 0.1, "Mass"].predicted == 0


def test_many_repetitions_need_little_memory() -> None:
    """A hundred thousand once filled the memory, which ends other people's work too."""
    task = match_boxes([], [], Gold((Box("a", "Mass", 0, 0, 9, 9),))).task
    none = match_boxes([], [], Gold((Box("a", "Mass", 0, 0, 9, 9),))).predicted

    def peak(draws: int) -> int:
        tracemalloc.start()
        run_controls(task, none, draws=draws)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(1)
    assert peak(60) - peak(10) < 50 * 5_000
