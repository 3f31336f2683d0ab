"""COCO's JSON of a data set's boxes, for detection programs.

The form is that of the COCO detection task (cocodataset.org, "Data format"): ``info``,
``licenses``, ``images``, ``categories``, ``annotations`` with ``bbox`` as x, y, width, height.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cxrmine.dataset.boxes import decimal
from cxrmine.dataset.model import Box, ImageRow
from cxrmine.evaluation.findings import FINDINGS_14
from cxrmine.tables import atomic_write_text


def coco(
    rows: Sequence[ImageRow],
    boxes: Sequence[Box],
    *,
    size: int = 1024,
    description: str = "cxrmine data set",
) -> dict[str, Any]:
    """Return the boxes in COCO's form.

    Every image of the set is listed, so that images without a box count as negatives. Ids are
    numbers from 1: of images in the order of `rows`, of categories in ChestX-ray14's order and
    then by name, of annotations in the order of `boxes`. ``file_name`` is relative to ``images/``.

    Parameters
    ----------
    rows, boxes
        As in ``Data_Entry.csv`` and ``BBox_List.csv``.
    size : int
        Side of the set's images in pixels.
    description : str
        For ``info``.

    Raises
    ------
    ValueError
        If a box's image is not among the rows.
    """
    number = {row.image_index: index for index, row in enumerate(rows, start=1)}
    found = {box.finding for box in boxes}
    names = [name for name in FINDINGS_14 if name in found] + sorted(found - set(FINDINGS_14))
    category = {name: index for index, name in enumerate(names, start=1)}
    annotations = []
    for index, box in enumerate(boxes, start=1):
        if box.image_index not in number:
            raise ValueError("a box's image is not among the rows")
        # The numbers of BBox_List.csv, digit for digit.
        x, y, width, height = map(decimal, (box.x, box.y, box.width, box.height))
        annotations.append(
            {
                "id": index,
                "image_id": number[box.image_index],
                "category_id": category[box.finding],
                "bbox": [x, y, width, height],
                "area": decimal(width * height),
                # A box is no outline: an empty list is what readers take for "not drawn".
                "segmentation": [],
                "iscrowd": 0,
            }
        )
    return {
        "info": {"description": description, "version": "1.0"},
        "licenses": [],
        "images": [
            {"id": index, "file_name": row.image_index, "width": size, "height": size}
            for index, row in enumerate(rows, start=1)
        ],
        "categories": [
            {"id": index, "name": name, "supercategory": "thoracic finding"}
            for name, index in category.items()
        ],
        "annotations": annotations,
    }


def write_coco(
    path: Path,
    rows: Sequence[ImageRow],
    boxes: Sequence[Box],
    *,
    size: int = 1024,
    description: str = "cxrmine data set",
) -> None:
    """Write `coco` to a file in one step, the same bytes for the same input."""
    document = coco(rows, boxes, size=size, description=description)
    text = json.dumps(document, separators=(",", ":"), allow_nan=False)
    atomic_write_text(path, text + "\n")
