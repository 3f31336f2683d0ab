"""Sampling, refinement and assignment beyond memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from cxrmine.clauses import clara as module
from cxrmine.clauses.clara import (
    Sampled,
    Step,
    clara,
    draw_sample,
    matrix_bytes,
    refine,
    run_sample,
    sample_size,
)
from cxrmine.clauses.distance import METRICS, ClauseDistances, pairwise
from cxrmine.clauses.kmedoids import assign, k_medoids

SMALL = 1_200_000  # bytes: samples of some 400 distinct clauses


def corpus(unique: int = 1500, seed: int = 0) -> tuple[list[str], NDArray[np.int64]]:
    """Distinct clauses, a few wordings each much mistyped and qualified, with falling counts."""
    rng = np.random.default_rng(seed)
    stems = "心影增大 肺纹理增多 主动脉硬化 胸膜增厚 肋膈角变钝 肺气肿 🫁结节影 支气管炎 heart enlarged 骨折"
    names = stems.split(" ")
    words: set[str] = set()
    while len(words) < unique:
        text = names[int(rng.integers(len(names)))]
        for _ in range(int(rng.geometric(0.5)) - 1):
            at = int(rng.integers(len(text) + 1))
            text = text[:at] + str(rng.choice(list("左右上下两少许轻度可能"))) + text[at:]
        words.add(text)
    counts = np.where(
        rng.random(unique) < 0.02, rng.integers(9, 60, unique), rng.geometric(0.5, unique)
    )
    return sorted(words), counts


def same(a: Sampled, b: Sampled) -> None:
    np.testing.assert_array_equal(a.medoids, b.medoids)
    np.testing.assert_array_equal(a.nearest, b.nearest)
    np.testing.assert_array_equal(a.distance, b.distance)
    assert (a.loss, a.sample_size, a.sample_losses) == (b.loss, b.sample_size, b.sample_losses)


@pytest.mark.parametrize("metric", METRICS)
def test_close_to_the_full_run_where_both_fit(metric: str) -> None:
    clauses, counts = corpus()
    k = 25
    found = clara(clauses, counts, k, metric=metric, memory_bytes=SMALL)
    assert found.sample_size < len(clauses) // 3
    d = pairwise(clauses, metric)
    full = k_medoids(d, k, counts)
    assert found.loss <= 1.02 * full.loss
    # What it says of itself is true of the full matrix.
    check = assign(d, found.medoids, counts)
    np.testing.assert_array_equal(found.nearest, check.nearest)
    np.testing.assert_array_equal(found.distance, check.distance)
    assert found.loss == pytest.approx(check.loss, rel=1e-12)
    assert found.loss <= min(found.sample_losses)


def test_a_power_of_the_distance_is_what_it_minimises() -> None:
    clauses, counts = corpus()
    k, weights = 25, np.sqrt(counts)
    options: dict[str, Any] = {"metric": "normalized", "memory_bytes": SMALL}
    found = clara(clauses, weights, k, power=3, **options)
    d = pairwise(clauses, "normalized").astype(np.float64)
    cubed = d**3
    check = assign(cubed, found.medoids, weights)
    assert found.loss == pytest.approx(check.loss, rel=1e-5)  # float32
    assert found.loss <= 1.03 * k_medoids(cubed, k, weights).loss
    assert found.loss < assign(cubed, clara(clauses, weights, k, **options).medoids, weights).loss
    cut = clara(clauses, weights, k, power=3, cut_off=0.5, **options)
    near = d[:, found.medoids].min(axis=1) <= 0.5
    np.testing.assert_array_equal(cut.nearest >= 0, near)
    np.testing.assert_allclose(found.distance, cubed[:, found.medoids].min(axis=1), rtol=1e-5)
    np.testing.assert_array_equal(found.nearest, d[:, found.medoids].argmin(axis=1))


def test_with_memory_enough_it_is_the_full_run() -> None:
    clauses, counts = corpus(300)
    steps: list[Step] = []
    found = clara(
        clauses, counts, 12, metric="levenshtein", memory_bytes=10**9, on_step=steps.append
    )
    full = k_medoids(pairwise(clauses, "levenshtein"), 12, counts)
    np.testing.assert_array_equal(found.medoids, full.medoids)
    assert found.loss == full.loss
    assert [(step.name, step.number, step.total) for step in steps] == [("sample 1", 1, 1)]


def test_the_seed_decides_and_threads_and_blocks_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    clauses, counts = corpus()
    options: dict[str, Any] = {"metric": "normalized", "memory_bytes": SMALL, "samples": 2}
    found = clara(clauses, counts, 20, seed=4, **options)
    same(found, clara(clauses, counts, 20, seed=4, workers=2, **options))
    monkeypatch.setattr(module, "BLOCK_DISTANCES", 5000)
    same(found, clara(clauses, counts, 20, seed=4, **options))
    assert clara(clauses, counts, 20, seed=5, **options).sample_losses != found.sample_losses


@pytest.mark.parametrize("killed_after", [0, 1, 2, 3])
def test_finished_steps_are_not_done_again(
    killed_after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    clauses, counts = corpus(800)
    options: dict[str, Any] = {"metric": "levenshtein", "memory_bytes": SMALL, "samples": 2}
    steps: list[Step] = []
    whole = clara(clauses, counts, 15, on_step=steps.append, **options)
    assert [(step.name, step.number, step.total) for step in steps] == [
        ("sample 1", 1, 3),
        ("sample 2", 2, 3),
        ("refined", 3, 3),
    ]
    assert tuple(step.loss for step in steps[:2]) == whole.sample_losses
    done: list[str] = []
    for name in ("run_sample", "refine"):
        function = getattr(module, name)

        def counted(*args: Any, _name: str = name, _function: Any = function, **more: Any) -> Any:
            done.append(f"sample {more['number']}" if _name == "run_sample" else "refined")
            return _function(*args, **more)

        monkeypatch.setattr(module, name, counted)
    finished = {step.name: step.medoids.tolist() for step in steps[:killed_after]}
    said: list[str] = []
    again = clara(
        clauses, counts, 15, finished=finished, on_step=lambda s: said.append(s.name), **options
    )
    same(whole, again)
    assert done == said == [step.name for step in steps[killed_after:]]


def test_refinement_helps_and_never_harms() -> None:
    clauses, counts = corpus()
    distances = ClauseDistances(clauses, "levenshtein")
    rng = np.random.default_rng(0)

    def loss(medoids: NDArray[Any]) -> float:
        return float((counts * distances.nearest(medoids)[1]).sum())

    poor = np.sort(rng.choice(len(clauses), 20, replace=False))
    better = refine(distances, counts, poor, memory_bytes=10**9)
    assert len(np.unique(better)) == 20
    assert loss(better) < 0.8 * loss(poor)
    # One more candidate than none: the one most worth it.
    assert loss(refine(distances, counts, poor, memory_bytes=10**9, budget=1)) <= loss(poor)
    # A local optimum over all clauses stays as it is.
    best = k_medoids(distances.square(), 20, counts).medoids
    np.testing.assert_array_equal(refine(distances, counts, best, memory_bytes=10**9), best)
    one = refine(distances, counts, [5], memory_bytes=10**9)
    assert one.tolist() == [5]


def test_refinement_on_a_sample_where_memory_is_short() -> None:
    clauses, counts = corpus()
    distances = ClauseDistances(clauses, "levenshtein")
    poor = np.sort(np.random.default_rng(0).choice(len(clauses), 20, replace=False))
    better = refine(distances, counts, poor, memory_bytes=100_000)
    np.testing.assert_array_equal(
        better, refine(distances, counts, poor, memory_bytes=100_000, seed=0)
    )
    before, after = (float((counts * distances.nearest(m)[1]).sum()) for m in (poor, better))
    assert after < 0.85 * before


@pytest.mark.parametrize("metric", METRICS)
def test_cut_off_leaves_far_clauses_out(metric: str) -> None:
    clauses, counts = corpus(600)
    clauses.append("zzzzzzzzzz")
    counts = np.append(counts, 1)
    free = clara(clauses, counts, 12, metric=metric, memory_bytes=SMALL // 4)
    cut = clara(clauses, counts, 12, metric=metric, memory_bytes=SMALL // 4, cut_off=0.5)
    np.testing.assert_array_equal(free.medoids, cut.medoids)
    np.testing.assert_array_equal(free.distance, cut.distance)
    assert free.loss == cut.loss
    assert cut.nearest[-1] == -1
    assert free.nearest.min() == 0
    relative = pairwise(clauses, "normalized")
    own = relative[np.arange(len(clauses)), free.medoids[free.nearest]]
    np.testing.assert_array_equal(cut.nearest, np.where(own <= 0.5, free.nearest, -1))
    assert (cut.nearest >= 0).any()


@given(
    counts=st.lists(st.integers(1, 50), min_size=1, max_size=60),
    size=st.integers(1, 70),
    seed=st.integers(0, 1000),
)
def test_samples_have_their_size_and_hold_the_heaviest(
    counts: list[int], size: int, seed: int
) -> None:
    w = np.array(counts)
    points, weights = draw_sample(w, size, np.random.default_rng(seed))
    assert len(points) == len(weights) == min(size, len(w))
    assert (np.diff(points) > 0).all()
    assert (weights * 1024 == np.round(weights * 1024)).all()
    if size >= len(w):
        assert weights.tolist() == counts
    else:
        # All together they stand for everything, but for the rounding to 1024ths.
        assert weights.sum() == pytest.approx(w.sum(), abs=size / 1024)
        heavy = np.flatnonzero(w > w.sum() / size)
        assert set(heavy.tolist()) <= set(points.tolist())


def test_every_clause_counts_in_expectation_what_it_counts() -> None:
    w = np.array([1, 2, 3, 4, 5, 1, 1, 2, 40, 7, 1])
    total = np.zeros(len(w))
    for seed in range(4000):
        points, weights = draw_sample(w, 5, np.random.default_rng(seed))
        total[points] += weights
    np.testing.assert_allclose(total / 4000, w, rtol=0.12)


def test_a_sample_depends_on_its_number_and_the_seed_alone() -> None:
    clauses, counts = corpus(900)
    distances = ClauseDistances(clauses, "levenshtein")
    first, second, other = (
        run_sample(distances, counts, 10, size=200, seed=seed, number=number)
        for seed, number in ((1, 1), (1, 2), (2, 1))
    )
    again = run_sample(distances, counts, 10, size=200, seed=1, number=1)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, second) or not np.array_equal(first, other)


def test_samples_fit_in_memory() -> None:
    for metric in METRICS:
        for memory in (10**7, 10**9, 4 * 2**30):
            size = sample_size(10**6, 200, 60, metric, memory)
            assert matrix_bytes(size, 200, 60, metric) <= memory
            fits = matrix_bytes(size + 2, 200, 60, metric) <= memory
            assert fits == (size == module.LARGEST_SAMPLE)
    assert sample_size(10**6, 200, 60, "levenshtein", 0) == 440
    assert sample_size(300, 200, 60, "levenshtein", 0) == 300
    assert matrix_bytes(1000, 10, 300, "levenshtein") > matrix_bytes(1000, 10, 60, "levenshtein")


@pytest.mark.parametrize("metric", METRICS)
def test_few_clauses(metric: str) -> None:
    one = clara(["肺"], [7], 3, metric=metric, memory_bytes=0)
    assert (one.medoids.tolist(), one.nearest.tolist(), one.loss) == ([0], [0], 0)
    every = clara(["心", "肺", "膈"], [7, 1, 1], 3, metric=metric, memory_bytes=0, cut_off=0.5)
    assert every.medoids.tolist() == every.nearest.tolist() == [0, 1, 2]
    two = clara(["心", "心影", "肺"], [7, 1, 1], 1, metric=metric, memory_bytes=0)
    assert two.medoids.tolist() == [0]


def test_mistakes_are_said() -> None:
    options: dict[str, Any] = {"metric": "levenshtein", "memory_bytes": 0}
    with pytest.raises(ValueError, match="k and samples must be at least 1"):
        clara(["a"], [1], 0, **options)
    with pytest.raises(ValueError, match="k and samples must be at least 1"):
        clara(["a"], [1], 1, samples=0, **options)
    with pytest.raises(ValueError, match="only relative distances"):
        clara(["a", "b"], [1, 1], 1, power=3, **options)
    for clauses, counts in (([], []), (["a"], [1, 2]), (["a"], [0]), (["a"], [np.inf])):
        with pytest.raises(ValueError, match="as many positive counts"):
            clara(clauses, counts, 1, **options)
