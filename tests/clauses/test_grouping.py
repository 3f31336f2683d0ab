"""Numbers, counts and shares of a clustering, against a slow count from the definitions."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cxrmine.clauses import grouping as module
from cxrmine.clauses.distance import to_medoids
from cxrmine.clauses.grouping import (
    CUT_OFF,
    Clusters,
    Corpus,
    coverage,
    group,
    number_clusters,
    report_sets,
    within_cut_off,
)
from cxrmine.clauses.tables import share, shown_distance, table1_rows

WORDS = ("aa", "ab", "abc", "心", "心影大", "心影增大", "zzzzzz", "zzzzzy")


def corpus_of(reports: list[list[str]]) -> Corpus:
    clauses = sorted({clause for report in reports for clause in report})
    found = np.array([clauses.index(c) for report in reports for c in report], np.int32)
    return Corpus(
        clauses,
        np.bincount(found, minlength=len(clauses)).astype(np.int64),
        found,
        np.concatenate([[0], np.cumsum([len(report) for report in reports])]).astype(np.int64),
    )


def clustered(corpus: Corpus, medoids: list[int], metric: str, *, cut: bool) -> Clusters:
    texts = [corpus.clauses[m] for m in medoids]
    nearest, distance = to_medoids(corpus.clauses, texts, metric)
    chosen = np.array(medoids)
    assigned = np.ones(len(corpus.clauses), np.bool_)
    if cut:
        assigned = within_cut_off(corpus, chosen, nearest, distance, metric)
    loss = float((corpus.counts * distance.astype(np.float64)).sum())
    return Clusters(chosen, nearest, distance, assigned, loss)


cases = st.tuples(
    st.lists(st.lists(st.sampled_from(WORDS), max_size=4), min_size=1, max_size=12).filter(any),
    st.sets(st.integers(0, 7), min_size=1),
    st.lists(st.integers(0, 3), min_size=8, max_size=8),
    st.sampled_from(["levenshtein", "normalized"]),
    st.booleans(),
    st.integers(1, 4),
    st.sampled_from([1, 3, 1 << 20]),
)


@settings(max_examples=200, deadline=None)
@given(cases)
def test_every_number_is_what_its_definition_says(case) -> None:
    reports, places, any_terms, metric, cut, top, block = case
    corpus = corpus_of(reports)
    medoids = sorted({place % len(corpus.clauses) for place in places})
    clusters = number_clusters(corpus, clustered(corpus, medoids, metric, cut=cut), metric)
    old_block, module._BLOCK = module._BLOCK, block
    try:
        grouping, term_of = group(corpus, clusters, any_terms[: len(medoids)], metric)
        covered = coverage(corpus, grouping, term_of, top)
        cluster_of = np.where(clusters.assigned, clusters.nearest + 1, 0).astype(np.int32)
        sets = report_sets(corpus, cluster_of, limit=1000)
    finally:
        module._BLOCK = old_block

    place = {c.clause: c for c in grouping.clauses}
    occurring = Counter(clause for report in reports for clause in report)
    assert {c.clause: c.count for c in grouping.clauses} == occurring
    assert [c.clause for c in grouping.clauses] == sorted(occurring)
    assert {c.medoid for c in grouping.clusters} == {corpus.clauses[m] for m in medoids}
    assert grouping.occurrences == sum(occurring.values())
    assert grouping.reports == sum(1 for report in reports if report)

    in_cluster = [{place[c].cluster for c in report} - {None} for report in reports]
    in_term = [{place[c].term for c in report} for report in reports]
    for number, cluster in enumerate(grouping.clusters, 1):
        members = [c for c in grouping.clauses if c.cluster == number]
        assert cluster.number == number
        assert cluster.count == sum(c.count for c in members)
        assert cluster.reports == sum(number in found for found in in_cluster)
        assert all(c.medoid == cluster.medoid and c.term == cluster.term for c in members)
        relative = [
            c.distance / (max(len(c.clause), len(c.medoid)) if metric == "levenshtein" else 1)
            for c in members
        ]
        near = [c.distance for c, r in zip(members, relative, strict=True) if r <= CUT_OFF]
        assert cluster.radius == max(near, default=0)
    sizes = [(-c.count, c.medoid) for c in grouping.clusters]
    assert sizes == sorted(sizes)
    for number, term in enumerate(grouping.terms, 1):
        assert term.number == number
        assert term.clusters == tuple(c.number for c in grouping.clusters if c.term == number)
        assert term.count == sum(c.count for c in grouping.clauses if c.term == number)
        assert term.reports == sum(number in found for found in in_term)
        assert term.sole_reports == sum(found == {number} for found in in_term)
    assert [t.count for t in grouping.terms] == sorted(
        (t.count for t in grouping.terms), reverse=True
    )

    first = set(range(1, top + 1))
    assert covered.terms == min(top, len(grouping.terms))
    assert covered.clauses == sum(t.count for t in grouping.terms[:top])
    assert covered.reports == sum(bool(found & first) for found in in_term)
    assert covered.whole_reports == sum(bool(found) and found <= first for found in in_term)
    assert covered.reports_of_others == sum(bool(found - first) for found in in_term)

    assert sets == Counter(
        tuple(sorted(found)) for found, report in zip(in_cluster, reports, strict=True) if report
    )
    assert report_sets(corpus, cluster_of, limit=len(sets) - 1) is None

    *rows, others, total = table1_rows(
        grouping, top=covered.terms, reports_of_others=covered.reports_of_others
    )
    assert [row[0] for row in rows] == [t.number for t in grouping.terms[:top]]
    assert sum(row[2] for row in [*rows, others]) == total[2] == grouping.occurrences
    assert sum(row[6] for row in [*rows, others]) == total[6]
    assert total[4] == grouping.reports
    assert (others[0], total[0]) == ("all others", "total")


def test_a_tie_goes_to_the_larger_cluster() -> None:
    reports = [["ab"]] * 2 + [["cd"]] * 5 + [["ad"]]  # "ad" is one step from both
    corpus = corpus_of(reports)
    numbered = number_clusters(
        corpus, clustered(corpus, [0, 2], "levenshtein", cut=False), "levenshtein"
    )
    assert [corpus.clauses[m] for m in numbered.medoids] == ["cd", "ab"]
    assert numbered.nearest.tolist() == [1, 0, 0]


def test_radius_leaves_out_what_is_no_wording_of_the_same() -> None:
    corpus = corpus_of([["abcd", "abxy", "axyz"]])
    grouping, _ = group(corpus, clustered(corpus, [0], "normalized", cut=False), [0], "normalized")
    assert grouping.clusters[0].radius == 0.5
    assert [c.cluster for c in grouping.clauses] == [1, 1, 1]
    beyond, _ = group(corpus, clustered(corpus, [0], "normalized", cut=True), [0], "normalized")
    assert [(c.cluster, c.term, c.medoid) for c in beyond.clauses] == [
        (1, 1, "abcd"),
        (1, 1, "abcd"),
        (None, None, "abcd"),
    ]
    assert beyond.terms[0].sole_reports == 0


def test_shares_and_distances_as_shown() -> None:
    assert (share(1, 3), share(0, 0)) == (0.3333, 0.0)
    assert [shown_distance(d) for d in (0.0, 2.0, 1 / 3, np.float32(2 / 3))] == [
        0,
        2,
        0.333333,
        0.666667,
    ]
    assert str(shown_distance(2.0)) == "2"
