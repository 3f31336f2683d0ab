"""Which files are looked at, and in what order."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cxrmine.dataset.files import list_files
from cxrmine.errors import UserError

KEY = bytes(32)


def test_all_files_but_hidden_ones_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name in ("b/2", "b/10.dcm", "a", ".hidden", "b/._2", ".git/x", "c/d/e"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    files = list_files([tmp_path], [], KEY)
    assert [f.relative for f in files] == ["a", "b/10.dcm", "b/2", "c/d/e"]
    assert sorted(f.number for f in files) == [1, 2, 3, 4]


def test_numbers_give_no_order_away(tmp_path: Path) -> None:
    for number in range(40):
        (tmp_path / f"{number:03d}").write_bytes(b"x")
    orders = [[f.number for f in list_files([tmp_path], [], bytes([k]) * 32)] for k in range(2)]
    assert orders[0] != orders[1]
    assert orders[0] == [f.number for f in list_files([tmp_path], [], bytes(32))]
    # Neighbours by name are neighbours by number no more often than by chance (2 in 40).
    near = sum(abs(a - b) == 1 for a, b in zip(orders[0], orders[0][1:], strict=False))
    assert near < 10


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may open every folder")
def test_a_folder_that_cannot_be_opened_is_listed(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0)
    try:
        assert [f.relative for f in list_files([tmp_path], [], KEY)] == ["closed"]
    finally:
        (tmp_path / "closed").chmod(0o700)


def test_the_output_and_the_key_are_no_input(tmp_path: Path) -> None:
    for name in ("in.dcm", "out/images/x.png", "out-key/key"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    files = list_files([tmp_path], [tmp_path / "out", tmp_path / "out-key"], KEY)
    assert [f.relative for f in files] == ["in.dcm"]


def test_several_folders_keep_their_files_apart(tmp_path: Path) -> None:
    for name in ("one/x", "two/x", "single"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    files = list_files([tmp_path / "one", tmp_path / "two", tmp_path / "single"], [], KEY)
    assert [f.relative for f in files] == ["1/x", "2/x", "3/single"]


def test_a_link_to_a_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x").write_bytes(b"x")
    (tmp_path / "a" / "round").symlink_to(tmp_path)
    assert [f.relative for f in list_files([tmp_path], [], KEY)] == ["a/x"]


def test_another_time_or_size_is_another_stamp(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"x")
    (before,) = list_files([tmp_path], [], KEY)
    (tmp_path / "x").write_bytes(b"xy")
    (after,) = list_files([tmp_path], [], KEY)
    assert before.stamp != after.stamp


def test_a_dangling_link_is_listed_so_that_it_fails_aloud(tmp_path: Path) -> None:
    (tmp_path / "x").symlink_to(tmp_path / "nowhere")
    (file,) = list_files([tmp_path], [], KEY)
    assert file.size == -1


def test_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        list_files([tmp_path / "nowhere"], [], KEY)
