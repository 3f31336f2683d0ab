"""ROC curves, a panel a finding (as ChestX-ray8's Figure 5), and reliability diagrams."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import log10

import numpy as np

from cxrmine.dataset.drawing import (
    BLUE,
    COLOURS,
    GRID,
    INK,
    SKY,
    SMALL,
    SOFT,
    TITLE,
    VERMILION,
    WIDTH,
    Page,
)
from cxrmine.evaluation.auc import Roc
from cxrmine.evaluation.classifier_scores import Classification, FindingScore
from cxrmine.evaluation.readers import ReaderPoint

#: Findings and models that are drawn at most; the tables have all.
MOST_FINDINGS = 40
MOST_MODELS = 14

_MARGIN = 50.0
_HEAD = 150.0
_COLUMNS = 4
_TINY = 19.0
_DASHES: tuple[float, ...] = (4.0, 2.0)


@dataclass(frozen=True)
class Model:
    """A model as it is drawn: its scores, its curves by finding, its readers."""

    name: str
    scores: Classification
    curves: Mapping[str, Roc]
    readers: Sequence[ReaderPoint] = ()


@dataclass(frozen=True)
class _Panel:
    """A square plot of [0, 1] × [0, 1]."""

    left: float
    top: float
    side: float

    def x(self, value: float) -> float:
        return self.left + value * self.side

    def y(self, value: float) -> float:
        return self.top + (1 - value) * self.side


def draw_roc(models: Sequence[Model], *, measured_on: str) -> bytes | None:
    """Draw the ROC curves of one or several models, with the readers as points.

    Parameters
    ----------
    models
        Ours first.
    measured_on
        The line below the title.

    Returns
    -------
    bytes or None
        A PNG, or None where no finding has a curve.
    """
    drawn = models[:MOST_MODELS]
    findings = [
        s.finding
        for s in models[0].scores.findings
        if any(s.finding in model.curves for model in drawn)
    ]
    readers = [p for p in models[0].readers if p.position is not None]

    def panel(page: Page, place: _Panel, finding: str) -> None:
        page.line([place.x(0), place.x(1)], [place.y(0), place.y(1)], colour=GRID, width=3)
        # Ours last, on top of the others.
        for k, model in reversed(list(enumerate(drawn))):
            curve = model.curves.get(finding)
            if curve is not None:
                page.line(
                    place.left + curve.fpr * place.side,
                    place.top + (1 - curve.tpr) * place.side,
                    colour=COLOURS[k % len(COLOURS)],
                    width=4 if k == 0 else 2.5,
                    dashes=_DASHES if k >= len(COLOURS) else (),
                )
        points = [p for p in readers if p.finding == finding]
        if points:
            _markers(
                page, place,
                [1 - (p.specificity.value or 0.0) for p in points],
                [p.sensitivity.value or 0.0 for p in points],
                INK, "^",
            )  # fmt: skip
        elif len(drawn) == 1 and (point := models[0].scores.of(finding).youden) is not None:
            _markers(
                page, place,
                [1 - (point.specificity.value or 0.0)], [point.sensitivity.value or 0.0],
                VERMILION, "o",
            )  # fmt: skip
        said = _auc_lines(drawn, finding)
        y = place.y(0) - 20 - 24 * (len(said) - 1)
        for text, colour in said:
            page.text(place.x(1) - 10, y, text, size=_TINY, colour=colour, align="right")
            y += 24

    def legend(page: Page, y: float) -> float:
        x = _MARGIN
        for k, model in enumerate(drawn):
            mean = model.scores.mean_auc.value
            text = model.name + (f" (mean AUC {mean:.3f})" if mean is not None else "")
            text = page.shortened(text, WIDTH - 2 * _MARGIN - 90, SMALL)
            if x > _MARGIN and x + 70 + page.text_width(text, SMALL) > WIDTH - _MARGIN:
                x, y = _MARGIN, y + 40
            page.line(
                [x, x + 50], [y, y], colour=COLOURS[k % len(COLOURS)], width=5,
                dashes=_DASHES if k >= len(COLOURS) else (),
            )  # fmt: skip
            page.text(x + 62, y, text, size=SMALL)
            x += 62 + page.text_width(text, SMALL) + 50
        y += 40
        x = _MARGIN
        if readers:
            text = f"readers ({len({p.reader for p in readers})})"
            x = _point_legend(page, x, y, text, INK, "^")
        elif len(drawn) == 1:
            x = _point_legend(page, x, y, "Youden's point", VERMILION, "o")
        if len(models) > len(drawn):
            text = f"the first {len(drawn)} of {len(models)} models"
            page.text(x, y, text, size=SMALL, colour=SOFT)
        return y

    rows_of_legend = -(-len(drawn) // 3) + 2
    return _draw(
        "ROC curves", measured_on, findings, panel, legend,
        axes=("1 − specificity", "sensitivity"),
        below=60.0 + 40 * rows_of_legend,
        texts=[*findings, *(m.name for m in drawn)],
    )  # fmt: skip


def _point_legend(page: Page, x: float, y: float, text: str, fill: str, marker: str) -> float:
    page.markers(np.array([x + 12]), np.array([y]), np.array([8.0]), fill=fill, marker=marker)
    page.text(x + 30, y, text, size=SMALL, colour=SOFT)
    return x + 30 + page.text_width(text, SMALL) + 50


def _auc_lines(models: Sequence[Model], finding: str) -> list[tuple[str, str]]:
    """Return what a panel says of the areas, with the colour of each line."""
    said = []
    # With more models than colours, only ours: nobody could tell whose the numbers are.
    for k, model in enumerate(models if len(models) <= len(COLOURS) else models[:1]):
        if finding not in model.curves:
            continue
        area = model.scores.of(finding).auc
        if area.value is None:
            continue
        text = f"{area.value:.3f}"
        if area.low is not None and area.high is not None and (k == 0 or len(models) <= 3):
            text += f" [{area.low:.3f}, {area.high:.3f}]"
        said.append((text, COLOURS[k % len(COLOURS)]))
    return said


def draw_calibration(model: Model, *, measured_on: str) -> bytes | None:
    """Draw a model's reliability diagrams; None where no score is a probability."""
    scores = {s.finding: s for s in model.scores.findings if s.calibration is not None and s.n > 0}

    def panel(page: Page, place: _Panel, finding: str) -> None:
        calibrated = scores[finding].calibration
        assert calibrated is not None
        most = max(b.n for b in calibrated.bins)
        for b in calibrated.bins:
            if b.n:
                # How many images a bin holds, on a logarithmic scale: the first has nearly all.
                height = 0.18 * place.side * log10(1 + b.n) / log10(1 + most)
                page.rectangle(
                    place.x(b.low) + 3, place.y(0) - height, place.side * (b.high - b.low) - 6,
                    height, fill=GRID,
                )  # fmt: skip
        page.line([place.x(0), place.x(1)], [place.y(0), place.y(1)], colour=SOFT, dashes=(4, 3))
        filled = [b for b in calibrated.bins if b.mean_score is not None]
        for b in filled:
            if b.positives.low is not None and b.positives.high is not None:
                x = place.x(b.mean_score or 0.0)
                page.line(
                    [x, x], [place.y(b.positives.low), place.y(b.positives.high)],
                    colour=SKY, width=4,
                )  # fmt: skip
        xs = [b.mean_score or 0.0 for b in filled]
        ys = [b.positives.value or 0.0 for b in filled]
        page.line([place.x(x) for x in xs], [place.y(y) for y in ys], colour=BLUE, width=3)
        _markers(page, place, xs, ys, BLUE, "o")
        page.text(
            place.x(0.5), place.y(0) + 74, _calibration_line(scores[finding]), size=_TINY,
            align="middle",
        )  # fmt: skip

    def legend(page: Page, y: float) -> float:
        text = "dots: share of images with the finding, by score; lines: 95 %; bars: images (log)"
        page.text(_MARGIN, y, text, size=SMALL, colour=SOFT)
        return y

    return _draw(
        "Calibration", measured_on, list(scores), panel, legend,
        axes=("score", "share with the finding"), below=110.0, texts=list(scores),
    )  # fmt: skip


def _calibration_line(score: FindingScore) -> str:
    c = score.calibration
    assert c is not None
    said = f"Brier {c.brier.value:.4f}, ECE {c.ece:.3f}"
    return said if c.slope.value is None else f"{said}, slope {c.slope.value:.2f}"


def _markers(
    page: Page,
    place: _Panel,
    xs: Sequence[float],
    ys: Sequence[float],
    fill: str,
    marker: str,
) -> None:
    page.markers(
        np.array([place.x(x) for x in xs]),
        np.array([place.y(y) for y in ys]),
        np.full(len(xs), 8.0),
        fill=fill,
        marker=marker,
    )


def _draw(
    title: str,
    measured_on: str,
    findings: Sequence[str],
    panel: Callable[[Page, _Panel, str], None],
    legend: Callable[[Page, float], float],
    *,
    axes: tuple[str, str],
    below: float,
    texts: Sequence[str],
) -> bytes | None:
    """Draw a grid of panels under a title."""
    shown = findings[:MOST_FINDINGS]
    if not shown:
        return None
    columns = min(_COLUMNS, len(shown))
    rows = -(-len(shown) // columns)
    cell = (WIDTH - 2 * _MARGIN) / _COLUMNS
    side = cell - 90
    tall = side + 150
    page = Page(_HEAD + rows * tall + below, texts=[title, measured_on, *texts])
    page.text(_MARGIN, 44, title, size=TITLE)
    more = (
        f" (the first {len(shown)} of {len(findings)} findings)"
        if len(shown) < len(findings)
        else ""
    )
    line = page.shortened(measured_on + more, WIDTH - 2 * _MARGIN, SMALL)
    page.text(_MARGIN, 92, line, size=SMALL, colour=SOFT)
    for k, finding in enumerate(shown):
        left = _MARGIN + (k % columns) * cell + 70
        place = _Panel(left, _HEAD + (k // columns) * tall + 30, side)
        page.text(
            place.x(0.5), place.top - 24, page.shortened(finding, side, SMALL), size=SMALL,
            align="middle",
        )  # fmt: skip
        for value in (0.0, 0.25, 0.5, 0.75, 1.0):
            x, y = place.x(value), place.y(value)
            page.line([x, x], [place.y(0), place.y(1)], colour=GRID, width=1.5)
            page.line([place.x(0), place.x(1)], [y, y], colour=GRID, width=1.5)
            if value in (0.0, 0.5, 1.0):
                page.text(x, place.y(0) + 18, f"{value:g}", size=_TINY, colour=SOFT, align="middle")
                page.text(place.x(0) - 10, y, f"{value:g}", size=_TINY, colour=SOFT, align="right")
        panel(page, place, finding)
        page.rectangle(place.left, place.top, side, side, edge=SOFT, line=2)
        page.text(place.x(0.5), place.y(0) + 44, axes[0], size=_TINY, colour=SOFT, align="middle")
        page.text(
            place.x(0) - 56, place.y(0.5), axes[1], size=_TINY, colour=SOFT, align="middle",
            rotation=90,
        )  # fmt: skip
    legend(page, _HEAD + rows * tall + 40)
    return page.png()
