"""What a finished training run leaves: predictions, scores, boxes, and one page that shows them.

The tables are those that evaluate-classifier and evaluate-boxes read and write; they can be made
again from the predictions with those commands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cxrmine.dataset.boxes import write_box_list
from cxrmine.dataset.model import Box
from cxrmine.dataset.read import IMAGES
from cxrmine.evaluation.auc import roc_curve
from cxrmine.evaluation.box_scores import POOLED
from cxrmine.evaluation.classifier_report import METRIC_COLUMNS, metric_rows
from cxrmine.evaluation.classifier_scores import Classification, evaluate
from cxrmine.evaluation.findings import key
from cxrmine.evaluation.intervals import Estimate
from cxrmine.evaluation.training_report import (
    Chart,
    ReportInput,
    Section,
    Series,
    Table,
    roc_chart,
    write_report,
)
from cxrmine.tables import atomic_write_text, write_csv
from cxrmine.training.loop import EpochResult, Place
from cxrmine.training.precision import in_half
from cxrmine.training.predict import (
    MODEL,
    Predictor,
    locate,
    save_model,
    scores_of,
    write_predictions,
)
from cxrmine.training.recipe import Recipe

if TYPE_CHECKING:
    from cxrmine.training.cache import Cache
    from cxrmine.training.models import Classifier
    from cxrmine.training.models.classifier import ModelSpec
    from cxrmine.training.run import Task


def write_results(
    folder: Path,
    *,
    task: Task,
    recipe: Recipe,
    model: Classifier,
    predictor: Predictor,
    cache: Cache,
    place: Place,
    warnings: Sequence[str],
    first: bool = True,
) -> dict[str, Any]:
    """Write everything that the chosen model has to show, and return the main numbers.

    Parameters
    ----------
    folder : Path
        Where the files go; made if it is not there, emptied if it is.
    task : Task
        The data set as the run saw it.
    recipe, model, predictor, cache
        The recipe, its trained model and the images.
    place : Place
        The finished training's, for its history.
    warnings : sequence of str
        What was odd; each is written once. Read at the end: predicting may add to it.
    first : bool
        Whether this process writes; the others only help to predict.

    Returns
    -------
    dict
        ``test`` (mean AUC with its interval and by finding) and ``boxes`` (accuracy at T(IoBB)
        0.5); without a test part or boxes they are None. Empty for the other processes.
    """
    logits = {
        part: predictor.logits(rows)
        for part, rows in (("val", task.val), ("test", task.test))
        if len(rows)
    }
    if not first:
        return {}
    folder.mkdir(exist_ok=True)
    for leftover in folder.iterdir():
        leftover.unlink()
    names = task.labels.names
    for part, values in logits.items():
        rows = getattr(task, part)
        shown = scores_of(recipe, values)
        write_predictions(folder / f"predictions_{part}.csv", _images(task, rows), names, shown)
    save_model(folder / MODEL, model, names, recipe)
    atomic_write_text(folder / "recipe.yaml", recipe.as_yaml())
    write_csv(
        folder / "history.csv",
        [column.name for column in fields(EpochResult)],
        (asdict(line) for line in place.history),
    )
    measured_on = told_measured_on(task, recipe)
    sections = [_training_section(recipe, place)]
    results: dict[str, Any] = {"test": None, "boxes": None}
    if "test" in logits:
        scores = _scores(task, scores_of(recipe, logits["test"]))
        write_csv(
            folder / "metrics.csv",
            METRIC_COLUMNS,
            (list(row) for row in metric_rows(scores, (), measured_on=measured_on)),
        )
        results["test"] = _summary(scores)
        sections.append(_scores_section(task, recipe, scores, logits["test"]))
        boxed = _boxes(folder, task, predictor)
        if boxed is not None:
            results["boxes"], own = boxed
            sections.extend(own)
    odd = tuple(dict.fromkeys(warnings))
    write_csv(folder / "warnings.csv", ["warning"], ([warning] for warning in odd))
    write_report(
        folder / "report.html",
        ReportInput(
            title=f"Training run {recipe.name}",
            measured_on=measured_on,
            facts=_facts(task, recipe, place, model),
            sections=tuple(sections),
            warnings=tuple(f"{warning}." for warning in odd),
        ),
    )
    return results


def _images(task: Task, rows: NDArray[np.intp]) -> list[str]:
    return [task.dataset.rows[row].image_index for row in rows]


def _patients(task: Task, rows: NDArray[np.intp]) -> NDArray[np.int64]:
    return np.array([task.dataset.rows[row].patient for row in rows], dtype=np.int64)


def told_measured_on(task: Task, recipe: Recipe) -> str:
    """Return what the scores of a run are measured on, in words."""
    if not len(task.test):
        return f"nothing: the split {recipe.split!r} has no test part"
    patients = len(set(_patients(task, task.test).tolist()))
    return (
        f"{len(task.test):,} images of {patients:,} patients: the test part of the split "
        f"{recipe.split!r} of {task.dataset.folder.name}"
    )


def _facts(task: Task, recipe: Recipe, place: Place, model: Classifier) -> dict[str, str]:
    loss, training, spec = recipe.loss, recipe.training, model.spec
    pooling = spec.pooling + (f" (r = {spec.r:g})" if spec.r is not None else "")
    if spec.pooling != "average":  # of which both orders are the same
        pooling += f" over the {spec.over}"
    half = in_half(next(model.parameters()).device, training.precision)
    precision = "bf16" if half else "float32"
    if training.precision != precision:
        precision += f" (the processor has no instructions for the recipe's {training.precision})"
    last = training.monitor == "last" or not len(task.val)
    chosen = "the last" if last else f"chosen by validation {training.monitor}"
    return {
        "recipe": recipe.name,
        "paper": recipe.paper or "none",
        "model": f"{recipe.model}, weights {recipe.weights}" + (", head only" * recipe.freeze),
        "transition layer": "none" if spec.transition is None else f"{spec.transition} channels",
        "a cell of the heat map": _cell(spec),
        "pooling and loss": f"{pooling}, {loss}",
        "images": f"{len(task.train):,} train, {len(task.val):,} val, {len(task.test):,} test",
        "input": f"{recipe.data.crop} of {recipe.data.size} pixels, {recipe.data.normalize}",
        "batch": f"{training.batch} × {training.accumulation}",
        "optimiser": _optimiser(recipe),
        "precision": precision,
        "epochs": f"{place.epoch}, of which number {place.best_epoch} is used ({chosen})",
        "seed": str(training.seed),
    }


def _cell(spec: ModelSpec) -> str:
    """Say how much of the input a cell stands for, and what was done to make it so little."""
    from cxrmine.training.models import MODELS

    own = MODELS[spec.name].strides[0]
    side = f"{spec.stride} × {spec.stride} pixels of the input"
    if spec.stride == own:
        return side
    return f"{side} (by itself {own}), filters {'spread' if spec.dilate else 'not spread'}"


def _optimiser(recipe: Recipe) -> str:
    settings, schedule = recipe.optimizer, recipe.schedule
    parts = [settings.kind]
    if settings.kind == "sgd":
        parts.append(f"momentum {settings.momentum:g}")
    parts += [f"weight decay {settings.weight_decay:g}", f"learning rate {settings.lr:g}"]
    details = {
        "step": f" (× {schedule.factor:g} every {schedule.every} epochs)",
        "plateau": f" (× {schedule.factor:g} after {schedule.patience} epochs without gain)",
    }
    parts.append(schedule.kind + details.get(schedule.kind, ""))
    if schedule.warmup:
        parts.append(f"warm-up {schedule.warmup:g} epochs")
    return ", ".join(parts)


def _training_section(recipe: Recipe, place: Place) -> Section:
    epochs = [float(line.epoch) for line in place.history]
    losses = [Series("train", epochs, [line.train_loss for line in place.history], markers=True)]
    validated = [line for line in place.history if line.val_loss is not None]
    own = [float(line.epoch) for line in validated]
    charts = []
    if validated:
        values = [line.val_loss if line.val_loss is not None else np.nan for line in validated]
        losses.append(Series("validation", own, values, markers=True))
    charts.append(Chart("Loss", "epoch", f"loss ({recipe.loss})", tuple(losses)))
    if any(line.val_auc is not None for line in validated):
        values = [line.val_auc if line.val_auc is not None else np.nan for line in validated]
        charts.append(
            Chart(
                "Mean AUC on the validation part",
                "epoch",
                "mean AUC",
                (Series("validation", own, values, markers=True),),
            )
        )
    rates = Series("learning rate", epochs, [line.lr for line in place.history], markers=True)
    charts.append(Chart("Learning rate", "epoch", "learning rate", (rates,)))
    return Section(
        "Training", tuple(charts), "The training loss is the mean over an epoch while it runs."
    )


def _scores(task: Task, scores: NDArray[np.float64]) -> Classification:
    rows = task.test
    return evaluate(
        task.labels.names,
        scores,
        task.labels.targets[rows],
        task.labels.mask[rows],
        _patients(task, rows),
    )


def _summary(scores: Classification) -> dict[str, Any]:
    def three(estimate: Estimate) -> list[float | None]:
        values = (estimate.value, estimate.low, estimate.high)
        return [None if value is None else round(value, 8) for value in values]

    return {
        "images": scores.images,
        "mean_auc": three(scores.mean_auc),
        "findings": {score.finding: three(score.auc) for score in scores.findings},
        "interval": scores.interval,
    }


def _scores_section(
    task: Task, recipe: Recipe, scores: Classification, logits: NDArray[np.float32]
) -> Section:
    published = recipe.published
    printed = {key(name): value for name, value in (published.auc if published else {}).items()}

    def row(name: str, n: int, positives: int | None, auc: Estimate, ap: Estimate) -> list[Any]:
        said = printed.get(key(name))
        return [name, n, positives, _shown(auc), _shown(ap), said]

    rows = [row(s.finding, s.n, s.positives, s.auc, s.average_precision) for s in scores.findings]
    mean = row(
        f"mean of {len(scores.in_mean)}",
        scores.images,
        None,
        scores.mean_auc,
        scores.mean_average_precision,
    )
    mean[-1] = _printed_mean(recipe, scores)
    rows.append(mean)
    note = f"95 % intervals: {scores.interval}."
    if published:
        note += (
            f" The last column is what the paper prints ({published.where}); it was measured on "
            "other images."
        )
    table = Table(
        "Scores",
        ("finding", "images", "with it", "AUC", "average precision", "published AUC"),
        rows,
        note=note,
        sums=1,
    )
    curves = []
    for at, score in enumerate(scores.findings):
        known = task.labels.mask[task.test, at]
        curve = roc_curve(logits[known, at], task.labels.targets[task.test, at][known] == 1)
        if curve is not None and score.auc.value is not None:
            curves.append((f"{score.finding} ({score.auc.value:.3f})", curve.fpr, curve.tpr))
    chart = roc_chart("ROC curves", curves, note="After ChestX-ray8's Fig. 5; AUC in brackets.")
    return Section("Classification", (table, chart) if curves else (table,))


def _printed_mean(recipe: Recipe, scores: Classification) -> float | None:
    """Return the published mean where it is one of these very findings."""
    published = recipe.published
    if published is None:
        return None
    ours = {key(name) for name in scores.in_mean}
    if published.auc and {key(name) for name in published.auc} != ours:
        return None
    if published.mean_auc is not None:
        return published.mean_auc
    return sum(published.auc.values()) / len(published.auc) if published.auc else None


def _shown(estimate: Estimate) -> str:
    if estimate.value is None:
        return "–"
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.3f}"
    return f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"


def _boxes(
    folder: Path, task: Task, predictor: Predictor
) -> tuple[dict[str, Any], tuple[Section, ...]] | None:
    """Draw boxes on the test images that have true ones, score them, and write both."""
    from cxrmine.evaluation.box_inputs import read_points
    from cxrmine.evaluation.evaluate_boxes import measure_boxes, write_boxes
    from cxrmine.evaluation.overlays import folder_pixels
    from cxrmine.evaluation.pointing import score_points

    outputs = {key(name) for name in task.labels.names}
    inside = {task.dataset.rows[row].image_index: int(row) for row in task.test}
    truth = [
        box
        for box in task.dataset.boxes
        if box.image_index in inside and key(box.finding) in outputs
    ]
    if not truth:
        return None
    images = list(dict.fromkeys(box.image_index for box in truth))
    spelled = {key(box.finding): box.finding for box in truth}
    asked = [name for name in task.labels.names if key(name) in spelled]
    rows = np.array([inside[image] for image in images], dtype=np.intp)
    found = locate(predictor, rows, images, task.labels.names, asked)
    # What is measured is what is written: digits beyond these mean nothing.
    drawn = [
        Box(
            box.image_index,
            spelled[key(box.finding)],
            *(round(side, 4) for side in (box.x, box.y, box.width, box.height)),
        )
        for box, _ in found.boxes
    ]
    scores = [float(f"{score:.8g}") for _, score in found.boxes]
    write_box_list(folder / "predicted_boxes.csv", drawn, scores=scores)
    write_csv(
        folder / "points.csv",
        ["Image Index", "Finding Label", "x", "y"],
        (
            (image, spelled[key(finding)], round(x, 4), round(y, 4))
            for image, finding, x, y in found.points
        ),
    )
    result = measure_boxes(
        drawn,
        scores,
        truth,
        images=images,
        patients={image: str(task.dataset.rows[at].patient) for image, at in inside.items()},
        pixels=folder_pixels(task.dataset.folder / IMAGES),
        source="class activation maps of this run's model",
    )
    # The maps' own points rather than the middles of boxes: a heat map is what is judged.
    points, _ = read_points(folder / "points.csv", result.inputs.task)
    result = replace(result, pointing=score_points(result.inputs.task, points))
    write_boxes(folder, result)
    at = ("IoBB", 0.5, POOLED)
    main = next(row for row in result.scores if (row.measure, row.threshold, row.finding) == at)
    values = (main.accuracy.value, main.accuracy.low, main.accuracy.high)
    summary = {
        "images": len(images),
        "boxes": len(truth),
        "accuracy_at_iobb_0.5": [_round(value) for value in values],
        "random_map": _round(result.controls.random[at].accuracy),
        "centre_box": _round(result.controls.centre[at].accuracy.value),
    }
    return summary, result.sections()


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 8)
