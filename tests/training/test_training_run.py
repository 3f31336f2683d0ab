"""Whole runs on a small data set: what they write, and what they refuse."""

from __future__ import annotations

import csv
import html
import io
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from drawn_set import FINDINGS, draw_set
from PIL import Image
from read_events import read_events
from tiny_model import contents, settings_for

from cxrmine.dataset.boxes import read_box_list
from cxrmine.errors import UserError
from cxrmine.evaluation.evaluate_boxes import Options, evaluate_boxes
from cxrmine.evaluation.predictions import read_scores
from cxrmine.localization.boxes import THRESHOLDS, interpolated
from cxrmine.localization.heatmap import to_grey
from cxrmine.training import results
from cxrmine.training.cache import open_cache
from cxrmine.training.folds import read_with_split
from cxrmine.training.models import Classifier
from cxrmine.training.predict import Predictor, load_model, locate, scores_of
from cxrmine.training.run import train

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "runs"))
from browser import browsing

OUTPUTS = {
    "boxes.csv",
    "events.out.tfevents.cxrmine",
    "history.csv",
    "metrics.csv",
    "model.safetensors",
    "overlays.png",
    "pointing.csv",
    "points.csv",
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
        logits = Predictor(trained.model, cache, trained.recipe).logits(rows)
        scores = scores_of(trained.recipe, logits)
        np.testing.assert_allclose(table.scores(FINDINGS), scores, rtol=1e-5, atol=1e-9)


def test_what_the_page_says_of_the_run(finished: Path) -> None:
    page = html.unescape((finished / "report.html").read_text("utf-8"))
    for fact, value in {
        "transition layer": "none",
        "a cell of the heat map": "4 × 4 pixels of the input",
        "pooling and loss": "lse (r = 5) over the features, class-mean-bce",
        "optimiser": "adamw, weight decay 0, learning rate 0.003, constant",
        "precision": "float32",
    }.items():
        assert f"<dt>{fact}</dt><dd>{value}</dd>" in page


@pytest.mark.browser
def test_the_page_in_a_browser(finished: Path, chromium: str, tmp_path: Path) -> None:
    def count(selector: str) -> object:
        return page.run(f"document.querySelectorAll({json.dumps(selector)}).length")

    with browsing(chromium, tmp_path) as page:
        page.open(finished / "report.html")
        titles = page.run("[...document.querySelectorAll('section > h2')].map(e => e.textContent)")
        assert titles == [
            "Training",
            "Classification",
            "Boxes",
            "Localization accuracy by finding",
            "Pointing game",
            "Boxes on images",
            "Settings",
        ]
        curves = page.run(
            "[...document.querySelectorAll('figure')].find("
            "f => f.querySelector('h3').textContent === 'ROC curves').querySelectorAll("
            "'svg[role=img] .series path').length"
        )
        assert curves == len(FINDINGS)
        # A picture for each test image with a box, which the browser can decode.
        shown = page.run(
            "Promise.all([...document.querySelectorAll('.overlay image')].map(async e => {"
            " const i = new Image(); i.src = e.getAttribute('href'); await i.decode();"
            " return i.naturalWidth; }))"
        )
        assert isinstance(shown, list)
        assert shown
        assert min(shown) > 0
        assert count(".overlay .truth rect")
        assert page.errors == []
        assert [url for url in page.requests if not url.startswith("data:")] == [
            (finished / "report.html").as_uri()
        ]


def test_tensorboard_has_every_epoch_and_a_picture(finished: Path) -> None:
    entries = read_events(finished / "events.out.tfevents.cxrmine")
    history = _rows(finished / "history.csv")
    scalars: dict[str, dict[int, float]] = {}
    pictures = []
    for entry in entries:
        if isinstance(entry.value, tuple):
            pictures.append(entry)
        else:
            assert entry.step not in scalars.setdefault(entry.tag, {})
            scalars[entry.tag][entry.step] = entry.value
    steps = len(scalars["train/loss"]) // len(history)
    assert list(scalars["train/loss"]) == list(range(1, steps * len(history) + 1))
    ends = [steps * int(line["epoch"]) for line in history]
    losses = np.array(list(scalars["train/loss"].values())).reshape(-1, steps).mean(axis=1)
    np.testing.assert_allclose(losses, [float(line["train_loss"]) for line in history], rtol=1e-5)
    for tag, column in (
        ("train/learning rate", "lr"),
        ("val/loss", "val_loss"),
        ("val/mean AUC", "val_auc"),
    ):
        assert list(scalars[tag]) == ends
        expected = [float(line[column]) for line in history]
        np.testing.assert_allclose(list(scalars[tag].values()), expected, rtol=1e-5)
    assert {f"val AUC/{finding}" for finding in FINDINGS} <= set(scalars)
    (picture,) = pictures
    assert (picture.step, picture.tag) == (0, "train/first batch")
    width, height, png = picture.value
    with Image.open(io.BytesIO(png)) as image:
        assert image.size == (width, height) == (4 * 32, 4 * 32)
        assert len(np.unique(np.asarray(image))) > 20


def test_boxes_lie_where_the_maps_are(dataset: Path, finished: Path) -> None:
    trained = load_model(finished)
    split = read_with_split(dataset, "split")
    cache = open_cache(split, 32)
    boxes, _ = read_box_list(finished / "predicted_boxes.csv")
    images = list(dict.fromkeys(box.image for box in boxes))
    rows = np.array([cache.index[image] for image in images])
    found = list(Predictor(trained.model, cache, trained.recipe).heat_maps(rows, (0, 1)))
    maps, scores = (np.concatenate(parts) for parts in zip(*found, strict=True))
    best: dict[tuple[str, str], float] = {}
    for box in boxes:
        at = images.index(box.image), FINDINGS.index(box.finding)
        (warm,) = interpolated(to_grey(maps[at])[np.newaxis], 32)
        left, top, right, bottom = (
            round(value / 32) for value in (box.x, box.y, box.x + box.width, box.y + box.height)
        )
        inside = warm[top:bottom, left:right]
        assert box.score is not None
        # The peak that its score tells of is in it, and each of its sides touches the region.
        share = box.score / scores[at]
        assert np.abs(inside / 255 - share).min() < 1e-4
        sides = (inside[0], inside[-1], inside[:, 0], inside[:, -1])
        assert any(
            share * 255 > threshold and all(side.max() > threshold for side in sides)
            for threshold in THRESHOLDS
        )
        key = box.image, box.finding
        best[key] = max(best.get(key, 0), share * 255 / warm.max())
    # The hottest point of every map is in a box.
    assert list(best.values()) == pytest.approx([1] * len(best), abs=1e-4)


def test_boxes_are_those_of_the_test_images(dataset: Path, finished: Path) -> None:
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
    drawn = locate(predictor, rows, images, FINDINGS, ["Nodule"]).boxes
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
        (["model=resnet18", "stride=7"], "resnet18 cannot be built with stride 7; the options"),
        (["model=alexnet"], "images of 32 pixels are too small for alexnet, which needs 63"),
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


def test_an_output_folder_that_cannot_be_one(dataset: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UserError, match=r"--out '.*file' is a file; name a folder"):
        train(settings_for(dataset), tmp_path / "file")
    for inside in (dataset, dataset / "run", dataset / "images" / ".." / "run"):
        with pytest.raises(UserError, match=r"lies in the data set .*; name a folder beside it"):
            train(settings_for(dataset), inside, force=True)
    assert not (dataset / "run").exists()
    assert (tmp_path / "file").read_text() == "mine"


def test_a_full_disk_says_how_to_go_on(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    resource = pytest.importorskip("resource")
    open_cache(read_with_split(dataset, "split"), 32)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    for least in (20_000, 140_000):  # no room for the checkpoint; for the overlays
        resource.setrlimit(resource.RLIMIT_FSIZE, (least, limits[1]))
        try:
            with pytest.raises(UserError, match=r"make room; continue with --resume --out") as told:
                train(settings_for(dataset, "training.epochs=1"), out, resume=True)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert told.value.exit_code == 1
        assert {path.name for path in out.iterdir()} == {".parts"}
    train(settings_for(dataset, "training.epochs=1"), out, resume=True)
    train(settings_for(dataset, "training.epochs=1"), tmp_path / "whole")
    assert contents(out) == contents(tmp_path / "whole")


def test_more_memory_than_there_is(dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"out of memory .* lower training\.batch") as told:
        train(settings_for(dataset, "training.batch=99999999999"), tmp_path / "run")
    assert told.value.exit_code == 1


def test_short_of_memory_in_prediction_is_said(
    dataset: Path, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = load_model(finished)
    cache = open_cache(read_with_split(dataset, "split"), 32)
    rows = np.arange(20)
    whole = Predictor(trained.model, cache, trained.recipe).logits(rows)
    real = Classifier.forward

    def forward(self: Classifier, images: torch.Tensor) -> torch.Tensor:
        if not self.training and len(images) > 4:
            raise torch.OutOfMemoryError("out of memory")
        return real(self, images)

    monkeypatch.setattr(Classifier, "forward", forward)
    said: list[str] = []
    predictor = Predictor(trained.model, cache, trained.recipe, say=said.append)
    np.testing.assert_allclose(predictor.logits(rows), whole, rtol=1e-4, atol=1e-5)
    predictor.logits(rows)
    sentence = "out of memory in prediction: on with 4 images at a time"
    assert said == [sentence]
    # Also at a run's end, after the last epoch's validation.
    monkeypatch.setattr(Predictor, "validate", lambda *_: None)
    record = train(settings_for(dataset, "training.epochs=1"), tmp_path / "run").record
    warnings = [line["warning"] for line in _rows(tmp_path / "run" / "warnings.csv")]
    assert warnings.count(sentence) == 1
    assert record["counts"]["warnings"] == len(warnings)
    assert f"{sentence}." in (tmp_path / "run" / "report.html").read_text("utf-8")


@pytest.mark.parametrize("kept", [None, 100])
def test_events_that_are_gone(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: int | None
) -> None:
    def stop(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(results, "save_model", stop)
        with pytest.raises(UserError, match="interrupted"):
            train(settings_for(dataset, "training.epochs=1"), tmp_path / "run")
    events = tmp_path / "run" / ".parts" / "events.out.tfevents.cxrmine"
    events.write_bytes(events.read_bytes()[:kept]) if kept else events.unlink()
    with pytest.raises(UserError, match="missing or cut short; start the run anew with --force"):
        train(settings_for(dataset, "training.epochs=1"), tmp_path / "run", resume=True)


@pytest.mark.parametrize("loss", ["hinge", "euclidean", "w-cel"])
def test_scores_are_what_the_loss_means(dataset: Path, tmp_path: Path, loss: str) -> None:
    out = tmp_path / "run"
    train(settings_for(dataset, "training.epochs=1", f"loss={loss}"), out)
    trained = load_model(out)
    split = read_with_split(dataset, "split")
    cache = open_cache(split, 32)
    table = read_scores(out / "predictions_test.csv")
    rows = np.array([cache.index[image] for image in table.ids])
    logits = Predictor(trained.model, cache, trained.recipe).logits(rows).astype(float)
    # Half-way between the labels, 0 and 1 or -1 and 1, the score is 0.5.
    exponent = 4 * (logits - 0.5) if loss == "euclidean" else logits
    expected = 1 / (1 + np.exp(-exponent))
    np.testing.assert_allclose(table.scores(FINDINGS), expected, rtol=1e-5)
    (_, scores), *_ = Predictor(trained.model, cache, trained.recipe).heat_maps(rows[:5], (0, 1))
    np.testing.assert_allclose(scores, expected[:5], rtol=1e-4)


def test_points_are_the_peaks_of_the_maps(dataset: Path, finished: Path, tmp_path: Path) -> None:
    trained = load_model(finished)
    split = read_with_split(dataset, "split")
    cache = open_cache(split, 32)
    table = _rows(finished / "points.csv")
    pairs = [(line["Image Index"], line["Finding Label"]) for line in table]
    test = {row.image_index for row in split.part("test")}
    truth = {(box.image_index, box.finding) for box in split.boxes if box.image_index in test}
    assert len(set(pairs)) == len(pairs)
    assert {image for image, _ in pairs} == {image for image, _ in truth}
    predictor = Predictor(trained.model, cache, trained.recipe)
    images = list(dict.fromkeys(image for image, _ in pairs))
    rows = np.array([cache.index[image] for image in images])
    maps = np.concatenate([maps for maps, _ in predictor.heat_maps(rows, (0, 1))])
    cell = 1024 / maps.shape[2]
    for line in table:
        own = maps[images.index(line["Image Index"]), FINDINGS.index(line["Finding Label"])]
        assert own[int(float(line["y"]) // cell), int(float(line["x"]) // cell)] == own.max()
    # evaluate-boxes, given the table, comes to what the run says.
    status = evaluate_boxes(
        Options(
            predicted=finished / "predicted_boxes.csv",
            gold=dataset,
            out=tmp_path / "scores",
            part="test",
            points=finished / "points.csv",
            draws=1,
        ),
        io.StringIO(),
    )
    assert status == 0
    theirs, ours = (_rows(place / "pointing.csv") for place in (tmp_path / "scores", finished))
    for one, other in zip(theirs, ours, strict=True):
        del one["measured_on"], other["measured_on"]
        assert one == other


@pytest.mark.parametrize("weight", [0.0, -1.0])
def test_a_map_of_one_value_or_none_above_0_points_nowhere(
    dataset: Path, finished: Path, weight: float
) -> None:
    trained = load_model(finished)
    with torch.no_grad():
        trained.model.prediction.weight[0] = weight
    split = read_with_split(dataset, "split")
    predictor = Predictor(trained.model, open_cache(split, 32), trained.recipe)
    ((maps, _),) = predictor.heat_maps(np.arange(3), (0,))
    assert maps.max() <= 0
    assert (np.ptp(maps) > 0) == (weight < 0)
    found = locate(predictor, np.arange(3), ["a", "b", "c"], FINDINGS, FINDINGS)
    assert [(image, finding) for image, finding, _, _ in found.points] == [
        (image, "Nodule") for image in "abc"
    ]
    assert {box.finding for box, _ in found.boxes} == {"Nodule"}


def test_a_model_with_filters_not_spread_comes_back_as_such(dataset: Path, tmp_path: Path) -> None:
    changes = ("model=resnet18", "stride=8", "dilate=false", "training.epochs=1")
    train(settings_for(dataset, *changes), tmp_path / "run")
    trained = load_model(tmp_path / "run")
    assert trained.recipe.dilate is False
    page = html.unescape((tmp_path / "run" / "report.html").read_text("utf-8"))
    assert "8 × 8 pixels of the input (by itself 32), filters not spread" in page
    assert trained.model.spec.dilate is False
    assert all(
        layer.dilation == (1, 1)
        for layer in trained.model.modules()
        if isinstance(layer, torch.nn.Conv2d)
    )
    spread = ("model=resnet18", "stride=8", f"weights={tmp_path}/run/model.safetensors")
    with pytest.raises(UserError, match="dilate is False there and True here"):
        train(settings_for(dataset, *spread), tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_a_run_can_begin_at_the_findings_odds(dataset: Path, tmp_path: Path) -> None:
    """With a rate of next to nothing, the biases stay what they begin with."""
    still = ("training.epochs=1", "optimizer.lr=1e-12")
    train(settings_for(dataset, "bias=prior", *still), tmp_path / "run")
    trained = load_model(tmp_path / "run")
    parts = {row["Image Index"]: row["split"] for row in _rows(dataset / "splits.csv")}
    learnt = [r for r in _rows(dataset / "labels.csv") if parts[r["Image Index"]] == "train"]
    with_it = np.array([sum(r[name] == "1" for r in learnt) for name in trained.names])
    expected = np.log((with_it + 0.5) / (len(learnt) - with_it + 0.5))
    bias = trained.model.prediction.bias.detach().numpy()
    np.testing.assert_allclose(bias, expected, rtol=1e-5)
    train(settings_for(dataset, *still), tmp_path / "other")
    other = load_model(tmp_path / "other").model.prediction.bias.detach().numpy()
    assert np.abs(other).max() < 0.5


def test_a_missing_image(dataset: Path, tmp_path: Path) -> None:
    copy = _without(dataset, tmp_path)
    (copy / "images" / "00000007_001.png").unlink()
    with pytest.raises(UserError, match=r"lacks 1 image .*00000007_001\.png"):
        train(settings_for(copy), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_label_that_is_no_number(dataset: Path, tmp_path: Path) -> None:
    copy = _without(dataset, tmp_path)
    lines = (copy / "labels.csv").read_text().splitlines()
    lines[4] = lines[4][:-1] + "nan"
    (copy / "labels.csv").write_text("\n".join(lines) + "\n")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UserError, match=r"labels\.csv, line 5.*1, 0, -1 and blank"):
        train(settings_for(copy), tmp_path / "run")
    assert sorted(tmp_path.rglob("*")) == before


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
