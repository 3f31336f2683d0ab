from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrmine.localization.boxes_reference import reference_overlap
from cxrmine.localization.overlap import intersection, iobb, iou

corner = st.floats(-50, 1100, allow_nan=False)
side = st.floats(0.01, 1100, allow_nan=False)
box = st.tuples(corner, corner, side, side)


@given(st.lists(box, min_size=1, max_size=6), st.lists(box, min_size=1, max_size=6))
def test_equal_to_the_definition_for_every_pair(predicted, truth) -> None:
    one, two = np.array(predicted)[:, None], np.array(truth)[None, :]
    expected = np.array([[reference_overlap(p, t) for t in truth] for p in predicted])
    # Coordinates near 1,000 leave 13 digits of a side of 0.01.
    np.testing.assert_allclose(iou(one, two), expected[..., 0], rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(iobb(one, two), expected[..., 1], rtol=1e-6, atol=1e-9)


@given(box, box)
def test_iou_is_symmetric_and_below_iobb(one, two) -> None:
    assert iou(one, two) == iou(two, one)
    assert 0 <= iou(one, two) <= iobb(one, two) * (1 + 1e-12)
    assert iobb(one, two) <= 1


@given(box)
def test_a_box_covers_itself(one) -> None:
    assert iou(one, one) == pytest.approx(1, abs=1e-9)
    assert iobb(one, one) == pytest.approx(1, abs=1e-9)


def test_by_hand() -> None:
    truth = [100, 100, 200, 100]
    assert intersection([150, 50, 100, 100], truth) == 5000
    assert iobb([150, 50, 100, 100], truth) == 0.5
    assert iou([150, 50, 100, 100], truth) == 0.2  # 5,000 of 10,000 + 20,000 - 5,000
    assert iobb([0, 0, 100, 100], truth) == 0  # they only touch


@pytest.mark.parametrize(
    ("boxes", "says"),
    [
        ([1, 2, 3], "shape"),
        ([0, 0, 0, 5], "above 0"),
        ([0, 0, 5, -1], "above 0"),
        ([float("nan"), 0, 5, 5], "finite"),
        (7.0, "shape"),
    ],
)
def test_what_is_no_box_is_refused(boxes, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        iou(boxes, [0, 0, 1, 1])
    with pytest.raises(ValueError, match=says):
        iobb([0, 0, 1, 1], boxes)


def test_the_examples_of_the_documentation() -> None:
    import doctest

    from cxrmine.localization import overlap

    done = doctest.testmod(overlap)
    assert (done.failed, done.attempted) == (0, 2)
