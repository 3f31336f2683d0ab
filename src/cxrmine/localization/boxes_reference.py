"""`cxrmine.localization.boxes` and `overlap` as one would write them down: slow and plain.

Tests hold the fast ones against these.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

_BESIDE = ((-1, 0), (1, 0), (0, -1), (0, 1))
_CORNERS = ((-1, -1), (-1, 1), (1, -1), (1, 1))

Box = tuple[float, float, float, float]


def reference_boxes(
    heat: NDArray[Any],
    thresholds: Sequence[float],
    size: float,
    *,
    connectivity: int = 8,
) -> list[tuple[float, float, float, float, float]]:
    """Return the boxes of one map by flood fill (Wang et al. 2017, section 3.2).

    Parameters and result are those of `cxrmine.localization.boxes.boxes_from_map`.
    """
    rows, columns = heat.shape
    steps = _BESIDE if connectivity == 4 else _BESIDE + _CORNERS
    found: dict[tuple[int, int, int, int], tuple[float, float]] = {}
    for threshold in thresholds:
        left_over = {(r, c) for r in range(rows) for c in range(columns) if heat[r, c] > threshold}
        while left_over:
            region: list[tuple[int, int]] = []
            waiting = [left_over.pop()]
            while waiting:
                r, c = waiting.pop()
                region.append((r, c))
                for down, across in steps:
                    beside = (r + down, c + across)
                    if beside in left_over:
                        left_over.remove(beside)
                        waiting.append(beside)
            top, bottom = min(r for r, _ in region), max(r for r, _ in region) + 1
            left, right = min(c for _, c in region), max(c for _, c in region) + 1
            peak = max(float(heat[r, c]) for r, c in region) / 255
            extent = (left, top, right, bottom)
            found[extent] = max(found.get(extent, (0.0, 0.0)), (peak, float(threshold)))

    def place(item: tuple[tuple[int, int, int, int], tuple[float, float]]) -> tuple[Any, ...]:
        (left, top, right, bottom), (peak, threshold) = item
        area = (right - left) * (bottom - top)
        # What lexsort sorts by last comes first.
        return (-peak, -threshold, -area, bottom, right, top, left)

    return [
        (
            left * size / columns,
            top * size / rows,
            (right - left) * size / columns,
            (bottom - top) * size / rows,
            peak,
        )
        for (left, top, right, bottom), (peak, _) in sorted(found.items(), key=place)
    ]


def reference_overlap(predicted: Box, truth: Box) -> tuple[float, float]:
    """Return IoU and IoBB of two boxes, from the definition (Wang et al. 2017, section 4)."""
    x, y, width, height = predicted
    true_x, true_y, true_width, true_height = truth
    across = min(x + width, true_x + true_width) - max(x, true_x)
    down = min(y + height, true_y + true_height) - max(y, true_y)
    shared = across * down if across > 0 and down > 0 else 0.0
    area = width * height
    return shared / (area + true_width * true_height - shared), shared / area
