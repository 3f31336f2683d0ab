"""Reports and images of one study find each other, and nobody else."""

from __future__ import annotations

from pathlib import Path

import pytest

from cxrmine.dataset.link import (
    NO_IMAGE,
    SEVERAL_PATIENTS,
    Keys,
    column_by_image,
    finding_labels,
    link,
    link_by_table,
    read_labels_table,
    read_link_table,
    strongest,
)
from cxrmine.errors import UserError

IMAGES = [
    Keys(1, accession="A1", study_uid="1.1", sop_uid="9.1", files=("a/x.dcm", "x.dcm", "x")),
    Keys(1, accession="A1", study_uid="1.1", sop_uid="9.2", files=("a/y.dcm", "y.dcm", "y")),
    Keys(2, accession="A2", study_uid="1.2", sop_uid="9.3", files=("b/x.dcm", "x.dcm", "x")),
]


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_by_accession_number_or_study_uid() -> None:
    links = link(IMAGES, ["A1", "1.2", "A9"])
    assert links.reports_of == {0: ("A1",), 1: ("A1",), 2: ("1.2",)}
    assert links.unlinked_reports == (("A9", NO_IMAGE),)


def test_two_reports_on_one_study() -> None:
    assert link(IMAGES, ["A2", "1.2"]).reports_of == {2: ("A2", "1.2")}


def test_an_accession_number_of_two_patients_links_nothing() -> None:
    images = [Keys(1, accession="77"), Keys(2, accession="77")]
    links = link(images, ["77"])
    assert links.reports_of == {}
    assert links.unlinked_reports == (("77", SEVERAL_PATIENTS),)


def test_a_blank_accession_number_links_nothing() -> None:
    assert link([Keys(1), Keys(2)], [""]).reports_of == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("report_id,accession\nr1,A1\nr2,A2\n", {0: ("r1",), 1: ("r1",), 2: ("r2",)}),
        ("Report_ID,SOP Instance UID\nr1,9.2\n", {1: ("r1",)}),
        ("report_id,study_uid\nr1,1.2\n", {2: ("r1",)}),
        ("image,report_id\na/y.dcm,r1\nb/x.dcm,r2\n", {1: ("r1",), 2: ("r2",)}),
        ("image,report_id\ny,r1\n", {1: ("r1",)}),
    ],
)
def test_by_a_table(tmp_path: Path, text: str, expected: dict[int, tuple[str, ...]]) -> None:
    table = read_link_table(write(tmp_path / "links.csv", text))
    assert link_by_table(IMAGES, ["r1", "r2"], table).reports_of == expected


def test_a_file_name_of_two_patients_links_nothing(tmp_path: Path) -> None:
    table = read_link_table(write(tmp_path / "links.csv", "report_id,image\nr1,x.dcm\n"))
    links = link_by_table(IMAGES, ["r1"], table)
    assert links.reports_of == {}
    assert links.unlinked_reports == (("r1", SEVERAL_PATIENTS),)


def test_a_table_that_names_no_images_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "links.csv", "report_id,mrn\nr1,5\n")
    with pytest.raises(UserError, match="only the one or the other"):
        read_link_table(path)


def test_a_table_without_a_header_line_is_not_quoted(tmp_path: Path) -> None:
    path = write(tmp_path / "links.csv", "ACC1,SMITH-JOHN\nACC2,DOE-JANE\n")
    with pytest.raises(UserError, match="none of the 2 cells") as caught:
        read_link_table(path)
    assert "SMITH" not in str(caught.value)


def test_a_column_for_the_split(tmp_path: Path) -> None:
    path = write(tmp_path / "l.csv", "report_id,accession,part\nr1,A1,train\nr2,A2,test\n")
    table = read_link_table(path)
    assert column_by_image(IMAGES, table, "part") == {0: "train", 1: "train", 2: "test"}
    with pytest.raises(UserError, match="no column 'fold'"):
        column_by_image(IMAGES, table, "fold")
    path = write(tmp_path / "m.csv", "report_id,accession,part\nr1,A1,train\nr2,A1,test\n")
    with pytest.raises(UserError, match="row 2"):
        column_by_image(IMAGES, read_link_table(path), "part")


def test_a_label_table(tmp_path: Path) -> None:
    path = write(tmp_path / "labels.csv", "report_id,Mass,No Finding\nr1,1.0,0\nr2,,1\nr3,-1,\n")
    table = read_labels_table(path)
    assert table.columns == ("Mass", "No Finding")
    assert table.rows == {
        "r1": {"Mass": "1", "No Finding": "0"},
        "r2": {"Mass": "", "No Finding": "1"},
        "r3": {"Mass": "-1", "No Finding": ""},
    }
    assert [finding_labels(row) for row in table.rows.values()] == ["Mass", "No Finding", ""]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,Mass\nr1,1\n", "no column 'report_id'"),
        ("report_id\nr1\n", "no column of labels"),
        ("report_id,Mass|Nodule\nr1,1\n", "column 2 cannot be"),
        ("report_id,Mass\nr1,1\nr1,0\n", "row 2"),
        ("report_id,Text\nr1,Mrs Example coughs\n", "column 2 holds something else"),
    ],
)
def test_a_wrong_label_table_is_refused_without_quoting_it(
    tmp_path: Path, text: str, message: str
) -> None:
    path = write(tmp_path / "labels.csv", text)
    with pytest.raises(UserError, match=message.replace("|", r"\|")) as caught:
        read_labels_table(path)
    assert "Mrs" not in str(caught.value)


def test_of_two_reports_the_strongest_word_counts() -> None:
    reports = [
        {"Mass": "0", "Edema": "", "No Finding": "1"},
        {"Mass": "-1", "Edema": "", "No Finding": "0"},
    ]
    assert strongest(reports) == {"Mass": "-1", "Edema": "", "No Finding": "0"}
    assert strongest(reports[:1]) == reports[0]


def test_rows_that_name_nothing_are_counted(tmp_path: Path) -> None:
    text = "report_id,accession\nr1,A1\nr1,A9\nghost,A2\n"
    links = link_by_table(IMAGES, ["r1"], read_link_table(write(tmp_path / "l.csv", text)))
    assert (links.rows_without_image, links.rows_without_report) == (1, 1)
