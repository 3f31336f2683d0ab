"""From arrays to a `Grouping`: clusters and terms numbered, counted, and their shares taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxrmine.clauses.distance import to_medoids
from cxrmine.clauses.model import Cluster, DistinctClause, Grouping, Term

#: A clause further from its medoid than this share of the longer one's length is no wording of
#: the same: it does not widen the cluster's radius. (At 0.5 the labels that ``--apply`` gave the
#: bundled corpus and a second draw of its grammar had a macro-F1 lower by 0.01.)
CUT_OFF = 0.6

# Rounds of numbering clusters and settling ties by their numbers.
_ROUNDS = 8
# Occurrences looked at in one go where reports are counted.
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True, eq=False)
class Corpus:
    """All clauses of a run.

    ``clauses`` are the n distinct ones, sorted by code points, ``counts`` (n,) int64 how often
    each occurs; ``occurrences`` (m,) int32 are indices into them in the order of the input, and
    those of report r are ``bounds[r]:bounds[r + 1]``, ``bounds`` being (reports + 1,) int64.
    """

    clauses: list[str]
    counts: NDArray[np.int64]
    occurrences: NDArray[np.int32]
    bounds: NDArray[np.int64]

    @property
    def reports(self) -> int:
        """Reports with at least one clause."""
        return int(np.count_nonzero(np.diff(self.bounds)))


@dataclass(frozen=True, slots=True, eq=False)
class Clusters:
    """What the clustering found.

    ``medoids`` (k,) are indices of clauses, ``nearest`` (n,) is each clause's nearest medoid as
    an index into them, ``distance`` (n,) the distance to it; ``assigned`` (n,) is false for a
    clause beyond the cut-off. ``loss`` is the sum of count times distance.
    """

    medoids: NDArray[np.int64]
    nearest: NDArray[np.int32]
    distance: NDArray[Any]
    assigned: NDArray[np.bool_]
    loss: float


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the largest `terms` terms cover.

    ``clauses`` are occurrences; ``reports`` have at least one of these clauses, ``whole_reports``
    no other; ``reports_of_others`` have at least one other.
    """

    terms: int
    clauses: int
    reports: int
    whole_reports: int
    reports_of_others: int


def number_clusters(
    corpus: Corpus, clusters: Clusters, metric: str, *, workers: int = 1
) -> Clusters:
    """Return the clusters by falling number of occurrences, ties by the medoid's text.

    A clause that is equally near to several medoids goes to the largest of their clusters, as it
    does where ``--apply`` finds it. That can change the order, so both are repeated until they
    agree, or nearly.
    """
    for _ in range(_ROUNDS):
        sizes = _sizes(corpus, clusters)
        # Clauses are sorted, so the medoid's index stands for its text.
        order = np.lexsort((clusters.medoids, -sizes))
        medoids = clusters.medoids[order]
        nearest, distance = to_medoids(
            corpus.clauses, [corpus.clauses[m] for m in medoids.tolist()], metric, workers=workers
        )
        settled = np.array_equal(medoids, clusters.medoids) and np.array_equal(
            nearest, clusters.nearest
        )
        clusters = Clusters(medoids, nearest, distance, clusters.assigned, clusters.loss)
        if settled:
            break
    return clusters


def _sizes(corpus: Corpus, clusters: Clusters) -> NDArray[np.int64]:
    inside = clusters.assigned
    sizes = np.bincount(
        clusters.nearest[inside], corpus.counts[inside], minlength=len(clusters.medoids)
    )
    return sizes.astype(np.int64)


def within_cut_off(
    corpus: Corpus,
    medoids: NDArray[np.int64],
    nearest: NDArray[np.int32],
    distance: NDArray[Any],
    metric: str,
) -> NDArray[np.bool_]:
    """Tell which clauses lie within `CUT_OFF` of their nearest medoid, shape (n,)."""
    relative = distance.astype(np.float64)
    if metric == "levenshtein":
        lengths = np.fromiter(map(len, corpus.clauses), np.int64, len(corpus.clauses))
        relative /= np.maximum(np.maximum(lengths, lengths[medoids][nearest]), 1)
    return relative <= CUT_OFF


def radii(corpus: Corpus, clusters: Clusters, metric: str) -> NDArray[np.float64]:
    """Return each cluster's radius: the largest distance of a member within the cut-off."""
    near = clusters.assigned & within_cut_off(
        corpus, clusters.medoids, clusters.nearest, clusters.distance, metric
    )
    radius = np.zeros(len(clusters.medoids))
    np.maximum.at(radius, clusters.nearest[near], clusters.distance[near].astype(np.float64))
    return radius


def group(
    corpus: Corpus, clusters: Clusters, term_of_cluster: Sequence[int], metric: str
) -> tuple[Grouping, NDArray[np.int32]]:
    """Build the result of a run.

    Parameters
    ----------
    corpus : Corpus
        The clauses.
    clusters : Clusters
        As `number_clusters` gives them.
    term_of_cluster : sequence of int
        For each cluster any number that clusters of one term share.
    metric : str
        The run's metric.

    Returns
    -------
    tuple
        The grouping, and the term's number of each distinct clause, shape (n,), 0 for one that
        is beyond the cut-off.
    """
    sizes = _sizes(corpus, clusters)
    terms = _number_terms(sizes, term_of_cluster)
    cluster_of = np.where(clusters.assigned, clusters.nearest + 1, 0).astype(np.int32)
    term_of = np.concatenate([[0], terms])[cluster_of].astype(np.int32)
    in_clusters = _reports_with(corpus, cluster_of, len(sizes))
    in_terms = _reports_with(corpus, term_of, int(terms.max(initial=0)))
    sole = _sole_reports(corpus, term_of, int(terms.max(initial=0)))
    radius = radii(corpus, clusters, metric)
    medoids = [corpus.clauses[index] for index in clusters.medoids.tolist()]
    found = tuple(
        Cluster(
            number=index + 1,
            term=int(terms[index]),
            medoid=medoid,
            count=int(sizes[index]),
            reports=int(in_clusters[index + 1]),
            radius=float(radius[index]),
        )
        for index, medoid in enumerate(medoids)
    )
    members: dict[int, list[Cluster]] = {}
    for cluster in found:
        members.setdefault(cluster.term, []).append(cluster)
    grouping = Grouping(
        clauses=tuple(
            DistinctClause(clause, count, cluster or None, medoids[near], distance, term or None)
            for clause, count, cluster, near, distance, term in zip(
                corpus.clauses,
                corpus.counts.tolist(),
                cluster_of.tolist(),
                clusters.nearest.tolist(),
                clusters.distance.astype(np.float64).tolist(),
                term_of.tolist(),
                strict=True,
            )
        ),
        clusters=found,
        terms=tuple(
            Term(
                number=number,
                clusters=tuple(cluster.number for cluster in of_term),
                count=sum(cluster.count for cluster in of_term),
                reports=int(in_terms[number]),
                sole_reports=int(sole[number]),
            )
            for number, of_term in sorted(members.items())
        ),
        occurrences=len(corpus.occurrences),
        reports=corpus.reports,
        metric=metric,
    )
    return grouping, term_of


def _number_terms(sizes: NDArray[np.int64], term_of_cluster: Sequence[int]) -> NDArray[np.int32]:
    """Number the terms by falling size, ties by their largest cluster."""
    total: dict[int, int] = {}
    for cluster, term in enumerate(term_of_cluster):  # the first of a term is its largest
        total[term] = total.get(term, 0) + int(sizes[cluster])
    falling = sorted(total, key=lambda term: -total[term])  # stable
    number = {term: place + 1 for place, term in enumerate(falling)}
    return np.array([number[term] for term in term_of_cluster], np.int32)


def _reports_with(corpus: Corpus, group_of: NDArray[np.int32], groups: int) -> NDArray[np.int64]:
    """Return in how many reports each group stands, by its number; 0 is none."""
    found = np.zeros(groups + 1, np.int64)
    width = groups + 1
    for reports, occurrences in _blocks(corpus):
        keys = np.unique(reports * width + group_of[occurrences])
        found += np.bincount(keys % width, minlength=width)
    return found


def _blocks(corpus: Corpus) -> Any:
    """Yield whole reports, about a million occurrences at a time: report and clause of each."""
    bounds = corpus.bounds
    first = 0
    while first < len(bounds) - 1:
        last = int(np.searchsorted(bounds, bounds[first] + _BLOCK, side="right")) - 1
        last = max(last, first + 1)
        lengths = np.diff(bounds[first : last + 1])
        reports = np.repeat(np.arange(len(lengths), dtype=np.int64), lengths)
        yield reports, corpus.occurrences[bounds[first] : bounds[last]]
        first = last


def _starts(corpus: Corpus) -> NDArray[np.int64]:
    """Return where the occurrences of each report that has some begin."""
    starts = corpus.bounds[:-1]
    return starts[np.diff(corpus.bounds) > 0]


def _sole_reports(corpus: Corpus, term_of: NDArray[np.int32], terms: int) -> NDArray[np.int64]:
    """Return of how many reports each term is the only one, by its number."""
    if not len(corpus.occurrences):
        return np.zeros(terms + 1, np.int64)
    seen = term_of[corpus.occurrences]
    starts = _starts(corpus)
    lowest = np.minimum.reduceat(seen, starts)
    alone = lowest == np.maximum.reduceat(seen, starts)
    return np.bincount(lowest[alone], minlength=terms + 1)


def coverage(corpus: Corpus, grouping: Grouping, term_of: NDArray[np.int32], top: int) -> Coverage:
    """Return what the `top` largest terms cover."""
    terms = min(top, len(grouping.terms))
    if not len(corpus.occurrences):
        return Coverage(terms, 0, 0, 0, 0)
    inside = ((term_of > 0) & (term_of <= terms))[corpus.occurrences]
    starts = _starts(corpus)
    some = np.logical_or.reduceat(inside, starts)
    every = np.logical_and.reduceat(inside, starts)
    return Coverage(
        terms=terms,
        clauses=int(np.count_nonzero(inside)),
        reports=int(np.count_nonzero(some)),
        whole_reports=int(np.count_nonzero(every)),
        reports_of_others=int(len(starts) - np.count_nonzero(every)),
    )


def report_sets(
    corpus: Corpus, cluster_of: NDArray[np.int32], *, limit: int
) -> dict[tuple[int, ...], int] | None:
    """Return how many reports have clauses of just these clusters, for every such set.

    Parameters
    ----------
    corpus : Corpus
        The clauses.
    cluster_of : numpy.ndarray
        Shape (n,): the cluster's number of each distinct clause, 0 for one without.
    limit : int
        With more sets than this the result is None, so that an archive of reports that are all
        different takes no memory.

    Returns
    -------
    dict of tuple of int to int, or None
        By ascending numbers; the set of a report whose clauses have no cluster is empty, and
        reports without clauses count nowhere.
    """
    found: dict[tuple[int, ...], int] = {}
    width = int(cluster_of.max(initial=0)) + 1
    for reports, occurrences in _blocks(corpus):
        keys = np.unique(reports * width + cluster_of[occurrences])
        _, starts = np.unique(keys // width, return_index=True)
        numbers = (keys % width).tolist()
        for start, end in pairwise([*starts.tolist(), len(numbers)]):
            # Sorted, so that the number 0 of what has no cluster comes first.
            members = tuple(numbers[start + (numbers[start] == 0) : end])
            found[members] = found.get(members, 0) + 1
        if len(found) > limit:
            return None
    return dict(sorted(found.items()))
