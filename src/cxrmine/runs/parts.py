"""Finished parts: everything that one chunk of reports adds to the output, in one file.

A part is a zip of the chunk's mention rows (Arrow), its lines of each ``labels.csv`` as they will
stand there, its problems, its counts and, for the evidence page, its reports.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from cxrmine.labeling.mention import STATUSES
from cxrmine.reports.report import Problem
from cxrmine.runs.members import MemberFile, arrow_bytes, pack_members

if TYPE_CHECKING:
    import pyarrow as pa

#: The fixed columns of ``mentions.parquet``, then ours.
MENTION_COLUMNS = (
    "report_id",
    "section",
    "sentence",
    "start",
    "end",
    "text",
    "finding",
    "concept",
    "status",
    "cue",
    "rule",
    "sentence_start",
    "sentence_end",
)
_OFFSETS = frozenset({"start", "end", "sentence_start", "sentence_end"})


@dataclass(frozen=True, slots=True)
class Counts:
    """What a chunk, or a whole run, held.

    ``reports`` were read; ``labeled`` of them have a row in ``labels.csv``, ``empty`` ones
    included. ``statuses`` counts the mentions by status.
    """

    reports: int = 0
    labeled: int = 0
    empty: int = 0
    mentions: int = 0
    warnings: int = 0
    failures: int = 0
    statuses: Mapping[str, int] = field(default_factory=dict)

    def plus(self, other: Counts) -> Counts:
        """Return the sums of both."""
        statuses = dict(self.statuses)
        for status, count in other.statuses.items():
            statuses[status] = statuses.get(status, 0) + count
        return Counts(
            self.reports + other.reports,
            self.labeled + other.labeled,
            self.empty + other.empty,
            self.mentions + other.mentions,
            self.warnings + other.warnings,
            self.failures + other.failures,
            statuses,
        )

    def with_problems(self, severity: str, count: int) -> Counts:
        """Return the counts with that of the problems of one severity replaced."""
        if severity == "failure":
            return replace(self, failures=count)
        return replace(self, warnings=count)

    def recorded(self) -> dict[str, Any]:
        """Return the counts as ``run.json`` states them."""
        statuses = {s: self.statuses[s] for s in STATUSES if s in self.statuses}
        return {**{name: getattr(self, name) for name in self.__slots__}, "statuses": statuses}


@dataclass(frozen=True, slots=True)
class Part:
    """The contents of a part, in the order of its reports.

    ``labels`` holds, by scheme, the chunk's lines of the table; ``evidence`` the chunk's lines of
    the evidence page's data (empty where no page is asked for).
    """

    counts: Counts
    mentions: pa.Table
    labels: Mapping[str, bytes]
    problems: Sequence[Problem]
    evidence: bytes


def mention_schema() -> pa.Schema:
    """Return the Arrow schema of ``mentions.parquet``."""
    import pyarrow as pa

    return pa.schema(
        [
            pa.field(name, pa.int64() if name in _OFFSETS else pa.string(), nullable=False)
            for name in MENTION_COLUMNS
        ]
    )


def pack_part(part: Part) -> bytes:
    """Return the bytes of a part file; the same contents are the same bytes."""
    problems = [(problem.severity, problem.item, problem.message) for problem in part.problems]
    labels = {f"labels/{scheme}": lines for scheme, lines in part.labels.items()}
    return pack_members(
        {
            "counts.json": json.dumps(part.counts.recorded()).encode(),
            "mentions.arrow": arrow_bytes(part.mentions),
            "problems.json": json.dumps(problems).encode(),
            **labels,
            "evidence": part.evidence,
        }
    )


class PartFile(MemberFile):
    """A part file opened for reading, a member at a time."""

    def counts(self) -> Counts:
        """Return the chunk's counts."""
        return Counts(**self.json("counts.json"))

    def problems(self) -> list[Problem]:
        """Return the chunk's warnings and failures in their order."""
        return [Problem(*problem) for problem in self.json("problems.json")]

    def labels(self, scheme: str) -> bytes:
        """Return the chunk's lines of the table of `scheme`."""
        return self.bytes(f"labels/{scheme}")

    def evidence(self) -> bytes:
        """Return the chunk's lines of the evidence page's data."""
        return self.bytes("evidence")

    def mentions(self) -> pa.Table:
        """Return the chunk's mention rows."""
        return self.table("mentions.arrow")
