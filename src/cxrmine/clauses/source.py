"""The clauses of reports: the wanted section of each, split and normalised."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path

from cxrmine.clauses.model import Occurrence, ReportClauses
from cxrmine.clauses.normalize import normalize
from cxrmine.clauses.split import split_clauses
from cxrmine.errors import UserError
from cxrmine.reports.columns import listing, section_name
from cxrmine.reports.readers import read_reports
from cxrmine.reports.report import Problem, Report, Section
from cxrmine.reports.section_names import SYNONYMS
from cxrmine.reports.sections import find_sections
from cxrmine.reports.sources import OnProblem

#: The sections that hold the diagnoses, the first that a report has: what is read by default.
DEFAULT_SECTIONS = ("impression", "diagnosis")
#: What the section is called where a report has none and its whole text counts.
WHOLE_TEXT = "text"

# What follows a bare diagnosis without making a structured report of it.
_AFTERTHOUGHTS = frozenset({"recommendation", "notification", "signature", "date"})
_NAMES = frozenset(SYNONYMS) - {"preamble"}
_STRUCTURE = _NAMES - _AFTERTHOUGHTS

# Headers that may stand over nothing, and how long the line is that one stands on.
_BARE_HEADERS = frozenset({*DEFAULT_SECTIONS, "findings"})
_LONGEST_HEADER = 40

_HEADER_MARK = re.compile("[:：【\n\r]")
_CACHED_BODIES = 1 << 14
_NOTED_COLUMNS = 1000

Span = tuple[int, int]
Pieces = Callable[[str], tuple[tuple[int, int, str], ...]]


def read_clauses(
    inputs: Sequence[Path],
    *,
    section: str | None = None,
    id_column: str | None = None,
    text_column: str | None = None,
    split_enumeration: bool = False,
    drop_units: bool = False,
    on_problem: OnProblem,
) -> Iterator[ReportClauses]:
    """Read reports and cut the wanted section of each into clauses.

    Parameters
    ----------
    inputs
        Files, folders and archives, as `cxrmine.reports.readers.read_reports` takes them.
    section
        The wanted section: a table's column of that name (in any case), else its column of the
        same section by another name (``诊断`` is ``diagnosis``), else that section of the text;
        where a report has several of them, all. By default the first of `DEFAULT_SECTIONS` that
        the report has and that is not empty; a report without any section that is known then
        counts as a whole, but for recommendations and signatures behind it.
    id_column, text_column
        Columns of tables, as for `read_reports`. Where a text column but no section is named,
        the others are not looked at.
    split_enumeration, drop_units
        As for `split_clauses` and `normalize`.
    on_problem
        Called with every `Problem` as it is met: those of the reader, a warning for each report
        without clauses, and one for all reports that counted as a whole.

    Returns
    -------
    iterator of ReportClauses
        One a report, in the order of `read_reports`, those without clauses included. Where the
        clauses come from one column of a table, the report's text is its cell, so that offsets
        point into that. A piece without a word (only digits, only marks) is no clause.

    Raises
    ------
    UserError
        At once, for inputs that `read_reports` refuses and for a `section` that is no name. At
        the end, if a `section` was named and no report has it; the message lists the sections
        and columns that were found.
    """
    columns: list[str] = []
    reports = read_wanted(
        inputs,
        section=section,
        id_column=id_column,
        text_column=text_column,
        columns=columns,
        on_problem=on_problem,
    )
    splitter = ClauseSplitter(section, split_enumeration, drop_units, on_problem)
    return _read_all(reports, splitter, columns)


def _read_all(
    reports: Iterable[Report], splitter: ClauseSplitter, columns: list[str]
) -> Iterator[ReportClauses]:
    for report in reports:
        yield splitter.split(report)
    conclude(splitter.tally, splitter.section, columns, splitter.on_problem)


def read_wanted(
    inputs: Sequence[Path],
    *,
    section: str | None,
    id_column: str | None,
    text_column: str | None,
    columns: list[str],
    on_problem: OnProblem,
) -> Iterator[Report]:
    """Read reports for a `ClauseSplitter`: those of a table are made of the wanted columns.

    Parameters and errors are those of `read_clauses`; the names of tables' columns, which
    `conclude` asks for, are added to `columns` as they are met.
    """
    if section is not None and not section_name(section):
        raise UserError(f"The section {section!r} is no name: give --section a name, or leave it.")
    wanted: tuple[str, ...] = DEFAULT_SECTIONS if section is None else (section,)
    if section is None and text_column is not None:
        # The user said where the text is; that may be the section's own column.
        wanted = (text_column,) if section_name(text_column) in DEFAULT_SECTIONS else ()

    def note(names: Sequence[str]) -> None:
        if len(columns) < _NOTED_COLUMNS:  # the keys of JSON may be data
            columns.extend(name for name in dict.fromkeys(names) if name not in columns)

    return read_reports(
        inputs,
        id_column=id_column,
        text_column=text_column,
        wanted_sections=wanted,
        on_columns=note,
        on_problem=on_problem,
    )


@dataclass(slots=True)
class Tally:
    """What is said of all reports together, when the last one is split.

    ``whole`` counts reports all of whose text was split; ``found`` tells whether any report has
    the section that the user named, and ``met`` counts the known sections of those without it.
    """

    whole: int = 0
    found: bool = False
    met: Counter[str] = field(default_factory=Counter)

    def add(self, other: Tally) -> None:
        """Add what was tallied elsewhere."""
        self.whole += other.whole
        self.found = self.found or other.found
        self.met.update(other.met)


class ClauseSplitter:
    """Splits reports one by one; they may come in any order and in any number of processes.

    Parameters
    ----------
    section, split_enumeration, drop_units, on_problem
        As for `read_clauses`.
    """

    def __init__(
        self,
        section: str | None,
        split_enumeration: bool,
        drop_units: bool,
        on_problem: OnProblem,
    ) -> None:
        self.section = section
        self.on_problem = on_problem
        self.tally = Tally()
        self._names = DEFAULT_SECTIONS if section is None else (section_name(section),)
        self._takes_whole = section is None or self._names == (WHOLE_TEXT,)
        self._pieces: Pieces = lru_cache(_CACHED_BODIES)(
            partial(_pieces, split_enumeration, drop_units)
        )

    def split(self, report: Report) -> ReportClauses:
        """Return the clauses of the wanted section of a report."""
        sections = _sections(report)
        name, spans = _first_section(report, sections, self._names)
        if name is None and self._takes_whole and _is_bare(report, sections):
            name, spans = WHOLE_TEXT, _without_afterthoughts(report.text, sections)
            self.tally.whole += bool(spans)
        self.tally.found = self.tally.found or name is not None
        if not self.tally.found:
            # Unknown headers may be patients' names: they are no news for a terminal.
            self.tally.met.update({s.name for s in sections} & _NAMES)
        return _clauses(report, name, spans, self._names, self._pieces, self.on_problem)


def conclude(
    tally: Tally, section: str | None, columns: Sequence[str], on_problem: OnProblem
) -> None:
    """Say what is to be said of all reports together.

    Raises
    ------
    UserError
        If a section was named that no report and no table has.
    """
    if section is None and tally.whole:
        reports_have = "1 report has" if tally.whole == 1 else f"{tally.whole:,} reports have"
        message = (
            f"{reports_have} no section that was recognised, so the whole text counted: if that "
            "is wrong, name the section or column with --section."
        )
        on_problem(Problem("warning", "all inputs", message))
    if section is None or tally.found or _is_column(section, columns):
        return
    if tally.met or columns:
        raise UserError(_not_found(section, tally.met, columns))


def _is_column(section: str, columns: Iterable[str]) -> bool:
    """Say whether a table has the section's column; it may be empty throughout."""
    exact, canonical = section.strip().lower(), section_name(section)
    return any(exact == c.strip().lower() or canonical == section_name(c) for c in columns)


def _not_found(section: str, met: Counter[str], columns: Collection[str]) -> str:
    by_count = sorted(met, key=lambda name: (-met[name], name))
    found = [f"the sections found are {', '.join(by_count)}"]
    if any(column.strip().isdigit() for column in columns):
        # A first row of data is no news for a terminal either.
        found.append("the columns have no names (does the first row hold them?)")
    elif columns:
        found.append(f"the columns are {listing(list(columns))}")
    return (
        f"No report has a section or column {section!r}: {'; '.join(found[not met :])}. Name one "
        "of these with --section."
    )


def _sections(report: Report) -> tuple[Section, ...]:
    return find_sections(report.text) if report.sections is None else report.sections


def _first_section(
    report: Report, sections: Iterable[Section], names: Iterable[str]
) -> tuple[str | None, list[Span]]:
    """Return the first of `names` that the report has, and where its bodies lie."""
    for name in names:
        spans = [(s.start, s.end) for s in sections if s.name == name and s.end > s.start]
        if spans:
            if report.sections is not None:
                spans = [part for span in spans for part in _inner(report.text, span, name)]
            return name, spans
    return None, []


def _inner(text: str, span: Span, name: str) -> list[Span]:
    """Return what counts of a body that a column or an XML element holds.

    It may repeat its header ("诊断：…"), hold the whole report, or end in a recommendation.
    """
    start, end = span
    body = text[start:end]
    if not _HEADER_MARK.search(body):
        return [span]
    sections = find_sections(body)
    for alias in dict.fromkeys((name, *DEFAULT_SECTIONS) if name in DEFAULT_SECTIONS else (name,)):
        parts = [(s.start, s.end) for s in sections if s.name == alias]
        if parts:
            break
    else:
        parts = _without_afterthoughts(body, sections)
    return [(start + first, start + last) for first, last in parts]


def _is_bare(report: Report, sections: tuple[Section, ...]) -> bool:
    """Say whether a report is text without a structure."""
    if report.sections == ():
        return False  # a row whose section's cell is empty
    return not any(section.name in _STRUCTURE for section in sections)


def _without_afterthoughts(text: str, sections: Sequence[Section]) -> list[Span]:
    """Return the stretches of `text` outside of recommendations, signatures …

    Other headers stay within them: "考虑：肺炎" is a diagnosis as it stands.
    """
    spans: list[Span] = []
    begin: int | None = 0
    for position, section in enumerate(sections):
        if section.name in _AFTERTHOUGHTS:
            if begin is not None and position:
                spans.append((begin, sections[position - 1].end))
            begin = None
        elif begin is None:
            begin = section.start
    if begin is not None and (end := _before_bare_header(text)) > begin and text[begin:end].strip():
        spans.append((begin, end))
    return spans


def _before_bare_header(text: str) -> int:
    """Return where a header ends `text` with nothing behind it ("诊断："); else the text's end.

    `find_sections` knows no empty sections, so such a header would pass for a diagnosis.
    """
    stripped = text.rstrip()
    begin = max(stripped.rfind("\n"), stripped.rfind("\r")) + 1
    line = stripped[begin:]
    if not 0 < len(line) <= _LONGEST_HEADER:
        return len(text)
    is_header = any(section.name in _BARE_HEADERS for section in find_sections(f"{line}\nx"))
    return begin if is_header and not find_sections(line) else len(text)


def _clauses(
    report: Report,
    name: str | None,
    spans: Iterable[Span],
    names: tuple[str, ...],
    pieces: Pieces,
    on_problem: OnProblem,
) -> ReportClauses:
    occurrences = tuple(
        Occurrence(name or "", start + first, start + last, clause)
        for start, end in spans
        for first, last, clause in pieces(report.text[start:end])
    )
    if not occurrences and report.text and not report.text.isspace():
        if name is None:
            message = f"The report has no {' and no '.join(names)}; it was kept, without clauses."
        else:
            message = f"The report's {name} holds no words; it was kept, without clauses."
        on_problem(Problem("warning", report.report_id, message))
    return ReportClauses(report, occurrences)


def _pieces(
    split_enumeration: bool, drop_units: bool, body: str
) -> tuple[tuple[int, int, str], ...]:
    found = []
    for start, end in split_clauses(body, split_enumeration=split_enumeration):
        if clause := normalize(body[start:end], drop_units=drop_units):
            found.append((start, end, clause))
    return tuple(found)
