from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cxrmine.clauses.model import ReportClauses
from cxrmine.clauses.source import read_clauses
from cxrmine.errors import UserError
from cxrmine.reports.report import Problem


@dataclass
class Reading:
    results: list[ReportClauses]
    problems: list[Problem]

    @property
    def clauses(self) -> dict[str, list[str]]:
        return {r.report.report_id: [o.clause for o in r.occurrences] for r in self.results}

    @property
    def sections(self) -> set[str]:
        return {o.section for r in self.results for o in r.occurrences}

    @property
    def messages(self) -> list[str]:
        return [p.message for p in self.problems]


Read = Callable[..., Reading]


@pytest.fixture
def read() -> Read:
    """Read to the end, and check what holds for every reading."""

    def reading(*inputs: Path, **options: Any) -> Reading:
        problems: list[Problem] = []
        results = list(read_clauses(inputs, **options, on_problem=problems.append))
        for result in results:
            end = 0
            for occurrence in result.occurrences:
                assert end <= occurrence.start < occurrence.end <= len(result.report.text)
                assert occurrence.clause
                assert occurrence.section
                end = occurrence.end
        for problem in problems:
            assert problem.message.endswith(".")
            assert "\n" not in problem.message
        return Reading(results, problems)

    return reading


@pytest.fixture
def table(tmp_path: Path) -> Callable[..., Path]:
    """Write a CSV of a first row and the others."""

    def written(*rows: list[str], name: str = "t.csv", encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        with path.open("w", encoding=encoding, newline="") as file:
            csv.writer(file).writerows(rows)
        return path

    return written


@pytest.mark.parametrize(
    "column", ["diagnosis", "Impression", "诊断", "诊断意见", "影像诊断", "CONCLUSION", "section_impression"]
)  # fmt: skip
def test_a_table_of_diagnoses_needs_no_option(
    column: str, table: Callable[..., Path], read: Read
) -> None:
    path = table(
        ["report_id", "sex", column],
        ["a", "F", " 1、双肺纹理增多，右肺结节1.5cm。\n2、No mass "],
        ["b", "M", "心、肺、膈未见异常"],
    )
    got = read(path)
    assert got.clauses == {
        "a": ["双肺纹理增多", "右肺结节cm", "no mass"],
        "b": ["心、肺、膈未见异常"],
    }
    assert got.problems == []
    # The offsets point into the cell itself.
    assert got.results[0].report.text == " 1、双肺纹理增多，右肺结节1.5cm。\n2、No mass "
    first = got.results[0].occurrences[1]
    assert got.results[0].report.text[first.start : first.end] == "右肺结节1.5cm"


def test_options_reach_the_clauses(table: Callable[..., Path], read: Read) -> None:
    path = table(["id", "diagnosis"], ["1", "心、肺正常，结节5mm"])
    got = read(path, split_enumeration=True, drop_units=True)
    assert got.clauses == {"1": ["心", "肺正常", "结节"]}


def test_ids(table: Callable[..., Path], read: Read) -> None:
    path = table(["diagnosis", "id", "accession"], ["甲", "x", "7"], ["乙", "y", "8"])
    assert list(read(path).clauses) == ["x", "y"]
    assert list(read(path, id_column="ACCESSION").clauses) == ["7", "8"]
    path = table(["diagnosis"], ["甲"], ["乙"])
    got = read(path)
    assert list(got.clauses) == ["1", "2"]
    assert any("rows' numbers are the ids" in m for m in got.messages)


def test_the_impression_comes_before_the_diagnosis(table: Callable[..., Path], read: Read) -> None:
    path = table(
        ["id", "diagnosis", "findings", "impression"],
        ["1", "old name", "lungs", "big heart"],
        ["2", "scar", "lungs", "  "],
        ["3", "", "lungs", ""],
    )
    got = read(path)
    assert got.clauses == {"1": ["big heart"], "2": ["scar"], "3": []}
    assert [(p.severity, p.item) for p in got.problems] == [("warning", "t.csv: 3")]


def test_a_column_comes_before_the_text(table: Callable[..., Path], read: Read) -> None:
    path = table(
        ["id", "text", "Diagnosis"],
        ["1", "Findings: Lungs. Diagnosis: scar.", "edema"],
        ["2", "Findings: Lungs. Diagnosis: scar.", ""],
        ["3", "The lungs, as far as seen, are clear.", "edema"],
        ["4", "The lungs, as far as seen, are clear.", ""],
        ["5", "Findings: Lungs. Impression: clot.", "edema"],
    )
    got = read(path, section="diagnosis")
    expected = {"1": ["edema"], "2": ["scar"], "3": ["edema"], "4": [], "5": ["edema"]}
    assert got.clauses == expected
    assert [p.item for p in got.problems] == ["4"]
    # By default the impression comes first, wherever it stands; no bare text counts where the
    # table has a column for the diagnosis.
    assert read(path).clauses == expected | {"5": ["clot"]}


@pytest.mark.parametrize("section", ["DX_TEXT", "dx_text", "Dx_Text "])
def test_a_column_of_any_name(section: str, table: Callable[..., Path], read: Read) -> None:
    path = table(["id", "diagnosis", "DX_TEXT"], ["1", "甲", "乙，丙"], ["2", "丁", ""])
    got = read(path, section=section)
    assert got.clauses == {"1": ["乙", "丙"], "2": []}
    assert got.problems[0].item == "t.csv: 2"


def test_a_name_stands_for_its_section(table: Callable[..., Path], read: Read) -> None:
    path = table(["id", "影像诊断", "临床诊断"], ["1", "甲", "乙"])
    assert read(path, section="诊断").clauses == {"1": ["甲"]}
    assert read(path, section="diagnosis").clauses == {"1": ["甲"]}
    assert read(path, section="临床诊断").clauses == {"1": ["乙"]}
    # The very name wins.
    path = table(["id", "影像诊断", "诊断意见"], ["1", "甲", "乙"])
    assert read(path, section="诊断意见").clauses == {"1": ["乙"]}
    # Two that are meant alike both count.
    assert read(path).clauses == {"1": ["甲", "乙"]}


def test_a_column_of_whole_reports_is_no_section(table: Callable[..., Path], read: Read) -> None:
    path = table(["id", "report"], ["1", "Findings: clear lungs. Impression: clot."])
    assert read(path, section="findings").clauses == {"1": ["clear lungs"]}
    # … unless it is named.
    path = table(["id", "report", "text"], ["1", "甲，乙", "丙"])
    assert read(path, section="Report").clauses == {"1": ["甲", "乙"]}


def test_the_text_column_that_was_named(table: Callable[..., Path], read: Read) -> None:
    path = table(
        ["id", "diagnosis", "story", "诊断意见"], ["1", "甲", "Impression: clot.", "诊断：乙"]
    )
    assert read(path, text_column="story").clauses == {"1": ["clot"]}
    assert read(path, text_column="story", section="diagnosis").clauses == {"1": ["甲"]}
    got = read(path, text_column="诊断意见")
    assert (got.clauses, got.problems) == ({"1": ["乙"]}, [])


def test_a_cell_may_repeat_its_header_and_go_on(table: Callable[..., Path], read: Read) -> None:
    path = table(
        ["id", "诊断"],
        ["1", "诊断：双肺纹理增多。建议：随诊"],
        ["2", "双肺纹理增多。建议：随诊。"],
        ["3", "右肺：结节。考虑：肺炎"],
        ["4", "所见：清晰。\n印象：心影增大"],
        ["5", "建议：复查"],
    )
    got = read(path)
    assert got.clauses == {
        "1": ["双肺纹理增多"],
        "2": ["双肺纹理增多"],
        "3": ["右肺", "结节", "考虑", "肺炎"],
        "4": ["心影增大"],
        "5": [],
    }
    assert [p.item for p in got.problems] == ["5"]


@pytest.mark.parametrize("column", ["text", "impression", "诊断"])
def test_a_header_over_nothing_is_no_clause(
    column: str, table: Callable[..., Path], read: Read
) -> None:
    headers = ["诊断：", "Impression:", "【诊断】", " DIAGNOSIS: \n", "1. Impression:\n\n"]
    texts = ["Heart large\nImpression:", "心影增大\n诊断：\n", "Heart large:"]
    path = table(["id", column], *([str(n), t] for n, t in enumerate(headers + texts)))
    got = read(path)
    expected = [[]] * len(headers) + [["heart large"], ["心影增大"], ["heart large"]]
    assert list(got.clauses.values()) == expected
    told = [
        p
        for p in got.problems
        if p.message.endswith("holds no words; it was kept, without clauses.")
    ]
    assert [p.item for p in told] == [str(n) for n in range(len(headers))]


def test_sections_of_texts(tmp_path: Path, read: Read) -> None:
    texts = {
        "a": "FINDINGS: Clear.\n\nIMPRESSION: No mass. Scar.\n\nADDENDUM:\nIMPRESSION: Clot.",
        "b": "所见：清晰。\n诊断：心影增大，右肺：结节。",
        "c": "Findings: Clear lungs.",
        "d": "Indication: cough.\nImpression:\nDiagnosis: scar",
        "e": "Befund: Herz normal.\nBeurteilung: Kein Erguss.",
        "f": "Impression: 1. 2.",
    }
    for name, text in texts.items():
        (tmp_path / f"{name}.txt").write_text(text, encoding="utf-8")
    got = read(tmp_path)
    assert got.clauses == {
        "a": ["no mass", "scar", "clot"],
        "b": ["心影增大", "右肺", "结节"],
        "c": [],
        "d": ["scar"],
        "e": ["kein erguss"],
        "f": [],
    }
    assert got.sections == {"impression", "diagnosis"}
    assert [(p.item, p.message) for p in got.problems] == [
        ("c", "The report has no impression and no diagnosis; it was kept, without clauses."),
        ("f", "The report's impression holds no words; it was kept, without clauses."),
    ]
    for result in got.results:
        assert result.report.text == texts[result.report.report_id]
    assert read(tmp_path, section="Beurteilung").clauses["e"] == ["kein erguss"]
    assert read(tmp_path, section="FINDINGS").clauses["c"] == ["clear lungs"]


def test_a_section_of_a_name_that_nobody_knows(tmp_path: Path, read: Read) -> None:
    path = tmp_path / "a.txt"
    path.write_text("Nálezy: srdce.\nZávěr: Bez výpotku, jizva.\n", encoding="utf-8")
    got = read(path, section="závěr")
    assert got.clauses == {"a": ["bez výpotku", "jizva"]}
    assert got.sections == {"závěr"}


def test_texts_without_sections_count_as_a_whole(table: Callable[..., Path], read: Read) -> None:
    path = table(
        ["id", "text"],
        ["1", "双肺纹理增多，心影增大"],
        ["2", "考虑：肺炎。建议：复查。"],
        ["3", "Findings: Clear lungs."],
        ["4", "Impression: clot."],
        ["5", ""],
        ["6", "Follow-up: none"],
    )
    got = read(path)
    assert got.clauses == {
        "1": ["双肺纹理增多", "心影增大"],
        "2": ["考虑", "肺炎"],
        "3": [],
        "4": ["clot"],
        "5": [],
        "6": [],
    }
    assert got.sections == {"text", "impression"}
    assert [p.item for p in got.problems] == ["3", "t.csv: 5", "6", "all inputs"]
    assert got.messages[-1].startswith("2 reports have no section that was recognised")


def test_no_warning_of_whole_texts_without_any(table: Callable[..., Path], read: Read) -> None:
    path = table(["id", "text"], ["1", "Impression: clot."])
    assert read(path).problems == []


def test_a_section_that_no_report_has(
    table: Callable[..., Path], tmp_path: Path, read: Read
) -> None:
    path = table(
        ["id", "text", "note"], ["1", "Findings: clear. Jane Doe: seen. Impression: clot."]
    )
    with pytest.raises(UserError) as error:
        read(path, section="nosuch")
    message = str(error.value)
    assert "'nosuch'" in message
    assert "findings, impression" in message
    assert "'id', 'text', 'note'" in message
    assert "doe" not in message.lower()  # an unknown header may be a name
    # A table that holds no text at all says so as well.
    path = table(["id", "befundtext"], ["1", "clot"])
    with pytest.raises(UserError, match="'id', 'befundtext'"):
        read(path, section="diagnosis")
    # A first row of data is not shown.
    path = table(["1", "双肺纹理增多"], ["2", "心影增大"])
    with pytest.raises(UserError) as error:
        read(path, section="diagnosis")
    assert "双肺" not in str(error.value)
    text = tmp_path / "a.txt"
    text.write_text("Impression: clot.", encoding="utf-8")
    with pytest.raises(UserError, match=r"the sections found are impression\. Name"):
        read(text, section="diagnosis")


def test_a_section_that_some_have(table: Callable[..., Path], read: Read) -> None:
    path = table(
        ["id", "text"], ["1", "Findings: clear."], ["2", "Technique: one view. Diagnosis: clot."]
    )
    got = read(path, section="diagnosis")
    assert got.clauses == {"1": [], "2": ["clot"]}
    assert got.messages == ["The report has no diagnosis; it was kept, without clauses."]


def test_a_column_that_is_empty_throughout(table: Callable[..., Path], read: Read) -> None:
    path = table(["id", "诊断"], ["1", ""], ["2", " "])
    got = read(path, section="诊断")
    assert got.clauses == {"1": [], "2": []}
    assert len(got.problems) == 2


@pytest.mark.parametrize("section", ["", "  ", "***"])
def test_a_section_without_a_name(section: str, table: Callable[..., Path]) -> None:
    path = table(["id", "diagnosis"], ["1", "甲"])
    with pytest.raises(UserError, match="is no name"):
        read_clauses([path], section=section, on_problem=print)


def test_inputs_are_checked_at_once(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        read_clauses([tmp_path / "none.csv"], on_problem=print)


def test_files_of_different_columns(table: Callable[..., Path], tmp_path: Path, read: Read) -> None:
    table(["id", "诊断意见"], ["1", "甲，乙"], name="a.csv")
    table(["report_id", "text"], ["2", "所见：清晰。\n印象：丙"], name="b.csv", encoding="gb18030")
    (tmp_path / "c.jsonl").write_text(
        json.dumps({"id": "3", "impression": "Scar; clot"})
        + "\n"
        + json.dumps({"id": "4", "findings": "Clear", "diagnosis": "丁"}),
        encoding="utf-8",
    )
    (tmp_path / "d.txt").write_text("IMPRESSION: Mass.", encoding="utf-8")
    (tmp_path / "e.xml").write_text(
        '<eCitation><uId id="5"/><AbstractText Label="FINDINGS">Clear.</AbstractText>'
        '<AbstractText Label="IMPRESSION">1. Edema. 2. Scar.</AbstractText></eCitation>',
        encoding="utf-8",
    )
    got = read(tmp_path)
    assert got.clauses == {
        "1": ["甲", "乙"],
        "2": ["丙"],
        "3": ["scar", "clot"],
        "4": ["丁"],
        "d": ["mass"],
        "5": ["edema", "scar"],
    }


def test_openi(data_dir: Path, read: Read) -> None:
    got = read(data_dir / "openi" / "NLMCXR_reports_dev.tgz")
    assert len(got.results) == 1995
    assert got.sections == {"impression"}
    without = [name for name, clauses in got.clauses.items() if not clauses]
    assert len(got.problems) == len(without) < 20
    clauses = [clause for found in got.clauses.values() for clause in found]
    assert 3_700 < len(clauses) < 4_100
    # Nearly every clause is words only: no list number, no half of a sentence.
    assert sum("." in c or ":" in c for c in clauses) < 25
