from __future__ import annotations

import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cxrmine.reports.report import Problem
from cxrmine.runs import merge
from cxrmine.runs.parts import (
    MENTION_COLUMNS,
    Counts,
    Part,
    PartFile,
    mention_schema,
    pack_part,
)

DESIGN = "report_id, section, sentence, start, end, text, finding, concept, status, cue, rule"


def table(first: int, count: int) -> pa.Table:
    """Mention rows with the numbers from `first` on in every column."""
    numbers = range(first, first + count)
    return pa.table(
        {
            field.name: [n if pa.types.is_integer(field.type) else f"{n % 7}é" for n in numbers]
            for field in mention_schema()
        },
        schema=mention_schema(),
    )


def test_the_columns_are_the_contract_s_and_then_ours() -> None:
    fixed = DESIGN.split(", ")
    assert list(MENTION_COLUMNS[: len(fixed)]) == fixed


def test_a_part_comes_back_as_it_was(tmp_path: Path) -> None:
    part = Part(
        counts=Counts(3, 2, 1, 5, 0, 1, {"absent": 2, "present": 3}),
        mentions=table(0, 5),
        labels={"openi": b"1,0\n", "chexpert": b"1,\n"},
        problems=[Problem("failure", "id\n7", "why")],
        evidence=b"[1]\n",
    )
    data = pack_part(part)
    assert pack_part(part) == data
    path = tmp_path / "0000000"
    path.write_bytes(data)
    with PartFile(path) as file:
        assert file.counts() == part.counts
        assert file.mentions().equals(part.mentions)
        assert file.labels("openi") == b"1,0\n"
        assert file.labels("chexpert") == b"1,\n"
        assert file.problems() == part.problems
        assert file.evidence() == b"[1]\n"


def test_half_a_part_is_noticed(tmp_path: Path) -> None:
    data = pack_part(Part(Counts(), table(0, 9), {}, [], b""))
    (tmp_path / "half").write_bytes(data[: len(data) // 2])
    with pytest.raises(zipfile.BadZipFile):
        PartFile(tmp_path / "half")


def test_counts_add_up() -> None:
    total = Counts(1, 1, 0, 2, 0, 1, {"absent": 1}).plus(Counts(2, 2, 1, 3, 1, 0, {"present": 3}))
    assert total == Counts(3, 3, 1, 5, 1, 1, {"absent": 1, "present": 3})
    assert list(total.recorded()["statuses"]) == ["present", "absent"]


@pytest.mark.parametrize("sizes", [[230], [1] * 230, [99, 1, 0, 130], [0, 200, 30], [100, 100, 30]])
def test_the_parquet_file_depends_on_its_rows_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sizes: list[int]
) -> None:
    monkeypatch.setattr(merge, "ROW_GROUP", 100)
    merge.write_mentions(tmp_path / "whole.parquet", [table(0, 230)])
    starts = [sum(sizes[:place]) for place in range(len(sizes))]
    pieces = (table(start, size) for start, size in zip(starts, sizes, strict=True))
    merge.write_mentions(tmp_path / "pieces.parquet", pieces)
    assert (tmp_path / "pieces.parquet").read_bytes() == (tmp_path / "whole.parquet").read_bytes()
    file = pq.ParquetFile(tmp_path / "pieces.parquet")
    assert [file.metadata.row_group(i).num_rows for i in range(3)] == [100, 100, 30]
    assert file.read()["start"].to_pylist() == list(range(230))


def test_no_mention_is_a_table_too(tmp_path: Path) -> None:
    merge.write_mentions(tmp_path / "none.parquet", [])
    read = pq.read_table(tmp_path / "none.parquet")
    assert read.num_rows == 0
    assert read.column_names == list(MENTION_COLUMNS)
