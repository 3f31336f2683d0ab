"""ChestX-ray8's localization figures, to print beside ours.

The table lies in ``published/``: facts from the paper (Wang et al. 2017, Table 4, and Table 7 of
arXiv:1705.02315). The paper does not say over which images it averages its false positives; every
printed figure is, to its last digit, a whole number of boxes divided by 984, the number of true
boxes, and not by 880, the number of images that they lie on (a test checks this). So the figures
belong beside our false boxes *per true box*.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files

from cxrmine.tables import read_csv

#: The paper's true boxes by finding (NIH's ``BBox_List_2017.csv``), on `PUBLISHED_IMAGES` images.
PUBLISHED_BOXES = {
    "Atelectasis": 180,
    "Cardiomegaly": 146,
    "Effusion": 153,
    "Infiltration": 123,
    "Mass": 85,
    "Nodule": 79,
    "Pneumonia": 120,
    "Pneumothorax": 98,
}
PUBLISHED_IMAGES = 880


@dataclass(frozen=True, slots=True)
class PublishedBoxScore:
    """A published accuracy, and average false positives per true box (not per image)."""

    paper: str
    accuracy: float
    afp: float


@cache
def published_boxes() -> Mapping[tuple[str, float, str], PublishedBoxScore]:
    """Return the figures by measure (``IoBB``, ``IoU``), threshold and finding."""
    with as_file(files("cxrmine.evaluation") / "published/chestxray8_localization.csv") as path:
        return {
            (row["measure"], float(row["threshold"]), row["finding"]): PublishedBoxScore(
                row["paper"], float(row["accuracy"]), float(row["afp"])
            )
            for row in read_csv(path)[1]
        }
