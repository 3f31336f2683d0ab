"""The rows of the data set, from headers or a public set's tables, with the labels of reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from types import SimpleNamespace
from typing import Any

from cxrmine.dataset.files import SourceFile
from cxrmine.dataset.link import (
    SEVERAL_REPORTS,
    Keys,
    LabelTable,
    Links,
    LinkTable,
    finding_labels,
    link,
    link_by_table,
    strongest,
)
from cxrmine.dataset.model import ImageRow
from cxrmine.dataset.numbering import Named
from cxrmine.dataset.sources.model import SourceImage
from cxrmine.dataset.work import FileOutcome


@dataclass(frozen=True, slots=True)
class Entry:
    """An image of the set with all that the tables say of it.

    ``row`` is its line of ``Data_Entry.csv``; ``keys`` are the private names under which tables
    of the user can speak of it; ``outcome`` is what its file gave (None where only tables were
    imported); ``study_day`` counts from the patient's first study; ``view_confidence`` and
    ``view_source`` say how its view is known.
    """

    row: ImageRow
    keys: Keys
    outcome: FileOutcome | None
    study_day: int | None = None
    view_confidence: str = ""
    view_source: str = ""


def dicom_entries(
    images: Sequence[Named], files: Mapping[int, SourceFile], outcomes: Mapping[str, FileOutcome]
) -> list[Entry]:
    """Return the entries of DICOM files that have names by now."""
    entries = []
    for image in images:
        file = files[image.found.number]
        outcome = outcomes[file.stamp]
        header = SimpleNamespace(**outcome.header)
        view: Mapping[str, Any] = header.view
        row = ImageRow(
            image_index=image.image_index,
            finding_labels="",
            follow_up=image.follow_up,
            patient=image.patient,
            age=header.age,
            sex=header.sex,
            view=view["position"],
            width=outcome.width,
            height=outcome.height,
            spacing_x=header.spacing_x,
            spacing_y=header.spacing_y,
        )
        keys = Keys(
            patient=image.patient,
            accession=header.accession,
            study_uid=header.study_uid,
            sop_uid=header.sop_uid,
            files=_file_names(file.relative),
        )
        entries.append(
            Entry(row, keys, outcome, image.study_day, view["confidence"], view["source"])
        )
    return entries


def source_entries(
    images: Sequence[SourceImage],
    outcomes: Mapping[str, FileOutcome],
    stamps: Mapping[str, str],
) -> list[Entry]:
    """Return the entries of a public set's images, those whose file failed left out.

    Parameters
    ----------
    images
        In the set's order.
    outcomes
        By stamp.
    stamps : mapping
        The stamp of each image's file by Image Index; none for a table-only import.
    """
    entries = []
    for image in images:
        outcome = None
        if image.path is not None:
            outcome = outcomes[stamps[image.image_index]]
            if outcome.kind != "image":
                continue
        row = ImageRow(
            image_index=image.image_index,
            finding_labels=image.finding_labels,
            follow_up=image.follow_up,
            patient=image.patient,
            age=image.age,
            sex=image.sex,
            view=image.view,
            width=image.width or (outcome.width if outcome else None),
            height=image.height or (outcome.height if outcome else None),
            spacing_x=image.spacing_x,
            spacing_y=image.spacing_y,
            labels=image.labels,
            official=image.official,
        )
        names = [image.image_index, *image.private.values()]
        if image.path is not None:
            names.append(image.path.name)
        keys = Keys(patient=image.patient, files=tuple(names), reports=image.report_ids)
        entries.append(
            Entry(
                row,
                keys,
                outcome,
                image.day,
                image.view_confidence,
                "" if image.view_confidence == "unknown" else "the set's tables",
            )
        )
    return sorted(entries, key=lambda entry: entry.row.image_index)


def _file_names(relative: str) -> tuple[str, ...]:
    path = PurePosixPath(relative)
    return tuple(dict.fromkeys((relative, path.name, path.stem)))


@dataclass(frozen=True, slots=True)
class Labelled:
    """Entries with their labels, and what was linked.

    ``warnings`` are (place of the entry, message); ``unlinked_images`` are places;
    ``reports`` says of each report, in the table's order, how many images it labels.
    ``unlinked_reports`` are ids, private, with the reason. ``remarks`` are oddities of the whole.
    """

    entries: tuple[Entry, ...]
    unlinked_images: tuple[int, ...] = ()
    unlinked_reports: tuple[tuple[str, str], ...] = ()
    warnings: tuple[tuple[int, str], ...] = ()
    reports: Mapping[str, int] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


def label_entries(
    entries: Sequence[Entry], table: LabelTable, links_table: LinkTable | None
) -> Labelled:
    """Give every entry the labels of its study's report; those without one stay blank."""

    keys = [entry.keys for entry in entries]
    links: Links = (
        link(keys, table.rows)
        if links_table is None
        else link_by_table(keys, table.rows, links_table)
    )
    labelled, warnings, unlinked = [], [], []
    used = dict.fromkeys(table.rows, 0)
    for place, entry in enumerate(entries):
        reports = links.reports_of.get(place, ())
        labels: Mapping[str, str] = {}
        if not reports:
            unlinked.append(place)
        elif len(reports) == 1:
            labels = table.rows[reports[0]]
        else:
            labels = strongest([table.rows[report] for report in reports])
            warnings.append((place, SEVERAL_REPORTS))
        for report in reports:
            used[report] += 1
        row = replace(entry.row, labels=labels, finding_labels=finding_labels(labels))
        labelled.append(replace(entry, row=row))
    return Labelled(tuple(labelled), tuple(unlinked), links.unlinked_reports, tuple(warnings), used)
