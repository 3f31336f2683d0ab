"""Label tables: read whatever people have, match by name, and say what is wrong."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from cxrmine.errors import UserError
from cxrmine.evaluation.findings import FINDINGS_8, FINDINGS_14, totals_for
from cxrmine.evaluation.labels import (
    BLANK,
    find_label_file,
    is_positive,
    match_tables,
    read_labels,
)
from cxrmine.tables import TableError


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_values_are_found_by_id_and_name(tmp_path: Path):
    table = read_labels(write(tmp_path / "l.csv", "report_id,A,B\nx,1,\ny,-1,0\nz,0, 1.0 \n"))
    assert table.columns == ("A", "B")
    assert table.values(["B", "A"], ["z", "x", "y"]).tolist() == [[1, 0], [BLANK, 1], [0, -1]]


@pytest.mark.parametrize("name", ["report_id", "filename", "ID"])
def test_the_id_column_may_stand_anywhere(tmp_path: Path, name: str):
    table = read_labels(write(tmp_path / "l.csv", f"A,{name},B\n1,x,0\n"))
    assert (table.id_column, table.ids, table.columns) == (name, ("x",), ("A", "B"))


def test_without_a_known_name_the_first_column_holds_the_ids(tmp_path: Path):
    table = read_labels(write(tmp_path / "l.csv", "case,A\nx,1\n"))
    assert (table.id_column, table.ids) == ("case", ("x",))


def test_tsv_gzip_and_byte_order_mark(tmp_path: Path):
    path = tmp_path / "l.tsv.gz"
    path.write_bytes(gzip.compress(b"\xef\xbb\xbffilename\tA\r\nx\t1\r\n"))
    assert read_labels(path).values(["A"], ["x"]).tolist() == [[1]]


@pytest.mark.parametrize("cell", ["yes", "0.5", "2", "nan", "1;"])
def test_other_cells_fail_with_their_place(tmp_path: Path, cell: str):
    table = read_labels(write(tmp_path / "l.csv", f"id,A,B\nx,1,0\nsecret,0,{cell}\n"))
    assert table.values(["A"], ["x"]).tolist() == [[1]]  # only columns in use are looked at
    with pytest.raises(TableError, match=r"l\.csv, line 3, column 'B'") as caught:
        table.values(["A", "B"], ["x"])
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("id,A\n", "no row"),
        ("id\nx\n", "single column"),
        ("id,A,A\nx,1,0\n", "twice: A"),
        ("id,A\nx,1\n,0\n", "line 3: the id"),
        ("id,A\nsecret,1\ny,0\nsecret,1\nsecret,1\n", "2 rows repeat an id .*lines 2 and 4 first"),
        ("id,A\nx,1,0\n", "line 2: 3 cells"),
        ("secret,1,0,,-1.0\ny,1,0,,1\n", "numbers where the columns' names belong"),
    ],
    # The texts must not become part of the folder's name, which messages show.
    ids=[
        "empty",
        "no-row",
        "one-column",
        "column-twice",
        "blank-id",
        "id-twice",
        "ragged",
        "no-header",
    ],
)
def test_broken_files(tmp_path: Path, text: str, said: str):
    with pytest.raises(TableError, match=said) as caught:
        read_labels(write(tmp_path / "l.csv", text))
    assert "l.csv" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_matching_ignores_order_case_and_underscores(tmp_path: Path):
    ours = read_labels(
        write(tmp_path / "a.csv", "id,pleural thickening,Mass,Extra\nx,1,0,9\ny,0,1,9\nq,0,0,9\n")
    )
    gold = read_labels(
        write(
            tmp_path / "b.csv", "filename,Mass,Pleural_Thickening,Gone\ny,1,0,0\nx,0,1,0\nw,0,0,0\n"
        )
    )
    matched = match_tables(ours, gold)
    assert matched.columns == (("Mass", "Mass"), ("pleural thickening", "Pleural_Thickening"))
    assert matched.ids == ("x", "y")
    assert (matched.first_only_columns, matched.second_only_columns) == (("Extra",), ("Gone",))
    assert (matched.first_only_ids, matched.second_only_ids) == (("q",), ("w",))


def test_renamed_columns_take_the_place_of_others(tmp_path: Path):
    ours = read_labels(write(tmp_path / "a.csv", "id,Effusion,Pleural Effusion\nx,0,1\n"))
    gold = read_labels(write(tmp_path / "b.csv", "id,Effusion\nx,1\n"))
    matched = match_tables(ours, gold, {"Pleural Effusion": "Effusion"})
    assert matched.columns == (("Pleural Effusion", "Effusion"),)
    with pytest.raises(UserError, match=r"--map: .*a\.csv has no column 'Nodule'"):
        match_tables(ours, gold, {"Nodule": "Effusion"})
    with pytest.raises(UserError, match=r"--map: .*b\.csv has no column 'Fluid'"):
        match_tables(ours, gold, {"Effusion": "Fluid"})


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ("id,A\nx,1\n", "id,B\nx,1\n", "share no label column"),
        ("id,A\nsecret,1\n", "id,A\nhidden,1\n", "share no id"),
        ("id,A b,a_B\nx,1,0\n", "id,A b\nx,1\n", "'A b' and 'a_B' have the same name"),
    ],
)
def test_tables_that_do_not_match(tmp_path: Path, first: str, second: str, said: str):
    one = read_labels(write(tmp_path / "a.csv", first))
    two = read_labels(write(tmp_path / "b.csv", second))
    with pytest.raises(UserError, match=said) as caught:
        match_tables(one, two)
    assert "secret" not in str(caught.value)
    assert "hidden" not in str(caught.value)


def run_with(folder: Path, schemes: dict[str, str], single: str | None = None) -> Path:
    folder.mkdir()
    for name, header in schemes.items():
        write(
            folder / f"labels_{name}.csv",
            f"report_id,{header}\nx{',1' * (header.count(',') + 1)}\n",
        )
    if single is not None:
        write(folder / "labels.csv", "report_id,A\nx,1\n")
        write(folder / "run.json", json.dumps({"schemes": {single: "0" * 64}}))
    return folder


OPENI = [*FINDINGS_14, "normal"]


def test_the_right_file_of_a_run(tmp_path: Path):
    run = run_with(tmp_path / "r", {"chexpert": "A,B", "openi": "B,C"})
    assert find_label_file(run, gold_columns=OPENI) == (run / "labels_openi.csv", "openi")
    assert find_label_file(run, gold_columns=["A", "B"]) == (
        run / "labels_chexpert.csv",
        "chexpert",
    )
    assert find_label_file(run, scheme="chexpert")[0].name == "labels_chexpert.csv"
    with pytest.raises(UserError, match="chexpert, openi fit the gold equally well"):
        find_label_file(run, gold_columns=["B"])
    with pytest.raises(UserError, match=r"no column of the gold \(X, Y\) is .* chexpert, openi; "):
        find_label_file(run, gold_columns=["X", "Y"])
    with pytest.raises(UserError, match=r"several schemes \(chexpert, openi\); say which"):
        find_label_file(run)
    with pytest.raises(UserError, match=r"no labels of the scheme 'x'; .*labels_openi\.csv"):
        find_label_file(run, scheme="x")


def test_a_run_of_one_scheme(tmp_path: Path):
    run = run_with(tmp_path / "r", {}, single="chestxray14")
    assert find_label_file(run) == (run / "labels.csv", "chestxray14")
    assert find_label_file(run, scheme="chestxray14") == (run / "labels.csv", "chestxray14")
    assert find_label_file(run, gold_columns=OPENI)[0].name == "labels.csv"
    with pytest.raises(UserError, match="Run mine-labels with --scheme openi"):
        find_label_file(run, scheme="openi")


def test_no_run_at_all(tmp_path: Path):
    with pytest.raises(UserError, match="does not exist"):
        find_label_file(tmp_path / "none")
    with pytest.raises(UserError, match="did the run end"):
        find_label_file(tmp_path)
    with pytest.raises(UserError, match="leave it out"):
        find_label_file(write(tmp_path / "l.csv", "id,A\nx,1\n"), scheme="openi")


@pytest.mark.parametrize(
    ("uncertain", "positive", "counts"),
    [
        ("negative", [1, 0, 0, 0], [1, 1, 1, 1]),
        ("positive", [1, 0, 1, 0], [1, 1, 1, 1]),
        ("ignore", [1, 0, 0, 0], [1, 1, 0, 1]),
    ],
)
def test_what_is_positive(uncertain: str, positive: list[int], counts: list[int]):
    values = np.array([1, 0, -1, BLANK], dtype=np.int8)
    got = is_positive(values, uncertain)  # type: ignore[arg-type]
    assert [v.astype(int).tolist() for v in got] == [positive, counts]


def test_totals_of_the_open_i_gold():
    names = {t.name: t.columns for t in totals_for(OPENI)}
    assert list(names) == [
        "8 findings",
        "8 findings + normal",
        "14 findings",
        "14 findings, without Hernia",
        "14 findings + normal",
        "14 findings + normal, without Hernia",
    ]
    assert names["8 findings + normal"] == (*FINDINGS_8, "normal")
    assert len(names["14 findings, without Hernia"]) == 13


def test_a_total_that_lacks_a_column_says_so():
    names = [t.name for t in totals_for([f for f in FINDINGS_8 if f != "Mass"])]
    assert names == ["8 findings (without Mass: not comparable)"]


def test_totals_of_other_columns():
    assert [t.name for t in totals_for(["Edema", "Lung Lesion", "Fracture"])] == ["all 3 columns"]
    assert totals_for(["Edema"]) == []
    assert [t.name for t in totals_for([*FINDINGS_14, "No Finding"])][-1] == "all 15 columns"
