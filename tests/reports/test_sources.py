from __future__ import annotations

import gzip
import io
import os
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from cxrmine.reports import sources
from cxrmine.reports.report import Problem
from cxrmine.reports.sources import Source, SourceError, is_archive, list_sources

from .conftest import Read


def _tar(path: Path, members: dict[str, bytes], mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def _zip(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return path


@pytest.mark.parametrize(
    "name", ["../up.txt", "a/../../up.txt", "/etc/up.txt", "C:/up.txt", "..\\up.txt"]
)
@pytest.mark.parametrize("make", [_tar, _zip])
def test_paths_that_lead_out_fail(tmp_path: Path, read: Read, make: object, name: str) -> None:
    assert callable(make)
    archive = tmp_path / ("a.tgz" if make is _tar else "a.zip")
    make(archive, {"1.txt": b"A.", name: b"B.", "2.txt": b"C."})
    result = read(archive)
    assert list(result.texts) == ["1", "2"]
    (problem,) = result.failures
    assert "leads out" in problem.message
    assert sorted(p.name for p in tmp_path.iterdir()) == [archive.name]


def test_links_in_tars_fail(tmp_path: Path, read: Read) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    archive = tmp_path / "a.tar"
    with tarfile.open(archive, "w") as tar:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE):
            info = tarfile.TarInfo(f"link{kind.decode()}.txt")
            info.type, info.linkname = kind, str(secret)
            tar.addfile(info)
        info = tarfile.TarInfo("1.txt")
        info.size = 2
        tar.addfile(info, io.BytesIO(b"A."))
    result = read(archive)
    assert list(result.texts) == ["1"]
    assert len(result.failures) == 3


@pytest.mark.parametrize("make", [_tar, _zip])
def test_huge_members_fail(
    tmp_path: Path, read: Read, make: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert callable(make)
    monkeypatch.setattr(Source.read, "__defaults__", (5000,))
    archive = tmp_path / ("a.tgz" if make is _tar else "a.zip")
    make(archive, {"1.txt": b"A.", "2.txt": b"B" * 6000, "3.txt": b"C."})
    result = read(archive)
    assert list(result.texts) == ["1", "3"]
    (problem,) = result.failures
    assert problem.item == f"{archive.name}/2.txt"
    assert "more than" in problem.message


def test_bombs_fail(tmp_path: Path, read: Read) -> None:
    archive = _zip(tmp_path / "a.zip", {"1.txt": b"A.", "2.txt": b"\n" * (3 << 20)})
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "3.txt.gz").write_bytes(gzip.compress(b"\n" * (3 << 20)))
    result = read(archive, tmp_path / "b")
    assert list(result.texts) == ["1"]
    assert [p.item for p in result.failures] == ["a.zip/2.txt", "3.txt.gz"]
    assert all("bombs" in p.message for p in result.failures)


@pytest.mark.parametrize("suffix", ["tgz", "tar", "zip", "tar.xz", "tar.bz2"])
def test_damaged_archives_fail(tmp_path: Path, read: Read, suffix: str) -> None:
    (tmp_path / f"bad.{suffix}").write_bytes(b"This is no archive at all." * 40)
    (tmp_path / "1.txt").write_text("A.")
    result = read(tmp_path / f"bad.{suffix}", tmp_path / "1.txt")
    assert list(result.texts) == ["1"]
    (problem,) = result.failures
    assert problem.item == f"bad.{suffix}"


@pytest.mark.parametrize("mode", ["w:gz", "w", "w:xz", "w:bz2"])
def test_truncated_tars_keep_what_came_before(tmp_path: Path, read: Read, mode: str) -> None:
    suffix = {"w": "tar", "w:gz": "tgz", "w:xz": "tar.xz", "w:bz2": "tar.bz2"}[mode]
    members = {f"{i:04}.txt": os.urandom(600).hex().encode() for i in range(2000)}
    archive = _tar(tmp_path / f"a.{suffix}", members, mode)
    data = archive.read_bytes()
    archive.write_bytes(data[: len(data) * 6 // 10])
    result = read(archive)
    assert 0 < len(result.reports) < 2000
    assert result.failures
    assert all(
        report.text == members[f"{report.report_id}.txt"].decode() for report in result.reports
    )


def test_a_damaged_zip_member_fails_alone(tmp_path: Path, read: Read) -> None:
    archive = _zip(tmp_path / "a.zip", {f"{i}.txt": f"Report {i} ".encode() * 50 for i in range(3)})
    data = bytearray(archive.read_bytes())
    with zipfile.ZipFile(archive) as file:
        offset = file.getinfo("1.txt").header_offset
    data[offset + 40] ^= 0xFF
    archive.write_bytes(bytes(data))
    result = read(archive)
    assert list(result.texts) == ["0", "2"]
    (problem,) = result.failures
    assert problem.item == "a.zip/1.txt"


def test_a_locked_zip_fails(tmp_path: Path, read: Read) -> None:
    archive = _zip(tmp_path / "a.zip", {"1.txt": b"A.", "2.txt": b"B."})
    data = bytearray(archive.read_bytes())
    # Set "encrypted" in the first member's flags, in its header and in the directory.
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(bytes(data))
    result = read(archive)
    assert list(result.texts) == ["2"]
    assert [p.item for p in result.failures] == ["a.zip/1.txt"]


def test_hidden_members_are_passed_over(tmp_path: Path, read: Read) -> None:
    archive = _zip(
        tmp_path / "a.zip", {"__MACOSX/._1.txt": b"x", "a/.x.txt": b"x", "a/1.txt": b"A."}
    )
    result = read(archive)
    assert result.texts == {"a/1": "A."}
    assert result.problems == []


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root reads everything")
def test_unreadable_files_fail(tmp_path: Path, read: Read) -> None:
    for name in ("1.txt", "2.txt"):
        (tmp_path / name).write_text("A.")
    (tmp_path / "1.txt").chmod(0)
    result = read(tmp_path)
    assert list(result.texts) == ["2"]
    assert [p.item for p in result.failures] == ["1.txt"]


def test_linked_folders_are_not_followed(tmp_path: Path, read: Read) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "1.txt").write_text("A.")
    (tmp_path / "in" / "loop").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "gone.txt").symlink_to(tmp_path / "nowhere")
    result = read(tmp_path / "in")
    assert list(result.texts) == ["1"]
    assert [(p.severity, p.item) for p in result.problems] == [
        ("failure", "gone.txt"),
        ("warning", "loop"),
    ]


def test_a_folder_with_what_is_no_file(tmp_path: Path) -> None:
    """What cannot be read is told and not listed, so that a run's inputs can be identified."""
    (tmp_path / "1.txt").write_text("A.")
    (tmp_path / "gone.txt").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe.txt")
    problems: list[Problem] = []
    assert [s.item for s in list_sources(tmp_path, problems.append)] == ["1.txt"]
    assert [(p.severity, p.item) for p in problems] == [
        ("failure", "gone.txt"),
        ("failure", "pipe.txt"),
    ]


def test_files_that_may_not_be_read_are_not_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("1.txt", "2.txt"):
        (tmp_path / name).write_text("A.")
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "1.txt")
    problems: list[Problem] = []
    assert [s.item for s in list_sources(tmp_path, problems.append)] == ["2.txt"]
    assert [p.item for p in problems] == ["1.txt"]
    assert "permissions" in problems[0].message


def test_a_tar_does_not_remember_its_members(tmp_path: Path) -> None:
    archive = _tar(tmp_path / "a.tar", {f"{i}.txt": b"A." for i in range(300)}, "w")
    listed = list_sources(archive, lambda problem: None)
    first = next(listed)
    with pytest.raises(SourceError):
        Source("x", "x", first.opener, size=10, once=True).read(limit=5)
    assert sum(1 for _ in listed) == 299
    opener = first.opener
    tar = next(
        c.cell_contents
        for c in opener.__closure__ or ()
        if isinstance(c.cell_contents, tarfile.TarFile)
    )  # type: ignore[attr-defined]
    assert len(tar.members) <= 1  # type: ignore[attr-defined]


def test_is_archive() -> None:
    assert is_archive(Path("a.TGZ"))
    assert is_archive(Path("a.tar.gz"))
    assert not is_archive(Path("a.csv.gz"))


def test_reopenable_copies_what_can_be_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Source("a", "a", lambda: io.BytesIO(b"abc"), once=True)
    copy = source.reopenable()
    assert copy.read() == copy.read() == b"abc"
    assert copy.reopenable() is copy
    monkeypatch.setattr(sources, "MAX_BUFFERED_BYTES", 2)
    with pytest.raises(SourceError, match="more than"):
        source.reopenable()
