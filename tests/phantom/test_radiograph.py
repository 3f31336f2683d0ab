"""Films: the same whoever takes them, at any size, with boxes in their own pixels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cxrmine.phantom.anatomy import draw_build
from cxrmine.phantom.lesions import FINDINGS, plan_lesions
from cxrmine.phantom.radiograph import draw_film, grey, take_film, take_lateral

BUILD = draw_build(np.random.default_rng(1), 60, "F")
LESIONS = plan_lesions(np.random.default_rng(2), FINDINGS)


def film(seed: int = 0, view: str = "PA"):  # type: ignore[no-untyped-def]
    return draw_film(np.random.default_rng(seed), view)


def test_the_same_film_is_the_same() -> None:
    first = take_film(BUILD, film(), LESIONS, rows=96, columns=80)
    again = take_film(BUILD, film(), LESIONS, rows=96, columns=80)
    assert first[0].shape == (96, 80)
    assert first[0].dtype == np.float32
    np.testing.assert_array_equal(first[0], again[0])
    assert first[1] == again[1]
    other, _ = take_film(BUILD, film(1), LESIONS, rows=96, columns=80)
    assert (first[0] != other).mean() > 0.9


@pytest.mark.parametrize(("rows", "columns"), [(128, 128), (512, 512), (600, 480)])
def test_boxes_grow_with_the_film(rows: int, columns: int) -> None:
    _, usual = take_film(BUILD, film(3), LESIONS, rows=288, columns=288)
    _, boxes = take_film(BUILD, film(3), LESIONS, rows=rows, columns=columns)
    assert [box.finding for box in boxes] == [box.finding for box in usual]
    assert {box.finding for box in boxes} == set(FINDINGS)
    for box, old in zip(boxes, usual, strict=True):
        across, down = columns / 288, rows / 288
        # Two pixels of the coarser drawing either way.
        slack = 2.5 * max(1.0, rows / 128)
        assert abs(box.x - old.x * across) <= slack
        assert abs(box.y - old.y * down) <= slack
        assert abs(box.width - old.width * across) <= 2 * slack
        assert abs(box.height - old.height * down) <= 2 * slack
        assert 0 <= box.x < box.x + box.width <= columns
        assert 0 <= box.y < box.y + box.height <= rows


def test_noise_and_exposure_are_the_films_own() -> None:
    quiet = replace(film(), noise=0.0, devices=())
    plain, _ = take_film(BUILD, quiet, (), rows=160, columns=160)
    loud, _ = take_film(BUILD, replace(quiet, noise=0.02), (), rows=160, columns=160)
    rest = loud - plain
    assert abs(float(rest.mean())) < 1e-3
    dense = plain > np.percentile(plain, 90)
    empty = plain <= np.percentile(plain, 10)
    assert rest[dense].std() > 1.3 * rest[empty].std()
    bright, _ = take_film(
        BUILD, replace(quiet, offset=quiet.offset + 0.1), (), rows=160, columns=160
    )
    np.testing.assert_allclose(bright, plain + 0.1, atol=1e-5)


def test_portable_films_hold_more_things() -> None:
    counts = {
        view: np.mean([len(film(seed, view).devices) for seed in range(400)])
        for view in ("PA", "AP")
    }
    assert counts["AP"] > 2 * counts["PA"] > 0
    bare = replace(film(), devices=())
    for device in (
        "electrodes",
        "central line",
        "pacemaker",
        "sternal wires",
        "clips",
        "button",
        "tube",
    ):
        plain, _ = take_film(BUILD, bare, (), rows=128, columns=128)
        with_it, _ = take_film(BUILD, replace(bare, devices=(device,)), (), rows=128, columns=128)
        assert np.abs(with_it - plain).max() > 0.05, device


def test_a_lateral_is_another_view() -> None:
    picture = take_lateral(BUILD, film(), rows=128, columns=128)
    frontal, _ = take_film(BUILD, film(), (), rows=128, columns=128)
    assert picture.shape == frontal.shape
    assert np.corrcoef(picture.ravel(), frontal.ravel())[0, 1] < 0.9


def test_grey_is_rounded_and_cut_off() -> None:
    shown = grey(np.array([[-1, 0, 0.5, 0.999, 1, 2]], np.float32))
    assert shown.dtype == np.uint8
    assert shown.tolist() == [[0, 0, 128, 255, 255, 255]]


def test_a_film_too_small_is_refused() -> None:
    with pytest.raises(ValueError, match="32 are the least"):
        take_film(BUILD, film(), (), rows=16, columns=64)
