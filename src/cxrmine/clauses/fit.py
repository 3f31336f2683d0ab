"""A clustering: the clauses of all reports into clusters, clusters into terms, tables of both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from cxrmine.clauses.cluster import cluster, nothing_found
from cxrmine.clauses.corpus import read_corpus, write_clauses
from cxrmine.clauses.figure import draw_clusters, draw_k_curve
from cxrmine.clauses.grouping import Coverage, coverage, group, report_sets
from cxrmine.clauses.model import Grouping
from cxrmine.clauses.page import MAX_CLAUSES, MAX_SETS, write_page
from cxrmine.clauses.run import Workplace
from cxrmine.clauses.settings import ClusterSettings, ReadSettings
from cxrmine.clauses.tables import (
    K_COLUMNS,
    shown_distance,
    table1_rows,
    write_clusters,
    write_table1,
)
from cxrmine.clauses.terms_file import TermsSettings, file_sha256, write_terms
from cxrmine.clauses.work import SplitSpec, split_task
from cxrmine.evaluation.intervals import wilson
from cxrmine.tables import write_csv


@dataclass(frozen=True, slots=True)
class Fit:
    """The job of a clustering."""

    settings: ClusterSettings

    @property
    def read(self) -> ReadSettings:
        """The reports to read."""
        return self.settings.read

    @property
    def spec(self) -> SplitSpec:
        """How they are split."""
        settings = self.settings
        return SplitSpec(settings.read.section, settings.split_enumeration, settings.drop_units)

    @property
    def task(self) -> Callable[[Any, bytes], bytes]:
        """Splits a chunk."""
        return split_task

    @property
    def words(self) -> tuple[str, str]:
        """What is done with a report."""
        return "Splitting", "split into clauses"

    def record(self) -> dict[str, Any]:
        """Return what ``run.json`` states beside versions and inputs."""
        return {"mode": "cluster", "settings": self.settings.recorded()}

    def finish(self, place: Workplace) -> dict[str, Any]:
        """Cluster, and write the tables, the figures and the page."""
        settings = self.settings
        corpus = read_corpus(place.parts)
        if corpus.clauses:
            found = cluster(corpus, settings, place)
        else:
            place.warn("all inputs", "No report has a clause, so all tables are empty.")
            found = nothing_found(settings)
        if settings.k is not None and found.k < settings.k:
            place.warn(
                "--k",
                f"There are only {len(corpus.clauses):,} distinct clauses, so k is {found.k:,} "
                f"instead of {settings.k:,}, and every clause is a cluster of its own.",
            )
        grouping, term_of = group(corpus, found.clusters, found.terms, settings.distance)
        covered = coverage(corpus, grouping, term_of, settings.top)
        cluster_of = np.where(found.clusters.assigned, found.clusters.nearest + 1, 0)
        cluster_of = cluster_of.astype(np.int32)
        target = place.target
        with place.stage("write", "Writing the tables."):
            raw = write_clauses(
                target / "clauses.csv",
                place.parts,
                corpus,
                cluster_of,
                term_of,
                keep_raw=MAX_CLAUSES,
            )
            write_clusters(target / "clusters.csv", grouping)
            write_table1(
                target / "table1.csv",
                table1_rows(
                    grouping, top=covered.terms, reports_of_others=covered.reports_of_others
                ),
            )
            write_terms(
                target / "terms.yaml", grouping, self._terms_settings(found.k), top=settings.top
            )
        with place.stage("draw", "Drawing."):
            warnings = draw_clusters(grouping, target / "clusters.png", top=settings.top)
            if found.choice is not None:
                curve = (
                    (p.k, shown_distance(p.loss), shown_distance(p.covered))
                    for p in found.choice.curve
                )
                write_csv(target / "k_curve.csv", K_COLUMNS, curve)
                warnings += draw_k_curve(found.choice, target / "k_curve.png")
            for sentence in dict.fromkeys(warnings):
                place.warn("figures", sentence)
            write_page(
                grouping,
                target / "clusters.html",
                terms_yaml=(target / "terms.yaml").read_text(encoding="utf-8"),
                report_sets=report_sets(corpus, cluster_of, limit=MAX_SETS),
                raw_examples=raw,
            )
        return {
            "counts": {
                "reports": len(corpus.bounds) - 1,
                "reports_with_clauses": grouping.reports,
                "clauses": grouping.occurrences,
                "distinct_clauses": len(corpus.clauses),
                "unassigned_clauses": int(corpus.counts[~found.clusters.assigned].sum()),
                "clusters": len(grouping.clusters),
                "terms": len(grouping.terms),
            },
            "clustering": {
                "k": found.k,
                "chosen_by": None if found.choice is None else found.choice.criterion,
                "method": found.method,
                "loss": shown_distance(found.clusters.loss),
            },
            "coverage": recorded_coverage(covered, grouping),
            "terms_yaml_sha256": file_sha256(target / "terms.yaml"),
        }

    def _terms_settings(self, k: int) -> TermsSettings:
        settings = self.settings
        return TermsSettings(
            distance=settings.distance,
            section=settings.read.section,
            split_enumeration=settings.split_enumeration,
            drop_units=settings.drop_units,
            seed=settings.seed,
            k=k,
        )


def recorded_coverage(covered: Coverage, grouping: Grouping) -> dict[str, Any]:
    """Return what the largest terms cover, with Wilson's 95 % intervals, for ``run.json``."""
    return {
        "terms": covered.terms,
        "clauses": _share(covered.clauses, grouping.occurrences),
        "reports": _share(covered.reports, grouping.reports),
        "whole_reports": _share(covered.whole_reports, grouping.reports),
    }


def _share(part: int, whole: int) -> dict[str, Any]:
    estimate = wilson(part, whole)
    figures = {"share": estimate.value, "low": estimate.low, "high": estimate.high}
    rounded = {name: None if v is None else round(v, 6) for name, v in figures.items()}
    return {"count": part, "of": whole, **rounded}
