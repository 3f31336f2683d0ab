"""The manifest finds every file that was changed, lost or added."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from cxrmine.dataset.manifest import FileHash, hash_file, read_manifest, verify, write_manifest
from cxrmine.errors import UserError


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    folder = tmp_path / "set"
    (folder / "images").mkdir(parents=True)
    for number in range(5):
        (folder / "images" / f"{number}.png").write_bytes(bytes([number]) * 3000)
    (folder / "Data_Entry.csv").write_text("x")
    (folder / "empty").write_bytes(b"")
    (folder / "timing.json").write_text("{}")
    return folder


def test_every_file_is_listed_but_itself_and_the_timing(dataset: Path):
    assert write_manifest(dataset) == 7
    lines = (dataset / "manifest.csv").read_text().splitlines()
    assert lines[0] == "path,bytes,sha256"
    assert [line.split(",")[0] for line in lines[1:]] == sorted(
        ["Data_Entry.csv", "empty", *(f"images/{n}.png" for n in range(5))]
    )
    assert lines[1] == f"Data_Entry.csv,1,{hashlib.sha256(b'x').hexdigest()}"
    assert verify(dataset) == []
    before = (dataset / "manifest.csv").read_bytes()
    (dataset / "timing.json").write_text('{"seconds": 2}')
    assert write_manifest(dataset, workers=3) == 7
    assert (dataset / "manifest.csv").read_bytes() == before


def test_known_hashes_are_taken_where_the_size_is_right(dataset: Path):
    wrong = "0" * 64
    known = {"images/1.png": FileHash(3000, wrong), "images/2.png": FileHash(2999, wrong)}
    write_manifest(dataset, known=known)
    listed = read_manifest(dataset)
    assert listed["images/1.png"].sha256 == wrong  # not read again
    assert listed["images/2.png"] == hash_file(dataset / "images" / "2.png")
    assert verify(dataset) == [("images/1.png", "changed")]


def test_only_the_named_files_are_of_the_set(dataset: Path):
    assert write_manifest(dataset, paths=["images/3.png", "Data_Entry.csv"]) == 2
    assert list(read_manifest(dataset)) == ["Data_Entry.csv", "images/3.png"]
    assert {what for _, what in verify(dataset)} == {"surplus"}
    with pytest.raises(UserError, match=r"lost\.csv in the data set cannot be read"):
        write_manifest(dataset, paths=["lost.csv"])


@pytest.mark.parametrize("workers", [1, 4])
def test_all_differences_are_found(dataset: Path, workers: int):
    write_manifest(dataset)
    (dataset / "images" / "0.png").write_bytes(b"\x00" * 2999 + b"\x01")
    (dataset / "images" / "1.png").write_bytes(b"shorter")
    (dataset / "images" / "2.png").unlink()
    (dataset / "images" / "new.png").write_bytes(b"")
    (dataset / "images" / "sub").mkdir()
    (dataset / "images" / "sub" / "timing.json").write_text("only the one at the top is exempt")
    (dataset / ".hidden").write_text("x")
    (dataset / "link").symlink_to(dataset / "images", target_is_directory=True)
    (dataset / "Data_Entry.csv").unlink()
    (dataset / "Data_Entry.csv").symlink_to(dataset / "nowhere")
    seen: list[tuple[int, int]] = []
    differences = verify(dataset, workers=workers, on_file=lambda *at: seen.append(at))
    assert differences == [
        (".hidden", "surplus"),
        ("Data_Entry.csv", "unreadable"),
        ("images/0.png", "changed"),
        ("images/1.png", "changed"),
        ("images/2.png", "missing"),
        ("images/new.png", "surplus"),
        ("images/sub/timing.json", "surplus"),
        ("link", "surplus"),
    ]
    assert seen[-1] == (6, 6)


def test_one_changed_bit_is_enough(dataset: Path):
    write_manifest(dataset)
    data = bytearray((dataset / "images" / "3.png").read_bytes())
    data[1500] ^= 1
    (dataset / "images" / "3.png").write_bytes(data)
    assert verify(dataset) == [("images/3.png", "changed")]


def test_a_file_that_cannot_be_read_stops_the_manifest(dataset: Path):
    (dataset / "images" / "broken.png").symlink_to(dataset / "nowhere")
    with pytest.raises(UserError, match=r"images/broken\.png in the data set cannot be read"):
        write_manifest(dataset)
    assert not (dataset / "manifest.csv").exists()


def test_a_file_without_permission_is_unreadable(dataset: Path):
    if os.geteuid() == 0:
        pytest.skip("root reads everything")
    write_manifest(dataset)
    (dataset / "images" / "3.png").chmod(0)
    assert verify(dataset) == [("images/3.png", "unreadable")]


def test_names_that_a_spreadsheet_would_run_come_back(dataset: Path):
    (dataset / "=1+1, twice.txt").write_text("x")
    (dataset / "ünï 日本.txt").write_text("x")
    write_manifest(dataset)
    assert {"=1+1, twice.txt", "ünï 日本.txt"} <= read_manifest(dataset).keys()
    assert verify(dataset) == []


def test_a_name_that_is_no_text_is_listed_and_never_verified_as_sound(dataset: Path):
    # Such a name cannot stand in a UTF-8 table; it must not break the run.
    (dataset / os.fsdecode(b"bad\xff.txt")).write_text("x")
    write_manifest(dataset)
    assert [what for _, what in verify(dataset)] == ["missing", "surplus"]


DIGEST = "0" * 64


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "manifest.csv is empty"),
        ("path,sha256\n", "must have the columns path, bytes, sha256"),
        (f"path,bytes,sha256\n../key,1,{DIGEST}\n", "line 2: not a path of the data set"),
        (f"path,bytes,sha256\n/etc/passwd,1,{DIGEST}\n", "line 2: not a path of the data set"),
        (f"path,bytes,sha256\na,1,{DIGEST}\na,1,{DIGEST}\n", "line 3: not a path"),
        (f"path,bytes,sha256\na,-1,{DIGEST}\n", "line 2: a size or hash is damaged"),
        ("path,bytes,sha256\na,1,abc\n", "line 2: a size or hash is damaged"),
        ("path,bytes,sha256\na,1\n", "line 2: 2 cells where the header has 3"),
    ],
)
def test_a_damaged_manifest_is_refused(dataset: Path, text: str, message: str):
    (dataset / "manifest.csv").write_text(text)
    with pytest.raises(UserError, match=message):
        verify(dataset)


def test_a_folder_that_is_no_data_set(tmp_path: Path):
    with pytest.raises(UserError, match=r"has no manifest\.csv"):
        verify(tmp_path)
    with pytest.raises(UserError, match="no such folder"):
        verify(tmp_path / "nothing")
