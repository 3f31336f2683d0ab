from __future__ import annotations

import hashlib
import os
from dataclasses import asdict
from pathlib import Path

import pytest

from cxrmine.errors import UserError
from cxrmine.runs import inputs as module
from cxrmine.runs.inputs import check_inputs, identify


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "reports"
    for name in ("b/2.txt", "a/1.txt", "c.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"Report {name}")
    return folder


def one(path: Path, out: Path, known: tuple = ()):
    (found,) = identify([str(path)], leave_out=out, known=known)
    return found


def test_a_file_has_the_hash_that_sha256sum_prints(tmp_path: Path) -> None:
    file = tmp_path / "reports.csv"
    file.write_bytes(b"report_id,text\n1,clear\n")
    found = one(file, tmp_path / "out")
    assert found.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert (found.name, found.files, found.bytes) == ("reports.csv", 1, 23)


def test_a_folder_has_the_hash_of_its_listing(tree: Path, tmp_path: Path) -> None:
    listing = "".join(
        f"{hashlib.sha256((tree / name).read_bytes()).hexdigest()}  {name}\n"
        for name in ("a/1.txt", "b/2.txt", "c.txt")
    )
    found = one(tree, tmp_path / "out")
    assert found.sha256 == hashlib.sha256(listing.encode()).hexdigest()
    assert found.files == 3


def test_any_change_of_content_or_name_changes_the_hash(tree: Path, tmp_path: Path) -> None:
    before = one(tree, tmp_path / "out").sha256
    (tree / "c.txt").write_text("Report C.txt")  # the same length
    changed = one(tree, tmp_path / "out").sha256
    (tree / "c.txt").rename(tree / "d.txt")
    assert len({before, changed, one(tree, tmp_path / "out").sha256}) == 3


def test_times_do_not_change_the_hash(tree: Path, tmp_path: Path) -> None:
    before = one(tree, tmp_path / "out")
    os.utime(tree / "c.txt", (1, 1))
    after = one(tree, tmp_path / "out")
    assert after.sha256 == before.sha256
    assert after.stamp != before.stamp


def test_the_output_folder_is_no_input(tree: Path) -> None:
    before = one(tree, tree / "out").sha256
    (tree / "out").mkdir()
    (tree / "out" / "labels.csv").write_text("report_id\n")
    assert one(tree, tree / "out").sha256 == before


def test_unchanged_files_are_not_read_again(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = (asdict(one(tree, tmp_path / "out")),)

    def must_not(path: Path) -> str:
        raise AssertionError("read")

    monkeypatch.setattr(module, "_file_digest", must_not)
    assert asdict(one(tree, tmp_path / "out", known)) == known[0]
    (tree / "c.txt").write_text("longer than it was")
    with pytest.raises(AssertionError, match="read"):
        one(tree, tmp_path / "out", known)


def test_missing_inputs_are_named() -> None:
    with pytest.raises(UserError, match=r"'nowhere\.csv' does not exist"):
        check_inputs(["nowhere.csv"])
    with pytest.raises(UserError, match="no input"):
        check_inputs([])
