"""MIMIC-CXR-JPG 2.0.0 and 2.1.0 (Johnson et al. 2019, arXiv 1901.07042) as PhysioNet has it.

Read are ``mimic-cxr-2.0.0-metadata.csv.gz``, ``-split.csv.gz`` and ``-chexpert.csv.gz`` (or
``-negbio.csv.gz``), packed or not, and the images ``files/p10/p10000032/s50414267/ID.jpg``. Sex
and age are not in the set: they come from MIMIC-IV's ``patients.csv.gz`` where that lies in the
folder too.

A patient is the ``subject_id``. Studies are counted by date and time, which the set has shifted
per patient, so that only the days between them mean something. Identifiers of studies and images
go to the crosswalk alone: with them every image could be joined to MIMIC-IV's hospital records.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from cxrmine.dataset.chexpert_layout import OBSERVATIONS
from cxrmine.dataset.csv_rows import full_rows, require_columns
from cxrmine.dataset.sources.label_rows import LabelRows
from cxrmine.dataset.sources.layout import Level, Tables, walk
from cxrmine.dataset.sources.model import LeftOut, SourceImage, SourceSet
from cxrmine.images.projections import FRONTAL, projection_of_position, projection_of_words
from cxrmine.tables import TableError

NAME = "mimic-cxr-jpg"
TITLE = "MIMIC-CXR-JPG"

_TABLE = "mimic-cxr-2.0.0-{}.csv"
# p10 … p19, and the patients in them; nothing else of the set is named so.
_GROUP = re.compile(r"p\d\d$")
_PATIENT = re.compile(r"p\d{8}$")
_PARTS = {"train": "train", "validate": "val", "val": "val", "test": "test"}
_OLDEST = 90
#: MIMIC-IV's age of everybody who is older than 89.
_OVER_89 = 91


@dataclass(frozen=True, slots=True)
class _View:
    """What a row says of the projection.

    ``position`` is PA, AP or blank; ``aside`` a cause to set the image aside, or blank.
    """

    position: str = ""
    confidence: str = "unknown"
    aside: str = ""


@dataclass(frozen=True, slots=True)
class _Row:
    """A line of the metadata."""

    dicom_id: str
    patient: int
    study: int
    taken: tuple[str, float]  # StudyDate and StudyTime
    day: datetime.date | None
    view: _View
    height: int | None
    width: int | None


def read(folder: Path, *, tables_only: bool = False) -> SourceSet:
    """Read MIMIC-CXR-JPG; see the module and `cxrmine.dataset.sources.registry.read_source`."""
    levels = list(walk(folder, lambda name: not _GROUP.match(name) and not _PATIENT.match(name)))
    tables = Tables(folder, levels)
    metadata = tables.need(TITLE, _TABLE.format("metadata"))
    rows = list(_read_metadata(metadata))
    problems: list[str] = []
    official = _read_split(tables, problems)
    labels, unknown_cells = _read_labels(tables, problems)
    people = _read_patients(tables, problems)
    find: Callable[[_Row], Path | None]
    find = (lambda row: None) if tables_only else _Images(levels, metadata.parent).find

    follow_ups, first_days = _order_studies(rows)
    rows.sort(key=lambda row: (row.patient, follow_ups[row.patient, row.study], row.dicom_id))
    images: list[SourceImage] = []
    left_out: list[LeftOut] = []
    patient, running = -1, 0
    for row in rows:
        private = {"dicom_id": row.dicom_id, "study_id": str(row.study)}
        if row.view.aside:
            left_out.append(LeftOut(row.view.aside, row.patient, find(row), private))
            continue
        patient, running = row.patient, running + 1 if row.patient == patient else 0
        day = row.day
        sex, anchor = people.get(row.patient, ("", None))
        found = labels.get(row.study)
        images.append(
            SourceImage(
                image_index=f"{row.patient:08d}_{running:03d}.png",
                patient=row.patient,
                follow_up=follow_ups[row.patient, row.study],
                path=find(row),
                study=str(row.study),
                age=_age(anchor, day),
                sex=sex,
                view=row.view.position,
                view_confidence=row.view.confidence,
                day=None if day is None else (day - first_days[row.patient]).days,
                width=row.width,
                height=row.height,
                labels=found[0] if found else {},
                finding_labels=found[1] if found else "",
                official=official.get(row.dicom_id, ""),
                report_ids=(f"s{row.study}", str(row.study)),
                private=private,
            )
        )
    unknown_views = sum(image.view_confidence == "unknown" for image in images)
    if unknown_views:
        problems.append(
            f"{unknown_views} images have no view in the metadata: kept, View Position blank; "
            "there may be lateral ones among them."
        )
    if unknown_cells:
        problems.append(f"{unknown_cells} label cells are neither 1, 0, -1 nor blank; left blank.")
    return SourceSet(
        name=NAME,
        title=TITLE,
        images=tuple(images),
        set_aside=tuple(left_out),
        missing=0 if tables_only else sum(image.path is None for image in images),
        label_columns=OBSERVATIONS if labels else (),
        official_split=bool(official),
        problems=tuple(problems),
    )


class _Images:
    """The image files: below the metadata's folder first, then below other folders."""

    def __init__(self, levels: Sequence[Level], home: Path) -> None:
        bases = [level for level in levels if any(map(_GROUP.match, level.folders))]
        bases.sort(key=lambda level: (not level.path.is_relative_to(home), level.depth, level.path))
        self._bases = [level.path for level in bases]

    def find(self, row: _Row) -> Path | None:
        """Return the file of a row, a PNG in the JPEG's place too, or None."""
        patient = f"p{row.patient:08d}"
        below = f"{patient[:3]}/{patient}/s{row.study}/{row.dicom_id}"
        for base in self._bases:
            for ending in (".jpg", ".png"):
                path = base / (below + ending)
                if path.is_file():
                    return path
        return None


def _read_metadata(path: Path) -> Iterator[_Row]:
    name = f"the metadata table of {TITLE}"
    header, lines = full_rows(path, name)
    needed = ("dicom_id", "subject_id", "study_id", "ViewPosition")
    require_columns(header, needed, name)
    dicom_at, patient_at, study_at, view_at = map(header.index, needed)
    blank = len(header)

    def at(column: str) -> int:
        return header.index(column) if column in header else blank

    date_at, time_at, rows_at, columns_at = map(at, ("StudyDate", "StudyTime", "Rows", "Columns"))
    meaning_at = at("ViewCodeSequence_CodeMeaning")
    procedure_at = at("PerformedProcedureStepDescription")
    seen: set[str] = set()
    days: dict[str, datetime.date | None] = {}
    for line, cells in lines:
        cells.append("")
        dicom_id = cells[dicom_at].strip()
        if not _safe(dicom_id) or dicom_id in seen:
            what = "stands twice" if dicom_id in seen else "is blank or no identifier"
            raise TableError(f"{name}, line {line}: 'dicom_id' {what}; fetch the table again.")
        seen.add(dicom_id)
        date = cells[date_at].strip()
        if date not in days:
            days[date] = _day(date)
        yield _Row(
            dicom_id,
            _number(cells[patient_at], name, line, "subject_id"),
            _number(cells[study_at], name, line, "study_id"),
            (date, _time(cells[time_at])),
            days[date],
            _view(cells[view_at], cells[meaning_at], cells[procedure_at]),
            _extent(cells[rows_at]),
            _extent(cells[columns_at]),
        )


def _safe(dicom_id: str) -> bool:
    # It becomes part of a path: nothing may lead out of the set's folder.
    return bool(dicom_id) and "/" not in dicom_id and "\\" not in dicom_id and dicom_id[0] != "."


def _number(text: str, name: str, line: int, column: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise TableError(
            f"{name}, line {line}: {column!r} is not a whole number; fetch the table again."
        ) from None


def _time(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _extent(text: str) -> int | None:
    try:
        return int(float(text)) or None
    except (ValueError, OverflowError):
        return None


@lru_cache(maxsize=4096)
def _view(position: str, meaning: str, procedure: str) -> _View:
    """Return the projection: ViewPosition before the view's code before the procedure's name.

    The first two are read as DICOM headers are, from which the set took them. The procedure
    (``CHEST (PORTABLE AP)``) is that of the whole study, so it may say that the one projection was
    AP, never that an image is to be set aside.
    """
    for text in (position, meaning):
        projection = projection_of_position(text)
        if projection is not None and projection not in FRONTAL:
            return _View(aside=f"{projection} view")
        if projection is not None:
            return _View("" if projection == "frontal" else projection, "stated")
    if projection_of_words(procedure) == "AP":
        return _View("AP", "derived")
    return _View()


def _order_studies(
    rows: Sequence[_Row],
) -> tuple[dict[tuple[int, int], int], dict[int, datetime.date]]:
    """Return each study's place among its patient's, from 0, and each patient's first day."""
    taken: dict[tuple[int, int], tuple[str, float]] = {}
    first_days: dict[int, datetime.date] = {}
    for row in rows:
        key = (row.patient, row.study)
        taken[key] = min(taken.get(key, row.taken), row.taken)
        if row.day is not None:
            first_days[row.patient] = min(first_days.get(row.patient, row.day), row.day)
    follow_ups: dict[tuple[int, int], int] = {}
    patient, place = -1, 0
    for key in sorted(taken, key=lambda key: (key[0], taken[key], key[1])):
        place = place + 1 if key[0] == patient else 0
        patient = key[0]
        follow_ups[key] = place
    return follow_ups, first_days


def _day(text: str) -> datetime.date | None:
    """Return a date written ``YYYYMMDD``; the set shifts years beyond 2100, which is no matter."""
    if len(text) != 8 or not text.isdecimal():
        return None
    try:
        return datetime.date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return None


def _read_split(tables: Tables, problems: list[str]) -> dict[str, str]:
    path = tables.find(_TABLE.format("split"))
    if path is None:
        problems.append(f"there is no {_TABLE.format('split')}.gz: no official split.")
        return {}
    name = f"the split table of {TITLE}"
    header, lines = full_rows(path, name)
    require_columns(header, ("dicom_id", "split"), name)
    dicom_at, split_at = header.index("dicom_id"), header.index("split")
    official: dict[str, str] = {}
    for line, cells in lines:
        part = _PARTS.get(cells[split_at].strip().lower())
        if part is None:
            raise TableError(
                f"{name}, line {line}: 'split' is none of train, validate and test; fetch the "
                "table again."
            )
        official[cells[dicom_at].strip()] = part
    return official


def _read_labels(
    tables: Tables, problems: list[str]
) -> tuple[dict[int, tuple[Mapping[str, str], str]], int]:
    """Return labels and ``Finding Labels`` by study, and how many cells were no labels."""
    path = tables.find(_TABLE.format("chexpert"), _TABLE.format("negbio"))
    if path is None:
        problems.append(
            f"there is neither {_TABLE.format('chexpert')}.gz nor {_TABLE.format('negbio')}.gz: "
            "no labels of its own."
        )
        return {}, 0
    if "negbio" in path.name.lower():
        problems.append(f"there is no {_TABLE.format('chexpert')}.gz: NegBio's labels are taken.")
    name = f"the label table of {TITLE}"
    header, lines = full_rows(path, name)
    require_columns(header, ("study_id", *OBSERVATIONS), name)
    study_at = header.index("study_id")
    at = [header.index(column) for column in OBSERVATIONS]
    reader = LabelRows(OBSERVATIONS)
    labels: dict[int, tuple[Mapping[str, str], str]] = {}
    for line, cells in lines:
        study = _number(cells[study_at], name, line, "study_id")
        labels[study] = reader.read([cells[index] for index in at])
    return labels, reader.unknown


def _read_patients(
    tables: Tables, problems: list[str]
) -> dict[int, tuple[str, tuple[int, int] | None]]:
    """Return sex and (age, in which year) by patient, from MIMIC-IV's table of patients."""
    path = tables.find("patients.csv")
    if path is None:
        problems.append("MIMIC-IV's patients.csv.gz is not in the folder: no sex, no age.")
        return {}
    name = "MIMIC-IV's table of patients"
    header, lines = full_rows(path, name)
    needed = ("subject_id", "gender", "anchor_age", "anchor_year")
    require_columns(header, needed, name)
    patient_at, sex_at, age_at, year_at = map(header.index, needed)
    people: dict[int, tuple[str, tuple[int, int] | None]] = {}
    for line, cells in lines:
        sex = cells[sex_at].strip().upper()
        age, year = _extent(cells[age_at]), _extent(cells[year_at])
        people[_number(cells[patient_at], name, line, "subject_id")] = (
            sex if sex in ("M", "F") else "",
            (age, year) if age is not None and year is not None else None,
        )
    return people


def _age(anchor: tuple[int, int] | None, day: datetime.date | None) -> int | None:
    """Return the age at a study from the age in one (shifted) year."""
    if anchor is None or day is None:
        return None
    years = day.year - anchor[1]
    if anchor[0] >= _OVER_89 and years < 0:
        return None  # anything up to 90: MIMIC-IV does not say how old
    age = anchor[0] + years
    return min(age, _OLDEST) if 0 <= age <= 150 else None
