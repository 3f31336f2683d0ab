"""What a public set holds, in one form, before any of its images is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cxrmine.dataset.model import Box


@dataclass(frozen=True, slots=True)
class SourceImage:
    """One frontal image of a public set: where its file lies and what the set's tables say.

    Parameters
    ----------
    image_index : str
        The image's name in our set: ChestX-ray14's own, else ``%08d_%03d.png`` of the patient's
        number and a running number by study.
    patient : int
        The patient's number, as the set itself gives it (0 or more).
    follow_up : int
        The patient's study from 0, in the set's own order.
    path : Path, optional
        The image file (PNG or JPEG); None where the tables name an image that is not there, or
        were read alone.
    study : str
        Equal for the images of one study of one patient. Private: never written to the set.
    age : int, optional
        In whole years at the study; 90 stands for 90 and over.
    sex : str
        ``M``, ``F``, ``O`` or blank.
    view : str
        ``PA``, ``AP`` or blank.
    view_confidence : str
        ``stated`` where the set's tables say that the image is frontal, ``derived`` where this
        follows from something else, ``unknown`` where nothing says so.
    day : int, optional
        Days from the patient's first study in the set to this one, where the tables have dates.
    width, height : int, optional
        Of the original image where the tables say, in pixels; else the file itself knows.
    spacing_x, spacing_y : str
        Of the original image's pixels, in mm, as the tables' own decimal text.
    labels : mapping
        The set's own labels by column, as text: ``1``, ``0``, ``-1`` or blank. Images can share
        one mapping: never change it.
    finding_labels : str
        Positive findings joined by ``|``, ``No Finding``, or blank where nothing is known.
    official : str
        The part in the set's own split: ``train``, ``val``, ``test``, ``train_val`` or blank.
    report_ids : tuple of str
        The ids under which a table of labels can name the image's report, the likeliest first.
    private : mapping
        The set's own identifiers, for the crosswalk alone.
    """

    image_index: str
    patient: int
    follow_up: int
    path: Path | None = None
    study: str = ""
    age: int | None = None
    sex: str = ""
    view: str = ""
    view_confidence: str = "unknown"
    day: int | None = None
    width: int | None = None
    height: int | None = None
    spacing_x: str = ""
    spacing_y: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    finding_labels: str = ""
    official: str = ""
    report_ids: tuple[str, ...] = ()
    private: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An image of the set that is not taken, and why.

    Parameters
    ----------
    cause : str
        For ``set_aside.csv``, in words of our own: ``lateral view``.
    patient : int, optional
        The patient's number, where known.
    path : Path, optional
        The file, where it is there. Private, as is `private`.
    private : mapping
        The set's own identifiers, for the crosswalk alone.
    """

    cause: str
    patient: int | None = None
    path: Path | None = None
    private: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SourceSet:
    """A public set, read.

    Parameters
    ----------
    name : str
        As ``--from`` names it.
    title : str
        The set's name for people.
    images : tuple of SourceImage
        By `image_index`, all different.
    set_aside : tuple of LeftOut
        Sound images that do not belong in a set of frontal radiographs.
    missing : int
        How many of `images` have no file; 0 when only the tables were read. `problems` says it
        too.
    boxes : tuple of Box
        In pixels of the 1024×1024 images, by Image Index and clipped to the image.
    label_columns : tuple of str
        The columns of every image's `labels`; empty where the set has no labels of its own.
    official_split : bool
        Whether the set's own split was there.
    problems : tuple of str
        Oddities that lost nothing, or little: for ``warnings.csv``. They hold no identifier.
    """

    name: str
    title: str
    images: tuple[SourceImage, ...]
    set_aside: tuple[LeftOut, ...] = ()
    missing: int = 0
    boxes: tuple[Box, ...] = ()
    label_columns: tuple[str, ...] = ()
    official_split: bool = False
    problems: tuple[str, ...] = ()
