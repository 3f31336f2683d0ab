"""Public sets, made small, all the way into one layout."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

pytest.importorskip("cv2", reason="the extra [dicom] is not installed")

from cxrmine.dataset.build import Outcome, build
from cxrmine.dataset.read import read_dataset
from cxrmine.dataset.settings import BuildSettings
from cxrmine.errors import UserError
from cxrmine.runs.progress import Lines
from made_public_sets import (
    CHEXPERT_HEADER,
    chexpert_row,
    image,
    mimic_row,
    mimic_set,
    openi_report,
    table,
    write,
)


def run(settings: BuildSettings, out: Path, **options: object) -> Outcome:
    return build(settings, out, progress=Lines, **options)


def everything_in(out: Path) -> bytes:
    return b"\n".join(
        str(path).encode() + path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()
    )


@pytest.fixture
def mimic(tmp_path: Path) -> Path:
    rows = [
        mimic_row("aaaa1111-0", 10000032, 50000002, "PA"),
        mimic_row("bbbb2222-0", 10000032, 50000002, "LATERAL"),
        mimic_row("cccc3333-0", 10000032, 50000009, "AP", date="21800901"),
        mimic_row("dddd4444-0", 19999999, 59999999, "AP"),
    ]
    parts = [[row[0], row[2], row[1], "train"] for row in rows[:3]]
    parts.append([rows[3][0], rows[3][2], rows[3][1], "test"])
    return mimic_set(tmp_path / "mimic", rows, split=parts)


def test_mimic_by_the_labels_of_its_reports(mimic: Path, tmp_path: Path) -> None:
    labels = write(
        tmp_path / "labels.csv",
        "report_id,Mass,No Finding\ns50000002,1,0\n50000009,0,1\ns51111111,1,0\n",
    )
    out = tmp_path / "set"
    outcome = run(BuildSettings((mimic,), source="mimic-cxr-jpg", labels=labels), out)
    assert outcome.record["counts"]["set_aside"] == 1
    dataset = read_dataset(out, check_images=True)
    assert [row.finding_labels for row in dataset.rows] == ["Mass", "No Finding", ""]
    assert [row.follow_up for row in dataset.rows] == [0, 1, 0]
    assert dataset.parts == ("train", "train", "test")  # the set's own
    public = everything_in(out)
    for secret in (b"aaaa1111", b"cccc3333", b"50000002", b"50000009", b"59999999", b"2180"):
        assert secret not in public
    with (tmp_path / "set-key" / "set.files.csv").open(newline="") as handle:
        private = list(csv.DictReader(handle))
    assert {"aaaa1111-0" in row["identifiers"] for row in private} == {True, False}
    assert [bool(row["Image Index"]) for row in private] == [True, True, True, False]


def test_a_column_of_the_links_splits(mimic: Path, tmp_path: Path) -> None:
    links = write(
        tmp_path / "links.csv",
        "report_id,image,fold\nr1,aaaa1111-0,test\nr2,cccc3333-0,test\nr3,dddd4444-0,train\n",
    )
    labels = write(tmp_path / "labels.csv", "report_id,Mass\nr1,1\nr3,0\n")
    settings = BuildSettings(
        (mimic,), source="mimic-cxr-jpg", labels=labels, links=links, split="fold"
    )
    out = tmp_path / "set"
    run(settings, out)
    dataset = read_dataset(out)
    assert dataset.parts == ("test", "test", "train")
    assert [row.finding_labels for row in dataset.rows] == ["Mass", "", ""]
    assert (out / "test_list.txt").read_text().splitlines() == [
        row.image_index for row in dataset.part("test")
    ]
    write(links, links.read_text().replace("r2,cccc3333-0,test", "r2,cccc3333-0,train"))
    with pytest.raises(UserError, match="two parts"):
        run(settings, tmp_path / "other")


def test_chexpert_by_its_own_labels(tmp_path: Path) -> None:
    prefix = "CheXpert-v1.0-small"
    rows = [
        chexpert_row(f"{prefix}/train/patient00007/study1/view1_frontal.jpg", Edema="1.0"),
        chexpert_row(f"{prefix}/train/patient00007/study1/view2_lateral.jpg", Edema="1.0"),
        chexpert_row(f"{prefix}/train/patient00009/study1/view1_frontal.jpg", Fracture="-1.0"),
    ]
    root = tmp_path / prefix
    write(root / "train.csv", table(CHEXPERT_HEADER, rows))
    for row in rows:
        image(root / str(row[0]).removeprefix(f"{prefix}/"))
    out = tmp_path / "set"
    run(BuildSettings((root,), source="chexpert", layouts=("chexpert",)), out)
    dataset = read_dataset(out, check_images=True)
    assert [(row.patient, row.finding_labels) for row in dataset.rows] == [(7, "Edema"), (9, "")]
    assert dataset.rows[1].labels["Fracture"] == "-1"
    with (out / "train.csv").open(newline="") as handle:
        again = list(csv.DictReader(handle))
    assert [row["Fracture"] for row in again] == ["", "-1.0"]


def test_openi_by_the_labels_of_its_reports(tmp_path: Path) -> None:
    root = tmp_path / "openi"
    openi_report(root, 3, "CXR3_IM-1384-1001", "CXR3_IM-1384-2001")
    openi_report(root, 8, "CXR8_IM-2333-1001")
    for name in ("CXR3_IM-1384-1001", "CXR3_IM-1384-2001", "CXR8_IM-2333-1001"):
        image(root / "NLMCXR_png" / f"{name}.png")
    labels = write(tmp_path / "labels.csv", "report_id,Mass,No Finding\nCXR3,1,0\nCXR8,0,1\n")
    out = tmp_path / "set"
    run(BuildSettings((root,), source="openi", labels=labels), out)
    rows = read_dataset(out, check_images=True).rows
    assert [(row.patient, row.finding_labels) for row in rows] == [
        (3, "Mass"),
        (3, "Mass"),
        (8, "No Finding"),
    ]


def test_a_damaged_image_fails_alone(mimic: Path, tmp_path: Path) -> None:
    damaged = next(mimic.rglob("cccc3333-0.jpg"))
    damaged.write_bytes(damaged.read_bytes()[:60])
    out = tmp_path / "set"
    outcome = run(BuildSettings((mimic,), source="mimic-cxr-jpg"), out)
    assert outcome.record["counts"]["failures"] == 1
    assert len(read_dataset(out, check_images=True).rows) == 2


def test_the_whole_table_of_chestxray14_without_images(data_dir: Path, tmp_path: Path) -> None:
    out = tmp_path / "set"
    run(BuildSettings((data_dir / "nih",), source="nih", tables_only=True), out)
    assert not (out / "images").exists()
    dataset = read_dataset(out)
    assert len(dataset.rows) == 112_120
    assert len(dataset.boxes) == 984
    assert len(dataset.part("test")) == 25_596
    assert "Baltruschat et al. 2019" in (out / "dataset_card.md").read_text(encoding="utf-8")


def test_tables_alone_can_be_joined_to_the_source_s_images(mimic: Path, tmp_path: Path) -> None:
    out = tmp_path / "set"
    run(BuildSettings((mimic,), source="mimic-cxr-jpg", tables_only=True), out)
    with (tmp_path / "set-key" / "set.files.csv").open(newline="") as handle:
        named = {r["Image Index"]: r["identifiers"] for r in csv.DictReader(handle)}
    for row in read_dataset(out).rows:
        assert "dicom_id=" in named[row.image_index]
