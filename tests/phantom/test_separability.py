"""Cheap looks: measured rightly, and the phantom gives little away to them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrmine.phantom.hospital import phantom_images
from cxrmine.phantom.lesions import FINDINGS
from cxrmine.phantom.separability import (
    LIMITS,
    fit_logistic,
    rank_auc,
    separability,
    thumbnail,
)


@given(st.lists(st.tuples(st.integers(-4, 4), st.booleans()), min_size=2, max_size=60))
def test_the_area_is_the_share_of_pairs_in_order(cases: list[tuple[int, bool]]) -> None:
    scores = np.array([score for score, _ in cases], float)
    labels = np.array([label for _, label in cases], float)
    pairs = [(a > b) + 0.5 * (a == b) for a in scores[labels == 1] for b in scores[labels == 0]]
    got = rank_auc(scores, labels)
    if pairs:
        assert got == pytest.approx(np.mean(pairs), abs=1e-12)
    else:
        assert np.isnan(got)


def test_the_logistic_model_is_at_the_minimum_of_its_loss() -> None:
    random = np.random.default_rng(0)
    x = random.normal(3, 2, (300, 4))
    y = (random.random(300) < 1 / (1 + np.exp(-(x[:, 0] - 3) + 1))).astype(float)
    ridge = 0.02
    model = fit_logistic(x, y, ridge)
    z = (x - model.centre) / model.scale

    def loss(weights: np.ndarray, bias: float) -> float:
        odds = z @ weights + bias
        return float(np.mean(np.logaddexp(0, odds) - y * odds) + ridge / 2 * weights @ weights)

    best = loss(model.weights, model.bias)
    for _ in range(50):
        off = random.normal(0, 0.01, 5)
        assert loss(model.weights + off[:4], model.bias + off[4]) > best
    assert np.abs(model.weights[0]) > 3 * np.abs(model.weights[1:]).max()


def test_a_thumbnail_holds_the_means_of_its_cells() -> None:
    image = np.arange(48 * 64, dtype=np.uint32).reshape(48, 64).astype(np.uint8)
    cells = image.reshape(16, 3, 16, 4).mean((1, 3)) / 255
    np.testing.assert_allclose(thumbnail(image).reshape(16, 16), cells, rtol=1e-5)
    assert thumbnail(np.full((50, 70), 51, np.uint8)) == pytest.approx(0.2)
    with pytest.raises(ValueError, match="has no thumbnail"):
        thumbnail(np.zeros((15, 64), np.uint8))


def test_what_is_planted_is_found() -> None:
    random = np.random.default_rng(1)
    labels = random.integers(0, 2, (400, 3))
    x = random.normal(0.5, 0.05, (400, 256))
    x += 0.02 * labels[:, :1]  # brighter all over
    x[:, 40] += 0.15 * labels[:, 1]  # one cell
    patients = np.arange(400) // 2
    found = separability(x, labels, patients, ("bright", "spot", "nothing"))
    assert found.by_mean[0] > 0.95
    assert found.by_mean[1] < 0.7
    assert found.by_thumbnail[1] > 0.8
    assert abs(found.by_mean[2] - 0.5) < 0.1
    assert abs(found.by_thumbnail[2] - 0.5) < 0.1
    assert (found.images, found.patients) == (400, 200)


def test_a_patient_that_is_known_by_heart_is_no_success() -> None:
    random = np.random.default_rng(2)
    # Ten films of each of 40 patients, all alike, all with the patient's label.
    own = random.normal(0.5, 0.1, (40, 256)).repeat(10, 0)
    labels = random.permutation(np.arange(40) % 2).repeat(10)[:, np.newaxis]
    x = own + random.normal(0, 0.001, own.shape)
    patients = np.arange(40).repeat(10)
    by_patient = separability(x, labels, patients, ("label",)).by_thumbnail[0]
    by_film = separability(x, labels, np.arange(400), ("label",)).by_thumbnail[0]
    assert by_patient < 0.75 < 0.97 < by_film


def test_a_finding_without_enough_films_has_no_number() -> None:
    x = np.random.default_rng(0).random((40, 256))
    labels = np.zeros((40, 1), int)
    labels[:9] = 1
    assert np.isnan(separability(x, labels, np.arange(40), ("rare",)).mean)


def test_the_phantom_gives_little_away() -> None:
    images = list(phantom_images(300, 0, 48))
    found = separability(
        np.array([thumbnail(one.image) for one in images]),
        np.array([one.labels for one in images]),
        np.array([one.patient for one in images]),
        FINDINGS,
    )
    assert found.images > 400
    assert found.mean <= LIMITS[0] == 0.65
    assert found.thumbnail <= LIMITS[1] == 0.80
