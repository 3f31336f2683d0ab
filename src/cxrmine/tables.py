"""Tables and files, written so that nobody ever sees half of one and no spreadsheet runs a cell.

Every CSV that cxrmine writes goes through `write_csv`: UTF-8, ``\\n`` line ends, written beside
its place and moved there in one step, so that a killed run leaves the old file or the new one.
Text cells that a spreadsheet would take for a formula (OWASP, "CSV Injection": those that begin
with ``=``, ``+``, ``-``, ``@``, a tab or a carriage return) get one leading apostrophe, which
`read_csv` takes off again. A report can hold any text, so every text cell is treated so.
"""

from __future__ import annotations

import csv
import gzip
import io
import os
import re
import secrets
import sys
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from numbers import Number
from pathlib import Path
from typing import IO, Any

from cxrmine.errors import UserError

__all__ = [
    "TableError",
    "atomic_write_bytes",
    "atomic_write_text",
    "atomic_writer",
    "format_row",
    "iter_csv",
    "read_csv",
    "write_csv",
    "write_private",
]

# Cells that already start with apostrophes before such a character get one more, so that taking
# one off gives every text back as it was.
_RISKY = re.compile(r"'*[=+\-@\t\r]")
_NEEDS_QUOTES = re.compile(r'[,"\r\n]')


class TableError(UserError):
    """A table that cannot be read; the message says which file, where, and what to do."""


@contextmanager
def atomic_writer(path: str | os.PathLike[str], mode: str = "w") -> Iterator[IO[Any]]:
    """Open a temporary file beside `path` that takes its place when the block ends well.

    Parameters
    ----------
    path
        Where the finished file shall lie. Its folder must exist.
    mode
        ``"w"`` for UTF-8 text (line ends are written as they are) or ``"wb"`` for bytes.

    Notes
    -----
    If the block raises, the temporary file goes and `path` stays as it was. A process that is
    killed outright can leave a file ``.NAME.RANDOM.tmp`` behind; it never has the final name.
    """
    if mode not in ("w", "wb"):
        raise ValueError(f"mode must be 'w' or 'wb', not {mode!r}")
    target = Path(path)
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(6)}.tmp")
    # os.open rather than tempfile: the finished file gets the user's umask, not 0600.
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0)
    descriptor = os.open(temporary, flags, 0o666)
    try:
        handle: IO[Any]
        if mode == "wb":
            handle = open(descriptor, "wb")  # noqa: SIM115 (closed below)
        else:
            # File names can carry undecodable bytes (as lone surrogates) into an id; such a
            # character is written as its escape instead of failing the whole table.
            escape = "backslashreplace"
            handle = open(descriptor, "w", encoding="utf-8", newline="", errors=escape)  # noqa: SIM115
        with handle:
            yield handle
        os.replace(temporary, target)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def atomic_write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """Write `data` to `path` in one step (see `atomic_writer`)."""
    with atomic_writer(path, "wb") as handle:
        handle.write(data)


def atomic_write_text(path: str | os.PathLike[str], data: str) -> None:
    """Write `data` to `path` as UTF-8 in one step, line ends as they are."""
    with atomic_writer(path) as handle:
        handle.write(data)


def write_private(path: Path, data: bytes) -> None:
    """Write a file that only its owner may read, from its first moment on; not in one step."""
    descriptor = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
    with open(descriptor, "wb") as handle:
        handle.write(data)


def _format_cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, Number):
        return str(value)
    text = str(value)
    if _RISKY.match(text):
        text = "'" + text
    if _NEEDS_QUOTES.search(text):
        text = '"' + text.replace('"', '""') + '"'
    return text


def format_row(cells: Iterable[object]) -> str:
    r"""Return one CSV line with its ``\n``: None is blank, numbers as they are, text made safe.

    Quoting is our own because `csv.writer` leaves a bare carriage return unquoted before
    Python 3.13, and files must be the same bytes on every version.

    >>> format_row(["CXR1", -1, None, "-1", "=1+1"])
    "CXR1,-1,,'-1,'=1+1\n"
    """
    formatted = [_format_cell(cell) for cell in cells]
    if formatted == [""]:
        return '""\n'  # a blank line would read as no row at all
    return ",".join(formatted) + "\n"


def write_csv(
    path: str | os.PathLike[str],
    header: Sequence[str],
    rows: Iterable[Sequence[object] | Mapping[str, object]],
) -> int:
    """Write a CSV in one step and return its number of rows.

    Parameters
    ----------
    path
        The file; its folder must exist.
    header
        Column names, all different.
    rows
        Sequences as long as the header, or mappings by column name (a missing one is blank).
        They are streamed. None is written as blank, True and False as 1 and 0, numbers never
        with an apostrophe.

    Raises
    ------
    ValueError
        If a row has another length than the header or names a column that is not in it; the
        file at `path` stays as it was.
    """
    columns = list(header)
    if len(set(columns)) != len(columns):
        raise ValueError(f"{Path(path).name}: the header names a column twice: {columns}")
    known = set(columns)
    count = 0
    with atomic_writer(path) as handle:
        handle.write(format_row(columns))
        for row in rows:
            count += 1
            if isinstance(row, Mapping):
                if unknown := row.keys() - known:
                    raise ValueError(
                        f"{Path(path).name}: row {count} has columns that the header lacks: "
                        f"{sorted(unknown)}"
                    )
                cells: Sequence[object] = [row.get(column) for column in columns]
            else:
                cells = row
                if len(cells) != len(columns):
                    raise ValueError(
                        f"{Path(path).name}: row {count} has {len(cells)} cells, the header "
                        f"{len(columns)}"
                    )
            handle.write(format_row(cells))
    return count


def _clean(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and _RISKY.match(cell) else cell


def _open_text(path: Path) -> IO[str]:
    if path.suffix.lower() == ".gz":
        return io.TextIOWrapper(gzip.open(path, "rb"), encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def iter_csv(
    path: str | os.PathLike[str], *, delimiter: str = ","
) -> Iterator[tuple[int, list[str]]]:
    """Yield ``(line number, cells)`` of a CSV, the header first, the apostrophes taken off.

    Reads UTF-8 with or without a byte-order mark, ``.gz`` too; lines without any cell are
    skipped. The line number is that of the row's last line.

    Raises
    ------
    TableError
        If the file is missing, a folder, not UTF-8, not gzip in spite of its name, broken CSV,
        or a row has another number of cells than the header.
    """
    place = Path(path)
    csv.field_size_limit(sys.maxsize)  # a report can be longer than csv's 128 KiB
    try:
        with _open_text(place) as handle:
            width: int | None = None
            reader = csv.reader(handle, delimiter=delimiter, strict=True)
            for cells in reader:
                if not cells:
                    continue
                if width is None:
                    width = len(cells)
                elif len(cells) != width:
                    raise TableError(
                        f"{place}, line {reader.line_num}: {len(cells)} cells where the header "
                        f"has {width}; is a comma or a quote missing or too many?"
                    )
                yield reader.line_num, [_clean(cell) for cell in cells]
    except UnicodeDecodeError as error:
        raise TableError(f"{place} is not UTF-8 ({error}); save it as CSV UTF-8.") from error
    except csv.Error as error:
        raise TableError(f"{place}, line {reader.line_num}: broken CSV ({error}).") from error
    except FileNotFoundError as error:
        raise TableError(f"{place} does not exist; check the path.") from error
    except IsADirectoryError as error:
        raise TableError(f"{place} is a folder; a CSV file was expected.") from error
    except (OSError, EOFError, zlib.error) as error:
        raise TableError(f"{place} cannot be read: {error}") from error


def read_csv(
    path: str | os.PathLike[str], *, delimiter: str = ","
) -> tuple[list[str], list[dict[str, str]]]:
    """Read a CSV that `write_csv` or anybody else wrote.

    Returns
    -------
    tuple
        The column names in order, and one dict a row; every value is text (a blank is ``""``),
        without the apostrophe that `write_csv` put before risky text.

    Raises
    ------
    TableError
        As `iter_csv`; also if the file is empty or names a column twice.
    """
    lines = iter_csv(path, delimiter=delimiter)
    first = next(lines, None)
    if first is None:
        raise TableError(f"{Path(path)} is empty: not even a header line.")
    header = first[1]
    if len(set(header)) != len(header):
        # By number: of a table without a header line these would be a patient's data.
        twice = [n for n, name in enumerate(header, start=1) if header.count(name) > 1]
        raise TableError(
            f"{Path(path)}: the header names a column twice: columns {', '.join(map(str, twice))}"
        )
    return header, [dict(zip(header, cells, strict=True)) for _, cells in lines]
