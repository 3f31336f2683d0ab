"""The bootstrap: exactly what a loop over reports gives, and the right distribution."""

from __future__ import annotations

import numpy as np
import pytest

from cxrmine.evaluation import intervals
from cxrmine.evaluation.intervals import Estimate, count_codes, estimate, resample_counts, wilson
from cxrmine.evaluation.scores import FN, FP, N_OUTCOMES, TP, micro_f1


def some_codes(n: int, seed: int = 3) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return generator.choice(5, size=(n, 3), p=[0.7, 0.15, 0.07, 0.06, 0.02]).astype(np.int8)


def test_counts():
    codes = np.array([[0, 1], [1, 1], [0, 4]])
    assert count_codes(codes, 5).tolist() == [[2, 1, 0, 0, 0], [0, 2, 0, 0, 1]]


def test_equal_to_a_loop_over_reports_with_the_same_draws():
    codes = some_codes(60)
    got = resample_counts(codes, N_OUTCOMES, draws=7, seed=11)
    patterns, multiplicity = np.unique(codes, axis=0, return_counts=True)
    weights = np.random.default_rng(11).multinomial(60, multiplicity / 60, size=7)
    for draw in range(7):
        expected = np.zeros((3, N_OUTCOMES), dtype=int)
        for pattern, times in zip(patterns.tolist(), weights[draw].tolist(), strict=True):
            for _ in range(times):
                for column, code in enumerate(pattern):
                    expected[column, code] += 1
        assert got[draw].tolist() == expected.tolist()


def test_the_same_distribution_as_drawing_reports_one_by_one():
    codes = some_codes(150)

    def f1(sample: np.ndarray) -> float:
        tp, fp, fn = ((sample == c).sum() for c in (TP, FP, FN))
        return 2 * tp / (2 * tp + fp + fn)

    generator = np.random.default_rng(5)
    looped = np.array([f1(codes[generator.integers(0, 150, size=150)]) for _ in range(6000)])
    fast = micro_f1(resample_counts(codes, N_OUTCOMES, draws=6000, seed=6))
    assert fast.mean() == pytest.approx(looped.mean(), abs=0.004)
    assert fast.std() == pytest.approx(looped.std(), rel=0.06)
    tails = [0.025, 0.975]
    assert np.quantile(fast, tails) == pytest.approx(np.quantile(looped, tails), abs=0.012)


def test_every_draw_has_all_reports_and_the_seed_decides():
    codes = some_codes(40)
    one = resample_counts(codes, N_OUTCOMES, draws=50, seed=0)
    assert (one.sum(axis=-1) == 40).all()
    assert (one == resample_counts(codes, N_OUTCOMES, draws=50, seed=0)).all()
    assert (one != resample_counts(codes, N_OUTCOMES, draws=50, seed=1)).any()
    assert one.std(axis=0).max() > 0


def test_chunks_give_the_same_draws(monkeypatch: pytest.MonkeyPatch):
    codes = some_codes(40)
    whole = resample_counts(codes, N_OUTCOMES, draws=23, seed=4)
    monkeypatch.setattr(intervals, "_CHUNK", 100)
    assert (whole == resample_counts(codes, N_OUTCOMES, draws=23, seed=4)).all()


def test_an_interval_by_hand():
    counts = np.array([[0, 3, 1, 0, 0]])
    drawn = np.array([[[0, k, 100 - k, 0, 0]] for k in range(101)], dtype=float)

    def precision(c: np.ndarray) -> np.ndarray:
        return c[..., 0, TP] / c[..., 0, 1:].sum(axis=-1)

    result = estimate(precision, counts, drawn)
    assert (result.value, result.low, result.high) == pytest.approx((0.75, 0.025, 0.975))


def test_no_reports_is_an_error():
    with pytest.raises(ValueError, match="shape"):
        resample_counts(np.empty((0, 3), dtype=np.int8), 5, draws=1, seed=0)


@pytest.mark.parametrize(
    ("part", "whole", "low", "high"),
    [
        # Newcombe, Statistics in Medicine 17 (1998), Table I, method 3 (the score method).
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_gives_the_published_intervals(part, whole, low, high):
    found = wilson(part, whole)
    assert found.value == part / whole
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)
    mirrored = wilson(whole - part, whole)
    assert (mirrored.low, mirrored.high) == pytest.approx((1 - high, 1 - low), abs=5e-5)


def test_wilson_of_nothing_is_undefined():
    assert wilson(0, 0) == Estimate(None)
    with pytest.raises(ValueError, match="no share"):
        wilson(3, 2)
