from __future__ import annotations

import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from .conftest import Read


def test_table(tmp_path: Path, read: Read) -> None:
    path = tmp_path / "a.parquet"
    table = pa.table({"id": [3, 1, 2], "other": [[1], [2], [3]], "text": ["A.", None, "C."]})
    pq.write_table(table, path)
    result = read(path)
    assert result.texts == {"3": "A.", "1": "", "2": "C."}
    assert [p.item for p in result.warnings] == ["a.parquet: 1"]
    assert result.failures == []


def test_rows_of_many_groups_keep_their_order(tmp_path: Path, read: Read) -> None:
    path = tmp_path / "a.parquet"
    table = pa.table({"text": pa.array([f"Report {i}." for i in range(5000)]).dictionary_encode()})
    pq.write_table(table, path, row_group_size=700)
    assert read(path).texts == {str(i + 1): f"Report {i}." for i in range(5000)}


def test_sections_and_float_ids(tmp_path: Path, read: Read) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(
        pa.table({"Findings": ["A.", ""], "Impression": ["B.", "C."], "study": [50414267.0, 5.5]}),
        path,
    )
    result = read(path, id_column="study")
    assert result.texts == {"50414267": "FINDINGS: A.\nIMPRESSION: B.", "5.5": "IMPRESSION: C."}


def test_in_a_zip(tmp_path: Path, read: Read) -> None:
    pq.write_table(pa.table({"text": ["A."]}), tmp_path / "a.parquet")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.write(tmp_path / "a.parquet", "a.parquet")
    assert read(tmp_path / "a.zip").texts == {"1": "A."}


def test_faults(tmp_path: Path, read: Read) -> None:
    (tmp_path / "1.parquet").write_bytes(b"PAR1 this is none")
    (tmp_path / "2.parquet").write_bytes(b"")
    pq.write_table(pa.table({"id": ["a"], "body": ["A."]}), tmp_path / "3.parquet")
    pq.write_table(
        pa.table({"id": ["b", "", "c"], "text": [["A."], ["B."], ["C."]]}), tmp_path / "4.parquet"
    )
    pq.write_table(pa.table({"id": ["d", ""], "text": ["D.", "E."]}), tmp_path / "5.parquet")
    result = read(tmp_path)
    assert result.texts == {"d": "D."}
    items = [p.item for p in result.failures]
    assert items == [
        "1.parquet",
        "2.parquet",
        "3.parquet",
        "4.parquet, row 1",
        "4.parquet, row 2",
        "4.parquet, row 3",
        "5.parquet, row 2",
    ]
    assert "'body'" in result.failures[2].message


def test_two_columns_of_one_name(tmp_path: Path, read: Read) -> None:
    columns = [pa.array(["a"]), pa.array(["A."]), pa.array(["B."])]
    pq.write_table(
        pa.Table.from_arrays(columns, names=["id", "text", "text"]), tmp_path / "a.parquet"
    )
    (problem,) = read(tmp_path / "a.parquet").failures
    assert "Two columns are called 'text'" in problem.message
