"""Lines of a CSV made a column at a time are those that are made a row at a time."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from cxrmine.clauses.apply import _zeros_and_ones
from cxrmine.clauses.model import Cluster, DistinctClause, Grouping, Term
from cxrmine.clauses.tables import csv_cells, csv_lines, text_bytes, write_clusters, write_table1
from cxrmine.tables import format_row, read_csv

cells = st.text(st.sampled_from("ab心,\"\n\r\t=+-@' 😀;"), max_size=5)
rows = st.lists(st.tuples(cells, st.none() | st.integers(-(2**31), 2**31 - 1), cells))


@settings(deadline=None)
@given(rows, st.integers(0, 3))
def test_columns_give_the_bytes_of_rows(rows: list[tuple[str, int | None, str]], skip: int) -> None:
    columns = [
        pa.array([row[n] for row in rows], kind)
        for n, kind in enumerate((pa.string(), pa.int32(), pa.string()))
    ]
    lines = csv_lines([csv_cells(column.slice(skip)) for column in columns])
    assert lines.decode() == "".join(format_row(row) for row in rows[skip:])


@settings(deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]))), st.integers(0, 3))
def test_bytes_of_texts(texts: list[str], skip: int) -> None:
    for kind in (pa.string(), pa.large_string()):
        array = pa.array(texts, kind)
        assert text_bytes(array.slice(skip)) == "".join(texts[skip:]).encode()


@settings(deadline=None)
@given(st.lists(st.lists(st.booleans(), min_size=3, max_size=3)))
def test_labels_as_cells(rows: list[list[bool]]) -> None:
    import numpy as np

    matrix = np.array(rows, np.bool_).reshape(-1, 3)
    expected = [",".join("01"[cell] for cell in row) for row in rows]
    assert _zeros_and_ones(matrix).to_pylist() == expected
    assert _zeros_and_ones(matrix[:, :1]).to_pylist() == [cell[0] for cell in expected]


GROUPING = Grouping(
    clauses=(
        DistinctClause("=b", 5, 2, "c", 1 / 3, 1),
        DistinctClause("a", 5, 1, "a", 0.0, 1),
        DistinctClause("c", 9, 2, "c", 0.0, 1),
        DistinctClause("far", 1, None, "c", 0.9, None),
    ),
    clusters=(Cluster(1, 1, "a", 15, 12, 0.0), Cluster(2, 1, "c", 14, 11, 1 / 3)),
    terms=(Term(1, (1, 2), 29, 15, 7),),
    occurrences=30,
    reports=16,
    metric="normalized",
)


def test_clusters_stand_by_size_and_what_has_none_comes_last(tmp_path: Path) -> None:
    path = tmp_path / "clusters.csv"
    assert write_clusters(path, GROUPING) == 4
    assert path.read_text("utf-8").splitlines() == [
        "clause,count,cluster,medoid,distance,term",
        "a,5,1,a,0,1",
        "c,9,2,c,0,1",
        "'=b,5,2,c,0.333333,1",
        "far,1,,c,0.9,",
    ]


def test_table_1(tmp_path: Path) -> None:
    from cxrmine.clauses.tables import table1_rows

    path = tmp_path / "table1.csv"
    write_table1(path, table1_rows(GROUPING, top=1, reports_of_others=1))
    _, table = read_csv(path)
    assert [tuple(row.values()) for row in table] == [
        ("1", "a", "29", "0.9667", "15", "0.9375", "7"),
        ("all others", "", "1", "0.0333", "1", "0.0625", "0"),
        ("total", "", "30", "1.0", "16", "1.0", "7"),
    ]
