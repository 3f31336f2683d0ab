"""The finished parts of a splitting, read as one corpus, and ``clauses.csv`` written from both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxrmine.clauses.grouping import Corpus
from cxrmine.clauses.tables import CLAUSE_COLUMNS, csv_cells, csv_lines
from cxrmine.runs.members import MemberFile
from cxrmine.tables import format_row


def read_corpus(paths: Sequence[Path]) -> Corpus:
    """Return the corpus of the parts at `paths`, in their order.

    Of an occurrence it holds 4 bytes, and of a report 8; texts are held of distinct clauses only.
    """
    number: dict[str, int] = {}
    occurrences: list[NDArray[np.int32]] = []
    lengths: list[NDArray[np.int64]] = []
    for path in paths:
        with MemberFile(path) as part:
            distinct = part.table("distinct")["clause"].to_pylist()
            of_part = [number.setdefault(clause, len(number)) for clause in distinct]
            clause = part.table("occurrences")["clause"].to_numpy()
            occurrences.append(np.array(of_part, np.int32)[clause])
            lengths.append(part.table("reports")["clauses"].to_numpy().astype(np.int64))
    found = np.concatenate([np.empty(0, np.int32), *occurrences])
    # Sorted, so that the order of the reports decides nothing.
    clauses = sorted(number)
    rank = np.empty(len(clauses), np.int32)
    rank[[number[clause] for clause in clauses]] = np.arange(len(clauses), dtype=np.int32)
    found = rank[found]
    return Corpus(
        clauses=clauses,
        counts=np.bincount(found, minlength=len(clauses)).astype(np.int64),
        occurrences=found,
        bounds=np.concatenate([[0], np.cumsum(np.concatenate([np.empty(0, np.int64), *lengths]))]),
    )


def write_clauses(
    path: Path,
    paths: Sequence[Path],
    corpus: Corpus,
    cluster_of: NDArray[np.int32],
    term_of: NDArray[np.int32],
    *,
    keep_raw: int,
) -> Mapping[str, str]:
    """Write ``clauses.csv``: a row an occurrence, in the order of the input.

    Parameters
    ----------
    path : Path
        The file; it grows in place, so it is to lie in a work folder.
    paths : sequence of Path
        The parts that `corpus` was read from.
    corpus : Corpus
        Their corpus.
    cluster_of, term_of : numpy.ndarray
        Numbers by distinct clause, shape (n,), 0 where there is none.
    keep_raw : int
        Of how many distinct clauses, the most frequent ones, to return how they are written.

    Returns
    -------
    mapping of str to str
        Of those clauses, how one of their occurrences is written where that differs: the text
        that sorts first, so that the order of the reports decides nothing.
    """
    import pyarrow as pa

    cells = csv_cells(pa.array(corpus.clauses, pa.string()))
    clusters = _cells_of_numbers(cluster_of)
    terms = _cells_of_numbers(term_of)
    wanted = np.zeros(len(corpus.clauses), np.bool_)
    wanted[np.argsort(-corpus.counts, kind="stable")[:keep_raw]] = True
    raw_of: dict[int, str] = {}
    done = 0
    with path.open("wb") as handle:
        handle.write(format_row(CLAUSE_COLUMNS).encode())
        for place in paths:
            with MemberFile(place) as part:
                reports, rows = part.table("reports"), part.table("occurrences")
            clause = corpus.occurrences[done : done + len(rows)]
            done += len(rows)
            if not len(rows):
                continue
            at = pa.array(clause)
            lengths = reports["clauses"].to_numpy()
            report = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
            raw = rows["raw"].combine_chunks()
            handle.write(
                csv_lines(
                    [
                        csv_cells(reports["report_id"].combine_chunks()).take(pa.array(report)),
                        csv_cells(rows["start"].combine_chunks()),
                        csv_cells(rows["end"].combine_chunks()),
                        csv_cells(raw),
                        cells.take(at),
                        clusters.take(at),
                        terms.take(at),
                    ]
                )
            )
            shown = np.flatnonzero(wanted[clause])
            found = pa.table({"clause": at, "raw": raw}).take(pa.array(shown)).group_by("clause")
            firsts = found.aggregate([("raw", "min")])
            for index, text in zip(
                firsts["clause"].to_pylist(), firsts["raw_min"].to_pylist(), strict=True
            ):
                raw_of[index] = min(text, raw_of.get(index, text))
    return {corpus.clauses[i]: raw for i, raw in raw_of.items() if raw != corpus.clauses[i]}


def _cells_of_numbers(numbers: NDArray[np.int32]) -> Any:
    import pyarrow as pa

    return csv_cells(pa.array(numbers, mask=numbers == 0))
