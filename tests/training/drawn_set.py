"""A small data set that can be learnt: a bright square means Mass, a dark one Nodule."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from cxrmine.dataset.boxes import write_box_list
from cxrmine.dataset.data_entry import write_data_entry, write_labels
from cxrmine.dataset.model import NO_FINDING, Box, ImageRow
from cxrmine.dataset.splits import make_splits, write_splits

FINDINGS = ("Mass", "Nodule")


def draw_set(
    folder: Path, patients: int = 40, *, boxed: bool = True, side: int = 64, seed: int = 0
) -> Path:
    """Write a data set in build-dataset's layout: two images a patient, a box on every square."""
    rng = np.random.default_rng(seed)
    (folder / "images").mkdir(parents=True)
    rows, boxes = [], []
    for patient in range(1, patients + 1):
        for number in range(2):
            name = f"{patient:08d}_{number:03d}.png"
            grey = rng.normal(110, 12, (side, side))
            grey += rng.normal(0, 20)
            shown = [finding for finding in FINDINGS if rng.random() < 0.5]
            for finding in shown:
                top, left = rng.integers(4, side - 24, 2)
                grey[top : top + 20, left : left + 20] += 70 if finding == "Mass" else -70
                scale = 1024 / side
                boxes.append(Box(name, finding, left * scale, top * scale, 20 * scale, 20 * scale))
            Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8)).save(folder / "images" / name)
            rows.append(
                ImageRow(
                    image_index=name,
                    finding_labels="|".join(shown) or NO_FINDING,
                    follow_up=number,
                    patient=patient,
                    age=50,
                    sex="F",
                    view="PA",
                    width=side,
                    height=side,
                    labels={finding: str(int(finding in shown)) for finding in FINDINGS},
                )
            )
    write_data_entry(folder / "Data_Entry.csv", rows)
    write_labels(folder / "labels.csv", rows)
    write_splits(folder / "splits.csv", rows, make_splits(rows, seed=0))
    if boxed:
        write_box_list(folder / "BBox_List.csv", boxes)
    return folder
