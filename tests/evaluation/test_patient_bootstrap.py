"""The bootstrap against copying the drawn patients' images, and against DeLong."""

from __future__ import annotations

import numpy as np
import pytest

from cxrmine.evaluation import patient_bootstrap
from cxrmine.evaluation.auc import auc, auc_interval, influence, mean_interval
from cxrmine.evaluation.average_precision import average_precision
from cxrmine.evaluation.patient_bootstrap import percentile_interval, resample


def images(n: int, patients: int, seed: int, *, ties: bool = False):
    generator = np.random.default_rng(seed)
    whose = generator.integers(patients, size=n)
    own = generator.normal(size=(patients, 3))[whose]
    truth = own + generator.normal(size=(n, 3)) > [0.8, 1.6, 0.3]
    scores = 0.7 * own + generator.normal(size=(n, 3)) + truth
    if ties:
        scores = np.round(scores)
    known = generator.random((n, 3)) < [1.0, 0.8, 0.9]
    return scores, truth & known, known, whose


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("chunk", [300, 1_000_000])
def test_every_draw_scores_the_copied_images(monkeypatch, ties, chunk):
    monkeypatch.setattr(patient_bootstrap, "_CHUNK", chunk)
    scores, truth, known, whose = images(120, 40, seed=5, ties=ties)
    found = resample(scores, truth, known, whose, draws=12, seed=9)
    generator = np.random.default_rng(9)
    names = np.unique(whose)
    for draw in range(12):
        picked = names[generator.integers(len(names), size=len(names))]
        rows = np.concatenate([np.flatnonzero(whose == patient) for patient in picked])
        for k in range(3):
            kept = rows[known[rows, k]]
            got = found.auc[draw, k], found.average_precision[draw, k]
            expected = (
                auc(scores[kept, k], truth[kept, k]),
                average_precision(scores[kept, k], truth[kept, k]),
            )
            assert got == pytest.approx(expected, rel=1e-6)


def test_a_draw_without_one_kind_is_undefined():
    scores = np.array([[0.9], [0.1], [0.2]])
    truth = np.array([[True], [False], [False]])
    found = resample(scores, truth, np.ones((3, 1), np.bool_), draws=400, seed=0)
    undefined = np.isnan(found.auc[:, 0]).mean()
    assert undefined == pytest.approx((2 / 3) ** 3 + (1 / 3) ** 3, abs=0.07)
    interval = percentile_interval(1.0, found.auc[:, 0])
    assert (interval.low, interval.high) == (1.0, 1.0)
    nobody = resample(scores, ~truth & False, np.ones((3, 1), np.bool_), draws=3, seed=0)
    assert np.isnan(nobody.auc).all()
    assert percentile_interval(None, nobody.auc[:, 0]).value is None
    everybody = resample(scores, truth | True, np.ones((3, 1), np.bool_), draws=3, seed=0)
    assert np.isnan(everybody.auc).all()
    assert (everybody.average_precision == 1).all()


def test_it_agrees_with_delong_for_single_images_and_for_patients():
    for several in (False, True):
        scores, truth, known, whose = images(1200, 300, seed=11)
        known[:] = True
        truth = scores + np.random.default_rng(1).normal(size=scores.shape) > 1.5
        clusters = whose if several else None
        found = resample(scores, truth, known, clusters, draws=1500, seed=0)
        areas = []
        for k in range(3):
            area = auc(scores[:, k], truth[:, k])
            boot = percentile_interval(area, found.auc[:, k])
            exact = auc_interval(scores[:, k], truth[:, k], clusters=clusters)
            width = exact.high - exact.low
            assert (boot.low, boot.high) == pytest.approx((exact.low, exact.high), abs=0.1 * width)
            areas.append(influence(scores[:, k], truth[:, k], clusters))
        mean = mean_interval([a for a in areas if a is not None], clusters=clusters)
        boot = percentile_interval(mean.value, found.auc.mean(axis=1))
        assert boot.high - boot.low == pytest.approx(mean.high - mean.low, rel=0.1)


def test_the_seed_decides():
    scores, truth, known, whose = images(60, 20, seed=2)
    first = resample(scores, truth, known, whose, draws=20, seed=1)
    again = resample(scores, truth, known, whose, draws=20, seed=1)
    told: list[int] = []
    other = resample(scores, truth, known, whose, draws=20, seed=2, on_draws=told.append)
    assert sum(told) == 20
    assert np.array_equal(first.auc, again.auc, equal_nan=True)
    assert not np.array_equal(first.auc, other.auc, equal_nan=True)
