from __future__ import annotations

import os
from pathlib import Path

import pytest

from cxrmine.dataset.sources import layout
from cxrmine.dataset.sources.label_rows import LabelRows
from cxrmine.dataset.sources.layout import Tables, better_image, walk
from cxrmine.errors import UserError
from made_public_sets import write


def everything(name: str) -> bool:
    return True


def test_walk_is_sorted_and_skips_hidden(tmp_path: Path) -> None:
    for name in ("b/2.csv", "b/1.csv", "a/c/x.csv", ".cache/y.csv", "z.csv", ".hidden.csv"):
        write(tmp_path / name, "")
    levels = [
        (level.path.relative_to(tmp_path).as_posix(), level.depth, level.folders, level.files)
        for level in walk(tmp_path, everything)
    ]
    assert levels == [
        (".", 0, ("a", "b"), ("z.csv",)),
        ("a", 1, ("c",), ()),
        ("b", 1, (), ("1.csv", "2.csv")),
        ("a/c", 2, (), ("x.csv",)),
    ]


def test_walk_ends_in_circles(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "back").symlink_to(tmp_path)
    assert max(level.depth for level in walk(tmp_path, everything)) == layout.DEPTH


def test_walk_does_not_search_a_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "MAX_FOLDERS", 3)
    for name in "abcd":
        (tmp_path / name).mkdir()
    with pytest.raises(UserError, match="more than 3 folders"):
        list(walk(tmp_path, everything))


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may open every folder")
def test_walk_passes_over_a_locked_folder(tmp_path: Path) -> None:
    write(tmp_path / "locked" / "x.csv", "")
    write(tmp_path / "open" / "x.csv", "")
    (tmp_path / "locked").chmod(0)
    try:
        assert Tables(tmp_path, list(walk(tmp_path, everything))).find("x.csv") is not None
    finally:
        (tmp_path / "locked").chmod(0o700)


def tables(folder: Path) -> Tables:
    return Tables(folder, list(walk(folder, everything)))


def test_tables_by_name_then_depth(tmp_path: Path) -> None:
    write(tmp_path / "b" / "new.csv.gz", "x")
    write(tmp_path / "old.csv", "x")
    write(tmp_path / "b" / "old.csv", "x")
    assert tables(tmp_path).find("new.csv", "old.csv") == tmp_path / "b" / "new.csv.gz"
    assert tables(tmp_path).find("old.csv", "new.csv") == tmp_path / "old.csv"
    assert tables(tmp_path).find("none.csv") is None


def test_both_forms_of_a_table(tmp_path: Path) -> None:
    write(tmp_path / "T.CSV", "x")
    write(tmp_path / "t.csv.gz", "x")
    assert tables(tmp_path).find("t.csv") == tmp_path / "T.CSV"


def test_needed_table(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"is no folder of X: it has no a.csv, b.csv or c.csv"):
        tables(tmp_path).need("X", "a.csv", "b.csv", "c.csv")
    with pytest.raises(UserError, match=r"it has no a.csv \(or .gz\)"):
        tables(tmp_path).need("X", "a.csv")


def test_better_image() -> None:
    jpg, png, other = Path("a/x.jpg"), Path("b/x.png"), Path("c/x.png")
    assert better_image(jpg, png) == better_image(png, jpg) == png
    assert better_image(png, other) == better_image(other, png) == png


def test_label_rows_share_mappings_and_count_what_is_no_label() -> None:
    rows = LabelRows(("No Finding", "Edema", "Mass"))
    first, findings = rows.read(["", "1.0", "-1.0"])
    assert dict(first) == {"No Finding": "", "Edema": "1", "Mass": "-1"}
    assert findings == "Edema"
    assert rows.read(["", "1.0", "-1.0"])[0] is first
    assert rows.unknown == 0
    for _ in range(2):
        assert rows.read(["nan", " 0 ", "2"]) == ({"No Finding": "", "Edema": "0", "Mass": ""}, "")
    assert rows.unknown == 2
