from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from cxrmine.clauses import choose_k as module
from cxrmine.clauses.choose_k import COVERED, KChoice, choose_k
from cxrmine.clauses.steps import Arrays, Steps

BASES = ["abcdefgh", "ijklmnop", "qrstuvwx", "ABCDEFGH", "IJKLMNOP", "QRSTUVWX", "12345678"]


def corpus(kinds: int, seed: int = 0) -> tuple[list[str], np.ndarray]:
    """Kinds with no character in common, each with slips of one character."""
    rng = np.random.default_rng(seed)
    counts: Counter[str] = Counter()
    for base in BASES[:kinds]:
        counts[base] += 100
        for _ in range(20):
            place = int(rng.integers(8))
            counts[base[:place] + "#" + base[place + 1 :]] += 1
    clauses = sorted(counts)
    return clauses, np.array([counts[clause] for clause in clauses])


def choose(clauses: list[str], counts: np.ndarray, **changed: object) -> KChoice:
    options = {"seed": 0, "memory_bytes": 1 << 30, "workers": 1, **changed}
    return choose_k(clauses, counts, options.pop("metric", "normalized"), **options)


@pytest.mark.parametrize("metric", ["normalized", "levenshtein"])
@pytest.mark.parametrize("kinds", [1, 3, 7])
def test_finds_the_kinds(kinds: int, metric: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FEWEST_CLUSTERS", 1)
    choice = choose(*corpus(kinds), metric=metric)
    assert choice.k == kinds
    assert "99%" in choice.criterion
    points = {point.k: point for point in choice.curve}
    assert points[kinds].covered == 1
    assert [point.k for point in choice.curve] == sorted(points)
    assert all(point.covered < COVERED for point in choice.curve if point.k < kinds)


def test_no_fewer_than_a_reader_can_look_through() -> None:
    """Thirty, or a quarter of the distinct clauses where these are few."""
    clauses, counts = corpus(3)
    choice = choose(clauses, counts)
    assert choice.k == -(-len(clauses) // 4) > 3
    assert f"from {choice.k} up" in choice.criterion
    pairs = [f"{base[:7]}{chr(0x4E00 + i)}" for base in BASES for i in range(30)]
    assert choose(sorted(pairs), np.ones(len(pairs), int)).k == 30


def test_one_clause_and_clauses_that_are_all_unlike() -> None:
    assert choose(["a"], np.array([5])).k == 1
    unlike = [chr(0x4E00 + i) * 4 for i in range(40)]
    assert choose(unlike, np.ones(40, int)).k == 40


def test_says_so_where_no_k_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_CLUSTERS", 10)
    choice = choose([chr(0x4E00 + i) * 4 for i in range(40)], np.ones(40, int))
    assert choice.k == 10
    assert "no k up to 10" in choice.criterion
    assert "25.0%" in choice.criterion


def test_a_sample_stands_for_many(monkeypatch: pytest.MonkeyPatch) -> None:
    clauses, counts = corpus(5)
    monkeypatch.setattr(module, "FEWEST_CLUSTERS", 1)
    monkeypatch.setattr(module, "LARGEST", 40)
    monkeypatch.setattr(module, "_CHECKED_ON", 60)
    assert choose(clauses, counts).k == 5
    assert choose(clauses, counts) == choose(clauses, counts)


def test_what_was_finished_is_not_done_again() -> None:
    class Kept(Steps):
        def __init__(self) -> None:
            self.arrays: dict[str, Arrays] = {}
            self.kept: list[str] = []

        def get(self, name: str) -> Arrays | None:
            return self.arrays.get(name)

        def keep(self, name: str, arrays: Arrays) -> None:
            self.kept.append(name)
            self.arrays[name] = arrays

    steps = Kept()
    clauses, counts = corpus(4)
    first = choose(clauses, counts, steps=steps)
    done = list(steps.kept)
    assert len(done) == len(set(done)) == len(first.curve) + 1
    assert choose(clauses, counts, steps=steps) == first
    assert steps.kept == done
