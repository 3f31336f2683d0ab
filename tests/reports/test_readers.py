from __future__ import annotations

import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest

from cxrmine.reports.readers import (
    UsageError,
    formats,
    input_fingerprint,
    list_sources,
    read_reports,
)
from cxrmine.reports.report import Problem, Section

from .conftest import Read, openi_xml


def _ignore(problem: Problem) -> None:
    raise AssertionError(problem)


def test_formats_are_found_by_their_module_names() -> None:
    assert [f.name for f in formats()] == ["CSV", "JSON Lines", "Open-i XML", "parquet", "text"]


def test_wrong_inputs_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "1.png").write_bytes(b"x")
    (tmp_path / "a.docx").write_bytes(b"x")
    for name, said in (
        ("nowhere", "does not exist"),
        ("empty", "holds no file of a known format"),
        ("pictures", "holds no file of a known format"),
        ("a.docx", "no known format"),
    ):
        with pytest.raises(UsageError, match=said) as caught:
            read_reports([tmp_path / name], on_problem=_ignore)
        assert name in str(caught.value)
        assert isinstance(caught.value, ValueError)
    with pytest.raises(UsageError, match="known format") as caught:
        read_reports([tmp_path / "a.docx"], on_problem=_ignore)
    for report_format in formats():
        assert report_format.description in str(caught.value)
    with pytest.raises(UsageError, match="No input"):
        read_reports([], on_problem=_ignore)


def test_other_files_are_passed_over_and_counted(tmp_path: Path, read: Read) -> None:
    (tmp_path / "1.txt").write_text("A.")
    for name in ("a.png", "b.png", "Makefile"):
        (tmp_path / name).write_text("x")
    result = read(tmp_path)
    assert list(result.texts) == ["1"]
    (problem,) = result.problems
    assert problem.severity == "warning"
    assert "2 .png" in problem.message
    assert "1 no suffix" in problem.message


def test_several_inputs_of_several_formats(tmp_path: Path, read: Read) -> None:
    (tmp_path / "b.xml").write_text(openi_xml("CXR1", FINDINGS="A."), encoding="utf-8")
    (tmp_path / "a.csv").write_text("id,text\n1,B.\n")
    (tmp_path / "c.jsonl").write_text('{"id": "j", "text": "C."}\n')
    inputs = [tmp_path / name for name in ("b.xml", "a.csv", "c.jsonl")]
    assert list(read(*inputs).texts) == ["CXR1", "1", "j"]
    assert list(read(tmp_path).texts) == ["1", "CXR1", "j"]


def test_two_readings_agree(tmp_path: Path, read: Read) -> None:
    for i in range(30):
        (tmp_path / f"{i}.txt").write_text(f"Report {i}.")
    assert read(tmp_path) == read(tmp_path)


def test_memory_stays_flat(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    line = "The heart is normal. " * 20
    with path.open("w") as file:
        file.write("id,text\n")
        file.writelines(f"r{i},{line}\n" for i in range(40_000))
    reports = read_reports([path], on_problem=_ignore)
    next(reports)
    tracemalloc.start()
    try:
        count = sum(1 for _ in reports)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 39_999
    # 16 MB of text went through; what grows is the set of ids.
    assert peak < 6_000_000


def test_importing_is_light() -> None:
    code = (
        "import sys, cxrmine.reports.readers as r; r.formats(); "
        "print([m for m in ('pyarrow', 'charset_normalizer', 'spacy', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_fingerprint_notices_changes(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "1.txt").write_text("A.")
    (folder / "2.txt").write_text("B.")
    file = tmp_path / "a.csv"
    file.write_text("id,text\n1,B.\n")
    seen = [input_fingerprint([folder, file])["sha256"]]
    assert input_fingerprint([folder, file])["sha256"] == seen[0]

    (folder / "2.txt").write_text("C.")  # the same size
    seen.append(input_fingerprint([folder, file])["sha256"])
    (folder / "2.txt").rename(folder / "3.txt")
    seen.append(input_fingerprint([folder, file])["sha256"])
    file.write_text("id,text\n1,C.\n")
    seen.append(input_fingerprint([folder, file])["sha256"])
    seen.append(input_fingerprint([file, folder])["sha256"])
    seen.append(input_fingerprint([file])["sha256"])
    assert len(set(seen)) == len(seen)


def test_fingerprint_tells_what_it_covers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for i in range(3):
        (tmp_path / f"{i}.txt").write_text("A.")
    (entry,) = input_fingerprint([tmp_path])["inputs"]
    assert entry["covers"] == "content"
    assert (entry["name"], entry["files"], entry["bytes"]) == (tmp_path.name, 3, 6)
    monkeypatch.setattr("cxrmine.reports.readers.CONTENT_FILES", 2)
    (entry,) = input_fingerprint([tmp_path])["inputs"]
    assert entry["covers"] == "names and sizes"


def test_list_sources_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "a.csv.gz").write_bytes(b"")
    (source,) = list_sources(tmp_path / "a.csv.gz", _ignore)
    assert (source.name, source.item, source.suffix) == ("a.csv", "a.csv.gz", ".csv")


def test_an_archive_within_a_folder_is_told(tmp_path: Path, read: Read) -> None:
    (tmp_path / "1.txt").write_text("A.")
    (tmp_path / "more.tgz").write_bytes(b"x")
    result = read(tmp_path)
    assert list(result.texts) == ["1"]
    (problem,) = result.problems
    assert (problem.severity, problem.item) == ("warning", "more.tgz")
    assert "name it itself" in problem.message


def test_wanted_sections_are_all_that_a_table_gives(tmp_path: Path, read: Read) -> None:
    path = tmp_path / "t.csv"
    path.write_text(
        "id,text,diagnosis,Impression\n1,Findings: A.,B, C \n2,Impression: D.,E,\n3,F,,\n"
    )
    got = read(path, wanted_sections=("impression", "diagnosis"))
    assert [(r.text, r.sections) for r in got.reports] == [
        (" C ", (Section("impression", 1, 2),)),
        ("Impression: D.", (Section("impression", 12, 14),)),
        ("F", ()),
    ]
    # A table without columns of theirs is read as ever.
    assert read(path, wanted_sections=("addendum",)).reports == read(path).reports


def test_the_columns_of_every_table_are_told(tmp_path: Path, read: Read) -> None:
    (tmp_path / "a.csv").write_text("id,text\n1,A.\n")
    (tmp_path / "b.jsonl").write_text('{"id": "2", "report": "B."}\n{"id": "3", "report": "C."}\n')
    (tmp_path / "c.csv").write_text("id,note\n4,D.\n")
    told: list[tuple[str, ...]] = []
    read(tmp_path, on_columns=lambda names: told.append(tuple(names)))
    assert told == [("id", "text"), ("id", "report"), ("id", "note")]
