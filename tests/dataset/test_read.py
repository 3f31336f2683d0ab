"""Reading a data set: everything comes back, and nothing that disagrees passes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from cxrmine.dataset.boxes import write_box_list
from cxrmine.dataset.data_entry import write_data_entry, write_labels
from cxrmine.dataset.model import Box, ImageRow
from cxrmine.dataset.read import read_dataset
from cxrmine.dataset.splits import make_splits, write_splits
from cxrmine.errors import UserError

ROWS = [
    ImageRow(
        f"{patient:08d}_{image:03d}.png",
        "Mass" if image else "",
        image,
        patient,
        40 + patient,
        "F",
        "PA",
        labels={"Mass": "1", "Edema": "-1"} if image else {},
        official="test" if patient > 8 else "train_val",
    )
    for patient in range(1, 11)
    for image in range(2)
]
BOXES = [Box("00000002_001.png", "Mass", 1.5, 2, 3, 4)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "set"
    (place / "images").mkdir(parents=True)
    for row in ROWS:
        (place / "images" / row.image_index).write_bytes(b"")
    write_data_entry(place / "Data_Entry.csv", ROWS)
    write_labels(place / "labels.csv", ROWS)
    write_splits(place / "splits.csv", ROWS, make_splits(ROWS, seed=4))
    write_box_list(place / "BBox_List.csv", BOXES)
    return place


def test_a_data_set_comes_back(folder: Path):
    dataset = read_dataset(folder, check_images=True)
    splits = make_splits(ROWS, seed=4)
    assert dataset.rows == tuple(
        replace(row, official=splits.columns["official"][row.patient]) for row in ROWS
    )
    assert dataset.label_columns == ("Mass", "Edema")
    assert dataset.boxes == tuple(BOXES)
    assert dataset.split_columns == tuple(splits.columns)
    assert dataset.parts == tuple(splits.columns["split_1"][row.patient] for row in ROWS)
    train, rest = dataset.part("train"), dataset.part("val", "test")
    assert (len(train), len(rest)) == (14, 6)
    assert not {row.patient for row in train} & {row.patient for row in rest}
    assert dataset.image_path(train[0]).is_file()
    with pytest.raises(ValueError, match="no part 'training'"):
        dataset.part("training")


def test_another_split_can_be_asked_for(folder: Path):
    dataset = read_dataset(folder, split="official")
    assert {row.patient for row in dataset.part("test")} == {9, 10}
    with pytest.raises(UserError, match=r"no column 'split_9'; it has split, split_1, "):
        read_dataset(folder, split="split_9")


def test_labels_and_boxes_may_be_absent(folder: Path):
    (folder / "labels.csv").unlink()
    (folder / "BBox_List.csv").unlink()
    dataset = read_dataset(str(folder))
    assert (dataset.label_columns, dataset.boxes) == ((), ())
    assert all(row.labels == {} for row in dataset.rows)


def change(name: str, old: str, new: str) -> Callable[[Path], None]:
    def do(folder: Path) -> None:
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new))

    return do


def drop(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def cross(folder: Path) -> None:
    lines = (folder / "splits.csv").read_text().splitlines()
    cells = lines[3].split(",")
    cells[2] = "val" if cells[2] != "val" else "test"
    lines[3] = ",".join(cells)
    (folder / "splits.csv").write_text("\n".join(lines) + "\n")


def lose_line(folder: Path) -> None:
    lines = (folder / "splits.csv").read_text().splitlines()
    (folder / "splits.csv").write_text("\n".join(lines[:-1]) + "\n")


def spare_image(folder: Path) -> None:
    (folder / "images" / "00000099_000.png").write_bytes(b"")


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (drop("Data_Entry.csv"), r"has no Data_Entry\.csv"),
        (drop("splits.csv"), r"has no splits\.csv"),
        (cross, r"1 patient is in two parts of the column 'split' of splits.csv \(Patient ID 2\)"),
        (lose_line, r"Data_Entry\.csv has 1 image that splits\.csv lacks .*00000010_001\.png"),
        (
            change("Data_Entry.csv", "00000010_001.png", "00000012_001.png"),
            r"Data_Entry\.csv has 1 image that splits\.csv lacks",
        ),
        (
            change("splits.csv", "00000010_001.png,10,", "00000010_001.png,11,"),
            "give 00000010_001.png to different patients",
        ),
        (
            change("labels.csv", "00000010_001.png", "00000012_001.png"),
            r"labels\.csv has 1 image that Data_Entry\.csv lacks",
        ),
        (
            change("BBox_List.csv", "00000002_001.png", "00000012_001.png"),
            r"BBox_List\.csv has 1 image that Data_Entry\.csv lacks",
        ),
        (change("BBox_List.csv", "1.5,2,3,4", "1.5,2,0,4"), r"BBox_List\.csv, line 2: the width"),
        (
            drop("images/00000010_001.png"),
            r"Data_Entry\.csv has 1 image that images/ lacks .*00000010_001",
        ),
        (spare_image, r"images/ has 1 image that Data_Entry\.csv lacks .*00000099_000"),
    ],
)
def test_what_disagrees_is_refused(folder: Path, harm: Callable[[Path], None], message: str):
    read_dataset(folder, check_images=True)
    harm(folder)
    with pytest.raises(UserError, match=message):
        read_dataset(folder, check_images=True)


def test_images_are_not_looked_at_unless_asked(folder: Path):
    for file in (folder / "images").iterdir():
        file.unlink()
    (folder / "images").rmdir()
    assert len(read_dataset(folder).rows) == 20
    with pytest.raises(UserError, match="no folder 'images'"):
        read_dataset(folder, check_images=True)


def test_a_folder_that_does_not_exist(tmp_path: Path):
    with pytest.raises(UserError, match="is no folder"):
        read_dataset(tmp_path / "nothing")


def test_a_machine_that_trains_needs_none_of_the_rest(folder: Path):
    """Neither DICOM, nor OpenCV, nor the labeler's packages, nor NumPy."""
    code = """
import sys
barred = "pydicom cv2 pydantic defusedxml spacy pyarrow numpy torch matplotlib yaml".split()
for name in barred:
    sys.modules[name] = None
from cxrmine.dataset import boxes, chexpert_layout, coco, data_entry, manifest, read, splits
print(len(read.read_dataset(sys.argv[1]).rows))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, "20"), done.stderr
