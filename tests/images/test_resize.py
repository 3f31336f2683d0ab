"""Area averaging against a float64 reference, and boxes that go where the pixels went."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxrmine.images.resize import FITS, SIZE, Placement, fit_to, resize

sides = st.integers(1, 90)


def axis_weights(n_in: int, n_out: int) -> np.ndarray:
    """The share of every input pixel in every output pixel, shape (n_out, n_in)."""
    scale = n_in / n_out
    if n_out <= n_in:
        # The part of the interval [i·scale, (i+1)·scale] that lies in each input pixel.
        left = np.arange(n_out)[:, None] * scale
        pixel = np.arange(n_in)[None, :]
        covered = np.minimum(left + scale, pixel + 1) - np.maximum(left, pixel)
        return np.clip(covered, 0, None) / scale
    weights = np.zeros((n_out, n_in))
    for i in range(n_out):
        place = min(max((i + 0.5) * scale - 0.5, 0), n_in - 1)
        lower = int(place)
        weights[i, lower] += 1 - (place - lower)
        weights[i, min(lower + 1, n_in - 1)] += place - lower
    return weights


def reference(image: np.ndarray, rows: int, columns: int) -> np.ndarray:
    vertical = axis_weights(image.shape[0], rows)
    horizontal = axis_weights(image.shape[1], columns)
    return vertical @ image.astype(np.float64) @ horizontal.T


def noise(rows: int, columns: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (rows, columns), dtype=np.uint8)


@settings(max_examples=300, deadline=None)
@given(sides, sides, sides, sides, st.integers(0, 2**32 - 1))
def test_within_one_grey_level_of_the_reference(rows_in, columns_in, rows, columns, seed):
    image = noise(rows_in, columns_in, seed)
    result = resize(image, rows, columns)
    assert result.shape == (rows, columns)
    assert result.dtype == np.uint8
    # Half a level of rounding and nothing worth mention beside it.
    assert np.abs(result - reference(image, rows, columns)).max() <= 0.51


@pytest.mark.parametrize(
    "shape", [(3056, 2544), (2048, 2500), (2048, 2048), (1025, 1023), (900, 2000)]
)
def test_sizes_of_detectors(shape):
    image = noise(*shape)
    # OpenCV drops shares below a thousandth of a pixel.
    assert np.abs(resize(image, SIZE, SIZE) - reference(image, SIZE, SIZE)).max() <= 0.8


@pytest.mark.parametrize("grey", [0, 1, 127, 254, 255])
def test_flat_images_stay_flat(grey):
    for shape in [(2000, 1500), (700, 1500), (300, 200)]:
        assert (resize(np.full(shape, grey, np.uint8), 512, 512) == grey).all()


def test_parts_of_larger_arrays():
    large = noise(500, 600)
    part = large[40:440, 100:401]
    np.testing.assert_array_equal(resize(part, 90, 80), resize(part.copy(), 90, 80))


@pytest.mark.parametrize("fit", FITS)
def test_an_image_of_the_right_size_is_not_touched(fit):
    image = noise(SIZE, SIZE)
    result, placement = fit_to(image, fit)
    assert result is image or np.array_equal(result, image)
    assert placement == Placement(1.0, 1.0, 0.0, 0.0)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(FITS), sides, sides, st.integers(1, 64))
def test_every_fit_gives_the_square_and_places_all_of_what_it_keeps(fit, rows, columns, size):
    image = np.full((rows, columns), 200, np.uint8)
    result, placement = fit_to(image, fit, size)
    assert result.shape == (size, size)
    whole = placement.carry(0, 0, columns, rows)
    assert whole is not None
    left, top, width, height = whole
    if fit != "pad":
        assert (left, top) == pytest.approx((0, 0), abs=1e-9)
        assert (width, height) == pytest.approx((size, size))
    else:
        # Whole pixels, centred to within one, and black around them.
        assert [round(n) for n in whole] == pytest.approx(whole)
        expected = np.zeros((size, size), np.uint8)
        rows_of, columns_of = (
            slice(round(a), round(a + b)) for a, b in ((top, height), (left, width))
        )
        expected[rows_of, columns_of] = 200
        np.testing.assert_array_equal(result, expected)
        assert abs(left - (size - left - width)) <= 1
        assert abs(top - (size - top - height)) <= 1


def test_crop_keeps_the_middle():
    image = noise(60, 100)
    result, placement = fit_to(image, "crop", 60)
    np.testing.assert_array_equal(result, image[:, 20:80])
    assert placement == Placement(1.0, 1.0, -20.0, 0.0, 60)
    result, _ = fit_to(image.T.copy(), "crop", 30)
    np.testing.assert_array_equal(result, resize(image.T[20:80].copy(), 30, 30))


def test_pad_keeps_the_proportions():
    image = noise(200, 100)
    result, placement = fit_to(image, "pad", 100)
    np.testing.assert_array_equal(result[:, 25:75], resize(image, 100, 50))
    assert not result[:, :25].any()
    assert not result[:, 75:].any()
    assert placement == Placement(0.5, 0.5, 25.0, 0.0, 100)


@settings(max_examples=150, deadline=None)
@given(st.data(), st.sampled_from(FITS), st.integers(40, 400), st.integers(40, 400))
def test_boxes_lie_on_what_they_were_drawn_around(data, fit, rows, columns):
    """A white rectangle on black: its half-way contour is where its box was carried."""
    x = data.draw(st.integers(0, columns - 20))
    y = data.draw(st.integers(0, rows - 20))
    width = data.draw(st.integers(20, columns - x))
    height = data.draw(st.integers(20, rows - y))
    image = np.zeros((rows, columns), np.uint8)
    image[y : y + height, x : x + width] = 255
    result, placement = fit_to(image, fit, 128)
    box = placement.carry(x, y, width, height)
    bright_rows, bright_columns = np.nonzero(result > 127)
    if box is None or min(box[2:]) < 2:
        assert box is not None or len(bright_rows) == 0
        return
    seen = (
        bright_columns.min(),
        bright_rows.min(),
        bright_columns.max() + 1,
        bright_rows.max() + 1,
    )
    assert (box[0], box[1], box[0] + box[2], box[1] + box[3]) == pytest.approx(seen, abs=1.01)


def test_boxes_outside_or_without_extent_are_none():
    placement = Placement(1.0, 1.0, -20.0, 0.0, 100)
    assert placement.carry(0, 0, 20, 50) is None
    assert placement.carry(120, 0, 20, 50) is None
    assert placement.carry(50, 50, 0, 10) is None
    assert placement.carry(50, 50, -5, 10) is None
    assert placement.carry(float("nan"), 50, 5, 10) is None
    assert placement.carry(10, 90, 20, 20) == (0.0, 90.0, 10.0, 10.0)


@pytest.mark.parametrize("shape", [(1, 5000), (5000, 1), (1, 1), (2, 3)])
@pytest.mark.parametrize("fit", FITS)
def test_thin_and_tiny_images(shape, fit):
    result, placement = fit_to(np.full(shape, 9, np.uint8), fit, 64)
    assert result.shape == (64, 64)
    assert result.max() == 9
    assert placement.carry(0, 0, shape[1], shape[0]) is not None


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="without pixels"):
        fit_to(np.zeros((0, 5), np.uint8))
    with pytest.raises(ValueError, match="stretch, pad, crop"):
        fit_to(np.zeros((5, 5), np.uint8), "squeeze")  # type: ignore[arg-type]
