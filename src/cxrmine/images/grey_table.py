"""The whole grey pipeline of DICOM as one lookup table.

PS3.3 C.11 and PS3.4 N.2 describe a chain of transformations: stored value → modality LUT or
rescale → VOI LUT or window → presentation LUT. A stored value has at most 16 bits and every step
looks at one pixel alone, so the chain is computed once for every possible pixel cell and an image
is then one table lookup. What the tables hold is tested against
:mod:`cxrmine.images.grey_reference` for every stored value.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from cxrmine.images.grey_attributes import (
    LINEAR,
    LINEAR_EXACT,
    SIGMOID,
    GreyAttributes,
    Lut,
    Window,
)

VOI_LUT = "voi lut"
WINDOW = "window"
PERCENTILES = "percentiles"
AS_STORED = "as stored"

#: Without a window, these percentiles of the pixels become black and white.
LOW_PERCENTILE, HIGH_PERCENTILE = 0.5, 99.5

# Tables that are kept for the next files. Their keys hold the LUTs of a file, up to 4 MB.
_TABLES = 16

# Where a pixel cell lies against a window: what the search for impossible windows looks at.
_BELOW, _INSIDE, _ABOVE, _PADDING = 0, 1, 2, 3

# A bin of OpenCV's histogram is a float32, exact up to 2**24 pixels.
_HISTOGRAM_PIXELS = 1 << 24


@dataclass(frozen=True, slots=True, eq=False)
class GreyTable:
    """Grey of every possible pixel cell, and where it comes from.

    Parameters
    ----------
    table : numpy.ndarray
        uint8, indexed by the pixel cell as an unsigned number: 256 entries for cells of 8 bits,
        65,536 for cells of 16. Black is 0, white 255. Read only, shared between images.
    source : str
        ``voi lut``, ``window``, ``percentiles`` or ``as stored``.
    number : int
        Which of the file's VOI LUTs or windows, from 1; 0 where none was used.
    centre, width : float, optional
        Of the window, in units of the modality LUT's output; for ``percentiles`` those of the
        ``LINEAR_EXACT`` window that gives the same image.
    function : str
        The window's function; blank where no window was used.
    warnings : tuple of str
        What was odd and how it was taken, as fixed sentences.
    """

    table: NDArray[np.uint8]
    source: str
    number: int = 0
    centre: float | None = None
    width: float | None = None
    function: str = ""
    warnings: tuple[str, ...] = ()


def grey_table(
    attributes: GreyAttributes, *, window: int = 1, stored: NDArray[np.generic] | None = None
) -> GreyTable:
    """Build, or take from the cache, the table that turns pixel cells into grey.

    Parameters
    ----------
    attributes : GreyAttributes
        From :func:`cxrmine.images.grey_attributes.read_grey_attributes`.
    window : int, default 1
        Which of the file's VOI LUTs or, where it has none, of its windows, from 1. A file with
        fewer takes its first.
    stored : numpy.ndarray, optional
        The raw cells of the image, any shape, 8 or 16 bits as `attributes` says. Without them a
        window that lies beside the pixels is found only if it lies beside every possible value,
        and percentiles cannot be taken.

    Returns
    -------
    GreyTable

    Raises
    ------
    ValueError
        If `window` is below 1, the cells have another size than `attributes` says or are none, or
        the cells are needed and not given.

    Notes
    -----
    VOI LUTs come before windows; the standard calls them alternatives (PS3.3 C.11.2.1.1), and
    only a LUT can say what a window cannot. A window is impossible if its width is not above 0
    (below 1 for ``LINEAR``: PS3.3 C.11.2.1.2.1), or if all pixels that are not padding lie below
    it, or all above: the image would be flat. Then the file's other LUTs and windows are tried
    in order; then the rule for files without a window holds.

    Without a window, up to 8 bits are shown over the range of the modality LUT's output (8-bit
    values pass unchanged); above, the 0.5th to 99.5th percentile of the pixels (of the modality
    LUT's output, padding excluded, interpolated as ``numpy.percentile`` does).

    Padding takes part in the transformation as any pixel does: where it is written as the
    standard has it, at the black end, it comes out black.
    """
    if window < 1:
        raise ValueError(f"windows are counted from 1, not {window}")
    cells = None if stored is None else _cells(stored, attributes.bits_allocated)
    warnings = list(attributes.warnings)
    source = VOI_LUT if attributes.voi_luts else WINDOW
    count = len(attributes.voi_luts) or len(attributes.windows)
    wanted = window - 1
    if count and wanted >= count:
        warnings.append(f"the file has no {source} {window}: its first was used")
        wanted = 0
    useless: set[Lut | Window] = set()
    for source, index in _candidates(attributes, wanted):
        choice = (attributes.voi_luts if source == VOI_LUT else attributes.windows)[index]
        if choice in useless:
            continue
        reason = _impossible(attributes, source, index, cells)
        if reason:
            warnings.append(f"{source} {index + 1} {reason}: not used")
            useless.add(choice)
            continue
        table = _voi_table(attributes, source, index).table
        if source == VOI_LUT:
            return GreyTable(table, source, index + 1, warnings=tuple(warnings))
        chosen = attributes.windows[index]
        return GreyTable(
            table,
            source,
            index + 1,
            chosen.centre,
            chosen.width,
            chosen.function,
            tuple(warnings),
        )
    if attributes.bits_stored <= 8:
        return GreyTable(_full_range_table(attributes), AS_STORED, warnings=tuple(warnings))
    if cells is None:
        raise ValueError("an image without a window needs its pixels for the percentiles")
    return _percentile_table(attributes, cells, warnings)


def _candidates(attributes: GreyAttributes, wanted: int) -> list[tuple[str, int]]:
    """VOI LUTs, then windows; the wanted one of the first kind that there is, then the rest."""
    luts = [(VOI_LUT, index) for index in range(len(attributes.voi_luts))]
    windows = [(WINDOW, index) for index in range(len(attributes.windows))]
    first, second = (luts, windows) if luts else (windows, [])
    return [*first[wanted : wanted + 1], *first[:wanted], *first[wanted + 1 :], *second]


def _cells(stored: NDArray[np.generic], bits_allocated: int) -> NDArray[np.unsignedinteger]:
    if stored.dtype.kind not in "ui" or stored.dtype.itemsize * 8 != bits_allocated:
        raise ValueError(f"pixel cells of {stored.dtype}, not of {bits_allocated} bits")
    if not stored.size:
        raise ValueError("an image without pixels")
    # A view of the bytes in the other order would be another number.
    native = stored.astype(stored.dtype.newbyteorder("="), copy=False)
    return native.view(np.uint8 if bits_allocated == 8 else np.uint16)


# --- the chain ------------------------------------------------------------------------------------


def _stored_values(attributes: GreyAttributes) -> NDArray[np.int64]:
    """Every stored value in the order of its bits: 0, 1, …, and from the middle on negative."""
    values = np.arange(1 << attributes.bits_stored, dtype=np.int64)
    if attributes.signed:
        values[len(values) // 2 :] -= len(values)
    return values


@lru_cache(maxsize=_TABLES)
def _modality_values(attributes: GreyAttributes) -> NDArray[np.float64]:
    """Output of the modality LUT for every stored value, in the order of its bits."""
    values = _stored_values(attributes)
    output: NDArray[np.float64]
    if attributes.modality_lut is not None:
        output = _look_up(attributes.modality_lut, values).astype(np.float64)
    else:
        output = (values * attributes.slope + attributes.intercept).astype(np.float64)
    output.flags.writeable = False
    return output


def _look_up(lut: Lut, values: NDArray[np.int64]) -> NDArray[np.uint16]:
    return lut.values[np.clip(values - lut.first, 0, len(lut) - 1)]


def _window_output(values: NDArray[np.float64], window: Window) -> NDArray[np.float64]:
    """Output of a window's function, in [0, 1] (PS3.3 C.11.2.1.2.1, C.11.2.1.3.1 and .2)."""
    centre, width = window.centre, window.width
    if window.function == SIGMOID:
        # Beyond ±700 the exponential has no float; the output is 0 or 1 long before.
        with np.errstate(over="ignore"):
            power = np.clip(-4 * (values - centre) / width, -700, 700)
        sigmoid: NDArray[np.float64] = 1 / (1 + np.exp(power))
        return sigmoid
    if window.function == LINEAR:
        centre, width = centre - 0.5, width - 1
    # A LINEAR window of width 1 is a step: nothing lies between its ends.
    output = np.zeros(len(values))
    if width:
        with np.errstate(over="ignore"):  # a tiny width: both ends are set below
            output[:] = (values - centre) / width + 0.5
    output[values <= centre - width / 2] = 0
    output[values > centre + width / 2] = 1
    return output


def _grey(output: NDArray[np.float64], attributes: GreyAttributes) -> NDArray[np.uint8]:
    """From output in [0, 1] for every stored value to grey for every pixel cell."""
    grey = np.floor(255 * output + 0.5).astype(np.uint8)
    if attributes.inverted:
        grey = 255 - grey
    table = _per_cell(grey, attributes)
    table.flags.writeable = False
    return table


def _per_cell(values: NDArray[np.uint8], attributes: GreyAttributes) -> NDArray[np.uint8]:
    """Repeat a table of stored values for whatever the other bits of the cell hold."""
    if attributes.shift:
        values = np.repeat(values, 1 << attributes.shift)
    return np.tile(values, (1 << attributes.bits_allocated) // len(values))


@dataclass(frozen=True, slots=True, eq=False)
class _VoiTable:
    table: NDArray[np.uint8]  # grey of every cell
    sides: NDArray[np.uint8]  # _BELOW, _INSIDE, _ABOVE or _PADDING, of every cell


@lru_cache(maxsize=_TABLES)
def _voi_table(attributes: GreyAttributes, source: str, index: int) -> _VoiTable:
    values = _modality_values(attributes)
    if source == VOI_LUT:
        lut = attributes.voi_luts[index]
        # A rescale may give fractions, on which the standard is silent: the nearest entry.
        whole = np.floor(np.clip(values, -(2.0**31), 2.0**31) + 0.5).astype(np.int64)
        output = _look_up(lut, whole) / (2**lut.bits - 1)
    else:
        output = _window_output(values, attributes.windows[index])
    low, high = _edges(attributes, source, index)
    sides = np.full(len(values), _INSIDE, np.uint8)
    sides[values < low] = _BELOW
    sides[values > high] = _ABOVE
    per_cell = _per_cell(sides, attributes)
    padding = _padding_cells(attributes)
    if padding is not None:
        per_cell[padding] = _PADDING
    return _VoiTable(_grey(output, attributes), per_cell)


def _edges(attributes: GreyAttributes, source: str, index: int) -> tuple[float, float]:
    """The input beyond which a VOI LUT or window gives nothing but its first or last grey."""
    if source == VOI_LUT:
        lut = attributes.voi_luts[index]
        return lut.first, lut.first + len(lut) - 1
    window = attributes.windows[index]
    centre, half = window.centre, window.width / 2
    if window.function == LINEAR:
        centre, half = centre - 0.5, (window.width - 1) / 2
    elif window.function == SIGMOID:
        # Where 255·y is half a grey level from 0 or from 255.
        half = window.width / 4 * math.log(509)
    return centre - half, centre + half


def _padding_cells(attributes: GreyAttributes) -> NDArray[np.bool_] | None:
    """Which cells are padding; None where the header names none.

    Padding that the stored bits cannot hold is compared with the whole cell: there are consoles
    that write -2000 into cells with 12 unsigned bits.
    """
    if attributes.padding is None:
        return None
    low, high = attributes.padding
    lowest, highest = attributes.stored_range
    if low <= highest and high >= lowest:
        values = _stored_values(attributes)
        by_value = ((values >= low) & (values <= high)).view(np.uint8)
        return _per_cell(by_value, attributes).view(np.bool_)
    whole = np.arange(1 << attributes.bits_allocated)
    if attributes.signed:
        whole[len(whole) // 2 :] -= len(whole)
    padding: NDArray[np.bool_] = (whole >= low) & (whole <= high)
    return padding


# --- windows that show nothing --------------------------------------------------------------------


def _impossible(
    attributes: GreyAttributes,
    source: str,
    index: int,
    cells: NDArray[np.unsignedinteger] | None,
) -> str:
    """Why a VOI LUT or window cannot be used; blank where it can."""
    if source == WINDOW and not attributes.windows[index].possible:
        return "is impossible or unreadable"
    sides = _voi_table(attributes, source, index).sides
    if cells is None:
        present = np.unique(sides)
    else:
        # A few thousand pixels settle nearly every image: one inside the window is enough.
        steps = tuple(slice(None, None, max(1, length // 40)) for length in cells.shape)
        if _shows(np.unique(sides[cells[steps]])):
            return ""
        present = np.unique(sides[_histogram(cells) > 0])
    if _shows(present) or not np.any(present != _PADDING):
        return ""
    return "lies beside all pixels"


def _shows(sides: NDArray[np.uint8]) -> bool:
    found = sides.tolist()
    return _INSIDE in found or (_BELOW in found and _ABOVE in found)


# --- images without a window ----------------------------------------------------------------------


@lru_cache(maxsize=_TABLES)
def _full_range_table(attributes: GreyAttributes) -> NDArray[np.uint8]:
    """The modality LUT's whole output range from black to white: 8 bits pass unchanged."""
    low, high = attributes.modality_range
    return _grey((_modality_values(attributes) - low) / (high - low), attributes)


def _percentile_table(
    attributes: GreyAttributes, cells: NDArray[np.unsignedinteger], warnings: list[str]
) -> GreyTable:
    counts = _histogram(cells)
    padding = _padding_cells(attributes)
    if padding is not None:
        unpadded = np.where(padding, 0, counts)
        if unpadded.any():
            counts = unpadded
        else:
            warnings.append("all pixels are padding: the percentiles include it")
    per_value = counts.reshape(-1, 1 << attributes.bits_stored, 1 << attributes.shift)
    present = per_value.sum(axis=(0, 2), dtype=np.int64)
    used = np.flatnonzero(present)
    values, number = _modality_values(attributes)[used], present[used]
    order = np.argsort(values, kind="stable")
    values, number = values[order], number[order]
    low = _percentile(values, number, LOW_PERCENTILE)
    high = _percentile(values, number, HIGH_PERCENTILE)
    if low == high and values[0] < values[-1]:
        warnings.append("nearly all pixels have one value: the full range of the pixels was used")
        low, high = float(values[0]), float(values[-1])
    elif low == high:
        warnings.append("all pixels have one value: the full range of the bits was used")
        low, high = attributes.modality_range
    window = Window((low + high) / 2, high - low, LINEAR_EXACT)
    table = _grey(_window_output(_modality_values(attributes), window), attributes)
    return GreyTable(
        table, PERCENTILES, 0, window.centre, window.width, window.function, tuple(warnings)
    )


def _percentile(values: NDArray[np.float64], number: NDArray[np.int64], percentile: float) -> float:
    """Percentile of ascending `values`, each of which occurs `number` times.

    Linear interpolation between neighbours, as in ``numpy.percentile``.
    """
    ends = np.cumsum(number)
    position = (int(ends[-1]) - 1) * percentile / 100
    below = int(position)
    at = np.searchsorted(ends, [below, min(below + 1, int(ends[-1]) - 1)], side="right")
    first, second = values[at]
    return float(first + (second - first) * (position - below))


def _histogram(cells: NDArray[np.unsignedinteger]) -> NDArray[np.int64]:
    """Number of pixels of every possible cell."""
    bins = 1 << (8 * cells.dtype.itemsize)
    counts = np.zeros(bins, np.int64)
    rows = cells.reshape(cells.shape[0] if cells.ndim > 1 else 1, -1)
    band = max(1, _HISTOGRAM_PIXELS // rows.shape[1])
    for start in range(0, len(rows), band):
        part = np.ascontiguousarray(rows[start : start + band])
        counts += cv2.calcHist([part], [0], None, [bins], [0, bins]).ravel().astype(np.int64)
    return counts
