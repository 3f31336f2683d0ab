"""The private folder: for its owner's eyes, and never half written."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from cxrmine.dataset.private import PrivateFolder, keyed_hash
from cxrmine.errors import UserError


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def private(tmp_path: Path) -> PrivateFolder:
    folder = PrivateFolder(tmp_path / "key")
    folder.prepare(tmp_path / "out")
    return folder


def test_only_the_owner_may_look(private: PrivateFolder) -> None:
    private.key()
    private.write_table("a.csv", ("x",), [("=1",)])
    private.write_lines("b.jsonl", [{"x": 1}])
    assert mode(private.path) == 0o700
    assert {mode(path) for path in private.path.iterdir()} == {0o600}


def test_a_folder_that_was_open_is_closed(tmp_path: Path) -> None:
    (tmp_path / "key").mkdir(mode=0o755)
    PrivateFolder(tmp_path / "key").prepare(tmp_path / "out")
    assert mode(tmp_path / "key") == 0o700


def test_the_key_is_drawn_once(private: PrivateFolder, tmp_path: Path) -> None:
    assert private.key() == private.key()
    other = PrivateFolder(tmp_path / "other")
    other.prepare(tmp_path / "out")
    assert other.key() != private.key()
    assert keyed_hash(other.key(), "x") != keyed_hash(private.key(), "x")


def test_a_damaged_key_is_not_replaced(private: PrivateFolder) -> None:
    private.key()
    private.file("key").write_text("not hexadecimal")
    with pytest.raises(UserError, match="damaged"):
        private.key()


def test_a_lost_key_is_not_drawn_anew_over_a_crosswalk(private: PrivateFolder) -> None:
    private.key()
    private.write_table("patients.csv", ("patient",), [])
    private.file("key").unlink()
    with pytest.raises(UserError, match="no key"):
        private.key()


def test_it_may_not_be_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("")
    with pytest.raises(UserError, match="is a file"):
        PrivateFolder(tmp_path / "key").prepare(tmp_path / "out")


def test_tables_come_back(private: PrivateFolder) -> None:
    private.write_table("t.csv", ("a", "b"), [("=x", 1), ("y\n", None)])
    assert private.read_table("t.csv", ("a", "b")) == [{"a": "=x", "b": "1"}, {"a": "y\n", "b": ""}]
    assert private.read_table("none.csv", ("a",)) == []
    with pytest.raises(UserError, match="lacks the column 'c'"):
        private.read_table("t.csv", ("c",))


def test_damaged_lines_are_none(private: PrivateFolder) -> None:
    private.file("l.jsonl").write_text('{"a": 1}\n{"a": \n')
    assert list(private.read_lines("l.jsonl")) == [{"a": 1}]


def test_a_failed_write_leaves_the_old_file(private: PrivateFolder) -> None:
    private.write_table("t.csv", ("a",), [("old",)])

    def rows():
        yield ("new",)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        private.write_table("t.csv", ("a",), rows())
    assert private.read_table("t.csv", ("a",)) == [{"a": "old"}]
    assert sorted(path.name for path in private.path.iterdir()) == ["README.txt", "t.csv"]


def test_a_folder_of_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir(mode=0o755)
    (tmp_path / "photos" / "a.jpg").write_bytes(b"")
    with pytest.raises(UserError, match="holds other files"):
        PrivateFolder(tmp_path / "photos").prepare(tmp_path / "out")
    assert mode(tmp_path / "photos") == 0o755


def test_somebody_s_own_readme_is_no_sign_of_ours(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "README.txt").write_text("my notes")
    with pytest.raises(UserError, match="holds other files"):
        PrivateFolder(tmp_path / "notes").prepare(tmp_path / "out")


def test_the_set_may_not_lie_in_it(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="lies inside --key"):
        PrivateFolder(tmp_path / "key").prepare(tmp_path / "key" / "out")
