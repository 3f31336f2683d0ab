"""Everything that a build writes once its images are in their places."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cxrmine.dataset.boxes import BoxProblem, BoxTarget, RawBox, box_targets, carry_boxes
from cxrmine.dataset.boxes import write_box_list as write_boxes
from cxrmine.dataset.card import CardInput, WindowUse, write_card
from cxrmine.dataset.chexpert_layout import write_chexpert
from cxrmine.dataset.coco import write_coco
from cxrmine.dataset.data_entry import write_data_entry, write_labels
from cxrmine.dataset.label_origin import told
from cxrmine.dataset.link import NO_REPORT, LinkTable, column_by_image
from cxrmine.dataset.manifest import FileHash, write_manifest
from cxrmine.dataset.model import Box, ImageRow
from cxrmine.dataset.private import PrivateFolder, keyed_hash
from cxrmine.dataset.rows import Entry, Labelled
from cxrmine.dataset.settings import LAYOUTS, OFFICIAL, RANDOM, BuildSettings
from cxrmine.dataset.sources.model import SourceSet
from cxrmine.dataset.splits import Splits, make_splits, parts_by_patient, write_lists, write_splits
from cxrmine.images.placement import Placement
from cxrmine.runs.folder import write_json
from cxrmine.tables import write_csv

IMAGES = "images"
FIGURES = "figures"

#: The tables of a data set, with what only some builds write.
TABLES = frozenset(
    {
        "BBox_List.csv",
        "Data_Entry.csv",
        "dataset_card.md",
        "failures.csv",
        "images.csv",
        "labels.csv",
        "set_aside.csv",
        "splits.csv",
        "test_list.txt",
        "train_val_list.txt",
        "unlinked.csv",
        "warnings.csv",
        *LAYOUTS.values(),
    }
)

#: ``images.csv``: what is known of an image beyond ChestX-ray14's columns, all of it from lists
#: of our own or a number.
IMAGE_COLUMNS = (
    "Image Index",
    "Study Day",
    "View Confidence",
    "View Source",
    "Modality",
    "Photometric Interpretation",
    "Bits Stored",
    "Transfer Syntax",
    "Grey Source",
    "Window Number",
    "Window Centre",
    "Window Width",
    "Window Function",
    "Scale X",
    "Scale Y",
    "Offset X",
    "Offset Y",
)


#: What `cxrmine.dataset.boxes.read_boxes` returns.
BoxesRead = tuple[list[RawBox], list[BoxProblem]]


@dataclass(slots=True)
class Listed:
    """What is told of files that are no images, and of oddities, by source file's number.

    ``paths``, ``names`` and ``identifiers`` go to the private folder: the path of each source
    file, the name of the image that it became, and what a public set calls it; ``copies`` names
    the image that a file holds as well as another one. ``lost_boxes`` are those that could not be read.
    """

    failures: list[tuple[int, str]] = field(default_factory=list)
    set_aside: list[tuple[int, str]] = field(default_factory=list)
    warnings: list[tuple[str, str]] = field(default_factory=list)
    paths: dict[int, str] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    identifiers: dict[int, str] = field(default_factory=dict)
    copies: dict[int, str] = field(default_factory=dict)
    lost_boxes: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Assembled:
    """All that the tables are made of.

    ``hashes`` are those of the images, by path in the set; ``record`` is what ``run.json`` states
    beside the counts; ``name`` begins the names of the private tables.
    """

    settings: BuildSettings
    source: SourceSet | None
    entries: Sequence[Entry]
    labelled: Labelled | None
    label_columns: Sequence[str]
    links: LinkTable | None
    boxes: BoxesRead | None
    listed: Listed
    files: int
    record: Mapping[str, Any]
    hashes: Mapping[str, FileHash]
    private: PrivateFolder
    name: str
    workers: int


def write_all(out: Path, parts: Assembled) -> dict[str, Any]:
    """Write the tables, the card with its figures, ``run.json`` and the manifest.

    Returns
    -------
    dict
        The counts, as ``run.json`` holds them.
    """
    rows = [entry.row for entry in parts.entries]
    listed = parts.listed
    boxes, problems, unreadable = _boxes(parts)
    listed.warnings += [(f"box {p.number}" if p.number else "", p.cause) for p in problems]
    listed.lost_boxes += [(f"box {p.number}", p.cause) for p in unreadable]
    splits = _splits(parts, rows)
    if parts.labelled is not None:
        listed.warnings += [
            (rows[place].image_index, message) for place, message in parts.labelled.warnings
        ]
        listed.warnings += (("", remark) for remark in parts.labelled.remarks)

    written = {"Data_Entry.csv", "BBox_List.csv", "splits.csv", "images.csv", "dataset_card.md"}
    written |= {"train_val_list.txt", "test_list.txt"}
    write_data_entry(out / "Data_Entry.csv", rows)
    if parts.label_columns:
        written.add("labels.csv")
        write_labels(out / "labels.csv", rows, parts.label_columns)
    write_boxes(out / "BBox_List.csv", boxes)
    write_splits(out / "splits.csv", rows, splits)
    write_lists(out, rows, splits)
    write_csv(out / "images.csv", IMAGE_COLUMNS, map(_image_line, parts.entries))
    if parts.labelled is not None:
        written.add("unlinked.csv")
        write_csv(
            out / "unlinked.csv",
            ("kind", "number", "cause"),
            _unlinked(parts, parts.labelled, rows),
        )
    written |= {"failures.csv", "set_aside.csv"}
    failed = [*sorted(listed.failures), *listed.lost_boxes]
    write_csv(out / "failures.csv", ("number", "cause"), failed)
    write_csv(out / "set_aside.csv", ("number", "cause"), sorted(listed.set_aside))
    written.add("warnings.csv")
    # In no order of files: an image's warnings are at its name, the others at a number.
    write_csv(out / "warnings.csv", ("item", "message"), sorted(listed.warnings))
    if "coco" in parts.settings.layouts:
        written.add(LAYOUTS["coco"])
        write_coco(out / LAYOUTS["coco"], rows, boxes)
    if "chexpert" in parts.settings.layouts:
        written.add(LAYOUTS["chexpert"])
        write_chexpert(out / LAYOUTS["chexpert"], rows)
    _write_private(parts)

    (out / FIGURES).mkdir(exist_ok=True)
    card = _card(parts, rows, boxes, problems, splits)
    written |= set(write_card(out, card))
    _remove_others(out, written)
    counts = _counts(parts, rows, boxes, problems)
    write_json(out / "run.json", {**parts.record, "splits": _digests(splits), "counts": counts})
    # What else lies there is not of the set, and its name is nobody's business.
    paths = {*written, *parts.hashes, "run.json"}
    write_manifest(out, paths=paths, known=parts.hashes, workers=parts.workers)
    return counts


def _boxes(parts: Assembled) -> tuple[list[Box], list[BoxProblem], list[BoxProblem]]:
    """Return the boxes in pixels of the set's images, what is odd, and what cannot be read."""
    known = {entry.row.image_index for entry in parts.entries}
    boxes: list[Box] = []
    problems: list[BoxProblem] = []
    unreadable: list[BoxProblem] = []
    if parts.source is not None:
        # A public set's own boxes count in pixels of 1024×1024 images already.
        boxes += (box for box in parts.source.boxes if box.image_index in known)
        if others := len(parts.source.boxes) - len(boxes):
            few = "1 box is" if others == 1 else f"{others:,} boxes are"
            parts.listed.warnings.append(("", f"{few} on images that are not in the folder"))
    if parts.boxes is not None:
        raw, unreadable = parts.boxes
        carried, odd = carry_boxes(raw, box_targets(_box_names(parts)))
        boxes += carried
        problems += odd
    boxes.sort(key=lambda box: box.image_index)
    return boxes, problems, unreadable


def _box_names(parts: Assembled) -> Iterable[tuple[str, BoxTarget | None]]:
    """Yield every name under which a box can speak of a file, and the image that it became."""
    targets: dict[str, BoxTarget] = {}
    for entry in parts.entries:
        if entry.outcome is None:
            continue
        outcome = entry.outcome
        scale_x, scale_y, offset_x, offset_y = outcome.placement
        placement = Placement(scale_x, scale_y, offset_x, offset_y)
        target = BoxTarget(entry.row.image_index, outcome.width, outcome.height, placement)
        targets[target.image_index] = target
        for name in (entry.row.image_index, entry.keys.sop_uid, *entry.keys.files):
            yield name, target
    # A box on a file that was set aside must not land on another file of that name.
    for number, path in parts.listed.paths.items():
        if number not in parts.listed.names:
            yield path, targets.get(parts.listed.copies.get(number, ""))


def _splits(parts: Assembled, rows: Sequence[ImageRow]) -> Splits:
    settings = parts.settings
    asked = settings.split
    if asked is None:
        asked = OFFICIAL if any(row.official for row in rows) else RANDOM
    main: str | Mapping[int, str]
    if asked == RANDOM:
        main = "split_1"
    elif asked == OFFICIAL:
        main = OFFICIAL
    else:
        assert parts.links is not None  # the command line sees to it
        cells = column_by_image([entry.keys for entry in parts.entries], parts.links, asked)
        main = parts_by_patient(
            ((rows[place].patient, cell) for place, cell in sorted(cells.items())),
            f"the column {asked!r} of --links",
        )
    return make_splits(rows, seed=settings.seed, main=main)


def _image_line(entry: Entry) -> tuple[object, ...]:
    outcome = entry.outcome
    if outcome is None:
        pixels: tuple[object, ...] = (None,) * 13
    else:
        header, grey = outcome.header, outcome.grey
        pixels = (
            header.get("modality"),
            header.get("photometric"),
            header.get("bits_stored"),
            header.get("transfer_syntax"),
            grey["source"],
            grey["number"] or None,
            grey["centre"],
            grey["width"],
            grey["function"],
            *outcome.placement,
        )
    return (
        entry.row.image_index,
        entry.study_day,
        entry.view_confidence,
        entry.view_source,
        *pixels,
    )


def _unlinked(
    parts: Assembled, labelled: Labelled, rows: Sequence[ImageRow]
) -> Iterable[tuple[object, ...]]:
    for place in labelled.unlinked_images:
        yield "image", rows[place].image_index, NO_REPORT
    numbers = _report_numbers(parts, labelled)
    for number, cause in sorted((numbers[r], cause) for r, cause in labelled.unlinked_reports):
        yield "report", number, cause


def _report_numbers(parts: Assembled, labelled: Labelled) -> dict[str, int]:
    """Return the reports' numbers: their ranks by a keyed hash, which give no order away."""
    key = parts.private.key()
    ranked = sorted(labelled.reports, key=lambda report: keyed_hash(key, f"report {report}"))
    return {report: number for number, report in enumerate(ranked, start=1)}


def _write_private(parts: Assembled) -> None:
    """Write which file and which report stands behind every number of the set's tables."""
    listed = parts.listed
    causes = dict([*listed.failures, *listed.set_aside])
    parts.private.write_table(
        f"{parts.name}.files.csv",
        ("number", "source", "Image Index", "cause", "identifiers"),
        (
            (
                number,
                path,
                listed.names.get(number, ""),
                causes.get(number, ""),
                listed.identifiers.get(number, ""),
            )
            for number, path in sorted(listed.paths.items())
        ),
    )
    if parts.labelled is not None:
        reasons = dict(parts.labelled.unlinked_reports)
        numbers = _report_numbers(parts, parts.labelled)
        parts.private.write_table(
            f"{parts.name}.reports.csv",
            ("number", "report_id", "images", "cause"),
            sorted(
                (numbers[report], report, images, reasons.get(report, ""))
                for report, images in parts.labelled.reports.items()
            ),
        )


def _card(
    parts: Assembled,
    rows: Sequence[ImageRow],
    boxes: Sequence[Box],
    problems: Sequence[BoxProblem],
    splits: Splits,
) -> CardInput:
    record, listed = parts.record, parts.listed
    entries = parts.entries
    confidence = Counter(
        f"{entry.view_confidence}: {entry.view_source}".rstrip(": ")
        for entry in entries
        if entry.view_confidence
    )
    return CardInput(
        source=parts.settings.source,
        rows=rows,
        boxes=boxes,
        splits=splits.columns,
        label_columns=tuple(parts.label_columns),
        label_origin=_label_origin(parts),
        settings={f"--{k.replace('_', '-')}": _shown(v) for k, v in record["settings"].items()},
        versions=record["versions"],
        hashes=record["inputs"],
        files_read=parts.files,
        set_aside=_by_cause(cause for _, cause in listed.set_aside),
        failures=_by_cause(cause for _, cause in listed.failures),
        warnings=_by_cause(message for _, message in listed.warnings),
        box_problems=_by_cause(
            [*(problem.cause for problem in problems), *(cause for _, cause in listed.lost_boxes)]
        ),
        links=_link_counts(parts),
        confidence=dict(sorted(confidence.items())),
        windows=[
            WindowUse(
                entry.outcome.grey["source"],
                entry.outcome.grey["centre"],
                entry.outcome.grey["width"],
                entry.outcome.grey["function"],
            )
            for entry in entries
            if entry.outcome is not None and entry.outcome.header
        ],
        with_images=not parts.settings.tables_only,
    )


def _label_origin(parts: Assembled) -> str:
    if parts.labelled is not None:
        return told(parts.record["labels_from"])
    if parts.source is not None and parts.label_columns:
        return f"{parts.source.title}, as distributed"
    return ""


def _shown(value: object) -> str:
    if value is None:
        return "by default"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _by_cause(causes: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(causes).items(), key=lambda pair: (-pair[1], pair[0])))


def _link_counts(parts: Assembled) -> dict[str, int]:
    labelled = parts.labelled
    if labelled is None:
        return {}
    without = len(labelled.unlinked_images)
    return {
        "images with a report": len(parts.entries) - without,
        "images without a report": without,
        "reports with an image": len(labelled.reports) - len(labelled.unlinked_reports),
        "reports without an image": len(labelled.unlinked_reports),
    }


def _counts(
    parts: Assembled,
    rows: Sequence[ImageRow],
    boxes: Sequence[Box],
    problems: Sequence[BoxProblem],
) -> dict[str, Any]:
    listed = parts.listed
    return {
        "files": parts.files,
        "images": len(rows),
        "patients": len({row.patient for row in rows}),
        "labeled_images": sum(1 for row in rows if row.finding_labels or any(row.labels.values())),
        "set_aside": len(listed.set_aside),
        "failures": len(listed.failures) + len(listed.lost_boxes),
        "warnings": len(listed.warnings),
        "boxes": len(boxes),
        "boxes_left_out": len(listed.lost_boxes)
        + sum(1 for problem in problems if not problem.kept),
        "links": _link_counts(parts),
    }


def _digests(splits: Splits) -> dict[str, Any]:
    return {
        "split": splits.origin,
        "seed": splits.seed,
        "sha256": {column: splits.digest(column) for column in splits.columns},
    }


def _remove_others(out: Path, written: set[str]) -> None:
    """Remove what an earlier build of the set wrote and this one does not."""
    for name in TABLES - written:
        (out / name).unlink(missing_ok=True)
    for path in (out / FIGURES).glob("*.png"):
        if f"{FIGURES}/{path.name}" not in written:
            path.unlink()
    with suppress(OSError):
        (out / FIGURES).rmdir()
