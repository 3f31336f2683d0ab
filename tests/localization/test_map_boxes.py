from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from cxrmine.localization.boxes import (
    SIZE,
    THRESHOLDS,
    boxes_from_map,
    boxes_from_maps,
    interpolated,
)
from cxrmine.localization.boxes_reference import reference_boxes

# Few levels, so that neighbours often lie on the same side of a threshold.
levels = st.sampled_from([0, 59, 60, 61, 180, 181, 255])
stacks = arrays.arrays(
    np.uint8, arrays.array_shapes(min_dims=3, max_dims=3, min_side=1, max_side=9), elements=levels
)


def same(ours, expected) -> None:
    one, two = np.reshape(ours, (-1, 5)), np.reshape(expected, (-1, 5))
    np.testing.assert_allclose(one, two, rtol=1e-12)


@settings(max_examples=200)
@given(stacks, st.sampled_from([4, 8]))
def test_equal_to_flood_fill(stack, connectivity: int) -> None:
    found = boxes_from_maps(stack, connectivity=connectivity)
    for place, heat in enumerate(stack):
        expected = reference_boxes(heat, THRESHOLDS, SIZE, connectivity=connectivity)
        same(boxes_from_map(heat, connectivity=connectivity), expected)
        own = found.index == place
        same(np.column_stack([found.boxes[own], found.score[own]]), expected)


def test_equal_to_flood_fill_on_larger_noise() -> None:
    generator = np.random.default_rng(3)
    for shape in ((40, 61), (61, 40), (1, 200), (200, 1)):
        for share in (0.2, 0.45, 0.6, 0.95):
            heat = np.where(generator.random(shape) < share, 200, 0).astype(np.uint8)
            for connectivity in (4, 8):
                ours = boxes_from_map(heat, (60,), connectivity=connectivity)
                theirs = reference_boxes(heat, (60,), SIZE, connectivity=connectivity)
                same(ours, theirs)


def test_a_spiral_and_a_comb_are_one_region() -> None:
    spiral = np.zeros((41, 41), np.uint8)
    r = c = 0
    down, across = 0, 1
    spiral[0, 0] = 255
    for length in [40, 40, *(n for n in range(38, 1, -2) for _ in (0, 1))]:
        for _ in range(length):
            r, c = r + down, c + across
            spiral[r, c] = 255
        down, across = across, -down
    assert boxes_from_map(spiral, (60,), 41, connectivity=4) == [(0, 0, 41, 41, 1.0)]
    comb = np.zeros((300, 301), np.uint8)
    comb[:, ::2] = 100
    comb[-1] = 100
    assert [b[:4] for b in boxes_from_map(comb, (60,), 300)] == [(0, 0, 300, 300)]


def test_each_threshold_gives_boxes_of_its_own() -> None:
    heat = np.zeros((32, 32), np.uint8)
    heat[8:16, 4:20] = 100
    heat[10:12, 6:9] = 255
    heat[30, 30] = 61
    assert boxes_from_map(heat) == [
        (192, 320, 96, 64, 1.0),
        (128, 256, 512, 256, 1.0),
        (960, 960, 32, 32, pytest.approx(61 / 255)),
    ]


def test_the_threshold_itself_is_not_above_it() -> None:
    assert boxes_from_map(np.full((3, 3), 60, np.uint8)) == []
    assert boxes_from_map(np.full((3, 3), 60.001)) == [(0, 0, 1024, 1024, pytest.approx(0.235298))]


def test_a_region_that_is_the_same_at_both_thresholds_is_one_box() -> None:
    heat = np.zeros((4, 4), np.uint8)
    heat[1, 1] = 200
    assert len(boxes_from_map(heat)) == 1


def test_maps_side_by_side_do_not_run_into_each_other() -> None:
    stack = np.zeros((3, 4, 4), np.uint8)
    stack[0, 3, :] = 200
    stack[1, 0, :] = 200
    stack[1, :, 3] = 200
    stack[2, :, 0] = 200
    found = boxes_from_maps(stack, (60,), 4)
    assert found.index.tolist() == [0, 1, 2]
    assert found.boxes.tolist() == [[0, 3, 4, 1], [0, 0, 4, 4], [0, 0, 1, 4]]


def test_an_empty_stack_has_no_boxes() -> None:
    found = boxes_from_maps(np.empty((0, 7, 7), np.uint8))
    assert len(found) == 0
    assert found.boxes.shape == (0, 4)


@pytest.mark.parametrize(
    ("heat", "says"),
    [
        (np.zeros((2, 2, 2)), "rows, columns"),
        (np.zeros((0, 4)), "rows, columns"),
        (np.full((2, 2), np.nan), "scaled"),
        (np.full((2, 2), 256.0), "scaled"),
        (np.full((2, 2), -0.1), "scaled"),
        (np.array([["a"]]), "numbers"),
    ],
)
def test_what_is_no_heat_map_is_refused(heat, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        boxes_from_map(heat)
    with pytest.raises(ValueError, match="connectivity"):
        boxes_from_map(np.zeros((2, 2)), connectivity=6)
    with pytest.raises(ValueError, match="resolution"):
        boxes_from_map(np.zeros((2, 2)), resolution=0)


@given(
    arrays.arrays(np.float64, (2, 3, 5), elements=st.floats(0, 255)), st.sampled_from([1, 4, 9, 32])
)
def test_interpolation_is_that_of_the_formula(maps, resolution: int) -> None:
    ours = interpolated(maps, resolution)
    for index in range(len(maps)):
        for r in range(resolution):
            for c in range(resolution):
                y = min(max((r + 0.5) * 3 / resolution - 0.5, 0), 2)
                x = min(max((c + 0.5) * 5 / resolution - 0.5, 0), 4)
                top, left = int(y), int(x)
                below, right = min(top + 1, 2), min(left + 1, 4)
                down, across = y - top, x - left
                m = maps[index]
                upper = m[top, left] * (1 - across) + m[top, right] * across
                lower = m[below, left] * (1 - across) + m[below, right] * across
                expected = upper * (1 - down) + lower * down
                assert ours[index, r, c] == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_interpolation_is_torchs() -> None:
    torch = pytest.importorskip("torch")
    maps = np.random.default_rng(0).random((3, 7, 7))
    for resolution in (7, 30, 224):
        theirs = torch.nn.functional.interpolate(
            torch.from_numpy(maps)[:, None], size=resolution, mode="bilinear", align_corners=False
        )[:, 0].numpy()
        np.testing.assert_allclose(interpolated(maps, resolution), theirs, rtol=1e-6, atol=1e-9)


def test_a_finer_map_gives_a_tighter_box() -> None:
    heat = np.zeros((7, 7), np.uint8)
    heat[3, 3] = 255
    coarse, fine = boxes_from_map(heat, (180,)), boxes_from_map(heat, (180,), resolution=256)
    # A cell is 146 pixels wide; bilinear interpolation falls to 180/255 at 0.294 of one.
    assert coarse[0][2] == pytest.approx(1024 / 7)
    assert fine[0][2] == pytest.approx(2 * (1 - 180 / 255) * 1024 / 7, abs=2 * 1024 / 256)
    assert fine[0][0] + fine[0][2] / 2 == pytest.approx(512)


@given(stacks, st.sampled_from([(60.0, 180.0), (60.5,), (0.0, 255.0), (-1.0, 59.999), (300.0,)]))
def test_bytes_and_floats_give_the_same_boxes(stack, thresholds) -> None:
    one, two = boxes_from_maps(stack, thresholds), boxes_from_maps(stack * 1.0, thresholds)
    np.testing.assert_array_equal(one.boxes, two.boxes)
    np.testing.assert_array_equal(one.index, two.index)


@pytest.mark.parametrize("at_once", [1, 100, 150])
def test_pieces_make_no_difference(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    stack = np.random.default_rng(0).integers(0, 256, (17, 7, 7)).astype(np.uint8)
    whole = boxes_from_maps(stack)
    monkeypatch.setattr("cxrmine.localization.boxes._AT_ONCE", at_once)
    pieces = boxes_from_maps(stack)
    for name in ("index", "boxes", "score", "threshold"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(pieces, name))
