"""Labels of reports, brought to the images of the same study."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cxrmine.dataset.model import NO_FINDING, SEPARATOR
from cxrmine.errors import UserError
from cxrmine.tables import iter_csv, read_csv

REPORT_COLUMN = "report_id"

#: Columns of a ``--links`` table that name an image or its study, as people call them.
LINK_COLUMNS = {
    "accession": ("accession", "accession_number", "accessionnumber"),
    "study_uid": ("study_uid", "study_instance_uid", "studyinstanceuid"),
    "sop_uid": ("sop_uid", "sop_instance_uid", "sopinstanceuid"),
    "image": ("image", "image_index", "file", "path"),
}

#: Columns that say that a report shows nothing, in the schemes of mine-labels.
_NORMAL = (NO_FINDING, "normal")

_VALUES = {
    "": "",
    "1": "1",
    "1.0": "1",
    "0": "0",
    "0.0": "0",
    "-1": "-1",
    "-1.0": "-1",
}

# Of two reports on one study the stronger word counts: a finding that one of them names is there.
_STRENGTH = {"": 0, "0": 1, "-1": 2, "1": 3}

SEVERAL_REPORTS = "several reports: of each finding the strongest label counts"
SEVERAL_PATIENTS = "its key stands on images of more than one patient: linked to none of them"
NO_IMAGE = "no image of its study"
NO_REPORT = "no report of its study"


@dataclass(frozen=True, slots=True)
class LabelTable:
    """A ``labels.csv`` of mine-labels, or any table of its form.

    ``columns`` are the findings; ``rows`` holds the values (``1``, ``0``, ``-1``, blank) by the
    report's id, in the table's order. Ids are private.
    """

    columns: tuple[str, ...]
    rows: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Keys:
    """Under which names a table can speak of an image. All private.

    ``reports`` are report ids that name it directly (a public set's study id, or an accession
    number or study UID); the others serve a ``--links`` table.
    """

    patient: int
    accession: str = ""
    study_uid: str = ""
    sop_uid: str = ""
    files: tuple[str, ...] = ()
    reports: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Links:
    """Which reports speak of which images.

    ``reports_of`` gives, by the image's place in the list of keys, its reports' ids in the order
    of the label table. ``unlinked_reports`` are the others' ids with the reason. ``rows_without_image`` and ``rows_without_report`` count
    the rows of a ``--links`` table that name none.
    """

    reports_of: Mapping[int, tuple[str, ...]]
    unlinked_reports: tuple[tuple[str, str], ...]
    rows_without_image: int = 0
    rows_without_report: int = 0


def read_labels_table(path: Path) -> LabelTable:
    """Read a table of labels.

    Raises
    ------
    UserError
        If it has no column ``report_id`` or no other, names a report twice, or holds a value
        that is no label. No value of the table is quoted: it could be a patient's.
    """
    header, rows = read_csv(path)
    if REPORT_COLUMN not in header:
        raise UserError(
            f"--labels {str(path)!r} has no column {REPORT_COLUMN!r}; give a labels.csv as "
            "mine-labels writes it."
        )
    columns = tuple(column for column in header if column != REPORT_COLUMN)
    if not columns:
        raise UserError(f"--labels {str(path)!r} has no column of labels.")
    # Columns are told by number: their names are the user's, and could be anything.
    places = {column: header.index(column) + 1 for column in columns}
    if bad := [column for column in columns if SEPARATOR in column or not column.strip()]:
        raise UserError(
            f"--labels {str(path)!r}: the name of column {places[bad[0]]} cannot be that of a "
            f"finding, which is neither blank nor holds a {SEPARATOR!r}."
        )
    table: dict[str, dict[str, str]] = {}
    for number, row in enumerate(rows, start=1):
        report = row[REPORT_COLUMN].strip()
        labels = {}
        for column in columns:
            value = _VALUES.get(row[column].strip())
            if value is None:
                raise UserError(
                    f"--labels {str(path)!r}, row {number}: column {places[column]} holds "
                    "something else than 1, 0, -1 or a blank; take the column out if it is none "
                    "of labels."
                )
            labels[column] = value
        if report in table:
            raise UserError(
                f"--labels {str(path)!r}, row {number}: its report_id stands in an earlier row "
                "too; keep one of them."
            )
        table[report] = labels
    return LabelTable(columns, table)


def finding_labels(labels: Mapping[str, str]) -> str:
    """Return the ``Finding Labels`` of an image from its labels.

    Blank where nothing is known: no label at all, or neither a finding nor a column that says
    that there is none.

    >>> finding_labels({"Mass": "1", "Edema": "-1", "Nodule": "1", "No Finding": "0"})
    'Mass|Nodule'
    >>> finding_labels({"Mass": "0", "No Finding": "1"})
    'No Finding'
    >>> finding_labels({"Mass": "0"})
    ''
    """
    present = [name for name, value in labels.items() if value == "1" and name not in _NORMAL]
    if present:
        return SEPARATOR.join(present)
    return NO_FINDING if any(labels.get(name) == "1" for name in _NORMAL) else ""


def strongest(labels: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Return the labels of a study with several reports.

    >>> strongest([{"Mass": "1", "No Finding": "0"}, {"Mass": "0", "No Finding": "1"}])
    {'Mass': '1', 'No Finding': '0'}
    """
    merged = {
        column: max((labels_of[column] for labels_of in labels), key=_STRENGTH.__getitem__)
        for column in labels[0]
    }
    for name in _NORMAL:
        # A study is normal only where every report says so.
        if name in merged and len(labels) > 1:
            merged[name] = min((each[name] for each in labels), key=_STRENGTH.__getitem__)
    return merged


def link(images: Sequence[Keys], reports: Iterable[str]) -> Links:
    """Link by the ids themselves: a report's id is its images' accession number or study UID."""
    places: dict[str, list[int]] = defaultdict(list)
    for place, keys in enumerate(images):
        for name in dict.fromkeys((keys.accession, keys.study_uid, *keys.reports)):
            if name:
                places[name].append(place)
    return _links(images, reports, places)


@dataclass(frozen=True, slots=True)
class LinkTable:
    """A ``--links`` table: each row names a report, and its images or their study. Private.

    ``columns`` gives the place of each column of `LINK_COLUMNS` that the table has.
    """

    path: Path
    header: tuple[str, ...]
    rows: tuple[Sequence[str], ...]
    report_column: int
    columns: Mapping[str, int]

    def column(self, name: str) -> int:
        """Return the place of a column.

        Raises
        ------
        UserError
            If the table lacks it.
        """
        if name not in self.header:
            raise UserError(
                f"--links {str(self.path)!r} has no column {name!r} for --split; check its "
                "first line."
            )
        return self.header.index(name)

    def images_of_rows(self, images: Sequence[Keys]) -> list[list[int]]:
        """Return, for each row, the places of the images that it speaks of."""
        places: dict[tuple[str, str], list[int]] = defaultdict(list)
        for place, keys in enumerate(images):
            names = {
                "accession": (keys.accession,),
                "study_uid": (keys.study_uid,),
                "sop_uid": (keys.sop_uid,),
                "image": (*keys.files, keys.sop_uid),
            }
            for kind in self.columns:
                for name in dict.fromkeys(names[kind]):
                    if name:
                        places[kind, name].append(place)
        return [
            list(
                dict.fromkeys(
                    place
                    for kind, at in self.columns.items()
                    for place in places.get((kind, row[at].strip()), ())
                )
            )
            for row in self.rows
        ]


def read_link_table(path: Path) -> LinkTable:
    """Read a table that says which report belongs to which images.

    Raises
    ------
    UserError
        If it has no column of report ids, or none that names images.
    """
    lines = [cells for _, cells in iter_csv(path)]
    header = lines[0] if lines else []
    known = [name.strip().lower().replace(" ", "_") for name in header]
    columns = {
        kind: known.index(name)
        for kind, names in LINK_COLUMNS.items()
        for name in names
        if name in known
    }
    if REPORT_COLUMN not in known or not columns:
        raise UserError(
            f"--links {str(path)!r} needs a column {REPORT_COLUMN!r} and one of "
            f"{', '.join(LINK_COLUMNS)} (accession number, study UID, SOP instance UID, or file "
            f"name); none of the {len(header)} cells of its first line is one."
            if REPORT_COLUMN not in known and not columns
            else f"--links {str(path)!r} needs a column {REPORT_COLUMN!r} and one of "
            f"{', '.join(LINK_COLUMNS)}; only the one or the other is there."
        )
    return LinkTable(path, tuple(header), tuple(lines[1:]), known.index(REPORT_COLUMN), columns)


def link_by_table(images: Sequence[Keys], reports: Iterable[str], table: LinkTable) -> Links:
    """Link as a ``--links`` table says, and in no other way."""
    places: dict[str, list[int]] = defaultdict(list)
    known = dict.fromkeys(reports)
    of_rows = table.images_of_rows(images)
    named = [row[table.report_column].strip() for row in table.rows]
    for report, found in zip(named, of_rows, strict=True):
        places[report] += found
    return replace(
        _links(images, known, places),
        rows_without_image=sum(1 for found in of_rows if not found),
        rows_without_report=sum(1 for report in named if report not in known),
    )


def column_by_image(images: Sequence[Keys], table: LinkTable, column: str) -> dict[int, str]:
    """Return the value of a column of the ``--links`` table, by the place of the image.

    Raises
    ------
    UserError
        If the table lacks the column, or gives one image two values.
    """
    at = table.column(column)
    values: dict[int, str] = {}
    for number, (row, places) in enumerate(
        zip(table.rows, table.images_of_rows(images), strict=True), start=1
    ):
        for place in places:
            if values.setdefault(place, row[at]) != row[at]:
                raise UserError(
                    f"--links {str(table.path)!r}, row {number}: the column {column!r} puts an "
                    "image into another part than an earlier row does; keep one."
                )
    return values


def _links(
    images: Sequence[Keys], reports: Iterable[str], places: Mapping[str, Sequence[int]]
) -> Links:
    reports_of: dict[int, list[str]] = defaultdict(list)
    unlinked = []
    for report in reports:
        found = list(dict.fromkeys(places.get(report, ())))
        if not found:
            unlinked.append((report, NO_IMAGE))
        elif len({images[place].patient for place in found}) > 1:
            # An accession number that two departments gave out: a label on the wrong patient is
            # worse than none.
            unlinked.append((report, SEVERAL_PATIENTS))
        else:
            for place in found:
                reports_of[place].append(report)
    return Links({place: tuple(ids) for place, ids in reports_of.items()}, tuple(unlinked))
