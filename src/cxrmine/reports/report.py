"""A report and its sections, as every reader hands them on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple


class Section(NamedTuple):
    """One section of a report: its canonical name and where its body lies.

    ``name`` is lower case (``findings``, ``impression``, ``indication`` …); ``start`` and ``end``
    are half-open character offsets of the body, without the header, into the report's text.
    """

    name: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Report:
    """A report as read: its id, its original text, and its sections where the format gives them.

    Every offset that cxrmine writes points into ``text``. ``sections`` is None where the format
    has none of its own; they are then found in the text (`cxrmine.reports.sections`).
    """

    report_id: str
    text: str
    sections: tuple[Section, ...] | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with an input: a line of ``failures.csv`` or ``warnings.csv``.

    ``item`` says where (a file name, a row number, a report id), ``message`` what was wrong and
    what to do, in one sentence. Neither is ever printed to a log: ids are patient data.
    """

    severity: Literal["failure", "warning"]
    item: str
    message: str
