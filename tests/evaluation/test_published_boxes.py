from __future__ import annotations

import csv
from pathlib import Path

import pytest

from cxrmine.evaluation.box_scores import THRESHOLDS
from cxrmine.evaluation.published_boxes import (
    PUBLISHED_BOXES,
    PUBLISHED_IMAGES,
    published_boxes,
)

LAST_DIGIT = 1.01e-4  # the paper cuts some figures off and rounds others


def whole(value: float, divisor: int) -> bool:
    return abs(round(value * divisor) / divisor - value) < LAST_DIGIT


def test_accuracies_are_whole_numbers_of_the_findings_boxes() -> None:
    assert len(published_boxes()) == 80
    for (measure, threshold, finding), score in published_boxes().items():
        assert threshold in THRESHOLDS[measure]
        assert whole(score.accuracy, PUBLISHED_BOXES[finding])


def test_false_positives_are_counted_per_box_and_not_per_image() -> None:
    rates = [score.afp for score in published_boxes().values()]
    boxes = sum(PUBLISHED_BOXES.values())
    assert boxes == 984
    assert all(whole(rate, boxes) for rate in rates)
    # By chance about a fifth of four-digit figures would be whole numbers of 880 images.
    assert sum(whole(rate, PUBLISHED_IMAGES) for rate in rates) < 20


def test_as_in_the_papers_table(data_dir: Path) -> None:
    path = data_dir / "published" / "chestxray8_localization.csv"
    if not path.is_file():
        pytest.skip(f"no {path.name} in {path.parent}")
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    count = 0
    for row in csv.DictReader(lines):
        for finding in PUBLISHED_BOXES:
            score = published_boxes()[row["measure"], float(row["threshold"]), finding]
            assert float(row[finding]) == (score.accuracy if row["metric"] == "acc" else score.afp)
            count += 1
    assert count == 160


def test_the_papers_boxes_are_nihs_list(data_dir: Path) -> None:
    from collections import Counter

    from cxrmine.dataset.boxes import read_box_list

    boxes, problems = read_box_list(data_dir / "nih" / "BBox_List_2017.csv")
    assert not problems
    assert Counter(box.finding for box in boxes) == PUBLISHED_BOXES
    assert len({box.image for box in boxes}) == PUBLISHED_IMAGES
