"""Reports labelled by the terms that a reader has named.

A clause that the reader placed by hand goes to that term. Any other goes to its nearest medoid
(of equally near ones to that of the larger cluster), if it lies within the medoid's radius; else
it is unassigned, and listed. Reports repeat themselves, so each distinct clause is looked up once.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cxrmine.clauses.distance import to_medoids
from cxrmine.clauses.tables import csv_cells, csv_lines, shown_distance
from cxrmine.clauses.terms_file import TermsFile
from cxrmine.clauses.work import SplitChunk, SplitSpec, said_of, split_reports
from cxrmine.runs.members import arrow_bytes, pack_members
from cxrmine.runs.parts import mention_schema
from cxrmine.runs.spool import unpack

if TYPE_CHECKING:
    import pyarrow as pa

#: Distinct clauses whose place is remembered; about 300 MB at the most.
REMEMBERED = 1_000_000
# Distances and radii are compared as the files show them, with six decimals.
_ROUNDING = 1e-6


class Placed(NamedTuple):
    """Where a clause belongs.

    ``column`` is the index of its label, -1 for none; ``term`` and ``cluster`` are None where
    there is none; ``rule`` says why. ``nearest`` is the nearest medoid and ``distance`` the
    distance to it, both blank for a clause placed by hand.
    """

    column: int
    term: int | None
    cluster: int | None
    rule: str
    nearest: str
    distance: float


class Assigner:
    """The terms of a file, ready to be looked up.

    Parameters
    ----------
    terms : TermsFile
        As read.
    """

    def __init__(self, terms: TermsFile) -> None:
        self.labels = terms.labels
        self._metric = terms.settings.distance
        column = {label: index for index, label in enumerate(self.labels)}
        by_size = sorted(
            (
                (-medoid.count, medoid.clause, medoid, term)
                for term in terms.terms
                for medoid in term.medoids
            ),
            key=lambda entry: entry[:2],
        )
        self._medoids = [medoid for _, _, medoid, _ in by_size]
        self._texts = [medoid.clause for medoid in self._medoids]
        self._terms = [term.number for _, _, _, term in by_size]
        self._columns = [column.get(term.column or "", -1) for _, _, _, term in by_size]
        self._by_hand = {
            clause: Placed(column.get(term.column or "", -1), term.number, None, "by hand", "", 0.0)
            for term in terms.terms
            for clause in term.clauses
        }
        self._known: dict[str, Placed] = {}

    def place(self, clauses: Sequence[str]) -> list[Placed]:
        """Return the place of each of `clauses`, which are normalised."""
        new = [clause for clause in clauses if clause not in self._known]
        if len(self._known) + len(new) > REMEMBERED:
            self._known.clear()
            new = list(clauses)
        new = list(dict.fromkeys(new))
        far = [clause for clause in new if clause not in self._by_hand]
        self._known.update(zip(far, self._measured(far), strict=True))
        self._known.update((c, self._by_hand[c]) for c in new if c in self._by_hand)
        return [self._known[clause] for clause in clauses]

    def _measured(self, clauses: Sequence[str]) -> list[Placed]:
        if not self._medoids:
            return [Placed(-1, None, None, "", "", 0.0) for _ in clauses]
        if not clauses:
            return []
        nearest, distance = to_medoids(clauses, self._texts, self._metric)
        return [
            self._within(index, far)
            for index, far in zip(
                nearest.tolist(), distance.astype(np.float64).tolist(), strict=True
            )
        ]

    def _within(self, index: int, distance: float) -> Placed:
        medoid = self._medoids[index]
        if distance > medoid.radius + _ROUNDING:
            return Placed(-1, None, None, "", medoid.clause, distance)
        name = "medoid added by hand" if medoid.cluster is None else f"cluster {medoid.cluster}"
        rule = (
            f"{name}: distance {shown_distance(distance)} <= radius "
            f"{shown_distance(medoid.radius)} to {medoid.clause}"
        )
        return Placed(
            self._columns[index], self._terms[index], medoid.cluster, rule, medoid.clause, distance
        )


@dataclass(frozen=True, slots=True)
class ApplySpec:
    """What to apply, to clauses made how."""

    split: SplitSpec
    terms: TermsFile


@lru_cache(maxsize=1)
def _assigner(terms: TermsFile) -> Assigner:
    return Assigner(terms)


def apply_task(spec: ApplySpec, packed: bytes) -> bytes:
    """Return the part of a chunk: its lines of every table, its mentions, its counts."""
    chunk = split_reports(unpack(packed), spec.split)
    assigner = _assigner(spec.terms)
    placed = assigner.place(chunk.distinct)
    times = np.bincount(chunk.clauses, minlength=len(placed)).tolist()
    unassigned = [
        [clause, count, place.nearest, place.distance]
        for clause, count, place in zip(chunk.distinct, times, placed, strict=True)
        if place.term is None
    ]
    mentions, labels, clauses, positives = _tables(chunk, placed, assigner.labels)
    counts = {
        "reports": len(chunk.report_ids),
        "reports_with_clauses": sum(1 for length in chunk.lengths if length),
        "clauses": len(chunk.clauses),
        "labeled": len(mentions),
        "unassigned": sum(count for _, count, _, _ in unassigned),
    }
    terms = Counter[int]()
    for count, place in zip(times, placed, strict=True):
        if place.term is not None:
            terms[place.term] += count
    return pack_members(
        {
            "counts": json.dumps(counts).encode(),
            "terms": json.dumps(sorted(terms.items())).encode(),
            "positives": json.dumps(positives).encode(),
            "mentions": arrow_bytes(mentions),
            "labels": labels,
            "clauses": clauses,
            "unassigned": json.dumps(unassigned).encode(),
            **said_of(chunk),
        }
    )


def _tables(
    chunk: SplitChunk, placed: Sequence[Placed], labels: Sequence[str]
) -> tuple[pa.Table, bytes, bytes, list[int]]:
    """Return the mentions, the lines of ``labels.csv`` and ``clauses.csv``, reports by label."""
    import pyarrow as pa

    lengths = np.array(chunk.lengths, np.int64)
    report = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
    clause = np.array(chunk.clauses, np.int32)
    column = np.array([place.column for place in placed], np.int32)[clause]
    at = pa.array(clause)
    ids = pa.array(chunk.report_ids, pa.string())
    raw = pa.array(chunk.raws, pa.string())
    start = pa.array(chunk.starts, pa.int64())
    end = pa.array(chunk.ends, pa.int64())

    def spread(values: Sequence[Any], kind: Any) -> pa.Array:
        """Return what distinct clauses have, for each occurrence."""
        return csv_cells(pa.array(values, kind)).take(at)

    id_cells = csv_cells(ids)
    clause_lines = csv_lines(
        [
            id_cells.take(pa.array(report)),
            csv_cells(start),
            csv_cells(end),
            csv_cells(raw),
            spread(chunk.distinct, pa.string()),
            spread([place.cluster for place in placed], pa.int32()),
            spread([place.term for place in placed], pa.int32()),
        ]
    )

    positive = np.zeros((len(lengths), len(labels)), np.bool_)
    labeled = np.flatnonzero(column >= 0)
    positive[report[labeled], column[labeled]] = True
    label_lines = csv_lines([id_cells, _zeros_and_ones(positive)])

    some = pa.array(labeled)
    at = pa.array(clause[labeled])
    texts = raw.take(some)
    starts, ends = start.take(some), end.take(some)
    nothing = pa.array([""], pa.string()).take(pa.array(np.zeros(len(labeled), np.int32)))
    present = pa.array(["present"], pa.string()).take(pa.array(np.zeros(len(labeled), np.int32)))
    of_clause = {
        "finding": [labels[place.column] if place.column >= 0 else "" for place in placed],
        "concept": [f"term {place.term}" for place in placed],
        "rule": [place.rule for place in placed],
    }
    columns = {
        "report_id": ids.take(pa.array(report[labeled])),
        "section": pa.array(chunk.sections, pa.string()).take(some),
        "sentence": texts,
        "start": starts,
        "end": ends,
        "text": texts,
        **{name: pa.array(values, pa.string()).take(at) for name, values in of_clause.items()},
        "status": present,
        "cue": nothing,
        "sentence_start": starts,
        "sentence_end": ends,
    }
    schema = mention_schema()
    mentions = pa.Table.from_arrays([columns[name] for name in schema.names], schema=schema)
    return mentions, label_lines, clause_lines, positive.sum(axis=0).tolist()


def _zeros_and_ones(positive: np.ndarray[Any, Any]) -> pa.Array:
    """Return each row of a matrix as the cells ``0,1,…`` of a CSV."""
    import pyarrow as pa

    rows, columns = positive.shape
    width = 2 * columns - 1
    characters = np.full((rows, width), ord(","), np.uint8)
    characters[:, ::2] = positive + np.uint8(ord("0"))
    offsets = np.arange(rows + 1, dtype=np.int32) * np.int32(width)
    return pa.StringArray.from_buffers(
        rows, pa.py_buffer(offsets.tobytes()), pa.py_buffer(characters.tobytes())
    )
