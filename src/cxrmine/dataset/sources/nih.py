"""ChestX-ray14 (Wang et al. 2017, arXiv 1705.02315) as the NIH Clinical Center distributes it.

Read are ``Data_Entry_2017_v2020.csv`` (or ``Data_Entry_2017.csv``), ``BBox_List_2017.csv``,
``train_val_list.txt`` and ``test_list.txt``, and the images: ``images/`` or
``images_001/images/`` … ``images_012/images/``, also scaled copies (``images-224/images-224``)
and JPEG in place of PNG. The set names its images ``00000001_000.png`` by patient and follow-up;
they keep these names. All are frontal. Ages of 90 and over become 90, as in every set that
cxrmine builds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from cxrmine.dataset.boxes import BoxTarget, box_targets, carry_boxes, read_box_list
from cxrmine.dataset.csv_rows import table_text
from cxrmine.dataset.data_entry import read_data_entry
from cxrmine.dataset.model import NO_FINDING, SEPARATOR, Box, ImageRow
from cxrmine.dataset.sources.layout import Tables, better_image, is_image, walk
from cxrmine.dataset.sources.model import SourceImage, SourceSet
from cxrmine.errors import UserError
from cxrmine.evaluation.findings import FINDINGS_14
from cxrmine.images.placement import SIZE, Placement

NAME = "nih"
TITLE = "ChestX-ray14"
LABELS = (*FINDINGS_14, NO_FINDING)

# Boxes are drawn on the images as they are distributed, 1024×1024 px, which no fit changes.
_AS_DRAWN = Placement(1.0, 1.0, 0.0, 0.0)
_OLDEST = 90
_LIST_NAMES = ("{}_list.txt", "{}_list_NIH.txt")


def read(folder: Path, *, tables_only: bool = False) -> SourceSet:
    """Read ChestX-ray14; see the module and `cxrmine.dataset.sources.registry.read_source`."""
    tables = Tables(folder, list(walk(folder, lambda name: not _holds_images(name))))
    path = tables.need(TITLE, "Data_Entry_2017_v2020.csv", "Data_Entry_2017.csv")
    rows = read_data_entry(path, name=path.name)
    official, problems = _official(tables, rows)
    files: dict[str, Path] = {} if tables_only else _image_files(folder)
    labels = _Labels()
    images = [_image(row, files, official, labels) for row in rows]
    images.sort(key=lambda image: image.image_index)
    if labels.unknown:
        problems.append(
            f"{labels.unknown} images have a finding that is none of the 14; it stays in Finding "
            "Labels and has no column in labels.csv."
        )
    boxes = _boxes(tables, {row.image_index for row in rows}, problems)
    return SourceSet(
        name=NAME,
        title=TITLE,
        images=tuple(images),
        missing=0 if tables_only else sum(image.path is None for image in images),
        boxes=boxes,
        label_columns=LABELS,
        official_split=bool(official),
        problems=tuple(problems),
    )


def _image(
    row: ImageRow, files: Mapping[str, Path], official: Mapping[str, str], labels: _Labels
) -> SourceImage:
    stem = row.image_index.rpartition(".")[0]
    return SourceImage(
        image_index=row.image_index,
        patient=row.patient,
        follow_up=row.follow_up,
        path=files.get(stem),
        study=f"{row.patient}/{row.follow_up}",
        age=None if row.age is None else min(row.age, _OLDEST),
        sex=row.sex,
        view=row.view,
        # The set holds frontal images alone (Wang et al. 2017, section 2), whatever the cell says.
        view_confidence="stated",
        width=row.width,
        height=row.height,
        spacing_x=row.spacing_x,
        spacing_y=row.spacing_y,
        labels=labels.of(row.finding_labels),
        finding_labels=row.finding_labels,
        official=official.get(row.image_index, ""),
        report_ids=(row.image_index, stem),
    )


class _Labels:
    """The label columns of ``Finding Labels``, one mapping for all images with the same.

    Attributes
    ----------
    unknown : int
        How many images had a finding without a column.
    """

    def __init__(self) -> None:
        self.unknown = 0
        self._seen: dict[str, tuple[dict[str, str], bool]] = {}

    def of(self, findings: str) -> Mapping[str, str]:
        """Return the labels; none for a blank cell, about which nothing is known."""
        known = self._seen.get(findings)
        if known is None:
            named = set(findings.split(SEPARATOR)) if findings else set()
            labels = {name: "1" if name in named else "0" for name in LABELS} if named else {}
            known = self._seen[findings] = (labels, bool(named - set(LABELS)))
        self.unknown += known[1]
        return known[0]


def _holds_images(name: str) -> bool:
    return name.lower().startswith("images")


def _image_files(folder: Path) -> dict[str, Path]:
    """Return the image files by name without its ending.

    Of several of one name PNG goes before JPEG and the first folder by name before the others:
    a folder of originals next to scaled copies.
    """
    found: dict[str, Path] = {}
    for level in walk(folder, lambda name: True):
        below = level.path.relative_to(folder).parts
        # Images lie in folders that say so, or in the folder that was named.
        if below and not any(map(_holds_images, below)):
            continue
        for name in level.files:
            if is_image(name):
                stem = name.rpartition(".")[0]
                path = level.path / name
                found[stem] = better_image(found[stem], path) if stem in found else path
    return found


def _official(tables: Tables, rows: list[ImageRow]) -> tuple[dict[str, str], list[str]]:
    """Return the part of each image by the set's own lists, and what is odd about them."""
    known = {row.image_index for row in rows}
    lists: dict[str, set[str]] = {}
    problems: list[str] = []
    for part in ("train_val", "test"):
        path = tables.find(*(name.format(part) for name in _LIST_NAMES))
        if path is not None:
            names = {line.strip() for line in table_text(path, path.name).splitlines()} - {""}
            if unknown := len(names - known):
                problems.append(
                    f"{unknown} images of {path.name} are not in the Data_Entry table; passed over."
                )
            lists[part] = names & known
    if not lists:
        return {}, [*problems, "there is neither train_val_list.txt nor test_list.txt: no split."]
    if len(lists) == 2:
        if both := len(lists["train_val"] & lists["test"]):
            raise UserError(
                f"{both} images of {TITLE} stand in both train_val_list.txt and test_list.txt; "
                "take the lists as they are distributed."
            )
        if neither := len(known - lists["train_val"] - lists["test"]):
            problems.append(
                f"{neither} images stand neither in train_val_list.txt nor in test_list.txt: "
                "they have no part in the official split."
            )
    else:
        (part,) = lists
        lists["test" if part == "train_val" else "train_val"] = known - lists[part]
    return {name: part for part, names in lists.items() for name in names}, problems


def _boxes(tables: Tables, known: set[str], problems: list[str]) -> tuple[Box, ...]:
    """Return the boxes of the images `known`, and add to `problems` what is odd about others."""
    path = tables.find("BBox_List_2017.csv", "BBox_List_2017_Official_NIH.csv")
    if path is None:
        return ()
    raw, unreadable = read_box_list(path, frame=(SIZE, SIZE), name=path.name)
    named = {box.image for box in raw} & known
    targets = box_targets((name, BoxTarget(name, SIZE, SIZE, _AS_DRAWN)) for name in named)
    boxes, odd = carry_boxes(raw, targets)
    causes = Counter((problem.cause, problem.kept) for problem in (*unreadable, *odd))
    for (cause, kept), count in sorted(causes.items()):
        fate = "" if kept else " (not taken)"
        problems.append(f"{count} boxes of {path.name}{fate}: {cause}.")
    return tuple(boxes)
