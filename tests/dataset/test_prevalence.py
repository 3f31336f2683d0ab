from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxrmine.dataset.prevalence import clustered_share
from cxrmine.evaluation.intervals import Estimate, wilson


@given(st.lists(st.booleans(), min_size=2, max_size=60))
@settings(max_examples=60, deadline=None)
def test_one_image_a_patient_is_wilsons_interval(positive: list[bool]) -> None:
    y = np.array(positive, np.int64)
    got, expected = clustered_share(y, np.ones_like(y)), wilson(int(y.sum()), len(y))
    assert got.value == expected.value
    assert got.low == pytest.approx(expected.low, abs=1e-12)
    assert got.high == pytest.approx(expected.high, abs=1e-12)


def test_identical_images_are_worth_one() -> None:
    one = clustered_share(np.array([1, 0, 0, 1, 0]), np.array([1, 1, 1, 1, 1]))
    many = clustered_share(np.array([9, 0, 0, 9, 0]), np.array([9, 9, 9, 9, 9]))
    assert many.value == one.value
    assert many.low == pytest.approx(one.low)
    assert many.high == pytest.approx(one.high)


def test_spread_over_patients_images_are_worth_no_more_than_independent_ones() -> None:
    # Every patient has exactly half of the images positive: the variance over patients is nil.
    half = clustered_share(np.full(10, 2), np.full(10, 4))
    # Then nothing is known of clustering, and each patient counts once.
    assert half.low == pytest.approx(wilson(5, 10).low)
    some = clustered_share(np.array([2] * 9 + [3]), np.full(10, 4))
    independent = wilson(21, 40)
    assert some.low == pytest.approx(independent.low)


def test_coverage_with_clusters() -> None:
    """The interval holds the truth about as often as it says; one by images does not."""
    rng = np.random.default_rng(4)
    held = naive = 0
    for _ in range(400):
        sick = rng.random(80) < 0.2
        images = rng.integers(1, 12, 80)
        positives = np.where(sick, rng.binomial(images, 0.9), rng.binomial(images, 0.02))
        truth = 0.2 * 0.9 + 0.8 * 0.02
        estimate = clustered_share(positives, images)
        assert estimate.low is not None
        assert estimate.high is not None
        held += estimate.low <= truth <= estimate.high
        by_images = wilson(int(positives.sum()), int(images.sum()))
        assert by_images.low is not None
        assert by_images.high is not None
        naive += by_images.low <= truth <= by_images.high
    assert held / 400 > 0.92
    assert naive / 400 < 0.75


def test_edges() -> None:
    none = np.array([], np.int64)
    assert clustered_share(none, none) == Estimate(None)
    assert clustered_share(np.array([0]), np.array([0])) == Estimate(None)
    assert clustered_share(np.array([2]), np.array([4])) == Estimate(0.5)
    nobody = clustered_share(np.zeros(30, np.int64), np.full(30, 5))
    assert nobody.value == 0.0
    assert nobody.high == pytest.approx(wilson(0, 30).high)
    for positives, images in (([3], [2]), ([-1], [2])):
        with pytest.raises(ValueError, match="between 0 and"):
            clustered_share(np.array(positives), np.array(images))
    with pytest.raises(ValueError, match="between 0 and"):
        clustered_share(np.array([1, 1]), np.array([1]))
