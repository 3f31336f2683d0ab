"""Heat maps as grey values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from cxrmine.localization.heatmap import to_grey

maps = arrays(
    np.float64,
    array_shapes(min_dims=2, max_dims=4, max_side=5),
    elements=st.floats(-1e300, 1e300),
)


@given(maps)
def test_each_map_spans_0_to_255_or_points_nowhere(values):
    grey = to_grey(values)
    assert grey.dtype == np.uint8
    assert grey.shape == values.shape
    flat = values.reshape(-1, *values.shape[-2:])
    for given_map, scaled in zip(flat, grey.reshape(flat.shape), strict=True):
        if given_map.min() == given_map.max() or given_map.max() <= 0:
            assert not scaled.any()
        else:
            assert (scaled.min(), scaled.max()) == (0, 255)
        assert not scaled[given_map <= 0].any()


@given(maps)
def test_the_order_of_the_cells_is_kept(values):
    grey = to_grey(values).reshape(-1, values.shape[-2] * values.shape[-1])
    flat = values.reshape(grey.shape)
    for given_map, scaled in zip(flat, grey, strict=True):
        assert (np.diff(scaled[np.argsort(given_map, kind="stable")].astype(int)) >= 0).all()


def test_by_hand():
    values = np.array([[[-9, 0], [1, 3]], [[1, 2], [3, 5]], [[5, 5], [5, 5]], [[-3, -2], [-1, 0]]])
    nowhere = [[0, 0], [0, 0]]
    expected = [[[0, 0], [85, 255]], [[0, 64], [128, 255]], nowhere, nowhere]
    assert to_grey(values.astype(float)).tolist() == expected


def test_the_scale_does_not_matter():
    values = np.random.default_rng(0).normal(size=(3, 7, 7))
    assert np.array_equal(to_grey(values), to_grey(values * 4))


def test_what_speaks_against_a_finding_does_not_widen_its_boxes():
    values = np.random.default_rng(0).uniform(0, 1, size=(7, 7))
    values[3, 3], values[0, 0] = 5, 0
    other = values.copy()
    other[0, 0] = -50
    assert np.array_equal(to_grey(values), to_grey(other))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_map_that_is_not_finite_is_refused(bad):
    values = np.zeros((2, 3, 3))
    values[1, 0, 0] = bad
    with pytest.raises(ValueError, match="not finite"):
        to_grey(values)


def test_no_cells_are_refused():
    with pytest.raises(ValueError, match="shape"):
        to_grey(np.zeros((2, 0, 3)))
    with pytest.raises(ValueError, match="shape"):
        to_grey(np.zeros(4))
