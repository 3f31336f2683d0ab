from __future__ import annotations

import numpy as np
import pytest

from cxrmine.clauses.distance import ClauseDistances
from cxrmine.clauses.objective import POWER, usual_medoids, weights


def test_the_papers_loss_for_plain_distances() -> None:
    counts = np.array([1, 4, 9])
    assert POWER["levenshtein"] == 1
    assert weights(counts, "levenshtein") is counts
    assert weights(counts, "normalized") == pytest.approx([1, 2, 3])


def test_a_medoid_is_the_wording_that_people_use() -> None:
    clauses = sorted(["no acute disease", "no cute disease", "no acute diseases", "fracture"])
    counts = np.array([{"no acute disease": 90}.get(clause, 1) for clause in clauses])
    slip, fracture = clauses.index("no cute disease"), clauses.index("fracture")
    medoids = np.array(sorted([slip, fracture]))
    distances = ClauseDistances(clauses, "normalized")
    nearest, _ = distances.nearest(medoids)
    found = usual_medoids(distances.square, medoids, nearest, counts)
    assert [clauses[i] for i in found] == ["fracture", "no acute disease"]


def test_each_cluster_keeps_a_medoid_of_its_own() -> None:
    rng = np.random.default_rng(0)
    clauses = sorted({"".join(rng.choice(list("abcd"), 6)) for _ in range(200)})
    counts = rng.integers(1, 50, len(clauses))
    medoids = np.sort(rng.choice(len(clauses), 12, replace=False))
    distances = ClauseDistances(clauses, "normalized")
    nearest, _ = distances.nearest(medoids)
    found = usual_medoids(distances.square, medoids, nearest, counts)
    assert len(set(found.tolist())) == 12
    assert sorted(nearest[found].tolist()) == list(range(12))
