"""JSON Lines: one JSON object a line, whose keys are the columns; also gzipped."""

from __future__ import annotations

import json
from collections.abc import Iterator

from cxrmine.reports.columns import ColumnPlan, cell_text, plan_columns, warn_of_counting
from cxrmine.reports.format import ReadOptions, ReportFormat
from cxrmine.reports.read_csv import open_text, text_encoding
from cxrmine.reports.report import Problem, Report
from cxrmine.reports.sources import OnProblem, Source, SourceError

#: The longest line, in characters.
MAX_LINE = 50_000_000


def _matches(source: Source) -> bool:
    return source.suffix in (".jsonl", ".ndjson", ".jsonlines")


def _read(source: Source, options: ReadOptions, on_problem: OnProblem) -> Iterator[Report]:
    source = source.reopenable()
    plans: dict[tuple[str, ...], ColumnPlan] = {}
    counted: bool | None = None  # what the first object decides for the whole file
    number = 0
    with open_text(source, text_encoding(source, on_problem)) as file:
        while line := file.readline(MAX_LINE):
            if line.isspace():
                continue
            number += 1
            item = f"{source.item}, row {number}"
            try:
                names, values = _row(line)
                plan = plans.get(names)
                if plan is None:
                    plan = plan_columns(names, options)
                    if len(plans) < 1000:  # rows whose keys are data would fill memory
                        plans[names] = plan
                if counted is None:
                    counted = plan.identifier is None
                    warn_of_counting(plan, source.item, on_problem)
                elif plan.identifier is None and not counted:
                    raise SourceError("The object has no id where others have one: give it one.")
                report = _report(names, values, plan, number)
            except SourceError as error:
                on_problem(Problem("failure", item, str(error)))
                continue
            if not report.report_id:
                on_problem(Problem("failure", item, "The id is empty: give the report one."))
                continue
            yield report


def _row(line: str) -> tuple[tuple[str, ...], tuple[object, ...]]:
    """Return the keys and the values of the object of one line."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        where = f" at column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
        raise SourceError(f"The line is no JSON{where}: write one object a line.") from error
    if not isinstance(row, dict):
        raise SourceError("The line is JSON but no object: write one object a line.")
    return tuple(row), tuple(row.values())


def _report(
    names: tuple[str, ...], values: tuple[object, ...], plan: ColumnPlan, number: int
) -> Report:
    cells = [""] * len(names)
    for position in plan.positions:
        try:
            cells[position] = cell_text(values[position])
        except TypeError as error:
            raise SourceError(
                f"The value of {names[position]!r} is a {error}, not text: write it as a string."
            ) from error
    return plan.report(cells, number)


FORMAT = ReportFormat(
    name="JSON Lines",
    description="JSON Lines (.jsonl, .ndjson; also .gz)",
    matches=_matches,
    read=_read,
)
