from __future__ import annotations

import dataclasses
import time
from pathlib import Path

import pytest

from cxrmine.dataset.sources.registry import read_source
from cxrmine.errors import UserError
from made_public_sets import OBSERVATIONS, image, mimic_row, mimic_set, table, write

ROWS = [
    # The later study has the smaller number: dates decide.
    mimic_row("ffff-1", 10000032, 50000002, "PA", date="21800626", time="164500.0"),
    mimic_row("bbbb-1", 10000032, 50000009, "AP", date="21800506", time="213014.5"),
    mimic_row("aaaa-1", 10000032, 50000009, "LATERAL", date="21800506", time="213014.5"),
    mimic_row("aaaa-2", 10000032, 50000009, "AP", date="21800506", time="213020.1"),
    mimic_row("cccc-1", 19999999, 59999999, "LL", date="21500101"),
    mimic_row("cccc-2", 19999999, 59999999, "", date="21500101", meaning="postero-anterior"),
]


def cells(**values: str) -> list[str]:
    """Return label cells in the set's alphabetical order."""
    given = {name.replace("_", " "): value for name, value in values.items()}
    assert given.keys() <= set(OBSERVATIONS)
    return [given.get(name, "") for name in sorted(OBSERVATIONS)]


@pytest.fixture
def mimic(tmp_path: Path) -> Path:
    return mimic_set(
        tmp_path,
        ROWS,
        labels=[
            [10000032, 50000009, *cells(Edema="1.0", Pneumonia="-1.0", Fracture="0.0")],
            [10000032, 50000002, *cells(No_Finding="1.0")],
        ],
        split=[
            *([row[0], row[2], row[1], "train"] for row in ROWS[:4]),
            *([row[0], row[2], row[1], "validate"] for row in ROWS[4:]),
        ],
        patients=[
            [10000032, "F", 52, 2180, "2014 - 2016", ""],
            [19999999, "M", 91, 2150, "2014 - 2016", ""],
        ],
    )


def test_images_in_order_of_time(mimic: Path) -> None:
    found = read_source("mimic-cxr-jpg", mimic)
    assert [(i.image_index, i.follow_up, i.day, i.private["dicom_id"]) for i in found.images] == [
        ("10000032_000.png", 0, 0, "aaaa-2"),
        ("10000032_001.png", 0, 0, "bbbb-1"),
        ("10000032_002.png", 1, 51, "ffff-1"),
        ("19999999_000.png", 0, 0, "cccc-2"),
    ]
    assert [i.view for i in found.images] == ["AP", "AP", "PA", "PA"]
    assert [i.official for i in found.images] == ["train", "train", "train", "val"]
    assert [(i.age, i.sex) for i in found.images] == [(52, "F")] * 3 + [(90, "M")]
    assert found.images[2].path == mimic / "files/p10/p10000032/s50000002/ffff-1.jpg"
    assert [(a.cause, a.patient, a.path is not None) for a in found.set_aside] == [
        ("lateral view", 10000032, True),
        ("lateral view", 19999999, True),
    ]
    assert (found.images[0].width, found.images[0].height) == (2544, 3056)
    assert found.missing == 0
    assert found.official_split
    assert found.problems == ()


def test_labels_of_the_study(mimic: Path) -> None:
    found = read_source("mimic-cxr-jpg", mimic, tables_only=True)
    one, two, three, four = found.images
    assert found.label_columns == tuple(OBSERVATIONS)
    assert tuple(one.labels) == tuple(OBSERVATIONS)
    assert {k: v for k, v in one.labels.items() if v} == {
        "Edema": "1",
        "Pneumonia": "-1",
        "Fracture": "0",
    }
    assert one.labels == two.labels
    assert (one.finding_labels, three.finding_labels) == ("Edema", "No Finding")
    assert (four.finding_labels, dict(four.labels)) == ("", {})  # the study has no row
    assert one.report_ids == ("s50000009", "50000009")


def test_identifiers_stay_private(mimic: Path) -> None:
    """Whatever is not documented as private names no study and no image of the hospital."""
    found = read_source("mimic-cxr-jpg", mimic)
    for one in found.images:
        public = dataclasses.asdict(one)
        for name in ("private", "path", "study", "report_ids"):
            public.pop(name)
        text = repr(public)
        assert one.private["dicom_id"] not in text
        assert one.private["study_id"] not in text
        assert "2180" not in text  # nor a date
    for aside in found.set_aside:
        assert aside.private["study_id"] not in aside.cause


@pytest.mark.parametrize(
    ("view", "meaning", "procedure", "expected"),
    [
        ("PA", "lateral", "CHEST", ("PA", "stated")),  # ViewPosition first
        ("AP AXIAL", "", "CHEST", "lordotic or axial view"),
        ("", "antero-posterior", "CHEST", ("AP", "stated")),
        ("", "", "CHEST (PORTABLE AP)", ("AP", "derived")),
        ("", "", "CHEST (AP AND LAT)", ("", "unknown")),
        ("", "", "CHEST (PA AND LAT)", ("", "unknown")),
        ("", "", "", ("", "unknown")),
        ("MADE UP", "", "CHEST", ("", "unknown")),
        ("LL", "postero-anterior", "", "lateral view"),
        ("lateral", "", "", "lateral view"),
        ("", "left lateral", "CHEST (PORTABLE AP)", "lateral view"),
        ("LPO", "", "", "oblique view"),
        ("AP LLD", "", "", "decubitus view"),
        ("SWIMMERS", "", "", "other view"),
    ],
)
def test_views(
    tmp_path: Path, view: str, meaning: str, procedure: str, expected: tuple[str, str] | str
) -> None:
    row = mimic_row("a-1", 10000032, 50000001, view, meaning=meaning, procedure=procedure)
    found = read_source("mimic-cxr-jpg", mimic_set(tmp_path, [row]), tables_only=True)
    if isinstance(expected, str):
        assert [aside.cause for aside in found.set_aside] == [expected]
        assert found.images == ()
    else:
        (one,) = found.images
        assert (one.view, one.view_confidence) == expected
        told = any("have no view in the metadata" in p for p in found.problems)
        assert told == (expected[1] == "unknown")


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    found = read_source("mimic-cxr-jpg", mimic_set(tmp_path, ROWS, packed=False))
    assert not found.official_split
    assert found.label_columns == ()
    assert all(i.age is None and not i.sex and not i.official for i in found.images)
    assert len(found.problems) == 3
    assert any("no official split" in p for p in found.problems)
    assert any("no sex, no age" in p for p in found.problems)


def test_negbio_where_chexpert_lacks(mimic: Path) -> None:
    path = mimic / "mimic-cxr-2.0.0-chexpert.csv.gz"
    path.rename(mimic / "mimic-cxr-2.0.0-negbio.csv.gz")
    found = read_source("mimic-cxr-jpg", mimic, tables_only=True)
    assert found.images[0].finding_labels == "Edema"
    assert any("NegBio" in p for p in found.problems)


def test_mirror_beside_the_dicom_form_and_mimic_iv(tmp_path: Path) -> None:
    root = tmp_path / "physionet.org" / "files"
    home = mimic_set(root / "mimic-cxr-jpg" / "2.1.0", ROWS[:2])
    # The DICOM form of the same set lies beside it, with the same folders.
    write(root / "mimic-cxr" / "2.0.0" / "files/p10/p10000032/s50000002.txt", "-")
    header = ["subject_id", "gender", "anchor_age", "anchor_year", "anchor_year_group", "dod"]
    people = table(header, [[10000032, "M", 40, 2179, "", ""]])
    write(root / "mimiciv" / "3.1" / "hosp" / "patients.csv.gz", people)
    found = read_source("mimic-cxr-jpg", tmp_path)
    assert [i.path for i in found.images] == [
        home / "files/p10/p10000032/s50000009/bbbb-1.jpg",
        home / "files/p10/p10000032/s50000002/ffff-1.jpg",
    ]
    assert [(i.age, i.sex) for i in found.images] == [(41, "M")] * 2


def test_missing_images_and_png(mimic: Path) -> None:
    folder = mimic / "files/p10/p10000032/s50000009"
    (folder / "bbbb-1.jpg").unlink()
    (folder / "aaaa-2.jpg").unlink()
    png = image(folder / "aaaa-2.png")
    found = read_source("mimic-cxr-jpg", mimic)
    assert [i.path for i in found.images[:2]] == [png, None]
    assert found.missing == 1
    assert found.images[1].image_index == "10000032_001.png"


@pytest.mark.parametrize(
    ("anchor", "expected"),
    [((52, 2180), 52), ((52, 2170), 62), ((91, 2185), None), ((91, 2180), 90), ((5, 2190), None)],
)
def test_age_from_the_anchor_year(
    tmp_path: Path, anchor: tuple[int, int], expected: int | None
) -> None:
    person = [10000032, "F", *anchor, "", ""]
    root = mimic_set(tmp_path, ROWS[:1], patients=[person])
    (one,) = read_source("mimic-cxr-jpg", root, tables_only=True).images
    assert one.age == expected


def test_dates_that_lack(tmp_path: Path) -> None:
    rows = [
        mimic_row("a-1", 10000032, 50000001, "PA", date="", time=""),
        mimic_row("a-2", 10000032, 50000001, "PA", date="21800101"),
        mimic_row("a-3", 10000032, 50000002, "PA", date="21800111"),
        mimic_row("b-1", 10000033, 50000003, "PA", date="21800231", size=("", "x")),
    ]
    found = read_source("mimic-cxr-jpg", mimic_set(tmp_path, rows), tables_only=True)
    assert [(i.follow_up, i.day) for i in found.images] == [(0, None), (0, 0), (1, 10), (0, None)]
    assert (found.images[3].width, found.images[3].height) == (None, None)


@pytest.mark.parametrize("bad", ["", "../../etc/x", ".hidden", "a\\b"])
def test_an_id_that_is_no_file_name(tmp_path: Path, bad: str) -> None:
    row = mimic_row(bad, 10000032, 50000001, "PA")
    path = write(tmp_path / "set" / "mimic-cxr-2.0.0-metadata.csv", "")
    header = ["dicom_id", "subject_id", "study_id", "ViewPosition"]
    write(path, table(header, [[bad, *row[1:3], "PA"]]))
    with pytest.raises(UserError, match="line 2: 'dicom_id' is blank or no identifier") as caught:
        read_source("mimic-cxr-jpg", tmp_path)
    assert not bad or bad not in str(caught.value)


def test_broken_tables(mimic: Path) -> None:
    path = mimic / "mimic-cxr-2.0.0-split.csv.gz"
    write(path, table(["dicom_id", "split"], [["a", "holdout"]]))
    with pytest.raises(UserError, match="'split' is none of train, validate and test"):
        read_source("mimic-cxr-jpg", mimic)
    write(path, table(["dicom_id", "part"], []))
    with pytest.raises(UserError, match="has no column 'split'"):
        read_source("mimic-cxr-jpg", mimic)
    path.unlink()
    header = ["dicom_id", "subject_id", "study_id", "ViewPosition"]
    write(
        mimic / "mimic-cxr-2.0.0-metadata.csv.gz",
        table(header, [["a", "10000032", "5", "PA"], ["b", "John", "5", "PA"]]),
    )
    with pytest.raises(UserError, match="line 3: 'subject_id' is not a whole number") as caught:
        read_source("mimic-cxr-jpg", mimic)
    assert "John" not in str(caught.value)


def test_many_rows(tmp_path: Path) -> None:
    """A tenth of the real metadata, which take some ten seconds with labels and split."""
    rows = [
        [f"{n:08x}-0", 10000000 + n // 6, 50000000 + n // 2, ("PA", "LATERAL")[n % 2], "21800101"]
        for n in range(37_711)
    ]
    header = ["dicom_id", "subject_id", "study_id", "ViewPosition", "StudyDate"]
    write(tmp_path / "mimic-cxr-2.0.0-metadata.csv", table(header, rows))
    start = time.process_time()
    found = read_source("mimic-cxr-jpg", tmp_path, tables_only=True)
    assert time.process_time() - start < 5
    assert (len(found.images), len(found.set_aside)) == (18_856, 18_855)
