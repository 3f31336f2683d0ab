"""What `evaluate-classifier` says: the rows of its tables, and the same on the screen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cxrmine.evaluation.auc import Difference, Roc
from cxrmine.evaluation.classifier_scores import Classification, FindingScore
from cxrmine.evaluation.findings import key
from cxrmine.evaluation.intervals import Estimate
from cxrmine.evaluation.label_report import ScreenTable
from cxrmine.evaluation.published_aucs import MEAN, PublishedAuc
from cxrmine.evaluation.readers import ReaderPoint

OURS = "ours"


def _with_bounds(*names: str) -> tuple[str, ...]:
    return tuple(f"{name}{end}" for name in names for end in ("", "_low", "_high"))


METRIC_COLUMNS = (
    "finding",
    "n",
    "positives",
    *_with_bounds("auc", "ap"),
    "threshold",
    *_with_bounds("sensitivity", "specificity", "brier"),
    "ece",
    *_with_bounds("calibration_intercept", "calibration_slope"),
    "readers",
    "readers_below",
    "interval",
    "measured_on",
    "note",
)
MODEL_COLUMNS = ("model", *METRIC_COLUMNS)
COMPARISON_COLUMNS = (
    "model",
    "finding",
    "n",
    "positives",
    "auc",
    "model_auc",
    *_with_bounds("difference"),
    "p",
    "interval",
)
CORRELATION_COLUMNS = ("finding", "first", "second", "n", *_with_bounds("spearman"))
READER_COLUMNS = (
    "model",
    "reader",
    "finding",
    "n",
    "positives",
    *_with_bounds("sensitivity", "specificity"),
    "model_sensitivity",
    "position",
)
CALIBRATION_COLUMNS = (
    "finding",
    "low",
    "high",
    "n",
    "mean_score",
    *_with_bounds("positives_share"),
)
ROC_COLUMNS = ("model", "finding", "fpr", "tpr", "threshold")
PUBLISHED_COLUMNS = ("method", "finding", "auc", "ours", "measured_on", "source")


@dataclass(frozen=True)
class Comparison:
    """Another model beside ours on the images that both scored; `finding` may be ``mean``."""

    model: str
    finding: str
    n: int
    positives: int | None
    ours: float | None
    theirs: float | None
    difference: Difference
    interval: str


@dataclass(frozen=True)
class Correlation:
    """The rank correlation of two models' scores; `finding` may be ``mean``."""

    finding: str
    first: str
    second: str
    n: int
    rho: Estimate


def _number(value: float | None) -> float | None:
    """Round to more digits than matter, so that two machines write the same."""
    return None if value is None else round(value, 8)


def _three(score: Estimate | Difference | None) -> list[float | None]:
    if score is None:
        return [None, None, None]
    return [_number(score.value), _number(score.low), _number(score.high)]


def below(points: Iterable[ReaderPoint], finding: str) -> tuple[int, int]:
    """Return how many readers of a finding have a position, and how many lie below the curve."""
    placed = [p for p in points if p.finding == finding and p.position is not None]
    return len(placed), sum(p.position == "below" for p in placed)


def metric_rows(
    scores: Classification, points: Sequence[ReaderPoint], *, measured_on: str
) -> Iterable[list[object]]:
    """Yield the rows of ``metrics.csv``; the last one is the mean.

    Parameters
    ----------
    scores
        A model's scores.
    points
        The readers beside that model.
    measured_on
        What it was measured on.
    """
    readers = {score.finding: below(points, score.finding) for score in scores.findings}
    for score in scores.findings:
        yield [
            score.finding,
            score.n,
            score.positives,
            *_three(score.auc),
            *_three(score.average_precision),
            *_point(score),
            *_calibration(score),
            *(readers[score.finding] if points else (None, None)),
            scores.interval if score.auc.low is not None else None,
            measured_on,
            "",
        ]
    placed = [readers[name] for name in scores.in_mean if readers[name][0]]
    yield [
        MEAN,
        scores.images,
        None,
        *_three(scores.mean_auc),
        *_three(scores.mean_average_precision),
        *[None] * (METRIC_COLUMNS.index("readers") - METRIC_COLUMNS.index("threshold")),
        _number(sum(n for n, _ in placed) / len(placed)) if placed else None,
        _number(sum(n for _, n in placed) / len(placed)) if placed else None,
        scores.interval if scores.mean_auc.low is not None else None,
        measured_on,
        mean_note(scores),
    ]


def mean_note(scores: Classification) -> str:
    """Say what a mean is over, and what is left out."""
    out = [score.finding for score in scores.findings if score.finding not in scores.in_mean]
    said = f"mean of {len(scores.in_mean)} findings"
    return f"{said}, without {', '.join(out)}" if out else said


def _point(score: FindingScore) -> list[object]:
    if score.youden is None:
        return [None] * 7
    point = score.youden
    # All digits of the threshold: whoever uses it gets the same images.
    return [point.threshold, *_three(point.sensitivity), *_three(point.specificity)]


def _calibration(score: FindingScore) -> list[object]:
    if score.calibration is None:
        return [None] * 10
    c = score.calibration
    return [*_three(c.brier), _number(c.ece), *_three(c.intercept), *_three(c.slope)]


def comparison_rows(rows: Iterable[Comparison]) -> Iterable[list[object]]:
    """Yield the rows of ``comparison.csv``."""
    for row in rows:
        yield [
            row.model,
            row.finding,
            row.n,
            row.positives,
            _number(row.ours),
            _number(row.theirs),
            *_three(row.difference),
            None if row.difference.p is None else float(f"{row.difference.p:.6g}"),
            row.interval,
        ]


def correlation_rows(rows: Iterable[Correlation]) -> Iterable[list[object]]:
    """Yield the rows of ``rank_correlation.csv``."""
    for row in rows:
        yield [row.finding, row.first, row.second, row.n, *_three(row.rho)]


def reader_rows(points: Iterable[ReaderPoint]) -> Iterable[list[object]]:
    """Yield the rows of ``readers.csv``."""
    for p in points:
        yield [
            p.model,
            p.reader,
            p.finding,
            p.n,
            p.positives,
            *_three(p.sensitivity),
            *_three(p.specificity),
            _number(p.curve_sensitivity),
            p.position or "",
        ]


def calibration_rows(scores: Classification) -> Iterable[list[object]]:
    """Yield the rows of ``calibration.csv``: the bins of the reliability diagrams."""
    for score in scores.findings:
        for b in score.calibration.bins if score.calibration is not None else ():
            yield [score.finding, b.low, b.high, b.n, _number(b.mean_score), *_three(b.positives)]


def roc_rows(curves: Mapping[tuple[str, str], Roc]) -> Iterable[list[object]]:
    """Yield the rows of ``roc.csv``: the corners of each curve by (model, finding)."""
    for (model, finding), curve in curves.items():
        for fpr, tpr, threshold in zip(curve.fpr, curve.tpr, curve.thresholds, strict=True):
            yield [model, finding, _number(float(fpr)), _number(float(tpr)), float(threshold)]


def published_rows(rows: Iterable[PublishedAuc], scores: Classification) -> Iterable[list[object]]:
    """Yield the rows of ``published.csv``: printed figures, each beside ours."""
    ours = our_aucs(scores)
    for row in rows:
        yield [
            row.method,
            row.finding,
            row.auc,
            _number(ours.get(key(row.finding))),
            row.measured_on,
            row.paper,
        ]


def our_aucs(scores: Classification) -> dict[str, float | None]:
    """Return our AUCs by the finding's name as names are compared, and ``mean``."""
    return {
        **{key(score.finding): score.auc.value for score in scores.findings},
        MEAN: scores.mean_auc.value,
    }


# --- on the screen ------------------------------------------------------------------------------


def _decimal(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _decimals(score: Estimate | Difference) -> str:
    if score.value is None or score.low is None or score.high is None:
        return _decimal(score.value)
    return f"{score.value:.3f} [{score.low:.3f}, {score.high:.3f}]"


def score_table(name: str, scores: Classification, points: Sequence[ReaderPoint]) -> ScreenTable:
    """Return the table of one model's scores."""
    header = ("", "n", "positives", "AUC", "average precision", "sensitivity", "specificity")
    header = (*header, "Brier", *(("readers below",) if points else ()))
    rows: list[tuple[str, ...]] = []
    for s in scores.findings:
        cells = [
            s.finding,
            f"{s.n:,}",
            f"{s.positives:,}",
            _decimals(s.auc),
            _decimals(s.average_precision),
            _decimals(s.youden.sensitivity) if s.youden else "-",
            _decimals(s.youden.specificity) if s.youden else "-",
            _decimal(s.calibration.brier.value if s.calibration else None),
        ]
        if points:
            n, under = below(points, s.finding)
            cells.append(f"{under}/{n}" if n else "-")
        rows.append(tuple(cells))
    last = [
        MEAN,
        f"{scores.images:,}",
        "",
        _decimals(scores.mean_auc),
        _decimals(scores.mean_average_precision),
        "",
        "",
        "",
    ]
    if points:
        placed = [below(points, name) for name in scores.in_mean]
        placed = [b for b in placed if b[0]]
        last.append(f"{sum(b[1] for b in placed) / len(placed):.1f}" if placed else "-")
    return ScreenTable(
        f"{name} on {scores.images:,} images [95 % interval; sensitivity and specificity at "
        "Youden's point]",
        header,
        (*rows, tuple(last)),
        frozenset({len(rows)}),
    )


def models_table(
    models: Sequence[tuple[str, Classification, Sequence[ReaderPoint]]],
    comparisons: Sequence[Comparison],
    correlations: Sequence[Correlation],
) -> ScreenTable:
    """Return the table of models: each one's mean AUC, and its difference from the first."""
    first = models[0][0]
    means = {c.model: c for c in comparisons if c.finding == MEAN}
    rho = {c.second: c.rho for c in correlations if c.finding == MEAN and c.first == first}
    readers = any(points for _, _, points in models)
    rows = []
    for name, scores, points in models:
        cells = [name, f"{scores.images:,}", str(len(scores.in_mean)), _decimals(scores.mean_auc)]
        if name in means:
            difference = means[name].difference
            p = difference.p
            cells += [
                _decimals(difference),
                "-" if p is None else (f"{p:.3f}" if p >= 0.001 else "<0.001"),
                _decimal(rho[name].value) if name in rho else "-",
            ]
        else:
            cells += ["", "", ""]
        if readers:
            placed = [below(points, finding) for finding in scores.in_mean]
            placed = [b for b in placed if b[0]]
            cells.append(f"{sum(b[1] for b in placed) / len(placed):.1f}" if placed else "-")
        rows.append(tuple(cells))
    return ScreenTable(
        f"Models; the difference is {first} - model, on the images and findings of both, paired "
        "[95 % interval]; rank correlation with it",
        (
            "",
            "images",
            "findings",
            "mean AUC",
            "difference",
            "p",
            "Spearman",
            *(("readers below",) if readers else ()),
        ),
        tuple(rows),
        frozenset({1}),
    )


def published_tables(rows: Sequence[PublishedAuc], scores: Classification) -> list[ScreenTable]:
    """Return printed AUCs beside ours: by finding, and where a paper prints a mean alone."""
    ours = our_aucs(scores)
    methods: dict[tuple[str, str], dict[str, float]] = {}
    for row in rows:
        source = (row.method, f"{row.paper}; on {row.measured_on}")
        methods.setdefault(source, {})[key(row.finding)] = row.auc
    alone = {m: values for m, values in methods.items() if values.keys() == {MEAN}}
    tables = []
    for kept in ({m: v for m, v in methods.items() if m not in alone}, alone):
        if not kept:
            continue
        printed = {name for values in kept.values() for name in values}
        columns = [s.finding for s in scores.findings if key(s.finding) in printed]
        if MEAN in printed:
            columns.append(MEAN)
        lines = [("ours", *(_decimal(ours.get(key(c))) for c in columns), "these images")]
        for (method, said), values in kept.items():
            lines.append((method, *(_decimal(values.get(key(c))) for c in columns), said))
        tables.append(
            ScreenTable(
                "AUC beside printed ones, each on its own images: none is a comparison of models",
                ("", *columns, "source"),
                tuple(lines),
                frozenset({1}),
            )
        )
    return tables


def published_summary(rows: Sequence[PublishedAuc], scores: Classification) -> list[ScreenTable]:
    """Return what fits a terminal of it: by finding, the range of the printed AUCs."""
    ours = our_aucs(scores)
    lines = []
    for finding in (*(s.finding for s in scores.findings), MEAN):
        printed = [row for row in rows if key(row.finding) == key(finding)]
        if printed:
            best = max(printed, key=lambda row: row.auc)
            lines.append(
                (
                    finding,
                    _decimal(ours.get(key(finding))),
                    f"{min(row.auc for row in printed):.3f}–{best.auc:.3f}",
                    f"{best.method}; {best.paper.partition(',')[0]}",
                )
            )
    if not lines:
        return []
    return [
        ScreenTable(
            "AUC beside printed ones (published.csv), each on its own images: no comparison of "
            "models",
            ("", "ours", "printed", "the highest"),
            tuple(lines),
        )
    ]
