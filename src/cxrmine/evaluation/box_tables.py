"""The box scores as people read them: ``boxes.csv``, the paper's Table 4, the report's sections."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cxrmine.evaluation.box_controls import GRID, Controls
from cxrmine.evaluation.box_scores import MEAN, POOLED, THRESHOLDS, BoxScore, BoxTask
from cxrmine.evaluation.intervals import Estimate
from cxrmine.evaluation.label_report import ScreenTable
from cxrmine.evaluation.overlays import HIT_IOBB, Overlay
from cxrmine.evaluation.pointing import PointingScore
from cxrmine.evaluation.published_boxes import (
    PUBLISHED_BOXES,
    PUBLISHED_IMAGES,
    published_boxes,
)
from cxrmine.evaluation.training_report import Cell, Chart, OverlaySheet, Section, Series, Table

BOX_COLUMNS = (
    "measure",
    "threshold",
    "finding",
    "n",
    "accuracy",
    "afp",
    "accuracy_low",
    "accuracy_high",
    "afp_low",
    "afp_high",
    "hits",
    "predicted",
    "false_boxes",
    "images",
    "afp_per_box",
    "random_accuracy",
    "random_accuracy_low",
    "random_accuracy_high",
    "random_afp",
    "random_same_accuracy",
    "random_same_afp",
    "centre_accuracy",
    "centre_afp",
    "published_accuracy",
    "published_afp_per_box",
    "published_in",
    "measured_on",
)
POINTING_COLUMNS = (
    "finding",
    "n",
    "hits",
    "accuracy",
    "accuracy_low",
    "accuracy_high",
    "chance",
    "centre",
    "measured_on",
)

OURS, RANDOM, CENTRE, PUBLISHED = "ours", "random map", "centre box", "ChestX-ray8"
SAME = "random map, as many boxes"

DEFINITIONS = (
    "Accuracy: the share of the finding's true boxes that a predicted box of the finding on the "
    "same image overlaps by more than T. AFP: predicted boxes of the finding that overlap none of "
    "its true boxes by more than T, per stated image, whatever the image's labels say (Wang et al. "
    "2017, section 4, Disease Localization). IoBB is the intersection over the area of the "
    "predicted box."
)
PUBLISHED_NOTE = (
    f"ChestX-ray8: ResNet-50 on the paper's {sum(PUBLISHED_BOXES.values())} boxes. Its AFP is per "
    f"true box, not per image: every printed figure is a whole number of boxes divided by "
    f"{sum(PUBLISHED_BOXES.values())}, none but by chance of its {PUBLISHED_IMAGES} images. "
    "afp_per_box in boxes.csv is counted the same way."
)


def box_rows(
    scores: Sequence[BoxScore], controls: Controls, *, images: int, measured_on: str
) -> Iterator[list[object]]:
    """Yield the rows of ``boxes.csv``, in `BOX_COLUMNS`."""
    for row in scores:
        key = (row.measure, row.threshold, row.finding)
        random, centre = controls.random.get(key), controls.centre.get(key)
        printed = published_boxes().get(key)
        numbers: list[float | None] = [
            row.accuracy.value,
            row.afp.value,
            row.accuracy.low,
            row.accuracy.high,
            row.afp.low,
            row.afp.high,
        ]
        beside: list[float | None] = [row.afp_per_box]
        beside += (
            [random.accuracy, random.accuracy_low, random.accuracy_high, random.afp]
            if random
            else [None] * 4
        )
        same = controls.random_same.get(key)
        beside += [same.accuracy, same.afp] if same else [None] * 2
        beside += [centre.accuracy.value, centre.afp.value] if centre else [None] * 2
        yield [
            row.measure,
            row.threshold,
            row.finding,
            row.boxes,
            *map(_rounded, numbers),
            row.hits,
            row.predicted,
            row.false_boxes,
            images,
            *map(_rounded, beside),
            printed.accuracy if printed else None,
            printed.afp if printed else None,
            printed.paper if printed else None,
            measured_on,
        ]


def pointing_rows(scores: Sequence[PointingScore], *, measured_on: str) -> Iterator[list[object]]:
    """Yield the rows of ``pointing.csv``, in `POINTING_COLUMNS`."""
    for row in scores:
        numbers = (row.accuracy.value, row.accuracy.low, row.accuracy.high, row.chance, row.centre)
        yield [row.finding, row.pairs, row.hits, *map(_rounded, numbers), measured_on]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


# ---------------------------------------------------------------------------- Table 4


def table4_columns(task: BoxTask) -> tuple[str, ...]:
    """Return the header of ``table4.csv``."""
    return ("measure", "threshold", "metric", "of", *task.findings, MEAN)


def table4_rows(
    task: BoxTask, scores: Sequence[BoxScore], controls: Controls
) -> Iterator[tuple[Cell, ...]]:
    """Yield the rows of ``table4.csv``: findings side by side, as in the paper's Table 4.

    For each measure and threshold accuracy and AFP, ours first, then the controls' and the
    paper's (whose AFP is per box: `PUBLISHED_NOTE`).
    """
    by_key = {(row.measure, row.threshold, row.finding): row for row in scores}
    printed = published_boxes()
    names = (*task.findings, MEAN)
    for measure, thresholds in THRESHOLDS.items():
        for threshold in thresholds:
            keys = [(measure, threshold, name) for name in names]
            ours = [by_key[key] for key in keys]
            random = [controls.random.get(key) for key in keys]
            same = [controls.random_same.get(key) for key in keys]
            centre = [controls.centre.get(key) for key in keys]
            paper = [printed.get(key) for key in keys]
            acc = (measure, threshold, "Acc.")
            yield (*acc, OURS, *(_rounded(r.accuracy.value) for r in ours))
            yield (*acc, RANDOM, *(_rounded(r.accuracy) if r else None for r in random))
            yield (*acc, SAME, *(_rounded(r.accuracy) if r else None for r in same))
            yield (*acc, CENTRE, *(_rounded(r.accuracy.value) if r else None for r in centre))
            if any(paper):
                yield (*acc, PUBLISHED, *(p.accuracy if p else None for p in paper))
            afp = (measure, threshold, "AFP")
            yield (*afp, OURS, *(_rounded(r.afp.value) for r in ours))
            if any(paper):
                per_box = f"{OURS}, per box"
                yield (*afp, per_box, *(_rounded(r.afp_per_box) for r in ours))
            yield (*afp, RANDOM, *(_rounded(r.afp) if r else None for r in random))
            yield (*afp, SAME, *(_rounded(r.afp) if r else None for r in same))
            yield (*afp, CENTRE, *(_rounded(r.afp.value) if r else None for r in centre))
            if any(paper):
                yield (*afp, f"{PUBLISHED}, per box", *(p.afp if p else None for p in paper))


# ---------------------------------------------------------------------------- on the screen


def screen_tables(
    task: BoxTask,
    scores: Sequence[BoxScore],
    controls: Controls,
    pointing: Sequence[PointingScore],
) -> list[ScreenTable]:
    """Return what the command prints: accuracy at the middle thresholds, and the pointing game."""
    by_key = {(row.measure, row.threshold, row.finding): row for row in scores}
    printed = published_boxes()
    tables = []
    for measure, threshold in (("IoBB", 0.5), ("IoU", 0.3)):
        rows = []
        for name in (*task.findings, POOLED, MEAN):
            key = (measure, threshold, name)
            row, random, centre = by_key[key], controls.random.get(key), controls.centre.get(key)
            same, paper = controls.random_same.get(key), printed.get(key)
            rows.append(
                (
                    name,
                    f"{row.boxes:,}",
                    with_interval(row.accuracy),
                    _three(random.accuracy if random else None),
                    _three(same.accuracy if same else None),
                    _three(centre.accuracy.value if centre else None),
                    _three(paper.accuracy if paper else None),
                    with_interval(row.afp, digits=2),
                    _two(random.afp if random else None),
                    _two(row.afp_per_box),
                    _two(paper.afp if paper else None),
                )
            )
        header = (
            "",
            "boxes",
            "accuracy",
            RANDOM,
            "as many",
            CENTRE,
            PUBLISHED,
            "AFP",
            RANDOM,
            "per box",
            PUBLISHED,
        )
        title = f"T({measure}) {threshold} [95 % interval]"
        tables.append(ScreenTable(title, header, tuple(rows), frozenset({len(task.findings)})))
    points = tuple(
        (
            row.finding,
            f"{row.pairs:,}",
            f"{row.hits:,}",
            with_interval(row.accuracy),
            _three(row.chance),
            _three(row.centre),
        )
        for row in pointing
    )
    named = ("", "pairs", "hits", "accuracy", "anywhere", "centre")
    tables.append(
        ScreenTable("Pointing game [95 % interval]", named, points, frozenset({len(points) - 2}))
    )
    return tables


def with_interval(score: Estimate, digits: int = 3) -> str:
    """Return ``0.512 [0.431, 0.592]``, "-" where there is no value."""
    if score.value is None:
        return "-"
    if score.low is None or score.high is None:
        return f"{score.value:.{digits}f}"
    return f"{score.value:.{digits}f} [{score.low:.{digits}f}, {score.high:.{digits}f}]"


def _three(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _two(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


# ---------------------------------------------------------------------------- in the report


def box_sections(
    task: BoxTask,
    scores: Sequence[BoxScore],
    controls: Controls,
    pointing: Sequence[PointingScore],
    overlays: Sequence[Overlay] = (),
    *,
    intro: str = "",
) -> tuple[Section, ...]:
    """Return the sections of a report on boxes.

    Parameters
    ----------
    task, scores, controls, pointing
        What was measured.
    overlays
        Images to show.
    intro : str
        On what it was measured; the definitions follow by themselves.
    """
    sections = [
        Section(
            "Boxes",
            (*(_threshold_chart(measure, scores, controls) for measure in THRESHOLDS),),
            f"{intro} {DEFINITIONS}".strip(),
        ),
        Section(
            "Localization accuracy by finding",
            tuple(t for measure in THRESHOLDS for t in _table4(measure, task, scores, controls)),
            f"Laid out as the paper's Table 4. Random map: {GRID} × {GRID} random values in place "
            "of the heat map, for each image and finding with a predicted box; the mean of its "
            "repetitions, with all boxes that it gives, and with as many as were predicted. It "
            "gives many boxes, and many tries hit: see its false boxes. Centre box: one box of "
            "the finding's usual size in the middle of the image.",
        ),
        Section("Pointing game", (_pointing_table(pointing),)),
    ]
    if overlays:
        sheet = OverlaySheet(
            "True boxes, hits and false positives",
            tuple(overlays),
            f"A hit has an IoBB above {HIT_IOBB} with a true box of the finding. Images are chosen "
            "by a hash of their names, the findings in turn, none by its looks.",
        )
        sections.append(Section("Boxes on images", (sheet,)))
    return tuple(sections)


def _threshold_chart(measure: str, scores: Sequence[BoxScore], controls: Controls) -> Chart:
    thresholds = THRESHOLDS[measure]
    own = {row.threshold: row for row in scores if (row.measure, row.finding) == (measure, MEAN)}
    findings = {row.finding for row in scores} - {POOLED, MEAN}
    keys = [(measure, threshold, MEAN) for threshold in thresholds]
    same = [
        controls.random_same[key].accuracy if key in controls.random_same else None for key in keys
    ]
    random = [controls.random[key].accuracy if key in controls.random else None for key in keys]
    centre = [
        controls.centre[key].accuracy.value if key in controls.centre else None for key in keys
    ]
    series = [
        _series(OURS, thresholds, [own[t].accuracy.value for t in thresholds]),
        _series(RANDOM, thresholds, random, dashed=True),
        _series(SAME, thresholds, same, dashed=True),
        _series(CENTRE, thresholds, centre, dashed=True),
    ]
    note = "Mean over the findings."
    if findings == PUBLISHED_BOXES.keys():
        printed = published_boxes()
        paper: list[float | None] = [
            sum(printed[(measure, t, f)].accuracy for f in findings) / len(findings)
            if all((measure, t, f) in printed for f in findings)
            else None
            for t in thresholds
        ]
        series.append(_series(PUBLISHED, thresholds, paper, dashed=True))
        note += " ChestX-ray8: our mean of its printed figures."
    return Chart(
        f"Accuracy over T({measure})",
        f"T({measure})",
        "accuracy",
        tuple(series),
        note=note,
        x_range=(0.0, 1.0),
        y_range=(0.0, 1.0),
    )


def _series(
    name: str, xs: Sequence[float], ys: Sequence[float | None], *, dashed: bool = False
) -> Series:
    return Series(
        name,
        tuple(xs),
        tuple(float("nan") if y is None else y for y in ys),
        dashed=dashed,
        markers=True,
    )


def _table4(
    measure: str, task: BoxTask, scores: Sequence[BoxScore], controls: Controls
) -> tuple[Table, Table]:
    """Return accuracy and AFP, which ``table4.csv`` has one below the other."""
    own = [row for row in table4_rows(task, scores, controls) if row[0] == measure]
    header = (f"T({measure})", "of", *task.findings, MEAN)
    tables = []
    for metric, title, left_out in (
        ("Acc.", "localization accuracy", ()),
        ("AFP", "average false positives", (SAME, CENTRE)),
    ):
        rows = [(row[1], *row[3:]) for row in own if row[2] == metric and row[3] not in left_out]
        tables.append(
            Table(
                f"{measure}: {title}",
                header,
                [(f"{row[0]:g}", *row[1:]) for row in rows],
                note=PUBLISHED_NOTE
                if metric == "AFP" and PUBLISHED_BOXES.keys() & set(task.findings)
                else "",
                strong=frozenset(at for at, row in enumerate(rows) if row[1] == OURS),
            )
        )
    return tables[0], tables[1]


def _pointing_table(pointing: Sequence[PointingScore]) -> Table:
    return Table(
        "Pointing game",
        ("finding", "pairs", "hits", "accuracy [95 %]", "anywhere", "image centre"),
        tuple(
            (r.finding, r.pairs, r.hits, with_interval(r.accuracy), r.chance, r.centre)
            for r in pointing
        ),
        note="One point for each image and finding with a true box; a hit lies in such a box "
        "(Zhang et al. 2016, section 4.1). Anywhere: the share of the image that the boxes cover.",
        sums=2,
    )
