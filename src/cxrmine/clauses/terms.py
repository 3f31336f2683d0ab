"""Which clusters are probably wordings of one diagnosis: a suggestion, for the reader to decide.

By edit distance 两肺纹理增多 and 双肺纹理增粗 lie further apart than they mean, so one diagnosis
falls into several clusters. Three kinds of evidence bring them together or keep them apart, none
of which knows any language:

Likeness
    The cosine between what two clusters' clauses consist of: units, and pairs of neighbouring
    units. A unit is one character where a character is about a word (Han, Kana), else a word.
Meetings
    Two wordings of one diagnosis do not stand in one report, two diagnoses now and then do. Of
    `n_a` and `n_b` reports among N, ``e = r n_a n_b / N`` would hold both if they met like any
    two, and `o` do; r, at most 1, is how often all pairs of clusters meet in terms of chance (0
    where every report has one diagnosis: nothing can be learned from meetings there).
    ``llr = o ln(0.15) + 0.85 e`` is the logarithm of how much better "they meet 0.15 times as
    often as any two" explains that (Poisson), kept within -4 and 4.
Loneliness
    Wordings of one diagnosis stand alone in their reports equally often: "nothing abnormal" in
    whatever words nearly always, an old man's aorta seldom.

Two groups of clusters are joined while their likeness is at least ``0.6 - 0.1 llr``: 0.6 where
the reports say nothing (rare ones), down to 0.2 where they should have met often and never do,
up to 1 where they do meet; and 0.3 more where the shares of their reports in which they stand
alone differ by over 0.1, by three standard errors. The pair furthest above its threshold goes
first; the likeness of joined groups is the mean over their clauses (average linkage).

At the end, clusters that stand alone in their reports so constantly that chance (the share of
the other clusters' reports in which those stand alone) would do it less than once in a million
times become one term: who finds nothing says nothing else, in whatever words.

The numbers were chosen on corpora of our own (``scripts/make_clause_corpus.py``: 5, 10 and 25
diagnoses, flat and steep frequencies, German and English, and one of another author), in the
middle of a plateau: 0.55 for 0.6, 0.15 or 0.25 for 0.2, and 2 for 4 changed the mean of adjusted
Rand index and macro-F1 over the Chinese corpora by less than 0.01.
"""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter, defaultdict

import numpy as np
from numpy.typing import NDArray

from cxrmine.clauses.grouping import Clusters, Corpus

#: The rule in one sentence, for pages and files.
RULE = (
    "Clusters are suggested as one term where their wordings are alike, they do not stand in the "
    "same reports, and they stand alone in a report equally often; statements that always stand "
    "alone are one term."
)

_LIKE = 0.6  # likeness asked for where the reports say nothing
_LIKE_AND_NEVER_TOGETHER = 0.2  # ... and where they say as much as they can
_MOST_EVIDENCE = 4.0  # nats
_MEETING = 0.15  # how often wordings of one diagnosis meet, by slips, in terms of chance

_MORE_WHERE_LONELINESS_DIFFERS = 0.3
_LONELINESS_DIFFERS = 0.1
_STANDARD_ERRORS = 3.0

_ALONE = 0.97
_BY_CHANCE = 1e-6
_KEEPS_COMPANY = 0.9

# Clauses of a cluster that describe it, the most frequent first.
_PROFILE_CLAUSES = 500
# Rows of the table of reports and clusters that are counted in one go.
_BLOCK_REPORTS = 1 << 16

# One Han character or Kana, else a run of letters of any other script.
_ONE_A_WORD = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_UNIT = re.compile(rf"[{_ONE_A_WORD}]|[^\W\d_{_ONE_A_WORD}]+")


def features(clause: str) -> set[str]:
    """Return what a normalised clause consists of: units, and pairs of neighbouring ones.

    Parameters
    ----------
    clause : str

    Returns
    -------
    set of str
        Never empty: a clause of signs alone is its own unit.
    """
    units = _UNIT.findall(clause)
    pairs = {f"{first} {second}" for first, second in itertools.pairwise(units)}
    return {*units, *pairs} or {clause}


def likeness(corpus: Corpus, clusters: Clusters) -> NDArray[np.float32]:
    """Return the cosines between the clusters' profiles.

    A profile says for every feature in which share of the cluster's clauses it stands, a clause
    weighing the root of its count, so that one frequent wording does not hide the others.

    Returns
    -------
    numpy.ndarray
        Shape (k, k), float32, from 0 to 1.
    """
    k = len(clusters.medoids)
    weight = np.sqrt(corpus.counts.astype(np.float64))
    by_cluster = np.argsort(clusters.nearest, kind="stable")
    bounds = np.searchsorted(clusters.nearest[by_cluster], np.arange(k + 1))
    column: dict[str, int] = {}
    rows, columns, values = [], [], []
    for cluster in range(k):
        members = by_cluster[bounds[cluster] : bounds[cluster + 1]]
        members = members[clusters.assigned[members]]
        members = members[np.argsort(-corpus.counts[members], kind="stable")][:_PROFILE_CLAUSES]
        profile: Counter[str] = Counter()
        for member in members.tolist():
            for feature in features(corpus.clauses[member]):
                profile[feature] += weight[member]
        for feature, value in profile.items():
            rows.append(cluster)
            columns.append(column.setdefault(feature, len(column)))
            values.append(value)
    table = np.zeros((k, max(len(column), 1)), np.float32)
    table[rows, columns] = values
    length = np.sqrt((table.astype(np.float64) ** 2).sum(axis=1))
    table /= np.maximum(length, 1e-12)[:, None].astype(np.float32)
    cosines: NDArray[np.float32] = np.clip(table @ table.T, 0, 1)
    return cosines


def company(
    corpus: Corpus, clusters: Clusters
) -> tuple[NDArray[np.float64], NDArray[np.int64], int]:
    """Count in how many reports each two clusters stand together, and each one alone.

    Returns
    -------
    together : numpy.ndarray
        Shape (k, k), float64: reports with both; on the diagonal those with the one.
    alone : numpy.ndarray
        Shape (k,), int64: reports with no other clause.
    reports : int
        Reports with at least one clause.
    """
    k = len(clusters.medoids)
    # Clauses beyond the cut-off are company too, but of no cluster.
    cluster_of = np.where(clusters.assigned, clusters.nearest, k)
    together = np.zeros((k + 1, k + 1))
    alone = np.zeros(k + 1, np.int64)
    bounds = corpus.bounds
    for first in range(0, len(bounds) - 1, _BLOCK_REPORTS):
        last = min(first + _BLOCK_REPORTS, len(bounds) - 1)
        lengths = np.diff(bounds[first : last + 1])
        report = np.repeat(np.arange(len(lengths)), lengths)
        standing = np.zeros((len(lengths), k + 1), np.float32)
        standing[report, cluster_of[corpus.occurrences[bounds[first] : bounds[last]]]] = 1
        together += standing.T @ standing
        single = standing[standing.sum(axis=1) == 1]
        alone += single.sum(axis=0).astype(np.int64)
    return together[:k, :k], alone[:k], corpus.reports


def stand_alone(together: NDArray[np.float64], alone: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell which clusters stand alone in their reports far beyond chance, shape (k,)."""
    n = together.diagonal()
    share = alone / np.maximum(n, 1)
    others = (share < _KEEPS_COMPANY) & (n > 0)
    if others.sum() < 2:
        return np.zeros(len(n), np.bool_)
    chance = (alone[others].sum() + 1) / (n[others].sum() + 2)
    found: NDArray[np.bool_] = (share >= _ALONE) & (n * math.log(chance) < math.log(_BY_CHANCE))
    return found


def suggest_terms(corpus: Corpus, clusters: Clusters) -> list[int]:
    """Suggest which clusters are one term, by the rule at the top of this module.

    Parameters
    ----------
    corpus : Corpus
        All clauses, by report.
    clusters : Clusters
        k clusters of them.

    Returns
    -------
    list of int
        Shape (k,): a number for each cluster, the same for clusters of one term.
    """
    k = len(clusters.medoids)
    if k < 2:
        return [0] * k
    like = likeness(corpus, clusters).astype(np.float64)
    together, alone, reports = company(corpus, clusters)
    weight = np.zeros(k)
    np.add.at(
        weight,
        clusters.nearest[clusters.assigned],
        np.sqrt(corpus.counts[clusters.assigned].astype(np.float64)),
    )
    term = _join(like, together, alone, np.maximum(weight, 1e-12), max(reports, 1))
    normal = np.flatnonzero(stand_alone(together, alone))
    if len(normal) > 1:
        same = set(term[normal].tolist())
        term = np.where(np.isin(term, list(same)), term[normal[0]], term)
    numbers: defaultdict[int, int] = defaultdict(lambda: len(numbers))
    return [numbers[group] for group in term.tolist()]


def _meeting_threshold(
    meetings: NDArray[np.float64], expected: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the likeness that two groups need, given how often they meet."""
    llr = meetings * math.log(_MEETING) + (1 - _MEETING) * expected
    evidence = np.clip(llr, -_MOST_EVIDENCE, _MOST_EVIDENCE) / _MOST_EVIDENCE
    return _LIKE - (_LIKE - _LIKE_AND_NEVER_TOGETHER) * evidence


def _loneliness_differs(
    size: NDArray[np.float64], alone: NDArray[np.float64], others: int
) -> NDArray[np.bool_]:
    """Tell from which groups the group number `others` differs in how often it stands alone."""
    share = (alone + 0.5) / (size + 1)
    variance = share * (1 - share) / (size + 1)
    error = np.sqrt(variance + variance[others])
    differs: NDArray[np.bool_] = (
        np.abs(share - share[others]) - _LONELINESS_DIFFERS > _STANDARD_ERRORS * error
    )
    return differs


def _join(
    like: NDArray[np.float64],
    together: NDArray[np.float64],
    alone: NDArray[np.int64],
    weight: NDArray[np.float64],
    reports: int,
) -> NDArray[np.int64]:
    """Join groups while a pair is above its threshold; return each cluster's group."""
    k = len(like)
    like, meetings, weight = like.copy(), together.copy(), weight.copy()
    size = together.diagonal().copy()
    lonely = alone.astype(np.float64)
    np.fill_diagonal(meetings, 0)
    by_chance = np.outer(size, size) / reports
    np.fill_diagonal(by_chance, 0)
    # Reports among which two clusters would meet by chance as often as any two do.
    among = reports * max(by_chance.sum() / max(meetings.sum(), 1e-9), 1.0)
    group = np.arange(k)
    alive = np.ones(k, np.bool_)

    def margins(a: int) -> NDArray[np.float64]:
        """Return how far a group's likeness to each other one is above what it needs."""
        needed = _meeting_threshold(meetings[a], size[a] * size / among)
        needed += _MORE_WHERE_LONELINESS_DIFFERS * _loneliness_differs(size, lonely, a)
        row: NDArray[np.float64] = np.where(alive, like[a] - needed, -np.inf)
        row[a] = -np.inf
        return row

    above = np.stack([margins(a) for a in range(k)])
    # Each row's best partner, so that a join costs the rows that it changes and not all pairs.
    best = above.argmax(axis=1)
    best_value = above[np.arange(k), best]
    while True:
        a = int(best_value.argmax())
        if best_value[a] < 0:
            return group
        a, b = sorted((a, int(best[a])))
        like[a] = (weight[a] * like[a] + weight[b] * like[b]) / (weight[a] + weight[b])
        like[:, a] = like[a]
        meetings[a] += meetings[b]
        meetings[:, a] = meetings[a]
        size[a] += size[b]
        lonely[a] += lonely[b]
        weight[a] += weight[b]
        group[group == b] = a
        alive[b] = False
        above[a] = above[:, a] = margins(a)
        above[b] = above[:, b] = -np.inf
        stale = alive & ((best == a) | (best == b))
        stale[a] = True
        best[stale] = above[stale].argmax(axis=1)
        best_value[stale] = above[stale, best[stale]]
        better = alive & (above[a] > best_value)
        best[better] = a
        best_value[better] = above[a, better]
        best_value[b] = -np.inf
