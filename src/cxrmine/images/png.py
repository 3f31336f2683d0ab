"""A grey image as the bytes of a PNG file, quickly.

Deflate's search for repetitions costs most of the time of writing a PNG and finds few in the
noise of an X-ray. A filter that predicts each pixel from its left and upper neighbours (PNG
specification, section 9.2, type 3, Average), then Huffman coding alone, takes less than half the
time of zlib's fastest level and gives files a fifth smaller (``scripts/bench_images.py png``).
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

_SETTINGS = [
    # The level stands only for the strategy to be heeded; Huffman coding alone gives the same
    # bytes at every level.
    cv2.IMWRITE_PNG_COMPRESSION,
    2,
    cv2.IMWRITE_PNG_STRATEGY,
    cv2.IMWRITE_PNG_STRATEGY_HUFFMAN_ONLY,
]
if hasattr(cv2, "IMWRITE_PNG_FILTER"):
    # Older ones always predict from the left neighbour alone: files are 13 % larger.
    _SETTINGS += [cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_AVG]


def encode_png(image: NDArray[np.uint8]) -> bytes:
    """Encode a grey image as PNG: one channel, 8 bits, no chunk but the image.

    Parameters
    ----------
    image : ndarray of uint8, shape (rows, columns)

    Returns
    -------
    bytes
        The file; the same for the same image.

    Raises
    ------
    ValueError
        If the image is not one channel of 8 bits.
    """
    if image.ndim != 2 or image.dtype != np.uint8 or image.size == 0:
        raise ValueError("a PNG of the data set is one channel of 8-bit grey")
    done, encoded = cv2.imencode(".png", image, _SETTINGS)
    if not done:
        raise ValueError("the PNG could not be encoded")
    return encoded.tobytes()
