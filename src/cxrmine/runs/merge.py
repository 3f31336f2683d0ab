"""Finished parts into the output tables, in the order of the input, a part at a time."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cxrmine.reports.report import Problem
from cxrmine.runs.chunks import read_problems
from cxrmine.runs.evidence import write_evidence
from cxrmine.runs.folder import OutputFolder, write_json
from cxrmine.runs.parts import Counts, PartFile, mention_schema
from cxrmine.tables import format_row, write_csv

if TYPE_CHECKING:
    import pyarrow as pa

#: Rows of a row group of ``mentions.parquet``: fixed, so that the file does not depend on how
#: the reports were cut into chunks.
ROW_GROUP = 100_000

PROBLEM_COLUMNS = ("item", "message")


def label_tables(schemes: Sequence[str]) -> dict[str, str]:
    """Return the name of each scheme's label table."""
    if len(schemes) == 1:
        return {schemes[0]: "labels.csv"}
    return {scheme: f"labels_{scheme}.csv" for scheme in schemes}


def merge(
    folder: OutputFolder,
    *,
    chunks: int,
    columns: Mapping[str, Sequence[str]],
    record: Mapping[str, Any],
    evidence: bool,
) -> tuple[Counts, list[str]]:
    """Merge the parts of `folder` into the outputs and put these in their places.

    The outputs grow in the work folder and move when all are done; a run killed here merges
    anew. The parts stay until the caller declares the run finished.

    Parameters
    ----------
    folder : OutputFolder
        With all its parts finished.
    chunks : int
        Number of parts.
    columns : mapping
        Label columns by scheme.
    record : mapping
        What ``run.json`` shall state beside the counts and the outputs.
    evidence : bool
        Whether to write the evidence page.

    Returns
    -------
    tuple
        The counts of the whole run, and the names of the files written.
    """
    target = folder.merging
    if target.exists():
        shutil.rmtree(target)
    target.mkdir()
    paths = [folder.part(index) for index in range(chunks)]

    write_mentions(target / "mentions.parquet", _mentions(paths))
    for scheme, name in label_tables(tuple(columns)).items():
        with (target / name).open("wb") as handle:
            handle.write(format_row(("report_id", *columns[scheme])).encode())
            for path in paths:
                with PartFile(path) as part:
                    handle.write(part.labels(scheme))
    counts = Counts()
    for path in paths:
        with PartFile(path) as part:
            counts = counts.plus(part.counts())
    for severity, name in (("warning", "warnings.csv"), ("failure", "failures.csv")):
        found = write_csv(
            target / name,
            PROBLEM_COLUMNS,
            ((p.item, p.message) for p in _problems(folder, paths) if p.severity == severity),
        )
        # The parts know nothing of what went wrong in reading.
        counts = counts.with_problems(severity, found)
    if evidence:
        write_evidence(
            target,
            (_evidence(path) for path in paths),
            reports=counts.labeled,
            columns=columns,
            statuses=counts.statuses,
        )
    outputs = sorted([*(entry.name for entry in target.iterdir()), "run.json", "timing.json"])
    write_json(target / "run.json", {**record, "counts": counts.recorded(), "outputs": outputs})
    for name in outputs:
        if (target / name).exists():
            os.replace(target / name, folder.path / name)
    return counts, outputs


def write_mentions(path: Path, tables: Iterable[pa.Table]) -> None:
    """Write `tables` as one Parquet file whose bytes depend on their rows alone."""
    import pyarrow.parquet as pq

    schema = mention_schema()
    with pq.ParquetWriter(
        path, schema, version="2.6", compression="zstd", compression_level=3, use_dictionary=True
    ) as writer:
        for group in _regrouped(tables, schema.empty_table()):
            # One contiguous array a column: where a dictionary overflows depends on the pieces.
            writer.write_table(group.combine_chunks(), row_group_size=max(1, len(group)))


def _regrouped(tables: Iterable[pa.Table], empty: pa.Table) -> Iterator[pa.Table]:
    import pyarrow as pa

    waiting: list[pa.Table] = [empty]
    rows = 0
    for table in tables:
        waiting.append(table)
        rows += len(table)
        while rows >= ROW_GROUP:
            joined = pa.concat_tables(waiting)
            yield joined.slice(0, ROW_GROUP)
            waiting = [joined.slice(ROW_GROUP)]
            rows -= ROW_GROUP
    if rows:
        yield pa.concat_tables(waiting)


def _mentions(paths: Iterable[Path]) -> Iterator[pa.Table]:
    for path in paths:
        with PartFile(path) as part:
            yield part.mentions()


def _evidence(path: Path) -> bytes:
    with PartFile(path) as part:
        return part.evidence()


def _problems(folder: OutputFolder, paths: Iterable[Path]) -> Iterator[Problem]:
    """Yield what went wrong in reading, then in labelling, in the order of the input."""
    yield from read_problems(folder)
    for path in paths:
        with PartFile(path) as part:
            yield from part.problems()
