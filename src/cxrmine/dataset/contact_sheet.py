"""A page of images, spread over the findings, with their boxes: what the set looks like."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from math import ceil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cxrmine.dataset.drawing import INK, SMALL, SOFT, TITLE, WIDTH, YELLOW, Page, count
from cxrmine.dataset.model import NO_FINDING, Box, ImageRow

#: Images on the page at most.
MOST_IMAGES = 24

_COLUMNS = 6
_MARGIN = 50
_GUTTER = 20
_CAPTION = 68
_TOP = 150
_NAME = 18.0  # font size of a box's finding


def choose_images(rows: Sequence[ImageRow], boxes: Sequence[Box]) -> Iterator[ImageRow]:
    """Yield images in the order in which they deserve a place on the page.

    Next comes an image of the finding (or No Finding, or no label) that the images so far show
    least, of such findings the rarest. Of a finding's images those with a box for it come first,
    then the hash of their names decides, which favours no patient; a second image of a patient
    comes after the first images of all others.
    """
    box_of = {(box.image_index, box.finding) for box in boxes}
    piles: dict[str, list[tuple[bool, bytes, ImageRow]]] = defaultdict(list)
    for row in rows:
        digest = hashlib.sha256(row.image_index.encode()).digest()
        for name in _shown(row):
            piles[name].append(((row.image_index, name) not in box_of, digest, row))
    queues = {}
    for name, pile in piles.items():
        pile.sort(key=lambda item: item[:2])
        queues[name] = iter([row for _, _, row in pile])
    order = {name: (name in ("", NO_FINDING), len(piles[name]), name) for name in piles}
    shown = Counter(dict.fromkeys(piles, 0))
    patients: set[int] = set()
    seen: set[str] = set()
    postponed: list[ImageRow] = []
    while queues:
        name = min(queues, key=lambda name: (shown[name], order[name]))
        for row in queues[name]:
            if row.image_index in seen:
                continue
            seen.add(row.image_index)
            if row.patient in patients:
                postponed.append(row)
                continue
            patients.add(row.patient)
            shown.update(_shown(row))
            yield row
            break
        else:
            del queues[name]
    yield from postponed


def _shown(row: ImageRow) -> tuple[str, ...]:
    return row.findings or (row.finding_labels,)


def draw_contact_sheet(
    rows: Sequence[ImageRow], boxes: Sequence[Box], images: Path
) -> bytes | None:
    """Draw up to `MOST_IMAGES` images with boxes and names.

    Parameters
    ----------
    rows, boxes
        The set's.
    images : Path
        The folder of the images. One that is not there or cannot be read is passed over.

    Returns
    -------
    bytes or None
        A PNG; None where no image can be read.
    """
    chosen: list[tuple[ImageRow, NDArray[np.uint8], float]] = []
    side = (WIDTH - 2 * _MARGIN - (_COLUMNS - 1) * _GUTTER) // _COLUMNS
    failures = 0
    for row in choose_images(rows, boxes):
        read = _thumbnail(images / row.image_index, side)
        if read is None:
            failures += 1
            if failures > 10 * MOST_IMAGES:  # an import without images: do not try them all
                break
            continue
        chosen.append((row, *read))
        if len(chosen) == MOST_IMAGES:
            break
    if not chosen:
        return None
    chosen.sort(key=lambda item: item[0].image_index)
    lines = ceil(len(chosen) / _COLUMNS)
    page = Page(
        _TOP + lines * (side + _CAPTION) + 20,
        texts=(name for row, *_ in chosen for name in row.findings),
    )
    page.text(_MARGIN, 44, "Contact sheet", size=TITLE)
    boxed = {row.image_index for row, *_ in chosen} & {box.image_index for box in boxes}
    said = ", spread over the findings" if any(row.findings for row, *_ in chosen) else ""
    said += f", boxes on {len(boxed)}" if boxed else ""
    page.text(
        _MARGIN, 92, size=SMALL, colour=SOFT,
        text=f"{len(chosen)} of {count(len(rows), 'image')}{said}",
    )  # fmt: skip
    for place, (row, pixels, scale) in enumerate(chosen):
        x = _MARGIN + place % _COLUMNS * (side + _GUTTER)
        y = _TOP + place // _COLUMNS * (side + _CAPTION)
        page.image(x, y, pixels)
        _draw_boxes(page, [b for b in boxes if b.image_index == row.image_index], x, y, side, scale)
        page.text(x, y + side + 20, row.image_index.removesuffix(".png"), size=20, colour=INK)
        says = ", ".join(row.findings) or row.finding_labels or "not labelled"
        page.text(x, y + side + 44, page.shortened(says, side, 18), size=18, colour=SOFT)
    return page.png()


def _draw_boxes(
    page: Page, boxes: Sequence[Box], x: float, y: float, side: float, scale: float
) -> None:
    """Draw boxes over the image at ``(x, y)``, each with its finding, no name over another."""
    placed: list[tuple[float, float, float, float]] = []
    for box in boxes:
        left, top = x + box.x * scale, y + box.y * scale
        width, height = box.width * scale, box.height * scale
        page.rectangle(left, top, width, height, edge="black", line=6)
        page.rectangle(left, top, width, height, edge=YELLOW, line=3)
    for box in boxes:
        top, bottom = y + box.y * scale, y + (box.y + box.height) * scale
        name = page.shortened(box.finding, side - 8, _NAME)
        width = page.text_width(name, _NAME)
        left = min(x + box.x * scale, x + side - width - 4)
        # Above the box, below it, then inside: the first place that is free and on the image.
        places = [top - 13, bottom + 13, top + 15, bottom - 15]
        for middle in places:
            place = (left, middle - 11, left + width, middle + 11)
            if y <= place[1] and place[3] <= y + side and not any(_meet(place, p) for p in placed):
                break
        else:
            middle = min(max(places[0], y + 11), y + side - 11)
            place = (left, middle - 11, left + width, middle + 11)
        placed.append(place)
        page.text(left, middle, name, size=_NAME, colour=YELLOW, halo=True)


def _meet(one: tuple[float, float, float, float], two: tuple[float, float, float, float]) -> bool:
    return one[0] < two[2] and two[0] < one[2] and one[1] < two[3] and two[1] < one[3]


def _thumbnail(path: Path, side: int) -> tuple[NDArray[np.uint8], float] | None:
    """Return an image made smaller (grey, shape ``(h, w)``) and its scale, None if unreadable."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            grey = image.convert("L")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    scale = side / max(grey.size)
    size = (max(1, round(grey.width * scale)), max(1, round(grey.height * scale)))
    return np.asarray(grey.resize(size, Image.Resampling.BOX, reducing_gap=None)), scale
