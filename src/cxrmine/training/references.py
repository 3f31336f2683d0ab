"""The equations of ChestX-ray8 (sections 3.1 and 3.2) in float64 NumPy, as they are printed.

Slow and literal; the tests hold the fast forms (`losses`, `models.pooling`) against them. Labels
are 0 and 1, the mask is true where a label is known.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def probability(logits: Floats) -> Floats:
    """Return f(x) = 1 / (1 + exp(−logit)). Note that 1 − f(x) is f(x) of the negative logit."""
    return 1 / (1 + np.exp(-logits))


def hinge(logits: Floats, labels: Floats, mask: Bools) -> float:
    """Return the mean of max(0, 1 − y·f) with y = −1 or 1."""
    terms = [
        max(0.0, 1 - (1 if y == 1 else -1) * f)
        for f, y, known in zip(logits.flat, labels.flat, mask.flat, strict=True)
        if known
    ]
    return float(sum(terms) / len(terms)) if terms else 0.0


def euclidean(logits: Floats, labels: Floats, mask: Bools) -> float:
    """Return the mean of (f − y)² / 2."""
    terms = [
        (f - y) ** 2 / 2
        for f, y, known in zip(logits.flat, labels.flat, mask.flat, strict=True)
        if known
    ]
    return float(sum(terms) / len(terms)) if terms else 0.0


def cross_entropy(logits: Floats, labels: Floats, mask: Bools) -> float:
    """Return the mean of −ln f(x) over the ones and −ln(1 − f(x)) over the zeros together."""
    ones = -np.log(probability(logits[mask & (labels == 1)]))
    zeros = -np.log(probability(-logits[mask & (labels == 0)]))
    return float((ones.sum() + zeros.sum()) / mask.sum()) if mask.any() else 0.0


def weighted_cross_entropy(logits: Floats, labels: Floats, mask: Bools) -> float:
    """Return equation 1: β_P Σ_{y=1} −ln f(x) + β_N Σ_{y=0} −ln(1 − f(x)), not divided.

    β_P = (|P| + |N|) / |P| and β_N = (|P| + |N|) / |N|, where |P| and |N| are "the total number
    of '1's and '0's in a batch of image labels"; an empty sum stays 0.
    """
    ones = logits[mask & (labels == 1)]
    zeros = logits[mask & (labels == 0)]
    total = 0.0
    if len(ones):
        beta_p = (len(ones) + len(zeros)) / len(ones)
        total += beta_p * np.sum(-np.log(probability(ones)))
    if len(zeros):
        beta_n = (len(ones) + len(zeros)) / len(zeros)
        total += beta_n * np.sum(-np.log(probability(-zeros)))
    return float(total)


def class_mean_cross_entropy(logits: Floats, labels: Floats, mask: Bools) -> float:
    """Return the mean of the findings' `cross_entropy`, over those that have a known label."""
    means = [
        cross_entropy(logits[:, c], labels[:, c], mask[:, c])
        for c in range(logits.shape[1])
        if mask[:, c].any()
    ]
    return float(np.mean(means)) if means else 0.0


def lse_pooling(features: Floats, r: float) -> Floats:
    """Return equation 3 of maps ``(…, S, S)``, with x* = max |x_ij| as printed.

    x_p = x* + 1/r · log(1/S · Σ exp(r · (x_ij − x*))), where S here is the number of cells.
    """
    cells = features.reshape(*features.shape[:-2], -1)
    peak = np.abs(cells).max(axis=-1, keepdims=True)
    pooled: Floats = peak[..., 0] + np.log(np.mean(np.exp(r * (cells - peak)), axis=-1)) / r
    return pooled


def lse_pooling_plain(features: Floats, r: float) -> Floats:
    """Return equation 2 of maps ``(…, S, S)``: 1/r · log(1/S · Σ exp(r · x_ij)); may overflow."""
    cells = features.reshape(*features.shape[:-2], -1)
    pooled: Floats = np.log(np.mean(np.exp(r * cells), axis=-1)) / r
    return pooled


def class_activation_maps(activations: Floats, weight: Floats) -> Floats:
    """Return the maps ``(b, k, S, S)`` of activations ``(b, D, S, S)`` and weights ``(k, D)``.

    At every cell the features times the prediction weights of a finding, summed over the depth
    (ChestX-ray8, section 3.2; Zhou et al., CVPR 2016, equation 2).
    """
    images, depth, rows, columns = activations.shape
    maps = np.zeros((images, len(weight), rows, columns))
    for b in range(images):
        for c in range(len(weight)):
            for d in range(depth):
                maps[b, c] += weight[c, d] * activations[b, d]
    return maps
