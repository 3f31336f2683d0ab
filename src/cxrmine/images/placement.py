"""Where an original's pixels went in the data set's square image, and boxes along with them."""

from __future__ import annotations

from dataclasses import dataclass

#: Side of the data set's images, in pixels (ChestX-ray8, section 2.3).
SIZE = 1024


@dataclass(frozen=True, slots=True)
class Placement:
    """Where an image's pixels went: ``output = input · scale + offset`` on each axis.

    Coordinates run from 0 at the left or upper edge (not centre) of the first pixel.

    Parameters
    ----------
    scale_x, scale_y : float
        Output pixels an input pixel.
    offset_x, offset_y : float
        In output pixels; negative where the image was cut.
    size : int, default 1024
        Side of the output square.
    """

    scale_x: float
    scale_y: float
    offset_x: float
    offset_y: float
    size: int = SIZE

    def carry(
        self, x: float, y: float, width: float, height: float
    ) -> tuple[float, float, float, float] | None:
        """Carry a box from the input image to the output image.

        Parameters
        ----------
        x, y, width, height : float
            Upper left corner and extent, in input pixels.

        Returns
        -------
        tuple of float or None
            ``(x, y, width, height)`` in output pixels, clipped to the image; None if nothing of
            the box is left, or it had no extent.

        Examples
        --------
        >>> Placement(0.5, 0.5, -10.0, 0.0, size=100).carry(0, 20, 60, 40)
        (0.0, 10.0, 20.0, 20.0)
        """
        left, right = (self.scale_x * edge + self.offset_x for edge in (x, x + width))
        top, bottom = (self.scale_y * edge + self.offset_y for edge in (y, y + height))
        left, top = max(left, 0.0), max(top, 0.0)
        right, bottom = min(right, float(self.size)), min(bottom, float(self.size))
        # Not `right <= left`: a box of NaN is no box either.
        if not (right > left and bottom > top):
            return None
        return left, top, right - left, bottom - top
