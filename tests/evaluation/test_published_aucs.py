"""Printed AUCs: as the papers have them, and beside the right findings."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from cxrmine.evaluation.findings import FINDINGS_8, FINDINGS_14
from cxrmine.evaluation.published_aucs import MEAN, published_aucs, published_beside

FIVE = ("Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Pleural Effusion")


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open() as handle:
        return list(csv.DictReader(line for line in handle if not line.startswith("#")))


def test_the_papers_numbers(data_dir: Path):
    printed: dict[str, set[tuple[str, float]]] = {}
    for name, paper in (("chestxray8_auc.csv", "Wang"), ("pham_auc.csv", "Pham")):
        printed[paper] = {
            ("mean" if finding == "Mean" else finding, float(value))
            for row in rows_of(data_dir / "published" / name)
            for finding, value in row.items()
            if finding != "setting" and value
        }
    printed["Baltruschat"] = {
        (MEAN, float(row["mean_auc"]))
        for row in rows_of(data_dir / "published" / "baltruschat_auc.csv")
    }
    for paper, figures in printed.items():
        ours = {(p.finding, p.auc) for p in published_aucs() if p.paper.startswith(paper)}
        assert ours == figures, paper
    zech = {p.finding: p.auc for p in published_aucs() if p.paper.startswith("Zech")}
    for row in rows_of(data_dir / "nih" / "chexnet_reproduction_aucs.csv"):
        assert zech[row["label"]] == pytest.approx(float(row["auc"]), abs=1e-6)
    assert len(zech) == 14


def test_every_row_says_where_it_is_from():
    for row in published_aucs():
        assert 0.5 <= row.auc < 1
        assert row.paper
        assert row.measured_on
        assert row.finding in (*FINDINGS_14, *FIVE, MEAN)


def test_only_what_belongs_beside():
    assert {p.data for p in published_beside(FINDINGS_14)} == {"ChestX-ray"}
    assert {p.data for p in published_beside(FIVE)} == {"CheXpert"}
    assert {p.data for p in published_beside([f.lower() for f in FIVE])} == {"CheXpert"}
    assert published_beside(["Atelectasis", "Cardiomegaly"]) == ()  # of either set
    assert published_beside(["Rib"]) == ()
    eight = published_beside(FINDINGS_8)
    assert {p.finding for p in eight} == set(FINDINGS_8)  # the printed means are over 14
    assert MEAN in {p.finding for p in published_beside(FINDINGS_14)}
    assert MEAN not in {p.finding for p in published_beside(FIVE[1:])}
