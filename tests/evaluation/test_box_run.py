from __future__ import annotations

import csv
import io
import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_boxes import FINDINGS, counted, made
from made_dataset_with_boxes import write_dataset
from PIL import Image

from cxrmine.dataset.boxes import write_box_list
from cxrmine.dataset.model import Box
from cxrmine.errors import UserError
from cxrmine.evaluation import evaluate_boxes as command
from cxrmine.evaluation.box_scores import MEAN, POOLED, THRESHOLDS
from cxrmine.evaluation.evaluate_boxes import (
    OUTPUTS,
    Options,
    evaluate_boxes,
    measure_boxes,
    write_boxes,
)


@pytest.fixture
def options(tmp_path: Path) -> Options:
    truth, predicted, scores = made()
    write_box_list(tmp_path / "gold.csv", truth)
    write_box_list(tmp_path / "predicted.csv", predicted, scores=scores)
    return Options(
        tmp_path / "predicted.csv", tmp_path / "gold.csv", tmp_path / "out", draws=2, overlays=4
    )


def run(options: Options) -> tuple[int, str]:
    screen = io.StringIO()
    return evaluate_boxes(options, screen), screen.getvalue()


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as handle:
        return list(csv.DictReader(handle))


def test_writes_what_was_counted(options: Options) -> None:
    status, screen = run(options)
    assert status == 0
    assert sorted(p.name for p in options.out.iterdir()) == sorted(OUTPUTS)
    rows = table(options.out / "boxes.csv")
    assert list(rows[0])[:6] == ["measure", "threshold", "finding", "n", "accuracy", "afp"]
    truth, predicted, _ = made()
    images = {box.image_index for box in truth}
    predicted = [box for box in predicted if box.image_index in images]
    for row in rows:
        if row["finding"] in (POOLED, MEAN):
            continue
        boxes, hits, _, false = counted(truth, predicted, row["measure"], float(row["threshold"]))[
            row["finding"]
        ]
        assert int(row["n"]) == boxes
        assert float(row["accuracy"]) == pytest.approx(hits / boxes, abs=1e-6)
        assert float(row["afp"]) == pytest.approx(false / len(images), abs=1e-6)
        assert float(row["random_accuracy"]) >= 0
        assert row["centre_accuracy"] != ""
        assert row["measured_on"].startswith(f"Measured on {len(truth)} true boxes of 3 findings")
    assert {(r["measure"], float(r["threshold"])) for r in rows} == {
        (measure, t) for measure, ts in THRESHOLDS.items() for t in ts
    }
    published = {r["finding"]: r for r in rows if (r["measure"], r["threshold"]) == ("IoBB", "0.5")}
    assert published["Nodule"]["published_accuracy"] == "0.0126"
    assert published["Cardiomegaly"]["published_afp_per_box"] == "0.563"
    assert published[POOLED]["published_accuracy"] == ""
    assert f"Measured on {len(truth)} true boxes" in screen
    assert "T(IoBB) 0.5 [95 % interval]" in screen


def test_table_4_is_laid_out_as_in_the_paper(options: Options) -> None:
    run(options)
    rows = table(options.out / "table4.csv")
    assert list(rows[0]) == ["measure", "threshold", "metric", "of", *FINDINGS, MEAN]
    boxes = {
        (r["measure"], r["threshold"], r["finding"]): r for r in table(options.out / "boxes.csv")
    }
    for row in rows:
        for finding in FINDINGS:
            long = boxes[row["measure"], row["threshold"], finding]
            column = {
                ("Acc.", "ours"): "accuracy",
                ("Acc.", "random map"): "random_accuracy",
                ("Acc.", "random map, as many boxes"): "random_same_accuracy",
                ("Acc.", "centre box"): "centre_accuracy",
                ("Acc.", "ChestX-ray8"): "published_accuracy",
                ("AFP", "ours"): "afp",
                ("AFP", "ours, per box"): "afp_per_box",
                ("AFP", "random map"): "random_afp",
                ("AFP", "random map, as many boxes"): "random_same_afp",
                ("AFP", "centre box"): "centre_afp",
                ("AFP", "ChestX-ray8, per box"): "published_afp_per_box",
            }[row["metric"], row["of"]]
            assert row[finding] == long[column]
    kinds = {(r["measure"], r["threshold"]) for r in rows if r["of"] == "ChestX-ray8"}
    assert ("IoU", "0.5") in kinds
    assert ("IoU", "0.6") not in kinds  # the paper stops at 0.5


def test_the_same_bytes_every_time(options: Options) -> None:
    run(options)
    first = {p.name: p.read_bytes() for p in options.out.iterdir()}
    run(replace(options, force=True))
    second = {p.name: p.read_bytes() for p in options.out.iterdir()}
    del first["timing.json"], second["timing.json"]
    assert first == second


def test_a_killed_run_is_resumed_to_the_same_bytes(
    options: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(options)
    again = replace(options, out=tmp_path / "again")

    def killed(*arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(command, "write_report", killed)
        with pytest.raises(KeyboardInterrupt):
            run(again)
    assert [p.name for p in again.out.iterdir()] == [".parts"]  # no half of a result
    with pytest.raises(UserError, match="--resume"):
        run(again)
    with pytest.raises(UserError, match="random map"):
        run(replace(again, resume=True, seed=1))
    assert run(replace(again, resume=True))[0] == 0
    first, second = ({p.name: p.read_bytes() for p in o.out.iterdir()} for o in (options, again))
    del first["timing.json"], second["timing.json"]
    assert first == second
    status, screen = run(replace(again, resume=True))
    assert (status, "already finished" in screen) == (0, True)


def test_a_mistake_leaves_an_earlier_run_as_it_was(options: Options) -> None:
    run(options)
    before = {p.name: p.read_bytes() for p in options.out.iterdir()}
    options.predicted.write_text("Image Index,Finding Label,x,y,w,h\na.png,Mass,1,2,0,4\n")
    with pytest.raises(UserError, match="none of the 1 rows is a box"):
        run(replace(options, force=True))
    assert {p.name: p.read_bytes() for p in options.out.iterdir()} == before


def test_a_finished_run_with_failures_is_still_one(options: Options) -> None:
    with options.predicted.open("a") as handle:
        handle.write("00000000_000.png,Mass,1,2,-3,4,0.5\n")
    assert run(options)[0] == 1
    assert run(replace(options, resume=True))[0] == 1


def test_the_order_of_rows_changes_nothing(options: Options, tmp_path: Path) -> None:
    run(options)
    lines = options.predicted.read_text().splitlines(keepends=True)
    turned = tmp_path / "turned" / "predicted.csv"
    turned.parent.mkdir()
    turned.write_text(lines[0] + "".join(reversed(lines[1:])))
    run(replace(options, predicted=turned, out=tmp_path / "other"))
    for name in ("boxes.csv", "table4.csv", "pointing.csv"):
        assert (tmp_path / "other" / name).read_bytes() == (options.out / name).read_bytes()


def test_a_data_set_shows_its_images(tmp_path: Path) -> None:
    boxes = write_dataset(tmp_path / "set")
    write_box_list(tmp_path / "p.csv", boxes, scores=[0.5] * len(boxes))
    options = Options(tmp_path / "p.csv", tmp_path / "set", tmp_path / "out", draws=1, overlays=6)
    assert run(options)[0] == 0
    rows = table(options.out / "boxes.csv")
    assert {row["accuracy"] for row in rows} == {"1.0"}
    page = (options.out / "report.html").read_text()
    assert page.count("data:image/jpeg") == 6
    assert "no image at hand" not in page
    pointing = {row["finding"]: row for row in table(options.out / "pointing.csv")}
    assert pointing["Nodule"]["accuracy"] == "1.0"
    with Image.open(options.out / "overlays.png") as image:
        assert image.size[0] == 1800
    run(replace(options, out=tmp_path / "test", part="test"))
    record = json.loads((tmp_path / "test" / "run.json").read_text())
    assert record["settings"]["part"] == "test of split"
    assert 0 < record["counts"]["images"] < 12
    left = table(tmp_path / "test" / "unmatched.csv")
    assert {row["cause"] for row in left} == {"not one of the stated images"}


def test_points_of_heat_maps_are_taken_where_given(options: Options, tmp_path: Path) -> None:
    truth, _, _ = made()
    seen = set()
    lines = ["Image Index,Finding Label,x,y"]
    for box in truth:
        if (box.image_index, box.finding) not in seen:
            seen.add((box.image_index, box.finding))
            middle = box.x + box.width / 2, box.y + box.height / 2
            lines.append(f"{box.image_index},{box.finding},{middle[0]},{middle[1]}")
    (tmp_path / "points.csv").write_text("\n".join(lines) + "\n")
    run(replace(options, points=tmp_path / "points.csv"))
    assert {row["accuracy"] for row in table(options.out / "pointing.csv")} == {"1.0"}


def test_rows_that_are_no_boxes_fail_and_the_rest_counts(options: Options) -> None:
    with options.predicted.open("a") as handle:
        handle.write("00000000_000.png,Mass,1,2,-3,4,0.5\n00000000_000.png,Mass,1,2,x,4,0.5\n")
    lines = len(options.predicted.read_text().splitlines())
    status, screen = run(options)
    assert status == 1
    assert "2 rows are no boxes" in screen
    failures = table(options.out / "failures.csv")
    assert [(f["list"], int(f["line"])) for f in failures] == [
        ("predicted", lines - 1),
        ("predicted", lines),
    ]


def test_a_folder_in_use_is_left_alone(options: Options, tmp_path: Path) -> None:
    run(options)
    with pytest.raises(UserError, match="finished run"):
        run(options)
    (options.out / "mine.txt").write_text("keep")
    assert run(replace(options, force=True))[0] == 0
    assert (options.out / "mine.txt").read_text() == "keep"
    other = tmp_path / "labels"
    other.mkdir()
    (other / "run.json").write_text('{"command": "mine-labels"}')
    for force in (False, True):
        with pytest.raises(UserError, match="another command"):
            run(replace(options, out=other, force=force))
    with pytest.raises(UserError, match="is a file"):
        run(replace(options, out=options.out / "mine.txt"))
    with pytest.raises(UserError, match="is an input as well"):
        run(replace(options, out=options.gold))


def test_nothing_is_written_where_something_is_wrong(options: Options, tmp_path: Path) -> None:
    wrong = [
        ({"predicted": tmp_path / "missing.csv"}, "does not exist"),
        ({"gold": tmp_path / "missing.csv"}, "does not exist"),
        ({"images": tmp_path / "missing.txt"}, "does not exist"),
        ({"image_folder": tmp_path / "missing"}, "is no folder"),
        ({"draws": 0}, "at least one"),
        ({"seed": -1}, "negative"),
        ({"overlays": -1}, "0 .none. or more"),
        ({"size": 0.0}, "above 0"),
        ({"min_score": math.nan}, "--min-score is a number"),
        ({"split": "fold"}, "give --part as well"),
        ({"resume": True, "force": True}, "exclude each other"),
        ({"part": "test"}, "knows no parts"),
        ({"images": options.gold, "part": "test"}, "give one"),
        ({"out": tmp_path}, "is not empty"),
    ]
    for changes, says in wrong:
        with pytest.raises(UserError, match=says):
            run(replace(options, **changes))
    assert not options.out.exists()


def test_an_input_in_the_output_folder_is_not_replaced(options: Options) -> None:
    run(options)
    inside = options.out / "boxes.csv"
    write_box_list(inside, made()[0])
    with pytest.raises(UserError, match="would be replaced"):
        run(replace(options, gold=inside, force=True))


def test_without_overlays_there_is_no_sheet(options: Options) -> None:
    run(replace(options, overlays=0))
    assert not (options.out / "overlays.png").exists()
    assert "Boxes on images" not in (options.out / "report.html").read_text()


def test_in_memory_it_is_the_same(options: Options, tmp_path: Path) -> None:
    run(options)
    truth, predicted, scores = made()
    result = measure_boxes(
        predicted, scores, truth, source="predicted.csv", draws=2, overlays=4,
        pixels=lambda name: np.zeros((8, 8), np.uint8),
    )  # fmt: skip
    (tmp_path / "own").mkdir()
    write_boxes(tmp_path / "own", result)
    ours = table(tmp_path / "own" / "boxes.csv")
    theirs = table(options.out / "boxes.csv")
    for one, two in zip(ours, theirs, strict=True):
        # The table writes fifteen digits.
        for column, value in one.items():
            if column in ("accuracy", "afp", "random_accuracy", "centre_accuracy", "n"):
                assert float(value) == pytest.approx(float(two[column]), abs=1e-6)
    assert [section.title for section in result.sections()] == [
        "Boxes",
        "Localization accuracy by finding",
        "Pointing game",
        "Boxes on images",
    ]


def test_nihs_own_boxes_are_known_as_the_papers(data_dir: Path, tmp_path: Path) -> None:
    gold = data_dir / "nih" / "BBox_List_2017.csv"
    run(Options(gold, gold, tmp_path / "out", draws=1, overlays=0))
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["boxes_are_the_papers"] is True
    rows = {
        (r["measure"], r["threshold"], r["finding"]): r
        for r in table(tmp_path / "out" / "boxes.csv")
    }
    row = rows["IoU", "0.7", "Cardiomegaly"]
    assert (row["n"], row["accuracy"], row["afp"], row["images"]) == ("146", "1.0", "0.0", "880")


def test_it_needs_nothing_of_training_or_reading(tmp_path: Path) -> None:
    """The whole command without torch, spaCy, pydicom, pydantic and the like."""
    boxes = [Box("a.png", "Mass", 10, 10, 50, 50), Box("b.png", "Mass", 20, 20, 50, 50)]
    write_box_list(tmp_path / "b.csv", boxes, scores=[0.5, 0.5])
    barred = ("torch", "torchvision", "spacy", "pydicom", "rapidfuzz", "pydantic", "defusedxml",
              "cv2", "sklearn", "pandas", "scipy")  # fmt: skip
    program = f"""
import sys
for name in {barred!r}:
    sys.modules[name] = None
from pathlib import Path
from cxrmine.evaluation.evaluate_boxes import Options, evaluate_boxes
b = Path({str(tmp_path / "b.csv")!r})
sys.exit(evaluate_boxes(Options(b, b, Path({str(tmp_path / "out")!r}), draws=1)))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "report.html").is_file()
