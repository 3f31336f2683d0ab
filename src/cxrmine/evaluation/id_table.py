"""Tables of one row an id and one column a finding, as labels and predictions come.

Messages name files, lines and columns but no id and no cell: both can be patient data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cxrmine.tables import TableError, iter_csv


@dataclass(frozen=True)
class IdTable:
    """A table as read; cells are turned into numbers only for the columns in use.

    Attributes
    ----------
    path
        The file.
    id_column
        The column that holds the ids.
    columns
        The other columns, in the file's order.
    ids
        The ids, in the file's order, all different and none blank.
    lines
        The line of each row.
    cells
        Each column's cells.
    """

    path: Path
    id_column: str
    columns: tuple[str, ...]
    ids: tuple[str, ...]
    lines: tuple[int, ...]
    cells: Mapping[str, Sequence[str]]


def read_id_table(path: str | Path, *, form: str, id_columns: Sequence[str] = ()) -> IdTable:
    """Read a CSV (``.tsv`` with tabs; either may end in ``.gz``) whose rows have ids.

    Parameters
    ----------
    path
        The file.
    form
        What such a file looks like, for the message on one that does not.
    id_columns
        Names of the id column in small letters, the first that is there is taken wherever it
        stands; without any, the first column.

    Raises
    ------
    TableError
        If the file cannot be read, has no header line, a single column or no row, names a column
        twice, or an id is blank or occurs twice.
    """
    place = Path(path)
    delimiter = "\t" if ".tsv" in [s.lower() for s in place.suffixes] else ","
    rows = iter_csv(place, delimiter=delimiter)
    first = next(rows, None)
    if first is None:
        raise TableError(f"{place} is empty: not even a header line.")
    header = [name.strip() for name in first[1]]
    if _looks_like_data(header):
        raise TableError(
            f"{place}: the first line holds numbers where the columns' names belong; put a header "
            "line before it."
        )
    if twice := sorted({name for name in header if header.count(name) > 1}):
        raise TableError(f"{place}: the header names a column twice: {', '.join(twice)}.")
    if len(header) < 2:
        raise TableError(f"{place} has a single column; {form}, with commas between them.")
    lowered = [name.lower() for name in header]
    position = next((lowered.index(name) for name in id_columns if name in lowered), 0)
    ids: list[str] = []
    lines: list[int] = []
    cells: list[list[str]] = [[] for _ in header]
    seen: dict[str, int] = {}
    repeated: list[tuple[int, int]] = []
    for line, row in rows:
        own = row[position].strip()
        if not own:
            raise TableError(
                f"{place}, line {line}: the id (column {header[position]!r}) is blank."
            )
        if own in seen:
            repeated.append((seen[own], line))
        seen[own] = line
        ids.append(own)
        lines.append(line)
        for column, cell in zip(cells, row, strict=True):
            column.append(cell)
    if repeated:
        earlier, later = repeated[0]
        raise TableError(
            f"{place}: {len(repeated):,} rows repeat an id of column {header[position]!r} (lines "
            f"{earlier} and {later} first); keep one row an id."
        )
    if not ids:
        raise TableError(f"{place} has a header but no row.")
    columns = {name: cells[k] for k, name in enumerate(header) if k != position}
    return IdTable(place, header[position], tuple(columns), tuple(ids), tuple(lines), columns)


def _looks_like_data(header: Sequence[str]) -> bool:
    """Tell whether a line is a row of numbers rather than of names.

    Its cells would otherwise stand in messages as names of columns.
    """
    numbers = sum(map(_is_number, header[1:]))
    blanks = header[1:].count("")
    return numbers > 0 and 2 * (numbers + blanks) >= len(header) - 1


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
