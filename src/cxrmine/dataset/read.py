"""A built data set, read and checked: the door through which training comes in.

It needs the standard library alone, so that a machine that trains needs neither pydicom nor
OpenCV.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cxrmine.dataset.boxes import as_boxes, read_box_list
from cxrmine.dataset.data_entry import read_data_entry, read_labels
from cxrmine.dataset.model import Box, ImageRow
from cxrmine.dataset.splits import PARTS, read_splits
from cxrmine.errors import UserError

DATA_ENTRY = "Data_Entry.csv"
LABELS = "labels.csv"
SPLITS = "splits.csv"
BOXES = "BBox_List.csv"
IMAGES = "images"


@dataclass(frozen=True)
class Dataset:
    """A data set in memory, without its pixels.

    Parameters
    ----------
    folder : Path
        Where it lies.
    rows : tuple of ImageRow
        In the order of ``Data_Entry.csv``, with their labels; `official` is the part in the
        column ``official``, blank where the set has none.
    label_columns : tuple of str
        Columns of ``labels.csv`` without ``Image Index``; empty where there is no such table.
    split : str
        The column of ``splits.csv`` that `parts` is from.
    split_columns : tuple of str
        All of them.
    parts : tuple of str
        ``train``, ``val``, ``test`` or blank (in no part), one a row.
    boxes : tuple of Box
        In the order of ``BBox_List.csv``; empty where there is no such table.
    """

    folder: Path
    rows: tuple[ImageRow, ...]
    label_columns: tuple[str, ...]
    split: str
    split_columns: tuple[str, ...]
    parts: tuple[str, ...]
    boxes: tuple[Box, ...]

    def part(self, *names: str) -> list[ImageRow]:
        """Return the rows of one part or several, in the table's order.

        Raises
        ------
        ValueError
            If a part is none of ``train``, ``val`` and ``test``.
        """
        if unknown := set(names) - set(PARTS):
            raise ValueError(f"no part {sorted(unknown)[0]!r}; there are {', '.join(PARTS)}")
        return [row for row, part in zip(self.rows, self.parts, strict=True) if part in names]

    def image_path(self, row: ImageRow) -> Path:
        """Return where a row's image lies."""
        return self.folder / IMAGES / row.image_index


def read_dataset(
    folder: str | os.PathLike[str], *, split: str = "split", check_images: bool = False
) -> Dataset:
    """Read the tables of a data set and check that they agree.

    Every image has one line in ``Data_Entry.csv`` and in ``splits.csv``, with the same patient;
    labels and boxes belong to images of the set; in no column of ``splits.csv`` is a patient in
    two parts.

    Parameters
    ----------
    folder : path
        A data set that build-dataset wrote.
    split : str
        The column of ``splits.csv`` to use: ``split``, ``split_1`` … ``split_5``, ``official``.
    check_images : bool
        Also look whether ``images/`` holds exactly the images of the table.

    Raises
    ------
    UserError
        If something is missing or does not agree; the message says what and what to do.
    """
    place = Path(folder)
    if not place.is_dir():
        raise UserError(f"{str(place)!r} is no folder; name a data set that build-dataset wrote.")
    for name in (DATA_ENTRY, SPLITS):
        if not (place / name).is_file():
            raise UserError(
                f"{str(place)!r} has no {name}; name a data set that build-dataset has finished."
            )
    in_splits, split_columns = read_splits(place / SPLITS)
    if split not in split_columns:
        raise UserError(
            f"{SPLITS} has no column {split!r}; it has {', '.join(split_columns)}; name one of "
            "them."
        )
    label_columns: tuple[str, ...] = ()
    labels: dict[str, dict[str, str]] = {}
    if (place / LABELS).is_file():
        label_columns, labels = read_labels(place / LABELS, name=LABELS)
    official = (
        {image: parts["official"] for image, (_, parts) in in_splits.items()}
        if "official" in split_columns
        else {}
    )
    rows = read_data_entry(place / DATA_ENTRY, name=DATA_ENTRY, labels=labels, official=official)
    known = {row.image_index for row in rows}
    _agree(known, in_splits, DATA_ENTRY, SPLITS)
    for row in rows:
        if in_splits[row.image_index][0] != row.patient:
            raise UserError(
                f"{DATA_ENTRY} and {SPLITS} give {row.image_index} to different patients; build "
                "the set again."
            )
    _within(labels, known, LABELS)
    boxes: tuple[Box, ...] = ()
    if (place / BOXES).is_file():
        raw, problems = read_box_list(place / BOXES, name=BOXES)
        if problems:
            raise UserError(
                f"{BOXES}, line {problems[0].number}: {problems[0].cause}; build the set again."
            )
        boxes = tuple(as_boxes(raw))
        _within((box.image_index for box in boxes), known, BOXES)
    if check_images:
        try:
            present = {entry.name for entry in os.scandir(place / IMAGES) if entry.is_file()}
        except OSError:
            raise UserError(
                f"{str(place)!r} has no folder {IMAGES!r} that can be read; build the set again."
            ) from None
        _agree(known, present, DATA_ENTRY, f"{IMAGES}/")
    parts = tuple(in_splits[row.image_index][1][split] for row in rows)
    return Dataset(place, tuple(rows), label_columns, split, split_columns, parts, boxes)


def _agree(first: Iterable[str], second: Iterable[str], name: str, other: str) -> None:
    ours, theirs = set(first), set(second)
    for extra, has, lacks in ((ours - theirs, name, other), (theirs - ours, other, name)):
        if extra:
            raise UserError(
                f"{has} has {_images(len(extra))} that {lacks} lacks (the first: {min(extra)}); "
                "build the set again, or see build-dataset --verify."
            )


def _within(images: Iterable[str], known: set[str], name: str) -> None:
    if extra := set(images) - known:
        raise UserError(
            f"{name} has {_images(len(extra))} that {DATA_ENTRY} lacks (the first: {min(extra)}); "
            "build the set again, or see build-dataset --verify."
        )


def _images(number: int) -> str:
    return "1 image" if number == 1 else f"{number} images"
