"""CSV rows of any width: what is read, and what messages do not say."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cxrmine.dataset.csv_rows import csv_rows, full_rows, plain_row, require_columns
from cxrmine.tables import TableError, format_row, write_csv

SECRET = "DOE-JANE-19440101"


@given(
    st.lists(
        st.one_of(st.none(), st.integers(0, 10**9), st.text(max_size=12)), min_size=1, max_size=5
    )
)
@example([""])
@example([None])
@example(["", ""])
@example(["a,b", "c"])
@example(["'=1"])
@example(["tab\there"])
@example(["line\nbreak\x85\u2028"])
def test_a_plain_row_is_the_row_that_format_row_writes(cells: list[str | int | None]):
    assert plain_row(cells) == format_row(cells)


@given(st.lists(st.lists(st.text(max_size=8), min_size=2, max_size=2), min_size=1, max_size=4))
def test_what_write_csv_wrote_comes_back(tmp_path_factory: pytest.TempPathFactory, rows):
    path = tmp_path_factory.mktemp("t") / "t.csv"
    safe = [[cell.encode("utf-8", "ignore").decode() for cell in row] for row in rows]
    write_csv(path, ["a", "b"], safe)
    header, lines = full_rows(path, "t")
    assert header == ["a", "b"]
    assert [cells for _, cells in lines] == safe


def test_rows_may_be_of_any_width_and_blank_lines_do_not_count(tmp_path: Path):
    path = tmp_path / "t.csv"
    path.write_bytes(b"\xef\xbb\xbfa,b,,\r\n1,2\r\n\r\n3,'-4,5\r\n")
    assert list(csv_rows(path, "t")) == [
        (1, ["a", "b", "", ""]),
        (2, ["1", "2"]),
        (4, ["3", "-4", "5"]),
    ]


def test_full_rows_are_as_wide_as_the_header(tmp_path: Path):
    path = tmp_path / "t.csv"
    path.write_text("a,b\n1,2\n3\n")
    _, lines = full_rows(path, "the table")
    assert next(lines) == (2, ["1", "2"])
    with pytest.raises(TableError, match=r"^the table, line 3: 1 cells where the header has 2"):
        next(lines)


@pytest.mark.parametrize(
    ("data", "suffix", "message"),
    [
        (b"", ".csv", "the table is empty"),
        (b"\n\n", ".csv", "the table is empty"),
        (b"a\n\xff\xfe\n", ".csv", "not UTF-8"),
        (b'a\n"x\n', ".csv", "line 2: broken CSV"),
        (b"a\n1\n", ".csv.gz", "damaged"),
        (gzip.compress(b"a\n1\n" * 100, mtime=0)[:-12], ".csv.gz", "damaged"),
    ],
)
def test_a_broken_table_is_named_in_our_words(
    tmp_path: Path, data: bytes, suffix: str, message: str
):
    path = tmp_path / (SECRET + suffix)
    path.write_bytes(data)
    with pytest.raises(TableError, match=message) as caught:
        list(csv_rows(path, "the table"))
    assert SECRET not in str(caught.value)


def test_a_missing_table_and_a_folder_are_named_in_our_words(tmp_path: Path):
    with pytest.raises(TableError, match=r"^the table does not exist"):
        list(csv_rows(tmp_path / SECRET, "the table"))
    with pytest.raises(TableError, match=r"^the table is a folder"):
        list(csv_rows(tmp_path, "the table"))


def test_columns_that_are_missing_or_double():
    require_columns(["a", "b"], ["b"], "t")
    with pytest.raises(TableError, match="no column 'c'"):
        require_columns(["a", "b"], ["a", "c"], "t")
    with pytest.raises(TableError, match="names a column twice"):
        require_columns(["a", "b", "b"], ["a"], "t")
