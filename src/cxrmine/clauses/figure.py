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
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from cxrmine.clauses.boxes import Box, squarify
from cxrmine.clauses.model import Cluster, DistinctClause, Grouping, Term
from cxrmine.clauses.words import SMALLEST, Word, Writer, fill
from cxrmine.tables import atomic_write_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure


#: The picture's width and height.
SIZE = (2000, 1400)

_MARGIN = 28.0
_TITLE = 92.0  # height of the title above the boxes
_GAP = 10.0  # between terms
_HEAD = 34.0  # height of a term's headline
_LARGEST = 118.0
_TERM_FLOOR = 0.015  # least share of the picture that a term gets, to stay legible
_CLUSTER_FLOOR = 9_500.0  # least area of a cluster's box
# Characters of a clause that are drawn at most.
_LONGEST = 300
_CONSIDERED = 2_000  # clauses of a cluster at most; no box holds as many
_LONG_ENOUGH = 190.0  # width of a shortened clause that says enough

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
    texts = [_shown(clause) for group in members.values() for clause in group[:_CONSIDERED]]
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


def _shown(clause: DistinctClause) -> str:
    """Return what a box may hold of a clause: measuring a whole report takes minutes."""
    text = clause.clause
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


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
        shown -= max(1, shown // 6)
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
        tried = clauses[:_CONSIDERED]
        cell = boxes[place].inset(2.5)
        words = fill(
            [_shown(clause) for clause in tried],
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
    return SMALLEST + (_LARGEST - SMALLEST) * share


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
    size = max(SMALLEST, size * min(1.0, room / wide)) if wide else size
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
