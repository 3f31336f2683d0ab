"""Reading predictions and gold, and matching them by name: every rule, and every mistake."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from cxrmine.dataset.data_entry import HEADER, write_data_entry, write_labels
from cxrmine.dataset.model import ImageRow
from cxrmine.errors import UserError
from cxrmine.evaluation.labels import BLANK
from cxrmine.evaluation.predictions import model_name, pair, read_gold, read_scores


def write(path: Path, text: str) -> Path:
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)
    return path


def entry(path: Path, *rows: str) -> Path:
    lines = [f"{name},{labels},0,{patient},50,M,PA,1,1,0.1,0.1" for name, labels, patient in
             (row.split(",") for row in rows)]  # fmt: skip
    return write(path, "\n".join([HEADER, *lines]) + "\n")


@pytest.fixture
def nih(tmp_path: Path) -> Path:
    return entry(
        tmp_path / "Data_Entry.csv",
        "a.png,Mass|Effusion,1",
        "b.png,No Finding,1",
        "c.png,Pleural_Thickening,2",
        "d.png,Odd Thing,3",
    )


def test_rows_and_columns_are_matched_by_name(tmp_path: Path, nih: Path):
    table = write(
        tmp_path / "x.csv",
        "Image Index,prob_Effusion,comment,Prob Mass,pleural thickening,NO FINDING,odd_thing\n"
        "d.png,.1,so,.2,.3,.4,1e-3\n"
        "ghost.png,.5,so,.5,.5,.5,.5\n"
        "a.png,.9,so,.8,.7,-2.5,3\n",
    )
    paired = pair(read_scores(table), read_gold(nih))
    assert paired.findings == (
        "Effusion",
        "Mass",
        "Pleural_Thickening",
        "No Finding",
        "Odd Thing",
    )
    assert paired.ids == ("d.png", "a.png")
    assert paired.scores.tolist() == [[0.1, 0.2, 0.3, 0.4, 0.001], [0.9, 0.8, 0.7, -2.5, 3.0]]
    assert paired.truth.astype(int).tolist() == [[0, 0, 0, 0, 1], [1, 1, 0, 0, 0]]
    assert paired.known.all()
    assert paired.patients is not None
    assert len(set(paired.patients.tolist())) == 2
    assert paired.predictions_only == ("ghost.png",)
    assert set(paired.gold_only) == {"b.png", "c.png"}
    assert paired.predictions_only_columns == ("comment",)
    assert "Hernia" in paired.gold_only_columns
    assert not paired.several_images_of_a_patient()


def test_a_finding_that_nobody_has_is_known_to_be_absent(tmp_path: Path, nih: Path):
    table = write(tmp_path / "x.csv", "i,Hernia\na.png,0.5\nb.png,0.5\n")
    paired = pair(read_scores(table), read_gold(nih))
    assert paired.findings == ("Hernia",)
    assert paired.known.all()
    assert not paired.truth.any()
    assert paired.several_images_of_a_patient()


def test_a_column_of_chexpert_is_blank_or_uncertain_where_it_says_so(tmp_path: Path):
    gold = write(
        tmp_path / "valid.csv",
        "Path,Sex,Age,Frontal/Lateral,AP/PA,Edema,Pleural Effusion\n"
        "V/patient00001/study1/view1.jpg,Male,60,Frontal,AP,1.0,-1.0\n"
        "V/patient00001/study2/view1.jpg,Male,60,Frontal,AP,,0.0\n"
        "V/patient00002/study1/view1.jpg,Female,70,Frontal,PA,0,1\n",
    )
    table = write(
        tmp_path / "p.csv.gz",
        "Path,Pleural_Effusion,Edema,Age\n"
        + "".join(
            f"V/{study}/view1.jpg,0.{k},0.{k + 1},9{k}\n"
            for k, study in enumerate(
                ["patient00002/study1", "patient00001/study2", "patient00001/study1"]
            )
        ),
    )
    read = read_gold(gold)
    assert read.columns == ("Edema", "Pleural Effusion")
    assert read.values(["Edema", "Pleural Effusion"]).tolist() == [[1, -1], [BLANK, 0], [0, 1]]
    paired = pair(read_scores(table), read)
    assert paired.findings == ("Pleural Effusion", "Edema")
    assert paired.known.tolist() == [[True, True], [True, False], [False, True]]
    assert paired.truth.tolist() == [[True, False], [False, False], [False, True]]
    assert paired.patients is not None
    assert paired.patients[1] == paired.patients[2] != paired.patients[0]
    assert paired.predictions_only_columns == ("Age",)


def test_patients_come_from_a_column_or_the_ids(tmp_path: Path):
    column = write(tmp_path / "a.csv", "study_id,subject_id,Edema\n1,9,1\n2,9,0\n3,8,0\n")
    assert read_gold(column).patients == ("9", "9", "8")
    names = write(tmp_path / "b.csv", "Image Index,Edema\n00000001_000.png,1\n00000001_001.png,0\n")
    assert read_gold(names).patients == ("00000001", "00000001")
    nothing = write(tmp_path / "c.csv", "id,Edema\nx,1\ny,0\n")
    assert read_gold(nothing).patients is None


def test_a_data_sets_folder(tmp_path: Path):
    rows = [
        ImageRow("00000001_000.png", "Mass", 0, 1, labels={"Mass": "1", "Edema": ""}),
        ImageRow("00000001_001.png", "No Finding", 1, 1, labels={"Mass": "0", "Edema": "-1"}),
        ImageRow("00000002_000.png", "", 0, 2, labels={}),
    ]
    write_data_entry(tmp_path / "Data_Entry.csv", rows)
    write(
        tmp_path / "splits.csv",
        "Image Index,Patient ID,split\n00000001_000.png,1,test\n00000001_001.png,1,test\n"
        "00000002_000.png,2,train\n",
    )
    without = read_gold(tmp_path)
    assert without.kind == "Data_Entry table"
    assert without.values(("Mass", "No Finding")).tolist() == [[1, 0], [0, 1], [BLANK, BLANK]]
    write_labels(tmp_path / "labels.csv", rows, ("Mass", "Edema"))
    gold = read_gold(tmp_path)
    assert gold.kind == "data set"
    assert gold.columns == ("Mass", "Edema", "No Finding")
    assert gold.values(gold.columns).tolist() == [
        [1, BLANK, 0],
        [0, -1, 1],
        [BLANK, BLANK, BLANK],
    ]
    assert gold.patients == ("1", "1", "2")


def test_a_findings_number_does_not_make_a_header_data(tmp_path: Path, nih: Path):
    table = write(tmp_path / "x.csv", "id,0,Mass,Effusion\na.png,7,.1,.2\n")
    assert pair(read_scores(table), read_gold(nih)).findings == ("Mass", "Effusion")


def test_of_truth_and_score_side_by_side_the_score_is_taken(tmp_path: Path, nih: Path):
    for header in ("Mass,prob_Mass", "prob_Mass,Mass"):
        at = header.split(",").index("prob_Mass")
        row = ["1", "1"]
        row[at] = "0.25"
        read = read_scores(write(tmp_path / "x.csv", f"id,{header}\na.png,{','.join(row)}\n"))
        assert pair(read, read_gold(nih)).scores.tolist() == [[0.25]]
        assert any("prob_" in note for note in read.notes)


def test_map_pairs_other_names_and_takes_their_place(tmp_path: Path, nih: Path):
    table = read_scores(write(tmp_path / "x.csv", "id,Pleural Effusion,Mass\na.png,.1,.2\n"))
    gold = read_gold(nih)
    assert pair(table, gold).findings == ("Mass",)
    assert pair(table, gold, {"Pleural Effusion": "Effusion"}).findings == ("Effusion", "Mass")
    moved = pair(table, gold, {"pleural_effusion": "Mass"})
    assert (moved.findings, moved.scores.tolist()) == (("Mass",), [[0.1]])
    with pytest.raises(UserError, match="no finding 'Rib'"):
        pair(table, gold, {"Mass": "Rib"})
    with pytest.raises(UserError, match="no column 'Rib'"):
        pair(table, gold, {"Rib": "Mass"})
    assert pair(table, gold, {"Rib": "Mass"}, strict=False).findings == ("Mass",)
    with pytest.raises(UserError, match="two columns"):
        pair(table, gold, {"Pleural Effusion": "Mass", "Mass": "Mass"})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("id,Mass\n", "no row"),
        ("id\na\n", "single column"),
        ("id,Mass,Mass\na,1,1\n", "names a column twice: Mass"),
        ("id,Mass,mass\na,1,1\n", "same name but for case"),
        ("id,prob_Mass,Prob-mass\na,1,1\n", "same name but for case"),
        ("id,Mass\na,1\nb,1\na,2\n", r"1 rows repeat an id .*lines 2 and 4"),
        ("id,Mass\na,1\n ,2\n", "line 3: the id .* blank"),
        ("id,Mass\na,1,3\n", "line 2: 3 cells"),
        ("id,Mass\na.png,\n", "line 2, column 'Mass': the cell is no finite number"),
        ("id,Mass\na.png,1\nb.png,nan\n", "line 3, column 'Mass'"),
        ("id,Mass\na.png,inf\n", "line 2, column 'Mass'"),
        ("id,Mass\na.png,1_0\n", "line 2, column 'Mass'"),
        ("id,Mass\na.png,high\n", "line 2, column 'Mass'"),
        ("id,Rib\na.png,1\n", "share no finding; --map"),
        ("a.png,0.5,0.25\nb.png,0,1\n", "numbers where the columns' names belong"),
        ("id,Mass\nz.png,1\n", "share no id"),
    ],
)
def test_a_mistake_in_the_predictions(tmp_path: Path, nih: Path, text: str, said: str):
    path = write(tmp_path / "x.csv", text)
    with pytest.raises(UserError, match=said) as caught:
        pair(read_scores(path), read_gold(nih))
    assert "png" not in str(caught.value).replace(str(tmp_path), "")  # no id


def test_only_the_columns_in_use_must_be_numbers(tmp_path: Path, nih: Path):
    table = write(tmp_path / "x.csv", "id,Mass,note\na.png,1,\nb.png,0,text\n")
    assert pair(read_scores(table), read_gold(nih)).scores.tolist() == [[1.0], [0.0]]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("id,Edema\na,1\na,0\n", "repeat an id"),
        ("id,Edema\na,2\n", "line 2, column 'Edema'.*not a label"),
        ("Path,Sex\na,M\n", "no column of a finding"),
        ("Image Index,Finding Labels\na,Mass\n", "no column 'Follow-up #'"),
        (HEADER + "\n", "no row"),
        ("a.png,Mass,0,77123,58,M,PA,2682,2749,0.143,0.143\n", "numbers where the columns' names"),
        (HEADER + "\na.png,Mass,0,1,,,,,,,\na.png,Mass,0,1,,,,,,,\n", "stands twice"),
    ],
)
def test_a_mistake_in_the_gold(tmp_path: Path, text: str, said: str):
    gold = write(tmp_path / "gold.csv", text)
    table = write(tmp_path / "x.csv", "id,Edema\na,1\n")
    with pytest.raises(UserError, match=said) as caught:
        pair(read_scores(table), read_gold(gold))
    assert "77123" not in str(caught.value)


def test_missing_files(tmp_path: Path):
    for read in (read_scores, read_gold):
        with pytest.raises(UserError, match="does not exist"):
            read(tmp_path / "none.csv")
    with pytest.raises(UserError, match=r"Data_Entry\.csv"):
        read_gold(tmp_path)


def test_a_part_of_a_pair(tmp_path: Path, nih: Path):
    table = write(tmp_path / "x.csv", "id,Mass,Effusion\na.png,1,2\nb.png,3,4\nc.png,5,6\n")
    part = pair(read_scores(table), read_gold(nih)).at(np.array([2, 0]), ["Effusion"])
    assert part.ids == ("c.png", "a.png")
    assert part.scores.tolist() == [[6.0], [2.0]]
    assert part.truth.tolist() == [[False], [True]]
    assert part.patients is not None
    assert len(part.patients) == 2


def test_names_of_models():
    names = ["a/x_predictions.csv.gz", "x-preds.CSV", "x.tsv", "predictions.csv", "my.run.csv"]
    assert [model_name(Path(n)) for n in names] == ["x", "x", "x", "predictions", "my.run"]
