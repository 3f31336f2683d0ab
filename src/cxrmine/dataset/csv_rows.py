"""CSV tables as a data set holds them and as other people wrote them, read row by row.

`cxrmine.tables.iter_csv` wants every row as wide as the header. NIH's tables are not: the header
of ``BBox_List_2017.csv`` has nine cells where its rows have six. Messages here name the table in
our own words and the line, never the path or a cell: both can be patient data.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import sys
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from cxrmine.tables import TableError, format_row

# What `cxrmine.tables.write_csv` puts an apostrophe before.
_GUARDED = re.compile(r"'+[=+\-@\t\r]")
# Text that needs neither quotes nor an apostrophe.
_PLAIN = re.compile(r"[\w |./,]*")


def csv_rows(path: Path, name: str) -> Iterator[tuple[int, list[str]]]:
    """Yield ``(line number, cells)``, the header first; rows may be of any width.

    Reads UTF-8 with or without a byte-order mark and ``.gz``. Blank lines are skipped; the
    apostrophe that `cxrmine.tables.write_csv` puts before risky text is taken off.

    Parameters
    ----------
    path : Path
        The file.
    name : str
        What messages call it: ``Data_Entry.csv``, ``the box table``.

    Raises
    ------
    TableError
        If the file is missing, empty, a folder, unreadable, not UTF-8, not gzip in spite of its
        name, or broken CSV.
    """
    text = table_text(path, name)
    guarded = "'" in text  # hardly ever, and looking at every cell takes a while
    csv.field_size_limit(sys.maxsize)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    any_row = False
    try:
        for cells in reader:
            if not cells:
                continue
            any_row = True
            if guarded:
                cells = [cell[1:] if _GUARDED.match(cell) else cell for cell in cells]
            yield reader.line_num, cells
    except csv.Error as error:
        raise TableError(
            f"{name}, line {reader.line_num}: broken CSV ({error}); is a quote missing?"
        ) from error
    if not any_row:
        raise TableError(f"{name} is empty: not even a header line.")


def table_text(path: Path, name: str) -> str:
    """Return a table's text, unpacked where its name ends in ``.gz``.

    Raises
    ------
    TableError
        If the file is missing, a folder, unreadable, not UTF-8, or not gzip in spite of its name.
    """
    try:
        data = path.read_bytes()
        if path.suffix.lower() == ".gz":
            data = gzip.decompress(data)
        return data.decode("utf-8-sig")
    except FileNotFoundError as error:
        raise TableError(f"{name} does not exist; check the path.") from error
    except IsADirectoryError as error:
        raise TableError(f"{name} is a folder; a file was expected.") from error
    except UnicodeDecodeError as error:
        raise TableError(f"{name} is not UTF-8; save it as CSV UTF-8.") from error
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise TableError(f"{name} is damaged: its name ends in .gz, its bytes do not.") from error
    except OSError as error:
        raise TableError(f"{name} cannot be read ({error.strerror}).") from error


def require_columns(header: Iterable[str], needed: Iterable[str], name: str) -> None:
    """Make sure that a header names all the columns `needed`, and none twice.

    Raises
    ------
    TableError
        Naming the first column that is missing, or that the header names a column twice.
    """
    columns = list(header)
    for column in needed:
        if column not in columns:
            raise TableError(f"{name} has no column {column!r}; is it the right table?")
    if len(set(columns)) != len(columns):
        raise TableError(f"{name}: the header names a column twice.")


def full_rows(path: Path, name: str) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    """Return the header and an iterator of ``(line, cells)`` in which every row is as wide.

    Raises
    ------
    TableError
        As `csv_rows`; while iterating, if a row is wider or narrower than the header.
    """
    rows = csv_rows(path, name)
    _, header = next(rows)

    def checked() -> Iterator[tuple[int, list[str]]]:
        for line, cells in rows:
            if len(cells) != len(header):
                raise TableError(
                    f"{name}, line {line}: {len(cells)} cells where the header has "
                    f"{len(header)}; is a comma or a quote missing or too many?"
                )
            yield line, cells

    return header, checked()


def plain_row(cells: Sequence[str | int | None]) -> str:
    """Return what `cxrmine.tables.format_row` returns, sooner: most rows hold nothing special."""
    line = ",".join(["" if cell is None else str(cell) for cell in cells])
    if _PLAIN.fullmatch(line) and line.count(",") == len(cells) - 1 and line:
        return line + "\n"
    return format_row(cells)
