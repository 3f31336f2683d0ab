"""Any image to the data set's square, by area averaging, and boxes along with it.

ChestX-ray8 "simply resized" its images to 1024×1024, which stretches them; that is the default
here (ChestX-ray8, section 2.3). A shrinking axis is averaged over exactly the area that an output
pixel covers, fractions of input pixels included, so nothing between the samples is lost and no
stair-steps are made. An enlarged axis is interpolated linearly between pixel centres.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from cxrmine.images.placement import SIZE, Placement

#: ``stretch`` fills the square and changes the proportions; ``pad`` keeps all of the image and
#: its proportions between black borders; ``crop`` keeps the proportions and cuts the longer side.
Fit = Literal["stretch", "pad", "crop"]
FITS: tuple[Fit, ...] = get_args(Fit)

__all__ = ["FITS", "SIZE", "Fit", "Placement", "fit_to", "resize"]


def fit_to(
    image: NDArray[np.uint8], fit: Fit = "stretch", size: int = SIZE
) -> tuple[NDArray[np.uint8], Placement]:
    """Bring an image to ``size`` × ``size`` pixels.

    Parameters
    ----------
    image : ndarray of uint8, shape (rows, columns)
        Grey image.
    fit : {"stretch", "pad", "crop"}
        What becomes of an image that is not square.
    size : int, default 1024
        Side of the output.

    Returns
    -------
    image : ndarray of uint8, shape (size, size)
        The input itself, not resampled, if it has that size already.
    placement : Placement
        For the boxes.

    Raises
    ------
    ValueError
        If the image has no pixels, or ``fit`` is none of the three.
    """
    rows, columns = image.shape
    if rows == 0 or columns == 0:
        raise ValueError("an image without pixels cannot be resized")
    if fit == "stretch":
        return resize(image, size, size), Placement(size / columns, size / rows, 0.0, 0.0, size)
    if fit == "pad":
        scale = size / max(rows, columns)
        # Whole pixels; a side never vanishes, however long and thin the image is.
        height, width = (max(1, round(side * scale)) for side in (rows, columns))
        top, left = (size - height) // 2, (size - width) // 2
        placement = Placement(width / columns, height / rows, float(left), float(top), size)
        inner = resize(image, height, width)
        if inner.shape == (size, size):
            return inner, placement
        padded = np.zeros((size, size), dtype=np.uint8)
        padded[top : top + height, left : left + width] = inner
        return padded, placement
    if fit == "crop":
        side = min(rows, columns)
        top, left = (rows - side) // 2, (columns - side) // 2
        scale = size / side
        square = image[top : top + side, left : left + side]
        return resize(square, size, size), Placement(
            scale, scale, -left * scale, -top * scale, size
        )
    raise ValueError(f"fit {fit!r} is none of {', '.join(FITS)}")


def resize(image: NDArray[np.uint8], rows: int, columns: int) -> NDArray[np.uint8]:
    """Resize a grey image: area averaging on a shrinking axis, linear on an enlarged one.

    Parameters
    ----------
    image : ndarray of uint8, shape (rows in, columns in)
    rows, columns : int
        Of the output.

    Returns
    -------
    ndarray of uint8, shape (rows, columns)
        The input itself if it has that size already.
    """
    rows_in, columns_in = image.shape
    if (rows_in, columns_in) == (rows, columns):
        return image
    if rows <= rows_in and columns <= columns_in:
        grey: NDArray[np.uint8] = _resample(image, rows, columns, cv2.INTER_AREA)
        return grey
    # OpenCV's area averaging is one only if both axes shrink: take the axes one after the other,
    # in float between them so that grey values are rounded once.
    between = image.astype(np.float32)
    between = _resample(between, min(rows, rows_in), min(columns, columns_in), cv2.INTER_AREA)
    between = _resample(between, rows, columns, cv2.INTER_LINEAR)
    return np.asarray(np.floor(between + 0.5), dtype=np.uint8)


def _resample(image: NDArray[Any], rows: int, columns: int, method: int) -> NDArray[Any]:
    resampled: NDArray[Any] = cv2.resize(image, (columns, rows), interpolation=method)
    return resampled
