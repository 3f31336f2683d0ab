"""Every wrong cell with the words that led to it, from a run's ``mentions.parquet``."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from cxrmine.errors import UserError
from cxrmine.evaluation.findings import NORMAL, key
from cxrmine.evaluation.labels import BLANK
from cxrmine.evaluation.scores import FN, FP

_NEEDED = (
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
)
_SENTENCE_SPAN = ("sentence_start", "sentence_end")


@dataclass(frozen=True)
class MentionRow:
    """One row of ``mentions.parquet``; ``sentence_start`` is None where the file lacks it."""

    section: str
    sentence: str
    start: int
    end: int
    text: str
    finding: str
    concept: str
    status: str
    cue: str
    rule: str
    sentence_start: int | None


@dataclass(frozen=True)
class WrongCell:
    """A cell in which ours and the gold differ, and the mentions that bear on it.

    ``gold`` and ``ours`` are the values as they stand in the files (`BLANK` for blank).
    """

    report_id: str
    finding: str
    gold: int
    ours: int
    kind: Literal["FP", "FN"]
    mentions: tuple[MentionRow, ...] = field(default=())

    @property
    def sentences(self) -> tuple[str, ...]:
        """The different sentences of the mentions, in the report's order."""
        return tuple(dict.fromkeys(m.sentence for m in self.mentions))


def wrong_cells(
    codes: NDArray[np.int8],
    gold: NDArray[np.int8],
    ours: NDArray[np.int8],
    ids: Sequence[str],
    columns: Sequence[str],
) -> list[WrongCell]:
    """Return the false positives and false negatives, by column, then in the reports' order."""
    cells = []
    for k, column in enumerate(columns):
        for row in np.flatnonzero((codes[:, k] == FP) | (codes[:, k] == FN)):
            cells.append(
                WrongCell(
                    report_id=ids[int(row)],
                    finding=column,
                    gold=int(gold[row, k]),
                    ours=int(ours[row, k]),
                    kind="FP" if codes[row, k] == FP else "FN",
                )
            )
    return cells


def read_mentions(path: Path, report_ids: Iterable[str]) -> dict[str, list[MentionRow]]:
    """Read the mentions of some reports, in the report's order.

    The file is read in batches, so that a run of a million reports needs little memory.

    Raises
    ------
    UserError
        If the file is no Parquet table or lacks one of DESIGN.md's columns.
    """
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    wanted = pa.array(sorted(set(report_ids)), type=pa.string())
    found: dict[str, list[MentionRow]] = {}
    try:
        with pq.ParquetFile(path) as table:
            names = set(table.schema_arrow.names)
            missing = [name for name in _NEEDED if name not in names]
            if missing:
                raise UserError(
                    f"{path} lacks the columns {', '.join(missing)}; is it mine-labels' output?"
                )
            columns = [*_NEEDED, *(name for name in _SENTENCE_SPAN if name in names)]
            for batch in table.iter_batches(columns=columns):
                ids = batch.column(batch.schema.get_field_index("report_id")).cast(pa.string())
                part = batch.filter(pc.is_in(ids, value_set=wanted))
                for record in part.to_pylist():
                    found.setdefault(str(record["report_id"]), []).append(_mention(record))
    except (pa.ArrowException, OSError) as error:
        raise UserError(
            f"{path} cannot be read as Parquet ({type(error).__name__}); run mine-labels again, "
            "or give the label CSV itself instead of the folder."
        ) from error
    for mentions in found.values():
        mentions.sort(key=lambda m: (m.start, m.end))
    return found


def _mention(record: Mapping[str, Any]) -> MentionRow:
    def text(name: str) -> str:
        value = record[name]
        return "" if value is None else str(value)

    span = record.get("sentence_start")
    return MentionRow(
        section=text("section"),
        sentence=text("sentence"),
        start=int(record["start"]),
        end=int(record["end"]),
        text=text("text"),
        finding=text("finding"),
        concept=text("concept"),
        status=text("status"),
        cue=text("cue"),
        rule=text("rule"),
        sentence_start=None if span is None else int(span),
    )


def add_evidence(
    cells: Sequence[WrongCell],
    mentions: Mapping[str, Sequence[MentionRow]],
    counts_for: Callable[[MentionRow, str], bool],
    abnormal: Container[str] | None = None,
) -> list[WrongCell]:
    """Give each wrong cell the mentions that bear on it.

    Parameters
    ----------
    cells
        See `wrong_cells`.
    mentions
        By report id.
    counts_for
        Whether a mention's concept counts for a label column (see `by_name`).
    abnormal
        The concepts that make a report not normal; None where they are not known.

    Notes
    -----
    A finding's cell gets the mentions that count for it, whatever their status. ``normal`` and
    ``No Finding`` rest on everything that the report says: where we denied them, on every
    abnormal mention that is not ``absent``; where we stated them, on all mentions.
    """
    result = []
    for cell in cells:
        all_mentions = mentions.get(cell.report_id, ())
        if key(cell.finding) in {key(NORMAL), "no finding"}:
            chosen = [m for m in all_mentions if cell.kind == "FP" or m.status != "absent"]
            if cell.kind == "FN" and abnormal is not None:
                # None left means that the run had a vocabulary of its own: show what there is.
                chosen = [m for m in chosen if m.concept in abnormal] or chosen
        else:
            chosen = [m for m in all_mentions if counts_for(m, cell.finding)]
        result.append(replace(cell, mentions=tuple(chosen)))
    return result


def by_name(mention: MentionRow, column: str) -> bool:
    """Tell whether a mention counts for a column by the name of its finding alone."""
    return key(mention.finding) == key(column)


def by_scheme(columns_of: Mapping[str, Iterable[str]]) -> Callable[[MentionRow, str], bool]:
    """Return a `counts_for` that also looks a mention's concept up in a scheme.

    Parameters
    ----------
    columns_of
        Concept id → the label columns that it counts for (or against) in the scheme.
    """
    keys = {concept: {key(c) for c in columns} for concept, columns in columns_of.items()}

    def counts_for(mention: MentionRow, column: str) -> bool:
        return by_name(mention, column) or key(column) in keys.get(mention.concept, ())

    return counts_for


def shown(value: int) -> int | None:
    """Return a label's code as it is written: None for blank."""
    return None if value == BLANK else value


ERROR_COLUMNS = (
    "report_id",
    "finding",
    "kind",
    "gold",
    "ours",
    "sentences",
    "mentions",
    "statuses",
    "rules",
    "cues",
    "concepts",
)
#: Between several values in one cell of ``errors.csv``.
SEPARATOR = " | "


def error_rows(cells: Iterable[WrongCell]) -> Iterable[list[object]]:
    """Yield the rows of ``errors.csv``; mentions, statuses, rules, cues, concepts are parallel."""
    for cell in cells:
        found = cell.mentions
        yield [
            cell.report_id,
            cell.finding,
            cell.kind,
            shown(cell.gold),
            shown(cell.ours),
            SEPARATOR.join(" ".join(s.split()) for s in cell.sentences),
            SEPARATOR.join(m.text for m in found),
            SEPARATOR.join(m.status for m in found),
            SEPARATOR.join(m.rule for m in found),
            SEPARATOR.join(m.cue for m in found),
            SEPARATOR.join(m.concept for m in found),
        ]
