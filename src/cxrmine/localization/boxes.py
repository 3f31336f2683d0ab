"""From heat maps to boxes, as ChestX-ray8 draws them.

Wang et al. 2017, section 3.2, bounding box generation: "The intensities in heatmaps are first
normalized to [0, 255] and then thresholded by {60, 180} individually. Finally, B-Boxes are
generated to cover the isolated regions in the resulting binary maps." So each threshold gives
boxes of its own: a large one round a warm area, and a small one round the hot spot in it.

Regions are found on runs: the stretches of pixels above the threshold within a row. Whole stacks
of maps are labelled at once, without a loop over pixels, rows or maps; `boxes_reference` has the
same as a plain flood fill.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: The paper's thresholds, on the scale 0 to 255.
THRESHOLDS = (60.0, 180.0)
#: Pixels a side of the images that boxes are counted in.
SIZE = 1024

# Pixels of maps labelled at once: the work space stays in the processor's cache.
_AT_ONCE = 1 << 20


@dataclass(frozen=True, slots=True)
class MapBoxes:
    """The boxes of a stack of maps, one an entry, ordered by map, then best first.

    Parameters
    ----------
    index : ndarray of int64, shape (boxes,)
        Which map of the stack a box is from.
    boxes : ndarray of float64, shape (boxes, 4)
        ``x, y, width, height`` in pixels of the image.
    score : ndarray of float64, shape (boxes,)
        The map's highest value within the region, as a share of 255.
    threshold : ndarray of float64, shape (boxes,)
        The threshold that gave the box.
    """

    index: NDArray[np.int64]
    boxes: NDArray[np.float64]
    score: NDArray[np.float64]
    threshold: NDArray[np.float64]

    def __len__(self) -> int:
        """Return the number of boxes."""
        return len(self.index)


@dataclass(frozen=True, slots=True)
class _Regions:
    """Connected regions of a stack of maps: their bounding extents, half open.

    All are int64 arrays of shape (regions,): rows `top` to `bottom` and columns `left` to `right`
    (without the last) of map `index`; `peak` is the highest value in the region.
    """

    index: NDArray[np.int64]
    top: NDArray[np.int64]
    bottom: NDArray[np.int64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    peak: NDArray[np.float64]


def boxes_from_map(
    heat: ArrayLike,
    thresholds: Sequence[float] = THRESHOLDS,
    size: float = SIZE,
    *,
    resolution: int | None = None,
    connectivity: int = 8,
) -> list[tuple[float, float, float, float, float]]:
    """Return the boxes of one heat map.

    Parameters
    ----------
    heat : array_like, shape (rows, columns)
        The map on the scale 0 to 255, as integers or floats.
    thresholds : sequence of float
        A region is where the map is above one of these.
    size : float
        Pixels a side of the image that the map stands for.
    resolution : int, optional
        Interpolate the map to so many pixels a side first (`interpolated`). A map of 7 × 7 can
        only give boxes in steps of a seventh of the image otherwise, as the paper's own of 32 × 32
        do in steps of 32 pixels.
    connectivity : {8, 4}
        Whether pixels that touch at a corner belong together.

    Returns
    -------
    list of tuple of float
        ``(x, y, width, height, score)`` in pixels of the image; the score is the map's highest
        value in the region as a share of 255. Best first; of equal scores that of the higher
        threshold, then the larger one. A region that is the same at two thresholds is one box.

    Raises
    ------
    ValueError
        If the map is not such a map: no rows, NaN, or values outside 0 to 255.
    """
    stack = np.asarray(heat)
    if stack.ndim != 2 or not stack.size:
        raise ValueError(f"a heat map has shape (rows, columns), not {stack.shape}")
    found = boxes_from_maps(
        stack[np.newaxis], thresholds, size, resolution=resolution, connectivity=connectivity
    )
    return [
        (x, y, width, height, score)
        for (x, y, width, height), score in zip(
            found.boxes.tolist(), found.score.tolist(), strict=True
        )
    ]


def boxes_from_maps(
    heats: ArrayLike,
    thresholds: Sequence[float] = THRESHOLDS,
    size: float = SIZE,
    *,
    resolution: int | None = None,
    connectivity: int = 8,
) -> MapBoxes:
    """Return the boxes of a stack of heat maps; see `boxes_from_map`.

    Parameters
    ----------
    heats : array_like, shape (maps, rows, columns)
        May be a memory map: it is read in pieces.

    Returns
    -------
    MapBoxes
    """
    maps: NDArray[Any] = np.asanyarray(heats)
    if maps.ndim != 3 or 0 in maps.shape[1:]:
        raise ValueError(f"heat maps have shape (maps, rows, columns), not {maps.shape}")
    if not (np.issubdtype(maps.dtype, np.integer) or np.issubdtype(maps.dtype, np.floating)):
        raise ValueError(f"heat maps hold numbers, not {maps.dtype}")
    if connectivity not in (4, 8):
        raise ValueError(f"connectivity is 8 or 4, not {connectivity}")
    if resolution is not None and resolution < 1:
        raise ValueError(f"resolution is a number of pixels, at least 1; not {resolution}")
    rows, columns = (resolution, resolution) if resolution is not None else maps.shape[1:]
    step = max(1, _AT_ONCE // (int(rows) * int(columns)))
    space = _Space()
    parts = [
        _boxes_of_piece(
            np.ascontiguousarray(maps[start : start + step]),
            start,
            thresholds,
            size,
            resolution,
            connectivity,
            space,
        )
        for start in range(0, len(maps), step)
    ]
    if not parts:
        none = np.empty(0)
        return MapBoxes(np.empty(0, np.int64), np.empty((0, 4)), none, none)
    return MapBoxes(
        np.concatenate([part.index for part in parts]),
        np.concatenate([part.boxes for part in parts]),
        np.concatenate([part.score for part in parts]),
        np.concatenate([part.threshold for part in parts]),
    )


def _boxes_of_piece(
    maps: NDArray[Any],
    start: int,
    thresholds: Sequence[float],
    size: float,
    resolution: int | None,
    connectivity: int,
    space: _Space,
) -> MapBoxes:
    if maps.dtype != np.uint8 and not (maps.min() >= 0 and maps.max() <= 255):  # NaN too
        raise ValueError("heat maps are scaled to 0 to 255 before boxes are drawn")
    if resolution is not None:
        maps = interpolated(maps, resolution)
    _, rows, columns = maps.shape
    found = [_regions(maps, threshold, connectivity, space) for threshold in thresholds]
    index = np.concatenate([np.empty(0, np.int64), *(part.index for part in found)])
    extent = np.concatenate(
        [
            np.empty((0, 4), np.int64),
            *(np.stack([p.left, p.top, p.right, p.bottom], axis=1) for p in found),
        ]
    )
    score = np.concatenate([np.empty(0), *(part.peak for part in found)]) / 255
    threshold = np.repeat(np.asarray(thresholds, np.float64), [len(part.index) for part in found])
    sides = extent[:, 2:] - extent[:, :2]
    area = sides[:, 0] * sides[:, 1]
    order = np.lexsort((*extent.T, -area, -threshold, -score, index))
    # A hot spot with steep sides is one region at both thresholds; twice the same box would count
    # as two false ones.
    key = np.column_stack([index, extent])[order]
    _, first = np.unique(key, axis=0, return_index=True)
    order = order[np.sort(first)]
    scale = np.array([size / columns, size / rows] * 2)
    boxes = np.concatenate([extent[:, :2], sides], axis=1)[order] * scale
    return MapBoxes(index[order] + start, boxes, score[order], threshold[order])


class _Space:
    """Work space that is used again: fresh memory costs as much as the work done in it."""

    def __init__(self) -> None:
        self._buffers = (np.empty(0, np.bool_), np.empty(0, np.bool_))
        self._shape: tuple[int, ...] = ()

    def take(self, shape: tuple[int, int, int]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return two arrays for maps of a shape, of which the first holds what it held before."""
        if shape != self._shape:
            number, rows, columns = self._shape = shape
            length = 1 + number * rows * (columns + 1)
            self._buffers = (np.zeros(length, np.bool_), np.empty(length, np.bool_))
        return self._buffers


def _regions(values: NDArray[Any], threshold: float, connectivity: int, space: _Space) -> _Regions:
    """Return the connected regions above a threshold, ordered by map, row and column.

    `values` has shape (maps, rows, columns).
    """
    number, rows, columns = values.shape
    stride = columns + 1
    # A blank column between rows and a blank pixel in front, so that every run has two ends. The
    # blanks are blank from the start and stay so.
    padded, change = space.take((number, rows, columns))
    inside = padded[1:].reshape(number, rows, stride)[:, :, :columns]
    if values.dtype == np.uint8 and 0 <= threshold < 256:
        # Above 60.5 is above 60 for whole numbers, and bytes are compared ten times as fast with
        # a byte as with a float.
        np.greater(values, np.uint8(threshold), out=inside)
    else:
        np.greater(values, threshold, out=inside)
    ends = np.flatnonzero(np.not_equal(padded[1:], padded[:-1], out=change[1:]))
    first, last = ends[0::2], ends[1::2]  # half open, in the padded raster
    row = first // stride
    label = _joined(_neighbours(first, last, row, rows, stride, connectivity), len(first))

    order = np.argsort(label, kind="stable")
    if not len(order):
        none = np.empty(0, np.int64)
        return _Regions(none, none, none, none, none, np.empty(0))
    start = np.flatnonzero(np.diff(label[order], prepend=-1))
    stop = np.append(start[1:], len(order))
    # Runs are in reading order, and within a region still are: its first is in its top row.
    top, bottom = row[order[start]], row[order[stop - 1]] + 1
    index = top // rows
    left = np.minimum.reduceat((first - row * stride)[order], start)
    right = np.maximum.reduceat((last - row * stride)[order], start)
    peak = np.maximum.reduceat(_run_peaks(values, first - row, last - row)[order], start)
    return _Regions(
        index, top - index * rows, bottom - index * rows, left, right, peak.astype(np.float64)
    )


def _neighbours(
    first: NDArray[np.int64],
    last: NDArray[np.int64],
    row: NDArray[np.int64],
    rows: int,
    stride: int,
    connectivity: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the pairs of runs that touch from one row to the next."""
    # Those of the next row that end behind this one's begin, up to those that begin before its
    # end; where corners count, at its end as well.
    corner = connectivity == 8
    low = np.searchsorted(last, first + stride, side="left" if corner else "right")
    high = np.searchsorted(first, last + stride, side="right" if corner else "left")
    high[row % rows == rows - 1] = 0  # below the last row begins another mask
    counts = np.maximum(high - low, 0)
    upper = np.repeat(np.arange(len(first)), counts)
    offset = np.arange(len(upper)) - np.repeat(np.cumsum(counts) - counts, counts)
    return upper, low[upper] + offset


def _joined(pairs: tuple[NDArray[np.int64], NDArray[np.int64]], number: int) -> NDArray[np.int64]:
    """Return a label for each of `number` runs: the lowest run that it is joined with."""
    # Union by hooking and pointer jumping (Shiloach and Vishkin, J. Algorithms 3, 1982): all
    # pairs at once, in a number of rounds that hardly grows.
    parent = np.arange(number)
    one, two = pairs
    while True:
        root_one, root_two = parent[one], parent[two]
        differ = root_one != root_two
        if not differ.any():
            return parent
        one, two = one[differ], two[differ]
        root_one, root_two = root_one[differ], root_two[differ]
        np.minimum.at(parent, np.maximum(root_one, root_two), np.minimum(root_one, root_two))
        while True:
            above = parent[parent]
            if np.array_equal(above, parent):
                break
            parent = above


def _run_peaks(
    values: NDArray[Any], first: NDArray[np.int64], last: NDArray[np.int64]
) -> NDArray[Any]:
    """Return each run's highest value; `first` and `last` count in `values` without padding."""
    bounds = np.empty(2 * len(first), np.int64)
    bounds[0::2], bounds[1::2] = first, last
    flat = values.reshape(-1)
    if len(bounds) and bounds[-1] == flat.size:
        bounds = bounds[:-1]  # reduceat goes to the end by itself, and takes no index beyond it
    peaks: NDArray[Any] = np.maximum.reduceat(flat, bounds)[0::2]
    return peaks


def interpolated(maps: NDArray[Any], resolution: int) -> NDArray[np.float64]:
    """Return maps resampled to a square by bilinear interpolation.

    Pixels are areas, as in ``torch.nn.functional.interpolate(..., mode="bilinear",
    align_corners=False)``: the outer half of a border pixel keeps its value.

    Parameters
    ----------
    maps : ndarray, shape (maps, rows, columns)
    resolution : int
        Rows and columns of the result; at least 1.
    """
    rows, columns = maps.shape[1:]
    down, across = _weights(rows, resolution), _weights(columns, resolution)
    return np.asarray(down @ maps.astype(np.float64) @ across.T)


def _weights(pixels: int, resolution: int) -> NDArray[np.float64]:
    """Return the matrix that interpolates along one side, shape ``(resolution, pixels)``."""
    centre = (np.arange(resolution) + 0.5) * pixels / resolution - 0.5
    centre = np.clip(centre, 0, pixels - 1)
    low = np.minimum(centre.astype(np.int64), max(pixels - 2, 0))
    share = centre - low
    weights = np.zeros((resolution, pixels))
    places = np.arange(resolution)
    weights[places, low] = 1 - share
    if pixels > 1:
        weights[places, low + 1] += share
    return weights
