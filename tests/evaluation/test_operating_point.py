"""Youden's point against every threshold, and shares of a patient's images."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxrmine.evaluation.intervals import Estimate, wilson
from cxrmine.evaluation.operating_point import rates, share, youden

# No deadline: the machine may be busy.
few = settings(max_examples=40, deadline=None)


@few
@given(
    st.lists(
        st.tuples(st.integers(0, 9).map(lambda k: k / 9), st.integers(0, 1)),
        min_size=2,
        max_size=40,
    ).filter(lambda rows: len({y for _, y in rows}) == 2)
)
def test_no_threshold_does_better(rows):
    scores = np.array([s for s, _ in rows])
    labels = np.array([y for _, y in rows], dtype=np.bool_)
    point = youden(scores, labels)
    assert point is not None
    called = scores >= point.threshold
    assert point.sensitivity.value == pytest.approx(called[labels].mean())
    assert point.specificity.value == pytest.approx((~called)[~labels].mean())
    reached = point.sensitivity.value + point.specificity.value
    for threshold in np.unique(scores):
        other = scores >= threshold
        j = other[labels].mean() + (~other)[~labels].mean()
        assert j <= reached + 1e-12
        if threshold > point.threshold:  # of equals, the highest threshold
            assert j < reached - 1e-12


def test_its_intervals_are_wilsons():
    scores = np.array([0.9, 0.8, 0.7, 0.3, 0.6, 0.2, 0.1, 0.1])
    labels = np.array([1, 1, 1, 1, 0, 0, 0, 0], dtype=np.bool_)
    point = youden(scores, labels)
    assert point is not None
    assert point.threshold == 0.7
    assert point.sensitivity == wilson(3, 4)
    assert point.specificity == wilson(4, 4)
    assert youden([0.1, 0.2], [1, 1]) is None


def test_two_images_of_a_patient_that_agree_count_once():
    flags = np.array([1, 1, 0, 0, 1, 1, 1, 1, 0, 0], dtype=np.bool_)
    patients = np.repeat(np.arange(5), 2)
    together, apart = share(flags, patients), share(flags)
    assert together.value == apart.value == 0.6
    once = wilson(3, 5)
    # The estimated variance divides by patients - 1, Wilson's by patients.
    assert together.low == pytest.approx(once.low, abs=0.03)
    assert together.low < apart.low < apart.high < together.high
    assert share(flags, np.arange(10)) == apart
    assert share(np.zeros(0, dtype=np.bool_)) == Estimate(None)
    alike = share(np.ones(6, dtype=np.bool_), np.repeat(np.arange(3), 2))
    assert alike.low == pytest.approx(wilson(3, 3).low)


def test_rates_of_decisions():
    called = np.array([1, 0, 1, 0, 0], dtype=np.bool_)
    labels = np.array([1, 1, 0, 0, 0], dtype=np.bool_)
    sensitivity, specificity = rates(called, labels)
    assert (sensitivity, specificity) == (wilson(1, 2), wilson(2, 3))
