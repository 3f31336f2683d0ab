from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path

import pytest

from cxrmine.reports import read_openi
from cxrmine.reports.sections import find_sections, scored_sections

from .conftest import Read, openi_xml


def test_one_file(tmp_path: Path, read: Read) -> None:
    path = tmp_path / "1.xml"
    path.write_text(
        openi_xml(
            "CXR7", COMPARISON="", INDICATION=" Cough ", FINDINGS="Big heart.", IMPRESSION="CHF."
        ),
        encoding="utf-8",
    )
    result = read(path)
    assert result.problems == []
    (report,) = result.reports
    assert report.report_id == "CXR7"
    assert report.text == "INDICATION: Cough\nFINDINGS: Big heart.\nIMPRESSION: CHF."
    assert report.sections is not None
    assert [(s.name, report.text[s.start : s.end]) for s in report.sections] == [
        ("indication", "Cough"),
        ("findings", "Big heart."),
        ("impression", "CHF."),
    ]


def _three(folder: Path) -> list[Path]:
    folder.mkdir(parents=True)
    paths = []
    for number in (1, 10, 2):
        path = folder / f"{number}.xml"
        path.write_text(openi_xml(f"CXR{number}", FINDINGS=f"Finding {number}."), encoding="utf-8")
        paths.append(path)
    return paths


@pytest.mark.parametrize("suffix", [".tgz", ".tar.gz", ".tar", ".tar.xz", ".tar.bz2", ".zip"])
def test_folder_and_archives_agree(tmp_path: Path, read: Read, suffix: str) -> None:
    folder = tmp_path / "ecgen-radiology"
    paths = _three(folder)
    archive = tmp_path / f"reports{suffix}"
    if suffix == ".zip":
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
            for path in reversed(paths):
                file.write(path, f"ecgen-radiology/{path.name}")
    else:
        mode = {".tgz": "w:gz", ".tar": "w"}.get(suffix, "w:" + suffix.rpartition(".")[2])
        with tarfile.open(archive, mode) as tar:  # type: ignore[call-overload]
            tar.add(folder, "ecgen-radiology")
    from_folder, from_archive = read(folder), read(archive)
    assert [r.report_id for r in from_folder.reports] == ["CXR1", "CXR10", "CXR2"]
    assert sorted(from_archive.texts.items()) == sorted(from_folder.texts.items())
    assert from_archive.problems == from_folder.problems == []


def test_empty_report_is_kept(tmp_path: Path, read: Read) -> None:
    path = tmp_path / "1.xml"
    path.write_text(openi_xml("CXR1", FINDINGS="", IMPRESSION=" "), encoding="utf-8")
    result = read(path)
    assert result.texts == {"CXR1": ""}
    assert scored_sections("", result.reports[0].sections) == ()
    (problem,) = result.problems
    assert problem.severity == "warning"
    assert "CXR1" in problem.item
    assert "empty" in problem.message


def test_broken_files_fail_and_the_rest_goes_on(tmp_path: Path, read: Read) -> None:
    _three(tmp_path / "a")
    folder = tmp_path / "a"
    (folder / "0.xml").write_text("<eCitation><uId id='CXR0'/>", encoding="utf-8")
    (folder / "3.xml").write_bytes(b"")
    (folder / "4.xml").write_text("<html><p>Hello</p></html>", encoding="utf-8")
    (folder / "5.xml").write_text(openi_xml(" ", FINDINGS="A."), encoding="utf-8")
    (folder / "6.xml").write_text("<eCitation/>", encoding="utf-8")
    result = read(folder)
    assert list(result.texts) == ["CXR1", "CXR10", "CXR2"]
    assert [p.item for p in result.failures] == [f"{n}.xml" for n in (0, 3, 4, 5, 6)]
    messages = [p.message for p in result.failures]
    assert "line 1" in messages[0]
    assert "no eCitation" in messages[2]
    assert "no id" in messages[3]
    assert "no id" in messages[4]
    assert result.warnings == []


def test_entities_are_never_expanded(tmp_path: Path, read: Read) -> None:
    secret = tmp_path / "secret.dat"
    secret.write_text("secret", encoding="utf-8")
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    file = f'<!DOCTYPE x [<!ENTITY e SYSTEM "file://{secret}">]>'
    folder = tmp_path / "xml"
    folder.mkdir()
    for name, head, entity in (("bomb", bomb, "&b;"), ("file", file, "&e;")):
        body = openi_xml("CXR1", FINDINGS=entity).replace("<eCitation>", head + "<eCitation>", 1)
        (folder / f"{name}.xml").write_text(body, encoding="utf-8")
    result = read(folder)
    assert result.reports == []
    assert len(result.failures) == 2
    assert all("entities" in p.message for p in result.failures)


def test_a_document_type_hidden_in_another_encoding(tmp_path: Path, read: Read) -> None:
    head = '<!DOCTYPE x [<!ENTITY a "aaaa">]>'
    body = openi_xml("CXR1", FINDINGS="&a;").replace("<eCitation>", head + "<eCitation>", 1)
    path = tmp_path / "1.xml"
    path.write_bytes(body.replace('"utf-8"', '"utf-16"').encode("utf-16"))
    result = read(path)
    assert result.reports == []
    assert "entities" in result.failures[0].message


def test_character_references_and_child_elements(tmp_path: Path, read: Read) -> None:
    path = tmp_path / "1.xml"
    path.write_text(
        openi_xml("CXR1", FINDINGS="A &lt; B &amp; <i>big</i> heart &#8211; old."), encoding="utf-8"
    )
    assert read(path).texts == {"CXR1": "FINDINGS: A < B & big heart – old."}


@pytest.mark.parametrize("encoding", ["iso-8859-1", "utf-16", "windows-1252"])
def test_declared_encodings(tmp_path: Path, read: Read, encoding: str) -> None:
    path = tmp_path / "1.xml"
    body = openi_xml("CXR1", FINDINGS="Größe 3 µm.").replace('"utf-8"', f'"{encoding}"', 1)
    path.write_text(body, encoding=encoding)
    result = read(path)
    assert result.texts == {"CXR1": "FINDINGS: Größe 3 µm."}
    assert result.problems == []


def test_a_wrong_declaration_is_survived_and_said(tmp_path: Path, read: Read) -> None:
    path = tmp_path / "1.xml"
    path.write_bytes(openi_xml("CXR1", FINDINGS="Temperature 38°.").encode("cp1252"))
    result = read(path)
    assert result.texts == {"CXR1": "FINDINGS: Temperature 38°."}
    (problem,) = result.problems
    assert problem.severity == "warning"
    assert "cp1252" in problem.message


def test_many_reports_in_one_file(tmp_path: Path, read: Read) -> None:
    body = "".join(openi_xml(f"CXR{i}", FINDINGS=f"A{i}.").split("?>", 1)[1] for i in range(5))
    path = tmp_path / "all.xml"
    path.write_text(f"<all>{body}</all>", encoding="utf-8")
    assert list(read(path).texts) == [f"CXR{i}" for i in range(5)]


def test_a_large_file_is_streamed(
    tmp_path: Path, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the limit lowered, the other way through gives the same reports."""
    body = "".join(openi_xml(f"CXR{i}", FINDINGS=f"A{i}.").split("?>", 1)[1] for i in range(50))
    path = tmp_path / "all.xml"
    path.write_text(f"<all>{body}</all>", encoding="utf-8")
    whole = read(path)
    monkeypatch.setattr(read_openi, "MAX_REPORT_BYTES", 1000)
    assert read(path) == whole
    path.write_text(f"<all>{body}<broken</all>", encoding="utf-8")
    broken = read(path)
    assert broken.texts == whole.texts
    assert len(broken.failures) == 1


def test_a_label_of_its_own_and_none(tmp_path: Path, read: Read) -> None:
    path = tmp_path / "1.xml"
    body = openi_xml("CXR1", FINDINGS="A.", REMARK="B.").replace(
        "</Abstract>", "<AbstractText>C.</AbstractText></Abstract>"
    )
    path.write_text(body, encoding="utf-8")
    (report,) = read(path).reports
    assert report.text == "FINDINGS: A.\nREMARK: B.\nC."
    assert [s.name for s in report.sections or ()] == ["findings", "remark", "text"]


@pytest.fixture(scope="module")
def openi_tgz(data_dir: Path) -> Path:
    path = data_dir / "openi" / "NLMCXR_reports_dev.tgz"
    if not path.exists():
        pytest.skip(f"no Open-i reports at {path}")
    return path


def test_real_openi(openi_tgz: Path, read: Read) -> None:
    result = read(openi_tgz)
    assert len(result.reports) == 1995
    assert result.failures == []
    assert len(result.warnings) == sum(not r.text for r in result.reports) == 12
    assert all(r.report_id.startswith("CXR") for r in result.reports)
    labels = ("comparison", "indication", "findings", "impression")
    for report in result.reports:
        for name, start, end in report.sections or ():
            body = report.text[start:end]
            assert body == body.strip()
            header = report.text[:start].rpartition("\n")[2]
            if header.endswith(": ") and "." not in header:
                assert name in labels


def test_real_openi_sections_are_found_without_the_xml(openi_tgz: Path, read: Read) -> None:
    """Header detection on the composed text agrees with what the XML says."""
    for report in read(openi_tgz).reports:
        given = scored_sections(report.text, report.sections)
        assert scored_sections(report.text, find_sections(report.text)) == given, report.report_id
