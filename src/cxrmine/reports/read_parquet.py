"""Parquet tables of reports, read a batch of rows at a time."""

from __future__ import annotations

import io
from collections.abc import Iterator

from cxrmine.reports.columns import cell_text, plan_columns, warn_of_counting
from cxrmine.reports.format import ReadOptions, ReportFormat
from cxrmine.reports.report import Problem, Report
from cxrmine.reports.sources import MAX_BUFFERED_BYTES, OnProblem, Source, SourceError

_BATCH_ROWS = 1024


def _matches(source: Source) -> bool:
    return source.suffix in (".parquet", ".pq")


def _read(source: Source, options: ReadOptions, on_problem: OnProblem) -> Iterator[Report]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    # Parquet is read from its end: what does not lie on disk as it is must go into memory.
    place = source.path or io.BytesIO(source.read(MAX_BUFFERED_BYTES))
    try:
        with pq.ParquetFile(place) as table:
            names = list(table.schema_arrow.names)
            plan = plan_columns(names, options)
            warn_of_counting(plan, source.item, on_problem)
            wanted = [names[position] for position in plan.positions]
            number = 0
            for batch in table.iter_batches(batch_size=_BATCH_ROWS, columns=wanted):
                columns = [batch.column(name).to_pylist() for name in wanted]
                for row in range(batch.num_rows):
                    number += 1
                    item = f"{source.item}, row {number}"
                    cells = [""] * len(names)
                    try:
                        for position, column in zip(plan.positions, columns, strict=True):
                            cells[position] = cell_text(column[row])
                    except TypeError as error:
                        message = f"A cell is a {error}, not text: convert the column to strings."
                        on_problem(Problem("failure", item, message))
                        continue
                    report = plan.report(cells, number)
                    if not report.report_id:
                        message = "The id is empty: give the report one."
                        on_problem(Problem("failure", item, message))
                        continue
                    yield report
    except pa.ArrowException as error:
        raise SourceError(
            f"The parquet file is damaged or of an unknown kind ({type(error).__name__}): "
            "write it again."
        ) from error


FORMAT = ReportFormat(
    name="parquet",
    description="Parquet (.parquet)",
    matches=_matches,
    read=_read,
)
