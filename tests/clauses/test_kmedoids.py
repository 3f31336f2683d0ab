"""FasterPAM against plain PAM, brute force and its own promises."""

from __future__ import annotations

from itertools import combinations
from itertools import pairwise as pairs
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from cxrmine.clauses.distance import METRICS, pairwise
from cxrmine.clauses.kmedoids import (
    Clustering,
    assign,
    build,
    build_order,
    fasterpam,
    k_medoids,
    lab,
    pam,
)

DTYPES = ("u1", "u2", "i4", "f4", "f8")


def random_distances(
    rng: np.random.Generator, n: int, dtype: str, largest: int = 9
) -> NDArray[Any]:
    """Symmetric, 0 on the diagonal, with many ties and some zeros; no metric."""
    half = np.triu(rng.integers(0, largest + 1, (n, n)), 1).astype(dtype)
    if np.issubdtype(half.dtype, np.floating):
        half /= 7
    return half + half.T


def loss_of(d: NDArray[Any], medoids: Any, weights: NDArray[Any]) -> float:
    """The definition."""
    return sum(
        float(w) * min(float(d[i, m]) for m in medoids) for i, w in enumerate(weights.tolist())
    )


def best_loss(d: NDArray[Any], k: int, weights: NDArray[Any]) -> float:
    return min(loss_of(d, medoids, weights) for medoids in combinations(range(len(d)), k))


def check(found: Clustering, d: NDArray[Any], k: int, weights: NDArray[Any]) -> None:
    """What every clustering promises."""
    n = len(d)
    assert len(found.medoids) == min(k, n)
    assert (np.diff(found.medoids) > 0).all()
    assert found.nearest.dtype == np.int32
    if k < n:
        near = d[:, found.medoids]
        np.testing.assert_array_equal(found.nearest, near.argmin(axis=1))
        np.testing.assert_array_equal(found.distance, near.min(axis=1))
    assert found.loss == pytest.approx(loss_of(d, found.medoids, weights), rel=1e-12)
    if np.issubdtype(d.dtype, np.integer):
        assert found.loss == int((found.distance.astype(int) * weights.astype(int)).sum())


@st.composite
def problems(
    draw: st.DrawFn, largest_n: int = 12, dtypes: tuple[str, ...] = DTYPES
) -> tuple[NDArray[Any], int, NDArray[np.int64], NDArray[np.int64]]:
    """Distances, k, weights, and k different medoids to start from."""
    n = draw(st.integers(1, largest_n))
    k = draw(st.integers(1, n))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    d = random_distances(rng, n, draw(st.sampled_from(dtypes)), draw(st.sampled_from([1, 3, 9])))
    weights = rng.integers(1, draw(st.sampled_from([2, 6, 1000])), n)
    return d, k, weights, rng.permutation(n)[:k]


@given(problems())
def test_fasterpam_ends_where_no_swap_helps_and_never_worse_than_its_start(problem: Any) -> None:
    d, k, weights, start = problem
    found = fasterpam(d, start, weights)
    check(found, d, k, weights)
    assert found.loss <= loss_of(d, start, weights) * (1 + 1e-12)
    for out in range(k):
        rest = np.delete(found.medoids, out)
        for into in set(range(len(d))) - set(found.medoids.tolist()):
            # Float swaps must gain more than 1e-10 of the loss.
            assert loss_of(d, [*rest, into], weights) >= found.loss * (1 - 2e-10)


@given(problems())
def test_pam_ends_where_no_swap_helps_and_never_worse_than_its_start(problem: Any) -> None:
    d, k, weights, start = problem
    found = pam(d, start, weights)
    check(found, d, k, weights)
    assert found.loss <= loss_of(d, start, weights) * (1 + 1e-12)
    for out in range(k):
        rest = np.delete(found.medoids, out)
        for into in set(range(len(d))) - set(found.medoids.tolist()):
            assert loss_of(d, [*rest, into], weights) >= found.loss * (1 - 2e-10)


def test_pam_makes_the_steepest_swap_first() -> None:
    # On a line at 0, 1, 2, 10, 11, 12, from 0 and 1: 11 for 0 leaves 1+0+1+1+0+1 = 4.
    at = np.array([0, 1, 2, 10, 11, 12])
    d = np.abs(at[:, None] - at)
    assert pam(d, [0, 1], max_swaps=1).medoids.tolist() == [1, 4]
    assert pam(d, [0, 1]).loss == fasterpam(d, [0, 1]).loss == 4


@settings(max_examples=40, deadline=None)
@given(problems(largest_n=9, dtypes=("u1", "f4")))
def test_restarts_find_the_best_of_all(problem: Any) -> None:
    d, k, weights, _ = problem
    best = best_loss(d, k, weights)
    found = k_medoids(d, k, weights, start="lab", restarts=40)
    assert found.loss == pytest.approx(best, rel=1e-9)


@pytest.mark.parametrize("metric", METRICS)
def test_as_good_as_pam_on_clauses(metric: str) -> None:
    # Local optima differ from start to start; on average neither is better.
    rng = np.random.default_rng(7)
    ours, reference = [], []
    for _ in range(40):
        words = {
            "".join(rng.choice(list("心肺膈影增大纹理粗多"), rng.integers(2, 8))) for _ in range(60)
        }
        clauses = sorted(words)
        weights = rng.integers(1, 30, len(clauses))
        d = pairwise(clauses, metric)
        start = rng.choice(len(clauses), 6, replace=False)
        ours.append(fasterpam(d, start, weights).loss)
        reference.append(pam(d, start, weights).loss)
    assert np.mean(ours) <= 1.005 * np.mean(reference)
    np.testing.assert_allclose(ours, reference, rtol=0.05)
    # From a good start both end alike nearly always.
    assert np.count_nonzero(np.isclose(ours, reference)) >= 5


def test_equal_to_pam_where_clusters_are_plain() -> None:
    # Five tight groups far apart: whatever the start, both find the one optimum that there is.
    rng = np.random.default_rng(11)
    for _ in range(10):
        at = np.concatenate([100 * i + rng.permutation(20)[:9] for i in range(5)])
        at = at[rng.permutation(len(at))]
        d = np.abs(at[:, None] - at)
        weights = rng.integers(1, 9, len(at))
        start = np.array([np.flatnonzero(at // 100 == i)[0] for i in range(5)])
        ours, reference = fasterpam(d, start, weights), pam(d, start, weights)
        assert ours.loss == reference.loss
        np.testing.assert_array_equal(at[ours.medoids] // 100, at[reference.medoids] // 100)


@given(problems(largest_n=8))
def test_weights_are_repetition(problem: Any) -> None:
    d, k, weights, start = problem
    weights = weights % 4 + 1
    copies = np.repeat(np.arange(len(d)), weights)
    repeated = d[np.ix_(copies, copies)]
    first = np.searchsorted(copies, np.arange(len(d)))  # each point's first copy
    assume(k < len(d))  # k = n gives each its own medoid, but not each copy
    assert assign(d, start, weights).loss == pytest.approx(
        assign(repeated, first[start]).loss, rel=1e-12
    )
    for algorithm in (fasterpam, pam):
        found = algorithm(d, start, weights)
        # The same swaps are open among the copies, so the repeated points stay where they are.
        again = algorithm(repeated, first[found.medoids])
        assert again.loss == pytest.approx(found.loss, rel=1e-9)
        assert again.swaps == 0
    if len(np.unique(d)) > 2:
        taken = copies[build(repeated, k)]
        # BUILD sees only sums, so that it takes the same points, in the same order, as long as it
        # finds any that helps; after that, whatever comes first.
        ours = build(d, k, weights)
        losses = [loss_of(d, ours[: i + 1], weights) for i in range(k)]
        useful = 1 + sum(after < before for before, after in pairs(losses))
        if np.issubdtype(d.dtype, np.integer):
            assert taken[:useful].tolist() == ours[:useful].tolist()


@given(problems())
def test_points_in_another_order_give_the_same(problem: Any) -> None:
    d, _, weights, start = problem
    order = np.random.default_rng(1).permutation(len(d))
    where = np.argsort(order)
    shuffled, heavy = d[np.ix_(order, order)], weights[order]
    # One swap of PAM and the assignment do not depend on the order but through ties.
    assert assign(shuffled, where[start], heavy).loss == pytest.approx(
        assign(d, start, weights).loss, rel=1e-12
    )
    # A local optimum stays one.
    found = fasterpam(d, start, weights)
    again = fasterpam(shuffled, where[found.medoids], heavy)
    assert again.swaps == 0
    assert sorted(order[again.medoids]) == found.medoids.tolist()


def test_shuffled_points_without_ties_give_the_same_clusters() -> None:
    rng = np.random.default_rng(2)
    at = rng.random((30, 2))
    d = np.sqrt(((at[:, None] - at) ** 2).sum(axis=2))
    weights = rng.integers(1, 9, 30)
    order = rng.permutation(30)
    plain = pam(d, build(d, 4, weights), weights)
    moved = d[np.ix_(order, order)]
    again = pam(moved, build(moved, 4, weights[order]), weights[order])
    assert sorted(order[again.medoids]) == plain.medoids.tolist()
    assert again.loss == pytest.approx(plain.loss, rel=1e-12)


def greedy(d: NDArray[Any], k: int, weights: NDArray[Any]) -> list[int]:
    """BUILD from its definition."""
    taken: list[int] = []
    while len(taken) < k:
        rest = [x for x in range(len(d)) if x not in taken]
        taken.append(min(rest, key=lambda x: (loss_of(d, [*taken, x], weights), x)))
    return taken


@given(problems(dtypes=("u1", "u2", "i4")))
def test_build_is_greedy_and_its_prefixes_are_starts(problem: Any) -> None:
    d, k, weights, _ = problem
    order = build_order(d, k, weights)
    assert order.tolist() == greedy(d, k, weights)
    for fewer in range(1, k + 1):
        assert build(d, fewer, weights).tolist() == order[:fewer].tolist()


@given(problems(dtypes=("f4", "f8")))
def test_build_is_greedy_in_float_distances_too(problem: Any) -> None:
    d, k, weights, _ = problem
    order = build_order(d, k, weights)
    assert len(set(order.tolist())) == k
    for i in range(1, k):
        # Equal gains may differ by rounding; none is better than the one taken.
        taken = loss_of(d, order[: i + 1], weights)
        others = set(range(len(d))) - set(order[: i + 1].tolist())
        assert all(loss_of(d, [*order[:i], x], weights) >= taken * (1 - 1e-9) for x in others)


def test_build_in_blocks_of_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    d = random_distances(rng, 80, "u1", 50)
    weights = rng.integers(1, 100, 80)
    whole = build_order(d, 30, weights)
    monkeypatch.setattr("cxrmine.clauses.kmedoids.BUILD_ROWS", 3)
    assert build_order(d, 30, weights).tolist() == whole.tolist() == greedy(d, 30, weights)


@given(problems(), st.integers(0, 1000))
def test_lab_takes_different_points_the_same_under_a_seed(problem: Any, seed: int) -> None:
    d, k, weights, _ = problem
    medoids = lab(d, k, weights, np.random.default_rng(seed))
    assert len(set(medoids.tolist())) == k
    assert medoids.tolist() == lab(d, k, weights, np.random.default_rng(seed)).tolist()


def test_lab_starts_better_than_chance() -> None:
    rng = np.random.default_rng(4)
    words = {"".join(rng.choice(list("心肺影增大粗"), rng.integers(2, 7))) for _ in range(400)}
    d = pairwise(sorted(words), "levenshtein")
    n = len(d)
    ones = np.ones(n)
    by_lab = np.mean([assign(d, lab(d, 20, None, rng)).loss for _ in range(20)])
    by_chance = np.mean([assign(d, rng.choice(n, 20, replace=False)).loss for _ in range(20)])
    by_build = assign(d, build(d, 20), ones).loss
    assert by_build < by_lab < by_chance


def test_heavy_points_become_medoids() -> None:
    # Nothing but weight tells these points apart.
    d = np.ones((50, 50), np.uint8) - np.eye(50, dtype=np.uint8)
    weights = np.ones(50)
    weights[[7, 31, 44]] = 1000
    for start in ("build", "lab"):
        assert k_medoids(d, 3, weights, start=start).medoids.tolist() == [7, 31, 44]


@pytest.mark.parametrize("start", ["build", "lab"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_one_point_all_equal_points_and_k_at_and_above_n(start: str, dtype: str) -> None:
    one = k_medoids(np.zeros((1, 1), dtype), 3, start=start)
    assert (one.medoids.tolist(), one.nearest.tolist(), one.loss) == ([0], [0], 0)
    for k in (1, 2, 5, 9):
        equal = k_medoids(np.zeros((5, 5), dtype), k, start=start, restarts=2)
        assert equal.loss == 0
        assert len(equal.medoids) == min(k, 5)
        assert equal.nearest.tolist() == ([0] * 5 if k < 5 else [0, 1, 2, 3, 4])
    d = random_distances(np.random.default_rng(0), 4, dtype)
    for k in (4, 5, 100):
        every = k_medoids(d, k, [3, 1, 2, 1], start=start)
        assert every.medoids.tolist() == every.nearest.tolist() == [0, 1, 2, 3]
        assert every.loss == 0


@given(problems())
def test_one_cluster_is_the_weighted_median_point(problem: Any) -> None:
    d, _, weights, start = problem
    found = fasterpam(d, start[:1], weights)
    assert found.loss == pytest.approx(best_loss(d, 1, weights), rel=1e-9)
    assert k_medoids(d, 1, weights).loss == found.loss


def test_distances_as_large_as_the_dtype() -> None:
    # Every other medoid is as far as uint8 can say.
    d = np.full((6, 6), 255, np.uint8)
    np.fill_diagonal(d, 0)
    for start in ([0, 1], [4, 5], [2, 0, 5]):
        found = fasterpam(d, start, [1, 2, 3, 4, 5, 6])
        assert found.medoids.tolist() == list(range(6 - len(start), 6))
    inner = np.ones((6, 6), np.uint8)
    d[:3, :3] = d[3:, 3:] = inner[:3, :3]
    np.fill_diagonal(d, 0)
    assert fasterpam(d, [0, 1]).loss == 4


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_dtype_changes_nothing(dtype: str) -> None:
    d = random_distances(np.random.default_rng(8), 40, "u1")
    weights = np.random.default_rng(9).integers(1, 9, 40)
    start = [3, 1, 30, 20]
    reference = fasterpam(d, start, weights)
    found = fasterpam(d.astype(dtype), start, weights)
    assert found.medoids.tolist() == reference.medoids.tolist()
    assert found.loss == reference.loss


def test_heavy_weights_keep_sums_exact() -> None:
    d = random_distances(np.random.default_rng(8), 30, "u1", 200)
    weights = np.random.default_rng(9).integers(10**10, 10**12, 30)
    found = fasterpam(d, [0, 1, 2], weights)
    exact = sum(int(w) * int(x) for w, x in zip(weights, found.distance, strict=True))
    assert found.loss == exact  # below 2**53


def test_restarts_keep_the_best_and_the_seed_decides() -> None:
    rng = np.random.default_rng(6)
    d = random_distances(rng, 60, "u1", 100)
    once = k_medoids(d, 8, start="lab", seed=1)
    often = k_medoids(d, 8, start="lab", restarts=15, seed=1)
    assert often.loss < once.loss
    again = k_medoids(d, 8, start="lab", restarts=15, seed=1)
    assert again.medoids.tolist() == often.medoids.tolist()
    assert {tuple(k_medoids(d, 8, start="lab", seed=s).medoids) for s in range(5)} != {
        tuple(once.medoids)
    }
    built = k_medoids(d, 8, seed=1)
    assert built.medoids.tolist() == k_medoids(d, 8, seed=2).medoids.tolist()
    assert k_medoids(d, 8, restarts=15, seed=1).loss <= built.loss


def test_passes_end_the_search() -> None:
    d = random_distances(np.random.default_rng(1), 60, "u1", 200)
    start = list(range(6))
    assert fasterpam(d, start, max_passes=1).loss >= fasterpam(d, start).loss
    assert fasterpam(d, start, max_passes=1).passes == 1


@pytest.mark.parametrize(
    ("d", "medoids", "weights", "message"),
    [
        (np.zeros((2, 3)), [0], None, "square"),
        (np.zeros((0, 0)), [0], None, "square"),
        (np.zeros((2, 2)), [], None, "1 to 2 medoids"),
        (np.zeros((2, 2)), [0, 0], None, "distinct"),
        (np.zeros((2, 2)), [2], None, "distinct indices"),
        (np.zeros((2, 2)), [-1], None, "distinct indices"),
        (np.zeros((2, 2)), [0], [1], "as many weights"),
        (np.zeros((2, 2)), [0], [1, 0], "positive"),
        (np.zeros((2, 2)), [0], [1, np.nan], "positive"),
    ],
)
def test_mistakes_are_said(d: Any, medoids: Any, weights: Any, message: str) -> None:
    for function in (assign, pam, fasterpam):
        with pytest.raises(ValueError, match=message):
            function(d, medoids, weights)


def test_mistaken_options_are_said() -> None:
    d = np.zeros((2, 2))
    with pytest.raises(ValueError, match="k must be at least 1"):
        k_medoids(d, 0)
    with pytest.raises(ValueError, match="k must be at least 1"):
        k_medoids(d, 0, start="lab")
    with pytest.raises(ValueError, match="no such start: 'random'"):
        k_medoids(d, 1, start="random")
    with pytest.raises(ValueError, match="restarts must be at least 1"):
        k_medoids(d, 1, restarts=0)
