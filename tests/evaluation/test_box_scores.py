from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_boxes import FINDINGS, NAN, counted, inputs, made

from cxrmine.dataset.model import Box
from cxrmine.evaluation.box_inputs import Gold, match_boxes
from cxrmine.evaluation.box_scores import MEAN, POOLED, THRESHOLDS, same_pair, score_boxes


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_equal_to_counting_box_by_box(seed: int) -> None:
    truth, predicted, _ = made(seed)
    found = inputs(seed)
    images = len({box.image_index for box in truth})
    predicted = [b for b in predicted if b.image_index in set(found.task.images)]
    rows = {
        (r.measure, r.threshold, r.finding): r for r in score_boxes(found.task, found.predicted)
    }
    assert len(rows) == 12 * (len(FINDINGS) + 2)
    for measure, thresholds in THRESHOLDS.items():
        for threshold in thresholds:
            expected = counted(truth, predicted, measure, threshold)
            for finding, (boxes, hits, given_, false) in expected.items():
                row = rows[measure, threshold, finding]
                assert (row.boxes, row.hits, row.predicted, row.false_boxes) == (
                    boxes, hits, given_, false,
                )  # fmt: skip
                assert row.accuracy.value == pytest.approx(hits / boxes)
                assert row.afp.value == pytest.approx(false / images)
                assert row.afp_per_box == pytest.approx(false / len(truth))
                assert row.accuracy.low <= row.accuracy.value <= row.accuracy.high
                assert row.afp.low <= row.afp.value <= row.afp.high
            pooled, mean = rows[measure, threshold, POOLED], rows[measure, threshold, MEAN]
            sums = [sum(column) for column in zip(*expected.values(), strict=True)]
            assert pooled.accuracy.value == pytest.approx(sums[1] / sums[0])
            assert pooled.afp.value == pytest.approx(sums[3] / images)
            shares = [hits / boxes for boxes, hits, _, _ in expected.values()]
            assert mean.accuracy.value == pytest.approx(np.mean(shares))
            assert mean.afp.value == pytest.approx(sums[3] / images / len(FINDINGS))


def test_the_true_boxes_themselves_are_perfect() -> None:
    truth, _, _ = made()
    found = match_boxes(truth, [NAN] * len(truth), Gold(tuple(truth)))
    for row in score_boxes(found.task, found.predicted):
        assert (row.accuracy.value, row.false_boxes) == (1, 0)


def test_by_hand() -> None:
    truth = (Box("a", "Mass", 100, 100, 100, 100), Box("b", "Mass", 0, 0, 100, 100))
    predicted = [
        Box("a", "Mass", 150, 100, 100, 100),  # half of it inside: IoBB 0.5, IoU 1/3
        Box("a", "Mass", 100, 100, 50, 50),  # inside: IoBB 1, IoU 0.25
        Box("b", "Mass", 500, 500, 50, 50),  # beside
        Box("c", "Mass", 0, 0, 100, 100),  # on an image without a true box
    ]
    found = match_boxes(predicted, [NAN] * 4, Gold(truth, images=("a", "b", "c", "d")))
    rows = {(r.measure, r.threshold): r for r in score_boxes(found.task, found.predicted)
            if r.finding == "Mass"}  # fmt: skip
    assert [rows["IoBB", t].hits for t in THRESHOLDS["IoBB"]] == [1, 1, 1, 1, 1]
    # An overlap of T itself is no hit: it must be above.
    assert [rows["IoBB", t].false_boxes for t in THRESHOLDS["IoBB"]] == [2, 2, 3, 3, 3]
    assert [rows["IoU", t].hits for t in THRESHOLDS["IoU"]] == [1, 1, 1, 0, 0, 0, 0]
    assert [rows["IoU", t].false_boxes for t in THRESHOLDS["IoU"]] == [2, 2, 3, 4, 4, 4, 4]
    assert rows["IoBB", 0.5].afp.value == 3 / 4  # four stated images
    assert rows["IoBB", 0.5].accuracy.value == 1 / 2


def test_a_box_of_another_finding_hits_nothing() -> None:
    truth = (Box("a", "Mass", 0, 0, 9, 9), Box("a", "Nodule", 500, 0, 9, 9))
    predicted = [Box("a", "Nodule", 0, 0, 9, 9)]
    found = match_boxes(predicted, [0.5], Gold(truth))
    row = next(r for r in score_boxes(found.task, found.predicted) if r.finding == POOLED)
    assert (row.hits, row.false_boxes) == (0, 1)


def test_no_predicted_box_at_all() -> None:
    found = match_boxes([], [], Gold((Box("a", "Mass", 0, 0, 9, 9),)))
    assert found.warnings == ("There is no predicted box for the stated images.",)
    for row in score_boxes(found.task, found.predicted):
        assert (row.accuracy.value, row.afp.value) == (0, 0)
        assert row.accuracy.high > 0.5  # one box tells next to nothing


@given(
    st.lists(st.integers(0, 6), max_size=12).map(lambda v: np.array(v, np.int64)),
    st.lists(st.integers(0, 6), max_size=12).map(lambda v: np.array(v, np.int64)),
)
def test_same_pair_finds_all_equal_places(one: np.ndarray, two: np.ndarray) -> None:
    first, second = same_pair(one, two)
    expected = {(i, j) for i, a in enumerate(one) for j, b in enumerate(two) if a == b}
    assert set(zip(first.tolist(), second.tolist(), strict=True)) == expected
    assert len(first) == len(expected)


def test_two_images_of_a_patient_count_for_less() -> None:
    """The same boxes on images of 15 patients and of 30: the interval is wider for 15."""
    truth, predicted, scores = made()

    # Both images of a patient get the same boxes.
    def both(boxes: list[Box]) -> list[Box]:
        own = [b for b in boxes if b.image_index.endswith("_000.png")]
        return own + [
            Box(b.image_index.replace("_000", "_001"), b.finding, b.x, b.y, b.width, b.height)
            for b in own
        ]

    truth, predicted = both(truth), both(predicted)
    scores = [0.5] * len(predicted)
    by_patient = match_boxes(predicted, scores, Gold(tuple(truth)))
    assert by_patient.task.clustered_by == "patient"
    alone = {box.image_index: box.image_index for box in truth}
    by_image = match_boxes(predicted, scores, Gold(tuple(truth), patients=alone))
    wider = 0
    for one, two in zip(
        score_boxes(by_patient.task, by_patient.predicted),
        score_boxes(by_image.task, by_image.predicted),
        strict=True,
    ):
        assert one.accuracy.value == two.accuracy.value
        more = (one.accuracy.high - one.accuracy.low) / (two.accuracy.high - two.accuracy.low)
        assert more >= 1
        wider += more > 1.2
    assert wider > 50  # of 60: where boxes differ by chance as much as independent ones, none is
