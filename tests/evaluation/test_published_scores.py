"""The published figures that ship are those of the papers' tables."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from cxrmine.evaluation.published_scores import published_for, published_scores


def rows_of(path: Path) -> list[dict[str, str]]:
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    return list(csv.DictReader(lines))


def test_every_row_names_its_source():
    assert all(p.paper and p.measured_on and p.method for p in published_scores())
    assert len(published_for("8 findings + normal")) == 6


def test_the_papers_numbers(data_dir: Path):
    tables = [
        ("chestxray8_labels_openi.csv", "finding", {"Total": "8 findings + normal"}, 1.0),
        ("chestxray14_labels_openi.csv", "corpus", {"OpenI": "14 findings"}, 100.0),
    ]
    expected = {}
    for name, column, renamed, scale in tables:
        for record in rows_of(data_dir / "published" / name):
            row = renamed.get(record[column], record[column].replace("Normal", "normal"))
            if row.startswith("ChestX-ray"):
                continue  # other reports
            for method, prefix in (("MetaMap + NegEx", "metamap"), ("ChestX-ray8 (NegBio)", "nih")):
                expected[method, row] = tuple(
                    float(record[f"{prefix}_{x}"]) / scale for x in ("p", "r", "f")
                )
    shipped = {
        (p.method, p.row): (p.precision, p.recall, p.f1)
        for p in published_scores()
        if p.paper.startswith("Wang")
    }
    assert shipped.keys() == expected.keys()
    for key, scores in expected.items():
        assert shipped[key] == pytest.approx(scores), key
