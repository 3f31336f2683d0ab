"""Whole runs on a small data set: what they write, and what they refuse."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn_set import FINDINGS, draw_set
from tiny_model import contents, settings_for

from cxrmine.dataset.boxes import read_box_list
from cxrmine.errors import UserError
from cxrmine.evaluation.predictions import read_scores
from cxrmine.training.cache import open_cache
from cxrmine.training.folds import read_with_split
from cxrmine.training.predict import Predictor, load_model, predicted_boxes, sigmoid
from cxrmine.training.run import train

OUTPUTS = {
    "boxes.csv",
    "events.out.tfevents.cxrmine",
    "history.csv",
    "metrics.csv",
    "model.safetensors",
    "overlays.png",
    "pointing.csv",
    "predicted_boxes.csv",
    "predictions_test.csv",
    "predictions_val.csv",
    "recipe.yaml",
    "report.html",
    "run.json",
    "table4.csv",
    "timing.json",
    "warnings.csv",
}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_set(tmp_path_factory.mktemp("drawn") / "set", patients=40)


@pytest.fixture(scope="module")
def finished(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("finished") / "run"
    train(settings_for(dataset, "training.epochs=10"), out)
    return out


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as handle:
        return list(csv.DictReader(handle))


def test_it_learns_and_writes_everything(finished: Path) -> None:
    assert {path.name for path in finished.iterdir()} == OUTPUTS
    record = json.loads((finished / "run.json").read_text())
    assert set(record["outputs"]) == OUTPUTS - {"run.json", "timing.json"}
    mean, low, high = record["results"]["test"]["mean_auc"]
    assert mean > 0.85
    assert low <= mean <= high
    assert record["findings"] == list(FINDINGS)
    assert record["training"]["images_a_step"] == 16
    history = _rows(finished / "history.csv")
    assert [int(line["epoch"]) for line in history] == list(range(1, 11))
    assert float(history[-1]["train_loss"]) < 0.8 * float(history[0]["train_loss"])
    best = max(history, key=lambda line: (float(line["val_auc"]), -float(line["val_loss"])))
    assert record["training"]["chosen_epoch"] == int(best["epoch"])
    metrics = _rows(finished / "metrics.csv")
    assert [line["finding"] for line in metrics] == [*FINDINGS, "mean"]
    assert float(metrics[-1]["auc"]) == pytest.approx(mean)
    timing = json.loads((finished / "timing.json").read_text())
    assert len(timing["epochs"]) == 10
    assert all(epoch["images_per_second"] > 0 for epoch in timing["epochs"])


def test_predictions_are_the_models(dataset: Path, finished: Path) -> None:
    trained = load_model(finished)
    assert trained.names == FINDINGS
    split = read_with_split(dataset, trained.recipe.split)
    cache = open_cache(split, trained.recipe.data.size)
    for part in ("val", "test"):
        table = read_scores(finished / f"predictions_{part}.csv")
        images = [row.image_index for row in split.part(part)]
        assert list(table.ids) == images
        rows = np.array([cache.index[image] for image in images])
        scores = sigmoid(Predictor(trained.model, cache, trained.recipe).logits(rows))
        np.testing.assert_allclose(table.scores(FINDINGS), scores, rtol=1e-5, atol=1e-9)


def test_boxes_lie_where_the_maps_are(dataset: Path, finished: Path) -> None:
    boxes, problems = read_box_list(finished / "predicted_boxes.csv")
    assert boxes
    assert not problems
    for box in boxes:
        assert 0 <= box.x < box.x + box.width <= 1024
        assert 0 <= box.y < box.y + box.height <= 1024
        assert box.score is not None
        assert 0 <= box.score <= 1
    split = read_with_split(dataset, "split")
    test = {row.image_index for row in split.part("test")}
    assert {box.image for box in boxes} == {b.image_index for b in split.boxes} & test
    record = json.loads((finished / "run.json").read_text())["results"]["boxes"]
    assert record["boxes"] == sum(box.image_index in test for box in split.boxes)


def test_boxes_of_a_crop_count_in_the_whole_image(dataset: Path, finished: Path) -> None:
    """A crop of 24 of 32 pixels shows the middle: its boxes begin an eighth inside."""
    from dataclasses import replace

    trained = load_model(finished)
    recipe = replace(trained.recipe, data=replace(trained.recipe.data, crop=24))
    split = read_with_split(dataset, "split")
    cache = open_cache(split, 32)
    rows = np.arange(len(split.rows))
    images = [row.image_index for row in split.rows]
    predictor = Predictor(trained.model, cache, recipe)
    drawn = predicted_boxes(predictor, rows, images, FINDINGS, ["Nodule"])
    assert {box.finding for box, _ in drawn} == {"Nodule"}
    sides = np.array([(b.x, b.y, b.x + b.width, b.y + b.height) for b, _ in drawn])
    assert sides.min() == 128
    assert sides.max() == 1024 - 128


def test_the_same_settings_give_the_same_bytes(dataset: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        train(settings_for(dataset, "training.epochs=1"), tmp_path / name)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    train(settings_for(dataset, "training.epochs=1", "training.seed=1"), tmp_path / "three")
    other = contents(tmp_path / "three")
    assert other["model.safetensors"] != contents(tmp_path / "one")["model.safetensors"]


def test_a_finished_run_is_left_as_it_is(dataset: Path, finished: Path) -> None:
    before = contents(finished, without=())
    outcome = train(settings_for(dataset, "training.epochs=10"), finished, resume=True)
    assert outcome.already_finished
    with pytest.raises(UserError, match="holds a finished run"):
        train(settings_for(dataset, "training.epochs=10"), finished)
    with pytest.raises(UserError, match=r"cannot be resumed because it had other .*pooling\.r"):
        train(settings_for(dataset, "training.epochs=10", "pooling.r=2"), finished, resume=True)
    assert contents(finished, without=()) == before


def test_force_replaces_a_run(dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    train(settings_for(dataset, "training.epochs=1"), out)
    (out / "notes.txt").write_text("mine")
    first = contents(out)
    train(settings_for(dataset, "training.epochs=1", "optimizer.lr=0.1"), out, force=True)
    second = contents(out)
    assert second["notes.txt"] == b"mine"
    assert second["history.csv"] != first["history.csv"]


def _without(dataset: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "set"
    shutil.copytree(dataset, copy)
    return copy


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (["model=resnet9000"], "model 'resnet9000', which does not exist; use alexnet"),
        (["loss=anger"], "loss 'anger', which does not exist; use"),
        (["outputs=14"], "is labelled with"),
        (["split=split_9"], "has no column 'split_9'"),
        (["split=fold 3 of 2"], "folds count from 1"),
        (["split=fold 1 of 30"], "40 patients are too few for 30 folds"),
        (["weights=nowhere.safetensors"], "does not exist; check the path"),
        (["pooling.kind=max", "transition=wide"], "transition must be"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(
    dataset: Path, tmp_path: Path, changes: list[str], said: str
) -> None:
    with pytest.raises(UserError) as caught:
        train(settings_for(dataset, *changes), tmp_path / "run")
    assert said in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_no_gpu_though_asked_for(dataset: Path, tmp_path: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    settings = settings_for(dataset)
    for device, said in (("cuda", "finds no GPU here"), ("tpu", "use auto, cpu, cuda")):
        asked: Any = type(settings)(settings.dataset, settings.recipe, device=device)
        with pytest.raises(UserError, match=said):
            train(asked, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_missing_image(dataset: Path, tmp_path: Path) -> None:
    copy = _without(dataset, tmp_path)
    (copy / "images" / "00000007_001.png").unlink()
    with pytest.raises(UserError, match=r"lacks 1 image .*00000007_001\.png"):
        train(settings_for(copy), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_class_without_positives(dataset: Path, tmp_path: Path) -> None:
    copy = _without(dataset, tmp_path)
    lines = (copy / "labels.csv").read_text().splitlines()
    (copy / "labels.csv").write_text(
        "\n".join([lines[0], *(line[:-1] + "0" for line in lines[1:])]) + "\n"
    )
    with pytest.raises(UserError, match="no positive image of Nodule"):
        train(settings_for(copy), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_truncated_cache(dataset: Path, tmp_path: Path) -> None:
    copy = _without(dataset, tmp_path)
    cache = open_cache(read_with_split(copy, "split"), 32)
    cache.path.write_bytes(cache.path.read_bytes()[:-100])
    with pytest.raises(UserError, match="truncated"):
        train(settings_for(copy), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_model_that_is_not_whole_is_not_used(finished: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no trained model"):
        load_model(tmp_path)
    data = (finished / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(data[:-4])
    with pytest.raises(UserError, match="not a whole safetensors file"):
        load_model(tmp_path)


def test_a_set_without_test_part_or_boxes(dataset: Path, tmp_path: Path) -> None:
    copy = _without(dataset, tmp_path)
    (copy / "BBox_List.csv").unlink()
    text = (copy / "splits.csv").read_text()
    (copy / "splits.csv").write_text(text.replace("test", "").replace("val", ""))
    record = train(settings_for(copy, "training.epochs=1"), tmp_path / "run").record
    assert record["results"] == {"test": None, "boxes": None}
    warnings = (tmp_path / "run" / "warnings.csv").read_text()
    assert "has no part val: the last epoch's model is taken" in warnings
    assert "has no part test: nothing is tested" in warnings
    assert not (tmp_path / "run" / "metrics.csv").exists()
