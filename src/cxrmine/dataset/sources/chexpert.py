"""CheXpert (Irvin et al. 2019, arXiv 1901.07031) as Stanford distributes it.

Read are ``train.csv`` and ``valid.csv`` of ``CheXpert-v1.0`` and ``CheXpert-v1.0-small``, in one
folder with ``train/`` and ``valid/`` or as the four batches of the AIMI download (whose second to
fourth hold the patients without ``train/``), and the later test set: ``test.csv``,
``test_labels.csv`` and ``val_labels.csv`` of CheXlocalize, or ``groundtruth.csv``, which has one
row a study.

A patient is the number in ``patient00001``, which train, valid and test share; a study that in
``study1``, less one. Labels are the set's own: 1, 0, -1 (uncertain) or blank.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cxrmine.dataset.chexpert_layout import OBSERVATIONS
from cxrmine.dataset.csv_rows import full_rows
from cxrmine.dataset.sources.label_rows import LabelRows
from cxrmine.dataset.sources.layout import Level, Tables, is_image, walk
from cxrmine.dataset.sources.model import LeftOut, SourceImage, SourceSet
from cxrmine.errors import UserError

NAME = "chexpert"
TITLE = "CheXpert"
#: The tables of each part; of several that are there the first counts.
_TABLES = (
    ("train", ("train.csv",)),
    ("val", ("valid.csv", "val_labels.csv")),
    ("test", ("test.csv", "test_labels.csv", "groundtruth.csv")),
)
_IMAGE = re.compile(
    r"patient(\d+)/study(\d+)/view(\d+)_(frontal|lateral)\.(?:jpe?g|png)$", re.IGNORECASE
)
_STUDY = re.compile(r"patient(\d+)/study(\d+)/?$", re.IGNORECASE)
_PATIENT_FOLDER = re.compile(r"patient\d+$", re.IGNORECASE)
_SEXES = {"male": "M", "female": "F"}
_OLDEST = 90


@dataclass(frozen=True, slots=True)
class _Row:
    """A line of a table, its cells by meaning."""

    part: str
    patient: int
    study: int
    view: int
    frontal: bool
    projection: str  # the cell AP/PA
    tail: str  # patient00001/study1/view1_frontal.jpg
    age: str
    sex: str
    labels: tuple[str, ...]

    @property
    def order(self) -> tuple[int, int, int, str]:
        return self.patient, self.study, self.view, self.tail


def read(folder: Path, *, tables_only: bool = False) -> SourceSet:
    """Read CheXpert; see the module and `cxrmine.dataset.sources.registry.read_source`."""
    levels = list(walk(folder, lambda name: not _PATIENT_FOLDER.match(name)))
    tables = Tables(folder, levels)
    images = _Images(() if tables_only else levels)
    problems: list[str] = []
    rows: list[_Row] = []
    found = 0
    for part, names in _TABLES:
        path = tables.find(*names)
        if path is not None:
            found += 1
            rows += _read_table(path, part, images)
    if not found:
        tables.need(TITLE, *(name for _, names in _TABLES for name in names))
    rows.sort(key=lambda row: row.order)

    reader = LabelRows(OBSERVATIONS)
    taken: list[SourceImage] = []
    left_out: list[LeftOut] = []
    missing = twice = contradicted = 0
    running = 0
    before: _Row | None = None
    for row in rows:
        if before is not None and row.tail == before.tail:
            twice += 1
            continue
        running = 0 if before is None or row.patient != before.patient else running
        before = row
        private = {"file": row.tail}
        if not row.frontal:
            left_out.append(LeftOut("lateral view", row.patient, images.find(row.tail), private))
            continue
        view = row.projection if row.projection in ("PA", "AP") else ""
        lateral_too = row.projection in ("LL", "RL")
        contradicted += lateral_too
        path = images.find(row.tail)
        missing += path is None and not tables_only
        labels, findings = reader.read(row.labels)
        sex = _SEXES.get(row.sex.lower(), "")
        taken.append(
            SourceImage(
                image_index=f"{row.patient:08d}_{running:03d}.png",
                patient=row.patient,
                follow_up=max(row.study - 1, 0),
                path=path,
                study=f"{row.patient}/{row.study}",
                age=_age(row.age, sex),
                sex=sex,
                view=view,
                view_confidence="unknown" if lateral_too else "stated",
                labels=labels,
                finding_labels=findings,
                official=row.part,
                private=private,
            )
        )
        running += 1
    if twice:
        problems.append(f"{twice} images stand in the tables twice; the first row counts.")
    if contradicted:
        problems.append(
            f"{contradicted} images are called frontal in the column Frontal/Lateral and lateral "
            "in AP/PA; they are kept, their View Position is blank."
        )
    if reader.unknown:
        problems.append(f"{reader.unknown} label cells are neither 1, 0, -1 nor blank; left blank.")
    return SourceSet(
        name=NAME,
        title=TITLE,
        images=tuple(taken),
        set_aside=tuple(left_out),
        missing=missing,
        label_columns=OBSERVATIONS,
        official_split=True,
        problems=tuple(problems),
    )


def _age(text: str, sex: str) -> int | None:
    try:
        age = int(float(text))
    except (ValueError, OverflowError):
        return None
    # The set's one patient of unknown sex has age 0: not a newborn, but nothing known.
    if not 0 <= age <= 150 or (age == 0 and not sex):
        return None
    return min(age, _OLDEST)


class _Images:
    """The image files of the set: patients can be spread over several folders.

    Parameters
    ----------
    levels
        The folders of the set above the patients'; none where images are not wanted.
    """

    def __init__(self, levels: tuple[Level, ...] | list[Level]) -> None:
        self._parents: dict[str, Path] = {}
        for level in levels:
            for name in level.folders:
                if _PATIENT_FOLDER.match(name):
                    self._parents.setdefault(name, level.path)

    def find(self, tail: str) -> Path | None:
        """Return the file ``patient00001/study1/view1_frontal.jpg``, a PNG in its place too."""
        parent = self._parents.get(tail.partition("/")[0])
        if parent is None:
            return None
        path = parent / tail
        for candidate in (path, path.with_suffix(".png"), path.with_suffix(".jpg")):
            if candidate.is_file():
                return candidate
        return None

    def views(self, study: str) -> list[str]:
        """Return the images of a study, ``patient00001/study1/view1_frontal.jpg`` …, sorted."""
        parent = self._parents.get(study.partition("/")[0])
        if parent is None or not (parent / study).is_dir():
            return []
        names = sorted(entry.name for entry in (parent / study).iterdir() if is_image(entry.name))
        return [f"{study}/{name}" for name in names]


def _read_table(path: Path, part: str, images: _Images) -> Iterator[_Row]:
    table = f"{path.name} of {TITLE}"
    header, lines = full_rows(path, table)
    where = {name.strip(): index for index, name in enumerate(header)}
    label_cells = [where.get(name) for name in OBSERVATIONS]
    key = next((name for name in ("Path", "Study") if name in where), None)
    if key is None or None in label_cells:
        lacks = "Path" if key is None else next(name for name in OBSERVATIONS if name not in where)
        raise UserError(f"{table} has no column {lacks!r}; take the file as it is distributed.")
    at = [index for index in label_cells if index is not None]
    sex, age = where.get("Sex"), where.get("Age")
    side, projection = where.get("Frontal/Lateral"), where.get("AP/PA")
    for number, cells in lines:
        name = cells[where[key]].strip().replace("\\", "/")
        labels = tuple(cells[index] for index in at)
        if _IMAGE.search(name):
            tails = [name]
        elif study := _STUDY.search(name):
            # One row a study: its images are those that are there; without images the first
            # frontal view stands for it, which every study of the test set has.
            stem = study[0].rstrip("/")
            tails = images.views(stem) or [f"{stem}/view1_frontal.jpg"]
        else:
            raise UserError(
                f"{table}, line {number}: the column {key} does not end with "
                "patient…/study…/view…_frontal.jpg (or lateral); take the file as it is "
                "distributed."
            )
        for tail in tails:
            match = _IMAGE.search(tail)
            if match is None:  # some other file in a study's folder
                continue
            stated = cells[side].strip().lower() if side is not None else ""
            yield _Row(
                part=part,
                patient=int(match[1]),
                study=int(match[2]),
                view=int(match[3]),
                frontal=(stated or match[4].lower()) == "frontal",
                projection=cells[projection].strip().upper() if projection is not None else "",
                tail=match[0],
                age=cells[age].strip() if age is not None else "",
                sex=cells[sex].strip() if sex is not None else "",
                labels=labels,
            )
