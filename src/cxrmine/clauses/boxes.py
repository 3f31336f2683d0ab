"""Rectangles, and a rectangle divided among values: the treemap of the figure.

Lengths are in pixels, x to the right and y downwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle: its upper left corner, width and height, in pixels."""

    x: float
    y: float
    width: float
    height: float

    def inset(self, by: float, top: float | None = None) -> Box:
        """Return the box without a margin (`top` for the upper one)."""
        above = by if top is None else top
        return Box(
            self.x + by,
            self.y + above,
            max(0.0, self.width - 2 * by),
            max(0.0, self.height - by - above),
        )


def squarify(values: Sequence[float], box: Box) -> list[Box]:
    """Divide a box among positive values, falling, into rectangles as square as can be.

    Returns
    -------
    list of Box
        In the order of `values`, areas in their proportion.

    Notes
    -----
    Bruls, Huizing and van Wijk (2000), section 3: rows are laid along the shorter side, and a row
    takes one more rectangle as long as its worst aspect ratio does not grow.
    """
    if not values or min(values) <= 0:
        if values:
            raise ValueError("values must be positive")
        return []
    unit = box.width * box.height / sum(values)
    areas = [value * unit for value in values]
    boxes: list[Box] = []
    left = box
    start = 0
    while start < len(areas):
        side = min(left.width, left.height)
        end = start + 1
        worst = _worst(areas[start:end], side)
        while end < len(areas) and (longer := _worst(areas[start : end + 1], side)) <= worst:
            worst, end = longer, end + 1
        row = areas[start:end]
        depth = sum(row) / side if side else 0.0
        place = 0.0
        for area in row:
            length = area / depth if depth else 0.0
            if left.width >= left.height:
                boxes.append(Box(left.x, left.y + place, depth, length))
            else:
                boxes.append(Box(left.x + place, left.y, length, depth))
            place += length
        if left.width >= left.height:
            left = Box(left.x + depth, left.y, max(0.0, left.width - depth), left.height)
        else:
            left = Box(left.x, left.y + depth, left.width, max(0.0, left.height - depth))
        start = end
    return boxes


def _worst(row: Sequence[float], side: float) -> float:
    """Return the worst aspect ratio of a row of areas along a side (their section 3.2)."""
    total = sum(row)
    return max(side**2 * max(row) / total**2, total**2 / (side**2 * min(row)))
