"""Boxes on images: true ones blue, hits green, false ones red and dashed.

Which images are shown is not chosen by their looks: pairs of image and finding come in the order
of a hash of their names, the findings in turn. Of three places of a finding two go to images that
have it and one to an image where it was predicted alone. Images that are not at hand are passed
over, unless none is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, zip_longest
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from cxrmine.evaluation.box_scores import BoxArrays, BoxTask, Overlaps

Kind = Literal["truth", "hit", "false"]
#: What boxes are, and how they are called.
KINDS: dict[Kind, str] = {"truth": "true box", "hit": "hit", "false": "false positive"}
#: A predicted box is shown as a hit from this IoBB upwards: the middle of the paper's thresholds.
HIT_IOBB = 0.5
#: Overlays at most.
MOST = 24
#: Pixels a side that an image is shown at.
SIDE = 320

# On a dark radiograph the contrast of pure blue is too low: these are lighter. Blue and green,
# and red by its dashes, can be told apart without colour vision.
COLOURS: dict[Kind, str] = {"truth": "#4aa3ff", "hit": "#2fdc6e", "false": "#ff5a4f"}

_COLUMNS = 5
_MARGIN = 50
_GUTTER = 20
_CAPTION = 64
_TOP = 150


@dataclass(frozen=True, slots=True)
class OverlayBox:
    """A box on an image, in pixels of the overlay's `size`."""

    kind: Kind
    x: float
    y: float
    width: float
    height: float
    says: str


@dataclass(frozen=True, slots=True)
class Overlay:
    """One image and the boxes of one finding.

    Parameters
    ----------
    name : str
        The image's.
    finding : str
    size : float
        Pixels a side that boxes are counted in.
    boxes : tuple of OverlayBox
    pixels : ndarray of uint8, shape (rows, columns), optional
        The image, of any resolution; None where it is not at hand.
    """

    name: str
    finding: str
    size: float
    boxes: tuple[OverlayBox, ...]
    pixels: NDArray[np.uint8] | None


def make_overlays(
    task: BoxTask,
    predicted: BoxArrays,
    overlaps: dict[str, Overlaps],
    pixels: Callable[[str], NDArray[np.uint8] | None],
    *,
    most: int = MOST,
) -> list[Overlay]:
    """Return up to `most` overlays.

    Parameters
    ----------
    task, predicted, overlaps
        As `cxrmine.evaluation.box_scores.best_overlaps` takes and gives them.
    pixels : callable
        From an image's name to its grey values, None where it cannot be shown.
    most : int
    """
    order = list(_chosen(task, task.pairs(task.truth), task.pairs(predicted)))
    shown: list[Overlay] = []
    # Often only some of a public set's images are at hand: those are shown before any blank.
    for pair in order:
        if len(shown) == most:
            break
        image = pixels(task.images[pair // len(task.findings)])
        if image is not None:
            shown.append(_overlay(task, predicted, overlaps, pair, image))
    return shown or [_overlay(task, predicted, overlaps, pair, None) for pair in order[:most]]


def _overlay(
    task: BoxTask,
    predicted: BoxArrays,
    overlaps: dict[str, Overlaps],
    pair: int,
    pixels: NDArray[np.uint8] | None,
) -> Overlay:
    boxes = [
        OverlayBox("truth", x, y, width, height, "true box")
        for x, y, width, height in task.truth.corners[task.pairs(task.truth) == pair].tolist()
    ]
    for place in np.flatnonzero(task.pairs(predicted) == pair):
        share, score = float(overlaps["IoBB"].predicted[place]), float(predicted.score[place])
        kind: Kind = "hit" if share > HIT_IOBB else "false"
        said = f", score {score:.3f}" if np.isfinite(score) else ""
        x, y, width, height = predicted.corners[place].tolist()
        boxes.append(
            OverlayBox(kind, x, y, width, height, f"{KINDS[kind]}, IoBB {share:.2f}{said}")
        )
    image, finding = divmod(pair, len(task.findings))
    return Overlay(task.images[image], task.findings[finding], task.size, tuple(boxes), pixels)


def _chosen(
    task: BoxTask, true_pairs: NDArray[np.int64], predicted_pairs: NDArray[np.int64]
) -> Iterator[int]:
    """Yield pairs in the order in which they deserve to be shown."""
    with_truth = set(true_pairs.tolist())
    queues = []
    for finding in range(len(task.findings)):
        own = {p for p in with_truth if p % len(task.findings) == finding}
        others = {p for p in predicted_pairs.tolist() if p % len(task.findings) == finding} - own
        queues.append(_two_to_one(_shuffled(task, own), _shuffled(task, others)))
    return (pair for pair in chain.from_iterable(zip_longest(*queues)) if pair is not None)


def _two_to_one(often: list[int], seldom: list[int]) -> list[int]:
    mixed: list[int] = []
    rest = iter(seldom)
    for number, pair in enumerate(often, start=1):
        mixed.append(pair)
        if number % 2 == 0 and (other := next(rest, None)) is not None:
            mixed.append(other)
    return mixed


def _shuffled(task: BoxTask, pairs: set[int]) -> list[int]:
    def digest(pair: int) -> bytes:
        image, finding = divmod(pair, len(task.findings))
        text = f"{task.images[image]}\n{task.findings[finding]}"
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()

    return sorted(pairs, key=digest)


def folder_pixels(folder: Path, side: int = SIDE) -> Callable[[str], NDArray[np.uint8] | None]:
    """Return a function that reads an image of a folder, made smaller to `side` × `side`.

    An image that is named ``.png`` and lies there as ``.jpg`` is found too. One that is not
    there, cannot be read, or whose name leads out of the folder, gives None.
    """

    def read(name: str) -> NDArray[np.uint8] | None:
        from PIL import Image

        if Path(name).name != name:
            return None
        path = folder / name
        for candidate in (path, path.with_suffix(".jpg"), path.with_suffix(".jpeg")):
            try:
                with Image.open(candidate) as image:
                    grey = image.convert("L")
                    return np.asarray(grey.resize((side, side), Image.Resampling.BOX))
            except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
                continue
        return None

    return read


def draw_sheet(overlays: list[Overlay], *, title: str, says: str) -> bytes | None:
    """Draw overlays on one page.

    Parameters
    ----------
    overlays : list of Overlay
    title, says : str
        The heading, and the line below it.

    Returns
    -------
    bytes or None
        A PNG, 1,800 pixels wide; None where there is nothing to draw.
    """
    from cxrmine.dataset.drawing import INK, SMALL, SOFT, TITLE, WIDTH, Page

    if not overlays:
        return None
    side = (WIDTH - 2 * _MARGIN - (_COLUMNS - 1) * _GUTTER) // _COLUMNS
    rows = ceil(len(overlays) / _COLUMNS)
    texts = [text for o in overlays for text in (o.name, o.finding)]
    page = Page(_TOP + rows * (side + _CAPTION) + 20, texts=[title, says, *texts])
    page.text(_MARGIN, 44, title, size=TITLE)
    page.text(
        _MARGIN, 92, page.shortened(says, WIDTH - 2 * _MARGIN, SMALL), size=SMALL, colour=SOFT
    )
    x: float = _MARGIN
    for kind, name in KINDS.items():
        dark = {"truth": "#0b61c4", "hit": "#0a7d38", "false": "#c4241a"}[kind]
        dashes = (3.0, 2.0) if kind == "false" else ()
        page.line([x, x + 44], [126, 126], colour=dark, width=5, dashes=dashes)
        page.text(x + 54, 126, name, size=SMALL, colour=dark)
        x += 54 + page.text_width(name, SMALL) + 40
    for number, overlay in enumerate(overlays):
        left = _MARGIN + number % _COLUMNS * (side + _GUTTER)
        top = _TOP + number // _COLUMNS * (side + _CAPTION)
        page.image(left, top, _fitted(overlay.pixels, side))
        _draw_boxes(page, overlay, left, top, side)
        name = page.shortened(overlay.name.removesuffix(".png"), side, 20)
        page.text(left, top + side + 20, name, size=20, colour=INK)
        hits = sum(box.kind == "hit" for box in overlay.boxes)
        false = sum(box.kind == "false" for box in overlay.boxes)
        caption = f"{overlay.finding}: hits {hits}, false {false}"
        page.text(left, top + side + 44, page.shortened(caption, side, 18), size=18, colour=SOFT)
    return page.png()


def _fitted(pixels: NDArray[np.uint8] | None, side: int) -> NDArray[np.uint8]:
    if pixels is None:
        return np.full((side, side), 40, np.uint8)
    from PIL import Image

    image = Image.fromarray(pixels)
    shrinks = min(image.size) >= side
    how = Image.Resampling.BOX if shrinks else Image.Resampling.BILINEAR
    return np.asarray(image.resize((side, side), how))


def _draw_boxes(page: Any, overlay: Overlay, left: float, top: float, side: float) -> None:
    scale = side / overlay.size
    for kind in ("truth", "false", "hit"):
        for box in (box for box in overlay.boxes if box.kind == kind):
            # What a box has outside the image would be drawn over its neighbour.
            x = np.clip([box.x, box.x + box.width], 0, overlay.size) * scale + left
            y = np.clip([box.y, box.y + box.height], 0, overlay.size) * scale + top
            xs, ys = [x[0], x[1], x[1], x[0], x[0]], [y[0], y[0], y[1], y[1], y[0]]
            page.line(xs, ys, colour="black", width=6)
            dashes = (3.0, 2.0) if kind == "false" else ()
            page.line(xs, ys, colour=COLOURS[kind], width=3.5, dashes=dashes)
