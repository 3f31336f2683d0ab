"""Helpers to make small inputs and to read them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from cxrmine.reports.readers import read_reports
from cxrmine.reports.report import Problem, Report

OPENI = """<?xml version="1.0" encoding="utf-8"?>
<eCitation>
  <uId id="{uid}"/>
  <MedlineCitation><Article><Abstract>
    {abstract}
  </Abstract></Article></MedlineCitation>
  <MeSH><major>normal</major></MeSH>
</eCitation>
"""


def openi_xml(uid: str, **sections: str) -> str:
    """Compose an Open-i file: ``openi_xml("CXR1", FINDINGS="…")``."""
    parts = (f'<AbstractText Label="{k}">{v}</AbstractText>' for k, v in sections.items())
    return OPENI.format(uid=uid, abstract="\n".join(parts))


@dataclass
class Reading:
    """What a reading gave."""

    reports: list[Report]
    problems: list[Problem] = field(default_factory=list)

    @property
    def texts(self) -> dict[str, str]:
        return {report.report_id: report.text for report in self.reports}

    @property
    def failures(self) -> list[Problem]:
        return [p for p in self.problems if p.severity == "failure"]

    @property
    def warnings(self) -> list[Problem]:
        return [p for p in self.problems if p.severity == "warning"]


Read = Callable[..., Reading]


@pytest.fixture
def read() -> Read:
    """Read inputs to the end, and check what holds for every reading."""

    def reading(*inputs: Path, **options: Any) -> Reading:
        problems: list[Problem] = []
        reports = list(read_reports(inputs, **options, on_problem=problems.append))
        ids = [report.report_id for report in reports]
        assert len(ids) == len(set(ids))
        assert all(ids)
        for problem in problems:
            assert problem.item
            assert problem.message.endswith(".")
            assert "\n" not in problem.message
        for report in reports:
            end = 0
            for section in report.sections or ():
                assert end <= section.start < section.end <= len(report.text)
                end = section.end
        return Reading(reports, problems)

    return reading
