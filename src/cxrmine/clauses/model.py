"""What the stages of ``cluster-clauses`` hand to each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from cxrmine.reports.report import Report


class Occurrence(NamedTuple):
    """One clause where it stands in a report.

    ``start`` and ``end`` are half-open character offsets into the report's original text;
    ``clause`` is that stretch normalised, what clauses are compared by.
    """

    section: str
    start: int
    end: int
    clause: str


@dataclass(frozen=True, slots=True)
class ReportClauses:
    """A report and its clauses in their order; empty where the section is empty or absent."""

    report: Report
    occurrences: tuple[Occurrence, ...]


@dataclass(frozen=True, slots=True)
class DistinctClause:
    """A distinct clause, how often it stands in the reports, and where it was put.

    ``cluster`` and ``term`` are None for one further than the cut-off from every medoid.
    ``distance`` is the distance to ``medoid`` in the run's metric.
    """

    clause: str
    count: int
    cluster: int | None
    medoid: str
    distance: float
    term: int | None


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster: its medoid, its size, and how far from the medoid a clause may be to count.

    ``count`` is occurrences, ``reports`` the reports with at least one of them. ``radius`` is in
    the run's metric.
    """

    number: int
    term: int
    medoid: str
    count: int
    reports: int
    radius: float


@dataclass(frozen=True, slots=True)
class Term:
    """Clusters that the tool suggests are one diagnosis.

    ``sole_reports`` counts the reports all of whose clauses are of this term.
    """

    number: int
    clusters: tuple[int, ...]
    count: int
    reports: int
    sole_reports: int


@dataclass(frozen=True, slots=True)
class Grouping:
    """The result of a run: distinct clauses, clusters by falling size, terms by falling size.

    ``occurrences`` and ``reports`` are the totals that shares are taken of; ``reports`` counts
    those with at least one clause.
    """

    clauses: tuple[DistinctClause, ...]
    clusters: tuple[Cluster, ...]
    terms: tuple[Term, ...]
    occurrences: int
    reports: int
    metric: str
