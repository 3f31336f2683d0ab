"""The work on one chunk of reports: packed reports in, a finished part out.

Two kinds: to split (what a clustering starts from), and to split and apply (what ``--apply``
writes). Both run in this process or in one of a pool, and get and give bytes.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from cxrmine.clauses.source import ClauseSplitter, Tally
from cxrmine.reports.report import Problem, Report
from cxrmine.runs.members import MemberFile, arrow_bytes, pack_members
from cxrmine.runs.spool import unpack

#: Reports in a chunk: a few tenths of a second of work, of which a killed run loses no more.
CHUNK = 2_000


@dataclass(frozen=True, slots=True)
class SplitSpec:
    """How reports are split into clauses; see `cxrmine.clauses.source`."""

    section: str | None = None
    split_enumeration: bool = False
    drop_units: bool = False


@dataclass(slots=True)
class SplitChunk:
    """The clauses of a chunk of reports, as columns.

    ``lengths`` has the number of clauses of each report; ``clauses`` has, for each clause, its
    index in ``distinct``. Texts are such that UTF-8 can hold them. ``tally`` is what the whole run
    has to say of them all.
    """

    report_ids: list[str] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    sections: list[str] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    raws: list[str] = field(default_factory=list)
    clauses: list[int] = field(default_factory=list)
    distinct: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)


def split_reports(reports: Sequence[Report], spec: SplitSpec) -> SplitChunk:
    """Split each report; one that breaks the splitter is a failure and loses only itself."""
    chunk = SplitChunk()
    splitter = _splitter(spec)
    splitter.tally, splitter.on_problem = chunk.tally, chunk.problems.append
    known: dict[str, int] = {}
    for report in reports:
        try:
            occurrences = splitter.split(report).occurrences
        except Exception as error:
            # The exception's own message may quote the report.
            message = (
                f"The report could not be split into clauses ({type(error).__name__}); it is in "
                "no table; please tell cxrmine's authors the name in brackets."
            )
            chunk.problems.append(Problem("failure", report.report_id, message))
            continue
        chunk.report_ids.append(_encodable(report.report_id))
        chunk.lengths.append(len(occurrences))
        text = report.text
        raws = [text[start:end] for _, start, end, _ in occurrences]
        if text != _encodable(text):
            raws = list(map(_encodable, raws))
        chunk.raws += raws
        for section, start, end, clause in occurrences:
            chunk.sections.append(section)
            chunk.starts.append(start)
            chunk.ends.append(end)
            chunk.clauses.append(known.setdefault(clause, len(known)))
    chunk.distinct = [_encodable(clause) for clause in known]
    return chunk


@lru_cache(maxsize=1)
def _splitter(spec: SplitSpec) -> ClauseSplitter:
    """Return the process's splitter, which remembers from chunk to chunk what it has split."""
    return ClauseSplitter(
        spec.section, spec.split_enumeration, spec.drop_units, list[Problem]().append
    )


def split_task(spec: SplitSpec, packed: bytes) -> bytes:
    """Return the part of a chunk that is to be clustered."""
    import pyarrow as pa

    chunk = split_reports(unpack(packed), spec)
    return pack_members(
        {
            "reports": arrow_bytes(
                pa.table(
                    {
                        "report_id": pa.array(chunk.report_ids, pa.string()),
                        "clauses": pa.array(chunk.lengths, pa.int32()),
                    }
                )
            ),
            "occurrences": arrow_bytes(
                pa.table(
                    {
                        "start": pa.array(chunk.starts, pa.int64()),
                        "end": pa.array(chunk.ends, pa.int64()),
                        "raw": pa.array(chunk.raws, pa.string()),
                        "clause": pa.array(chunk.clauses, pa.int32()),
                    }
                )
            ),
            "distinct": arrow_bytes(pa.table({"clause": pa.array(chunk.distinct, pa.string())})),
            **said_of(chunk),
        }
    )


def said_of(chunk: SplitChunk) -> dict[str, bytes]:
    """Return the members of a part that say what went wrong, and what concerns all reports."""
    problems = [[p.severity, p.item, p.message] for p in chunk.problems]
    tally = chunk.tally
    tallied = {"whole": tally.whole, "found": tally.found, "met": tally.met}
    return {"problems": json.dumps(problems).encode(), "tally": json.dumps(tallied).encode()}


def tally_of(parts: Iterable[Path]) -> Tally:
    """Return the tally of all parts together."""
    total = Tally()
    for path in parts:
        with MemberFile(path) as part:
            found = part.json("tally")
            total.add(Tally(found["whole"], found["found"], Counter(found["met"])))
    return total


def _encodable(text: str) -> str:
    """Return a text that UTF-8 can hold, as `cxrmine.tables` writes it."""
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate, from JSON or a file's name
        return text.encode(errors="backslashreplace").decode()
    return text
