"""Tables: what is written can be read back, is safe in a spreadsheet, and is never half there."""

from __future__ import annotations

import csv
import doctest
import gzip
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cxrmine.tables
from cxrmine.tables import (
    TableError,
    atomic_write_bytes,
    atomic_write_text,
    atomic_writer,
    format_row,
    read_csv,
    write_csv,
)

CELL = st.one_of(
    st.text(max_size=12),
    st.text(alphabet="'=+-@\t\r\n,\" a", max_size=6),
)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_text_comes_back_as_it_was(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory):
    header = data.draw(st.lists(CELL, min_size=1, max_size=4, unique=True))
    rows = data.draw(
        st.lists(st.lists(CELL, min_size=len(header), max_size=len(header)), max_size=5)
    )
    if header[0].lstrip("'").startswith("\ufeff"):
        return  # a byte-order mark is indistinguishable from that first character
    path = tmp_path_factory.getbasetemp() / "round.csv"
    assert write_csv(path, header, rows) == len(rows)
    back, records = read_csv(path)
    assert back == header
    assert [[record[c] for c in header] for record in records] == rows


@settings(max_examples=200, deadline=None)
@given(CELL)
def test_no_text_cell_starts_a_formula(text: str):
    line = format_row([text, "x"])
    cell = next(csv.reader([line.replace("\n", " ", line.count("\n") - 1)]))[0]
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        (None, ""),
        (-1, "-1"),
        (-0.5, "-0.5"),
        (np.int64(-3), "-3"),
        (np.float64(-0.25), "-0.25"),
        (True, "1"),
        ("-1", "'-1"),
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("@cmd", "'@cmd"),
        ("'-1", "''-1"),
        ("'tis", "'tis"),
        ("a=b", "a=b"),
        ("\rx", '"\'\rx"'),
    ],
)
def test_cells_as_written(cell: object, written: str):
    assert format_row(["id", cell]) == f"id,{written}\n"


def test_the_docstrings_example():
    assert doctest.testmod(cxrmine.tables).attempted == 1
    assert doctest.testmod(cxrmine.tables).failed == 0


def test_line_ends_and_encoding(tmp_path: Path):
    write_csv(tmp_path / "t.csv", ["id", "Größe"], [["ä", 1], {"id": "b"}])
    assert (tmp_path / "t.csv").read_bytes() == "id,Größe\nä,1\nb,\n".encode()


def test_a_single_blank_cell_is_a_row(tmp_path: Path):
    write_csv(tmp_path / "t.csv", ["id"], [[""], [None], ["x"]])
    assert read_csv(tmp_path / "t.csv") == (["id"], [{"id": ""}, {"id": ""}, {"id": "x"}])


def test_reads_gzip_bom_and_crlf(tmp_path: Path):
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(b"\xef\xbb\xbfid,a\r\nx,1\r\n\r\ny,\r\n"))
    assert read_csv(path) == (["id", "a"], [{"id": "x", "a": "1"}, {"id": "y", "a": ""}])


def test_reads_cells_longer_than_csv_allows_by_default(tmp_path: Path):
    write_csv(tmp_path / "t.csv", ["id", "text"], [["x", "w" * 300_000]])
    assert len(read_csv(tmp_path / "t.csv")[1][0]["text"]) == 300_000


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"id,a\nx\n", "line 2: 1 cells where the header has 2"),
        (b"id,a\nx,1,2\n", "line 2: 3 cells"),
        (b"id,id\nx,1\n", "names a column twice: columns 1, 2"),
        (b"id,a\nx,\xff\xfe\n", "is not UTF-8"),
        (b'id,a\nx,"open\n', "broken CSV"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, content: bytes, said: str):
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    with pytest.raises(TableError, match=said) as caught:
        read_csv(path)
    assert "bad.csv" in str(caught.value)


def test_missing_file_folder_and_false_gzip(tmp_path: Path):
    with pytest.raises(TableError, match="does not exist"):
        read_csv(tmp_path / "none.csv")
    with pytest.raises(TableError, match="is a folder"):
        read_csv(tmp_path)
    packed = gzip.compress(b"id,a\n" + b"".join(b"%d,%d\n" % (n, n * n) for n in range(500)))
    damaged = bytearray(packed)
    damaged[len(packed) // 2 :][:] = b""
    damaged[len(packed) // 3 : len(packed) // 3 + 8] = b"\xff" * 8
    for content in (b"id\n1\n", packed[:-20], bytes(damaged)):
        (tmp_path / "f.csv.gz").write_bytes(content)
        with pytest.raises(TableError, match=r"f\.csv\.gz cannot be read"):
            read_csv(tmp_path / "f.csv.gz")


@pytest.mark.parametrize("row", [["x"], ["x", 1, 2], {"id": "x", "other": 1}])
def test_a_wrong_row_leaves_the_old_file(tmp_path: Path, row: object):
    path = tmp_path / "t.csv"
    write_csv(path, ["id", "a"], [["old", 1]])
    with pytest.raises(ValueError, match=r"t\.csv: row 2"):
        write_csv(path, ["id", "a"], [["new", 1], row])  # type: ignore[list-item]
    assert path.read_text() == "id,a\nold,1\n"
    assert os.listdir(tmp_path) == ["t.csv"]


def test_header_must_not_repeat(tmp_path: Path):
    with pytest.raises(ValueError, match="twice"):
        write_csv(tmp_path / "t.csv", ["a", "a"], [])


def test_atomic_writes(tmp_path: Path):
    path = tmp_path / "f"
    atomic_write_bytes(path, b"\x00\r\n")
    assert path.read_bytes() == b"\x00\r\n"
    atomic_write_text(path, "ä\r\n\n")
    assert path.read_bytes() == "ä\r\n\n".encode()

    def half_a_file() -> None:
        with atomic_writer(path) as handle:
            handle.write("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half_a_file()
    assert path.read_bytes() == "ä\r\n\n".encode()
    assert os.listdir(tmp_path) == ["f"]
    with pytest.raises(ValueError, match="mode"), atomic_writer(path, "a"):
        pass


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
def test_the_file_has_the_users_mode(tmp_path: Path):
    old = os.umask(0o027)
    try:
        atomic_write_text(tmp_path / "f", "x")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "f").stat().st_mode) == 0o640


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_a_killed_writer_leaves_the_old_file(tmp_path: Path):
    path = tmp_path / "t.csv"
    path.write_text("old")
    code = (
        "import sys, time\n"
        "from cxrmine.tables import write_csv\n"
        "def rows():\n"
        "    yield ['x' * 100_000]\n"
        "    print('half', flush=True)\n"
        "    time.sleep(60)\n"
        "write_csv(sys.argv[1], ['a'], rows())\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE) as job:
        assert job.stdout is not None
        assert job.stdout.readline() == b"half\n"
        time.sleep(0.05)
        job.send_signal(signal.SIGKILL)
        job.wait()
    assert path.read_text() == "old"
    assert all(name == "t.csv" or name.endswith(".tmp") for name in os.listdir(tmp_path))
