"""The pictures of a run: clauses sized by frequency and boxed by cluster, and the choice of k.

`draw_clusters` is the figure of the Chinese-report study made readable at any number of clauses:
a squarified treemap (Bruls, Huizing and van Wijk 2000, "Squarified treemaps") of the largest
terms, in each term its clusters, in each cluster its clauses.

Lengths are in pixels of the picture, x to the right and y downwards. Text is drawn as outlines,
so that measuring and drawing are one thing and no clause is taken for a formula; the pictures
depend on the fonts of the machine and on nothing else, and are the same bytes every time.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from cxrmine.clauses.model import Cluster, DistinctClause, Grouping, Term
from cxrmine.tables import atomic_write_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from cxrmine.clauses.fonts import Fonts

#: The picture's width and height.
SIZE = (2000, 1400)

_MARGIN = 28.0
_TITLE = 92.0  # height of the title above the boxes
_GAP = 10.0  # between terms
_HEAD = 34.0  # height of a term's headline
_SMALLEST = 14.0  # font size below which nothing is written
_LARGEST = 118.0
_SMALL = 25.0  # words below this size grow where there is room
_TERM_FLOOR = 0.015  # least share of the picture that a term gets, to stay legible
_CLUSTER_FLOOR = 9_500.0  # least area of a cluster's box
_WRAPPED = 11.0  # widths, at a font size of 1, above which a text may take several lines
_PIECES = 3  # and how many
_LONG_ENOUGH = 190.0  # width of a shortened clause that says enough
_WORDS = 600  # clauses looked at for one box; more than fit into any

# Ink and tint of a term (both of one hue; ink on tint has a contrast above 4.5 to 1).
_COLOURS = (
    ("#12457f", "#dfeaf7"),
    ("#8a3a06", "#fbe9da"),
    ("#1d5c2e", "#e0f1e2"),
    ("#7d1f45", "#f8e2ea"),
    ("#4a3791", "#e9e5f7"),
    ("#0d5a63", "#dcf0f1"),
    ("#6b5200", "#f7efcf"),
    ("#8c1f1f", "#fae1de"),
    ("#3f5220", "#eaf0da"),
    ("#3d4b5c", "#e6eaef"),
)
_INK = "#1c2430"
_SOFT = "#5c6675"


class _Point(Protocol):
    @property
    def k(self) -> int: ...
    @property
    def loss(self) -> float: ...
    @property
    def covered(self) -> float: ...


class _Choice(Protocol):
    @property
    def k(self) -> int: ...
    @property
    def criterion(self) -> str: ...
    @property
    def curve(self) -> Sequence[_Point]: ...


# ---------------------------------------------------------------------------- boxes


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


# ---------------------------------------------------------------------------- words in a box


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
    smallest: float = _SMALLEST,
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
    smallest: float = _SMALLEST,
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


# ---------------------------------------------------------------------------- the figure


@dataclass(frozen=True, slots=True)
class _ClusterBox:
    box: Box
    words: list[Word]
    medoids: frozenset[int]  # their ranks among the words
    legible: bool


@dataclass(frozen=True, slots=True)
class _TermBox:
    box: Box
    head: str
    name: str
    share: str
    clusters: list[_ClusterBox]


def draw_clusters(
    grouping: Grouping,
    path: Path,
    *,
    top: int,
    title: str | None = None,
    labels: Mapping[int, str] | None = None,
) -> tuple[str, ...]:
    """Draw the largest terms: clauses sized by frequency, boxed by cluster.

    Parameters
    ----------
    grouping : Grouping
        The result of a run.
    path : Path
        The PNG to write, in one step.
    top : int
        How many terms to draw.
    title : str, optional
        The headline; default says how many terms there are and what share of clauses they hold.
    labels : mapping of int to str, optional
        Names of terms by number; default their most frequent cluster's medoid is read instead.

    Returns
    -------
    tuple of str
        Sentences to warn of: characters that no font on the machine has.

    Notes
    -----
    A box's area is the number of clauses in it; those that would be too small to read are
    enlarged, and the picture says so. Of a term's clusters, those too small for a box share one.
    """
    from cxrmine.clauses.fonts import choose_fonts

    terms = [term for term in grouping.terms if term.count > 0][: max(0, top)]
    clusters = {cluster.number: cluster for cluster in grouping.clusters}
    members = _members(grouping, {number for term in terms for number in term.clusters})
    names = {term.number: (labels or {}).get(term.number, "") for term in terms}
    headline, note = _headline(grouping, terms, top, title)
    texts = [clause.clause for group in members.values() for clause in group[:_WORDS]]
    # Latin letters and signs are Matplotlib's own font's; they need not be asked for.
    fonts = choose_fonts([*texts, *names.values(), headline])
    writer = Writer(fonts)
    width, height = SIZE
    area = Box(_MARGIN, _TITLE, width - 2 * _MARGIN, height - _TITLE - _MARGIN)
    values, enlarged = _floored([term.count for term in terms], _TERM_FLOOR)
    largest = max((clause.count for group in members.values() for clause in group), default=1)
    drawn = [
        _lay_out_term(
            term, names[term.number], grouping, box.inset(_GAP / 2), clusters, members, largest,
            writer,
        )
        for term, box in zip(terms, squarify(values, area), strict=True)
    ]  # fmt: skip
    if enlarged:
        note += " Small boxes are enlarged to stay legible."
    _draw(drawn, headline, note, writer, path)
    return (fonts.warning,) if fonts.warning else ()


def _members(grouping: Grouping, numbers: set[int]) -> dict[int, list[DistinctClause]]:
    """Return the clauses of the clusters, by falling count."""
    members: dict[int, list[DistinctClause]] = {number: [] for number in sorted(numbers)}
    for clause in grouping.clauses:
        if clause.cluster in members:
            members[clause.cluster].append(clause)
    for group in members.values():
        group.sort(key=lambda clause: (-clause.count, clause.clause))
    return members


def _headline(
    grouping: Grouping, terms: Sequence[Term], top: int, title: str | None
) -> tuple[str, str]:
    count = sum(term.count for term in terms)
    every = len(grouping.terms)
    if not terms:
        return title or "No clauses", "There is nothing to draw."
    which = f"The {len(terms):,} largest of {every:,} terms" if len(terms) < every else (
        "The one term" if every == 1 else f"All {every:,} terms"
    )  # fmt: skip
    share = (
        f"{count:,} of {grouping.occurrences:,} clauses ({_percent(count, grouping.occurrences)})"
    )
    return title or f"{which}: {share}", (
        "A box is a cluster, its area the number of clauses in it; boxes of one colour are one "
        "suggested term. Words are sized by frequency, the medoid is darkest."
    )


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "0 %"


def _floored(counts: Sequence[int], floor: float) -> tuple[list[float], bool]:
    """Return the counts, each at least a share of their sum, and whether that changed one."""
    if not counts:
        return [], False
    least = min(floor, 0.6 / len(counts)) * sum(counts)
    return [max(float(count), least) for count in counts], min(counts) < least


def _lay_out_term(
    term: Term,
    name: str,
    grouping: Grouping,
    box: Box,
    clusters: Mapping[int, Cluster],
    members: Mapping[int, list[DistinctClause]],
    largest: int,
    writer: Writer,
) -> _TermBox:
    inner = box.inset(5.0, top=_HEAD)
    own = sorted((clusters[n] for n in term.clusters), key=lambda c: (-c.count, c.number))
    room = int(inner.width * inner.height / (2 * _CLUSTER_FLOOR))
    shown = min(max(1, room), len(own))
    while True:
        laid = _lay_out_clusters(own, shown, inner, members, largest, writer)
        if shown == 1 or all(cluster.legible for cluster in laid):
            break
        shown -= 1
    if len(own) > 1 and not all(cluster.legible for cluster in laid):
        laid = _lay_out_clusters(own, 0, inner, members, largest, writer)  # all in one box
    share = f"{term.count:,}  ·  {_percent(term.count, grouping.occurrences)}"
    return _TermBox(box, f"Term {term.number}", name, share, laid)


def _lay_out_clusters(
    own: Sequence[Cluster],
    shown: int,
    inner: Box,
    members: Mapping[int, list[DistinctClause]],
    largest: int,
    writer: Writer,
) -> list[_ClusterBox]:
    """Give the first clusters of a term a box each, and one to the others together."""
    groups = [[cluster] for cluster in own[:shown]]
    if rest := list(own[shown:]):
        groups.append(rest)
    counts = [max(1, sum(cluster.count for cluster in group)) for group in groups]
    values, _ = _floored(counts, _CLUSTER_FLOOR / max(inner.width * inner.height, 1.0))
    # The box of the small ones comes last whatever its size, but rows want falling values.
    order = sorted(range(len(values)), key=lambda place: -values[place])
    boxes = dict(zip(order, squarify([values[place] for place in order], inner), strict=True))
    laid = []
    for place, group in enumerate(groups):
        clauses = members[group[0].number]
        if len(group) > 1:
            clauses = sorted(
                (clause for cluster in group for clause in members[cluster.number]),
                key=lambda clause: (-clause.count, clause.clause),
            )
        tried = clauses[:_WORDS]
        cell = boxes[place].inset(2.5)
        words = fill(
            [clause.clause for clause in tried],
            [_size(clause.count, largest) for clause in tried],
            cell.inset(6.0),
            writer,
            hidden=len(clauses) - len(tried),
        )
        medoids = frozenset(
            rank for rank, clause in enumerate(tried) if clause.clause == clause.medoid
        )
        laid.append(_ClusterBox(cell, words, medoids, _legible(words, tried, writer)))
    return laid


def _legible(words: Sequence[Word], tried: Sequence[DistinctClause], writer: Writer) -> bool:
    """Say whether a box shows its first clause, or a good beginning of a long one."""
    if not words or not tried:
        return False
    first = [word for word in words if word.rank == 0]
    if not first[-1].text.endswith("…"):
        return len(first) == 1 or first[0].size * writer.width(first[0].text) >= _LONG_ENOUGH / 2
    return sum(word.size * writer.width(word.text) for word in first) >= _LONG_ENOUGH


def _size(count: int, largest: int) -> float:
    """Return the font size that a frequency would like to have."""
    share: float = (count / max(largest, 1)) ** 0.42
    return _SMALLEST + (_LARGEST - _SMALLEST) * share


class _Canvas:
    """A Matplotlib figure on which a pixel is a unit and y runs downwards."""

    def __init__(self, size: tuple[int, int]) -> None:
        from matplotlib.figure import Figure
        from matplotlib.transforms import Affine2D

        self.figure = Figure(figsize=(size[0] / 100, size[1] / 100), dpi=100, facecolor="white")
        self.transform = Affine2D().scale(1, -1).translate(0, size[1])

    def rectangle(self, box: Box, fill: str, edge: str, width: float, radius: float) -> None:
        from matplotlib.patches import FancyBboxPatch

        if box.width <= 0 or box.height <= 0:
            return
        patch = FancyBboxPatch(
            (box.x, box.y),
            box.width,
            box.height,
            boxstyle=f"round,pad=0,rounding_size={min(radius, box.width / 2, box.height / 2)}",
            facecolor=fill,
            edgecolor=edge,
            linewidth=width * 0.72,  # points, at 100 dots an inch
            linestyle="solid",
            antialiased=True,
            transform=self.transform,
        )
        self.figure.add_artist(patch)

    def write(self, words: Sequence[Word], writer: Writer, colour: str) -> None:
        """Draw words of one colour."""
        import numpy as np
        from matplotlib.patches import PathPatch
        from matplotlib.path import Path as Outline

        outlines = []
        for word in words:
            outline: Any = writer.fonts.outline(word.text)
            if len(outline.vertices):
                points = outline.vertices * (word.size, -word.size) + (word.x, word.y)
                outlines.append(Outline(points, outline.codes))
        if not outlines:
            return
        whole = Outline(
            np.concatenate([outline.vertices for outline in outlines]),
            np.concatenate([outline.codes for outline in outlines]),
        )
        patch = PathPatch(
            whole, facecolor=colour, edgecolor="none", linewidth=0, antialiased=True,
            transform=self.transform,
        )  # fmt: skip
        # Strokes such as those of 一 must not be moved to whole pixels by themselves.
        patch.set_snap(False)
        self.figure.add_artist(patch)


def _draw(terms: Sequence[_TermBox], headline: str, note: str, writer: Writer, path: Path) -> None:
    canvas = _Canvas(SIZE)
    room = SIZE[0] - 2 * _MARGIN - _GAP
    left = _MARGIN + _GAP / 2
    canvas.write([_one_line(headline, left, 44.0, 30.0, room, writer)], writer, _INK)
    canvas.write([_one_line(note, left, 76.0, 18.0, room, writer)], writer, _SOFT)
    for place, term in enumerate(terms):
        ink, tint = _COLOURS[place % len(_COLOURS)]
        canvas.rectangle(term.box, ink, ink, 0.0, 9.0)
        canvas.write(_head(term, writer), writer, "white")
        for cluster in term.clusters:
            canvas.rectangle(cluster.box, tint, tint, 0.0, 6.0)
            medoids = [word for word in cluster.words if word.rank in cluster.medoids]
            others = [word for word in cluster.words if word.rank not in cluster.medoids]
            canvas.write(medoids, writer, ink)
            canvas.write([word for word in others if word.rank >= 0], writer, _lighter(ink))
            canvas.write([word for word in others if word.rank < 0], writer, _SOFT)
    _save(canvas.figure, path)


def _one_line(text: str, x: float, y: float, size: float, room: float, writer: Writer) -> Word:
    """Return a line of text that is shrunk, then cut, to the room there is."""
    wide = writer.width(text) * size
    size = max(_SMALLEST, size * min(1.0, room / wide)) if wide else size
    return Word(writer.shortened(text, room / size), x, y, size, 0)


def _head(term: _TermBox, writer: Writer) -> list[Word]:
    """Return a term's headline: its number and name on the left, its size on the right.

    What there is no room for goes, the share first; then the line shrinks.
    """
    size, left, y = 19.0, term.box.x + 12.0, term.box.y + 24.0
    room = term.box.width - 24.0
    head = f"{term.head}  {term.name}".rstrip()
    for share in (term.share, term.share.split(" ")[0]):
        wide = writer.width(share) * size
        if (left_room := room - wide - 16.0) >= min(writer.width(head) * size, 120.0):
            return [
                Word(writer.shortened(head, left_room / size), left, y, size, 0),
                Word(share, left + room - wide - writer.ink(share).left * size, y, size, 1),
            ]
    return [_one_line(head, left, y, size, room, writer)]


def _lighter(colour: str) -> str:
    """Return a colour a quarter of the way to mid grey-white, still legible on its tint."""
    parts = [int(colour[place : place + 2], 16) for place in (1, 3, 5)]
    return "#" + "".join(f"{round(part + (150 - part) * 0.28):02x}" for part in parts)


# ---------------------------------------------------------------------------- the choice of k


def draw_k_curve(choice: _Choice, path: Path) -> tuple[str, ...]:
    """Draw how loss and coverage change with k, and which k was chosen by what.

    Parameters
    ----------
    choice : object
        ``k``, ``criterion`` (one sentence) and ``curve``: points with ``k``, ``loss`` (mean
        distance of a clause to its medoid) and ``covered`` (share of clauses, 0 to 1).
    path : Path
        The PNG to write, in one step.

    Returns
    -------
    tuple of str
        Sentences to warn of; none today.
    """
    from textwrap import fill as wrapped

    from matplotlib import style
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontProperties
    from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

    from cxrmine.clauses.fonts import base_face

    points = sorted(choice.curve, key=lambda point: point.k)
    # A user's matplotlibrc (TeX, another language's decimal point) must not change a result.
    with style.context("default", after_reset=True):
        font = FontProperties(fname=base_face().path, size=11)
        large = FontProperties(fname=base_face().path, size=14)
        figure = Figure(figsize=(10, 7.6), dpi=150, facecolor="white")
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
        ks = [point.k for point in points]
        ink = _COLOURS[0][0]
        marker = "o" if len(points) <= 60 else None
        for axes, values, name in (
            (upper, [point.loss for point in points], "loss: mean distance to the medoid"),
            (lower, [point.covered for point in points], "share of clauses covered"),
        ):
            axes.plot(ks, values, color=ink, marker=marker, markersize=4.5, linewidth=1.8)
            axes.axvline(choice.k, color=_COLOURS[1][0], linewidth=1.4, linestyle=(0, (5, 3)))
            axes.plot(
                [k for k in ks if k == choice.k],
                [value for k, value in zip(ks, values, strict=True) if k == choice.k],
                color=_COLOURS[1][0], marker="o", markersize=9, linestyle="none",
            )  # fmt: skip
            axes.set_ylabel(name, fontproperties=font, color=_INK)
            axes.grid(color="#e3e7ec", linewidth=0.8)
            axes.set_axisbelow(True)
            for side in ("top", "right"):
                axes.spines[side].set_visible(False)
        upper.set_ylim(bottom=0)
        upper.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}"))
        lower.yaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
        lower.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
        lower.set_xlabel("k: number of clusters", fontproperties=font, color=_INK)
        for axes in (upper, lower):
            for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
                label.set_fontproperties(font)
        figure.text(
            0.02, 0.985, f"k = {choice.k:,}", fontproperties=large, color=_INK, va="top",
            parse_math=False,
        )  # fmt: skip
        figure.text(
            0.02, 0.945, wrapped(choice.criterion, 118), fontproperties=font, color=_SOFT,
            va="top", parse_math=False,
        )  # fmt: skip
        figure.subplots_adjust(left=0.1, right=0.98, bottom=0.08, top=0.86, hspace=0.1)
        _save(figure, path)
    return ()


def _save(figure: Figure, path: Path) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    buffer = io.BytesIO()
    # Neither program version nor time: the same run gives the same bytes.
    canvas: Any = FigureCanvasAgg(figure)
    canvas.print_png(buffer, metadata={"Software": None})
    atomic_write_bytes(path, buffer.getvalue())
