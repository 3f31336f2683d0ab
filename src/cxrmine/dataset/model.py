"""The rows of a data set, as every stage behind the sources sees them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

#: Separates findings in ``Finding Labels``.
SEPARATOR = "|"
NO_FINDING = "No Finding"


@dataclass(frozen=True, slots=True)
class ImageRow:
    """One image of the set: a line of ``Data_Entry.csv`` and what else is known of it.

    Parameters
    ----------
    image_index : str
        File name in ``images/``, ``00000001_000.png``.
    finding_labels : str
        Findings joined by ``|``, ``No Finding``, or blank where nothing is known.
    follow_up : int
        The patient's study, from 0, in the order of time.
    patient : int
        The patient's number.
    age : int, optional
        In whole years at the study.
    sex : str
        ``M``, ``F``, ``O`` or blank.
    view : str
        ``PA``, ``AP`` or blank.
    width, height : int, optional
        Of the original image, in pixels.
    spacing_x, spacing_y : str
        Of the original image's pixels, in mm, as decimal text; blank where unknown.
    labels : mapping
        The columns of the label table (``labels.csv`` of mine-labels, or the public set's own),
        as text: ``1``, ``0``, ``-1`` or blank. Empty for an image without labels.
    official : str
        The image's part in the source's own split (``train``, ``val``, ``test``, or ``train_val``
        where only that is known); blank where the source has none.
    """

    image_index: str
    finding_labels: str
    follow_up: int
    patient: int
    age: int | None = None
    sex: str = ""
    view: str = ""
    width: int | None = None
    height: int | None = None
    spacing_x: str = ""
    spacing_y: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    official: str = ""

    @property
    def findings(self) -> tuple[str, ...]:
        """The findings of the image; empty where there are none or nothing is known."""
        if self.finding_labels in ("", NO_FINDING):
            return ()
        return tuple(self.finding_labels.split(SEPARATOR))


@dataclass(frozen=True, slots=True)
class Box:
    """A finding's bounding box, in pixels of the set's image (1024×1024), origin top left.

    ``x`` and ``y`` are the upper left corner, ``width`` and ``height`` the extent.
    """

    image_index: str
    finding: str
    x: float
    y: float
    width: float
    height: float
