"""What a report format is: the shape of every ``read_NAME.py`` beside this file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from cxrmine.reports.report import Report
from cxrmine.reports.sources import OnProblem, Source


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What the user said about the columns of tables; None where a format should find out.

    ``section_columns`` holds column names, or ``SECTION=COLUMN`` where a column's name does not
    say which section it is.

    ``wanted_sections`` names the only sections that are wanted, the best first: where a table has
    columns of these, the report of a row is the best one's cell that is not empty. ``on_columns``
    is called with the names of the columns of every table.
    """

    id_column: str | None = None
    text_column: str | None = None
    section_columns: tuple[str, ...] | None = None
    wanted_sections: tuple[str, ...] = ()
    on_columns: Callable[[Sequence[str]], object] | None = None


@dataclass(frozen=True, slots=True)
class ReportFormat:
    """A format: a module ``cxrmine/reports/read_NAME.py`` offers one as ``FORMAT``.

    ``matches`` says from its name alone whether a file is of this format; ``read`` yields its
    reports in order, and hands what is wrong with single reports to ``on_problem``. It may raise
    `cxrmine.reports.sources.READ_ERRORS` and `SourceError`; the caller reports them as failures
    of the file. Duplicated and empty ids and empty texts are the caller's to notice.
    """

    name: str
    description: str
    matches: Callable[[Source], bool]
    read: Callable[[Source, ReadOptions, OnProblem], Iterator[Report]]
