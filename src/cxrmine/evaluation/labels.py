"""Label tables: one row a report, one column a finding, 1, 0, -1 (uncertain) or blank.

A table comes from a `mine-labels` output folder or from anybody's CSV. Ids are matched by value
and columns by name, never by order. Messages name files, lines and columns but no id and no
cell: both can be patient data.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cxrmine.errors import UserError
from cxrmine.evaluation.findings import is_openi, key
from cxrmine.evaluation.id_table import IdTable, read_id_table
from cxrmine.tables import TableError, iter_csv

Uncertain = Literal["negative", "positive", "ignore"]

#: The code of a blank cell in the arrays; 1, 0 and -1 stand for themselves.
BLANK = -2
ID_COLUMNS = ("report_id", "filename", "id", "uid", "study_id", "reports")

_VALUES = {
    "": BLANK,
    **{f"{sign}{number}": int(f"{sign}{number}") for sign in ("", "+") for number in (0, 1)},
    **{f"{number}.0": number for number in (0, 1, -1)},
    "-0": 0,
    "-1": -1,
}


@dataclass(frozen=True)
class LabelTable(IdTable):
    """A label file as read; see `IdTable`."""

    def values(self, columns: Sequence[str], ids: Sequence[str]) -> NDArray[np.int8]:
        """Return the codes of `columns` for `ids`, shape ``(len(ids), len(columns))``.

        Values are 1, 0, -1 and `BLANK`.

        Raises
        ------
        TableError
            If a cell of these columns is something else, in any row.
        KeyError
            If an id or a column is not in the table.
        """
        place = {report_id: row for row, report_id in enumerate(self.ids)}
        rows = np.fromiter((place[i] for i in ids), dtype=np.intp, count=len(ids))
        array = np.empty((len(ids), len(columns)), dtype=np.int8)
        for k, column in enumerate(columns):
            array[:, k] = self._codes(column)[rows]
        return array

    def _codes(self, column: str) -> NDArray[np.int8]:
        codes = np.empty(len(self.ids), dtype=np.int8)
        for row, cell in enumerate(self.cells[column]):
            code = _VALUES.get(cell)
            if code is None:
                code = _VALUES.get(cell.strip())
            if code is None:
                raise TableError(
                    f"{self.path}, line {self.lines[row]}, column {column!r}: the cell is not "
                    "a label; use 1, 0, -1 or leave it blank."
                )
            codes[row] = code
        return codes


def read_labels(path: str | Path) -> LabelTable:
    """Read a label CSV (``.tsv`` with tabs; either may end in ``.gz``).

    The id column is ``report_id``, ``filename``, ``id`` (or another of `ID_COLUMNS`), wherever it
    stands; without any of these, the first column.

    Raises
    ------
    TableError
        If the file cannot be read, has no header line, no label column or no row, or an id is
        blank or occurs twice.
    """
    form = "a label file has an id column and one column a finding"
    return LabelTable(**vars(read_id_table(path, form=form, id_columns=ID_COLUMNS)))


def run_folder(path: str | Path) -> Path | None:
    """Return the `mine-labels` output folder that `path` is, or None for a file.

    Raises
    ------
    UserError
        If nothing is there.
    """
    place = Path(path)
    if place.is_dir():
        return place
    if not place.exists():
        raise UserError(f"{place} does not exist; give a mine-labels output folder or a CSV.")
    return None


def find_label_file(
    path: str | Path, *, scheme: str | None = None, gold_columns: Sequence[str] | None = None
) -> tuple[Path, str | None]:
    """Return the label file to use, and its scheme if known.

    The file is `path` itself, or the right one of a run's folder.

    Parameters
    ----------
    path
        A CSV, or the output folder of `mine-labels`.
    scheme
        Take ``labels_SCHEME.csv`` (or ``labels.csv``, if the run's only scheme is this one).
    gold_columns
        The columns to be scored against. Without `scheme`, an Open-i gold takes the ``openi``
        labels where there are any; otherwise the file that shares the most columns is taken.

    Raises
    ------
    UserError
        If the folder holds no such file; the message lists those that it holds.
    """
    folder = run_folder(path)
    if folder is None:
        if scheme is not None:
            raise UserError(
                f"--scheme chooses a file of a run's folder, but {path} is a file; leave it out."
            )
        return Path(path), None
    files = {p.stem.removeprefix("labels_"): p for p in sorted(folder.glob("labels_*.csv"))}
    single = folder / "labels.csv"
    if single.is_file():
        schemes = _schemes_of_run(folder)
        files.setdefault(schemes[0] if len(schemes) == 1 else "", single)
    if not files:
        raise UserError(
            f"{folder} holds neither labels.csv nor labels_SCHEME.csv; is it the --out folder of "
            "mine-labels, and did the run end?"
        )
    if scheme is not None:
        if scheme in files:
            return files[scheme], scheme
        names = ", ".join(f"{p.name} ({name or 'scheme unknown'})" for name, p in files.items())
        raise UserError(
            f"{folder} holds no labels of the scheme {scheme!r}; it holds {names}. Run "
            f"mine-labels with --scheme {scheme}."
        )
    if gold_columns is not None and is_openi(gold_columns) and "openi" in files:
        return files["openi"], "openi"
    if len(files) == 1:
        name, file = next(iter(files.items()))
        return file, name or None
    if gold_columns is None:
        raise UserError(
            f"{folder} holds the labels of several schemes ({', '.join(files)}); say which with "
            "--scheme."
        )
    wanted = {key(c) for c in gold_columns}
    shared = {name: len(wanted & {key(c) for c in _header(file)}) for name, file in files.items()}
    most = max(shared.values())
    if not most:
        raise UserError(
            f"{folder}: no column of the gold ({', '.join(gold_columns)}) is a column of the schemes "
            f"{', '.join(files)}; say which to compare with --scheme, and pair columns with --map "
            "OURS=GOLD."
        )
    best = [name for name, count in shared.items() if count == most]
    if len(best) > 1:
        raise UserError(
            f"{folder}: the schemes {', '.join(best)} fit the gold equally well; say which with "
            "--scheme."
        )
    return files[best[0]], best[0] or None


def _header(path: Path) -> list[str]:
    return next((cells for _, cells in iter_csv(path)), [])


def _schemes_of_run(folder: Path) -> list[str]:
    try:
        record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    schemes = record.get("schemes") if isinstance(record, dict) else None
    if isinstance(schemes, dict | list):
        return [name for name in schemes if isinstance(name, str)]
    return []


@dataclass(frozen=True)
class Matched:
    """Two label tables side by side: what they share and what they do not.

    Attributes
    ----------
    columns
        Pairs (column of the first, column of the second) with the same name but for case,
        spaces, hyphens and underscores, in the second table's order.
    first_only_columns, second_only_columns
        Columns without a partner.
    ids
        Ids of both, in the first table's order.
    first_only_ids, second_only_ids
        Ids of one only.
    """

    columns: tuple[tuple[str, str], ...]
    first_only_columns: tuple[str, ...]
    second_only_columns: tuple[str, ...]
    ids: tuple[str, ...]
    first_only_ids: tuple[str, ...]
    second_only_ids: tuple[str, ...]


def match_tables(
    first: LabelTable, second: LabelTable, renamed: Mapping[str, str] | None = None
) -> Matched:
    """Match two tables by column name and by id.

    Parameters
    ----------
    first, second
        Ours and the gold, or any two.
    renamed
        Column of the first → column of the second, where the names differ.

    Raises
    ------
    UserError
        If they share no column or no id, two columns of one table have the same name but for
        case, or `renamed` names a column that is not there.
    """
    renamed = dict(renamed or {})
    for table, names in ((first, renamed.keys()), (second, renamed.values())):
        for name in names:
            if name not in table.columns:
                raise UserError(
                    f"--map: {table.path} has no column {name!r}; it has "
                    f"{', '.join(table.columns)}."
                )
    ours = _by_key(first, renamed)
    theirs = _by_key(second, {})
    columns = tuple((ours[k], theirs[k]) for k in theirs if k in ours)
    if not columns:
        raise UserError(
            f"{first.path} ({', '.join(first.columns)}) and {second.path} "
            f"({', '.join(second.columns)}) share no label column; --map OURS=GOLD pairs columns "
            "of different names."
        )
    in_second = set(second.ids)
    ids = tuple(i for i in first.ids if i in in_second)
    if not ids:
        raise UserError(
            f"{first.path} ({len(first.ids)} ids in {first.id_column!r}) and {second.path} "
            f"({len(second.ids)} in {second.id_column!r}) share no id; ids are compared letter "
            "by letter: are these the same reports, and the right id columns?"
        )
    in_both = set(ids)
    return Matched(
        columns=columns,
        first_only_columns=tuple(c for k, c in ours.items() if k not in theirs),
        second_only_columns=tuple(c for k, c in theirs.items() if k not in ours),
        ids=ids,
        first_only_ids=tuple(i for i in first.ids if i not in in_both),
        second_only_ids=tuple(i for i in second.ids if i not in in_both),
    )


def _by_key(table: LabelTable, renamed: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for column in table.columns:
        name = key(renamed.get(column, column))
        if name in found and column not in renamed:
            if found[name] in renamed:
                continue  # --map put another column in this one's place
            raise UserError(
                f"{table.path}: the columns {found[name]!r} and {column!r} have the same name "
                "but for case and underscores; remove one."
            )
        found[name] = column
    return found


def is_positive(
    values: NDArray[np.int8], uncertain: Uncertain
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which cells are positive and which count at all, both of `values`' shape.

    1 is positive; 0 and blank are not; -1 is what `uncertain` says. Every cell counts, except
    that ``uncertain="ignore"`` leaves the -1 out.
    """
    positive = values == 1
    counts = np.ones_like(positive)
    if uncertain == "positive":
        positive |= values == -1
    elif uncertain == "ignore":
        counts = values != -1
    return positive, counts
