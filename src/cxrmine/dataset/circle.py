"""The circle of co-occurrence: which findings come together (Wang et al. 2017, Figure 2).

An arc is a finding, as long as it has images. Its dark part are the images with this finding
alone; the rest is shared out among the chords, in proportion to how often the other findings
occur with it, so that an image with three findings counts once in each arc.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, pi, sin

import numpy as np
from numpy.typing import NDArray

from cxrmine.dataset.drawing import COLOURS, INK, SMALL, SOFT, TITLE, WIDTH, Page, count
from cxrmine.dataset.statistics import Statistics

#: Findings in the circle at most.
MOST_FINDINGS = 20

_GAP = 0.012  # of the circle, between two arcs at most
_OUTER, _INNER = 520.0, 470.0  # of the arcs
_CHORD = 462.0
_LABEL = 600.0
_FIRST = 215.0  # middle of the uppermost label
_LINE = 68.0  # height of a label of two lines


@dataclass(frozen=True, slots=True)
class Arc:
    """One finding's place on the circle, in radians clockwise from the top.

    The images with this finding alone lie from ``start`` to ``together``, the others from there
    to ``end``; ``shares`` are the angles of its chords, by finding.
    """

    finding: int
    start: float
    together: float
    end: float
    shares: dict[int, tuple[float, float]]

    @property
    def middle(self) -> float:
        """The angle of the arc's middle."""
        return (self.start + self.end) / 2


def arcs(
    totals: NDArray[np.int64], overlaps: NDArray[np.int64], together: NDArray[np.int64]
) -> list[Arc]:
    """Share out a circle.

    Parameters
    ----------
    totals, overlaps : ndarray, shape (findings,)
        Images with each finding, and those among them with another one as well.
    together : ndarray, shape (findings, findings)
        Images with both; the diagonal does not count.

    Returns
    -------
    list of Arc
        Clockwise, of the findings with any image: the most common next to the rarest, so that
        small arcs and their names do not crowd in one place.
    """
    ranked = [int(i) for i in np.argsort(-totals, kind="stable") if totals[i] > 0]
    order = []
    while ranked:
        order.append(ranked.pop(0))
        if ranked:
            order.append(ranked.pop())
    if not order:
        return []
    gap = min(_GAP, 0.15 / len(order)) * 2 * pi if len(order) > 1 else 0.0
    scale = (2 * pi - gap * len(order)) / float(totals[order].sum())
    places: list[Arc] = []
    angle = gap / 2
    for place, finding in enumerate(order):
        start, end = angle, angle + float(totals[finding]) * scale
        middle = end - float(overlaps[finding]) * scale
        # The nearest arc clockwise gets the chord nearest to the arc's end: fewer crossings.
        others = [*order[place + 1 :], *order[:place]][::-1]
        sums = float(sum(together[finding, other] for other in others))
        shares: dict[int, tuple[float, float]] = {}
        at = middle
        for other in others:
            if together[finding, other]:
                width = (end - middle) * float(together[finding, other]) / sums
                shares[other] = (at, at + width)
                at += width
        places.append(Arc(finding, start, middle, end, shares))
        angle = end + gap
    return places


def draw_cooccurrence(statistics: Statistics) -> bytes | None:
    """Draw the circle of co-occurrence as a PNG; None without at least two findings."""
    ranked = sorted(
        (i for i, f in enumerate(statistics.findings) if f.true),
        key=lambda i: (-statistics.findings[i].true, i),
    )
    if len(ranked) < 2:
        return None
    chosen = sorted(ranked[:MOST_FINDINGS])
    findings = [statistics.findings[i] for i in chosen]
    places = arcs(
        np.array([f.true for f in findings]),
        np.array([f.overlap for f in findings]),
        statistics.together[np.ix_(chosen, chosen)],
    )
    page = Page(1620, texts=(f.name for f in findings))
    centre = (WIDTH / 2, 850.0)
    colour = {arc.finding: COLOURS[rank % len(COLOURS)] for rank, arc in enumerate(places)}
    if len(places) % len(COLOURS) == 1:  # the last arc lies beside the first
        colour[places[-1].finding] = COLOURS[3]

    page.text(50, 44, "Which findings come together", size=TITLE)
    several = sum(statistics.per_image[2:])
    more = (
        f"; the {len(chosen)} most common of {len(ranked)} findings"
        if len(chosen) < len(ranked)
        else ""
    )
    page.lines(
        50, 92,
        (
            f"{count(sum(statistics.per_image[1:]), 'image')} with findings, {several:,} with two "
            f"or more{more}",
            "Arc: images with the finding; its dark part: those without any other finding",
            "Chord: images with both findings",
        ),
        size=SMALL, colour=SOFT,
    )  # fmt: skip

    _chords(page, places, colour, centre)
    for arc in places:
        page.area(_ring(centre, arc.start, arc.end, _INNER, _OUTER), fill=colour[arc.finding])
        page.area(_ring(centre, arc.together, arc.end, _INNER, _OUTER), fill="white", opacity=0.65)
        page.area(
            _ring(centre, arc.start, arc.end, _INNER, _OUTER), fill="none", edge=INK, opacity=1.0
        )
    for right in (True, False):
        side = [arc for arc in places if (sin(arc.middle) >= 0) == right]
        heights = spread([centre[1] - _LABEL * cos(arc.middle) for arc in side], _LINE)
        # Crowded labels must not run into the headline.
        lower = max(0.0, _FIRST - min(heights, default=_FIRST))
        heights = [height + lower for height in heights]
        for arc, y in zip(side, heights, strict=True):
            finding = findings[arc.finding]
            sign = 1 if right else -1
            offset = min(abs(y - centre[1]) / _LABEL, 1.0)
            x = centre[0] + sign * max(_LABEL * (1 - offset**2) ** 0.5, 140.0)
            near = _point(centre, arc.middle, _OUTER + 4)
            bend = _point(centre, arc.middle, _OUTER + 30)
            x = max(x, bend[0] + 10) if right else min(x, bend[0] - 10)  # no line over its own text
            page.line(
                [near[0], bend[0], x - sign * 6], [near[1], bend[1], y], colour=SOFT, width=1.5
            )
            align = "left" if right else "right"
            room = (WIDTH - x if right else x) - 20
            page.text(x, y - 15, page.shortened(finding.name, room), align=align)
            share = f"{finding.alone / finding.true:.0%}".replace("%", " %")
            page.text(
                x, y + 17, f"{finding.true:,}, {share} alone", size=SMALL, colour=SOFT, align=align
            )
    return page.png()


def _chords(
    page: Page, places: Sequence[Arc], colour: dict[int, str], centre: tuple[float, float]
) -> None:
    """Draw the chords, broad ones first; each in the colour of its more common finding's arc."""
    length = {arc.finding: arc.end - arc.start for arc in places}
    found = []
    for arc in places:
        for other in places:
            if arc.finding < other.finding and other.finding in arc.shares:
                one, two = arc.shares[other.finding], other.shares[arc.finding]
                width = one[1] - one[0] + two[1] - two[0]
                # The rarer finding's colour: a common one would paint the whole circle in its own.
                rarer = min((arc.finding, other.finding), key=lambda f: (length[f], f))
                found.append((width, one, two, colour[rarer]))
    for _, one, two, fill in sorted(found, key=lambda chord: (-chord[0], chord[1])):
        outline = np.concatenate(
            [
                _along(centre, one[0], one[1], _CHORD),
                _bent(_point(centre, one[1], _CHORD), _point(centre, two[0], _CHORD), centre),
                _along(centre, two[0], two[1], _CHORD),
                _bent(_point(centre, two[1], _CHORD), _point(centre, one[0], _CHORD), centre),
            ]
        )
        page.area(outline, fill=fill, opacity=0.6)


def spread(wanted: Sequence[float], least: float) -> list[float]:
    """Return places near the wanted ones that are at least `least` apart, order kept.

    The places with the smallest sum of squared distances from the wanted ones: those that would
    be too close form groups around their common middle (the pool-adjacent-violators algorithm).
    """
    order = sorted(range(len(wanted)), key=lambda i: (wanted[i], i))
    groups: list[tuple[float, int]] = []  # mean of the wanted places less their offsets, members
    for rank, index in enumerate(order):
        mean, members = wanted[index] - rank * least, 1
        while groups and groups[-1][0] > mean:
            before, number = groups.pop()
            mean = (before * number + mean * members) / (number + members)
            members += number
        groups.append((mean, members))
    means = [mean for mean, members in groups for _ in range(members)]
    places = [0.0] * len(wanted)
    for rank, index in enumerate(order):
        places[index] = means[rank] + rank * least
    return places


def _point(centre: tuple[float, float], angle: float, radius: float) -> NDArray[np.float64]:
    return np.array([centre[0] + radius * sin(angle), centre[1] - radius * cos(angle)])


def _along(
    centre: tuple[float, float], start: float, end: float, radius: float
) -> NDArray[np.float64]:
    angles = np.linspace(start, end, max(2, int(abs(end - start) * 90) + 2))
    return np.stack(
        [centre[0] + radius * np.sin(angles), centre[1] - radius * np.cos(angles)], axis=1
    )


def _ring(
    centre: tuple[float, float], start: float, end: float, inner: float, outer: float
) -> NDArray[np.float64]:
    return np.concatenate(
        [_along(centre, start, end, outer), _along(centre, start, end, inner)[::-1]]
    )


def _bent(
    start: NDArray[np.float64], end: NDArray[np.float64], centre: tuple[float, float]
) -> NDArray[np.float64]:
    """Return a quadratic curve that is drawn towards the centre, nearly to it for far ends."""
    steps = np.linspace(0, 1, 40)[:, np.newaxis]
    middle = (start + end) / 2
    control = np.asarray(centre) + (middle - np.asarray(centre)) * 0.15
    curve: NDArray[np.float64] = (
        (1 - steps) ** 2 * start + 2 * steps * (1 - steps) * control + steps**2 * end
    )
    return curve
