"""Which columns of a table hold a report's id, its text or its sections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cxrmine.reports.compose import compose
from cxrmine.reports.report import Problem, Report, Section
from cxrmine.reports.section_names import SYNONYMS
from cxrmine.reports.sections import canonical_name, find_sections
from cxrmine.reports.sources import OnProblem, SourceError

if TYPE_CHECKING:
    from cxrmine.reports.format import ReadOptions

#: Names of id columns that are found by themselves, the first that exists; else rows are counted.
ID_COLUMNS = ("report_id", "id")
#: Names of text columns that are found by themselves, the first that exists.
TEXT_COLUMNS = ("text", "report_text", "report", "radiology_report", "full_text", "reports")
# Sections that a column may be named after; others ("date", "study", "order") hold other things.
_SECTION_COLUMNS = frozenset(
    {
        "findings",
        "impression",
        "diagnosis",
        "addendum",
        "indication",
        "history",
        "comparison",
        "technique",
        "examination",
        "recommendation",
    }
)
# A table of these alone holds no report.
_CONTENT = frozenset({"findings", "impression", "diagnosis", "addendum"})


@dataclass(frozen=True, slots=True)
class ColumnPlan:
    """The columns to read, by position: `identifier` (None: count the rows), and either
    `text` or `sections` (position and label).

    `wanted` holds the wanted sections, the best first, each with its columns. Where it has any,
    a report is made of the best section that is not empty, be it in a column or in the text.
    """

    identifier: int | None
    text: int | None
    sections: tuple[tuple[int, str], ...]
    wanted: tuple[tuple[str, tuple[tuple[int, str], ...]], ...] = ()

    @property
    def positions(self) -> tuple[int, ...]:
        """The positions of all columns that are read, in order."""
        needed = {position for position, _ in self.sections}
        needed.update(position for _, columns in self.wanted for position, _ in columns)
        needed.update(p for p in (self.identifier, self.text) if p is not None)
        return tuple(sorted(needed))

    def report(self, cells: Sequence[str], row: int) -> Report:
        """Make the report of one row; `row` counts from 1, `cells` has every column."""
        report_id = str(row) if self.identifier is None else cells[self.identifier].strip()
        if self.wanted:
            return self._wanted_report(report_id, cells)
        if self.text is not None:
            return Report(report_id, cells[self.text])
        return compose(report_id, [(label, cells[position]) for position, label in self.sections])

    def _wanted_report(self, report_id: str, cells: Sequence[str]) -> Report:
        text = "" if self.text is None else cells[self.text]
        found: tuple[Section, ...] | None = None
        for name, columns in self.wanted:
            if len(columns) == 1:
                # One column: its cell as it is, so that offsets point into the user's own cell.
                cell = cells[columns[0][0]]
                if body := cell.strip():
                    start = cell.index(body)
                    return Report(report_id, cell, (Section(name, start, start + len(body)),))
            elif any(cells[position].strip() for position, _ in columns):
                parts = [(label, cells[position]) for position, label in columns]
                return compose(report_id, parts)
            if found is None:
                found = find_sections(text) if text else ()
            if any(section.name == name for section in found):
                return Report(report_id, text, found)
        # The table has columns of them, so that a text without headers is none of them.
        return Report(report_id, text, ())


def plan_columns(names: Sequence[str], options: ReadOptions) -> ColumnPlan:
    """Choose the columns.

    Raises
    ------
    SourceError
        If a column that the user named is missing, if none can hold the text, or if two that
        are to be read have one name; the message lists the columns that exist.
    """
    if options.on_columns is not None:
        options.on_columns(names)
    plan = _plan(names, options)
    for position in plan.positions:
        if names.count(names[position]) > 1:
            raise SourceError(
                f"Two columns are called {names[position]!r}: rename one; the columns are "
                f"{listing(names)}."
            )
    return plan


def warn_of_counting(plan: ColumnPlan, item: str, on_problem: OnProblem) -> None:
    """Tell that ids are row numbers: they would not match another table of the same patients."""
    if plan.identifier is None:
        message = (
            f"No column of ids was found (looked for {', '.join(ID_COLUMNS)}), so the rows' "
            "numbers are the ids: name the column with --id-column."
        )
        on_problem(Problem("warning", item, message))


def _plan(names: Sequence[str], options: ReadOptions) -> ColumnPlan:
    folded = [name.strip().lower() for name in names]
    identifier = (
        _position(options.id_column, names, folded, "--id-column")
        if options.id_column is not None
        else next((folded.index(name) for name in ID_COLUMNS if name in folded), None)
    )
    wanted = tuple(
        (section_name(section), _columns_of(section, names, folded, identifier))
        for section in options.wanted_sections
    )
    if any(columns for _, columns in wanted):
        return ColumnPlan(identifier, _text_column(options, names, folded, identifier), (), wanted)
    if options.text_column is None and options.section_columns is not None:
        chosen = []
        for entry in options.section_columns:
            label, _, column = entry.rpartition("=")
            position = _position(column, names, folded, "a section column")
            chosen.append((position, _label(label or names[position])))
        return ColumnPlan(identifier, None, tuple(chosen))
    if (text := _text_column(options, names, folded, identifier)) is not None:
        return ColumnPlan(identifier, text, ())
    sections = tuple(
        (position, _label(name))
        for position, name in enumerate(names)
        if position != identifier and canonical_name(_label(name)) in _SECTION_COLUMNS
    )
    if any(canonical_name(label) in _CONTENT for _, label in sections):
        return ColumnPlan(identifier, None, sections)
    raise SourceError(
        f"No column holds the report's text (looked for {', '.join(TEXT_COLUMNS)}, findings, "
        f"impression and the like); the columns are {listing(names)}: name one with --text-column."
    )


def section_name(name: str) -> str:
    """Return the canonical name of the section that a user or a column calls `name`.

    >>> section_name("Impression_Text"), section_name("DX_TEXT")
    ('impression', 'dx text')
    """
    canonical = canonical_name(name)
    labelled = canonical_name(_label(name))
    return labelled if labelled in SYNONYMS else canonical


def _text_column(
    options: ReadOptions, names: Sequence[str], folded: Sequence[str], identifier: int | None
) -> int | None:
    """Return the position of the column of whole reports, None where there is none."""
    if options.text_column is not None:
        return _position(options.text_column, names, folded, "--text-column")
    positions = (folded.index(name) for name in TEXT_COLUMNS if name in folded)
    return next((position for position in positions if position != identifier), None)


def _columns_of(
    section: str, names: Sequence[str], folded: Sequence[str], identifier: int | None
) -> tuple[tuple[int, str], ...]:
    """Return the columns of a section: those of that very name, else of that meaning."""
    exact = section.strip().lower()
    canonical = section_name(section)
    candidates = [position for position in range(len(names)) if position != identifier]
    found = [position for position in candidates if folded[position] == exact] or [
        position
        for position in candidates
        if folded[position] not in TEXT_COLUMNS and section_name(names[position]) == canonical
    ]
    return tuple((position, _label(names[position])) for position in found)


def _label(name: str) -> str:
    """Return the header for a column: ``section_findings`` becomes ``FINDINGS``."""
    label = name.strip().replace("_", " ").upper()
    return label.removeprefix("SECTION ").removesuffix(" SECTION").removesuffix(" TEXT")


def _position(wanted: str, names: Sequence[str], folded: Sequence[str], option: str) -> int:
    if wanted in names:
        return list(names).index(wanted)
    if wanted.strip().lower() in folded:
        return list(folded).index(wanted.strip().lower())
    raise SourceError(
        f"There is no column {wanted!r} ({option}); the columns are {listing(names)}: name one of "
        "these."
    )


def listing(names: Sequence[str]) -> str:
    """List column names for a message; what looks like a report (a table without a header row) is not shown."""
    shown = [
        repr(name) if len(name) <= 40 and len(name.split()) <= 4 else "(a long cell)"
        for name in names[:20]
    ]
    rest = f" and {len(names) - 20} more" if len(names) > 20 else ""
    hint = " (does the first row hold the names?)" if "(a long cell)" in shown else ""
    return ", ".join(shown) + rest + hint


def cell_text(value: object) -> str:
    """Return a typed cell (parquet, JSON) as text; None is empty.

    A whole number that became a float because its column has gaps loses its ``.0``.

    Raises
    ------
    TypeError
        For a list, a mapping or anything else that is no text.
    """
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, float):
        if value != value:
            return ""
        return str(int(value)) if value.is_integer() else str(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    raise TypeError(type(value).__name__)
