"""``errors.html``: every wrong cell with its sentences, to read and filter without a network."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO

from cxrmine.evaluation.label_errors import MentionRow, WrongCell, shown

#: Beyond this many cells a browser gets slow; errors.csv always has them all.
PAGE_LIMIT = 20_000


@dataclass(frozen=True)
class Piece:
    """A stretch of text; ``mention`` is set where it is one."""

    text: str
    mention: MentionRow | None = None


def highlight(text: str, offset: int, mentions: Sequence[MentionRow]) -> list[Piece]:
    """Cut a text at its mentions.

    Parameters
    ----------
    text
        A sentence, or a report.
    offset
        Where it begins in the report (mentions carry offsets into the report).
    mentions
        In the report's order. Where the offsets do not fit the text, or a mention overlaps an
        earlier one, it is not marked: a wrong mark would mislead.

    Returns
    -------
    list of Piece
        Their texts add up to `text`.
    """
    pieces = []
    done = 0
    for mention in mentions:
        start, end = mention.start - offset, mention.end - offset
        if start < done or end > len(text) or text[start:end] != mention.text:
            continue
        if start > done:
            pieces.append(Piece(text[done:start]))
        pieces.append(Piece(text[start:end], mention))
        done = end
    if done < len(text) or not pieces:
        pieces.append(Piece(text[done:]))
    return pieces


@dataclass(frozen=True)
class _Sentence:
    section: str
    pieces: list[Piece]
    mentions: list[MentionRow]


@dataclass(frozen=True)
class _Entry:
    cell: WrongCell
    gold: str
    ours: str
    sentences: list[_Sentence]
    report: list[Piece] | None


def _sentences(cell: WrongCell) -> list[_Sentence]:
    groups: dict[tuple[str, int | None, str], list[MentionRow]] = {}
    for mention in cell.mentions:
        place = (mention.section, mention.sentence_start, mention.sentence)
        groups.setdefault(place, []).append(mention)
    result = []
    for (section, start, sentence), mentions in groups.items():
        if start is None:
            # Without the sentence's place, the first occurrence of the words is the best guess.
            first = mentions[0]
            match = re.search(re.escape(first.text), sentence) if first.text else None
            start = first.start - (match.start() if match else 0)
        result.append(_Sentence(section, highlight(sentence, start, mentions), mentions))
    return result


def _entries(cells: Sequence[WrongCell], texts: Mapping[str, str]) -> Iterator[_Entry]:
    for cell in cells:
        text = texts.get(cell.report_id)
        yield _Entry(
            cell=cell,
            gold=_value(cell.gold),
            ours=_value(cell.ours),
            sentences=_sentences(cell),
            report=None if text is None else highlight(text, 0, cell.mentions),
        )


def _value(code: int) -> str:
    value = shown(code)
    return "blank" if value is None else str(value)


def write_error_page(
    handle: IO[str],
    cells: Sequence[WrongCell],
    *,
    measured_on: str,
    has_mentions: bool,
    texts: Mapping[str, str] | None = None,
    limit: int = PAGE_LIMIT,
) -> None:
    """Write the page, piece by piece.

    Parameters
    ----------
    handle
        A text file.
    cells
        The wrong cells, with their evidence.
    measured_on
        One sentence that says which labels were scored against which gold.
    has_mentions
        Whether there was a ``mentions.parquet`` to take evidence from.
    texts
        Report texts by id, to show the whole report where they are known.
    limit
        The most cells to show.
    """
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("cxrmine.evaluation", "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    findings: dict[str, dict[str, int]] = {}
    for cell in cells:
        findings.setdefault(cell.finding, {"FP": 0, "FN": 0})[cell.kind] += 1
    stream = environment.get_template("errors.html").stream(
        measured_on=measured_on,
        findings=findings,
        total=len(cells),
        shown=min(limit, len(cells)),
        has_mentions=has_mentions,
        entries=_entries(cells[:limit], texts or {}),
    )
    for chunk in stream:
        handle.write(chunk)
