"""A classifier's scores and the gold that they are scored against, matched by name.

Neither the order of rows nor that of columns means anything. Messages name files, lines and
columns but no id: ids can be patient data.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cxrmine.dataset.csv_rows import csv_rows
from cxrmine.dataset.data_entry import read_data_entry
from cxrmine.dataset.model import NO_FINDING, SEPARATOR, ImageRow
from cxrmine.dataset.read import read_dataset
from cxrmine.errors import UserError
from cxrmine.evaluation.findings import FINDINGS_14, key
from cxrmine.evaluation.id_table import IdTable, read_id_table
from cxrmine.evaluation.labels import BLANK, LabelTable, read_labels
from cxrmine.tables import TableError

_PROB = re.compile(r"prob(?:ability)?[_ -]+", re.IGNORECASE)
# Columns of CheXpert's, MIMIC-CXR's and NIH's tables that are no findings, as `key` writes them.
_NO_FINDINGS = frozenset(
    {
        "ap/pa",
        "age",
        "dicom id",
        "finding labels",
        "follow up #",
        "frontal/lateral",
        "image index",
        "official",
        "path",
        "patient",
        "patient age",
        "patient gender",
        "patient id",
        "sex",
        "split",
        "study",
        "study id",
        "subject id",
        "view position",
    }
)
_PATIENT_COLUMNS = ("patient id", "subject id", "patient", "patientid")
# How ids tell the patient: CheXpert's paths, ChestX-ray14's file names.
_PATIENT_IN_ID = (
    re.compile(r"(?:^|/)(patient\d+)(?:/|$)"),
    re.compile(r"(?:^|/)(\d{8})_\d{3}(?:\.\w+)?$"),
)

Kind = Literal["Data_Entry table", "label table", "data set"]


@dataclass(frozen=True)
class ScoreTable(IdTable):
    """Predictions as read; see `IdTable`.

    Attributes
    ----------
    columns
        The finding as in the header, without ``prob_``.
    name
        What tables call the model: the file's name without its endings.
    notes
        What a user should know about the reading.
    """

    name: str
    notes: tuple[str, ...]

    def scores(self, columns: Sequence[str]) -> NDArray[np.float64]:
        """Return the scores of `columns`, shape ``(rows, len(columns))``.

        Raises
        ------
        TableError
            If a cell is blank, NaN, infinite or no number.
        """
        array = np.empty((len(self.ids), len(columns)))
        for k, column in enumerate(columns):
            cells = self.cells[column]
            try:
                array[:, k] = [float(cell) for cell in cells]
                fine = bool(np.isfinite(array[:, k]).all()) and not any("_" in c for c in cells)
            except ValueError:
                fine = False
            if not fine:
                row = next(r for r, cell in enumerate(cells) if not _is_score(cell))
                raise TableError(
                    f"{self.path}, line {self.lines[row]}, column {column!r}: the cell is no "
                    "finite number; every image needs a score for every finding, so put it right "
                    "or leave the column or the row out."
                )
        return array


def _is_score(cell: str) -> bool:
    # float() takes 1_000 for a number, which nobody means in a table.
    try:
        return isfinite(float(cell)) and "_" not in cell
    except ValueError:
        return False


def model_name(path: Path) -> str:
    """Return a file's name without ``.csv``, ``.gz`` and a ``predictions`` at its end.

    >>> model_name(Path("runs/chexnet_predictions.csv.gz"))
    'chexnet'
    """
    stem = path.name
    for ending in (".gz", ".csv", ".tsv"):
        if stem.lower().endswith(ending):
            stem = stem[: -len(ending)]
    short = re.sub(r"[_ -](?:predictions?|preds?)$", "", stem, flags=re.IGNORECASE)
    return short or stem


def read_scores(path: str | Path) -> ScoreTable:
    """Read a table of predictions: the first column the id, one column a finding.

    Parameters
    ----------
    path
        ``.csv``, ``.tsv``, either with ``.gz``. The findings' names may carry ``prob_``; where
        both ``X`` and ``prob_X`` stand (some programs write the truth beside the score), the
        second is the score.

    Raises
    ------
    TableError
        If the file cannot be read, has no header line, no finding or no row, names a column
        twice, or an id is blank or stands twice.
    """
    form = "predictions have the id first and then one column a finding"
    table = read_id_table(path, form=form)
    names: dict[str, str] = {}  # finding → its column
    spelled: dict[str, str] = {}  # compared name → finding
    notes: list[str] = []
    for column in table.columns:
        finding = _PROB.sub("", column, count=1) if _PROB.match(column) else column
        earlier = spelled.get(key(finding))
        if earlier is None:
            names[finding] = column
            spelled[key(finding)] = finding
            continue
        before = names[earlier]
        if bool(_PROB.match(column)) == bool(_PROB.match(before)):
            raise TableError(
                f"{table.path}: the columns {before!r} and {column!r} have the same name but for "
                "case and underscores; remove one."
            )
        notes.append(
            f"{finding}: the column with prob_ is taken, the one without is not read as scores."
        )
        if _PROB.match(column):
            names[earlier] = column
    return ScoreTable(
        path=table.path,
        id_column=table.id_column,
        columns=tuple(names),
        ids=table.ids,
        lines=table.lines,
        cells={finding: table.cells[column] for finding, column in names.items()},
        name=model_name(table.path),
        notes=tuple(notes),
    )


@dataclass(frozen=True)
class Gold:
    """What is true of the images.

    Attributes
    ----------
    path
        The file or the data set's folder.
    kind
        How it was read.
    ids
        All different.
    columns
        The findings that it decides on.
    patients
        The patient of every id, or None where it does not tell.
    table
        The label table it was read from, or None: then `rows`.
    rows
        A Data_Entry table's rows.
    """

    path: Path
    kind: Kind
    ids: tuple[str, ...]
    columns: tuple[str, ...]
    patients: tuple[str, ...] | None
    table: LabelTable | None = None
    rows: tuple[ImageRow, ...] = ()

    def values(self, columns: Sequence[str]) -> NDArray[np.int8]:
        """Return 1, 0, -1 and `BLANK`, shape ``(len(ids), len(columns))``.

        Raises
        ------
        TableError
            If a cell is no label.
        """
        if self.table is not None:
            return self.table.values(columns, self.ids)
        array = np.empty((len(self.rows), len(columns)), dtype=np.int8)
        codes = {"1": 1, "0": 0, "-1": -1, "": BLANK}
        if self.kind == "data set":
            own = any(NO_FINDING in row.labels for row in self.rows)
            for k, column in enumerate(columns):
                if column == NO_FINDING and not own:
                    array[:, k] = [_no_finding(row) for row in self.rows]
                else:
                    array[:, k] = [codes[row.labels.get(column, "")] for row in self.rows]
            return array
        # A Data_Entry row lists what is there: the rest is not there. A blank one says nothing.
        place = {key(column): k for k, column in enumerate(columns)}
        # Few different combinations, many rows.
        where: dict[str, list[int]] = {}
        array[:] = 0
        for row, image in enumerate(self.rows):
            labels = image.finding_labels
            if labels not in where:
                named = (key(label) for label in labels.split(SEPARATOR))
                where[labels] = [place[name] for name in named if name in place]
            if labels.strip():
                array[row, where[labels]] = 1
            else:
                array[row] = BLANK
        return array


def _no_finding(row: ImageRow) -> int:
    return int(row.finding_labels == NO_FINDING) if row.finding_labels else BLANK


def read_gold(path: str | Path) -> Gold:
    """Read a Data_Entry table, a label table (CheXpert's form) or a data set's folder.

    A Data_Entry table has the column ``Finding Labels``. It decides on the 14 findings of
    ChestX-ray14, No Finding, and every other finding that it names somewhere. A label table has
    one column a finding with 1, 0, -1 or blank. A folder is a data set of build-dataset: its
    ``labels.csv``, or its ``Data_Entry.csv`` where it has none.

    Raises
    ------
    UserError
        If it is missing, is none of these, or an id stands twice.
    """
    place = Path(path)
    if place.is_dir():
        dataset = read_dataset(place)
        if not dataset.rows:
            raise UserError(f"{place} is a data set without images.")
        if dataset.label_columns:
            named = tuple(dict.fromkeys((*dataset.label_columns, NO_FINDING)))
            return _from_rows(place, "data set", dataset.rows, named)
        return _from_rows(place, "Data_Entry table", dataset.rows, _named(dataset.rows))
    # NIH's table of 2017 has rows that are longer than its header, so only `csv_rows` reads it.
    _, header = next(csv_rows(place, str(place)))
    if "finding labels" in {key(cell) for cell in header}:
        rows = read_data_entry(place, name=str(place))
        if not rows:
            raise TableError(f"{place} has a header but no row.")
        return _from_rows(place, "Data_Entry table", rows, _named(rows))
    table = read_labels(place)
    columns = tuple(c for c in table.columns if key(c) not in _NO_FINDINGS)
    if not columns:
        raise TableError(
            f"{place} has no column of a finding; a gold is a Data_Entry table (with the column "
            "'Finding Labels') or has one column a finding."
        )
    return Gold(place, "label table", table.ids, columns, _patients(table), table=table)


def _from_rows(path: Path, kind: Kind, rows: Sequence[ImageRow], columns: Sequence[str]) -> Gold:
    return Gold(
        path,
        kind,
        tuple(row.image_index for row in rows),
        tuple(columns),
        tuple(str(row.patient) for row in rows),
        rows=tuple(rows),
    )


def _named(rows: Sequence[ImageRow]) -> tuple[str, ...]:
    """Return the findings that a Data_Entry table decides on."""
    known = {key(name): name for name in (*FINDINGS_14, NO_FINDING)}
    for labels in dict.fromkeys(row.finding_labels for row in rows):
        for label in labels.split(SEPARATOR):
            if label.strip():
                known.setdefault(key(label), label.strip())
    return tuple(known.values())


def _patients(table: LabelTable) -> tuple[str, ...] | None:
    for column in table.columns:
        if key(column) in _PATIENT_COLUMNS and all(c.strip() for c in table.cells[column]):
            return tuple(cell.strip() for cell in table.cells[column])
    for pattern in _PATIENT_IN_ID:
        found = [pattern.search(image) for image in table.ids]
        if all(found):
            return tuple(match[1] for match in found if match)
    return None


@dataclass(frozen=True)
class Paired:
    """Scores and truth side by side.

    Attributes
    ----------
    model
        The predictions' name.
    ids
        Ids of both, in the predictions' order.
    findings
        The findings of both, by the gold's names and in the predictions' order.
    scores
        Shape ``(n, findings)``.
    truth
        Shape ``(n, findings)``: True where the gold says 1.
    known
        Shape ``(n, findings)``: False where the gold is blank or -1.
    patients
        Shape ``(n,)``, the number of each image's patient, or None where nothing tells.
    predictions_only, gold_only
        Ids of one side.
    predictions_only_columns, gold_only_columns
        Columns of one side.
    """

    model: str
    ids: tuple[str, ...]
    findings: tuple[str, ...]
    scores: NDArray[np.float64]
    truth: NDArray[np.bool_]
    known: NDArray[np.bool_]
    patients: NDArray[np.int64] | None
    predictions_only: tuple[str, ...]
    gold_only: tuple[str, ...]
    predictions_only_columns: tuple[str, ...]
    gold_only_columns: tuple[str, ...]

    def several_images_of_a_patient(self) -> bool:
        """Tell whether some patient has more than one image."""
        return self.patients is not None and len(np.unique(self.patients)) < len(self.patients)

    def at(self, rows: NDArray[np.intp], findings: Sequence[str]) -> Paired:
        """Return some rows and findings."""
        columns = np.array([self.findings.index(name) for name in findings], dtype=np.intp)
        return Paired(
            self.model,
            tuple(self.ids[row] for row in rows),
            tuple(findings),
            self.scores[np.ix_(rows, columns)],
            self.truth[np.ix_(rows, columns)],
            self.known[np.ix_(rows, columns)],
            None if self.patients is None else self.patients[rows],
            (),
            (),
            (),
            (),
        )


def match_columns(
    path: Path,
    ours: Sequence[str],
    gold: Gold,
    renamed: Mapping[str, str] | None = None,
    *,
    strict: bool = True,
) -> list[tuple[str, str]]:
    """Return pairs (a table's column, the gold's finding) of the same name, in our order.

    Names are compared without case, spaces, hyphens and underscores.

    Parameters
    ----------
    path
        The table's file, for messages.
    ours
        Its columns.
    gold
        What they are matched with.
    renamed
        Column of ours → finding of the gold, where the names differ.
    strict
        Whether `renamed` must name columns that are there (other models and readers may lack
        some).

    Raises
    ------
    UserError
        If no column matches, or `renamed` names one that is not there.
    """
    theirs = {key(column): column for column in gold.columns}
    moved = {key(a): b for a, b in (renamed or {}).items()}
    for finding in (renamed or {}).values():
        if key(finding) not in theirs:
            raise UserError(
                f"--map: {gold.path} has no finding {finding!r}; it has {', '.join(gold.columns)}."
            )
    known = {key(column) for column in ours}
    if strict and (missing := [a for a in (renamed or {}) if key(a) not in known]):
        raise UserError(f"--map: {path} has no column {missing[0]!r}; it has {', '.join(ours)}.")
    taken = {key(finding) for a, finding in (renamed or {}).items() if key(a) in known}
    pairs = []
    for column in ours:
        if key(column) in moved:
            pairs.append((column, theirs[key(moved[key(column)])]))
        elif key(column) in theirs and key(column) not in taken:
            pairs.append((column, theirs[key(column)]))
    if not pairs:
        raise UserError(
            f"{path} ({', '.join(ours)}) and the gold {gold.path} ({', '.join(gold.columns)}) "
            "share no finding; --map OURS=GOLD pairs columns of different names."
        )
    if len({finding for _, finding in pairs}) < len(pairs):
        raise UserError("--map pairs two columns with one finding; name each once.")
    return pairs


def pair(
    predictions: ScoreTable,
    gold: Gold,
    renamed: Mapping[str, str] | None = None,
    *,
    strict: bool = True,
) -> Paired:
    """Match predictions and gold by id and by finding.

    Raises
    ------
    UserError
        If they share no id or no finding, or a cell that is needed is no score or no label.
    """
    pairs = match_columns(predictions.path, predictions.columns, gold, renamed, strict=strict)
    place = {image: row for row, image in enumerate(gold.ids)}
    both = [row for row, image in enumerate(predictions.ids) if image in place]
    if not both:
        raise UserError(
            f"{predictions.path} ({len(predictions.ids):,} ids in its first column, "
            f"{predictions.id_column!r}) and the gold {gold.path} ({len(gold.ids):,} ids) share no "
            "id; ids are compared letter by letter: is the first column the id, and are these the "
            "same images?"
        )
    ids = tuple(predictions.ids[row] for row in both)
    rows = np.array([place[image] for image in ids], dtype=np.intp)
    findings = tuple(finding for _, finding in pairs)
    values = gold.values(findings)[rows]
    patients = None
    if gold.patients is not None:
        patients = np.unique([gold.patients[row] for row in rows], return_inverse=True)[1]
        patients = patients.reshape(-1).astype(np.int64)
    shared = set(ids)
    used = {column for column, _ in pairs}
    return Paired(
        model=predictions.name,
        ids=ids,
        findings=findings,
        scores=predictions.scores([column for column, _ in pairs])[np.array(both, dtype=np.intp)],
        truth=values == 1,
        known=(values == 1) | (values == 0),
        patients=patients,
        predictions_only=tuple(i for i in predictions.ids if i not in shared),
        gold_only=tuple(i for i in gold.ids if i not in shared),
        predictions_only_columns=tuple(c for c in predictions.columns if c not in used),
        gold_only_columns=tuple(c for c in gold.columns if c not in findings and c != NO_FINDING),
    )
