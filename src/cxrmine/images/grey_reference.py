"""The grey pipeline as the DICOM standard words it, in float64 and without a table.

Slow and plain on purpose: tests and the bench hold :mod:`cxrmine.images.grey_table` against it.
Nothing here shares code with the table but the attributes' record.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cxrmine.images.grey_attributes import GreyAttributes, Lut, Window


def reference_grey(
    cells: NDArray[np.generic], attributes: GreyAttributes, *, window: int = 1
) -> NDArray[np.uint8]:
    """Grey of every pixel, step by step.

    Parameters
    ----------
    cells : numpy.ndarray
        Raw pixel cells, integers of `attributes.bits_allocated` bits, any shape.
    attributes : GreyAttributes
        Of a header without an impossible window: falling back is the table's business.
    window : int, default 1
        Which VOI LUT, or window where there is none, from 1.

    Returns
    -------
    numpy.ndarray
        uint8 of the shape of `cells`, black 0, white 255.
    """
    stored = stored_values(cells, attributes)
    values = modality_output(stored, attributes)
    if attributes.voi_luts:
        lut = attributes.voi_luts[window - 1]
        output = lut_output(np.floor(values + 0.5), lut) / (2.0**lut.bits - 1)
    elif attributes.windows:
        output = window_output(values, attributes.windows[window - 1])
    elif attributes.bits_stored <= 8:
        ends = modality_output(
            np.arange(2.0**attributes.bits_stored)
            - (2.0 ** (attributes.bits_stored - 1) if attributes.signed else 0),
            attributes,
        )
        low, high = ends.min(), ends.max()
        if attributes.modality_lut is not None:
            low, high = 0.0, 2.0**attributes.modality_lut.bits - 1
        output = (values - low) / (high - low)
    else:
        if attributes.padding is not None:
            first, last = attributes.padding
            real = values[(stored < first) | (stored > last)]
        else:
            real = values.ravel()
        low, high = np.percentile(real, [0.5, 99.5])
        output = window_output(values, Window((low + high) / 2, high - low, "LINEAR_EXACT"))
    grey = np.floor(255 * output + 0.5)
    # PS3.3 C.7.6.3.1.2: the minimum of MONOCHROME1 is white. C.11.6.1.2: INVERSE is the same
    # reversal of the output.
    if attributes.photometric == "MONOCHROME1" or attributes.inverse:
        grey = 255 - grey
    return grey.astype(np.uint8)


def stored_values(cells: NDArray[np.generic], attributes: GreyAttributes) -> NDArray[np.float64]:
    """Pixel sample values of pixel cells (PS3.5 8.1.1): the stored bits, sign extended."""
    bits = attributes.bits_stored
    numbers = cells.astype(np.int64) % 2**attributes.bits_allocated
    numbers = numbers // 2**attributes.shift % 2**bits
    if attributes.signed:
        numbers = np.where(numbers >= 2 ** (bits - 1), numbers - 2**bits, numbers)
    values: NDArray[np.float64] = numbers.astype(np.float64)
    return values


def modality_output(stored: NDArray[np.float64], attributes: GreyAttributes) -> NDArray[np.float64]:
    """Output of the modality LUT (PS3.3 C.11.1.1) or of the rescale (C.11.1.1.2)."""
    if attributes.modality_lut is not None:
        return lut_output(stored, attributes.modality_lut)
    output: NDArray[np.float64] = attributes.slope * stored + attributes.intercept
    return output


def lut_output(values: NDArray[np.float64], lut: Lut) -> NDArray[np.float64]:
    """Entry for every value (PS3.3 C.11.2.1.1): the first one below, the last one above."""
    entries = np.frombuffer(lut.entries, dtype="<u2").astype(np.float64)
    last = lut.first + len(entries) - 1
    inside = np.minimum(np.maximum(values, lut.first), last)
    output: NDArray[np.float64] = entries[(inside - lut.first).astype(int)]
    return output


def window_output(x: NDArray[np.float64], window: Window) -> NDArray[np.float64]:
    """Output of a window, with ymin 0 and ymax 1 (PS3.3 C.11.2.1.2.1 and C.11.2.1.3)."""
    c, w = window.centre, window.width
    if window.function == "LINEAR":
        with np.errstate(divide="ignore", invalid="ignore"):
            y = ((x - (c - 0.5)) / (w - 1) + 0.5) * (1 - 0) + 0
        y = np.where(x > c - 0.5 + (w - 1) / 2, 1, y)
        return np.where(x <= c - 0.5 - (w - 1) / 2, 0, y)
    if window.function == "LINEAR_EXACT":
        y = ((x - c) / w + 0.5) * (1 - 0) + 0
        y = np.where(x > c + w / 2, 1, y)
        return np.where(x <= c - w / 2, 0, y)
    with np.errstate(over="ignore"):
        sigmoid: NDArray[np.float64] = (1 - 0) / (1 + np.exp(-4 * (x - c) / w)) + 0
    return sigmoid
