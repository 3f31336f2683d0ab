from __future__ import annotations

import csv
import gzip
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from cxrmine.reports import read_csv
from cxrmine.reports.readers import read_reports
from cxrmine.reports.report import Problem

from .conftest import Read


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    data = text.encode(encoding)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


TABLE = 'report_id,text\nr1,"Big heart, old.\nNo ""new"" fluid."\nr2,Clear.\n'
TEXTS = {"r1": 'Big heart, old.\nNo "new" fluid.', "r2": "Clear."}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", TABLE),
        ("a.csv.gz", TABLE),
        ("a.CSV", TABLE),
        ("crlf.csv", TABLE.replace("\nr", "\r\nr")),
        ("bom.csv", "\ufeff" + TABLE),
        ("semicolon.csv", TABLE.replace(",text", ";text").replace("r1,", "r1;").replace("r2,", "r2;")),
        ("a.tsv", TABLE.replace(",text", "\ttext").replace("r1,", "r1\t").replace("r2,", "r2\t")),
        ("a.tsv.gz", TABLE.replace(",text", "\ttext").replace("r1,", "r1\t").replace("r2,", "r2\t")),
        ("blank_lines.csv", TABLE.replace("\nr2", "\n\n\nr2") + "\n\n"),
        ("more_columns.csv", "age,Report_ID,TEXT,sex\n1,r1," + TABLE[18:].split("\nr2")[0] + ",F\n2,r2,Clear.,M\n"),
    ],
)  # fmt: skip
def test_tables(tmp_path: Path, read: Read, name: str, text: str) -> None:
    result = read(write(tmp_path / name, text))
    assert result.problems == []
    assert result.texts == TEXTS
    assert all(report.sections is None for report in result.reports)


def test_ids(tmp_path: Path, read: Read) -> None:
    """`report_id` wins over `id`, which wins over the row's number; --id-column over all."""
    path = write(tmp_path / "a.csv", "id,report_id,study,text\n1,a,x,A.\n2,b,y,B.\n")
    assert list(read(path).texts) == ["a", "b"]
    assert list(read(path, id_column="study").texts) == ["x", "y"]
    path = write(tmp_path / "b.csv", "text,ID\nA.,7\nB.,8\n")
    assert list(read(path).texts) == ["7", "8"]
    path = write(tmp_path / "c.csv", "text,study\nA.,7\n\nB.,8\n")
    assert list(read(path).texts) == ["1", "2"]


def test_text_column(tmp_path: Path, read: Read) -> None:
    path = write(tmp_path / "a.csv", "id,Befund,text\n1,A.,B.\n")
    assert read(path, text_column="Befund").texts == {"1": "A."}
    assert read(path, text_column="befund").texts == {"1": "A."}


def test_section_columns_are_found(tmp_path: Path, read: Read) -> None:
    path = write(
        tmp_path / "a.csv",
        "id,History,section_findings,Impression,date\n1,Cough.,Big heart.,CHF.,May\n2,,,Clear.,June\n",
    )
    result = read(path)
    assert result.texts == {
        "1": "HISTORY: Cough.\nFINDINGS: Big heart.\nIMPRESSION: CHF.",
        "2": "IMPRESSION: Clear.",
    }
    assert [s.name for s in result.reports[0].sections or ()] == [
        "history",
        "findings",
        "impression",
    ]


def test_section_columns_named(tmp_path: Path, read: Read) -> None:
    path = write(tmp_path / "a.csv", "id,Befund,Beurteilung\n1,A.,B.\n")
    options = {"section_columns": ["findings=Befund", "impression=Beurteilung"]}
    (report,) = read(path, **options).reports
    assert report.text == "FINDINGS: A.\nIMPRESSION: B."
    assert [s.name for s in report.sections or ()] == ["findings", "impression"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"id_column": "study"}, "--id-column"),
        ({"text_column": "body"}, "--text-column"),
        ({"section_columns": ["findings", "body"]}, "section column"),
        ({}, "No column holds the report's text"),
    ],
)
def test_missing_columns_fail_and_name_those_that_exist(
    tmp_path: Path, read: Read, options: dict[str, object], said: str
) -> None:
    write(
        tmp_path / "a.csv",
        "report_id,findings,remark\nr1,A.,B.\n" if options else "key,remark\nr1,B.\n",
    )
    write(tmp_path / "b.csv", "report_id,text,study,body,findings\nr2,B.,s,B.,B.\n")
    result = read(tmp_path, **options)
    assert len(result.reports) == 1
    (problem,) = result.failures
    assert problem.item == "a.csv"
    assert said in problem.message
    assert "'remark'" in problem.message


def test_a_table_without_header_row_does_not_show_its_text(tmp_path: Path, read: Read) -> None:
    sentence = "The heart is a little larger than it was in spring."
    result = read(write(tmp_path / "a.csv", f"{sentence}\nClear.\n"))
    assert sentence not in result.failures[0].message
    assert "first row" in result.failures[0].message


def test_bad_rows_fail_and_the_rest_goes_on(tmp_path: Path, read: Read) -> None:
    path = write(
        tmp_path / "a.csv",
        "report_id,text,sex\nr1,A.,F\nr2,B., unquoted,F\nr3\n ,D.,F\nr1,E.,M\nr5,F.,M,,\nr6,G.\nr7,,F\n",
    )
    result = read(path)
    assert result.texts == {"r1": "A.", "r5": "F.", "r6": "G.", "r7": ""}
    items = [p.item for p in result.failures]
    assert items == ["a.csv, row 2", "a.csv, row 3", "a.csv, row 4", "a.csv: r1"]
    assert "4 cells" in result.failures[0].message
    assert "id is empty" in result.failures[2].message
    assert "met before" in result.failures[3].message
    assert [p.item for p in result.warnings] == ["a.csv: r7"]


def test_the_guard_against_formulas_is_taken_off(tmp_path: Path, read: Read) -> None:
    path = write(tmp_path / "a.csv", "id,text\n'=1,'- Clear.\n'@2,'tis clear\n'+3,'=A\n")
    assert read(path).texts == {"=1": "- Clear.", "@2": "'tis clear", "+3": "=A"}


def test_long_cells(tmp_path: Path, read: Read) -> None:
    """The csv module's own limit is 131,072 characters."""
    path = write(tmp_path / "a.csv", f"id,text\n1,{'Clear. ' * 30_000}\n")
    assert len(read(path).texts["1"]) == 210_000


def test_an_unclosed_quote_does_not_eat_memory(
    tmp_path: Path, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = csv.field_size_limit()
    try:
        csv.field_size_limit(1000)
        monkeypatch.setattr(read_csv, "MAX_CELL", 1000)
        path = write(tmp_path / "a.csv", 'id,text\n1,A.\n2,"B.\n' + "3,C.\n" * 1000)
        result = read(path)
    finally:
        csv.field_size_limit(limit)
    assert result.texts == {"1": "A."}
    (problem,) = result.failures
    assert problem.item == "a.csv, row 2"
    assert "quote" in problem.message


@pytest.mark.parametrize("text", ["", "\ufeff"])
def test_an_empty_file_fails(tmp_path: Path, read: Read, text: str) -> None:
    result = read(write(tmp_path / "a.csv", text))
    assert len(result.failures) == 1
    assert result.reports == []


def test_a_header_alone_is_no_report(tmp_path: Path, read: Read) -> None:
    result = read(write(tmp_path / "a.csv", "id,text\n"))
    assert result.reports == []
    assert [(p.severity, p.item) for p in result.problems] == [("warning", "a.csv")]
    assert "no rows" in result.problems[0].message


def test_counted_rows_are_told(tmp_path: Path, read: Read) -> None:
    """Ids that are row numbers match no other table of the same patients."""
    result = read(write(tmp_path / "a.csv", "accession,text\nQ7,A.\n"))
    assert result.texts == {"1": "A."}
    (problem,) = result.problems
    assert (problem.severity, problem.item) == ("warning", "a.csv")
    assert "--id-column" in problem.message
    assert read(tmp_path / "a.csv", id_column="accession").problems == []


def test_an_unclosed_quote_never_joins_two_patients(tmp_path: Path, read: Read) -> None:
    """The rows that it swallowed are a failure; stray quotes within a line are text."""
    table = 'id,text\na,"Mass.\nb,"Clear."\nc,5" tube and a "mass".\nd,"old "film" there"\n'
    result = read(write(tmp_path / "a.csv", table + "e,Nodule.\n"))
    assert result.texts == {"c": '5" tube and a "mass".', "d": 'old film" there"', "e": "Nodule."}
    (problem,) = result.failures
    assert problem.item == "a.csv, row 1"
    assert "not closed (2 lines were not read)" in problem.message
    result = read(write(tmp_path / "b.csv", 'id,text\na,Clear.\nb,"Mass.\nc,Clear.\nd,A\n'))
    assert result.texts == {"a": "Clear."}
    (problem,) = result.failures
    assert problem.item == "b.csv, row 2"
    assert "3 lines" in problem.message
    (problem,) = read(write(tmp_path / "c.csv", '"id,text\na,Clear.\n')).failures
    assert "first row" in problem.message


def test_two_columns_of_one_name(tmp_path: Path, read: Read) -> None:
    path = write(tmp_path / "a.csv", "id,text,sex,sex,text\na,A.,F,F,B.\n")
    (problem,) = read(path).failures
    assert "Two columns are called 'text'" in problem.message
    (problem,) = read(path, text_column="text").failures
    assert "Two columns are called 'text'" in problem.message
    assert read(write(path, "id,text,sex,sex\na,A.,F,F\n")).texts == {"a": "A."}


def test_rows_before_a_break_are_kept_however_few(tmp_path: Path, read: Read) -> None:
    rows = "".join(f"r{i},{i * 7919 % 1000003} and {i * 104729 % 999983}.\n" for i in range(2000))
    path = write(tmp_path / "a.csv.gz", "id,text\n" + rows)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 4])
    result = read(path)
    assert len(result.reports) > 100
    assert [p.item for p in result.failures] == ["a.csv.gz"]


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1252", "Größe 3 µm – “alt”."),
        ("utf-16", "Größe 3 µm."),
        ("gb18030", "心影增大，两肺纹理增多，未见明显实变，肋膈角锐利，建议复查。"),
    ],
)
def test_other_encodings_are_said(tmp_path: Path, read: Read, encoding: str, text: str) -> None:
    filler = "x,The heart is normal.\n" * 50_000 if encoding == "cp1252" else ""
    filler = "".join(f"f{i}{line}\n" for i, line in enumerate(filler.splitlines()))
    path = write(tmp_path / "a.csv", f"id,text\n{filler}r1,{text}\n", encoding)
    result = read(path)
    assert result.texts["r1"] == text
    (problem,) = result.problems
    assert problem.severity == "warning"
    assert encoding in problem.message


def test_a_truncated_gz_keeps_the_rows_before(tmp_path: Path, read: Read) -> None:
    path = tmp_path / "a.csv.gz"
    rows = "".join(f"r{i},Report {i * 7919 % 10007} is clear.\n" for i in range(20_000))
    data = gzip.compress(("id,text\n" + rows).encode())
    path.write_bytes(data[: len(data) // 2])
    result = read(path)
    assert 1000 < len(result.reports) < 20_000
    (problem,) = result.failures
    assert problem.item == "a.csv.gz"
    assert "damaged" in problem.message


def test_tables_in_archives(tmp_path: Path, read: Read) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("x/a.csv", TABLE)
        file.writestr("x/b.csv.gz", gzip.compress(b"id,text\nr3,C.\n"))
    with tarfile.open(tmp_path / "a.tgz", "w:gz") as tar:
        for name, data in (
            ("x/a.csv", TABLE.encode()),
            ("x/b.csv.gz", gzip.compress(b"id,text\nr3,C.\n")),
        ):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    for archive in ("a.zip", "a.tgz"):
        result = read(tmp_path / archive)
        assert result.problems == []
        assert result.texts == {**TEXTS, "r3": "C."}


def test_rows_are_streamed(tmp_path: Path) -> None:
    """The first report is there before the last row is read: a late fault comes late."""
    path = write(
        tmp_path / "a.csv", "id,text\n" + "".join(f"{i},A.\n" for i in range(5000)) + "0,B.\n"
    )
    problems: list[Problem] = []
    reports = read_reports([path], on_problem=problems.append)
    assert next(reports).report_id == "0"
    assert problems == []
    assert sum(1 for _ in reports) == 4999
    assert len(problems) == 1
