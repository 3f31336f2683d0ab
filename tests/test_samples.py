"""The bundled samples are varied, their truth is consistent, and the labeler reads them well."""

from __future__ import annotations

import csv
import re

import pytest

from cxrmine.labeling.mention import STATUSES
from cxrmine.resources import samples_dir

CHESTXRAY14 = [
    "Atelectasis",
    "Cardiomegaly",
    "Effusion",
    "Infiltration",
    "Mass",
    "Nodule",
    "Pneumonia",
    "Pneumothorax",
    "Consolidation",
    "Edema",
    "Emphysema",
    "Fibrosis",
    "Pleural_Thickening",
    "Hernia",
]


def read(name):
    with (samples_dir() / name).open(encoding="utf-8", newline="") as file:
        return {row["report_id"]: row for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def reports():
    return {key: row["text"] for key, row in read("reports.csv").items()}


@pytest.fixture(scope="module")
def truth():
    return read("labels_truth.csv")


@pytest.fixture(scope="module")
def labeled(labeler, reports):
    return dict(zip(reports, labeler.label_many(reports.values()), strict=True))


def test_there_are_enough_reports_and_each_has_a_truth(reports, truth):
    assert len(reports) >= 60
    assert list(reports) == list(truth)
    assert len(set(reports.values())) == len(reports)


def test_truth_has_chestxray14s_columns(truth):
    for row in truth.values():
        assert list(row) == ["report_id", *CHESTXRAY14, "No Finding"]
        assert {row[c] for c in [*CHESTXRAY14, "No Finding"]} <= {"0", "1"}


def test_no_finding_excludes_every_finding(truth):
    for key, row in truth.items():
        assert (row["No Finding"] == "1") == all(row[c] == "0" for c in CHESTXRAY14), key


@pytest.mark.parametrize("finding", CHESTXRAY14)
def test_every_finding_is_positive_in_four_reports(truth, finding):
    assert sum(row[finding] == "1" for row in truth.values()) >= 4


@pytest.mark.parametrize(
    "style",
    [
        r"\bXXXX\b",
        r"___",
        r"\[\*\*.*?\*\*\]",
        r"(?m)^\d\. ",
        r"(?m)^ADDENDUM:",
        r"[^\x00-\x7f]",
        r"\.[A-Z]",
        r" \. ",
        r"(?m)^INDICATION:",
        r"(?m)^Findings:",
    ],
)
def test_style_occurs(reports, style):
    assert any(re.search(style, text) for text in reports.values())


def test_some_reports_have_no_header_and_some_are_all_capitals(reports):
    assert any(":" not in text for text in reports.values())
    assert any(text.isupper() for text in reports.values())


def test_every_status_occurs(labeled):
    found = {mention.status for report in labeled.values() for mention in report.mentions}
    assert found == set(STATUSES)


@pytest.mark.parametrize("scheme", ["chestxray14", "chexpert"])
def test_every_label_of_the_scheme_occurs(labeler, labeled, scheme):
    labels = [report.labels(scheme) for report in labeled.values()]
    never = [c for c in labeler.columns(scheme) if all(row[c] != 1 for row in labels)]
    assert never == []


def test_labels_agree_with_the_truth(labeled, truth):
    # The samples are no benchmark: this says that the labeler as shipped is not broken.
    right = wrong = 0
    for key, report in labeled.items():
        labels = report.labels("chestxray14")
        for finding in CHESTXRAY14:
            ours, theirs = labels[finding], int(truth[key][finding])
            right += ours == theirs == 1
            wrong += ours != theirs
    assert 2 * right / (2 * right + wrong) >= 0.95
