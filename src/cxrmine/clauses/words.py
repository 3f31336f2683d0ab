"""Texts of several sizes written into a box, none over another: a cluster in the figure.

Lengths are in pixels, x to the right and y downwards; shapes of letters (`_Ink`) at a font size
of 1, y upwards from the baseline.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from unicodedata import east_asian_width

from cxrmine.clauses.boxes import Box

if TYPE_CHECKING:
    from cxrmine.clauses.fonts import Fonts

#: Font size below which nothing is written.
SMALLEST = 14.0

_SMALL = 25.0  # words below this size grow where there is room
_WRAPPED = 11.0  # widths, at a font size of 1, above which a text may take several lines
_PIECES = 3  # and how many


@dataclass(frozen=True, slots=True)
class Word:
    """A line of text where it is drawn: the left end of its baseline, and its font size.

    ``rank`` is the place of its text among those to write, -1 for what only says how many more
    there are.
    """

    text: str
    x: float
    y: float
    size: float
    rank: int


@dataclass(frozen=True, slots=True)
class _Ink:
    """How far a line of text reaches at a font size of 1, y upwards from the baseline."""

    left: float
    right: float
    bottom: float
    top: float


class Writer:
    """Measures and shortens lines of text in the chosen fonts."""

    def __init__(self, fonts: Fonts) -> None:
        self.fonts = fonts
        self._inks: dict[str, _Ink] = {}

    def ink(self, text: str) -> _Ink:
        """Return the extent of a line of text at a font size of 1."""
        if text not in self._inks:
            vertices: Any = self.fonts.outline(text).vertices
            ink = _Ink(0.0, 0.0, 0.0, 0.0)
            if len(vertices):
                (left, bottom), (right, top) = vertices.min(axis=0), vertices.max(axis=0)
                ink = _Ink(float(left), float(right), float(bottom), float(top))
            self._inks[text] = ink
        return self._inks[text]

    def width(self, text: str) -> float:
        """Return the width of a line of text at a font size of 1."""
        ink = self.ink(text)
        return ink.right - ink.left

    def shortened(self, text: str, width: float) -> str:
        """Return as much of a text as is no wider than `width` at a font size of 1."""
        if self.width(text) <= width:
            return text
        low = self._fitting(text, width, "…")
        return text[:low].rstrip() + "…" if low else ""

    def wrapped(self, text: str, width: float, pieces: int) -> list[str]:
        """Break a text into lines no wider than `width` at a font size of 1.

        At blanks, and between characters where a line without a blank is too long. At most
        `pieces` lines: the last one is shortened.
        """
        lines = self._broken(text, width, pieces)
        if len(lines) > 1:
            # As even as can be, rather than one character alone on the last line.
            for share in (0.55, 0.65, 0.75, 0.85, 0.95):
                even = self._broken(text, width * share, pieces)
                if len(even) == len(lines) and even[-1].endswith("…") == lines[-1].endswith("…"):
                    return even
        return lines

    def _broken(self, text: str, width: float, pieces: int) -> list[str]:
        lines: list[str] = []
        while text:
            if len(lines) == pieces - 1 or self.width(text) <= width:
                return [*lines, self.shortened(text, width)]
            end = self._fitting(text, width, "")
            blank = text.rfind(" ", 1, end + 1)
            end = blank if blank > end // 2 else max(end, 1)
            lines.append(text[:end].rstrip())
            text = text[end:].lstrip()
        return lines

    def _fitting(self, text: str, width: float, ending: str) -> int:
        """Return how many characters are no wider than `width` with an ending."""
        low, high = 0, len(text)
        while low < high:
            middle = (low + high + 1) // 2
            if self.width(text[:middle].rstrip() + ending) <= width:
                low = middle
            else:
                high = middle - 1
        return low


def fill(
    texts: Sequence[str],
    sizes: Sequence[float],
    box: Box,
    writer: Writer,
    *,
    hidden: int = 0,
    smallest: float = SMALLEST,
) -> list[Word]:
    """Write as many of the texts into a box as it holds, the first ones first.

    Parameters
    ----------
    texts : sequence of str
        In falling order of importance.
    sizes : sequence of float
        The font size that each would like to have. All shrink alike where the box is small, none
        below `smallest`.
    box : Box
        Where they go, in centred lines; a long text takes several.
    writer : Writer
        Measures them.
    hidden : int
        How many further texts there are that are not even tried.

    Returns
    -------
    list of Word
        Without overlap and inside the box; empty where it is too small for one word. Where not
        all are written, the last word is ``… and 57 more``, its rank -1.
    """
    room = _room(texts, box, smallest)
    hidden += len(texts) - room
    texts, sizes = texts[:room], sizes[:room]
    if not texts:
        return []
    first = min(len(texts), 10)

    def sized(scale: float) -> list[float]:
        return [max(smallest, size * scale) for size in sizes]

    # The largest scale at which the leading texts fit; where not even the smallest holds them
    # all, as many as there is room for.
    low, high = 0.0, 1.0
    if _lines(texts[:first], sized(1.0), box, writer) is None:
        for _ in range(12):
            middle = (low + high) / 2
            fits = _lines(texts[:first], sized(middle), box, writer) is not None
            low, high = (middle, high) if fits else (low, middle)
    else:
        low = 1.0
    wanted = sized(low)
    # Between the number that fits and the one that does not: lines only grow with more words.
    fit, fail = 0, len(texts) + 1
    while fail - fit > 1:
        middle = (fit + fail) // 2
        if _lines(texts[:middle], wanted, box, writer) is None:
            fail = middle
        else:
            fit = middle
    if fit == len(texts) and not hidden:
        wanted = _grown(texts, wanted, box, writer)
    for number in range(fit, 0, -1):
        left = len(texts) - number + hidden
        tail = _more(left, box.width / smallest, writer) if left else []
        lines = _lines([*texts[:number], *tail], [*wanted[:number], smallest], box, writer)
        if lines is not None:
            return _centred(lines, box, writer, number)
    # No room for a word and the tail: the word alone says more.
    lines = _lines(texts[:1], wanted, box, writer)
    return [] if lines is None else _centred(lines, box, writer, 1)


def _room(texts: Sequence[str], box: Box, smallest: float) -> int:
    """Return how many of the texts a box could hold at the very most; measuring takes its time."""
    area = box.width * box.height
    for number, text in enumerate(texts):
        wide = sum(1.0 if east_asian_width(char) in "WF" else 0.35 for char in text)
        area -= wide * smallest * smallest * 0.8
        if area < 0:
            return number + 1
    return len(texts)


def _grown(texts: Sequence[str], sizes: list[float], box: Box, writer: Writer) -> list[float]:
    """Return larger sizes for the smallest words where a box has room for all and more."""
    best = sizes
    for step in range(1, 9):
        larger = [max(size, min(_SMALL, size * (1 + 0.1 * step))) for size in sizes]
        if _lines(texts, larger, box, writer) is None:
            break
        best = larger
    return best


def _more(number: int, width: float, writer: Writer) -> list[str]:
    """Return what says how many texts are left out, in the words there is room for, if any."""
    ways = (f"… and {number:,} more", f"+ {number:,}")
    return [way for way in ways if writer.width(way) <= width][:1]


@dataclass(frozen=True, slots=True)
class _Piece:
    text: str
    size: float
    width: float
    rank: int


_Line = list[_Piece]


def _lines(
    texts: Sequence[str],
    sizes: Sequence[float],
    box: Box,
    writer: Writer,
    smallest: float = SMALLEST,
) -> list[_Line] | None:
    """Break texts into lines; None if one is too wide or the lines are too high for the box."""
    lines: list[_Line] = []
    room = 0.0
    for rank, (text, size) in enumerate(zip(texts, sizes, strict=False)):
        em = writer.width(text)
        if em * size > box.width:
            # A short text shrinks instead, as far as it can.
            if em <= _WRAPPED and size > smallest:
                return None
            pieces = writer.wrapped(text, box.width / size, _PIECES)
            if size > smallest and pieces[-1].endswith("…") and not text.endswith("…"):
                return None
            if not pieces[-1]:
                return None
            lines += [[_Piece(piece, size, writer.width(piece) * size, rank)] for piece in pieces]
            room = 0.0
            continue
        width = em * size
        if not lines or room < width + _space(size):
            lines.append([])
            room = box.width + _space(size)
        lines[-1].append(_Piece(text, size, width, rank))
        room -= width + _space(size)
    return lines if _height(lines, writer) <= box.height else None


def _space(size: float) -> float:
    """Return the blank between two words of a line."""
    return 7.0 + 0.34 * size


def _leading(line: _Line, following: _Line) -> float:
    """Return the blank between two lines, less within one text."""
    size = max(piece.size for piece in line)
    if line[-1].rank == following[0].rank:
        return 3.0 + 0.18 * size
    return 4.0 + 0.26 * size


def _extent(line: _Line, writer: Writer) -> tuple[float, float]:
    """Return how far a line's ink reaches above and below its baseline."""
    inks = [(writer.ink(piece.text), piece.size) for piece in line]
    return (
        max(ink.top * size for ink, size in inks),
        max(-ink.bottom * size for ink, size in inks),
    )


def _height(lines: Sequence[_Line], writer: Writer) -> float:
    total = sum(sum(_extent(line, writer)) for line in lines)
    return total + sum(_leading(*both) for both in pairwise(lines))


def _centred(lines: Sequence[_Line], box: Box, writer: Writer, number: int) -> list[Word]:
    words: list[Word] = []
    y = box.y + (box.height - _height(lines, writer)) / 2
    for place, line in enumerate(lines):
        if place:
            y += _leading(lines[place - 1], line)
        total = sum(piece.width for piece in line) + sum(_space(piece.size) for piece in line[1:])
        x = box.x + (box.width - total) / 2
        above, below = _extent(line, writer)
        y += above
        for position, piece in enumerate(line):
            x += _space(piece.size) if position else 0.0
            left = x - writer.ink(piece.text).left * piece.size
            rank = piece.rank if piece.rank < number else -1
            words.append(Word(piece.text, left, y, piece.size, rank))
            x += piece.width
        y += below
    return words
