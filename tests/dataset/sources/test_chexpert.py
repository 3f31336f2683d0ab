from __future__ import annotations

import time
from pathlib import Path

import pytest

from cxrmine.dataset.sources.registry import read_source
from cxrmine.errors import UserError
from made_public_sets import (
    CHEXPERT_HEADER,
    OBSERVATIONS,
    chexpert_labels,
    chexpert_row,
    image,
    table,
    write,
)

FRONTAL = "view1_frontal.jpg"


def tree(root: Path, prefix: str = "CheXpert-v1.0") -> Path:
    """Write a CheXpert of three patients with its images as ``train/`` and ``valid/``."""
    train = [
        chexpert_row(
            f"{prefix}/train/patient00002/study2/view1_frontal.jpg",
            sex="Male",
            age="87",
            Lung_Opacity="-1.0",
            Edema="1.0",
            Pneumothorax="0.0",
        ),
        chexpert_row(f"{prefix}/train/patient00002/study1/view1_frontal.jpg", view="PA"),
        chexpert_row(f"{prefix}/train/patient00002/study1/view2_lateral.jpg"),
        chexpert_row(
            f"{prefix}/train/patient00001/study1/view1_frontal.jpg",
            age="68",
            No_Finding="1.0",
            Support_Devices="1.0",
        ),
        chexpert_row(f"{prefix}/train/patient00002/study1/view10_frontal.jpg", No_Finding="1.0"),
    ]
    valid = [chexpert_row(f"{prefix}/valid/patient64541/study1/view1_frontal.jpg", age="73")]
    write(root / "train.csv", table(CHEXPERT_HEADER, train))
    write(root / "valid.csv", table(CHEXPERT_HEADER, valid))
    for row in (*train, *valid):
        image(root / row[0].removeprefix(f"{prefix}/"))
    return root


def test_images_in_order_of_studies(tmp_path: Path) -> None:
    found = read_source("chexpert", tree(tmp_path))
    assert [(i.image_index, i.follow_up, i.official) for i in found.images] == [
        ("00000001_000.png", 0, "train"),
        ("00000002_000.png", 0, "train"),
        ("00000002_001.png", 0, "train"),
        ("00000002_002.png", 1, "train"),
        ("00064541_000.png", 0, "val"),
    ]
    assert [i.path and i.path.name for i in found.images] == [
        FRONTAL, FRONTAL, "view10_frontal.jpg", FRONTAL, FRONTAL,
    ]  # fmt: skip
    assert found.images[3].path == tmp_path / "train" / "patient00002" / "study2" / FRONTAL
    assert len({i.study for i in found.images}) == 4
    (lateral,) = found.set_aside
    assert (lateral.cause, lateral.patient) == ("lateral view", 2)
    assert lateral.path == tmp_path / "train" / "patient00002" / "study1" / "view2_lateral.jpg"
    assert found.missing == 0
    assert found.official_split
    assert found.problems == ()


def test_values(tmp_path: Path) -> None:
    one, two, _, four, _ = read_source("chexpert", tree(tmp_path), tables_only=True).images
    assert (two.view, two.sex, two.age) == ("PA", "F", 61)
    assert (four.view, four.sex, four.age) == ("AP", "M", 87)
    assert tuple(four.labels) == tuple(OBSERVATIONS)
    assert {name: value for name, value in four.labels.items() if value} == {
        "Lung Opacity": "-1",
        "Edema": "1",
        "Pneumothorax": "0",
    }
    assert four.finding_labels == "Edema"  # an uncertain finding is none
    assert two.finding_labels == ""  # nothing said is not normal
    assert one.finding_labels == "Support Devices"
    assert one.labels["No Finding"] == "1"
    assert all(i.path is None for i in (one, two, four))
    assert two.report_ids == ()


@pytest.mark.parametrize("ending", [".csv", ".csv.gz"])
def test_small_variant_one_folder_above(tmp_path: Path, ending: str) -> None:
    root = tree(tmp_path / "CheXpert-v1.0-small", "CheXpert-v1.0-small")
    if ending == ".csv.gz":
        for name in ("train.csv", "valid.csv"):
            write(root / (name + ".gz"), (root / name).read_text())
            (root / name).unlink()
    found = read_source("chexpert", tmp_path)
    assert len(found.images) == 5
    assert found.missing == 0


def test_batches_of_the_aimi_download(tmp_path: Path) -> None:
    root = tree(tmp_path)
    first, second = "CheXpert-v1.0 batch 1 (validate & csv)", "CheXpert-v1.0 batch 2 (train 1)"
    fourth = "CheXpert-v1.0 batch 4 (train 3)"
    for name in (first, second, fourth):
        (root / name).mkdir()
    for name in ("train.csv", "valid.csv", "valid"):
        (root / name).rename(root / first / name)
    write(root / first / "train_visualCheXbert.csv", "Path\n")  # comes with it, not read
    (root / "train" / "patient00001").rename(root / second / "patient00001")
    (root / "train" / "patient00002").rename(root / fourth / "patient00002")
    found = read_source("chexpert", root)
    assert found.missing == 0
    assert found.images[0].path == root / second / "patient00001" / "study1" / FRONTAL
    assert found.images[4].path == root / first / "valid" / "patient64541" / "study1" / FRONTAL


def test_png_in_place_of_jpeg_and_missing_images(tmp_path: Path) -> None:
    root = tree(tmp_path)
    study = root / "train" / "patient00001" / "study1"
    (study / FRONTAL).unlink()
    png = image(study / "view1_frontal.png")
    (root / "valid" / "patient64541" / "study1" / FRONTAL).unlink()
    found = read_source("chexpert", root)
    assert found.images[0].path == png
    assert found.images[4].path is None
    assert found.missing == 1
    # Names come from the tables, so a missing image changes no name.
    assert found.images[4].image_index == "00064541_000.png"


def test_test_set_of_chexlocalize(tmp_path: Path) -> None:
    path = "patient64741/study1"
    rows = [
        [f"test/{path}/view1_frontal.jpg", *chexpert_labels(Edema="1.0")],
        [f"test/{path}/view2_lateral.jpg", *chexpert_labels(Edema="1.0")],
    ]
    write(tmp_path / "CheXpert" / "test_labels.csv", table(["Path", *OBSERVATIONS], rows))
    jpg = image(tmp_path / "CheXpert" / "test" / path / "view1_frontal.jpg")
    found = read_source("chexpert", tmp_path)
    (one,) = found.images
    assert (one.path, one.official, one.finding_labels) == (jpg, "test", "Edema")
    assert (one.age, one.sex, one.view, one.view_confidence) == (None, "", "", "stated")
    assert len(found.set_aside) == 1


def test_ground_truth_by_study(tmp_path: Path) -> None:
    rows = [
        ["CheXpert-v1.0/test/patient64741/study1", *chexpert_labels(No_Finding="1")],
        ["CheXpert-v1.0/test/patient64742/study1", *chexpert_labels(Fracture="1")],
    ]
    write(tmp_path / "groundtruth.csv", table(["Study", *OBSERVATIONS], rows))
    for name in ("view1_frontal.jpg", "view2_lateral.jpg", "view3_frontal.jpg", "notes.txt"):
        place = tmp_path / "test" / "patient64741" / "study1" / name
        image(place) if name.endswith("jpg") else write(place, "-")
    found = read_source("chexpert", tmp_path)
    assert [(i.image_index, i.finding_labels, i.path is None) for i in found.images] == [
        ("00064741_000.png", "No Finding", False),
        ("00064741_001.png", "No Finding", False),
        ("00064742_000.png", "Fracture", True),
    ]
    assert len(found.set_aside) == 1
    assert found.missing == 1


def test_contradicting_view_is_kept_and_told(tmp_path: Path) -> None:
    rows = [chexpert_row("CheXpert-v1.0/train/patient00001/study1/view1_frontal.jpg", view="LL")]
    write(tmp_path / "train.csv", table(CHEXPERT_HEADER, rows))
    found = read_source("chexpert", tmp_path, tables_only=True)
    (one,) = found.images
    assert (one.view, one.view_confidence) == ("", "unknown")
    assert any(p.startswith("1 images are called frontal") for p in found.problems)


def test_odd_rows(tmp_path: Path) -> None:
    name = "CheXpert-v1.0/train/patient0000{}/study1/view1_frontal.jpg"
    rows = [
        chexpert_row(name.format(1), sex="Unknown", age="0"),
        chexpert_row(name.format(2), age="95"),
        chexpert_row(name.format(3), age="", Edema="yes"),
        chexpert_row(name.format(3), age="5", Edema="1.0"),
    ]
    write(tmp_path / "train.csv", table(CHEXPERT_HEADER, rows))
    found = read_source("chexpert", tmp_path, tables_only=True)
    assert [(i.age, i.sex) for i in found.images] == [(None, ""), (90, "F"), (None, "F")]
    assert found.images[2].labels["Edema"] == ""
    assert [p.split(";")[0] for p in found.problems] == [
        "1 images stand in the tables twice",
        "1 label cells are neither 1, 0, -1 nor blank",
    ]


def test_broken_tables(tmp_path: Path) -> None:
    path = write(tmp_path / "train.csv", table(["Path", "Sex"], [["x", "Male"]]))
    with pytest.raises(UserError, match=r"train.csv of CheXpert has no column 'No Finding'"):
        read_source("chexpert", tmp_path)
    rows = [chexpert_row("train/somebody/view1_frontal.jpg")]
    write(path, table(CHEXPERT_HEADER, rows))
    with pytest.raises(UserError, match=r"train.csv of CheXpert, line 2: .*patient") as caught:
        read_source("chexpert", tmp_path)
    assert "somebody" not in str(caught.value)


def test_no_chexpert_here(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"is no folder of CheXpert: it has no train.csv"):
        read_source("chexpert", tmp_path)


def test_many_rows(tmp_path: Path) -> None:
    """A tenth of the real ``train.csv``, which takes some five seconds."""
    rows = [
        chexpert_row(
            f"CheXpert-v1.0/train/patient{1 + n // 3:05d}/study{1 + n % 3}/view1_frontal.jpg",
            Edema=("", "1.0", "-1.0")[n % 3],
        )
        for n in range(22_341)
    ]
    write(tmp_path / "train.csv", table(CHEXPERT_HEADER, rows))
    start = time.process_time()
    found = read_source("chexpert", tmp_path, tables_only=True)
    assert time.process_time() - start < 5
    assert len({i.image_index for i in found.images}) == len(found.images) == 22_341
    assert len({id(i.labels) for i in found.images}) == 3, "equal rows shall share their labels"


def test_real_test_set(data_dir: Path) -> None:
    folder = data_dir / "chexpert_test"
    if not folder.is_dir():
        pytest.skip("no CheXpert test set in the real data")
    found = read_source("chexpert", folder, tables_only=True)
    assert len(found.images) == len({i.patient for i in found.images}) == 500
    assert {i.official for i in found.images} == {"test"}
    assert all(set(i.labels.values()) <= {"0", "1"} for i in found.images)
    assert sum(i.labels["No Finding"] == "1" for i in found.images) > 0
