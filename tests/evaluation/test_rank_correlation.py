"""Spearman's rho against its definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxrmine.evaluation.rank_correlation import midranks, spearman

# No deadline: the machine may be busy.
few = settings(max_examples=40, deadline=None)

SMALL = st.integers(0, 6).map(float)


@few
@given(st.lists(SMALL, min_size=1, max_size=30))
def test_midranks_count_lower_and_equal_values(values):
    expected = [sum(v < x for v in values) + (sum(v == x for v in values) + 1) / 2 for x in values]
    assert midranks(values).tolist() == expected


@few
@given(st.lists(st.tuples(SMALL, SMALL), min_size=2, max_size=30))
def test_it_is_the_correlation_of_midranks(rows):
    a, b = np.array(rows).T
    got = spearman(a, b).value
    ranks = midranks(a), midranks(b)
    if ranks[0].std() == 0 or ranks[1].std() == 0:
        assert got is None
    else:
        assert got == pytest.approx(np.corrcoef(*ranks)[0, 1], abs=1e-9)
        assert spearman(b, a).value == pytest.approx(got, abs=1e-12)


@few
@given(st.permutations(range(12)))
def test_without_ties_it_is_spearmans_formula(order):
    d = np.arange(12) - np.array(order)
    expected = 1 - 6 * (d @ d) / (12 * (144 - 1))
    assert spearman(np.arange(12), np.exp(np.array(order) / 3.0)).value == pytest.approx(expected)


def test_the_interval_holds_the_truth_as_often_as_it_says():
    generator = np.random.default_rng(2)
    truth = 6 / np.pi * np.arcsin(0.6 / 2)  # of a binormal pair with correlation 0.6
    held = 0
    for _ in range(500):
        a = generator.normal(size=80)
        found = spearman(a, 0.6 * a + 0.8 * generator.normal(size=80))
        held += found.low <= truth <= found.high
    assert 0.92 <= held / 500 <= 0.98


def test_the_interval_is_bonetts_and_wrights():
    a, b = np.random.default_rng(1).normal(size=(2, 25)) + np.arange(25) / 8
    found = spearman(a, b)
    error = np.sqrt((1 + found.value**2 / 2) / (25 - 3))
    z = np.arctanh(found.value) + np.array([-1, 1]) * 1.959963984540054 * error
    assert (found.low, found.high) == pytest.approx(tuple(np.tanh(z)), rel=1e-9)


def test_few_images_or_patients():
    assert spearman([1.0], [1.0]).value is None
    assert spearman([1.0, 2.0, 3.0], [1.0, 3.0, 2.0]).low is None
    same = spearman(np.arange(9), np.arange(9) * 2)
    assert (same.value, same.low, same.high) == (1.0, 1.0, 1.0)
    a, b = np.random.default_rng(0).normal(size=(2, 200))
    wide, narrow = spearman(a, b, independent=50), spearman(a, b)
    assert wide.value == narrow.value
    assert wide.high - wide.low > 1.8 * (narrow.high - narrow.low)


def test_bad_input():
    with pytest.raises(ValueError, match="shape"):
        spearman([1.0, 2.0], [1.0])
    with pytest.raises(ValueError, match="NaN"):
        spearman([1.0, np.nan], [1.0, 2.0])
