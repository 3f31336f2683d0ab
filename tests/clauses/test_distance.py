"""Edit distances: against the textbook recurrence, and as a metric."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxrmine.clauses import distance
from cxrmine.clauses.distance import (
    METRICS,
    ClauseDistances,
    distance_dtype,
    pairwise,
    to_medoids,
)

# Few characters, so that clauses share some; several scripts, an emoji, a combining mark, a
# lone surrogate and the null character among them.
CHARACTERS = "肺影双両aé́\U0001fac1\U00020000\ud800\0 "
texts = st.text(alphabet=CHARACTERS, max_size=9)
lists = st.lists(texts, min_size=1, max_size=8)


def levenshtein(a: str, b: str) -> int:
    """The recurrence of Wagner and Fischer (1974), one row at a time."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        previous, row = row, [i]
        for j, y in enumerate(b, 1):
            row.append(min(previous[j] + 1, row[-1] + 1, previous[j - 1] + (x != y)))
    return row[-1]


def between(clauses: list[str], others: list[str], metric: str) -> np.ndarray:
    distances = ClauseDistances([*clauses, *others], metric)
    return distances.between(
        np.arange(len(clauses)), np.arange(len(clauses), len(clauses) + len(others))
    )


def expected(a: str, b: str, metric: str) -> float:
    plain = levenshtein(a, b)
    return plain if metric == "levenshtein" else plain / max(len(a), len(b), 1)


@pytest.mark.parametrize("metric", METRICS)
@given(clauses=lists)
def test_pairwise_is_the_textbook_distance(metric: str, clauses: list[str]) -> None:
    found = pairwise(clauses, metric)
    truth = np.array([[expected(a, b, metric) for b in clauses] for a in clauses])
    assert found.shape == truth.shape
    np.testing.assert_array_equal(found, truth.astype(found.dtype))


@pytest.mark.parametrize("metric", METRICS)
@given(clauses=lists, others=lists)
def test_between_is_the_textbook_distance(
    metric: str, clauses: list[str], others: list[str]
) -> None:
    found = between(clauses, others, metric)
    truth = np.array([[expected(a, b, metric) for b in others] for a in clauses])
    np.testing.assert_array_equal(found, truth.astype(found.dtype))


@given(a=texts, b=texts, c=texts)
def test_plain_distance_is_a_metric(a: str, b: str, c: str) -> None:
    d = pairwise([a, b, c], "levenshtein").astype(int)
    assert (d == d.T).all()
    assert ((d == 0) == (np.array([[x == y for y in (a, b, c)] for x in (a, b, c)]))).all()
    assert d[0, 2] <= d[0, 1] + d[1, 2]


@given(a=texts, b=texts)
def test_relative_distance_is_symmetric_0_to_1_and_0_only_for_equal(a: str, b: str) -> None:
    d = pairwise([a, b], "normalized")
    assert d[0, 1] == d[1, 0]
    assert 0 <= d[0, 1] <= 1
    assert (d[0, 1] == 0) == (a == b)


def test_a_power_of_the_relative_distance() -> None:
    clauses = ["心影增大", "心影", "肺", "心肺影大"]
    plain = ClauseDistances(clauses, "normalized")
    cubed = ClauseDistances(clauses, "normalized", power=3)
    np.testing.assert_allclose(cubed.square(), plain.square() ** 3, rtol=1e-6)
    np.testing.assert_allclose(cubed.between([0], [1, 2]), plain.between([0], [1, 2]) ** 3)
    nearest, far = plain.nearest([1, 2])
    nearest_of_cubed, far_cubed = cubed.nearest([1, 2])
    np.testing.assert_array_equal(nearest, nearest_of_cubed)
    np.testing.assert_allclose(far_cubed, far**3, rtol=1e-6)
    with pytest.raises(ValueError, match="only relative distances"):
        ClauseDistances(clauses, "levenshtein", power=2)


def test_relative_distance_is_no_metric() -> None:
    # What the module's docstring says: the way round by the middle is shorter.
    d = pairwise(["ab", "aba", "ba"], "normalized")
    assert d[0, 2] > d[0, 1] + d[1, 2]


@pytest.mark.parametrize("metric", METRICS)
def test_blocks_and_threads_change_nothing(metric: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    clauses = [
        "".join(rng.choice(list("肺纹理增多粗影a🫁"), rng.integers(0, 12))) for _ in range(50)
    ]
    whole = pairwise(clauses, metric)
    np.testing.assert_array_equal(whole, between(clauses, clauses, metric))
    monkeypatch.setattr(distance, "BLOCK_ROWS", 7)
    np.testing.assert_array_equal(whole, pairwise(clauses, metric, workers=2))
    medoids = clauses[10:16]
    nearest, far = to_medoids(clauses, medoids, metric)
    for block, workers in ((1, 1), (7, 2), (50, 1), (1000, 2)):
        again = to_medoids(clauses, medoids, metric, block=block, workers=workers)
        np.testing.assert_array_equal(nearest, again[0])
        np.testing.assert_array_equal(far, again[1])
    np.testing.assert_array_equal(nearest, whole[:, 10:16].argmin(axis=1))
    np.testing.assert_array_equal(far, whole[:, 10:16].min(axis=1))


@settings(max_examples=30)
@given(clauses=lists)
def test_many_characters_change_nothing(clauses: list[str]) -> None:
    # More than 256 different ones, so that the rare ones get codes outside rapidfuzz's table.
    padding = "".join(map(chr, range(0x4E00, 0x4E00 + 300))) * 2
    found = pairwise([padding, *clauses], "levenshtein")
    np.testing.assert_array_equal(found[1:, 1:], pairwise(clauses, "levenshtein"))


def test_ties_go_to_the_lower_index() -> None:
    nearest, far = to_medoids(["肺", "心肺", "心"], ["心", "肺"], "levenshtein")
    assert nearest.tolist() == [1, 0, 0]
    assert far.tolist() == [0, 1, 0]
    assert nearest.dtype == np.int32


@pytest.mark.parametrize(
    ("longest", "dtype"), [(0, "u1"), (255, "u1"), (256, "u2"), (65_535, "u2"), (65_536, "i4")]
)
def test_dtype_is_the_smallest_that_holds_the_longest(longest: int, dtype: str) -> None:
    assert distance_dtype(longest, "levenshtein") == np.dtype(dtype)
    assert distance_dtype(longest, "normalized") == np.dtype("f4")


def test_long_clauses_do_not_overflow() -> None:
    d = pairwise(["影" * 700, "肺" * 300, ""], "levenshtein")
    assert d.tolist() == [[0, 700, 700], [700, 0, 300], [700, 300, 0]]
    assert between(["影"], ["肺" * 256], "levenshtein").tolist() == [[256]]
    assert to_medoids(["影"], ["肺" * 256], "levenshtein")[1].tolist() == [256]


@pytest.mark.parametrize("metric", METRICS)
def test_nothing_and_one(metric: str) -> None:
    assert pairwise([], metric).shape == (0, 0)
    assert pairwise(["肺"], metric).tolist() == [[0]]
    assert pairwise(["", ""], metric).tolist() == [[0, 0], [0, 0]]
    assert between([], ["肺"], metric).shape == (0, 1)
    assert between(["肺"], [], metric).shape == (1, 0)
    nearest, far = to_medoids([], ["肺"], metric)
    assert len(nearest) == len(far) == 0


def test_mistakes_are_said() -> None:
    with pytest.raises(ValueError, match="no such metric: 'hamming'"):
        pairwise(["a"], "hamming")
    with pytest.raises(ValueError, match="no medoids"):
        to_medoids(["a"], [], "levenshtein")
