from __future__ import annotations

import gzip
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cxrmine.dataset.boxes import write_box_list
from cxrmine.dataset.model import Box
from cxrmine.errors import UserError
from cxrmine.evaluation.box_inputs import (
    Gold,
    match_boxes,
    read_gold,
    read_images,
    read_points,
    read_predicted,
)

A = Box("a.png", "Mass", 10, 10, 50, 50)
B = Box("b.png", "Nodule", 20, 20, 30, 30)


def test_matched_by_name_never_by_order() -> None:
    found = match_boxes([B, A], [0.2, 0.1], Gold((A, B)))
    task = found.task
    assert (task.images, task.findings) == (("a.png", "b.png"), ("Mass", "Nodule"))
    assert found.predicted.image.tolist() == [1, 0]
    assert found.predicted.finding.tolist() == [1, 0]
    assert found.predicted.score.tolist() == [0.2, 0.1]
    assert found.unmatched == found.warnings == ()


def test_findings_stand_in_the_papers_order_then_by_name() -> None:
    names = ("Zebra", "Nodule", "Aardvark", "Atelectasis", "Hernia")
    gold = tuple(Box("a", name, 0, 0, 9, 9) for name in names)
    assert match_boxes([], [], Gold(gold)).task.findings == (
        "Atelectasis", "Nodule", "Hernia", "Aardvark", "Zebra",
    )  # fmt: skip


def test_what_is_left_out_is_listed() -> None:
    predicted = [A, Box("c.png", "Mass", 0, 0, 9, 9), Box("a.png", "Edema", 0, 0, 9, 9)]
    found = match_boxes(predicted, [math.nan] * 3, Gold((A, B), images=("a.png", "d.png")))
    assert found.task.images == ("a.png", "d.png")
    assert {(u.list, u.image, u.finding, u.cause) for u in found.unmatched} == {
        ("gold", "b.png", "Nodule", "not one of the stated images"),
        ("predicted", "c.png", "Mass", "not one of the stated images"),
        ("predicted", "a.png", "Edema", "no true box of the finding"),
    }
    assert len(found.predicted) == 1
    assert any("Edema" in warning for warning in found.warnings)


def test_a_repeated_box_counts_once_with_its_best_score() -> None:
    found = match_boxes([A, A, A], [0.1, math.nan, 0.7], Gold((A, A, replace(A, finding="Nodule"))))
    assert len(found.predicted) == 1
    assert found.predicted.score.tolist() == [0.7]
    assert len(found.task.truth) == 2
    assert [warning.split(" repeat")[0] for warning in found.warnings] == [
        "A true box",
        "2 predicted boxes",
    ]


def test_boxes_in_pixels_of_another_image_are_warned_of() -> None:
    large = [Box("a.png", "Mass", 1500, 10, 600, 600)]
    assert "reach beyond" in match_boxes(large, [0.1], Gold((A,))).warnings[0]
    small = [Box("a.png", "Mass", 10 + n, 10, 100, 100) for n in range(30)]
    assert "smaller one" in match_boxes(small, [0.1] * 30, Gold((A,))).warnings[0]
    assert not match_boxes(small, [0.1] * 30, Gold((A,)), size=224).warnings


@pytest.mark.parametrize(
    ("predicted", "scores", "gold", "options", "says"),
    [
        ([A], [0.1], Gold((B,), images=("a.png",)), {}, "no true box"),
        ([A], [0.1], Gold(()), {}, "no true box"),
        ([A], [0.1], Gold((B,)), {}, "name images the same way"),
        ([A], [math.nan], Gold((A,)), {"min_score": 0.5}, "needs a score"),
    ],
)
def test_what_cannot_be_matched_is_said(predicted, scores, gold, options, says: str) -> None:
    with pytest.raises(UserError, match=says) as caught:
        match_boxes(predicted, scores, gold, **options)
    assert ".png" not in str(caught.value)  # a name can be a patient's


def test_boxes_below_the_least_score_are_left_out() -> None:
    found = match_boxes([A, B], [0.4, 0.5], Gold((A, B)), min_score=0.5)
    assert found.predicted.score.tolist() == [0.5]


def test_predictions_for_a_part_of_the_images_are_noticed() -> None:
    gold = tuple(Box(f"{n}.png", "Mass", 0, 0, 9, 9) for n in range(20))
    for number, warned in ((20, False), (18, False), (17, True), (5, True)):
        predicted = list(gold[:number])
        found = match_boxes(predicted, [0.5] * number, Gold(gold))
        assert [f"{20 - number} of the 20 images" in w for w in found.warnings] == [True] * warned


def test_patients_from_the_table_else_from_nihs_names_else_images() -> None:
    images = ("00000001_000.png", "00000001_001.png", "00000002_000.png")
    gold = tuple(Box(image, "Mass", 0, 0, 9, 9) for image in images)
    by_name = match_boxes([], [], Gold(gold)).task
    assert (by_name.clusters.tolist(), by_name.clustered_by) == ([0, 0, 1], "patient")
    told = dict(zip(images, "xyx", strict=True))
    by_table = match_boxes([], [], Gold(gold, patients=told)).task
    assert by_table.clusters[0] == by_table.clusters[2] != by_table.clusters[1]
    other = match_boxes([], [], Gold((A, B))).task
    assert (other.clusters.tolist(), other.clustered_by) == ([0, 1], "image")


def test_reads_what_write_box_list_writes_and_nihs_header(tmp_path: Path) -> None:
    write_box_list(tmp_path / "p.csv", [A, B], scores=[0.25, 1])
    boxes, scores, problems = read_predicted(tmp_path / "p.csv")
    assert (boxes, scores, problems) == ([A, B], [0.25, 1.0], [])
    packed = tmp_path / "g.csv.gz"
    packed.write_bytes(
        gzip.compress(
            b"Image Index,Finding Label,Bbox [x,y,w,h],,,\n"
            b"a.png,Infiltrate,1,2,3,4\nb.png,Mass,1,2,0,4\n"
        )
    )
    gold = read_gold(packed)
    assert gold.boxes == (Box("a.png", "Infiltration", 1, 2, 3, 4),)
    assert [problem.number for problem in gold.problems] == [3]
    assert math.isnan(read_predicted(packed)[1][0])


def test_stated_images_as_a_list_or_a_table(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("a.png\nb.png\n")
    assert read_images(tmp_path / "list.txt") == (("a.png", "b.png"), {})
    (tmp_path / "t.csv").write_text("Patient ID,Image Index\n7,a.png\n8,b.png\n")
    assert read_images(tmp_path / "t.csv") == (
        ("a.png", "b.png"),
        {"a.png": "7", "b.png": "8"},
    )
    (tmp_path / "twice.txt").write_text("SECRET.png\nb.png\nSECRET.png\n")
    with pytest.raises(UserError, match="lines 1 and 3 first") as caught:
        read_images(tmp_path / "twice.txt")
    assert "SECRET" not in str(caught.value)
    (tmp_path / "table.csv").write_text("image_index,note\na.png,x\nb.png,\n")
    assert read_images(tmp_path / "table.csv") == (("a.png", "b.png"), {})
    (tmp_path / "none.csv").write_text("Image Index\n")
    with pytest.raises(UserError, match="no image"):
        read_images(tmp_path / "none.csv")
    with pytest.raises(UserError, match="does not exist"):
        read_images(tmp_path / "missing.txt")


def test_nihs_whole_label_table_can_state_the_images(data_dir: Path) -> None:
    images, patients = read_images(data_dir / "nih" / "Data_Entry_2017_v2020.csv.gz")
    assert len(images) == len(patients) == 112_120
    gold = read_gold(data_dir / "nih" / "BBox_List_2017.csv")
    found = match_boxes([], [], Gold(gold.boxes, images=images, patients=patients))
    assert len(found.task.truth) == 984
    assert int(found.task.clusters.max()) + 1 == len(set(patients.values()))


def test_points(tmp_path: Path) -> None:
    task = match_boxes([], [], Gold((A, B))).task
    path = tmp_path / "points.csv"
    head = "Image Index,Finding Label,x,y\n"
    path.write_text(head + "b.png,nodule,3,4.5\nz.png,Mass,1,1\na.png,Edema,1,1\n")
    points, unmatched = read_points(path, task)
    assert points.pair.tolist() == [1 * 2 + 1]
    assert points.place.tolist() == [[3, 4.5]]
    assert [u.cause for u in unmatched] == [
        "not one of the stated images",
        "no true box of the finding",
    ]
    for text, says in (
        ("Image Index,x,y\n", "no column 'Finding Label'"),
        (head + "a.png,Mass,x,1\n", "line 2"),
        (head + "a.png,Mass,nan,1\n", "finite"),
        (head + "a.png,Mass,1,1\na.png,Mass,2,1\n", "second point"),
    ):
        path.write_text(text)
        with pytest.raises(UserError, match=says):
            read_points(path, task)


def test_a_folder_is_no_table_of_predictions(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is a folder"):
        read_predicted(tmp_path)
    with pytest.raises(UserError, match="Data_Entry"):
        read_gold(tmp_path)


def test_a_data_set_knows_its_images_patients_and_parts(tmp_path: Path) -> None:
    from made_dataset_with_boxes import write_dataset

    write_dataset(tmp_path / "set", images=12)
    gold = read_gold(tmp_path / "set")
    assert gold.image_folder == tmp_path / "set" / "images"
    assert gold.images is None
    assert len(gold.patients) == 12
    test = read_gold(tmp_path / "set", part="test")
    assert test.images
    assert set(test.images) < {box.image_index for box in gold.boxes}
    found = match_boxes([], [], test)
    assert found.task.clustered_by == "patient"
    assert np.unique(found.task.clusters).size < len(test.images)
    with pytest.raises(UserError, match="train"):
        read_gold(tmp_path / "set", part="exam")
    with pytest.raises(UserError, match="knows no parts"):
        read_gold(tmp_path / "set" / "BBox_List.csv", part="test")


def test_a_table_without_any_box_is_no_gold(tmp_path: Path) -> None:
    header = "Image Index,Finding Label,Bbox [x,y,w,h],,,"
    none = tmp_path / "none.csv"
    none.write_text(header + "\n")
    with pytest.raises(UserError, match="a header but no row"):
        read_gold(none)
    assert read_predicted(none) == ([], [], [])  # nothing was found: that can be
    wrong = tmp_path / "wrong.csv"
    wrong.write_text(header + "\nSECRET.png,Mass,1,2,0,4\nSECRET.png,Mass,1,2,3,x\n")
    for read in (read_gold, read_predicted):
        with pytest.raises(UserError, match=r"none of the 2 rows is a box .line 2: the width") as e:
            read(wrong)
        assert "SECRET" not in str(e.value)


def test_where_some_patients_are_known_the_intervals_say_so() -> None:
    names = ("00000001_000.png", "00000001_001.png", "other.png")
    gold = Gold(tuple(Box(name, "Mass", 1, 1, 9, 9) for name in names))
    task = match_boxes([], [], gold).task
    assert task.clusters.tolist() == [1, 1, 0]
    assert task.clustered_by == "patient where known, else image"
