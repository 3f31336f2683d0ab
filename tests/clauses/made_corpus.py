"""Small corpora made from lists of reports, each a list of clauses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from cxrmine.clauses.distance import ClauseDistances
from cxrmine.clauses.grouping import Clusters, Corpus


def corpus_of(reports: Sequence[Sequence[str]]) -> Corpus:
    counts = Counter(clause for report in reports for clause in report)
    clauses = sorted(counts)
    index = {clause: i for i, clause in enumerate(clauses)}
    return Corpus(
        clauses,
        np.array([counts[clause] for clause in clauses], np.int64),
        np.array([index[clause] for report in reports for clause in report], np.int32),
        np.cumsum([0, *map(len, reports)]),
    )


def clusters_around(corpus: Corpus, medoids: Sequence[str]) -> Clusters:
    """Each clause with its nearest medoid; clusters numbered as the medoids are given."""
    chosen = np.array([corpus.clauses.index(medoid) for medoid in medoids])
    nearest, distance = ClauseDistances(corpus.clauses, "normalized").nearest(chosen)
    return Clusters(
        chosen, nearest, distance, np.ones(len(corpus.clauses), np.bool_), float(distance.sum())
    )
