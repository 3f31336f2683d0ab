"""Heat maps as grey values: the scale that boxes are thresholded on. NumPy only."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def to_grey(maps: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    """Scale the evidence of each map to 0-255: its largest value becomes 255.

    ChestX-ray8, section 3.2: "The intensities in heatmaps are first normalized to [0, 255]". Only
    the shape of a map is left: a map says where, the finding's score says whether.

    The paper does not say what becomes 0. Here it is the smallest value or 0, whichever is
    larger, as Grad-CAM drops what speaks against a finding (Selvaraju et al., ICCV 2017,
    equation 2). Scaled from the smallest value, a single cell that speaks strongly against it
    would lift all the rest towards the thresholds, and boxes would be too wide.

    Parameters
    ----------
    maps
        Shape ``(…, S, S)``.

    Returns
    -------
    ndarray of uint8, shape (…, S, S)
        Rounded. A map of one value throughout, or without one above 0, points nowhere: all 0.

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
    low = np.maximum(wide.min(axis=(-2, -1), keepdims=True), 0)
    span = wide.max(axis=(-2, -1), keepdims=True) - low
    # Divided before multiplied: the product could overflow.
    share = np.maximum(wide - low, 0) / np.where(span > 0, span, np.inf)
    grey: NDArray[np.uint8] = np.rint(share * 255).astype(np.uint8)
    return grey
