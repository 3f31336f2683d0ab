from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path

import pytest

from .conftest import Read

MIMIC = {
    "files/p10/p10000032/s50414267.txt": "FINDINGS: A.\n",
    "files/p10/p10000032/s53189527.txt": "FINDINGS: B.\n",
    "files/p11/p11000011/s51029426.txt": "FINDINGS: C.\n",
}


@pytest.fixture
def mimic(tmp_path: Path) -> Path:
    root = tmp_path / "mimic"
    for name, text in MIMIC.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (root / "LICENSE.txt").write_text("Not a report.")
    (root / "README.md").write_text("Nor this.")
    return root


IDS = ["s50414267", "s53189527", "s51029426"]


@pytest.mark.parametrize("below", ["", "files", "files/p10", "files/p10/p10000032"])
def test_mimic_tree(mimic: Path, read: Read, below: str) -> None:
    result = read(mimic / below)
    expected = IDS if below in ("", "files") else IDS[:2]
    assert [r.report_id for r in result.reports] == expected
    assert result.failures == []
    assert len(result.warnings) == (below == "")
    assert all(report.sections is None for report in result.reports)


def test_mimic_zip(mimic: Path, tmp_path: Path, read: Read) -> None:
    archive = tmp_path / "mimic-cxr-reports.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for name in reversed(MIMIC):
            file.write(mimic / name, name)
    result = read(archive)
    assert [r.report_id for r in result.reports] == IDS
    assert result.problems == []


def test_one_file(tmp_path: Path, read: Read) -> None:
    path = tmp_path / "case 7.txt"
    path.write_text("\ufeffBig heart.", encoding="utf-8")
    assert read(path).texts == {"case 7": "Big heart."}


def test_a_file_called_readme_is_read_when_named(tmp_path: Path, read: Read) -> None:
    path = tmp_path / "README.txt"
    path.write_text("Big heart.")
    assert read(path).texts == {"README": "Big heart."}


def test_any_folder(tmp_path: Path, read: Read) -> None:
    for name in ("b.txt", "a/z.txt", "a.b.txt", "a/.hidden.txt", ".git/x.txt", "__MACOSX/b.txt"):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"Text of {name}.")
    result = read(tmp_path / "in")
    assert [r.report_id for r in result.reports] == ["a/z", "a.b", "b"]
    assert result.problems == []


def test_folder_and_zip_are_read_in_the_same_order(tmp_path: Path, read: Read) -> None:
    names = ["a/b.txt", "a-c.txt", "a.txt", "A/x.txt", "a/b/c.txt", "10.txt", "9.txt", "ä.txt"]
    for name in names:
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as file:
        for name in names:
            file.write(tmp_path / "in" / name, name)
    folder, archive = read(tmp_path / "in"), read(tmp_path / "in.zip")
    assert folder.reports == archive.reports
    assert len(folder.reports) == len(names)


def test_duplicates_over_several_inputs(tmp_path: Path, read: Read) -> None:
    for folder in "ab":
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "1.txt").write_text(f"Of {folder}.")
    result = read(tmp_path / "a", tmp_path / "b")
    assert result.texts == {"1": "Of a."}
    assert [p.item for p in result.failures] == ["1.txt: 1"]


def test_encodings_and_empty_files(tmp_path: Path, read: Read) -> None:
    (tmp_path / "1.txt").write_bytes("Größe".encode("cp1252"))
    (tmp_path / "2.txt").write_bytes("Größe".encode("utf-16"))
    (tmp_path / "3.txt").write_bytes(b" \n")
    result = read(tmp_path)
    assert result.texts == {"1": "Größe", "2": "Größe", "3": " \n"}
    assert result.failures == []
    assert [p.item for p in result.warnings] == ["1.txt", "2.txt", "3.txt: 3"]
    assert "cp1252" in result.warnings[0].message
    assert "utf-16" in result.warnings[1].message


def test_line_ends_are_kept(tmp_path: Path, read: Read) -> None:
    """Offsets point into the original text, so nothing may be translated."""
    (tmp_path / "1.txt").write_bytes(b"A.\r\nB.\rC.\n")
    assert read(tmp_path / "1.txt").texts == {"1": "A.\r\nB.\rC.\n"}


def test_tar(tmp_path: Path, mimic: Path, read: Read) -> None:
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as tar:
        tar.add(mimic / "files", "./files")
    assert [r.report_id for r in read(tmp_path / "a.tar.gz").reports] == IDS
