from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from cxrmine.dataset.sources.openi import image_key
from cxrmine.dataset.sources.registry import read_source
from cxrmine.errors import UserError
from cxrmine.reports.readers import read_reports
from made_public_sets import image, openi_report, table, write

IMAGES = {
    1: ("CXR1_1_IM-0001-3001", "CXR1_1_IM-0001-4001"),
    2: ("CXR2_IM-0652-1001", "CXR2_IM-0652-2001"),
    1538: ("CXR1538_IM-0348-1001-0002", "CXR1538_IM-0348-1001-0010", "CXR1538_IM-0348-1001-0001"),
}
PROJECTIONS = [
    ["1", "1_IM-0001-3001.dcm.png", "Lateral"],
    ["1", "1_IM-0001-4001.dcm.png", "Frontal"],
    ["2", "2_IM-0652-1001.dcm.png", "Frontal"],
    ["2", "2_IM-0652-2001.dcm.png", "Lateral"],
    ["1538", "1538_IM-0348-1001-0001.dcm.png", "Frontal"],
    ["1538", "1538_IM-0348-1001-0002.dcm.png", "Frontal"],
    ["1538", "1538_IM-0348-1001-0010.dcm.png", "Lateral"],
]
HEADER = ["uid", "filename", "projection"]


@pytest.fixture
def openi(tmp_path: Path) -> Path:
    """Write the set as its two archives unpack."""
    for number, names in IMAGES.items():
        openi_report(tmp_path, number, *names)
        for name in names:
            image(tmp_path / "NLMCXR_png" / f"{name}.png")
    return tmp_path


def test_images_of_reports(openi: Path) -> None:
    found = read_source("openi", openi)
    assert [(i.image_index, i.path and i.path.name) for i in found.images] == [
        ("00000001_000.png", "CXR1_1_IM-0001-3001.png"),
        ("00000001_001.png", "CXR1_1_IM-0001-4001.png"),
        ("00000002_000.png", "CXR2_IM-0652-1001.png"),
        ("00000002_001.png", "CXR2_IM-0652-2001.png"),
        ("00001538_000.png", "CXR1538_IM-0348-1001-0001.png"),
        ("00001538_001.png", "CXR1538_IM-0348-1001-0002.png"),
        ("00001538_002.png", "CXR1538_IM-0348-1001-0010.png"),
    ]
    assert [i.patient for i in found.images] == [1, 1, 2, 2, 1538, 1538, 1538]
    assert {i.view_confidence for i in found.images} == {"unknown"}
    assert {(i.view, i.finding_labels, i.official) for i in found.images} == {("", "", "")}
    assert found.label_columns == ()
    assert not found.official_split
    assert found.missing == 0
    (problem,) = found.problems
    assert "whether 7 images are frontal or lateral" in problem
    assert "indiana_projections.csv" in problem


def test_report_ids_are_those_of_the_reader(openi: Path) -> None:
    """Labels that mine-labels makes of these reports can be joined."""
    reports = {r.report_id for r in read_reports([openi / "ecgen-radiology"], on_problem=print)}
    found = read_source("openi", openi)
    assert {i.report_ids[0] for i in found.images} == reports == {"CXR1", "CXR2", "CXR1538"}


def test_projections_set_laterals_aside_and_rename_nothing(openi: Path) -> None:
    before = {i.private["image_id"]: i.image_index for i in read_source("openi", openi).images}
    write(openi / "indiana_projections.csv", table(HEADER, PROJECTIONS))
    found = read_source("openi", openi)
    assert [i.image_index for i in found.images] == [
        "00000001_001.png",
        "00000002_000.png",
        "00001538_000.png",
        "00001538_001.png",
    ]
    assert {i.private["image_id"]: i.image_index for i in found.images}.items() <= before.items()
    assert {i.view_confidence for i in found.images} == {"stated"}
    assert [(a.cause, a.patient) for a in found.set_aside] == [
        ("lateral view", 1),
        ("lateral view", 2),
        ("lateral view", 1538),
    ]
    assert found.problems == ()


def test_copy_of_kaggle(tmp_path: Path) -> None:
    write(tmp_path / "indiana_projections.csv", table(HEADER, PROJECTIONS))
    write(tmp_path / "indiana_reports.csv", "uid,MeSH\n1,normal\n")
    png = image(tmp_path / "images" / "images_normalized" / "1_IM-0001-4001.dcm.png")
    found = read_source("openi", tmp_path)
    assert len(found.images) == 4
    assert found.images[0].path == png
    assert found.images[0].report_ids == ("CXR1", "1")
    assert found.missing == 3


def test_reports_in_their_archive(openi: Path) -> None:
    with tarfile.open(openi / "NLMCXR_reports.tgz", "w:gz") as archive:
        archive.add(openi / "ecgen-radiology", "ecgen-radiology")
    for path in (openi / "ecgen-radiology").iterdir():
        path.unlink()
    (openi / "NLMCXR_png" / "CXR2_IM-0652-1001.png").unlink()
    found = read_source("openi", openi)
    assert len(found.images) == 7
    assert found.missing == 1
    assert found.images[3].image_index == "00000002_001.png"


def test_images_alone(tmp_path: Path) -> None:
    for name in ("CXR7_IM-1-1001.png", "CXR3_IM-1-1001.jpg", "logo.png"):
        image(tmp_path / name)
    found = read_source("openi", tmp_path)
    assert [i.image_index for i in found.images] == ["00000003_000.png", "00000007_000.png"]


def test_damaged_reports_are_told(openi: Path) -> None:
    write(openi / "NLMCXR_reports.tgz", "no archive")
    found = read_source("openi", openi)
    assert len(found.images) == 7
    assert any(p.startswith("1 reports or archives of them cannot be read") for p in found.problems)


def test_entities_are_never_expanded(openi: Path) -> None:
    write(
        openi / "ecgen-radiology" / "9.xml",
        '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>\n'
        '<eCitation><parentImage id="&a;"/><parentImage id="CXR9_IM-9-9"/></eCitation>',
    )
    found = read_source("openi", openi)
    assert [i.private["image_id"] for i in found.images if i.patient == 9] == ["9_IM-9-9"]


def test_not_unpacked(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"name the folder in which NLMCXR_png.tgz was unpacked"):
        read_source("openi", tmp_path)
    write(tmp_path / "NLMCXR_png.tgz", "x")
    with pytest.raises(UserError, match=r"unpack NLMCXR_png.tgz in it"):
        read_source("openi", tmp_path)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (["1", "1_IM-0001-3001.dcm.png", "Oblique"], "line 2: 'projection' is neither"),
        (["1", "photo.png", "Frontal"], "line 2: 'filename' is no image of the set"),
    ],
)
def test_odd_projections(openi: Path, row: list[str], message: str) -> None:
    write(openi / "indiana_projections.csv", table(HEADER, [row]))
    with pytest.raises(UserError, match=message):
        read_source("openi", openi)


def test_real_reports(data_dir: Path) -> None:
    """The names of images in the real reports all have the form that the reader knows."""
    folder = data_dir / "openi"
    if not (folder / "NLMCXR_reports_dev.tgz").exists():
        pytest.skip("no Open-i reports in the real data")
    found = read_source("openi", folder, tables_only=True)
    assert len(found.images) == 3_791
    assert all(image_key(i.private["image_id"]) == i.private["image_id"] for i in found.images)
    reports = {
        r.report_id
        for r in read_reports([folder / "NLMCXR_reports_dev.tgz"], on_problem=lambda problem: None)
    }
    assert {i.report_ids[0] for i in found.images} <= reports
