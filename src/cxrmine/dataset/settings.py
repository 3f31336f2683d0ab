"""What a build of a data set is asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

DICOM = "dicom"
RANDOM = "random"
OFFICIAL = "official"

#: Further tables that ``--layout`` asks for, and their files.
LAYOUTS = {"coco": "boxes_coco.json", "chexpert": "train.csv"}

Fit = Literal["stretch", "pad", "crop"]
FITS: tuple[Fit, ...] = ("stretch", "pad", "crop")


@dataclass(frozen=True, slots=True)
class BuildSettings:
    """What to build, from what.

    Parameters
    ----------
    folders : tuple of Path
        DICOM files and folders of them, or the one folder of a public set.
    source : str
        ``dicom``, or a public set's name (`cxrmine.dataset.sources.registry.NAMES`).
    labels : Path, optional
        ``labels.csv`` of mine-labels.
    links : Path, optional
        Table that says which report belongs to which image.
    boxes : Path, optional
        Boxes as XML files or as a table in NIH's form.
    fit : str
        ``stretch``, ``pad`` or ``crop``.
    window : int
        Which of a file's windows to take, from 1.
    split : str, optional
        ``random``, ``official``, or a column of `links`; by default the source's own split where
        it has one, else random.
    seed : int
        Of the random splits.
    layouts : tuple of str
        Keys of `LAYOUTS`.
    tables_only : bool
        Import a public set's tables without its images.
    """

    folders: tuple[Path, ...]
    source: str = DICOM
    labels: Path | None = None
    links: Path | None = None
    boxes: Path | None = None
    fit: Fit = "stretch"
    window: int = 1
    split: str | None = None
    seed: int = 0
    layouts: tuple[str, ...] = ()
    tables_only: bool = False

    def of_pixels(self) -> dict[str, Any]:
        """Return what decides the pixels: two builds that differ in it share no image."""
        return {"from": self.source, "fit": self.fit, "window": self.window}

    def recorded(self) -> dict[str, Any]:
        """Return what ``run.json`` and the card state: no path."""
        return {
            **self.of_pixels(),
            "split": self.split if self.split in (None, RANDOM, OFFICIAL) else "column of --links",
            "seed": self.seed,
            "layout": list(self.layouts),
            "tables_only": self.tables_only,
        }
