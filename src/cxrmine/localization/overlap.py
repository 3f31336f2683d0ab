"""How far a predicted box and a true one overlap: IoU and IoBB.

Wang et al. 2017 (ChestX-ray8), section 4, Disease Localization, use "the standard Intersection
over Union ratio (IoU) or the Intersection over the detected B-Box area ratio (IoBB)". IoBB asks
only whether the detected box is pure, not whether it covers the finding; the authors' heat maps
are coarse, and a box drawn from one is often larger than the true one.

A box is ``x, y, width, height`` with `x` and `y` at its upper left corner. Coordinates are
continuous: a box from 10 of width 5 ends at 15, and boxes that only touch do not overlap.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]


def intersection(predicted: ArrayLike, truth: ArrayLike) -> FloatArray:
    """Return the area that boxes share, in the square of their unit.

    Parameters
    ----------
    predicted, truth : array_like, shape (..., 4)
        Boxes; the leading dimensions broadcast against each other.

    Returns
    -------
    ndarray of float64
        Of the broadcast leading shape; 0 where the boxes do not meet.

    Raises
    ------
    ValueError
        If the last dimension is not 4, a number is not finite, or a width or height is not
        above 0.
    """
    one, two = _checked(predicted, "predicted"), _checked(truth, "true")
    return _intersection(one, two)


def iou(predicted: ArrayLike, truth: ArrayLike) -> FloatArray:
    """Return the intersection over the union of boxes, in [0, 1].

    Parameters, errors and shapes are those of `intersection`.

    >>> float(iou([0, 0, 2, 2], [1, 0, 2, 2]).round(4))
    0.3333
    """
    one, two = _checked(predicted, "predicted"), _checked(truth, "true")
    shared = _intersection(one, two)
    ratio: FloatArray = shared / (_area(one) + _area(two) - shared)
    # Of two equal boxes the ratio of rounded numbers can pass 1 by an ulp.
    return np.minimum(ratio, 1.0)


def iobb(predicted: ArrayLike, truth: ArrayLike) -> FloatArray:
    """Return the intersection over the area of the predicted box, in [0, 1].

    Parameters, errors and shapes are those of `intersection`. The two sides are not alike: a
    small predicted box inside a large true one has 1, a large one round a small true one little.

    >>> float(iobb([0, 0, 1, 1], [0, 0, 4, 4])), float(iobb([0, 0, 4, 4], [0, 0, 1, 1]))
    (1.0, 0.0625)
    """
    one, two = _checked(predicted, "predicted"), _checked(truth, "true")
    ratio: FloatArray = _intersection(one, two) / _area(one)
    return np.minimum(ratio, 1.0)


def _intersection(one: FloatArray, two: FloatArray) -> FloatArray:
    low = np.maximum(one[..., :2], two[..., :2])
    high = np.minimum(one[..., :2] + one[..., 2:], two[..., :2] + two[..., 2:])
    # No wider than either box: x + width loses digits that width alone has.
    sides = np.minimum(high - low, np.minimum(one[..., 2:], two[..., 2:]))
    shared: FloatArray = np.prod(np.maximum(sides, 0.0), axis=-1)
    return shared


def _area(boxes: FloatArray) -> FloatArray:
    area: FloatArray = boxes[..., 2] * boxes[..., 3]
    return area


def _checked(boxes: ArrayLike, what: str) -> FloatArray:
    array = np.asarray(boxes, dtype=np.float64)
    if array.ndim == 0 or array.shape[-1] != 4:
        raise ValueError(
            f"{what} boxes have shape (..., 4): x, y, width, height; not {array.shape}"
        )
    if not np.isfinite(array).all():
        raise ValueError(f"{what} boxes must be finite numbers")
    if not (array[..., 2:] > 0).all():
        raise ValueError(f"{what} boxes must have a width and a height above 0")
    return array
