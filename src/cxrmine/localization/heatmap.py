"""Heat maps as grey values: the scale that boxes are thresholded on. NumPy only."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def to_grey(maps: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    """Scale each map to 0-255: its smallest value to 0, its largest to 255.

    ChestX-ray8, section 3.2: "The intensities in heatmaps are first normalized to [0, 255]". Only
    the shape of a map is left: a map says where, the finding's score says whether.

    Parameters
    ----------
    maps
        Shape ``(…, S, S)``.

    Returns
    -------
    ndarray of uint8, shape (…, S, S)
        Rounded. A map of one value throughout points nowhere: all 0.

    Raises
    ------
    ValueError
        If a map has no cells or a value that is not finite.
    """
    if maps.ndim < 2 or 0 in maps.shape[-2:]:
        raise ValueError(f"maps must have the shape (…, S, S), not {maps.shape}")
    if not np.isfinite(maps).all():
        raise ValueError("a heat map holds values that are not finite")
    wide = maps.astype(np.float64)
    low = wide.min(axis=(-2, -1), keepdims=True)
    span = wide.max(axis=(-2, -1), keepdims=True) - low
    # Divided before multiplied: the product could overflow.
    share = (wide - low) / np.where(span > 0, span, 1)
    grey: NDArray[np.uint8] = np.rint(share * 255).astype(np.uint8)
    return grey
