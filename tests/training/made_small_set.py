"""A small data set in build-dataset's layout, with images of one grey and a pattern."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cxrmine.dataset.data_entry import write_data_entry, write_labels
from cxrmine.dataset.manifest import write_manifest
from cxrmine.dataset.model import ImageRow
from cxrmine.dataset.read import Dataset, read_dataset
from cxrmine.dataset.splits import make_splits, write_splits


def made_rows(
    texts: Sequence[str], labels: Sequence[Mapping[str, str]] | None = None
) -> list[ImageRow]:
    """A patient and image for each cell of ``Finding Labels``."""
    return [
        ImageRow(
            f"{patient:08d}_000.png", text, 0, patient, labels=labels[patient - 1] if labels else {}
        )
        for patient, text in enumerate(texts, 1)
    ]


def picture(number: int, side: int = 64) -> NDArray[np.uint8]:
    """Noise that no other number gives."""
    return np.random.default_rng(number).integers(0, 256, (side, side), dtype=np.uint8)


def write_set(folder: Path, rows: Sequence[ImageRow], *, side: int = 64) -> Dataset:
    """Write the set with its manifest and read it again."""
    (folder / "images").mkdir(parents=True)
    for row in rows:
        Image.fromarray(picture(row.patient, side)).save(folder / "images" / row.image_index)
    write_data_entry(folder / "Data_Entry.csv", rows)
    if any(row.labels for row in rows):
        write_labels(folder / "labels.csv", rows)
    write_splits(folder / "splits.csv", rows, make_splits(rows, seed=1))
    write_manifest(folder)
    return read_dataset(folder)
