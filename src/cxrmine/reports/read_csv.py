"""Tables of reports in text form: CSV and TSV, also gzipped.

The file is read as a stream, a row at a time; quoted cells may hold line breaks.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import suppress
from typing import IO, NamedTuple

from cxrmine.reports.columns import plan_columns, warn_of_counting
from cxrmine.reports.encoding import detect
from cxrmine.reports.format import ReadOptions, ReportFormat
from cxrmine.reports.report import Problem, Report
from cxrmine.reports.sources import READ_ERRORS, OnProblem, Source

#: The longest cell, in characters. An unclosed quote swallows rows up to here, not the whole file.
MAX_CELL = 10_000_000

_CHUNK = 1 << 20
_HEAD = 1 << 16
# What our own tables put before a cell that a spreadsheet would take for a formula.
_GUARDED = ("'=", "'+", "'-", "'@", "'\t", "'\r")


def _matches(source: Source) -> bool:
    return source.suffix in (".csv", ".tsv", ".tab")


def text_encoding(source: Source, on_problem: OnProblem) -> str:
    """Detect the encoding of a text source in a pass of its own; a warning says if not UTF-8."""
    with source.open() as file:
        encoding = detect(_chunks(file))
    if encoding in ("utf-8", "utf-8-sig"):
        return "utf-8-sig"
    message = f"The file is not UTF-8; read as {encoding}: check accented letters and signs."
    on_problem(Problem("warning", source.item, message))
    return encoding


def open_text(source: Source, encoding: str) -> IO[str]:
    """Open a text source; bytes that are none in this encoding become U+FFFD."""
    return io.TextIOWrapper(source.open(), encoding=encoding, errors="replace", newline="")


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    try:
        while chunk := file.read(_CHUNK):
            yield chunk
    except READ_ERRORS:
        return  # a truncated file: the reading proper tells so, after the rows before


def _read(source: Source, options: ReadOptions, on_problem: OnProblem) -> Iterator[Report]:
    # The limit is the csv module's own, for the whole process; never lower what others set.
    if csv.field_size_limit() < MAX_CELL:
        csv.field_size_limit(MAX_CELL)
    source = source.reopenable()
    encoding = text_encoding(source, on_problem)
    with open_text(source, encoding) as file:
        delimiter = _delimiter(_head(file), source.suffix)
    with open_text(source, encoding) as file:
        yield from _reports(_rows(file, delimiter), source, options, on_problem)


def _head(file: IO[str]) -> str:
    lines: list[str] = []
    with suppress(*READ_ERRORS):  # as in `_chunks`
        while sum(map(len, lines)) < _HEAD and (line := file.readline(_HEAD)):
            lines.append(line)
    return "".join(lines)


class _OpenQuote(NamedTuple):
    """Stands for the rows that an unclosed quote made one; `lines` is their number."""

    lines: int


def _rows(file: IO[str], delimiter: str) -> Iterator[list[str] | _OpenQuote]:
    """Yield the rows of a table.

    A stray quote within a line is taken as it is. One that opens a cell and does not close it
    there would make one report of several patients' rows: that is no row.
    """
    taken: list[str] = []

    def lines() -> Iterator[str]:
        for line in file:
            taken.append(line)
            yield line

    reader = csv.reader(lines(), delimiter=delimiter, strict=True)
    while True:
        taken.clear()
        try:
            yield next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if len(taken) > 1:
                if "field limit" in str(error):
                    raise
                yield _OpenQuote(len(taken))
            elif "unexpected end" in str(error):
                yield _OpenQuote(1)
            else:
                yield from csv.reader(taken, delimiter=delimiter)


def _delimiter(head: str, suffix: str) -> str:
    """Choose the delimiter that cuts the first row into the most cells."""
    likely = ",;\t|" if suffix == ".csv" else "\t,;|"

    def cells(delimiter: str) -> int:
        try:
            return len(next(csv.reader(io.StringIO(head, newline=""), delimiter=delimiter), []))
        except csv.Error:
            return 0

    return max(likely, key=cells)


def _reports(
    rows: Iterator[list[str] | _OpenQuote],
    source: Source,
    options: ReadOptions,
    on_problem: OnProblem,
) -> Iterator[Report]:
    number = 0

    def fail(message: str) -> None:
        on_problem(Problem("failure", f"{source.item}, row {number}", message))

    try:
        names = next(rows, None)
        if not isinstance(names, list):
            message = "The file is empty: a first row must name the columns."
            if names is not None:
                message = "The first row has a quote that never ends: it must name the columns."
            on_problem(Problem("failure", source.item, message))
            return
        plan = plan_columns(names, options)
        warn_of_counting(plan, source.item, on_problem)
        width = len(names)
        for cells in rows:
            if isinstance(cells, _OpenQuote):
                number += 1
                lines = "its line was" if cells.lines == 1 else f"{cells.lines} lines were"
                fail(
                    f"A quote that opens a cell is not closed ({lines} not read): close it, and "
                    "double the quotes within a cell."
                )
                continue
            if not any(cells):
                continue
            number += 1
            if len(cells) > width and any(cells[width:]):
                fail(
                    f"The row has {len(cells)} cells where the first row names {width}: put cells "
                    "that hold the delimiter or a quote in quotes."
                )
                continue
            if len(cells) < width:
                if len(cells) <= max(plan.positions):
                    fail(
                        f"The row has {len(cells)} cells where the first row names {width}: "
                        "complete it."
                    )
                    continue
                cells.extend([""] * (width - len(cells)))
            report = plan.report([_unguarded(cell) for cell in cells], number)
            if not report.report_id:
                fail("The id is empty: give the report one.")
                continue
            yield report
        if not number:
            message = "The table has no rows under the names of its columns."
            on_problem(Problem("warning", source.item, message))
    except csv.Error as error:
        number += 1
        fail(f"The rows from here on cannot be read ({error}): look for a quote that never ends.")


def _unguarded(cell: str) -> str:
    return cell[1:] if cell.startswith(_GUARDED) else cell


FORMAT = ReportFormat(
    name="CSV",
    description="CSV or TSV (.csv, .tsv; also .gz)",
    matches=_matches,
    read=_read,
)
