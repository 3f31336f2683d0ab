"""One image file to one PNG of the data set: header, pixels, grey values, size, in one pass."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2

from cxrmine.images.decode import decode, lookup
from cxrmine.images.dicom_file import open_dicom, quiet_pydicom
from cxrmine.images.faults import ImageFault
from cxrmine.images.grey_attributes import read_grey_attributes
from cxrmine.images.grey_table import grey_table
from cxrmine.images.header import Header, read_header
from cxrmine.images.placement import Placement
from cxrmine.images.png import encode_png
from cxrmine.images.raster import read_raster
from cxrmine.images.resize import Fit, fit_to


@dataclass(frozen=True, slots=True)
class PixelSettings:
    """What decides the pixels of the set beside the files.

    Parameters
    ----------
    fit : str
        ``stretch`` (as ChestX-ray8), ``pad`` or ``crop``.
    window : int
        Which of a file's windows (or VOI LUTs) to take, from 1.
    """

    fit: Fit = "stretch"
    window: int = 1


@dataclass(frozen=True, slots=True)
class GreyUse:
    """Where the grey values of an image come from (see `cxrmine.images.grey_table`)."""

    source: str
    number: int | None = None
    centre: float | None = None
    width: float | None = None
    function: str = ""


@dataclass(frozen=True, slots=True)
class Converted:
    """An image file as it goes into the data set.

    Parameters
    ----------
    png : bytes
        1024×1024, one grey channel of 8 bits.
    sha256 : str
        Of `png`.
    width, height : int
        Of the original, in pixels.
    placement : Placement
        Where the original's pixels went.
    header : Header, optional
        What a DICOM file says of patient, study and view; None for other files.
    grey : GreyUse
        Where the grey values come from.
    warnings : tuple of str
        What was odd, in words of our own.
    """

    png: bytes
    sha256: str
    width: int
    height: int
    placement: Placement
    header: Header | None
    grey: GreyUse
    warnings: tuple[str, ...]


def convert_dicom(path: Path, settings: PixelSettings) -> Converted:
    """Return the image of a DICOM file.

    Raises
    ------
    ImageFault
        If the file cannot be read; says why.
    SetAside
        If it is no frontal chest radiograph; says on what evidence.
    """
    dataset = open_dicom(path)
    header = read_header(dataset)
    attributes = read_grey_attributes(dataset)
    oddities = list(header.warnings)
    stored = decode(dataset, warnings=oddities)
    table = grey_table(attributes, window=settings.window, stored=stored)
    image = lookup(stored, table.table)
    del stored
    grey = GreyUse(table.source, table.number, table.centre, table.width, table.function)
    return _placed(image, settings, header, grey, (*oddities, *table.warnings))


def convert_raster(path: Path, settings: PixelSettings) -> Converted:
    """Return the image of a PNG or JPEG file, whose grey values are taken as they are.

    Raises
    ------
    ImageFault
        If the file cannot be read; says why.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ImageFault(f"the file cannot be read ({error.strerror})") from error
    return _placed(read_raster(data), settings, None, GreyUse("as stored"), ())


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Keep libraries from printing what they find in files, and at one thread a process.

    The settings are those of the whole process, so one thread at a time may be in here.
    """
    before = cv2.getNumThreads()
    with quiet_pydicom():
        cv2.setNumThreads(1)
        try:
            yield
        finally:
            cv2.setNumThreads(before)


def _placed(
    image: object,
    settings: PixelSettings,
    header: Header | None,
    grey: GreyUse,
    oddities: tuple[str, ...],
) -> Converted:
    height, width = image.shape  # type: ignore[attr-defined]
    placed, placement = fit_to(image, settings.fit)  # type: ignore[arg-type]
    png = encode_png(placed)
    return Converted(
        png=png,
        sha256=hashlib.sha256(png).hexdigest(),
        width=width,
        height=height,
        placement=placement,
        header=header,
        grey=grey,
        warnings=oddities,
    )
