from __future__ import annotations

import gzip
import time
from pathlib import Path

import pytest

from cxrmine.dataset.sources.nih import LABELS
from cxrmine.dataset.sources.registry import read_source
from cxrmine.errors import UserError
from made_public_sets import NIH_2017, NIH_2020, image, write

ROWS = """
00000001_000.png,Cardiomegaly,0,1,57,M,PA,2682,2749,0.143,0.144
00000001_001.png,Cardiomegaly|Emphysema,1,1,58,M,AP,2894,2729,0.143,0.143
00000002_000.png,No Finding,0,2,94,F,PA,2500,2048,0.171,0.171
00000003_000.png,Hernia,0,3,81,F,PA,2582,2991,0.143,0.143
"""
BOXES = """Image Index,Finding Label,Bbox [x,y,w,h],,,
00000003_000.png,Infiltrate,225.08,547.01,86.7,79.1
"""
ODD_BOXES = """00000002_000.png,Mass,686.1,131.5,185.4,nan
00000001_000.png,Cardiomegaly,1000,-20,100,520
00000099_000.png,Mass,1,1,100,100
"""


@pytest.fixture
def nih(tmp_path: Path) -> Path:
    write(tmp_path / "Data_Entry_2017_v2020.csv", NIH_2020 + ROWS)
    write(tmp_path / "BBox_List_2017.csv", BOXES)
    write(tmp_path / "train_val_list.txt", "00000001_000.png\n00000001_001.png\n")
    write(tmp_path / "test_list.txt", "00000002_000.png\n00000003_000.png\n")
    return tmp_path


def test_rows_keep_names_and_values(nih: Path) -> None:
    found = read_source("nih", nih, tables_only=True)
    assert [i.image_index for i in found.images] == [
        "00000001_000.png",
        "00000001_001.png",
        "00000002_000.png",
        "00000003_000.png",
    ]
    one = found.images[1]
    assert (one.patient, one.follow_up, one.age, one.sex, one.view) == (1, 1, 58, "M", "AP")
    assert (one.width, one.height, one.spacing_x, one.spacing_y) == (2894, 2729, "0.143", "0.143")
    assert one.finding_labels == "Cardiomegaly|Emphysema"
    assert [name for name, value in one.labels.items() if value == "1"] == [
        "Cardiomegaly",
        "Emphysema",
    ]
    assert tuple(one.labels) == found.label_columns == LABELS
    assert len(LABELS) == 15
    assert set(one.labels.values()) == {"0", "1"}
    normal = found.images[2]
    assert normal.labels["No Finding"] == "1"
    assert normal.age == 90  # 94 in the table
    assert [i.official for i in found.images] == ["train_val", "train_val", "test", "test"]
    assert found.official_split
    assert found.missing == 0
    assert found.problems == ()


def test_boxes(nih: Path) -> None:
    write(nih / "BBox_List_2017.csv", BOXES + ODD_BOXES)
    found = read_source("nih", nih, tables_only=True)
    assert [(box.image_index, box.finding) for box in found.boxes] == [
        ("00000001_000.png", "Cardiomegaly"),
        ("00000003_000.png", "Infiltration"),  # Infiltrate in the list
    ]
    one, two = ((b.x, b.y, b.width, b.height) for b in found.boxes)
    assert one == pytest.approx((1000, 0, 24, 500))  # clipped to the image
    assert two == pytest.approx((225.08, 547.01, 86.7, 79.1))
    assert len(found.problems) == 3
    assert all(p.startswith("1 boxes of BBox_List_2017.csv") for p in found.problems)
    assert sum("(not taken)" in p for p in found.problems) == 2


@pytest.mark.parametrize(
    "folders",
    [
        ("images", "images", "images", "images"),
        ("images_001/images", "images_001/images", "images_002/images", "images_012/images"),
        ("images-224/images-224",) * 4,
        ("data/images_001/images",) * 4,
        ("",) * 4,
    ],
)
@pytest.mark.parametrize("ending", [".png", ".jpg", ".JPG"])
def test_layouts(nih: Path, folders: tuple[str, ...], ending: str) -> None:
    names = ("00000001_000", "00000001_001", "00000002_000", "00000003_000")
    made = [image(nih / f / (n + ending)) for f, n in zip(folders, names, strict=True)]
    found = read_source("nih", nih)
    assert [i.path for i in found.images] == made
    assert found.missing == 0


def test_originals_before_scaled_copies(nih: Path) -> None:
    image(nih / "images_512" / "00000001_000.jpg")
    png = image(nih / "images_1024" / "00000001_000.png")
    other = image(nih / "images_512" / "00000003_000.jpg")
    image(nih / "thumbnails" / "00000002_000.png")  # not a folder of the set
    found = read_source("nih", nih)
    assert [i.path for i in found.images] == [png, None, None, other]
    assert found.missing == 2


def test_table_of_2017(tmp_path: Path) -> None:
    rows = ROWS.replace(",57,", ",057Y,").replace(",81,", ",414Y,").replace("\n0", ",\n0")
    write(tmp_path / "Data_Entry_2017.csv.gz", NIH_2017 + rows.rstrip() + ",\n")
    found = read_source("nih", tmp_path, tables_only=True)
    assert [i.age for i in found.images] == [57, 58, 90, None]
    assert not found.official_split
    assert [i.official for i in found.images] == [""] * 4
    assert any("no split" in p for p in found.problems)


def test_version_of_2020_wins_however_deep(nih: Path) -> None:
    (nih / "Data_Entry_2017_v2020.csv").rename(nih / "old.csv")
    write(nih / "Data_Entry_2017.csv", NIH_2020 + "\n00000009_000.png,Mass,0,9,5,M,PA,1,1,1,1\n")
    write(nih / "PA" / "deeper" / "data_entry_2017_V2020.csv.gz", NIH_2020 + ROWS)
    found = read_source("nih", nih, tables_only=True)
    assert len(found.images) == 4


def test_one_list_says_the_other(nih: Path) -> None:
    (nih / "test_list.txt").unlink()
    (nih / "train_val_list.txt").unlink()
    text = gzip.compress(b"00000001_000.png\r\n00000001_001.png\r\n00000099_000.png\r\n")
    (nih / "train_val_list_NIH.txt.gz").write_bytes(text)
    found = read_source("nih", nih, tables_only=True)
    assert [i.official for i in found.images] == ["train_val", "train_val", "test", "test"]
    (problem,) = found.problems
    assert problem.startswith("1 images of train_val_list_NIH.txt.gz are not")


def test_image_in_neither_list(nih: Path) -> None:
    write(nih / "test_list.txt", "00000003_000.png\n")
    found = read_source("nih", nih, tables_only=True)
    assert [i.official for i in found.images] == ["train_val", "train_val", "", "test"]
    assert any(p.startswith("1 images stand neither") for p in found.problems)


def test_image_in_both_lists(nih: Path) -> None:
    write(nih / "test_list.txt", "00000001_001.png\n00000003_000.png\n")
    with pytest.raises(UserError, match="1 images of ChestX-ray14 stand in both"):
        read_source("nih", nih)


def test_blank_and_unknown_findings(tmp_path: Path) -> None:
    rows = "\n7_000.png,,0,7,5,M,PA,1,1,1,1\n7_001.png,Mass|Situs inversus,1,7,6,M,,1,1,1,1\n"
    write(tmp_path / "Data_Entry_2017.csv", NIH_2020 + rows)
    blank, odd = (found := read_source("nih", tmp_path, tables_only=True)).images
    assert (blank.finding_labels, dict(blank.labels)) == ("", {})  # unlabelled is not normal
    assert odd.finding_labels == "Mass|Situs inversus"
    assert [name for name, value in odd.labels.items() if value == "1"] == ["Mass"]
    assert any(
        p.startswith("1 images have a finding that is none of the 14") for p in found.problems
    )


def test_two_copies_are_not_mixed(nih: Path) -> None:
    (nih / "Data_Entry_2017_v2020.csv").unlink()
    for name in ("a", "b"):
        write(nih / name / "Data_Entry_2017_v2020.csv", NIH_2020 + ROWS)
    with pytest.raises(UserError, match="in 2 of its folders"):
        read_source("nih", nih)


def test_real_set(data_dir: Path) -> None:
    """The real table, lists and boxes as they were downloaded, with some of the images."""
    folder = data_dir / "nih"
    if not (folder / "Data_Entry_2017_v2020.csv.gz").exists():
        pytest.skip("no ChestX-ray14 in the real data")
    start = time.process_time()
    found = read_source("nih", folder)
    seconds = time.process_time() - start
    assert len(found.images) == 112_120
    assert len({i.patient for i in found.images}) == 30_805
    assert (len(found.boxes), len({b.image_index for b in found.boxes})) == (984, 880)
    assert {b.finding for b in found.boxes} <= set(LABELS)
    parts = [i.official for i in found.images]
    assert (parts.count("train_val"), parts.count("test")) == (86_524, 25_596)
    train = {i.patient for i in found.images if i.official == "train_val"}
    assert not train & {i.patient for i in found.images if i.official == "test"}
    present = [i for i in found.images if i.path is not None]
    assert len(present) == 1_189
    assert found.missing == 112_120 - 1_189
    assert sum(i.path is not None and i.path.suffix == ".png" for i in present) == 60
    (problem,) = found.problems
    assert problem.startswith("110,931 of the 112,120 images")
    assert seconds < 10, "an import of the tables shall take seconds"
