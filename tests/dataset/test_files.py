"""Which files are looked at, and in what order."""

from __future__ import annotations

from pathlib import Path

import pytest

from cxrmine.dataset.files import list_files
from cxrmine.errors import UserError


def test_all_files_but_hidden_ones_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name in ("b/2", "b/10.dcm", "a", ".hidden", "b/._2", ".git/x", "c/d/e"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    files = list_files([tmp_path], [])
    assert [(f.number, f.relative) for f in files] == [
        (1, "a"),
        (2, "b/10.dcm"),
        (3, "b/2"),
        (4, "c/d/e"),
    ]


def test_the_output_and_the_key_are_no_input(tmp_path: Path) -> None:
    for name in ("in.dcm", "out/images/x.png", "out-key/key"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    files = list_files([tmp_path], [tmp_path / "out", tmp_path / "out-key"])
    assert [f.relative for f in files] == ["in.dcm"]


def test_several_folders_keep_their_files_apart(tmp_path: Path) -> None:
    for name in ("one/x", "two/x", "single"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    files = list_files([tmp_path / "one", tmp_path / "two", tmp_path / "single"], [])
    assert [f.relative for f in files] == ["1/x", "2/x", "3/single"]


def test_a_link_to_a_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x").write_bytes(b"x")
    (tmp_path / "a" / "round").symlink_to(tmp_path)
    assert [f.relative for f in list_files([tmp_path], [])] == ["a/x"]


def test_another_time_or_size_is_another_stamp(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"x")
    (before,) = list_files([tmp_path], [])
    (tmp_path / "x").write_bytes(b"xy")
    (after,) = list_files([tmp_path], [])
    assert before.stamp != after.stamp


def test_a_dangling_link_is_listed_so_that_it_fails_aloud(tmp_path: Path) -> None:
    (tmp_path / "x").symlink_to(tmp_path / "nowhere")
    (file,) = list_files([tmp_path], [])
    assert file.size == -1


def test_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        list_files([tmp_path / "nowhere"], [])
