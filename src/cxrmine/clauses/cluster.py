"""The clustering of a corpus: k chosen or given, FasterPAM where its matrix fits, else samples."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cxrmine.clauses.choose_k import KChoice, choose_k
from cxrmine.clauses.clara import Step, clara, matrix_bytes
from cxrmine.clauses.distance import ClauseDistances
from cxrmine.clauses.grouping import Clusters, Corpus, number_clusters, within_cut_off
from cxrmine.clauses.kmedoids import k_medoids
from cxrmine.clauses.objective import POWER, usual_medoids, weights
from cxrmine.clauses.run import Workplace
from cxrmine.clauses.settings import ClusterSettings
from cxrmine.clauses.steps import Arrays, Steps
from cxrmine.clauses.terms import suggest_terms

ALL_DISTANCES = "all distances"
SAMPLES = "samples"
#: Samples that are clustered where the matrix of all distances does not fit.
SAMPLE_COUNT = 3


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """A clustering and how it came about.

    ``clusters`` are numbered as `number_clusters` does, and ``terms`` has a number for each that
    clusters of one term share. ``method`` is one of `ALL_DISTANCES` and `SAMPLES`; ``choice`` is
    None where k was given.
    """

    clusters: Clusters
    terms: tuple[int, ...]
    k: int
    method: str
    choice: KChoice | None


def fits(corpus: Corpus, k: int, metric: str, memory_bytes: int) -> bool:
    """Tell whether all distances between the distinct clauses fit in so many bytes."""
    longest = max(map(len, corpus.clauses), default=0)
    return matrix_bytes(len(corpus.clauses), k, longest, metric) <= memory_bytes


def nothing_found(settings: ClusterSettings) -> Found:
    """Return the clustering of no clause at all."""
    nothing = np.empty(0, np.int32)
    clusters = Clusters(nothing.astype(np.int64), nothing, nothing, nothing.astype(np.bool_), 0.0)
    return Found(clusters, (), 0, ALL_DISTANCES, None)


def cluster(corpus: Corpus, settings: ClusterSettings, place: Workplace) -> Found:
    """Cluster the distinct clauses of a corpus, which has at least one."""
    metric, steps, workers = settings.distance, place.steps, place.workers
    choice = None
    k = settings.k
    if k is None:
        with place.stage("choose_k", "Choosing the number of clusters."):
            choice = choose_k(
                corpus.clauses,
                corpus.counts,
                metric,
                seed=settings.seed,
                memory_bytes=settings.memory_bytes,
                workers=workers,
                steps=steps,
            )
        k = choice.k
    k = min(k, len(corpus.clauses))
    with place.stage("cluster", f"Clustering {len(corpus.clauses):,} distinct clauses, k = {k:,}."):
        whole = fits(corpus, k, metric, settings.memory_bytes)
        method = ALL_DISTANCES if whole else SAMPLES

        def found() -> Arrays:
            if whole:
                clusters = _all_distances(corpus, settings, k, workers)
            else:
                clusters = _samples(corpus, settings, k, steps, workers)
            numbered = number_clusters(corpus, clusters, metric, workers=workers)
            return {**asdict(numbered), "loss": np.array(numbered.loss)}

        arrays = dict(steps.do(f"cluster-{k}", found))
        clusters = Clusters(loss=float(arrays.pop("loss")), **arrays)
    with place.stage("terms", "Suggesting terms."):
        suggested = steps.do(
            f"terms-{k}",
            lambda: {"terms": np.array(suggest_terms(corpus, clusters), np.int64)},
        )
        terms = tuple(suggested["terms"].tolist())
    return Found(clusters, terms, k, method, choice)


def _all_distances(corpus: Corpus, settings: ClusterSettings, k: int, workers: int) -> Clusters:
    metric = settings.distance
    costs = ClauseDistances(corpus.clauses, metric, workers=workers, power=POWER[metric])
    found = k_medoids(costs.square(), k, weights(corpus.counts, metric), seed=settings.seed)
    return _represented(corpus, found.medoids, found.nearest, metric, workers)


def _represented(
    corpus: Corpus,
    medoids: NDArray[np.int64],
    nearest: NDArray[np.int32],
    metric: str,
    workers: int,
) -> Clusters:
    """Represent each cluster by its usual wording, and put every clause to its nearest medoid."""
    distances = ClauseDistances(corpus.clauses, metric, workers=workers)
    medoids = usual_medoids(distances.square, medoids, nearest, corpus.counts)
    nearest, distance = distances.nearest(medoids)
    loss = float((corpus.counts * distance.astype(np.float64)).sum())
    return Clusters(medoids, nearest, distance, np.ones(len(corpus.clauses), np.bool_), loss)


def _samples(
    corpus: Corpus, settings: ClusterSettings, k: int, steps: Steps, workers: int
) -> Clusters:
    def name_of(step: str) -> str:
        return f"clara-{k}-{step.replace(' ', '-')}"

    def keep(step: Step) -> None:
        steps.keep(name_of(step.name), {"medoids": step.medoids})

    names = [*(f"sample {number}" for number in range(1, SAMPLE_COUNT + 1)), "refined"]
    kept = {name: steps.get(name_of(name)) for name in names}
    found = clara(
        corpus.clauses,
        weights(corpus.counts, settings.distance),
        k,
        metric=settings.distance,
        power=POWER[settings.distance],
        memory_bytes=settings.memory_bytes,
        seed=settings.seed,
        workers=workers,
        samples=SAMPLE_COUNT,
        finished={name: arrays["medoids"] for name, arrays in kept.items() if arrays is not None},
        on_step=keep,
    )
    clusters = _represented(corpus, found.medoids, found.nearest, settings.distance, workers)
    near = within_cut_off(
        corpus, clusters.medoids, clusters.nearest, clusters.distance, settings.distance
    )
    return replace(clusters, assigned=near)
