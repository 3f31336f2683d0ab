"""Splits: exact, by patient, the same everywhere, and stable when patients are added."""

from __future__ import annotations

import gzip
import hashlib
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrmine.dataset.data_entry import read_data_entry
from cxrmine.dataset.model import ImageRow
from cxrmine.dataset.splits import (
    check_no_patient_crosses,
    make_splits,
    official,
    parts_by_patient,
    read_splits,
    resample,
    write_lists,
    write_splits,
)
from cxrmine.errors import UserError


def rows_of(patients: int, images: int = 2, official: str = "") -> list[ImageRow]:
    return [
        ImageRow(f"{patient:08d}_{image:03d}.png", "", image, patient, official=official)
        for patient in range(1, patients + 1)
        for image in range(images)
    ]


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_the_parts_are_exact():
    for split in resample(range(1000), seed=1):
        assert Counter(split.values()) == {"train": 700, "val": 100, "test": 200}


@given(
    st.sets(st.integers(0, 10**9), max_size=60),
    st.integers(),
    st.sampled_from([(0.7, 0.1, 0.2), (0.8, 0.2, 0), (1, 0, 0), (0.5, 0.25, 0.25)]),
)
def test_every_patient_has_one_part_and_the_order_given_is_nothing(patients, seed, fractions):
    splits = resample(sorted(patients), seed=seed, fractions=fractions, repeats=3)
    assert splits == resample(
        sorted(patients, reverse=True), seed=seed, fractions=fractions, repeats=3
    )
    assert splits[:2] == resample(patients, seed=seed, fractions=fractions, repeats=2)
    for split in splits:
        assert split.keys() == patients
        for part, fraction in zip(("train", "val", "test"), fractions, strict=True):
            size = sum(value == part for value in split.values())
            assert abs(size - fraction * len(patients)) <= 1


def test_the_order_is_that_of_the_documented_hash():
    order = sorted(range(10), key=lambda p: hashlib.sha256(f"7:2:{p}".encode()).hexdigest())
    split = resample(range(10), seed=7)[1]
    assert [split[p] for p in order] == ["train"] * 7 + ["val"] + ["test"] * 2


def test_seeds_and_repeats_give_other_splits():
    first = resample(range(200), seed=1)
    assert all(a != b for i, a in enumerate(first) for b in first[i + 1 :])
    assert all(a != b for a, b in zip(first, resample(range(200), seed=2), strict=True))


def test_added_patients_move_few():
    before = resample(range(10_000), seed=3)[0]
    after = resample(range(10_500), seed=3)[0]
    moved = sum(before[patient] != after[patient] for patient in before)
    assert moved < 100  # drawn anew, about 46 % of them would
    # Each cut moves by no more than the draw of the added patients lets it.
    assert Counter(after.values()) == {"train": 7350, "val": 1050, "test": 2100}


@pytest.mark.parametrize(
    "fractions", [(0.7, 0.1, 0.1), (1.1, -0.1, 0), (0.7, float("nan"), 0.3), (float("inf"), 0, 0)]
)
def test_fractions_that_are_none(fractions: tuple[float, float, float]):
    with pytest.raises(UserError, match="add up to 1"):
        resample([1], seed=0, fractions=fractions)


def test_an_eighth_of_the_official_train_list_becomes_val():
    rows = [
        *rows_of(80, official="train_val"),
        ImageRow("x.png", "", 0, 900, official="test"),
        ImageRow("y.png", "", 0, 901, official=""),
    ]
    parts = official(rows, seed=5)
    assert Counter(parts.values()) == {"train": 70, "val": 10, "test": 1}
    assert 901 not in parts
    order = sorted(range(1, 81), key=lambda p: hashlib.sha256(f"5:0:{p}".encode()).hexdigest())
    assert {patient for patient, part in parts.items() if part == "val"} == set(order[:10])


def test_an_official_split_with_val_of_its_own_is_taken_as_it_is():
    rows = [ImageRow(f"{p}.png", "", 0, p, official=p) for p in ("train", "val", "test")]
    rows = [ImageRow(r.image_index, "", 0, n, official=r.official) for n, r in enumerate(rows)]
    assert official(rows, seed=1) == {0: "train", 1: "val", 2: "test"}


def test_a_patient_in_two_official_parts_is_named_by_number():
    rows = [
        ImageRow("a", "", 0, 17, official="train_val"),
        ImageRow("b", "", 0, 17, official="test"),
    ]
    with pytest.raises(UserError, match=r"1 patient is in two parts .*Patient ID 17\)"):
        official(rows, seed=1)


def test_parts_may_be_spelled_in_several_ways():
    cells = [
        *((1, text) for text in ("train", "Training", " TRAIN ", "")),
        *((2, text) for text in ("val", "valid", "validate", "validation", "dev")),
        *((3, text) for text in ("test", "testing")),
        (4, "  "),
    ]
    assert parts_by_patient(cells, "the column") == {1: "train", 2: "val", 3: "test"}


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ([(1, "train"), (2, "DOE^JANE")], "the column holds something else than train, val and"),
        ([(1, "")], "the column gives none of the set's patients a part"),
        ([], "the column gives none of the set's patients a part"),
        (
            [(1, "train"), (1, "validation")],
            r"1 patient is in two parts of the column \(Patient ID 1\)",
        ),
    ],
)
def test_a_column_that_cannot_be_used(cells: list[tuple[int, str]], message: str):
    with pytest.raises(UserError, match=message) as caught:
        parts_by_patient(cells, "the column")
    assert "DOE" not in str(caught.value)


def test_crossing_patients_are_counted_and_some_named():
    check_no_patient_crosses([(1, "train"), (1, ""), (1, "train"), (2, "test")], "the split")
    pairs = [(patient, part) for patient in range(9, 0, -1) for part in ("train", "test")]
    with pytest.raises(
        UserError, match=r"9 patients are in two parts of the split \(Patient ID 1, 2, 3, 4, 5, …\)"
    ):
        check_no_patient_crosses(pairs, "the split")


def test_all_splits_of_a_set_are_written_and_read(tmp_path: Path):
    rows = [*rows_of(40, official="train_val"), ImageRow("t.png", "", 0, 41, official="test")]
    splits = make_splits(rows, seed=9, main="official")
    assert list(splits.columns) == ["split", *(f"split_{n}" for n in range(1, 6)), "official"]
    assert splits.columns["split"] == splits.columns["official"]
    assert write_splits(tmp_path / "splits.csv", rows, splits) == 81
    lines = (tmp_path / "splits.csv").read_text().splitlines()
    assert (
        lines[0] == "Image Index,Patient ID,split,split_1,split_2,split_3,split_4,split_5,official"
    )
    assert lines[81].startswith("t.png,41,test,")
    images, columns = read_splits(tmp_path / "splits.csv")
    assert columns == tuple(splits.columns)
    for row in rows:
        patient, parts = images[row.image_index]
        assert patient == row.patient
        assert parts == {name: split[patient] for name, split in splits.columns.items()}

    write_lists(tmp_path, rows, splits)
    train_val = (tmp_path / "train_val_list.txt").read_text().splitlines()
    assert train_val == [row.image_index for row in rows[:80]]
    assert (tmp_path / "test_list.txt").read_bytes() == b"t.png\n"


def test_the_main_split_is_the_first_draw_unless_told(tmp_path: Path):
    rows = rows_of(20)
    splits = make_splits(rows, seed=1)
    assert (splits.origin, splits.seed) == ("split_1", 1)
    assert splits.columns["split"] == splits.columns["split_1"]
    assert make_splits(rows, seed=1, main="split_3").columns["split"] == splits.columns["split_3"]
    with pytest.raises(UserError, match="has no official split; it has split_1"):
        make_splits(rows, seed=1, main="official")
    own = make_splits(rows, seed=1, main={1: "train", 2: "test", 999: "val"})
    assert (own.origin, own.columns["split"]) == ("column", {1: "train", 2: "test"})
    write_splits(tmp_path / "splits.csv", rows, own)
    images, _ = read_splits(tmp_path / "splits.csv")
    assert images["00000003_000.png"][1]["split"] == ""
    write_lists(tmp_path, rows, own)
    assert (tmp_path / "train_val_list.txt").read_text().splitlines() == [
        "00000001_000.png",
        "00000001_001.png",
    ]


def test_a_splits_hash_tells_it_from_others():
    splits = make_splits(rows_of(20), seed=1)
    assert splits.digest("split") == splits.digest("split_1") != splits.digest("split_2")
    lines = "".join(f"{p},{part}\n" for p, part in sorted(splits.columns["split_2"].items()))
    assert splits.digest("split_2") == hashlib.sha256(lines.encode()).hexdigest()


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("Image Index,Patient ID,fold\na,1,train\n", "no column 'split'"),
        ("Image Index,Patient ID,split\na,1,train\na,1,train\n", "line 3: 'Image Index' stands"),
        ("Image Index,Patient ID,split\n,1,train\n", "line 2: 'Image Index' is blank"),
        ("Image Index,Patient ID,split\na,one,train\n", "line 2: 'Patient ID' is not a whole"),
        ("Image Index,Patient ID,split\na,1,Train\n", "line 2: a part is none of"),
        ("Image Index,Patient ID,split\na,1\n", "line 2: 2 cells where the header has 3"),
        (
            "Image Index,Patient ID,split,mine\na,1,train,val\nb,1,train,test\n",
            r"two parts of the column 'mine' of splits.csv \(Patient ID 1\)",
        ),
    ],
)
def test_a_damaged_table_of_splits_is_refused(tmp_path: Path, table: str, message: str):
    with pytest.raises(UserError, match=message):
        read_splits(write(tmp_path / "splits.csv", table))


def test_nihs_official_lists(data_dir: Path):
    listed = gzip.decompress((data_dir / "nih" / "train_val_list.txt.gz").read_bytes())
    train_val = set(listed.decode().split())
    rows = [
        ImageRow(
            row.image_index,
            "",
            0,
            row.patient,
            official="train_val" if row.image_index in train_val else "test",
        )
        for row in read_data_entry(data_dir / "nih" / "Data_Entry_2017_v2020.csv.gz")
    ]
    by_patient = official(rows, seed=0)
    assert Counter(by_patient.values()) == {"train": 24_507, "val": 3_501, "test": 2_797}
