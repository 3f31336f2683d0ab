"""The area under the ROC curve against the definitions, pair by pair, in float64."""

from __future__ import annotations

from math import erf, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from cxrmine.evaluation.auc import (
    Influence,
    auc,
    auc_interval,
    covariance,
    influence,
    mean_influence,
    mean_interval,
    paired_difference,
    roc_curve,
    sensitivity_at,
    tied_groups,
)

# No deadline: the machine may be busy.
few = settings(max_examples=40, deadline=None)

Array = NDArray[np.float64]


def psi(scores: Array, labels: NDArray[np.bool_]) -> Array:
    """DeLong et al. 1988: 1 where the positive is higher, 1/2 where equal, else 0."""
    x, y = scores[labels][:, None], scores[~labels][None, :]
    return np.where(x > y, 1.0, np.where(x == y, 0.5, 0.0))


def delong_covariance(first: Array, second: Array, labels: NDArray[np.bool_]) -> float:
    """Equations 3 to 6: S10 / m + S01 / n from the structural components."""
    a, b = psi(first, labels), psi(second, labels)
    m, n = a.shape
    v10 = [w.mean(axis=1) - w.mean() for w in (a, b)]
    v01 = [w.mean(axis=0) - w.mean() for w in (a, b)]
    return float((v10[0] @ v10[1]) / (m - 1) / m + (v01[0] @ v01[1]) / (n - 1) / n)


def obuchowski_variance(
    scores: Array, labels: NDArray[np.bool_], patients: NDArray[np.int64]
) -> float:
    """Obuchowski 1997: sums of components by patient, and their cross term."""
    w = psi(scores, labels)
    m, n = w.shape
    area = w.mean()
    v10 = dict(zip(np.flatnonzero(labels), w.mean(axis=1), strict=True))
    v01 = dict(zip(np.flatnonzero(~labels), w.mean(axis=0), strict=True))
    tens, ones = [], []
    for patient in np.unique(patients):
        own = np.flatnonzero(patients == patient)
        tens.append(sum(v10[i] - area for i in own if i in v10))
        ones.append(sum(v01[i] - area for i in own if i in v01))
    i10 = len(np.unique(patients[labels]))
    i01 = len(np.unique(patients[~labels]))
    s10 = i10 / (i10 - 1) / m * sum(x * x for x in tens)
    s01 = i01 / (i01 - 1) / n * sum(x * x for x in ones)
    # Her factor of the cross term is I / (I - 1); ours the geometric mean of the other two.
    factor = sqrt(i10 / (i10 - 1) * i01 / (i01 - 1))
    s11 = factor * sum(x * y for x, y in zip(tens, ones, strict=True))
    return float(s10 / m + s01 / n + 2 * s11 / (m * n))


@st.composite
def scored(draw: st.DrawFn) -> tuple[Array, NDArray[np.bool_], NDArray[np.int64]]:
    """Scores with many ties or none, at least two images of each kind, patients at random."""
    n = draw(st.integers(4, 40))
    seed = draw(st.integers(0, 2**32 - 1))
    generator = np.random.default_rng(seed)
    labels = np.zeros(n, dtype=np.bool_)
    labels[: draw(st.integers(2, n - 2))] = True
    generator.shuffle(labels)
    values = draw(st.sampled_from([2, 5, 1000000]))
    scores = generator.integers(values, size=n) / values - draw(st.sampled_from([0.0, 0.5]))
    return scores, labels, generator.integers(draw(st.integers(2, n)), size=n)


@few
@given(scored())
def test_the_area_is_the_share_of_pairs_in_the_right_order(case):
    scores, labels, _ = case
    assert auc(scores, labels) == pytest.approx(psi(scores, labels).mean(), rel=1e-12)


@few
@given(scored())
def test_the_variance_is_delongs(case):
    scores, labels, _ = case
    found = influence(scores, labels)
    assert found is not None
    assert found.auc == pytest.approx(psi(scores, labels).mean(), rel=1e-12)
    expected = delong_covariance(scores, scores, labels)
    assert covariance(found.parts, found.parts) == pytest.approx(expected, rel=1e-6, abs=1e-15)


@few
@given(scored(), st.integers(0, 2**32 - 1))
def test_the_covariance_of_two_models_is_delongs(case, seed):
    first, labels, _ = case
    second = np.round(first + np.random.default_rng(seed).normal(size=len(first)), 1)
    a, b = influence(first, labels), influence(second, labels)
    assert a is not None
    assert b is not None
    expected = delong_covariance(first, second, labels)
    assert covariance(a.parts, b.parts) == pytest.approx(expected, rel=1e-6, abs=1e-12)
    difference = paired_difference(a, b)
    variance = (
        delong_covariance(first, first, labels)
        + delong_covariance(second, second, labels)
        - 2 * expected
    )
    assert difference.value == a.auc - b.auc
    if variance > 1e-9:
        half = 1.959963984540054 * sqrt(variance)
        assert difference.high == pytest.approx(a.auc - b.auc + half, rel=1e-6)
        z = abs(a.auc - b.auc) / sqrt(variance)
        # The normal distribution's two tails, by the error function of its body.
        assert difference.p == pytest.approx(1 - erf(z / sqrt(2)), abs=1e-9)


@few
@given(scored())
def test_images_of_a_patient_count_together(case):
    scores, labels, patients = case
    found = influence(scores, labels, patients)
    few = min(len(np.unique(patients[labels])), len(np.unique(patients[~labels])))
    if few < 2:
        assert found is None
        return
    assert found is not None
    got = covariance(found.parts, found.parts, patients)
    assert got == pytest.approx(obuchowski_variance(scores, labels, patients), rel=1e-6, abs=1e-12)


@few
@given(scored())
def test_patients_of_one_image_each_change_nothing(case):
    scores, labels, _ = case
    own = np.arange(len(scores))[::-1].copy()
    together, apart = (auc_interval(scores, labels, clusters=c) for c in (own, None))
    assert together.value == apart.value
    assert (together.low, together.high) == pytest.approx((apart.low, apart.high), rel=1e-9)


@few
@given(scored())
def test_order_and_scale_do_not_matter(case):
    scores, labels, _ = case
    order = np.random.default_rng(0).permutation(len(scores))
    estimate = auc_interval(scores, labels)
    again = auc_interval(np.exp(3 * scores[order]) - 7, labels[order])
    assert again.value == estimate.value
    assert again.low == pytest.approx(estimate.low, abs=1e-12)
    turned = auc(-scores, labels)
    assert turned == pytest.approx(1 - estimate.value, abs=1e-12)


def test_duplicating_every_image_under_the_same_patient_does_not_narrow_the_interval():
    generator = np.random.default_rng(3)
    labels = generator.random(400) < 0.3
    scores = generator.normal(size=400) + labels
    once = auc_interval(scores, labels)
    patients = np.repeat(np.arange(400), 3)
    thrice = auc_interval(np.repeat(scores, 3), np.repeat(labels, 3), clusters=patients)
    blind = auc_interval(np.repeat(scores, 3), np.repeat(labels, 3))
    assert thrice.value == pytest.approx(once.value, rel=1e-12)
    assert (thrice.low, thrice.high) == pytest.approx((once.low, once.high), rel=1e-9)
    assert blind.low > once.low + 0.005


def test_the_interval_holds_the_truth_as_often_as_it_says():
    generator = np.random.default_rng(7)
    truth = 0.5 * (1 + erf(1 / 2))  # of two normals one apart: Phi(1 / sqrt 2)
    held = 0
    for _ in range(600):
        labels = np.arange(150) < 50
        found = auc_interval(generator.normal(size=150) + labels, labels)
        held += found.low <= truth <= found.high
    assert 0.925 <= held / 600 <= 0.975


def test_a_test_of_equal_models_rejects_as_often_as_it_says():
    generator = np.random.default_rng(8)
    rejected = 0
    for _ in range(600):
        labels = np.arange(150) < 50
        shared = generator.normal(size=150) + labels
        a, b = (influence(shared + 0.7 * generator.normal(size=150), labels) for _ in range(2))
        p = paired_difference(a, b).p
        rejected += p is not None and p < 0.05
    assert 0.02 <= rejected / 600 <= 0.08


@few
@given(scored(), scored())
def test_the_mean_of_areas_has_the_variance_of_the_mean(one, two):
    size = min(len(one[0]), len(two[0]))
    areas = [Influence(0.7, np.asarray(x[0][:size])) for x in (one, two)]
    mean = mean_influence(areas)
    assert mean is not None
    a, b = areas
    expected = (
        covariance(a.parts, a.parts)
        + covariance(b.parts, b.parts)
        + 2 * covariance(a.parts, b.parts)
    ) / 4
    assert covariance(mean.parts, mean.parts) == pytest.approx(expected, rel=1e-9, abs=1e-12)
    assert mean_interval(areas).value == pytest.approx(0.7)


def test_where_there_is_nothing_to_estimate():
    assert auc([0.1, 0.2], [1, 1]) is None
    assert auc([], []) is None
    assert auc_interval([0.1, 0.2], [0, 0]).value is None
    single = auc_interval([0.9, 0.5, 0.2], [1, 0, 0])
    assert (single.value, single.low) == (1.0, None)
    apart = auc_interval([0.9, 0.8, 0.2, 0.1], [1, 1, 0, 0])
    assert (apart.value, apart.low, apart.high) == (1.0, 1.0, 1.0)
    assert mean_interval([]).value is None
    assert mean_influence([]) is None
    assert paired_difference(None, influence([0.9, 0.8, 0.2, 0.1], [1, 1, 0, 0])).value is None
    same = influence([0.9, 0.8, 0.2, 0.1], [1, 1, 0, 0])
    assert paired_difference(same, same).p == 1.0


@pytest.mark.parametrize(
    ("scores", "labels", "said"),
    [
        ([0.1, float("nan")], [0, 1], "NaN"),
        ([0.1, 0.2], [0, 2], "0 or 1"),
        ([0.1, 0.2], [0, 1, 1], "one shape"),
        ([[0.1, 0.2]], [[0, 1]], "one shape"),
    ],
)
def test_what_is_no_score_or_label_is_refused(scores, labels, said):
    with pytest.raises(ValueError, match=said):
        auc(scores, labels)


def test_clusters_of_another_length_are_refused():
    with pytest.raises(ValueError, match="clusters"):
        influence([0.1, 0.2], [0, 1], [1, 2, 3])


def test_infinite_scores_have_their_place():
    assert auc([float("inf"), 0.3, float("-inf")], [1, 0, 0]) == 1.0


@few
@given(scored())
def test_the_curve_has_every_corner_and_only_corners(case):
    scores, labels, _ = case
    curve = roc_curve(scores, labels)
    assert curve is not None
    points = set()
    for threshold in [*scores, np.inf]:
        called = scores >= threshold
        points.add((float(called[~labels].mean()), float(called[labels].mean())))
    got = list(zip(curve.fpr.tolist(), curve.tpr.tolist(), strict=True))
    assert got[0] == (0.0, 0.0)
    assert got[-1] == (1.0, 1.0)
    assert set(got) <= points
    # Trapezoids under the corners are the area, so nothing that matters was left out.
    area = np.diff(curve.fpr) @ (curve.tpr[1:] + curve.tpr[:-1]) / 2
    assert area == pytest.approx(auc(scores, labels), abs=1e-12)
    slopes = np.arctan2(np.diff(curve.tpr), np.diff(curve.fpr))
    assert (np.abs(np.diff(slopes)) > 1e-9).all()
    for fpr, tpr, threshold in zip(curve.fpr, curve.tpr, curve.thresholds, strict=True):
        assert (scores[labels] >= threshold).mean() == pytest.approx(tpr)
        assert (scores[~labels] >= threshold).mean() == pytest.approx(fpr)
    for fpr, tpr in points:
        assert sensitivity_at(curve, fpr) >= tpr - 1e-12


def test_sensitivity_between_and_above_corners():
    curve = roc_curve([4, 3, 2, 2, 1, 0], [1, 0, 1, 0, 0, 1])
    assert curve is not None
    assert list(zip(curve.fpr, curve.tpr, strict=True)) == [
        (0, 0),
        (0, pytest.approx(1 / 3)),
        (pytest.approx(1 / 3), pytest.approx(1 / 3)),
        (pytest.approx(2 / 3), pytest.approx(2 / 3)),
        (1, pytest.approx(2 / 3)),
        (1, 1),
    ]
    assert sensitivity_at(curve, 0.0) == pytest.approx(1 / 3)  # the upper end of the rise
    assert sensitivity_at(curve, 0.5) == pytest.approx(0.5)  # half way up the slope
    assert sensitivity_at(curve, 1.0) == 1.0
    assert roc_curve([1, 2], [1, 1]) is None


@few
@given(scored())
def test_groups_count_every_image_once(case):
    scores, labels, _ = case
    groups = tied_groups(scores, labels)
    assert (np.diff(groups.scores) < 0).all()
    assert (groups.scores[groups.group] == scores).all()
    assert groups.positives.sum() == labels.sum()
    assert groups.negatives.sum() == (~labels).sum()


def test_a_million_images_take_one_sort():
    generator = np.random.default_rng(0)
    labels = generator.random(1_000_000) < 0.1
    scores = generator.normal(size=1_000_000) + labels
    found = auc_interval(scores, labels)  # pair by pair this would take 9e10 comparisons
    assert found.value == pytest.approx(0.5 * (1 + erf(1 / 2)), abs=0.003)
    assert found.high - found.low == pytest.approx(0.0033, abs=0.0005)
