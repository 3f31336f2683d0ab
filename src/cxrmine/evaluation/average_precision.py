"""Average precision: the area under the precision-recall curve, without interpolation."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from cxrmine.evaluation.auc import tied_groups


def average_precision(scores: ArrayLike, labels: ArrayLike) -> float | None:
    """Return the average precision, or None where no image has the finding.

    The sum over the distinct scores of (recall gained there) × (precision there); images of one
    score are called positive together, so that their order in the file does not matter. The
    score of a coin is the finding's prevalence. Straight lines between the points would be too
    hopeful (Davis and Goadrich, ICML 2006, section 4).

    Parameters
    ----------
    scores
        Shape ``(n,)``, higher for a more likely finding.
    labels
        Shape ``(n,)``, 0 or 1.

    Raises
    ------
    ValueError
        As `cxrmine.evaluation.auc.checked`.

    Examples
    --------
    >>> average_precision([0.9, 0.8, 0.7, 0.6], [1, 0, 1, 0])
    0.8333333333333333
    """
    groups = tied_groups(scores, labels)
    hits = np.cumsum(groups.positives)
    if not len(hits) or not hits[-1]:
        return None
    called = hits + np.cumsum(groups.negatives)
    return float((groups.positives / hits[-1]) @ (hits / called))
