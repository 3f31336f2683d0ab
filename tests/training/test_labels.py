"""Targets and mask: nothing unknown counts as absent, nothing unlearnable passes."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_small_set import made_rows, write_set

from cxrmine.dataset.read import Dataset, read_dataset
from cxrmine.errors import UserError
from cxrmine.evaluation.findings import FINDINGS_14
from cxrmine.training.labels import Labels, check_classes, part_rows, training_labels

NAN = math.nan

TEXTS = ["|".join(FINDINGS_14), "No Finding", "", "Hernia|Mass"]

CHEXPERT = [
    {"No Finding": "", "Edema": "1", "Fracture": "-1", "Mass": "0"},
    {"No Finding": "1", "Edema": "", "Fracture": "1", "Mass": "0"},
    {},
    {"No Finding": "", "Edema": "-1", "Fracture": "0", "Mass": "1"},
]


@pytest.fixture
def from_text(tmp_path: Path) -> Dataset:
    return write_set(tmp_path / "set", made_rows(TEXTS), side=8)


@pytest.fixture
def chexpert(tmp_path: Path) -> Dataset:
    texts = ["Edema", "Fracture", "", "Mass"]
    return write_set(tmp_path / "set", made_rows(texts, CHEXPERT), side=8)


def known(labels: Labels) -> list[list[float]]:
    return np.where(labels.mask, labels.targets, NAN).tolist()


def test_fourteen_outputs_from_finding_labels(from_text: Dataset):
    labels = training_labels(from_text, 14)
    hernia_and_mass = [float(name in ("Hernia", "Mass")) for name in FINDINGS_14]
    assert labels.names == FINDINGS_14
    np.testing.assert_equal(known(labels), [[1.0] * 14, [0.0] * 14, [NAN] * 14, hernia_and_mass])
    assert labels.targets.dtype == np.float32
    assert labels.mask.dtype == np.bool_
    assert not np.isnan(labels.targets).any()  # 0 x NaN would be NaN in a loss


def test_the_fifteenth_output_is_no_finding(from_text: Dataset):
    labels = training_labels(from_text, 15)
    assert labels.names == (*FINDINGS_14, "No Finding")
    np.testing.assert_equal(
        known(labels),
        np.column_stack((known(training_labels(from_text, 14)), [0.0, 1.0, NAN, 0.0])),
    )


@pytest.mark.parametrize(("uncertain", "value"), [("ignore", NAN), ("zeros", 0.0), ("ones", 1.0)])
def test_uncertain_is_what_is_asked_for_and_blank_is_masked(
    chexpert: Dataset, uncertain: str, value: float
):
    labels = training_labels(chexpert, "columns", uncertain)  # type: ignore[arg-type]
    assert labels.names == ("Edema", "Fracture", "Mass")
    np.testing.assert_equal(
        known(labels),
        [[1.0, value, 0.0], [NAN, 1.0, 0.0], [NAN, NAN, NAN], [value, 0.0, 1.0]],
    )


@settings(max_examples=50, deadline=None)
@given(
    cells=st.lists(
        st.tuples(st.sampled_from(["1", "0", "-1", ""]), st.sampled_from(["1", "0", "-1", ""])),
        min_size=1,
        max_size=12,
    ),
    uncertain=st.sampled_from(["ignore", "zeros", "ones"]),
)
def test_any_table_says_what_its_cells_say(cells: list[tuple[str, str]], uncertain: str):
    """Cell by cell, by the words of Irvin et al. 2019."""
    rows = made_rows([""] * len(cells), [{"Mass": a, "Edema": b} for a, b in cells])
    dataset = Dataset(
        Path(), tuple(rows), ("Mass", "Edema"), "split", ("split",), ("train",) * len(rows), ()
    )
    labels = training_labels(dataset, "columns", uncertain)  # type: ignore[arg-type]
    for row, pair in enumerate(cells):
        for column, cell in enumerate(pair):
            counts = cell in ("1", "0") or (cell == "-1" and uncertain != "ignore")
            present = cell == "1" or (cell == "-1" and uncertain == "ones")
            assert labels.mask[row, column] == counts
            assert labels.targets[row, column] == (counts and present)


def test_no_finding_is_taken_from_its_column(chexpert: Dataset):
    labels = training_labels(chexpert, ["Mass", "No Finding"])
    np.testing.assert_equal(known(labels), [[0, NAN], [0, 1], [NAN, NAN], [1, NAN]])


def test_the_sets_own_findings_without_a_label_table(tmp_path: Path):
    dataset = write_set(tmp_path / "set", made_rows(["Zebra|Mass", "Edema|Mass", "No Finding"]))
    assert training_labels(dataset, "columns").names == ("Mass", "Edema", "Zebra")


def test_names_match_in_whatever_spelling(tmp_path: Path):
    rows = made_rows(["Pleural_Thickening", "No Finding"])
    labels = training_labels(write_set(tmp_path / "set", rows), ["pleural thickening"])
    assert labels.targets[:, 0].tolist() == [1.0, 0.0]


def test_a_number_given_as_text_is_a_number(from_text: Dataset):
    assert training_labels(from_text, "15").names[-1] == "No Finding"


def test_a_finding_that_the_set_does_not_know_is_refused(chexpert: Dataset):
    # Its absence in Finding Labels says nothing: the columns lack it.
    with pytest.raises(UserError, match=r"Atelectasis, .* or Hernia.*outputs=columns"):
        training_labels(chexpert, 14)


@pytest.mark.parametrize("outputs", [13, "all", [], ["Mass", "mass"], 0])
def test_other_outputs_are_refused(chexpert: Dataset, outputs: object):
    with pytest.raises(UserError, match="outputs"):
        training_labels(chexpert, outputs)  # type: ignore[arg-type]


def test_another_rule_for_uncertain_is_refused(chexpert: Dataset):
    with pytest.raises(UserError, match=r"ignore, zeros or ones.*'maybe'"):
        training_labels(chexpert, "columns", "maybe")  # type: ignore[arg-type]


def test_nan_in_the_table_is_refused_with_its_line(chexpert: Dataset):
    table = chexpert.folder / "labels.csv"
    table.write_text(table.read_text().replace("00000002_000.png,1,", "00000002_000.png,nan,"))
    with pytest.raises(UserError, match=r"labels\.csv, line 3.*1, 0, -1 and blank"):
        read_dataset(chexpert.folder)


def test_nan_in_an_array_is_refused_even_if_masked():
    targets = np.array([[0, 1], [NAN, 1]], np.float32)
    with pytest.raises(UserError, match=r"'Mass' of image 2 is nan"):
        Labels(("Mass", "Edema"), targets, np.zeros((2, 2), bool))


def test_wrong_shapes_are_refused():
    with pytest.raises(ValueError, match="must both be"):
        Labels(("Mass",), np.zeros((3, 2), np.float32), np.ones((3, 1), bool))


def test_part_rows_leave_out_images_without_any_label(tmp_path: Path):
    texts = ["Mass", "", "No Finding", "Mass", "", "Mass|Edema", "No Finding", "Edema", "", "Mass"]
    dataset = write_set(tmp_path / "set", made_rows(texts * 3))
    labels = training_labels(dataset, "columns")
    parts = [part_rows(dataset, labels, part) for part in ("train", "val", "test")]
    together = np.sort(np.concatenate(parts))
    assert together.tolist() == [row for row, text in enumerate(texts * 3) if text]
    for part, rows in zip(("train", "val", "test"), parts, strict=True):
        assert {dataset.parts[row] for row in rows} == {part}
    assert part_rows(dataset, labels, "train", "val").size == parts[0].size + parts[1].size


def test_a_part_without_labelled_images_is_refused(tmp_path: Path):
    dataset = write_set(tmp_path / "set", made_rows(["Mass", "No Finding"]))
    labels = training_labels(dataset, "columns")
    (empty,) = {"train", "val", "test"} - set(dataset.parts)  # two patients, three parts
    with pytest.raises(UserError, match=rf"part {empty} of the split 'split' has no image;"):
        part_rows(dataset, labels, empty)


def test_counts_leave_out_what_is_masked(chexpert: Dataset):
    positives, negatives = training_labels(chexpert, "columns").counts(np.arange(4))
    assert positives.tolist() == [1, 1, 1]
    assert negatives.tolist() == [0, 1, 2]


def test_a_class_without_positives_or_negatives_ends_training_and_warns_elsewhere():
    targets = np.array([[1, 0, 0], [1, 0, 1]], np.float32)
    labels = Labels(("Mass", "Hernia", "Edema"), targets, np.ones((2, 3), bool))
    rows = np.arange(2)
    with pytest.raises(
        UserError,
        match=r"train has no negative image of Mass; no positive image of Hernia; .*\[Edema\]",
    ):
        check_classes(labels, rows)
    warnings = check_classes(labels, rows, "test")
    assert [name for name in labels.names if any(name in line for line in warnings)] == [
        "Mass",
        "Hernia",
    ]
    only_edema = Labels(("Edema",), targets[:, 2:], np.ones((2, 1), bool))
    assert check_classes(only_edema, rows) == []


def test_labels_and_cache_need_none_of_the_heavy_packages():
    code = (
        "import sys; import cxrmine.training.labels, cxrmine.training.cache; "
        "bad = {'torch', 'spacy', 'pydicom', 'pydantic', 'rapidfuzz', 'defusedxml', 'cv2', 'yaml'}"
        " & set(sys.modules); sys.exit(str(bad) if bad else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
