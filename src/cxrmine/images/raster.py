"""PNG and JPEG files of the public data sets as grey images.

Their grey values are final: nothing is windowed or stretched here. 519 of the images of
ChestX-ray14 are RGBA with three equal channels, and a few sets have grey images saved as RGB or
with a palette; they all come out as what they show. An orientation in EXIF is left alone, as the
sets' own boxes were drawn on the pixels as they are stored.

Sources: PNG specification (third edition) sections 5 and 11.2; JPEG, ITU-T T.81.
"""

from __future__ import annotations

import zlib
from functools import cache
from io import BytesIO
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cxrmine.images.codestream import read_stream_info
from cxrmine.images.decode import MAX_PIXELS, lookup
from cxrmine.images.faults import ImageFault, SetAside

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8"
#: Samples a pixel by the colour type of a PNG (section 11.2.1), as they are decoded.
_PNG_SAMPLES = {0: 1, 2: 3, 3: 4, 4: 4, 6: 4}
#: As much as the largest DICOM image takes.
_MAX_BYTES = 2 * MAX_PIXELS
#: Channels of a grey photograph may differ by this much once JPEG has rounded the colours.
_GREY_TOLERANCE = 8

_TOO_LARGE = f"more than {MAX_PIXELS // 1_000_000} million pixels"
_DAMAGED = "the image file is damaged or truncated"


def read_raster(data: bytes) -> NDArray[np.uint8]:
    """Return a PNG or JPEG file as a grey image.

    Parameters
    ----------
    data : bytes
        The file.

    Returns
    -------
    ndarray of uint8, shape (rows, columns)
        8-bit grey as it is; 16-bit grey v as floor(v / 257 + 0.5), so that 65535 is 255; of
        equal colour channels the common value; transparency ignored.

    Raises
    ------
    ImageFault
        If the file is neither PNG nor JPEG, is damaged, truncated or empty, or has more than
        `MAX_PIXELS` pixels (which is found out before any memory is taken for them).
    SetAside
        If the image is in colour.
    """
    if data.startswith(_PNG):
        return _read_png(data)
    if data.startswith(_JPEG):
        return _read_jpeg(data)
    raise ImageFault("neither a PNG nor a JPEG file" if data else "the file is empty")


def _read_png(data: bytes) -> NDArray[np.uint8]:
    rows, columns, depth, samples = _check_png(data)
    if rows * columns > MAX_PIXELS:
        raise ImageFault(_TOO_LARGE)
    if rows * columns * samples * max(depth, 8) // 8 > _MAX_BYTES:
        raise ImageFault("the image takes too much memory")
    try:
        image = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        image = None
    if image is None or image.shape[:2] != (rows, columns):
        raise ImageFault(_DAMAGED)
    if image.dtype == np.uint16:
        image = lookup(image, _eight_bits())
    return _grey(image, blue_first=True)


@cache
def _eight_bits() -> NDArray[np.uint8]:
    """floor(v / 257 + 0.5) of every 16-bit value v; 128 is half of 257, rounded down."""
    return ((np.arange(65536) + 128) // 257).astype(np.uint8)


def _check_png(data: bytes) -> tuple[int, int, int, int]:
    """Walk the chunks of a PNG and return rows, columns, bits of a sample and samples a pixel.

    The check sums are compared here (half a millisecond) because libpng tells of a wrong one on
    stderr, and OpenCV only gives no image.
    """
    at, head = len(_PNG), b""
    view = memoryview(data)
    while at + 12 <= len(data):
        length = int.from_bytes(view[at : at + 4], "big")
        kind, end = bytes(view[at + 4 : at + 8]), at + 8 + length
        if end + 4 > len(data):
            break
        if zlib.crc32(view[at + 4 : end]) != int.from_bytes(view[end : end + 4], "big"):
            raise ImageFault(_DAMAGED)
        if not head:
            if kind != b"IHDR" or length != 13:
                raise ImageFault(_DAMAGED)
            head = bytes(view[at + 8 : end])
        if kind == b"IEND":
            columns, rows = int.from_bytes(head[:4], "big"), int.from_bytes(head[4:8], "big")
            if rows == 0 or columns == 0 or head[9] not in _PNG_SAMPLES:
                raise ImageFault(_DAMAGED)
            return rows, columns, head[8], _PNG_SAMPLES[head[9]]
        at = end + 4
    raise ImageFault(_DAMAGED)


def _read_jpeg(data: bytes) -> NDArray[np.uint8]:
    info = read_stream_info(data)
    if info.rows * info.columns > MAX_PIXELS:
        raise ImageFault(_TOO_LARGE)
    if info.rows * info.columns * info.components > _MAX_BYTES:
        raise ImageFault("the image takes too much memory")
    try:
        # Pillow and not OpenCV, which gives what there is of a damaged JPEG and says so on stderr.
        with Image.open(BytesIO(data), formats=("JPEG",)) as image:
            if image.size != (info.columns, info.rows):
                raise ImageFault(_DAMAGED)
            pixels = np.asarray(image)
    except Exception:  # OSError, SyntaxError, ... : Pillow has no error class of its own
        raise ImageFault(_DAMAGED) from None
    if info.components == 4:  # CMYK
        raise SetAside("colour image")
    return _grey(pixels, blue_first=False)


def _grey(image: NDArray[Any], *, blue_first: bool) -> NDArray[np.uint8]:
    """Return the common value of the colour channels; without the fourth, transparency."""
    if image.ndim == 2:
        return image
    colours = image[:, :, :3]
    highest, lowest = colours.max(axis=2), colours.min(axis=2)
    difference = int((highest - lowest).max())
    if difference == 0:
        common: NDArray[np.uint8] = highest
        return common
    if difference > _GREY_TOLERANCE:
        raise SetAside("colour image")
    order = cv2.COLOR_BGR2GRAY if blue_first else cv2.COLOR_RGB2GRAY
    luminance: NDArray[np.uint8] = cv2.cvtColor(np.ascontiguousarray(colours), order)
    return luminance
