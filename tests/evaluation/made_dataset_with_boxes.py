"""A small data set with images and boxes, in build-dataset's layout."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from cxrmine.dataset.boxes import write_box_list
from cxrmine.dataset.data_entry import write_data_entry
from cxrmine.dataset.model import Box, ImageRow
from cxrmine.dataset.splits import make_splits, write_splits


def write_dataset(folder: Path, images: int = 12) -> list[Box]:
    """Write it (two images a patient, one or two boxes an image) and return its boxes."""
    (folder / "images").mkdir(parents=True)
    generator = np.random.default_rng(7)
    rows, boxes = [], []
    for number in range(images):
        patient, follow_up = number // 2 + 1, number % 2
        name = f"{patient:08d}_{follow_up:03d}.png"
        rows.append(ImageRow(name, "Mass|Nodule", follow_up, patient, 50, "F", "PA", 1024, 1024))
        pixels = generator.integers(60, 90, (1024, 1024), dtype=np.uint8)
        for finding in ("Mass", "Nodule")[: 1 + number % 2]:
            x, y = generator.integers(100, 700, 2).tolist()
            side = {"Mass": 200, "Nodule": 60}[finding]
            pixels[y : y + side, x : x + side] += 100
            boxes.append(Box(name, finding, x, y, side, side))
        Image.fromarray(pixels).save(folder / "images" / name)
    write_data_entry(folder / "Data_Entry.csv", rows)
    write_splits(folder / "splits.csv", rows, make_splits(rows, seed=1))
    write_box_list(folder / "BBox_List.csv", boxes)
    return boxes
