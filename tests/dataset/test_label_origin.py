"""The card names the run that made the labels, and nothing else of what lies beside them."""

from __future__ import annotations

import doctest
import json
from pathlib import Path

import pytest

from cxrmine.dataset import label_origin as module
from cxrmine.dataset.label_origin import label_origin

RULES = "ab" * 32
RECORD = {
    "command": "mine-labels",
    "versions": {"cxrmine": "9.9"},
    "schemes": ["chestxray14", "chexpert"],
    "labeler": {"rules_sha256": RULES, "vocabulary_sha256": "x" * 64, "parser": "en_x"},
    "inputs": [{"name": "Mrs Example.csv"}],
    "outputs": ["labels_chestxray14.csv", "labels_chexpert.csv"],
}


def write(folder: Path, record: object) -> Path:
    (folder / "run.json").write_text(json.dumps(record))
    return folder / "labels_chexpert.csv"


def test_of_a_run_of_mine_labels(tmp_path: Path) -> None:
    assert label_origin(write(tmp_path, RECORD)) == {
        "command": "mine-labels",
        "version": "9.9",
        "scheme": "chexpert",
        "parser": "en_x",
        "rules": RULES,
        "vocabulary": "",  # no hash, so it is left out
    }


@pytest.mark.parametrize(
    "record",
    [
        {**RECORD, "command": "another"},
        {**RECORD, "outputs": ["labels.csv"]},
        ["labels_chexpert.csv"],
        "Mrs Example",
    ],
)
def test_of_anything_else(tmp_path: Path, record: object) -> None:
    assert label_origin(write(tmp_path, record)) == {}


def test_no_run_beside_it(tmp_path: Path) -> None:
    assert label_origin(tmp_path / "labels.csv") == {}


def test_text_of_any_other_form_stays_out(tmp_path: Path) -> None:
    record = {**RECORD, "versions": {"cxrmine": "Mrs Example, born 1950"}}
    assert "Mrs" not in str(label_origin(write(tmp_path, record)))


def test_examples() -> None:
    assert doctest.testmod(module).failed == 0
