"""The command line of `train-baseline`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

#: What is trained where nobody names a recipe.
_RECIPE, _PHANTOM_RECIPE = "chestxray8-resnet50", "phantom-resnet18-small"
_LIST = "list"


def command(
    dataset: Annotated[
        Path | None,
        typer.Argument(
            metavar="DATASET",
            help="A data set of build-dataset (or --phantom).",
            show_default=False,
        ),
    ] = None,
    phantom: Annotated[
        bool,
        typer.Option(
            "--phantom", help="Train on drawn radiographs; they are put beside --out (OUT.phantom)."
        ),
    ] = False,
    patients: Annotated[
        int, typer.Option(metavar="N", help="With --phantom: how many patients to draw.")
    ] = 650,
    recipe: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="A recipe's name or YAML file; 'list' explains those there are.",
            show_default=f"{_RECIPE}, {_PHANTOM_RECIPE} with --phantom",
        ),
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Change a recipe's key, as in pooling.r=5; repeats."
        ),
    ] = None,
    sweep: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=A,B,C",
            help="Train once for each value; repeats (all combinations).",
        ),
    ] = None,
    repeats: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Train on the re-sampled splits split_1 to split_N and tell mean and deviation.",
            show_default=False,
        ),
    ] = None,
    folds: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Cross-validate by patient in N folds and pool their predictions.",
            show_default=False,
        ),
    ] = None,
    leave_out: Annotated[
        str | None,
        typer.Option(
            metavar="SPLIT",
            help="With --folds: keep away from the test part of this split (as in official).",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Folder for the run; new or empty, else see --resume, --force."
        ),
    ] = None,
    device: Annotated[
        str, typer.Option(metavar="NAME", help="auto (a GPU if there is one), cpu, cuda, cuda:N.")
    ] = "auto",
    workers: Annotated[
        int,
        typer.Option(
            metavar="N",
            help="Threads that decode the images the first time; with --phantom also processes that draw "
            "them.",
        ),
    ] = 1,
    cache: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Folder for decoded images (default: DATASET.cache, beside it)."
        ),
    ] = None,
    checkpoint_minutes: Annotated[
        float,
        typer.Option(metavar="N", help="Minutes between checkpoints within an epoch."),
    ] = 10.0,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue the killed run in --out.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Replace an earlier run in --out.")
    ] = False,
) -> int:
    """Train a classifier on a data set and evaluate it: scores, heat maps' boxes, one page.

    Writes model.safetensors, predictions_test.csv, metrics.csv, predicted_boxes.csv, points.csv,
    boxes.csv, history.csv, report.html and a TensorBoard file to --out. Several GPUs: torchrun
    --nproc-per-node N -m cxrmine train-baseline … Needs the extra [train]. Exit status: 0 done,
    1 the machine could not finish it, 2 wrong usage.

    Example, on drawn radiographs (a data set of build-dataset takes their place), then a sweep:

    \b
      train-baseline --recipe list
      train-baseline --phantom --patients 60 --recipe smoke --out run
      train-baseline run.phantom --recipe smoke --sweep pooling.kind=average,max --out sweep
    """
    from cxrmine.errors import UserError

    if recipe == _LIST:
        for line in _listed():
            typer.echo(line)
        return 0
    if out is None:
        raise UserError("no output folder given; name one with --out DIR.")
    if resume and force:
        raise UserError("--resume and --force exclude each other; give one of them.")
    if phantom == (dataset is not None):
        raise UserError(
            "--phantom draws its own data set; leave DATASET away."
            if phantom
            else "no data set given; name a folder of build-dataset, or draw one with --phantom."
        )
    for option, number, least in (
        ("--workers", workers, 1),
        ("--repeats", repeats, 1),
        ("--folds", folds, 2),
        ("--patients", patients, 10),
    ):
        if number is not None and number < least:
            raise UserError(f"{option} {number}: write a whole number of {least} or more.")
    if repeats is not None and folds is not None:
        raise UserError("--repeats and --folds exclude each other; give one of them.")
    if leave_out is not None and folds is None:
        raise UserError("--leave-out goes with --folds; give that as well.")
    if not checkpoint_minutes >= 0:
        raise UserError(f"--checkpoint-minutes {checkpoint_minutes}: write 0 or more.")
    from cxrmine.training.recipe import load_recipe, parse_values

    chosen = load_recipe(recipe or (_PHANTOM_RECIPE if phantom else _RECIPE), changes or ())
    asked_for = [parse_values(text, "--sweep") for text in sweep or ()]
    values: dict[str, tuple[Any, ...]] = {**chosen.sweep, **dict(asked_for)}
    keys = [key for key, _ in asked_for]
    if twice := [key for key in keys if keys.count(key) > 1]:
        raise UserError(f"--sweep {twice[0]}: the key is given twice; write all values in one.")
    _check_extra()
    number = chosen.repeats if repeats is None else repeats
    single = not values and folds is None and number == 1
    if phantom:
        _check_before(out, chosen, device, single, resume=resume, force=force)
        dataset = _draw(out, patients, chosen.data.size, workers)
    assert dataset is not None

    from cxrmine.training.run import TrainSettings, train

    settings = TrainSettings(
        dataset=dataset,
        recipe=chosen,
        device=device,
        workers=workers,
        cache=cache,
        checkpoint_minutes=checkpoint_minutes,
    )
    if single:
        outcome = train(settings, out, resume=resume, force=force)
        lines = _told(outcome.record, outcome.already_finished, out) if outcome.first else []
    else:
        from cxrmine.training import sweep as sweeps

        splits = (
            sweeps.folds(folds, leave_out)
            if folds is not None
            else sweeps.repeats(number)
            if number > 1
            else (chosen.split,)
        )
        asked = sweeps.SweepSettings(settings, values, splits, pooled=folds is not None)
        done = sweeps.run_sweep(asked, out, resume=resume, force=force)
        lines = _sweep_told(done, out) if done.first else []
    for line in lines:
        typer.echo(line)
    return 0


def _check_extra() -> None:
    """Say at once if the extra [train] is missing."""
    from importlib.util import find_spec

    from cxrmine.errors import UserError

    names = ("torch", "torchvision", "safetensors", "PIL")
    if missing := [name for name in names if find_spec(name) is None]:
        raise UserError(
            f"train-baseline needs the extra [train] (here {', '.join(missing)} is missing); "
            "install it with: pip install 'cxrmine[train]'"
        )


def _check_before(
    out: Path, recipe: Any, device: str, single: bool, *, resume: bool, force: bool
) -> None:
    """Find what would stop the run after the drawing, which can take minutes."""
    from cxrmine.runs.folder import OutputFolder
    from cxrmine.training import run, sweep
    from cxrmine.training.distributed import choose_device, ranks

    choose_device(device, ranks())
    run.check_recipe(recipe)
    OutputFolder(out, run.WRITES if single else sweep.WRITES).open(resume=resume, force=force)


def _draw(out: Path, patients: int, size: int, workers: int) -> Path:
    """Draw the phantom's data set beside the run, and return its folder."""
    from cxrmine.errors import UserError
    from cxrmine.phantom.dataset_out import write_phantom_dataset
    from cxrmine.runs.endings import endings_told
    from cxrmine.runs.progress import open_progress
    from cxrmine.training.distributed import ranks

    if ranks().world > 1:
        raise UserError(
            "--phantom is drawn by one process; draw it first with a run of one, then name "
            f"{str(out) + '.phantom'!r} as DATASET."
        )
    place = out.with_name(f"{out.name}.phantom")
    display = open_progress("Drawing", "drawn", "patients")
    with endings_told(place, lambda: "start again with the same words."), display:
        try:
            return write_phantom_dataset(
                place,
                patients,
                size=size,
                workers=workers,
                on_patient=lambda done, of: display.update(read=of, done=done, all_read=True),
            )
        except UserError:
            if not place.exists():
                raise
            raise UserError(
                f"{str(place)!r} is where the drawn radiographs go, and holds something else, or "
                "others (of other settings or another version); delete it, or name another --out."
            ) from None


def _listed() -> list[str]:
    """Return what ``--recipe list`` prints: every recipe, its model, its paper and figures."""
    import textwrap

    from cxrmine.training.models import MODELS
    from cxrmine.training.recipe import load_recipe, recipe_names

    lines = []
    for name in recipe_names():
        recipe = load_recipe(name)
        lines.append(name)
        texts = [recipe.explain, f"Model: {MODELS[recipe.model].explain}."]
        if recipe.paper:
            texts.append(f"Paper: {recipe.paper}")
        if recipe.published is not None:
            printed = [f"{finding} {auc:.3f}" for finding, auc in recipe.published.auc.items()]
            if recipe.published.mean_auc is not None:
                printed.append(f"mean {recipe.published.mean_auc:.3f}")
            texts.append(f"Published AUC ({recipe.published.where}): {', '.join(printed)}.")
        if recipe.sweep:
            over = (f"{k}={','.join(map(str, v))}" for k, v in recipe.sweep.items())
            texts.append(f"Sweep: {'; '.join(over)}")
        for text in texts:
            lines += textwrap.wrap(text, 96, initial_indent="  ", subsequent_indent="    ")
        lines.append("")
    return lines


def _told(record: Any, already_finished: bool, out: Path) -> list[str]:
    """Return the closing lines of one run."""
    lines = []
    if already_finished:
        lines.append(f"The run in {out} is finished; nothing was left to do.")
    training, results = record["training"], record["results"]
    counts = record["counts"]
    lines.append(
        f"{record['name']}: {training['epochs']} epochs on {counts['train']:,} images, model of "
        f"epoch {training['chosen_epoch']}."
    )
    if (test := results["test"]) is not None:
        lines.append(
            f"Mean AUC {_three(test['mean_auc'])} on {test['images']:,} test images "
            f"(95 %: {test['interval']})."
        )
    if (boxes := results["boxes"]) is not None:
        lines.append(
            f"Boxes: {_three(boxes['accuracy_at_iobb_0.5'])} of {boxes['boxes']:,} found at "
            f"T(IoBB) 0.5 on {boxes['images']:,} images; a random map finds "
            f"{_one(boxes['random_map'])}, a centre box {_one(boxes['centre_box'])}."
        )
    if counts["warnings"]:
        lines.append(f"What was odd: {out / 'warnings.csv'}")
    lines.append(f"All of it on one page: {out / 'report.html'}")
    return lines


def _sweep_told(done: Any, out: Path) -> list[str]:
    """Return the closing lines of a sweep."""
    lines = [f"{done.ran} runs trained, {done.kept} kept from before."]
    results = done.record["results"]
    places = list(dict.fromkeys(result["measured_on"] for result in results.values()))
    if len(places) == 1:
        lines.append(f"Measured on {places[0]}.")
    for label, result in results.items():
        line = f"{label}: mean AUC {_one(result['mean_auc'])}"
        if result["sd"] is not None:
            line += f" ± {result['sd']:.3f}"
        if result["splits"] > 1:
            over = "folds" if "pooled_mean_auc" in result else "splits"
            line += f" (mean ± standard deviation over {result['splits']} {over})"
        if "pooled_mean_auc" in result:
            pooled = _three(result["pooled_mean_auc"])
            line += f"; all folds' predictions pooled: {pooled} (95 %: {result['interval']})"
        if len(places) > 1:
            line += f", on {result['measured_on']}"
        lines.append(line + ".")
    lines.append(f"All of it on one page: {out / 'report.html'}")
    return lines


def _one(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.3f}"


def _three(values: list[float | None]) -> str:
    value, low, high = values
    if low is None or high is None:
        return _one(value)
    return f"{_one(value)} [{low:.3f}, {high:.3f}]"
