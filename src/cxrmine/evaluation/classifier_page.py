"""``report.html`` of an evaluation: its tables, ROC curves and reliability diagrams on one page."""

from __future__ import annotations

from collections.abc import Sequence

from cxrmine.evaluation.classifier_figures import MOST_FINDINGS, MOST_MODELS, Model
from cxrmine.evaluation.classifier_scores import FindingScore
from cxrmine.evaluation.label_report import ScreenTable
from cxrmine.evaluation.training_report import (
    Block,
    Cell,
    Chart,
    ReportInput,
    Section,
    Series,
    Table,
    roc_chart,
)


def classifier_page(
    models: Sequence[Model],
    tables: Sequence[ScreenTable],
    *,
    measured_on: str,
    facts: dict[str, Cell],
    notes: Sequence[str],
    warnings: Sequence[str],
) -> ReportInput:
    """Return the page.

    Parameters
    ----------
    models
        As they are drawn, ours first.
    tables
        What stands on the screen, the first one ours with the mean as its last row.
    measured_on
        What all of it was measured on.
    facts, notes, warnings
        Settings and counts; how it was measured; what a reader must not miss.
    """
    drawn = models[:MOST_MODELS]
    ours = models[0]
    findings = [
        s.finding for s in ours.scores.findings if any(s.finding in m.curves for m in drawn)
    ][:MOST_FINDINGS]
    sections = [
        Section(
            "Scores",
            tuple(_table(table, sums=int(k == 0)) for k, table in enumerate(tables)),
            " ".join(notes),
        )
    ]
    if findings:
        sections.append(Section("ROC curves", tuple(_roc(drawn, finding) for finding in findings)))
    calibrated: list[Block] = [
        _reliability(score)
        for score in ours.scores.findings[:MOST_FINDINGS]
        if score.calibration is not None and score.n
    ]
    if calibrated:
        sections.append(
            Section(
                "Calibration",
                tuple(calibrated),
                "The share of images with the finding by score, in ten bins of equal width, with "
                "its 95 % interval; on the diagonal, a score of 0.3 means three in ten.",
            )
        )
    return ReportInput(
        f"Evaluation of {ours.name}",
        f"Measured on {measured_on}.",
        facts,
        tuple(sections),
        tuple(warnings),
    )


def _table(table: ScreenTable, *, sums: int) -> Table:
    # The screen leaves the first heading blank; only ours has findings as rows, and sums.
    header = ("finding" if sums else "model", *table.header[1:])
    return Table(table.title, header, table.rows, sums=sums)


def _roc(models: Sequence[Model], finding: str) -> Chart:
    curves = []
    for model in models:
        if finding in model.curves:
            area = model.scores.of(finding).auc.value
            curve = model.curves[finding]
            curves.append((f"{model.name}, AUC {area:.3f}", curve.fpr, curve.tpr))
    points = [
        (p.reader, [1 - p.specificity.value], [p.sensitivity.value])
        for p in models[0].readers
        if p.finding == finding
        and p.specificity.value is not None
        and p.sensitivity.value is not None
    ]
    placed = [p.position for p in models[0].readers if p.finding == finding and p.position]
    note = (
        f"{placed.count('below')} of {len(placed)} readers lie below the curve of "
        f"{models[0].name}, {placed.count('on')} on it."
        if placed
        else ""
    )
    return roc_chart(finding, curves, points=points, note=note)


def _reliability(score: FindingScore) -> Chart:
    c = score.calibration
    assert c is not None
    bins = [b for b in c.bins if b.mean_score is not None]
    x = [b.mean_score or 0.0 for b in bins]
    nan = float("nan")

    def bound(values: Sequence[float | None]) -> list[float]:
        return [nan if value is None else value for value in values]

    said = f"Brier {c.brier.value:.4f}, expected calibration error {c.ece:.3f}"
    if c.slope.value is not None and c.slope.low is not None and c.slope.high is not None:
        said += f", slope {c.slope.value:.2f} [{c.slope.low:.2f}, {c.slope.high:.2f}]"
    return Chart(
        score.finding,
        "score",
        "share with the finding",
        (
            Series("share", x, bound([b.positives.value for b in bins]), markers=True),
            Series("95 % from", x, bound([b.positives.low for b in bins]), dashed=True),
            Series("95 % to", x, bound([b.positives.high for b in bins]), dashed=True),
        ),
        note=f"{said}; {score.n:,} images, {score.positives:,} with the finding.",
        square=True,
        diagonal=True,
        x_range=(0.0, 1.0),
        y_range=(0.0, 1.0),
    )
