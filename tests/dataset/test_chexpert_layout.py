"""The table in the layout of CheXpert's train.csv."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from cxrmine.dataset.chexpert_layout import HEADER, write_chexpert
from cxrmine.dataset.model import ImageRow


def test_the_columns_are_chexperts_in_its_order(data_dir: Path):
    theirs = data_dir / "chexlocalize_sample" / "valid.csv"
    assert theirs.read_text().splitlines()[0] == HEADER


def test_values_are_chexperts(tmp_path: Path):
    rows = [
        ImageRow(
            "1.png",
            "Effusion",
            0,
            1,
            57,
            "M",
            "PA",
            labels={"Pleural Effusion": "1", "Edema": "-1", "Fracture": "0", "Lung_Opacity": ""},
        ),
        # ChestX-ray14's scheme: one name differs, and some have no column.
        ImageRow(
            "2.png", "", 0, 2, None, "O", "", labels={"Effusion": "0", "Mass": "1", "Edema": "1"}
        ),
        ImageRow("3.png", "No Finding", 0, 3, 3, "F", "AP"),
        ImageRow("4.png", "Effusion|Nodule", 0, 4),
        ImageRow("5.png", "", 0, 5),
    ]
    path = tmp_path / "train.csv"
    assert write_chexpert(path, rows) == 5
    assert "\r" not in path.read_text()
    with path.open(newline="") as handle:
        table = list(csv.DictReader(handle))
    known = [{name: value for name, value in row.items() if value} for row in table]
    frontal = {"Frontal/Lateral": "Frontal"}
    assert known == [
        {
            "Path": "images/1.png",
            "Sex": "Male",
            "Age": "57",
            **frontal,
            "AP/PA": "PA",
            "Pleural Effusion": "1.0",
            "Edema": "-1.0",
            "Fracture": "0.0",
        },
        {
            "Path": "images/2.png",
            "Sex": "Unknown",
            **frontal,
            "Pleural Effusion": "0.0",
            "Edema": "1.0",
        },
        {
            "Path": "images/3.png",
            "Sex": "Female",
            "Age": "3",
            **frontal,
            "AP/PA": "AP",
            "No Finding": "1.0",
        },
        {"Path": "images/4.png", "Sex": "Unknown", **frontal, "Pleural Effusion": "1.0"},
        {"Path": "images/5.png", "Sex": "Unknown", **frontal},
    ]
    assert ",-1.0," in path.read_text()


def test_a_label_that_is_none_is_refused(tmp_path: Path):
    rows = [ImageRow("1.png", "", 0, 1, labels={"Edema": "maybe"})]
    with pytest.raises(ValueError, match="none of 1, 0, -1 and blank"):
        write_chexpert(tmp_path / "train.csv", rows)
    assert list(tmp_path.iterdir()) == []
