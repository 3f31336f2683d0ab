"""The sheet: coordinates there and back, windows that hold what they should, resizing."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cxrmine.phantom.canvas import Pose, Sheet, ellipse, grain, line, resize, soft, texture

POSES = st.builds(
    Pose,
    rotation=st.floats(-15, 15),
    scale=st.floats(0.7, 1.3),
    shift_u=st.floats(-0.2, 0.2),
    shift_v=st.floats(-0.2, 0.2),
)


@given(POSES, st.integers(0, 31), st.integers(0, 31))
def test_a_pixel_has_its_body_coordinates_there_and_back(pose: Pose, row: int, column: int) -> None:
    sheet = Sheet(32, pose)
    x, y = sheet.pixel(float(sheet.u[row, column]), float(sheet.v[row, column]))
    assert abs(x - (column + 0.5)) < 1e-3
    assert abs(y - (row + 0.5)) < 1e-3


def test_the_midline_is_the_middle_and_left_is_right() -> None:
    sheet = Sheet(100, Pose())
    assert sheet.pixel(0, 0) == (50, 50)
    assert sheet.u[50, 90] > 0.3  # the patient's left
    assert sheet.v[90, 50] > 0.3  # down


@given(
    POSES,
    st.floats(-0.7, 0.7),
    st.floats(-0.7, 0.7),
    st.floats(0.0, 0.5),
    st.floats(0.0, 0.5),
)
def test_a_window_holds_every_pixel_of_its_rectangle(
    pose: Pose, left: float, top: float, width: float, height: float
) -> None:
    sheet = Sheet(24, pose)
    inside = (sheet.u >= left) & (sheet.u <= left + width)
    inside &= (sheet.v >= top) & (sheet.v <= top + height)
    window = np.zeros_like(inside)
    window[sheet.window(left, top, left + width, top + height)] = True
    assert not (inside & ~window).any()


@settings(max_examples=40)
@given(
    st.integers(1, 9),
    st.integers(1, 9),
    st.integers(1, 14),
    st.integers(1, 14),
    st.integers(0, 2**31),
)
def test_resize_equals_the_definition(
    rows: int, columns: int, to_rows: int, to_columns: int, seed: int
) -> None:
    picture = np.random.default_rng(seed).random((rows, columns)).astype(np.float32)
    kept = picture.copy()
    got = resize(picture, to_rows, to_columns)

    def at(i: int, new: int, old: int) -> tuple[int, int, float]:
        place = (i + 0.5) * old / new - 0.5
        low = min(max(int(np.floor(place)), 0), old - 1)
        return low, min(low + 1, old - 1), min(max(place - low, 0.0), 1.0)

    expected = np.empty((to_rows, to_columns))
    for i in range(to_rows):
        i0, i1, fi = at(i, to_rows, rows)
        for j in range(to_columns):
            j0, j1, fj = at(j, to_columns, columns)
            top = float(kept[i0, j0]) * (1 - fj) + float(kept[i0, j1]) * fj
            low = float(kept[i1, j0]) * (1 - fj) + float(kept[i1, j1]) * fj
            expected[i, j] = top * (1 - fi) + low * fi
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(picture, kept)  # the input is left alone


def test_soft_is_a_step_of_width_two() -> None:
    x = np.array([-5, -1, -0.5, 0, 0.5, 1, 5], np.float32)
    np.testing.assert_allclose(soft(x), [0, 0, 0.15625, 0.5, 0.84375, 1, 1], atol=1e-6)


def test_an_ellipse_is_one_inside_and_nothing_outside() -> None:
    sheet = Sheet(64, Pose())
    shape = ellipse(sheet.u, sheet.v, 0.1, -0.1, 0.2, 0.1, 0.1)
    area = float(shape.sum()) / 64**2
    assert abs(area - np.pi * 0.2 * 0.1) < 0.002
    assert shape[round(0.4 * 64), round(0.6 * 64)] == 1
    assert shape[0, 0] == 0


def test_a_line_runs_where_it_should_and_nowhere_else() -> None:
    sheet = Sheet(128, Pose(rotation=7, scale=0.9, shift_u=0.05))
    picture = np.zeros_like(sheet.u)
    points = np.array([(-0.2, -0.1), (0.0, 0.1), (0.2, 0.0)])
    line(sheet, picture, points, 0.012, 0.5)
    assert 0.45 < picture.max() <= 0.5
    for u, v in (*points, (-0.1, 0.0)):
        x, y = sheet.pixel(float(u), float(v))
        assert picture[int(y), int(x)] > 0.35
    # The distance of every pixel that was touched from the nearest piece.
    rows, columns = np.nonzero(picture > 1e-4)
    cells = np.column_stack([sheet.u[rows, columns], sheet.v[rows, columns]])
    best = np.full(len(cells), np.inf)
    for a, b in pairwise(points):
        t = np.clip((cells - a) @ (b - a) / ((b - a) @ (b - a)), 0, 1)[:, np.newaxis]
        best = np.minimum(best, np.hypot(*(cells - a - t * (b - a)).T))
    assert best.max() <= 2.2 * 0.012 + 1e-6


def test_a_line_off_the_sheet_draws_nothing() -> None:
    sheet = Sheet(32, Pose())
    picture = np.zeros_like(sheet.u)
    line(sheet, picture, np.array([(2.0, 2.0), (3.0, 2.5)]), 0.01, 1.0)
    assert not picture.any()


def test_textures_have_mean_nought_and_are_cut_by_lot() -> None:
    for field in grain():
        assert abs(float(field.mean())) < 1e-3
        assert abs(float(field.std()) - 1) < 1e-3
    first, again = (texture((40, 300), 0, np.random.default_rng(4)) for _ in range(2))
    assert first.shape == (40, 300)  # wider than the field: it repeats
    np.testing.assert_array_equal(first, again)
    assert (texture((40, 300), 0, np.random.default_rng(5)) != first).any()
