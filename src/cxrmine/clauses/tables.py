"""The tables of a run: ``clauses.csv``, ``clusters.csv``, ``table1.csv``, ``k_curve.csv``.

``clauses.csv`` has a row for every clause of every report, millions in an archive, so its lines
are made a column at a time, in Arrow: the same bytes as `cxrmine.tables.format_row` makes
(formula guard, quotes), some fifty times faster.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cxrmine.clauses.model import Grouping
from cxrmine.tables import write_csv

if TYPE_CHECKING:
    import pyarrow as pa

CLAUSE_COLUMNS = ("report_id", "start", "end", "raw", "clause", "cluster", "term")
CLUSTER_COLUMNS = ("clause", "count", "cluster", "medoid", "distance", "term")
TABLE1_COLUMNS = (
    "term",
    "medoid",
    "clauses",
    "share_of_clauses",
    "reports",
    "share_of_reports",
    "sole_reports",
)
UNASSIGNED_COLUMNS = ("clause", "count", "nearest", "distance")
K_COLUMNS = ("k", "loss", "covered")

# What `cxrmine.tables` guards and quotes, in RE2's syntax.
_RISKY = r"^'*[=+\-@\t\r]"
_NEEDS_QUOTES = r'[,"\r\n]'


def csv_cells(values: pa.Array) -> pa.Array:
    """Return an array as the cells of a CSV: text guarded and quoted, null blank.

    Parameters
    ----------
    values : pyarrow.Array
        Strings, or integers.

    Returns
    -------
    pyarrow.Array
        Strings, as long, without nulls.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_string(values.type):
        return pc.fill_null(values.cast(pa.string()), "")
    cells = pc.fill_null(values, "")
    risky = pc.match_substring_regex(cells, _RISKY)
    if pc.any(risky).as_py():
        cells = pc.if_else(risky, pc.binary_join_element_wise("'", cells, ""), cells)
    to_quote = pc.match_substring_regex(cells, _NEEDS_QUOTES)
    if pc.any(to_quote).as_py():
        doubled = pc.replace_substring(cells, '"', '""')
        cells = pc.if_else(to_quote, pc.binary_join_element_wise('"', doubled, '"', ""), cells)
    return cells


def csv_lines(columns: Sequence[pa.Array]) -> bytes:
    r"""Return the lines of a CSV of at least two columns, each line with its ``\n``.

    Parameters
    ----------
    columns : sequence of pyarrow.Array
        Equally long; the cells as `csv_cells` gives them, so that a column of few distinct
        texts can be made safe once and then spread over its rows.
    """
    import pyarrow.compute as pc

    if not len(columns[0]):
        return b""
    *first, last = columns
    ends = pc.binary_join_element_wise(last, "\n", "")
    return text_bytes(pc.binary_join_element_wise(*first, ends, ","))


def text_bytes(texts: pa.Array) -> bytes:
    """Return the texts of an array without nulls, one after the other, in UTF-8."""
    import pyarrow as pa

    if not len(texts):
        return b""
    _, offsets, data = texts.buffers()
    width = 8 if pa.types.is_large_string(texts.type) else 4
    start = int.from_bytes(_slice(offsets, width * texts.offset, width), "little")
    end = int.from_bytes(_slice(offsets, width * (texts.offset + len(texts)), width), "little")
    return _slice(data, start, end - start)


def _slice(buffer: Any, start: int, length: int) -> bytes:
    piece: bytes = buffer.slice(start, length).to_pybytes()
    return piece


def write_clusters(path: Path, grouping: Grouping) -> int:
    """Write ``clusters.csv``: a row a distinct clause, by cluster, falling count and clause.

    Those beyond the cut-off of every medoid come last, with a blank cluster and term.
    """
    behind_all = len(grouping.clusters) + 1
    rows = sorted(grouping.clauses, key=lambda c: (c.cluster or behind_all, -c.count, c.clause))
    return write_csv(
        path,
        CLUSTER_COLUMNS,
        (
            (c.clause, c.count, c.cluster, c.medoid, shown_distance(c.distance), c.term)
            for c in rows
        ),
    )


def write_table1(path: Path, rows: Iterable[Sequence[object]]) -> int:
    """Write ``table1.csv``, the paper's Table I, from `table1_rows`."""
    return write_csv(path, TABLE1_COLUMNS, rows)


def table1_rows(
    grouping: Grouping, *, top: int, reports_of_others: int
) -> Iterator[tuple[object, ...]]:
    """Yield the rows of the paper's Table I: the largest terms, all others, the total.

    ``sole_reports`` are reports all of whose clauses are of one term, its only diagnosis (the
    paper's "single"); of the total, reports of which that holds for any term.

    Parameters
    ----------
    grouping : Grouping
        The run's result.
    top : int
        Terms with a row of their own.
    reports_of_others : int
        Reports with a clause that is of none of them.
    """
    medoids = {cluster.number: cluster.medoid for cluster in grouping.clusters}

    def row(name: object, medoid: str | None, clauses: int, reports: int, sole: int) -> Any:
        return (
            name,
            medoid,
            clauses,
            share(clauses, grouping.occurrences),
            reports,
            share(reports, grouping.reports),
            sole,
        )

    shown = grouping.terms[:top]
    for term in shown:
        yield row(
            term.number, medoids[term.clusters[0]], term.count, term.reports, term.sole_reports
        )
    sole = sum(term.sole_reports for term in grouping.terms)
    yield row(
        "all others",
        None,
        grouping.occurrences - sum(term.count for term in shown),
        reports_of_others,
        sole - sum(term.sole_reports for term in shown),
    )
    yield row("total", None, grouping.occurrences, grouping.reports, sole)


def share(part: int, whole: int) -> float:
    """Return a share with four decimals, 0 of nothing."""
    return round(part / whole, 4) if whole else 0.0


def shown_distance(value: float) -> int | float:
    """Return a distance as the tables show it: a whole number, or six decimals at most.

    >>> shown_distance(3.0), shown_distance(1 / 3)
    (3, 0.333333)
    """
    rounded = round(float(value), 6)
    return int(rounded) if rounded.is_integer() else rounded
