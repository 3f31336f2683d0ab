from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrmine.evaluation.clustered import mean_share, rate, share, wilson_effective
from cxrmine.evaluation.intervals import wilson


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_at_whole_numbers_it_is_wilsons_interval(part_whole: tuple[int, int]) -> None:
    part, whole = part_whole
    ours, theirs = wilson_effective(part / whole, whole), wilson(part, whole)
    assert ours.low == pytest.approx(theirs.low, abs=1e-12)
    assert ours.high == pytest.approx(theirs.high, abs=1e-12)


def test_one_case_a_cluster_is_nearly_wilsons_interval() -> None:
    hits = np.array([1.0] * 30 + [0.0] * 70)
    ours, theirs = share(hits, np.ones(100)), wilson(30, 100)
    # n - 1 in the variance makes 99 effective cases of 100.
    assert ours.value == theirs.value
    assert ours.low == pytest.approx(theirs.low, abs=2e-3)
    assert ours.high == pytest.approx(theirs.high, abs=2e-3)


def test_cases_that_are_all_alike_within_clusters_count_once() -> None:
    single = share(np.array([1.0, 0.0] * 20), np.ones(40))
    doubled = share(np.array([5.0, 0.0] * 20), np.full(40, 5.0))
    assert doubled.low == pytest.approx(single.low)
    assert doubled.high == pytest.approx(single.high)


def test_an_interval_is_no_narrower_than_that_of_independent_cases() -> None:
    # Every cluster has one hit of two: the clusters do not differ at all.
    found, independent = share(np.ones(10), np.full(10, 2.0)), wilson(10, 20)
    assert (found.low, found.high) == pytest.approx((independent.low, independent.high))


def test_all_hits_still_leave_doubt() -> None:
    found = share(np.full(5, 3.0), np.full(5, 3.0))
    assert found.value == found.high == 1
    assert found.low == pytest.approx(wilson(5, 5).low)  # by clusters, not by cases
    assert share(np.array([3.0]), np.array([4.0])).low < 0.2  # one cluster tells little


def test_without_a_case_there_is_no_value() -> None:
    assert share(np.zeros(3), np.zeros(3)).value is None
    assert rate(np.zeros(0), np.zeros(0)).value is None
    assert mean_share(np.zeros((0, 0)), np.zeros((0, 0))).value is None


def test_the_mean_leaves_out_a_finding_without_cases() -> None:
    hits, cases = np.array([[1.0, 0, 0], [0, 1, 0]]), np.array([[1.0, 1, 0], [1, 1, 0]])
    assert mean_share(hits, cases).value == 0.5
    assert mean_share(hits, cases) == mean_share(hits[:, :2], cases[:, :2])


def simulated(seed: int, clusters: int) -> tuple[np.ndarray, np.ndarray]:
    """Cases in clusters of one to six that share most of their luck."""
    generator = np.random.default_rng(seed)
    cases = generator.integers(1, 7, clusters).astype(float)
    luck = generator.beta(0.6, 0.9, clusters)
    return generator.binomial(cases.astype(int), luck).astype(float), cases


def test_as_wide_as_the_bootstrap_of_clusters() -> None:
    hits, cases = simulated(1, 300)
    drawn = np.random.default_rng(2).integers(0, 300, (4000, 300))
    for estimate, draws in (
        (share(hits, cases), hits[drawn].sum(1) / cases[drawn].sum(1)),
        (rate(hits, cases), hits[drawn].sum(1) / cases[drawn].sum(1)),
    ):
        low, high = np.quantile(draws, [0.025, 0.975])
        assert estimate.low == pytest.approx(low, abs=0.01)
        assert estimate.high == pytest.approx(high, abs=0.01)
    two = np.stack([hits, cases - hits], 1), np.stack([cases, cases], 1)
    # The two shares sum to 1 whatever is drawn: their mean does not vary.
    assert mean_share(*two).value == pytest.approx(0.5)


def test_the_mean_of_two_shares_is_as_wide_as_its_bootstrap() -> None:
    one, cases = simulated(3, 300)
    two, others = simulated(4, 300)
    found = mean_share(np.stack([one, two], 1), np.stack([cases, others], 1))
    drawn = np.random.default_rng(5).integers(0, 300, (4000, 300))
    draws = (one[drawn].sum(1) / cases[drawn].sum(1) + two[drawn].sum(1) / others[drawn].sum(1)) / 2
    low, high = np.quantile(draws, [0.025, 0.975])
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.01)


def test_intervals_cover_what_they_promise() -> None:
    truth = 0.6 / 1.5
    covered = independent = 0
    for seed in range(600):
        hits, cases = simulated(seed, 40)
        found = share(hits, cases)
        covered += found.low <= truth <= found.high
        plain = wilson(int(hits.sum()), int(cases.sum()))
        independent += plain.low <= truth <= plain.high
    assert 0.92 <= covered / 600 <= 0.98
    assert independent / 600 < 0.85  # what taking the cases for independent would give


def test_a_rate_without_events_has_the_poisson_bound() -> None:
    found = rate(np.zeros(100), np.ones(100))
    assert (found.value, found.low) == (0, 0)
    assert found.high == pytest.approx(-np.log(0.025) / 100)
    assert rate(np.array([3.0]), np.array([2.0])).low is None  # one cluster
