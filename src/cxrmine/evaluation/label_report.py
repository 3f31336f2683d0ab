"""What `evaluate-labels` says: the rows of its tables, and the same on the screen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import IO

from cxrmine.evaluation.agreement import Agreement
from cxrmine.evaluation.intervals import Estimate
from cxrmine.evaluation.published_scores import published_for
from cxrmine.evaluation.scores import Score

OURS = "ours"
METRIC_COLUMNS = (
    "method",
    "row",
    "kind",
    "n_reports",
    "positives",
    "tp",
    "fp",
    "fn",
    "tn",
    "ignored",
    *(
        f"{name}{end}"
        for name in ("precision", "recall", "f1", "macro_f1")
        for end in ("", "_low", "_high")
    ),
    "columns",
    "measured_on",
    "source",
)
AGREEMENT_COLUMNS = (
    "column",
    "n_reports",
    "both_positive",
    "first_only",
    "second_only",
    "neither",
    "ignored",
    *(
        f"{name}{end}"
        for name in ("kappa", "agreement", "kappa_values", "agreement_values")
        for end in ("", "_low", "_high")
    ),
)


def _share(value: float | None) -> float | None:
    """Round to what a CSV should show; more digits would be noise."""
    return None if value is None else round(value, 6)


def _three(score: Estimate | None) -> list[float | None]:
    if score is None:
        return [None, None, None]
    return [_share(score.value), _share(score.low), _share(score.high)]


def metric_rows(
    scores: Sequence[Score], *, measured_on: str, published: bool
) -> Iterable[list[object]]:
    """Yield the rows of ``metrics.csv``: ours, each followed by the published ones of its name."""
    for score in scores:
        yield [
            OURS,
            score.name,
            score.kind,
            score.n_reports,
            score.positives,
            score.tp,
            score.fp,
            score.fn,
            score.tn,
            score.ignored,
            *_three(score.precision),
            *_three(score.recall),
            *_three(score.f1),
            *_three(score.macro_f1),
            " ".join(score.columns),
            measured_on,
            "",
        ]
        for row in published_for(score.name) if published else ():
            blanks = [None] * 7
            yield [
                row.method,
                row.row,
                score.kind,
                *blanks,
                *_three(Estimate(row.precision)),
                *_three(Estimate(row.recall)),
                *_three(Estimate(row.f1)),
                *_three(None),
                "",
                row.measured_on,
                row.paper,
            ]


def agreement_rows(rows: Sequence[Agreement]) -> Iterable[list[object]]:
    """Yield the rows of ``agreement.csv``."""
    for row in rows:
        yield [
            row.column,
            row.n_reports,
            row.both,
            row.first_only,
            row.second_only,
            row.neither,
            row.ignored,
            *_three(row.kappa),
            *_three(row.agreement),
            *_three(row.kappa_values),
            *_three(row.agreement_values),
        ]


@dataclass(frozen=True)
class ScreenTable:
    """A table for the screen: the first column is text, the rest is aligned to the right.

    ``breaks`` are the numbers of the rows that a line stands before.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    breaks: frozenset[int] = frozenset()


def percent(value: float | None) -> str:
    """Write a share as per cent with one decimal; "-" where it is undefined."""
    return "-" if value is None else f"{100 * value:.1f}"


def _with_interval(score: Estimate) -> str:
    if score.value is None:
        return "-"
    if score.low is None:
        return percent(score.value)
    return f"{percent(score.value)} [{percent(score.low)}, {percent(score.high)}]"


def _decimal(score: Estimate) -> str:
    if score.value is None:
        return "-"
    if score.low is None or score.high is None:
        return f"{score.value:.3f}"
    return f"{score.value:.3f} [{score.low:.3f}, {score.high:.3f}]"


def score_tables(scores: Sequence[Score], *, published: bool) -> list[ScreenTable]:
    """Return the tables of scores: ours, and ours beside the published ones where asked for."""
    first_total = next((k for k, s in enumerate(scores) if s.kind == "total"), len(scores))
    header = ("", "positives", "TP", "FP", "FN", "precision", "recall", "F1", "macro F1")
    rows = tuple(
        (
            score.name,
            f"{score.positives:,}",
            f"{score.tp:,}",
            f"{score.fp:,}",
            f"{score.fn:,}",
            _with_interval(score.precision),
            _with_interval(score.recall),
            _with_interval(score.f1),
            "" if score.macro_f1 is None else _with_interval(score.macro_f1),
        )
        for score in scores
    )
    title = f"Ours on {scores[0].n_reports:,} reports, per cent [95 % interval]"
    tables = [ScreenTable(title, header, rows, frozenset({first_total} - {0}))]
    if published:
        tables += _published_tables(scores)
    return tables


def _published_tables(scores: Sequence[Score]) -> Iterable[ScreenTable]:
    """Yield one table a kind of source: those with precision and recall, those with F1 alone."""
    by_row = [(score, {p.method: p for p in published_for(score.name)}) for score in scores]
    for full in (True, False):
        kept = [
            (score, {m: p for m, p in found.items() if (p.recall is not None) == full})
            for score, found in by_row
        ]
        kept = [(score, found) for score, found in kept if found]
        if not kept:
            continue
        methods = list(dict.fromkeys(m for _, found in kept for m in found))
        sources = dict.fromkeys(
            f"{p.paper}; on {p.measured_on}" for _, found in kept for p in found.values()
        )
        rows = []
        for score, found in kept:
            ours = (score.precision.value, score.recall.value, score.f1.value)
            cells = [_scores_cell(ours if full else ours[2:])]
            for method in methods:
                p = found.get(method)
                theirs = () if p is None else (p.precision, p.recall, p.f1)
                cells.append(_scores_cell(theirs if full else theirs[2:]))
            rows.append((score.name, *cells))
        first_total = next((k for k, (s, _) in enumerate(kept) if s.kind == "total"), 0)
        what = "precision / recall / F1" if full else "F1"
        yield ScreenTable(
            f"{what}, per cent, beside others ({'; '.join(sources)})",
            ("", f"ours ({scores[0].n_reports:,} reports)", *methods),
            tuple(rows),
            frozenset({first_total} - {0}),
        )


def _scores_cell(values: Sequence[float | None]) -> str:
    return " / ".join(percent(v) for v in values)


def agreement_table(rows: Sequence[Agreement]) -> ScreenTable:
    """Return the table of agreement."""
    return ScreenTable(
        "Agreement on positive or not, and on the values 1, 0, -1, blank",
        (
            "",
            "both",
            "first only",
            "second only",
            "neither",
            "agreement",
            "kappa [95 %]",
            "kappa of values [95 %]",
        ),
        tuple(
            (
                row.column,
                f"{row.both:,}",
                f"{row.first_only:,}",
                f"{row.second_only:,}",
                f"{row.neither:,}",
                percent(row.agreement.value),
                _decimal(row.kappa),
                _decimal(row.kappa_values),
            )
            for row in rows
        ),
        frozenset({len(rows) - 1} - {0}),
    )


def print_table(table: ScreenTable, out: IO[str]) -> None:
    """Print a table: with rich on a terminal, as plain aligned text otherwise."""
    if out.isatty():
        _print_rich(table, out)
    else:
        _print_plain(table, out)


def _print_plain(table: ScreenTable, out: IO[str]) -> None:
    left = _left_columns(table)
    widths = [
        max(len(row[k]) for row in (table.header, *table.rows)) for k in range(len(table.header))
    ]

    def line(cells: Sequence[str]) -> str:
        return "  ".join(
            cell.ljust(width) if k in left else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ).rstrip()

    rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
    print(f"{table.title}:", line(table.header), rule, sep="\n", file=out)
    for number, row in enumerate(table.rows):
        if number in table.breaks:
            print(rule, file=out)
        print(line(row), file=out)


def _left_columns(table: ScreenTable) -> set[int]:
    """Return the columns of words: those in which some cell holds a letter."""
    return {0} | {
        k
        for k in range(len(table.header))
        if any(c.isalpha() for row in table.rows for c in row[k])
    }


def _print_rich(table: ScreenTable, out: IO[str]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(title=table.title, title_justify="left")
    left = _left_columns(table)
    for k, name in enumerate(table.header):
        drawn.add_column(Text(name), justify="left" if k in left else "right")
    for number, row in enumerate(table.rows):
        if number in table.breaks:
            drawn.add_section()
        # Text, not str: a column name must not be read as markup.
        drawn.add_row(*(Text(cell) for cell in row))
    Console(file=out).print(drawn)
