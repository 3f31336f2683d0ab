"""The figures of a data set: how common findings are, ages, and where grey values come from.

The circle of co-occurrence has its own module (`cxrmine.dataset.circle`), and so has the contact
sheet (`cxrmine.dataset.contact_sheet`). Each function returns a PNG, or None where there is
nothing to draw.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from math import floor, log10

import numpy as np
from numpy.typing import NDArray

from cxrmine.dataset.drawing import (
    BLUE,
    GREEN,
    GRID,
    ORANGE,
    PURPLE,
    SKY,
    SMALL,
    SOFT,
    TITLE,
    VERMILION,
    WIDTH,
    Page,
    count,
    number,
    ticks,
)
from cxrmine.dataset.statistics import BIN_YEARS, Statistics
from cxrmine.dataset.windows import SOURCES, WindowUse

#: Findings that are drawn at most; the card's table has all.
MOST_FINDINGS = 40

_MARGIN = 50.0
_HEAD = 150.0
_ROW = 56.0


def draw_findings(statistics: Statistics) -> bytes | None:
    """Draw each finding's prevalence with its interval, and how much of it stands alone.

    The light part of a bar are images with other findings too (ChestX-ray8's Table 1, Ov.).
    """
    known = [f for f in statistics.findings if f.prevalence.value is not None]
    if not any(f.true for f in known):
        return None
    ordered = sorted(known, key=lambda f: (-(f.prevalence.value or 0.0), f.name))
    shown = ordered[:MOST_FINDINGS]
    uncertain = any(f.uncertain for f in shown)
    page = Page(_HEAD + _ROW * len(shown) + 130, texts=(f.name for f in shown))
    labels = [f"{(f.prevalence.value or 0.0) * 100:.2f} % ({f.true:,})" for f in shown]
    if uncertain:
        labels = [
            f"{label}, {f.uncertain:,} uncertain" if f.uncertain else label
            for label, f in zip(labels, shown, strict=True)
        ]
    names = [page.shortened(f.name, WIDTH * 0.3) for f in shown]
    left = _MARGIN + max(page.text_width(name) for name in names) + 18
    right = WIDTH - _MARGIN - max(page.text_width(label) for label in labels) - 18
    top = max(f.prevalence.high or f.prevalence.value or 0.0 for f in shown) * 100
    scale = (right - left) / top

    page.text(_MARGIN, 44, "How common the findings are", size=TITLE)
    more = f" (the {len(shown)} most common of {len(ordered)})" if len(shown) < len(ordered) else ""
    page.text(
        _MARGIN, 92, colour=SOFT, size=SMALL,
        text=f"Share of the {_decided(statistics)} in which a finding is labelled true or "
        f"false, with 95 % interval by patients{more}",
    )  # fmt: skip
    bottom = _HEAD + _ROW * len(shown)
    for tick in ticks(0, top, 8):
        x = left + tick * scale
        page.line([x, x], [_HEAD - 10, bottom], colour=GRID)
        page.text(x, bottom + 26, f"{number(tick)} %", size=SMALL, colour=SOFT, align="middle")
    for row, (finding, name, label) in enumerate(zip(shown, names, labels, strict=True)):
        y = _HEAD + _ROW * row
        value = (finding.prevalence.value or 0.0) * 100
        alone = value * finding.alone / finding.true if finding.true else 0.0
        page.text(left - 14, y + _ROW / 2, name, align="right")
        page.rectangle(left, y + 9, value * scale, _ROW - 18, fill=SKY)
        page.rectangle(left, y + 9, alone * scale, _ROW - 18, fill=BLUE)
        end = value
        if finding.prevalence.low is not None and finding.prevalence.high is not None:
            low, end = finding.prevalence.low * 100, finding.prevalence.high * 100
            middle = y + _ROW / 2
            page.line([left + low * scale, left + end * scale], [middle, middle], width=3)
            for edge in (low, end):
                x = left + edge * scale
                page.line([x, x], [middle - 8, middle + 8], width=3)
        start = left + end * scale + 14
        # White under the figures, lest a grid line strikes them through.
        page.rectangle(start - 4, y + 9, page.text_width(label) + 8, _ROW - 18, fill="white")
        page.text(start, y + _ROW / 2, label, colour=SOFT)
    page.line([left, left], [_HEAD - 10, bottom], width=3)
    y = bottom + 90
    x = _legend(page, left, y, BLUE, "the only finding")
    _legend(page, x, y, SKY, "with other findings")
    return page.png()


def _decided(statistics: Statistics) -> str:
    sizes = {f.true + f.false for f in statistics.findings if f.true + f.false}
    return count(sizes.pop(), "image") if len(sizes) == 1 else "images"


def _legend(page: Page, x: float, y: float, colour: str, text: str) -> float:
    page.rectangle(x, y - 14, 28, 28, fill=colour)
    page.text(x + 40, y, text, colour=SOFT)
    return x + 40 + page.text_width(text) + 50


# ---------------------------------------------------------------------------- ages

_SEXES: Mapping[str, tuple[str, str, tuple[float, ...]]] = {
    "M": ("male", BLUE, ()),
    "F": ("female", VERMILION, (3, 1.5)),
    "O": ("other", GREEN, (1, 1)),
    "": ("sex unknown", PURPLE, (5, 1.5, 1, 1.5)),
}


def draw_ages(statistics: Statistics) -> bytes | None:
    """Draw the images' ages in bins of two years: all filled, each sex as a line."""
    if statistics.ages is None:
        return None
    bins = {sex: np.array(counts) for sex, counts in statistics.age_bins.items()}
    total = np.sum(list(bins.values()), axis=0)
    last = len(total)
    page = Page(1000)
    left, right, top, bottom = 190.0, WIDTH - _MARGIN, 190.0, 850.0
    across = max(last, 90 // BIN_YEARS + 1)  # the same for every set, to compare them
    step = (right - left) / across
    height = (bottom - top) / float(total.max())

    page.text(_MARGIN, 44, "Ages", size=TITLE)
    ages = statistics.ages
    spread = f" ± {ages.sd:.1f}" if ages.sd is not None else ""
    page.text(
        _MARGIN, 92, size=SMALL, colour=SOFT,
        text=f"{count(ages.known, 'image')} with a known age, by {BIN_YEARS} years; mean "
        f"{ages.mean:.1f}{spread}, median {ages.median:g} years",
    )  # fmt: skip
    for tick in ticks(0, float(total.max()), 6):
        if tick != int(tick):
            continue
        y = bottom - tick * height
        page.line([left, right], [y, y], colour=GRID)
        page.text(left - 14, y, number(tick), size=SMALL, colour=SOFT, align="right")
    edges = left + step * np.arange(last + 1)
    for start, amount in zip(edges, total, strict=False):
        page.rectangle(
            start + 1, bottom - amount * height, step - 2, amount * height, fill="#c3cad4"
        )
    for tick in ticks(0, across * BIN_YEARS, 12):
        x = left + tick / BIN_YEARS * step
        page.line([x, x], [bottom, bottom + 8])
        # Bin 90 holds everybody of 90 and over.
        label = "90+" if tick == 90 else number(tick)
        page.text(x, bottom + 32, label, size=SMALL, colour=SOFT, align="middle")
    page.text((left + right) / 2, bottom + 78, "age at the image, in years", align="middle")
    page.text(48, (top + bottom) / 2, "images", align="middle", rotation=90)
    x = left
    page.rectangle(x, 131, 40, 28, fill="#c3cad4")
    page.text(x + 52, 145, "all", colour=SOFT)
    x += 52 + page.text_width("all") + 50
    for sex, amounts in bins.items():
        name, colour, dashes = _SEXES.get(sex, _SEXES[""])
        for start, end in _runs(amounts):
            xs = np.repeat(edges[start : end + 1], 2)
            steps = np.repeat(amounts[start:end], 2) * height
            ys = bottom - np.concatenate([[0.0], steps, [0.0]])
            page.line(xs, ys, colour=colour, width=5, dashes=dashes)
        page.line([x, x + 60], [145, 145], colour=colour, width=5, dashes=dashes)
        label = f"{name} ({int(amounts.sum()):,})"
        page.text(x + 72, 145, label, colour=SOFT)
        x += 72 + page.text_width(label) + 50
    page.line([left, right], [bottom, bottom], width=3)
    return page.png()


def _runs(amounts: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Return where stretches of bins with anything in them begin and end."""
    filled = np.concatenate([[False], amounts > 0, [False]]).astype(np.int8)
    changes = np.flatnonzero(np.diff(filled))
    return [(int(start), int(end)) for start, end in changes.reshape(-1, 2)]


# ---------------------------------------------------------------------------- windows

_FUNCTIONS = {"LINEAR": ("o", BLUE), "LINEAR_EXACT": ("s", GREEN), "SIGMOID": ("^", ORANGE)}


def draw_windows(windows: Sequence[WindowUse]) -> bytes | None:
    """Draw where the grey values come from, and the windows' centres and widths."""
    if not windows:
        return None
    sources = Counter(use.source for use in windows)
    # Percentiles are given as the window that they amount to.
    pairs = Counter(
        (
            use.centre,
            use.width,
            (use.function if use.source == "window" else use.source) or "LINEAR",
        )
        for use in windows
        if use.centre is not None and use.width is not None and use.width > 0
    )
    # Known sources in the order of the standard's pipeline, others as they are named.
    order = [s for s in SOURCES if sources[s]] + sorted(s for s in sources if s not in SOURCES)
    bars_end = _HEAD + _ROW * len(order)
    page = Page(bars_end + (1010 if pairs else 40), texts=order)
    page.text(_MARGIN, 44, "Where the grey values come from", size=TITLE)
    page.text(_MARGIN, 92, count(len(windows), "image"), size=SMALL, colour=SOFT)
    names = [SOURCES.get(source, source) for source in order]
    left = _MARGIN + max(page.text_width(name) for name in names) + 18
    largest = max(sources.values())
    room = WIDTH - _MARGIN - left - page.text_width(f"{largest:,} (100.0 %)") - 20
    for row, (source, name) in enumerate(zip(order, names, strict=True)):
        y = _HEAD + _ROW * row
        length = room * sources[source] / largest
        page.text(left - 14, y + _ROW / 2, name, align="right")
        page.rectangle(left, y + 9, length, _ROW - 18, fill=BLUE)
        share = sources[source] / len(windows)
        label = f"{sources[source]:,} ({share:.1%})".replace("%", " %")
        page.text(left + length + 14, y + _ROW / 2, label, colour=SOFT)
    page.line([left, left], [_HEAD, bars_end], width=3)
    if pairs:
        _draw_pairs(page, pairs, bars_end + 60)
    return page.png()


def _draw_pairs(page: Page, pairs: Mapping[tuple[float, float, str], int], top: float) -> None:
    """Draw centres and widths as markers whose area grows with the number of images."""
    page.text(_MARGIN, top + 20, "Windows", size=TITLE)
    page.text(
        _MARGIN, top + 68, "Larger markers: more images with this window",
        size=SMALL, colour=SOFT,
    )  # fmt: skip
    left, right, upper, lower = 190.0, WIDTH - _MARGIN, top + 150, top + 840
    centres = np.array([pair[0] for pair in pairs])
    widths = np.array([pair[1] for pair in pairs])
    amounts = np.array(list(pairs.values()), np.float64)
    across, ticks_x = _scale(centres, left, right)
    down, ticks_y = _scale(widths, lower, upper)
    for tick in ticks_x:
        x = float(across(np.array([tick]))[0])
        page.line([x, x], [upper, lower], colour=GRID)
        page.text(x, lower + 30, number(tick), size=SMALL, colour=SOFT, align="middle")
    for tick in ticks_y:
        y = float(down(np.array([tick]))[0])
        page.line([left, right], [y, y], colour=GRID)
        page.text(left - 14, y, number(tick), size=SMALL, colour=SOFT, align="right")
    page.rectangle(left, upper, right - left, lower - upper, edge=SOFT, line=2)
    page.text((left + right) / 2, lower + 78, "window centre", align="middle")
    page.text(48, (upper + lower) / 2, "window width", align="middle", rotation=90)
    radii = 9 * np.sqrt(amounts)
    radii = np.maximum(radii * min(1.0, 40 / float(radii.max())), 6.0)
    functions = np.array([pair[2] for pair in pairs])
    order = np.argsort(-amounts, kind="stable")  # small markers above large ones
    centres, widths, radii, functions = (a[order] for a in (centres, widths, radii, functions))
    amounts = amounts[order]
    x = left
    for function in sorted(set(functions.tolist())):
        marker, colour = _FUNCTIONS.get(function, ("D", PURPLE))
        chosen = functions == function
        page.markers(
            across(centres[chosen]), down(widths[chosen]), radii[chosen], fill=colour, marker=marker
        )
        page.markers(
            np.array([x + 14]), np.array([top + 112]), np.array([12.0]), fill=colour, marker=marker
        )
        label = f"{function} ({int(amounts[chosen].sum()):,})"
        page.text(x + 40, top + 112, label, colour=SOFT)
        x += 40 + page.text_width(label) + 50


def _scale(
    values: NDArray[np.float64], start: float, end: float
) -> tuple[Callable[[NDArray[np.float64]], NDArray[np.float64]], list[float]]:
    """Return a function from values to pixels between `start` and `end`, and ticks.

    Logarithmic where the values are positive and some are thirty times others.
    """
    low, high = float(values.min()), float(values.max())
    if low > 0 and high / low > 30:
        least, most = log10(low) - 0.1, log10(high) + 0.1
        powers = range(floor(least), floor(most) + 1)
        marks = [10.0**power * step for power in powers for step in (1, 2, 5)]
        marks = [mark for mark in marks if least <= log10(mark) <= most]

        def logarithmic(x: NDArray[np.float64]) -> NDArray[np.float64]:
            return start + (np.log10(x) - least) / (most - least) * (end - start)

        return logarithmic, marks
    margin = (high - low) * 0.08 or max(abs(high) * 0.1, 1.0)
    low, high = low - margin, high + margin

    def linear(x: NDArray[np.float64]) -> NDArray[np.float64]:
        return start + (x - low) / (high - low) * (end - start)

    return linear, ticks(low, high, 8)
