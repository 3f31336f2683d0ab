"""Data_Entry.csv in NIH's columns, and labels.csv."""

from __future__ import annotations

import gzip
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrmine.dataset.data_entry import (
    HEADER,
    label_columns,
    read_data_entry,
    read_labels,
    write_data_entry,
    write_labels,
)
from cxrmine.dataset.model import ImageRow
from cxrmine.tables import TableError

ROWS = [
    ImageRow("00000001_000.png", "Mass|Hernia", 0, 1, 57, "M", "PA", 2682, 2749, "0.143", "0.14"),
    ImageRow("00000001_001.png", "No Finding", 1, 1, 90, "F", "AP"),
    ImageRow("00000002_000.png", "", 0, 2, 0, "O", "", 10, 20),
    ImageRow("00000003_000.png", "=Odd, finding", 0, 3),
]


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_the_table_has_nihs_header_and_eleven_cells(tmp_path: Path):
    path = tmp_path / "Data_Entry.csv"
    assert write_data_entry(path, ROWS) == 4
    lines = path.read_bytes().split(b"\n")
    assert lines[0] == (
        b"Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,"
        b"View Position,OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]"
    )
    assert lines[0].count(b",") == 10
    assert lines[1] == b"00000001_000.png,Mass|Hernia,0,1,57,M,PA,2682,2749,0.143,0.14"
    assert lines[2] == b"00000001_001.png,No Finding,1,1,90,F,AP,,,,"
    assert lines[5:] == [b""]
    assert read_data_entry(path) == ROWS


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=10)


@given(
    st.lists(
        st.builds(
            ImageRow,
            image_index=st.from_regex(r"[0-9]{8}_[0-9]{3}\.png", fullmatch=True),
            finding_labels=TEXT.map(str.strip),
            follow_up=st.integers(0, 10**6),
            patient=st.integers(0, 10**9),
            age=st.none() | st.integers(0, 90),
            sex=st.sampled_from(["", "M", "F", "O"]),
            view=st.sampled_from(["", "PA", "AP"]),
            width=st.none() | st.integers(1, 10**5),
            height=st.none() | st.integers(1, 10**5),
            spacing_x=st.sampled_from(["", "0.143", "1e-1"]),
            spacing_y=st.sampled_from(["", "0.143", "-0.1"]),
        ),
        max_size=5,
        unique_by=lambda row: row.image_index,
    )
)
def test_rows_come_back_as_they_were(tmp_path_factory: pytest.TempPathFactory, rows):
    path = tmp_path_factory.mktemp("t") / "Data_Entry.csv"
    write_data_entry(path, rows)
    assert read_data_entry(path) == rows


def test_nihs_table_of_2017_is_read(tmp_path: Path):
    # Its lines end in a comma; the first release gave ages in DICOM's form.
    path = tmp_path / "Data_Entry_2017.csv.gz"
    text = (
        HEADER + ",\n"
        "00000007_000.png,Edema,0,7,058Y,M,PA,2500,2048,0.168,0.168,\n"
        "00000007_001.png,Edema,1,7,414,M,PA,2500,2048,0.168,0.168,\n"
        "00000008_000.png,Edema,0,8,018M,F,AP,2500,2048,0.168,0.168,\n"
        "00000009_000.png,Edema,0,9,051W,F,AP,2500,2048,0.168,0.168,\n"
        "00000010_000.png,Edema,0,10,364D,F,AP,2500,2048,0.168,0.168,\n"
    )
    path.write_bytes(gzip.compress(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode()))
    rows = read_data_entry(path)
    assert [row.age for row in rows] == [58, None, 1, 0, 0]
    assert rows[0] == ImageRow(
        "00000007_000.png", "Edema", 0, 7, 58, "M", "PA", 2500, 2048, "0.168", "0.168"
    )


def test_columns_are_found_by_name(tmp_path: Path):
    header = (
        "Patient ID,Image Index,fold,Follow-up #,Patient Age,Patient Gender,View Position,"
        "OriginalImageWidth,OriginalImageHeight,OriginalImagePixelSpacing_x,"
        "OriginalImagePixelSpacing_y,Finding Labels"
    )
    line = "12.0,a.png,3,0.0,60.0,Female,ap,10.0,20.0,0.1,0.2,Mass"
    path = write(tmp_path / "t.csv", f"{header}\n{line}\n")
    assert read_data_entry(path) == [
        ImageRow("a.png", "Mass", 0, 12, 60, "F", "AP", 10, 20, "0.1", "0.2")
    ]


def test_only_four_columns_are_needed(tmp_path: Path):
    path = write(
        tmp_path / "t.csv", "Image Index,Finding Labels,Follow-up #,Patient ID\na,Mass,2,3"
    )
    assert read_data_entry(path) == [ImageRow("a", "Mass", 2, 3)]


@pytest.mark.parametrize(
    ("header", "line", "message"),
    [
        (HEADER.replace("Patient ID", "Pat"), "", "no column 'Patient ID'"),
        (HEADER + ",Patient ID", "", "names 'Patient ID' twice"),
        (HEADER, "a,,0,X77,,,,,,,", "line 2: 'Patient ID' is not a whole number"),
        (HEADER, "a,,0,-7,,,,,,,", "line 2: 'Patient ID' is not a whole number"),
        (HEADER, "a,,,7,,,,,,,", "line 2: 'Follow-up #' is not a whole number"),
        (HEADER, ",,0,7,,,,,,,", "line 2: 'Image Index' is blank"),
        (HEADER, "a,,0,7,,,,,,,\na,,1,7,,,,,,,", "line 3: 'Image Index' stands twice"),
        (HEADER, "a,,0,7,old,,,,,,", "line 2: 'Patient Age' is neither"),
        (HEADER, "a,,0,7,,X77,,,,,", "line 2: 'Patient Gender' is not M, F, O or blank"),
        (HEADER, "a,,0,7,,,X77,,,,", "line 2: 'View Position' is not PA, AP or blank"),
        (HEADER, "a,,0,7,,,,wide,,,", "line 2: 'OriginalImage.Width,Height.' is not a whole"),
        (HEADER, "a,Mass, left,0,7,,,,,,,,,", "line 2"),
        (HEADER, "a,,0,7,,,,,,,,9", "line 2: 12 cells where the header has 11"),
    ],
)
def test_what_is_wrong_is_named_by_line_and_column(
    tmp_path: Path, header: str, line: str, message: str
):
    path = write(tmp_path / "X77.csv", f"{header}\n{line}\n")
    with pytest.raises(TableError, match=message) as caught:
        read_data_entry(path)
    assert "X77" not in str(caught.value)


def test_labels_come_back_and_blank_lines_are_unlabelled(tmp_path: Path):
    rows = [
        ImageRow("a", "", 0, 1, labels={"Mass": "1", "Edema": "0"}),
        ImageRow("b", "", 0, 2),
        ImageRow("c", "", 0, 3, labels={"Edema": "-1.0", "=Odd, one": "", "Mass": "1.0"}),
    ]
    path = tmp_path / "labels.csv"
    assert write_labels(path, rows) == 3
    assert path.read_text() == ('Image Index,Mass,Edema,"\'=Odd, one"\na,1,0,\nb,,,\nc,1,-1,\n')
    assert label_columns(rows) == ("Mass", "Edema", "=Odd, one")
    columns, labels = read_labels(path)
    assert columns == label_columns(rows)
    assert labels == {
        "a": {"Mass": "1", "Edema": "0", "=Odd, one": ""},
        "b": {},
        "c": {"Mass": "1", "Edema": "-1", "=Odd, one": ""},
    }


def test_label_columns_may_be_given_and_must_hold_all(tmp_path: Path):
    rows = [ImageRow("a", "", 0, 1, labels={"Mass": "1"})]
    write_labels(tmp_path / "l.csv", rows, ["Edema", "Mass"])
    assert (tmp_path / "l.csv").read_text() == "Image Index,Edema,Mass\na,,1\n"
    with pytest.raises(ValueError, match="not among the columns"):
        write_labels(tmp_path / "m.csv", rows, ["Edema"])
    with pytest.raises(ValueError, match="none of 1, 0, -1 and blank"):
        write_labels(tmp_path / "m.csv", [ImageRow("a", "", 0, 1, labels={"Mass": "x"})])
    assert not (tmp_path / "m.csv").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Mass\n1\n", "no column 'Image Index'"),
        ("Image Index,Mass,Mass\na,1,1\n", "names a column twice"),
        ("Image Index,Mass\na,1\na,0\n", "line 3: 'Image Index' stands twice"),
        ("Image Index,Mass\n,1\n", "line 2: 'Image Index' is blank"),
        ("Image Index,Mass\na,yes\n", "line 2: a label is none of"),
        ("Image Index,Mass\na\n", "line 2: 1 cells where the header has 2"),
    ],
)
def test_broken_label_tables_are_named_by_line(tmp_path: Path, text: str, message: str):
    with pytest.raises(TableError, match=message):
        read_labels(write(tmp_path / "labels.csv", text))


def test_nihs_own_table_comes_back_byte_for_byte(data_dir: Path, tmp_path: Path):
    source = data_dir / "nih" / "Data_Entry_2017_v2020.csv.gz"
    start = time.process_time()
    rows = read_data_entry(source)
    seconds = time.process_time() - start
    assert len(rows) == 112_120
    assert len({row.patient for row in rows}) == 30_805
    assert seconds < 4  # 0.9 on an idle core
    write_data_entry(tmp_path / "Data_Entry.csv", rows)
    assert (tmp_path / "Data_Entry.csv").read_bytes() == gzip.decompress(source.read_bytes())
