"""A page to draw on, in pixels, y downwards: what the figures of a data set share.

Text is drawn as outlines (`cxrmine.clauses.fonts`), so that a finding's name in any script is
drawn, none is taken for a formula, and measuring and drawing are one thing. No setting of
Matplotlib is read or set, and the same input gives the same bytes.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Width of every figure: 17 cm in print at 270 dots an inch, where `BODY` is about 7.5 points.
WIDTH = 1800
BODY = 28.0
SMALL = 24.0
TITLE = 38.0

INK = "#1c2430"
SOFT = "#566070"
GRID = "#dfe3e9"

# Okabe and Ito (2008, "Color Universal Design"): told apart by colour-blind readers; their
# lightness differs too, so that a grey print still shows them.
BLUE = "#0072b2"
ORANGE = "#e69f00"
GREEN = "#009e73"
VERMILION = "#d55e00"
SKY = "#56b4e9"
PURPLE = "#cc79a7"
YELLOW = "#f0e442"
COLOURS = (BLUE, ORANGE, GREEN, VERMILION, SKY, PURPLE, YELLOW)


_POINTS = 0.72  # a pixel in points, at 100 dots an inch


class Page:
    """A white page; lengths are in pixels from its upper left corner.

    What is drawn later lies above what was drawn before, whatever its kind.

    Parameters
    ----------
    height : float
        Its height; the width is `WIDTH`.
    texts : iterable of str
        What will be written beside plain English, to choose the fonts by.
    """

    def __init__(self, height: float, *, texts: Iterable[str] = ()) -> None:
        from cxrmine.clauses.fonts import choose_fonts
        from cxrmine.clauses.words import Writer

        self.height = round(height)
        self._writer = Writer(choose_fonts(texts))
        # Shapes are made in `png`: they take defaults from Matplotlib's settings of the moment.
        self._shapes: list[Callable[[int], Any]] = []
        self._images: list[tuple[int, int, NDArray[np.uint8]]] = []

    def text_width(self, text: str, size: float = BODY) -> float:
        """Return the width of a line of text."""
        return self._writer.width(text) * size

    def shortened(self, text: str, width: float, size: float = BODY) -> str:
        """Return as much of a text as is no wider than `width`, with an ellipsis."""
        return self._writer.shortened(text, width / size)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float = BODY,
        colour: str = INK,
        align: str = "left",
        rotation: float = 0.0,
        halo: bool = False,
    ) -> None:
        """Write one line with the middle of its small letters at `y`.

        `align` says which end of the line is at `x` (``left``, ``middle``, ``right``);
        `rotation` turns it about that point, in degrees, against the clock; `halo` puts a dark
        edge round light letters on an image.
        """
        from matplotlib.patches import PathPatch
        from matplotlib.transforms import Affine2D

        ink = self._writer.ink(text)
        start = {"left": ink.left, "middle": (ink.left + ink.right) / 2, "right": ink.right}[align]
        place = Affine2D().translate(-start, -0.36).scale(size, -size).rotate_deg(-rotation)
        outline = place.translate(x, y).transform_path(self._writer.fonts.outline(text))
        if halo:
            self._shapes.append(
                lambda order: PathPatch(
                    outline, facecolor="black", edgecolor="black", linewidth=size / 7, zorder=order
                )
            )
        self._shapes.append(
            lambda order: PathPatch(outline, facecolor=colour, linewidth=0, zorder=order)
        )

    def lines(self, x: float, y: float, texts: Iterable[str], *, size: float, colour: str) -> None:
        """Write several lines from `y` downwards."""
        for text in texts:
            self.text(x, y, text, size=size, colour=colour)
            y += size * 1.35

    def rectangle(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        *,
        fill: str | None = None,
        edge: str | None = None,
        line: float = 1.0,
    ) -> None:
        """Draw a rectangle from its upper left corner; `line` is its edge's width."""
        from matplotlib.patches import Rectangle

        self._shapes.append(
            lambda order: Rectangle(
                (x, y), width, height, facecolor=fill or "none", edgecolor=edge or "none",
                linewidth=line * _POINTS if edge else 0, joinstyle="miter", zorder=order,
            )
        )  # fmt: skip

    def line(
        self,
        xs: Sequence[float] | NDArray[np.float64],
        ys: Sequence[float] | NDArray[np.float64],
        *,
        colour: str = INK,
        width: float = 2.0,
        dashes: tuple[float, ...] = (),
    ) -> None:
        """Draw a line through points; `dashes` are lengths of ink and gap in line widths."""
        from matplotlib.lines import Line2D

        style: Any = (0, dashes) if dashes else "solid"
        self._shapes.append(
            lambda order: Line2D(
                xs, ys, color=colour, linewidth=width * _POINTS, linestyle=style,
                solid_capstyle="butt", dash_capstyle="butt", solid_joinstyle="miter", zorder=order,
            )
        )  # fmt: skip

    def area(
        self,
        outline: NDArray[np.float64],
        *,
        fill: str,
        opacity: float = 1.0,
        edge: str | None = None,
    ) -> None:
        """Fill the polygon through `outline`, shape ``(points, 2)``."""
        from matplotlib.patches import Polygon

        self._shapes.append(
            lambda order: Polygon(
                outline, closed=True, facecolor=fill, alpha=opacity, edgecolor=edge or "none",
                linewidth=0.8 if edge else 0, zorder=order,
            )
        )  # fmt: skip

    def markers(
        self,
        xs: NDArray[np.float64],
        ys: NDArray[np.float64],
        radii: NDArray[np.float64],
        *,
        fill: str,
        marker: str = "o",
    ) -> None:
        """Draw markers of the given radii, half seen through, with an edge."""
        from matplotlib.collections import PathCollection
        from matplotlib.markers import MarkerStyle
        from matplotlib.transforms import IdentityTransform

        def shape(order: int) -> Any:
            style = MarkerStyle(marker)
            path = style.get_path().transformed(style.get_transform())
            made: Any = PathCollection(
                (path,), sizes=(2 * radii * _POINTS) ** 2, facecolors=fill, edgecolors=INK,
                linewidths=0.8, alpha=0.6, offsets=np.stack([xs, ys], axis=1), zorder=order,
            )  # fmt: skip
            made.set_transform(IdentityTransform())
            return made

        self._shapes.append(shape)

    def image(self, x: int, y: int, pixels: NDArray[np.uint8]) -> None:
        """Put a grey image pixel by pixel with its upper left corner at ``(x, y)``.

        Images lie below everything else.
        """
        self._images.append((x, y, pixels))

    def png(self) -> bytes:
        """Return the page as a PNG without the program's version or the time."""
        from matplotlib import style
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        buffer = io.BytesIO()
        # A user's matplotlibrc (antialiasing, path simplification) must not change a figure.
        with style.context("default", after_reset=True):
            size = (WIDTH / 100, self.height / 100)
            figure: Any = Figure(figsize=size, dpi=100, facecolor="white")
            axes = figure.add_axes((0, 0, 1, 1))
            axes.set_axis_off()
            axes.set_xlim(0, WIDTH)
            axes.set_ylim(self.height, 0)
            for x, y, pixels in self._images:
                # figimage rather than imshow: nothing is resampled; three channels rather than
                # one: a colour map would round.
                grey = np.repeat(pixels[:, :, np.newaxis], 3, axis=2)
                bottom = self.height - y - pixels.shape[0]
                figure.figimage(grey, x, bottom, origin="upper", zorder=-1)
            for order, shape in enumerate(self._shapes, start=1):
                artist = shape(order)
                if hasattr(artist, "set_offset_transform"):
                    artist.set_offset_transform(axes.transData)
                # Not add_patch or add_line: these measure every shape to choose the limits.
                axes.add_artist(artist)
            canvas: Any = FigureCanvasAgg(figure)
            canvas.print_png(buffer, metadata={"Software": None})
        return buffer.getvalue()


def ticks(low: float, high: float, most: int) -> list[float]:
    """Return round numbers within ``[low, high]``, at most about `most` of them."""
    from matplotlib.ticker import MaxNLocator

    values = MaxNLocator(nbins=most, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    slack = (high - low) * 1e-9
    return [float(value) for value in values if low - slack <= value <= high + slack]


def number(value: float) -> str:
    """Return a tick's number: thousands separated, no needless digits."""
    return f"{value:,.10g}".replace("-", "−")


def count(amount: int, noun: str, plural: str = "") -> str:
    """Return ``1 image``, ``2,000 images``."""
    return f"{amount:,} {noun if amount == 1 else plural or noun + 's'}"
