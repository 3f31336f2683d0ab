"""``report.html``: a run on one page, with curves, tables, ROC curves and boxes on images.

The page is one file that needs no network and no other file, and can be mailed and kept. Charts
are drawn as SVG here, not by a script: without one nothing is lost but the read-out of values,
sorting and filtering. What is written on the page is escaped, images lie in it as data, and a
content security policy lets no script run but the page's own and no connection open.

The report of training and that of evaluate-boxes are made of the same parts: a `ReportInput` has
sections, a section has blocks.
"""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cxrmine.evaluation.overlays import KINDS, Overlay
from cxrmine.offline_page import PageFolder
from cxrmine.tables import atomic_write_text

_PAGES = PageFolder(Path(__file__).with_name("templates"))

# The drawing's own units; the page scales it.
_WIDTH, _HEIGHT, _SQUARE = 640, 380, 460
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 16, 14, 48
#: Points of a series on the page at most: more are thinned, which no screen can show.
MOST_POINTS = 400
# Beyond this many cells a chart has no table of its values.
_MOST_CELLS = 600
# Colours of series on the page (report.css): s0 … s7, then again with dashes.
_COLOURS = 8

Cell = str | int | float | None


@dataclass(frozen=True, slots=True)
class Series:
    """A line of a chart.

    Parameters
    ----------
    name : str
        For the legend.
    x, y : sequence of float
        Of one length. Where a value is NaN the line has a gap.
    dashed : bool
        For what is not ours: controls, published figures.
    markers : bool
        Draw the points themselves too.
    line : bool
        Draw a line through the points; readers of an ROC curve are points alone.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    dashed: bool = False
    markers: bool = False
    line: bool = True


@dataclass(frozen=True, slots=True)
class Chart:
    """Lines over two axes.

    Parameters
    ----------
    title, x_label, y_label : str
    series : tuple of Series
    note : str
        Stands below.
    square : bool
        As wide as high.
    diagonal : bool
        Draw the line of chance from corner to corner.
    x_range, y_range : tuple of float, optional
        What the axes show; by default all points.
    """

    title: str
    x_label: str
    y_label: str
    series: tuple[Series, ...]
    note: str = ""
    square: bool = False
    diagonal: bool = False
    x_range: tuple[float, float] | None = None
    y_range: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """Rows and columns.

    Parameters
    ----------
    title : str
    header : tuple of str
    rows : sequence of sequence
        Texts and numbers; None is shown as a dash. Floats get four digits behind the point.
    note : str
        Stands below.
    sums : int
        How many of the last rows are totals: they stay below when the table is sorted.
    strong : frozenset of int
        Rows that stand out, by their number from 0.
    """

    title: str
    header: tuple[str, ...]
    rows: Sequence[Sequence[Cell]]
    note: str = ""
    sums: int = 0
    strong: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG with a description for those who cannot see it."""

    title: str
    png: bytes
    alt: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class OverlaySheet:
    """Images with true boxes, hits and false boxes."""

    title: str
    overlays: tuple[Overlay, ...]
    note: str = ""


Block = Chart | Table | Picture | OverlaySheet


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands below it."""

    title: str
    blocks: tuple[Block, ...]
    intro: str = ""


@dataclass(frozen=True, slots=True)
class ReportInput:
    """What a report tells.

    Parameters
    ----------
    title : str
    measured_on : str
        One sentence that says on what every number of the page was measured.
    facts : mapping of str to str, number or None
        Settings and counts, in their order: recipe, seed, images, versions.
    sections : tuple of Section
    warnings : tuple of str
        Sentences that a reader must not miss.
    """

    title: str
    measured_on: str
    facts: Mapping[str, Cell] = field(default_factory=dict)
    sections: tuple[Section, ...] = ()
    warnings: tuple[str, ...] = ()


def write_report(path: Path, report: ReportInput) -> None:
    """Write the page, in one step; the same input gives the same bytes.

    Parameters
    ----------
    path : Path
        The file; its folder must exist.
    report : ReportInput

    Raises
    ------
    ValueError
        If a chart's series, or a table's rows, do not fit together.
    """
    html = _PAGES.render(
        "report.html.j2",
        style="report.css",
        script="report.js",
        report=report,
        facts={name: _fact(value) for name, value in report.facts.items()},
        sections=[_section(number, one) for number, one in enumerate(report.sections, start=1)],
        kinds=KINDS,
    )
    atomic_write_text(path, html)


def roc_chart(
    title: str,
    curves: Iterable[tuple[str, ArrayLike, ArrayLike]],
    *,
    points: Iterable[tuple[str, ArrayLike, ArrayLike]] = (),
    note: str = "",
) -> Chart:
    """Return the chart of ROC curves, as ChestX-ray8's Fig. 5.

    Parameters
    ----------
    title : str
    curves : iterable of (str, array_like, array_like)
        Name (with its AUC), false positive rates and true positive rates, in [0, 1].
    points : iterable of (str, array_like, array_like)
        The same for readers, who are points and no curves.
    note : str
    """
    series = [
        Series(name, np.asarray(x, float).tolist(), np.asarray(y, float).tolist())
        for name, x, y in curves
    ]
    series += [
        Series(
            name,
            np.asarray(x, float).tolist(),
            np.asarray(y, float).tolist(),
            markers=True,
            line=False,
        )
        for name, x, y in points
    ]
    return Chart(
        title,
        "1 − specificity (false positive rate)",
        "sensitivity (true positive rate)",
        tuple(series),
        note=note,
        square=True,
        diagonal=True,
        x_range=(0.0, 1.0),
        y_range=(0.0, 1.0),
    )


def data_uri(kind: str, data: bytes) -> str:
    """Return bytes as a URI that can stand in a page; `kind` is ``png`` or ``jpeg``."""
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


# ---------------------------------------------------------------------------- for the template


def _section(number: int, section: Section) -> dict[str, Any]:
    return {
        "id": f"section-{number}",
        "title": section.title,
        "intro": section.intro,
        "blocks": [
            _block(f"block-{number}-{place}", block)
            for place, block in enumerate(section.blocks, start=1)
        ],
    }


def _block(identifier: str, block: Block) -> dict[str, Any]:
    if isinstance(block, Chart):
        return {"kind": "chart", "id": identifier, **_drawn(block)}
    if isinstance(block, Table):
        return {"kind": "table", "id": identifier, **_laid_out(block)}
    if isinstance(block, Picture):
        uri = data_uri("png", block.png)
        return {"kind": "picture", "id": identifier, "picture": block, "uri": uri}
    return {
        "kind": "overlays",
        "id": identifier,
        "sheet": block,
        "overlays": [_overlay(overlay) for overlay in block.overlays],
        "findings": sorted({overlay.finding for overlay in block.overlays}),
    }


def _laid_out(table: Table) -> dict[str, Any]:
    for row in table.rows:
        if len(row) != len(table.header):
            raise ValueError(
                f"{table.title}: a row has {len(row)} cells, the header {len(table.header)}"
            )
    cut = len(table.rows) - table.sums
    columns = list(zip(*table.rows, strict=True)) or [()] * len(table.header)
    words = [any(isinstance(c, str) and _sort_value(c) is None for c in col) for col in columns]
    shown = [
        {
            "strong": number in table.strong,
            "cells": [
                {"text": cell_text(cell), "number": _sort_value(cell), "words": words[place]}
                for place, cell in enumerate(row)
            ],
        }
        for number, row in enumerate(table.rows)
    ]
    header = [{"text": text, "words": words[at]} for at, text in enumerate(table.header)]
    return {"table": table, "header": header, "rows": shown[:cut], "sums": shown[cut:]}


def cell_text(cell: Cell) -> str:
    """Return a cell as it is shown.

    >>> [cell_text(cell) for cell in (None, 12345, 0.5, float("nan"), "T")]
    ['–', '12,345', '0.5000', '–', 'T']
    """
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return "–"
    if isinstance(cell, str):
        return cell
    if isinstance(cell, (bool, np.bool_)):
        return "yes" if cell else "no"
    if isinstance(cell, (int, np.integer)):
        return f"{cell:,}"
    return f"{cell:,.4f}" if abs(cell) < 1000 else f"{cell:,.1f}"


def _fact(value: Cell) -> str:
    """Return a setting with all its digits: a learning rate is no score."""
    return f"{value:.6g}" if isinstance(value, float) else cell_text(value)


def _sort_value(cell: Cell) -> float | None:
    """Return the number that a cell is sorted by, None for a text."""
    if isinstance(cell, str):
        # "0.81 [0.75, 0.86]" is a number with its interval.
        try:
            return float(cell.split()[0].replace(",", "").replace("−", "-").rstrip("%"))
        except (ValueError, IndexError):
            return None
    if cell is None or math.isnan(cell):
        return None
    return float(cell)


def _overlay(overlay: Overlay) -> dict[str, Any]:
    return {
        "overlay": overlay,
        "uri": None if overlay.pixels is None else data_uri("jpeg", _jpeg(overlay.pixels)),
        # Lines of one width on the screen whatever the image's size.
        "line": round(overlay.size / 160, 3),
        # True boxes lie below, hits on top.
        "boxes": sorted(overlay.boxes, key=lambda box: ("truth", "false", "hit").index(box.kind)),
    }


def _jpeg(pixels: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="JPEG", quality=82)
    return buffer.getvalue()


def _drawn(chart: Chart) -> dict[str, Any]:
    """Return a chart's geometry: everything that the template writes into the SVG."""
    width, height = (_SQUARE, _SQUARE) if chart.square else (_WIDTH, _HEIGHT)
    xs, ys = [], []
    for series in chart.series:
        if len(series.x) != len(series.y):
            raise ValueError(
                f"{chart.title}: {series.name} has {len(series.x)} x and {len(series.y)} y"
            )
        x, y = _thinned(series)
        xs.append(x)
        ys.append(y)
    x_low, x_high = chart.x_range or _range(xs)
    y_low, y_high = chart.y_range or _range(ys)
    across = (width - _LEFT - _RIGHT) / (x_high - x_low)
    down = (height - _TOP - _BOTTOM) / (y_high - y_low)

    def place(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.stack([_LEFT + (x - x_low) * across, _TOP + (y_high - y) * down], axis=1)

    drawn = []
    for number, (series, x, y) in enumerate(zip(chart.series, xs, ys, strict=True)):
        points = place(x, y)
        drawn.append(
            {
                "name": series.name,
                "colour": f"s{number % _COLOURS}",
                "dashed": series.dashed or number >= _COLOURS,
                "path": _path(points) if series.line else "",
                "marks": [
                    [round(float(px), 2), round(float(py), 2)]
                    for px, py in points
                    if (series.markers or len(points) == 1) and np.isfinite([px, py]).all()
                ],
                # What the script reads out beside the pointer.
                "x": " ".join(f"{value:.5g}" for value in x),
                "y": " ".join(f"{value:.5g}" for value in y),
                "px": " ".join(f"{value:.1f}" for value in points[:, 0]),
                "py": " ".join(f"{value:.1f}" for value in points[:, 1]),
            }
        )
    cells = sum(len(x) for x in xs)
    return {
        "chart": chart,
        "width": width,
        "height": height,
        "left": _LEFT,
        "right": width - _RIGHT,
        "top": _TOP,
        "bottom": height - _BOTTOM,
        "x_ticks": [
            (_tick(value), round(_LEFT + (value - x_low) * across, 2))
            for value in _ticks(x_low, x_high, 8)
        ],
        "y_ticks": [
            (_tick(value), round(_TOP + (y_high - value) * down, 2))
            for value in _ticks(y_low, y_high, 6)
        ],
        "series": drawn,
        "listed": _values(chart) if cells <= _MOST_CELLS else None,
    }


def _thinned(series: Series) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    x, y = np.asarray(series.x, np.float64), np.asarray(series.y, np.float64)
    if len(x) <= MOST_POINTS:
        return x, y
    # Evenly along the line rather than along its points: an ROC curve of 100,000 images has most
    # of them in one corner.
    steps = np.hypot(*(np.diff(v) / (np.ptp(v[np.isfinite(v)]) or 1.0) for v in (x, y)))
    way = np.concatenate([[0.0], np.cumsum(np.nan_to_num(steps))])
    if not way[-1] > 0:
        return x[[0, -1]], y[[0, -1]]
    at = np.searchsorted(way, np.linspace(0, way[-1], MOST_POINTS))
    kept = np.unique(np.concatenate([[0], np.minimum(at, len(x) - 1), [len(x) - 1]]))
    return x[kept], y[kept]


def _range(values: Sequence[NDArray[np.float64]]) -> tuple[float, float]:
    finite = [v[np.isfinite(v)] for v in values]
    whole = np.concatenate(finite) if finite else np.empty(0)
    if not len(whole):
        return 0.0, 1.0
    low, high = float(whole.min()), float(whole.max())
    if low == high:
        pad = abs(low) * 0.1 or 0.5
        return low - pad, high + pad
    room = 0.04 * (high - low)
    return low - room, high + room


def _path(points: NDArray[np.float64]) -> str:
    parts = []
    pen = "M"
    for x, y in points:
        if not (math.isfinite(x) and math.isfinite(y)):
            pen = "M"
            continue
        parts.append(f"{pen}{x:.2f} {y:.2f}")
        pen = "L"
    return "".join(parts)


def _ticks(low: float, high: float, most: int) -> list[float]:
    """Return round numbers within a range, at most about `most` of them."""
    step = 10.0 ** math.floor(math.log10((high - low) / most))
    for factor in (1, 2, 2.5, 5, 10):
        if (high - low) / (step * factor) <= most:
            step *= factor
            break
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


def _tick(value: float) -> str:
    return f"{value:,.6g}".replace("-", "−")


def _values(chart: Chart) -> dict[str, Any]:
    """Return the numbers of a chart as a table: x, then every series' y there."""
    xs = sorted({float(x) for series in chart.series for x in series.x})
    maps = [dict(zip(map(float, s.x), map(float, s.y), strict=True)) for s in chart.series]
    return {
        "header": [chart.x_label, *(series.name for series in chart.series)],
        "rows": [[_tick(x), *(cell_text(m.get(x)) for m in maps)] for x in xs],
    }
