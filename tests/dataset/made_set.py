"""A made-up data set with every oddity that the card and the figures have to bear."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
from PIL import Image

from cxrmine.dataset.model import NO_FINDING, SEPARATOR, Box, ImageRow

FINDINGS = ("Cardiomegaly", "Effusion", "Mass", "Pleural_Thickening")


def made_rows(patients: int = 40, seed: int = 0) -> list[ImageRow]:
    """Rows of patients with one to four images; some not labelled, some of unknown age or sex."""
    rng = random.Random(seed)
    rows = []
    for patient in range(1, patients + 1):
        sex, age = rng.choice(("M", "F", "F", "O", "")), rng.randrange(0, 91)
        for number in range(rng.randrange(1, 5)):
            shown = [name for name in FINDINGS if rng.random() < 0.25]
            text = SEPARATOR.join(shown) if shown else rng.choice((NO_FINDING, NO_FINDING, ""))
            rows.append(
                ImageRow(
                    image_index=f"{patient:08d}_{number:03d}.png",
                    finding_labels=text,
                    follow_up=number // 2,
                    patient=patient,
                    age=rng.choice((age, age, None)),
                    sex=sex,
                    view=rng.choice(("PA", "AP", "")),
                    width=2544,
                    height=rng.choice((3056, 2544)),
                    spacing_x="0.143",
                    spacing_y="0.143",
                )
            )
    return rows


def draw_images(rows: list[ImageRow], folder: Path, *, side: int = 1024) -> None:
    """Write a grey gradient for each row."""
    folder.mkdir(parents=True, exist_ok=True)
    ramp = np.add.outer(np.arange(side), np.arange(side)) * (255 / (2 * side))
    for row in rows:
        Image.fromarray(ramp.astype(np.uint8)).save(folder / row.image_index)


def one_box(rows: list[ImageRow]) -> list[Box]:
    """A box on the first image with a finding."""
    row = next(row for row in rows if row.findings)
    return [Box(row.image_index, row.findings[0], 256.0, 384.0, 512.0, 256.0)]
