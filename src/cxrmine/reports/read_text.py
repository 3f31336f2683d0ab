"""Plain text reports: one ``.txt`` file a report, MIMIC-CXR's tree among them.

A report's id is its path within the input, without the suffix; in MIMIC-CXR's tree
(``files/p10/p10000032/s50414267.txt``) it is the study's, ``s50414267``, wherever in the tree the
reading begins.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from cxrmine.reports.encoding import decode
from cxrmine.reports.format import ReadOptions, ReportFormat
from cxrmine.reports.report import Problem, Report
from cxrmine.reports.sources import OnProblem, Source

# A study id has eight digits; so has a patient's folder, which is absent where reading begins in it.
_MIMIC_STUDY = re.compile(r"(?:^|/)(?:p\d{8}/)?(s\d{8})\.txt$", re.IGNORECASE)


def _matches(source: Source) -> bool:
    return source.suffix == ".txt"


def _read(source: Source, options: ReadOptions, on_problem: OnProblem) -> Iterator[Report]:
    text, encoding = decode(source.read())
    if encoding is not None:
        message = f"The file is not UTF-8; read as {encoding}: check accented letters and signs."
        on_problem(Problem("warning", source.item, message))
    study = _MIMIC_STUDY.search(source.name)
    yield Report(study[1] if study else source.name[: -len(".txt")], text)


FORMAT = ReportFormat(
    name="text",
    description="plain text (.txt; a folder, .zip or .tgz of them, such as MIMIC-CXR's tree)",
    matches=_matches,
    read=_read,
)
