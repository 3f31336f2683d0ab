"""The data set's table in the layout of CheXpert's ``train.csv`` (Irvin et al. 2019).

Programs written for CheXpert read ``Path``, five columns on patient and view, and a column an
observation: 1.0 positive, 0.0 negative, -1.0 uncertain, blank not mentioned.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from cxrmine.dataset.csv_rows import plain_row
from cxrmine.dataset.model import NO_FINDING, ImageRow
from cxrmine.evaluation.findings import key
from cxrmine.tables import atomic_writer

#: CheXpert's observations in the order of its tables.
OBSERVATIONS = (
    "No Finding",
    "Enlarged Cardiomediastinum",
    "Cardiomegaly",
    "Lung Opacity",
    "Lung Lesion",
    "Edema",
    "Consolidation",
    "Pneumonia",
    "Atelectasis",
    "Pneumothorax",
    "Pleural Effusion",
    "Pleural Other",
    "Fracture",
    "Support Devices",
)
HEADER = ",".join(("Path", "Sex", "Age", "Frontal/Lateral", "AP/PA", *OBSERVATIONS))

_SEX = {"M": "Male", "F": "Female"}
# The name of ChestX-ray14 that stands for the same observation. Its other findings
# (Infiltration, Mass, Nodule …) have no column: CheXpert's Lung Opacity and Lung Lesion are wider,
# so that a negative would not carry over.
# The scheme openi calls a report without a finding normal.
_ALIASES = {"effusion": "pleural effusion", "normal": "no finding"}
_VALUES = {"1": "1.0", "1.0": "1.0", "0": "0.0", "0.0": "0.0", "-1": "-1.0", "-1.0": "-1.0"}
_COLUMN = {key(name): name for name in OBSERVATIONS}


def write_chexpert(path: Path, rows: Iterable[ImageRow], *, folder: str = "images") -> int:
    """Write the table in one step and return its number of rows.

    Parameters
    ----------
    path : Path
        The file; its folder must exist.
    rows
        In the order in which they shall stand. Labels are matched to CheXpert's observations by
        name (Effusion is Pleural Effusion); what a row does not know stays blank. A row without
        labels but with findings has these as positive.
    folder : str
        What stands before the Image Index in ``Path``.

    Raises
    ------
    ValueError
        If a label is none of 1, 0, -1 and blank.

    Notes
    -----
    All images are frontal. Sexes other than M and F are ``Unknown``, CheXpert's own word; an
    unknown age is blank (CheXpert writes 0, which a reader takes for a newborn).
    """
    count = 0
    with atomic_writer(path) as handle:
        handle.write(HEADER + "\n")
        for row in rows:
            count += 1
            values = _values(row)
            before = plain_row(
                (
                    f"{folder}/{row.image_index}",
                    _SEX.get(row.sex, "Unknown"),
                    row.age,
                    "Frontal",
                    row.view,
                )
            )
            # Numbers with a point, as CheXpert writes them; -1.0 is no formula.
            labels = ",".join(values.get(name, "") for name in OBSERVATIONS)
            handle.write(before.removesuffix("\n") + f",{labels}\n")
    return count


def _values(row: ImageRow) -> dict[str, str]:
    labels: Mapping[str, str] = row.labels
    if not labels:
        positive = (NO_FINDING,) if row.finding_labels == NO_FINDING else row.findings
        labels = dict.fromkeys(positive, "1")
    values: dict[str, str] = {}
    for name, value in labels.items():
        known = key(name)
        column = _COLUMN.get(_ALIASES.get(known, known))
        if column is not None and value:
            if value not in _VALUES:
                raise ValueError("a label is none of 1, 0, -1 and blank")
            values[column] = _VALUES[value]
    return values
