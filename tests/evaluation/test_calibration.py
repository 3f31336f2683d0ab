"""Calibration: known models, direct sums, and where it must stay silent."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxrmine.evaluation.calibration import BINS, are_probabilities, calibration
from cxrmine.evaluation.intervals import wilson

# No deadline: the machine may be busy.
few = settings(max_examples=40, deadline=None)


def drawn(n: int = 40_000, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Logits, their probabilities, and labels that come true as often as these say."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(-1.5, 1.5, size=n)
    p = 1 / (1 + np.exp(-logits))
    return logits, p, generator.random(n) < p


@few
@given(st.lists(st.tuples(st.integers(0, 40).map(lambda k: k / 40), st.integers(0, 1)), min_size=1))
def test_brier_and_ece_are_their_sums(rows):
    scores, labels = np.array([r[0] for r in rows]), np.array([r[1] for r in rows])
    found = calibration(scores, labels)
    assert found is not None
    assert found.brier.value == pytest.approx(np.mean((scores - labels) ** 2), abs=1e-12)
    ece = 0.0
    for k in range(BINS):
        low, high = k / BINS, (k + 1) / BINS
        inside = (scores >= low) & ((scores < high) | ((k == BINS - 1) & (scores == 1)))
        own = found.bins[k]
        assert (own.low, own.high, own.n) == (low, high, int(inside.sum()))
        if inside.any():
            ece += abs(scores[inside].mean() - labels[inside].mean()) * inside.mean()
            assert own.positives == wilson(int(labels[inside].sum()), int(inside.sum()))
    assert found.ece == pytest.approx(ece, abs=1e-9)


def test_true_probabilities_are_calibrated():
    _, p, labels = drawn()
    found = calibration(p, labels)
    assert found is not None
    assert found.slope.low < 1 < found.slope.high
    assert found.intercept.low < 0 < found.intercept.high
    assert found.ece < 0.01
    assert found.brier.low < np.mean(p * (1 - p)) < found.brier.high


def test_scores_that_are_too_extreme_or_too_high():
    logits, _, labels = drawn()
    extreme = calibration(1 / (1 + np.exp(-2 * logits)), labels)
    high = calibration(1 / (1 + np.exp(-logits - 1)), labels)
    assert extreme is not None
    assert high is not None
    assert extreme.slope.low < 0.5 < extreme.slope.high
    assert high.intercept.low < -1 < high.intercept.high
    assert high.slope.low < 1 < high.slope.high
    assert high.ece > 0.1


def test_the_fit_is_where_the_gradient_is_zero():
    logits, p, labels = drawn(500, seed=4)
    found = calibration(p, labels)
    assert found is not None
    # Search the intercept that belongs to the slope, and check both of the model's equations.
    slope = found.slope.value
    low, high = -10.0, 10.0
    for _ in range(200):
        middle = (low + high) / 2
        fitted = 1 / (1 + np.exp(-(middle + slope * logits)))
        low, high = (middle, high) if fitted.sum() < labels.sum() else (low, middle)
    assert (logits * (labels - fitted)).sum() == pytest.approx(0, abs=1e-6)
    offset = 1 / (1 + np.exp(-(found.intercept.value + logits)))
    assert offset.sum() == pytest.approx(labels.sum(), abs=1e-6)


def test_the_slopes_interval_against_a_bootstrap_of_patients():
    generator = np.random.default_rng(1)
    patients = np.repeat(np.arange(250), 3)
    common = generator.normal(-0.5, 1.2, size=250)[patients]
    p = 1 / (1 + np.exp(-common - 0.2 * generator.normal(size=750)))
    labels = np.repeat(generator.random(250) < 0.35, 3)
    found = calibration(p, labels, patients)
    blind = calibration(p, labels)
    assert found is not None
    assert blind is not None
    slopes = []
    for _ in range(150):
        rows = (3 * generator.integers(250, size=250)[:, None] + np.arange(3)).reshape(-1)
        again = calibration(p[rows], labels[rows])
        assert again is not None
        slopes.append(again.slope.value)
    width = found.slope.high - found.slope.low
    assert width == pytest.approx(2 * 1.96 * np.std(slopes), rel=0.2)
    assert width > 1.4 * (blind.slope.high - blind.slope.low)
    assert found.brier.high - found.brier.low > 1.4 * (blind.brier.high - blind.brier.low)


def test_the_intervals_are_those_of_the_equations():
    generator = np.random.default_rng(6)
    patients = generator.integers(9, size=40)
    scores, labels = generator.random(40), generator.random(40) < 0.4
    found = calibration(scores, labels, patients)
    assert found is not None
    z = 1.959963984540054
    names = np.unique(patients)
    # The mean of a cluster sample: the patients' sums of deviations (Cochran 1977, 11.8).
    errors = (scores - labels) ** 2
    sums = [float((errors[patients == p] - errors.mean()).sum()) for p in names]
    deviation = np.sqrt(sum(x * x for x in sums) * len(names) / (len(names) - 1)) / 40
    assert found.brier.high - found.brier.value == pytest.approx(z * deviation, rel=1e-9)
    # Liang and Zeger's sandwich for the model with a slope, written out; its coefficients from
    # the slope found and the intercept that makes the expected count right.
    logits = np.log(scores / (1 - scores))
    low, high = -20.0, 20.0
    for _ in range(200):
        middle = (low + high) / 2
        p = 1 / (1 + np.exp(-(middle + found.slope.value * logits)))
        low, high = (middle, high) if p.sum() < labels.sum() else (low, middle)
    x = np.stack([np.ones(40), logits], axis=1)
    bread = np.linalg.inv(sum(w * np.outer(r, r) for w, r in zip(p * (1 - p), x, strict=True)))
    meat = np.zeros((2, 2))
    for patient in names:
        own = patients == patient
        u = ((labels - p)[own, None] * x[own]).sum(axis=0)
        meat += np.outer(u, u)
    variance = (bread @ meat @ bread)[1, 1] * len(names) / (len(names) - 1)
    assert found.slope.high - found.slope.value == pytest.approx(z * np.sqrt(variance), rel=1e-5)


def test_where_a_model_has_no_maximum_only_it_is_blank():
    apart = calibration([0.9, 0.8, 0.2, 0.1], [1, 1, 0, 0])
    one_kind = calibration([0.9, 0.8, 0.2, 0.1], [0, 0, 0, 0])
    assert apart is not None
    assert one_kind is not None
    assert apart.slope.value is None
    assert one_kind.slope.value is None
    assert one_kind.intercept.value is None
    assert apart.brier.value == pytest.approx(0.025)


def test_saturated_scores_have_a_logit():
    found = calibration([1.0, 0.0, 1.0, 0.0, 0.5, 0.5], [1, 0, 0, 1, 1, 0])
    assert found is not None
    assert found.slope.value == pytest.approx(0, abs=1e-6)


def test_what_is_no_probability_is_not_calibrated():
    assert not are_probabilities(np.array([0.5, 1.0000001]))
    assert calibration([0.5, -0.1], [1, 0]) is None
    assert calibration([], []) is None
