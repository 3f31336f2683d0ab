"""Finished parts: everything that one chunk of reports adds to the output, in one file.

A part is a zip of the chunk's mention rows (Arrow), its lines of each ``labels.csv`` as they will
stand there, its problems, its counts and, for the evidence page, its reports. One file, so that
it is either there or not; a checksum on each member, so that a damaged one is noticed.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cxrmine.labeling.mention import STATUSES
from cxrmine.reports.report import Problem

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
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with pa.ipc.new_stream(sink, part.mentions.schema, options=options) as writer:
        writer.write_table(part.mentions)
    counts = part.counts.recorded()
    problems = [(problem.severity, problem.item, problem.message) for problem in part.problems]
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        members: list[tuple[str, bytes]] = [
            ("counts.json", json.dumps(counts).encode()),
            ("mentions.arrow", sink.getvalue().to_pybytes()),
            ("problems.json", json.dumps(problems).encode()),
            *((f"labels/{scheme}", lines) for scheme, lines in part.labels.items()),
            ("evidence", part.evidence),
        ]
        for name, data in members:
            # A ZipInfo of one's own has a fixed date.
            archive.writestr(zipfile.ZipInfo(name), data)
    return target.getvalue()


class PartFile:
    """A part file opened for reading, a member at a time.

    Raises
    ------
    zipfile.BadZipFile
        On opening or reading, if the file is damaged.
    """

    def __init__(self, path: Path) -> None:
        self._archive = zipfile.ZipFile(path)

    def __enter__(self) -> PartFile:
        return self

    def __exit__(self, *exc: object) -> None:
        self._archive.close()

    def counts(self) -> Counts:
        """Return the chunk's counts."""
        return Counts(**self._json("counts.json"))

    def problems(self) -> list[Problem]:
        """Return the chunk's warnings and failures in their order."""
        return [Problem(*problem) for problem in self._json("problems.json")]

    def labels(self, scheme: str) -> bytes:
        """Return the chunk's lines of the table of `scheme`."""
        return self._archive.read(f"labels/{scheme}")

    def evidence(self) -> bytes:
        """Return the chunk's lines of the evidence page's data."""
        return self._archive.read("evidence")

    def mentions(self) -> pa.Table:
        """Return the chunk's mention rows."""
        import pyarrow as pa

        return pa.ipc.open_stream(self._archive.read("mentions.arrow")).read_all()

    def _json(self, member: str) -> Any:
        return json.loads(self._archive.read(member))
