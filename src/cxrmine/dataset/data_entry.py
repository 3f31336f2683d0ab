"""``Data_Entry.csv``, the table of images in ChestX-ray14's columns, and ``labels.csv`` beside it.

NIH's header is kept byte for byte, so that programs written for ChestX-ray14 read our sets. Two
of its names hold commas in their brackets: a CSV reader sees 11 cells.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from cxrmine.dataset.csv_rows import csv_rows, full_rows, plain_row, require_columns
from cxrmine.dataset.model import ImageRow
from cxrmine.tables import TableError, atomic_writer, format_row

#: The header line of NIH's ``Data_Entry_2017_v2020.csv``.
HEADER = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]"
)
#: How that table is called in messages.
_TABLE = "the Data_Entry table"
IMAGE_INDEX = "Image Index"

# The cells of the header by what they hold; NIH's table of 2017, its sample at Kaggle and tables
# that pandas saved again spell some of them otherwise.
_COLUMNS = {
    "imageindex": "image_index",
    "findinglabels": "finding_labels",
    "followup#": "follow_up",
    "followup": "follow_up",
    "patientid": "patient",
    "patientage": "age",
    "patientgender": "sex",
    "patientsex": "sex",
    "viewposition": "view",
    "originalimagewidth": "width",
    "height": "height",
    "originalimageheight": "height",
    "originalimagepixelspacingx": "spacing_x",
    "y": "spacing_y",
    "originalimagepixelspacingy": "spacing_y",
}
_NEEDED = {
    "image_index": "Image Index",
    "finding_labels": "Finding Labels",
    "follow_up": "Follow-up #",
    "patient": "Patient ID",
}
_PUNCTUATION = re.compile(r"[\s\[\]_-]")

# Patient's Age in DICOM's form (PS3.5 6.2, AS), as NIH's table of 2017 has it: 058Y, 011M.
_AGE = re.compile(r"(\d+)(?:\.0+)?([YMWD]?)")
_PER_YEAR = {"": 1, "Y": 1, "M": 12, "W": 52, "D": 365}
# NIH's table of 2017 has ages up to 414; nobody has been known to pass 122.
_OLDEST = 122
_WHOLE = re.compile(r"(\d+)(?:\.0+)?")
_SEXES = {
    "": "",
    **dict.fromkeys(("m", "male"), "M"),
    **dict.fromkeys(("f", "female"), "F"),
    **dict.fromkeys(("o", "other"), "O"),
    **dict.fromkeys(("u", "unknown"), ""),
}
_VIEWS = {"": "", "pa": "PA", "ap": "AP", "unknown": ""}

#: Label values that a table of labels may hold, and how they are written.
_LABELS = {
    "": "",
    **dict.fromkeys(("1", "1.0", "+1"), "1"),
    **dict.fromkeys(("0", "0.0", "-0", "-0.0"), "0"),
    **dict.fromkeys(("-1", "-1.0"), "-1"),
}


def write_data_entry(path: Path, rows: Iterable[ImageRow]) -> int:
    """Write ``Data_Entry.csv`` in one step and return its number of rows.

    Parameters
    ----------
    path : Path
        The file; its folder must exist.
    rows
        In the order in which they shall stand.
    """
    count = 0
    with atomic_writer(path) as handle:
        handle.write(HEADER + "\n")
        for row in rows:
            count += 1
            handle.write(
                plain_row(
                    (
                        row.image_index,
                        row.finding_labels,
                        row.follow_up,
                        row.patient,
                        row.age,
                        row.sex,
                        row.view,
                        row.width,
                        row.height,
                        row.spacing_x,
                        row.spacing_y,
                    )
                )
            )
    return count


def read_data_entry(
    path: Path,
    *,
    name: str = _TABLE,
    labels: Mapping[str, Mapping[str, str]] | None = None,
    official: Mapping[str, str] | None = None,
) -> list[ImageRow]:
    """Read a table in ChestX-ray14's columns: ours, NIH's of 2017 or its version of 2020.

    Columns are found by name, so that the comma at the end of NIH's lines of 2017, the spellings
    of its Kaggle sample and columns that somebody added do no harm. Follow-up and patient must be
    whole numbers. Ages are taken in years or in DICOM's form (``58``, ``058Y``, ``011M``) and
    given in whole years; impossible ones (above 122; NIH's table of 2017 has some) become None.

    Parameters
    ----------
    path : Path
        The table, ``.csv`` or ``.csv.gz``.
    name : str
        What messages call it.
    labels, official : mapping, optional
        By Image Index: what goes into the rows' `labels` and `official`.

    Returns
    -------
    list of ImageRow
        In the table's order.

    Raises
    ------
    TableError
        If a needed column is missing, a value is not of its kind, or an Image Index stands twice.
    """
    lines = csv_rows(path, name)
    _, header = next(lines)
    place = _places(header, name)
    image_at, findings_at = place["image_index"], place["finding_labels"]
    follow_at, patient_at = place["follow_up"], place["patient"]
    # A column that the table lacks is read from a blank cell behind every row's own.
    blank_at = len(header)
    age_at, sex_at, view_at, width_at, height_at, x_at, y_at = (
        place.get(column, blank_at)
        for column in ("age", "sex", "view", "width", "height", "spacing_x", "spacing_y")
    )
    known_labels, known_parts = labels or {}, official or {}
    none: dict[str, str] = {}
    # Few different ones, many rows.
    ages: dict[str, int | None] = {}
    numbers: dict[str, int | None] = {}
    rows: list[ImageRow] = []
    seen: set[str] = set()
    for line, cells in lines:
        # Rows may lack the blank cells at their end, or have some that the header lacks.
        if any(cells[blank_at:]):
            raise TableError(
                f"{name}, line {line}: {len(cells)} cells where the header has {blank_at}; is a "
                "comma too many?"
            )
        cells = cells[:blank_at] + [""] * (blank_at + 1 - len(cells))
        try:
            image_index = cells[image_at].strip()
            if not image_index or image_index in seen:
                raise _Wrong(IMAGE_INDEX, "is blank" if not image_index else "stands twice")
            seen.add(image_index)
            age_text = cells[age_at]
            if age_text not in ages:
                ages[age_text] = _age(age_text)
            for at in (width_at, height_at):
                if cells[at] not in numbers:
                    numbers[cells[at]] = _whole(cells[at], "OriginalImage[Width,Height]", True)
            row = ImageRow(
                image_index,
                cells[findings_at].strip(),
                _number(cells[follow_at], "Follow-up #"),
                _number(cells[patient_at], "Patient ID"),
                ages[age_text],
                _choice(cells[sex_at], _SEXES, "Patient Gender", "M, F, O or blank"),
                _choice(cells[view_at], _VIEWS, "View Position", "PA, AP or blank"),
                numbers[cells[width_at]],
                numbers[cells[height_at]],
                cells[x_at].strip(),
                cells[y_at].strip(),
                known_labels.get(image_index, none),
                known_parts.get(image_index, ""),
            )
        except _Wrong as wrong:
            raise TableError(
                f"{name}, line {line}: {wrong.column!r} {wrong.what}; put it right in the table."
            ) from None
        rows.append(row)
    return rows


class _Wrong(Exception):
    """A cell that is not of its column's kind."""

    def __init__(self, column: str, what: str) -> None:
        super().__init__(column, what)
        self.column = column
        self.what = what


def _places(header: Sequence[str], name: str) -> dict[str, int]:
    place: dict[str, int] = {}
    for index, cell in enumerate(header):
        column = _COLUMNS.get(_PUNCTUATION.sub("", cell).casefold())
        if column is None:
            continue
        if column in place:
            raise TableError(f"{name}: the header names {cell.strip()!r} twice.")
        place[column] = index
    for column, spelled in _NEEDED.items():
        if column not in place:
            raise TableError(
                f"{name} has no column {spelled!r}; is it a table in ChestX-ray14's columns?"
            )
    return place


def _number(text: str, column: str) -> int:
    # The usual case first: this runs twice a row.
    if text.isdecimal():
        return int(text)
    value = _whole(text, column, False)
    assert value is not None
    return value


def _whole(text: str, column: str, may_be_blank: bool) -> int | None:
    if may_be_blank and not text.strip():
        return None
    match = _WHOLE.fullmatch(text.strip())
    if match is None:
        raise _Wrong(column, "is not a whole number")
    return int(match[1])


def _age(text: str) -> int | None:
    if not text.strip():
        return None
    match = _AGE.fullmatch(text.strip().upper())
    if match is None:
        raise _Wrong("Patient Age", "is neither years nor of the form 058Y")
    years = int(match[1]) // _PER_YEAR[match[2]]
    return years if years <= _OLDEST else None


def _choice(text: str, known: Mapping[str, str], column: str, said: str) -> str:
    value = known.get(text.strip().casefold())
    if value is None:
        raise _Wrong(column, f"is not {said}")
    return value


def label_columns(rows: Iterable[ImageRow]) -> tuple[str, ...]:
    """Return the names of all the rows' labels, in the order in which they first appear."""
    columns: dict[str, None] = {}
    last: Mapping[str, str] | None = None
    for row in rows:
        if row.labels is not last:
            columns.update(dict.fromkeys(row.labels))
            last = row.labels
    return tuple(columns)


def write_labels(path: Path, rows: Sequence[ImageRow], columns: Sequence[str] | None = None) -> int:
    """Write ``labels.csv``, ``Image Index`` and a column a label, and return its number of rows.

    Every image has a line; that of an image without labels is blank.

    Parameters
    ----------
    path : Path
        The file; its folder must exist.
    rows
        In the order in which they shall stand.
    columns
        The label columns in their order; by default all that the rows have.

    Raises
    ------
    ValueError
        If a label is not 1, 0, -1 or blank, or a row has a label that `columns` does not name.
    """
    names = label_columns(rows) if columns is None else tuple(columns)
    known = set(names)

    with atomic_writer(path) as handle:
        handle.write(format_row([IMAGE_INDEX, *names]))
        for row in rows:
            if not row.labels.keys() <= known:
                raise ValueError(f"{path.name}: a row has a label that is not among the columns")
            try:
                cells = [_LABELS[row.labels.get(column, "")] for column in names]
            except KeyError:
                raise ValueError(f"{path.name}: a label is none of 1, 0, -1 and blank") from None
            # Numbers all: the -1 needs no apostrophe.
            before = plain_row([row.image_index]).removesuffix("\n")
            handle.write(",".join([before, *cells]) + "\n")
    return len(rows)


def read_labels(
    path: Path, *, name: str = "labels.csv"
) -> tuple[tuple[str, ...], dict[str, dict[str, str]]]:
    """Read ``labels.csv``.

    Returns
    -------
    tuple
        The label columns in order, and the labels by Image Index: ``1``, ``0``, ``-1`` or blank
        by column; no entry (an empty mapping) for an image whose line is blank throughout.

    Raises
    ------
    TableError
        If ``Image Index`` is missing, a label is none of 1, 0, -1 and blank, a row has too many
        or too few cells, or an Image Index stands twice.
    """
    header, lines = full_rows(path, name)
    require_columns(header, [IMAGE_INDEX], name)
    image_at = header.index(IMAGE_INDEX)
    columns = [column for column in header if column != IMAGE_INDEX]
    labels: dict[str, dict[str, str]] = {}
    for line, cells in lines:
        image_index = cells.pop(image_at)
        if not image_index or image_index in labels:
            what = "stands twice" if image_index else "is blank"
            raise TableError(f"{name}, line {line}: {IMAGE_INDEX!r} {what}.")
        try:
            values = [_LABELS[cell] for cell in cells]
        except KeyError:
            raise TableError(
                f"{name}, line {line}: a label is none of 1, 0, -1 and blank; put it right in "
                "the table."
            ) from None
        labels[image_index] = dict(zip(columns, values, strict=True)) if any(values) else {}
    return tuple(columns), labels
