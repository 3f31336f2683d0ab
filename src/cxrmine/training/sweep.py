"""Several runs beside each other: values of a key, re-sampled splits, folds; and what they say.

Every run is a folder of its own below OUT, as `cxrmine.training.run` writes it; so a sweep that
was killed goes on with the run that was under way. Values are compared on the same splits, and
their spread over the splits is told as mean ± standard deviation, as Baltruschat et al. 2019
(Table 4) do.
"""

from __future__ import annotations

import itertools
import re
import statistics
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import cxrmine
from cxrmine.errors import UserError
from cxrmine.evaluation.classifier_report import METRIC_COLUMNS, metric_rows
from cxrmine.evaluation.classifier_scores import Classification, evaluate
from cxrmine.evaluation.training_report import (
    Chart,
    ReportInput,
    Section,
    Series,
    Table,
    write_report,
)
from cxrmine.runs.folder import OutputFolder, Writes
from cxrmine.tables import read_csv, write_csv
from cxrmine.training.distributed import choose_device, process_group, ranks
from cxrmine.training.folds import fold_name, read_with_split
from cxrmine.training.labels import training_labels
from cxrmine.training.recipe import Recipe, change_recipe, with_split
from cxrmine.training.results import told_measured_on
from cxrmine.training.run import (
    COMMAND,
    TrainSettings,
    check_place,
    check_recipe,
    endings,
    prepare,
    train_within,
)

MEAN = "mean"
WRITES = Writes(
    f"{COMMAND} --sweep",
    frozenset(
        {"sweep.csv", "sweep_runs.csv", "metrics.csv", "predictions_test.csv", "report.html", "run.json"}
    ),
)  # fmt: skip


@dataclass(frozen=True)
class SweepSettings:
    """What a sweep runs.

    Parameters
    ----------
    base : TrainSettings
        What all runs share.
    values : mapping
        Dotted keys of the recipe and the values that each gets; every combination is run.
    splits : tuple of str
        What each combination is run on; at least one.
    pooled : bool
        Whether the splits are folds, whose test predictions are pooled.
    """

    base: TrainSettings
    values: Mapping[str, tuple[Any, ...]]
    splits: tuple[str, ...]
    pooled: bool = False


@dataclass(frozen=True)
class SweepRun:
    """One run of a sweep: its folder's name, what it changes, and its recipe."""

    folder: str
    label: str
    split: str
    recipe: Recipe


@dataclass(frozen=True)
class _Tested:
    """What a run is tested on: the images by row, their patients, and both in words."""

    rows: tuple[int, ...]
    patients: tuple[int, ...]
    said: str


@dataclass(frozen=True)
class SweepOutcome:
    """What became of a sweep.

    Parameters
    ----------
    record : mapping
        The content of ``run.json``.
    ran, kept : int
        Runs that were trained now, and that were finished before.
    first : bool
        Whether this process is the one that tells.
    """

    record: Mapping[str, Any]
    ran: int
    kept: int
    first: bool


def repeats(number: int) -> tuple[str, ...]:
    """Return the names of the re-sampled splits that build-dataset wrote."""
    return tuple(f"split_{at}" for at in range(1, number + 1))


def folds(number: int, without: str | None) -> tuple[str, ...]:
    """Return the names of the folds of a cross-validation."""
    return tuple(fold_name(at, number, without) for at in range(1, number + 1))


def plan_runs(settings: SweepSettings) -> list[SweepRun]:
    """Return the runs of a sweep in order: all splits of the first combination, then the next.

    Raises
    ------
    UserError
        If a key or a value is none of a recipe, or two runs would be the same.
    """
    if "split" in settings.values:
        raise UserError(
            "--sweep split: splits are no values to compare; give --repeats N or --folds N, or "
            "one of them with --set split=…"
        )
    recipe = replace(settings.base.recipe, sweep={}, repeats=1)
    runs = []
    labels: dict[str, str] = {}
    for combination in itertools.product(*settings.values.values()):
        pairs = list(zip(settings.values, combination, strict=True))
        changed = change_recipe(recipe, [f"{k}={v}" for k, v in pairs], "--sweep")
        check_recipe(changed)
        label = ", ".join(f"{key} = {value}" for key, value in pairs) or recipe.name
        twin = labels.setdefault(changed.digest(), label)
        if twin != label:
            raise UserError(
                f"--sweep: {twin!r} and {label!r} train the same; leave one of them out."
            )
        for split in settings.splits:
            parts = [f"{key}={value}" for key, value in pairs]
            if len(settings.splits) > 1:
                parts.append(split)
            name = "_".join(re.sub(r"[^\w.=-]+", "-", part) for part in parts) or recipe.name
            runs.append(SweepRun(name, label, split, with_split(changed, split)))
    return runs


def run_sweep(
    settings: SweepSettings, out: Path, *, resume: bool = False, force: bool = False
) -> SweepOutcome:
    """Run a sweep and compare its runs.

    Parameters
    ----------
    settings : SweepSettings
    out : Path
        New or empty, or with `resume` an unfinished sweep of the same settings.
    resume, force : bool
        As the command line's options.

    Raises
    ------
    UserError
        As `cxrmine.training.run.train`; also if a key of the sweep is none of a recipe, or what
        one of its runs asks of the data set is not there.
    """
    with endings(settings.base, out):
        return _run_sweep(settings, out, resume=resume, force=force)


def _run_sweep(settings: SweepSettings, out: Path, *, resume: bool, force: bool) -> SweepOutcome:
    runs = plan_runs(settings)
    check_place(settings.base, out)
    folder = OutputFolder(out, WRITES)
    folder.state()  # says so at once if it is a file
    identity: dict[str, Any] = {
        "recipe": settings.base.recipe.settings(),
        "sweep": {key: list(map(str, values)) for key, values in settings.values.items()},
        "splits": {"splits": list(settings.splits)},
    }
    processes = ranks()
    first = processes.first
    device = choose_device(settings.base.device, processes)
    tested = _check_data(settings, runs)
    # Connected once for all runs: a second start would find the first one's leavings.
    connected = process_group(processes, device)
    with connected, folder.locked() if first else nullcontext():
        state = folder.open(resume=resume, force=force) if first else "empty"
        if first and state == "empty":
            folder.clear()
            folder.begin({"command": WRITES.command, **identity})
        elif first:
            folder.check_same(folder.earlier(state), identity)
        ran = kept = 0
        records = []
        for number, run in enumerate(runs, start=1):
            if first:
                _say(f"run {number} of {len(runs)}: {run.label}, {run.split}")
            outcome = train_within(
                replace(settings.base, recipe=run.recipe),
                out / run.folder,
                resume=state != "empty",
                force=force,
            )
            kept += outcome.already_finished
            ran += not outcome.already_finished
            records.append(outcome.record)
        if not first:
            return SweepOutcome({}, ran, kept, False)
        record = _compare(settings, out, runs, tested, records, identity)
        if state != "finished":
            folder.add_json("run.json", record)
            folder.finish()
        return SweepOutcome(record, ran, kept, True)


def _check_data(settings: SweepSettings, runs: Sequence[SweepRun]) -> list[_Tested]:
    """Find what is wrong with the last run's data before hours are spent on the first.

    Returns
    -------
    list of _Tested
        For each run.
    """
    seen: dict[tuple[object, ...], _Tested] = {}
    tested = []
    for run in runs:
        recipe = run.recipe
        asked = (recipe.split, recipe.outputs, recipe.uncertain, recipe.weights)
        if asked not in seen:
            task = prepare(replace(settings.base, recipe=recipe))
            rows = tuple(task.test.tolist())
            if not rows:
                raise UserError(
                    f"the split {run.split!r} has no test part to compare runs on; name another "
                    "one."
                )
            patients = tuple(task.dataset.rows[row].patient for row in rows)
            seen[asked] = _Tested(rows, patients, told_measured_on(task, recipe))
        tested.append(seen[asked])
    return tested


def _measured_on(settings: SweepSettings, tested: Sequence[_Tested]) -> str:
    """Say what the runs of one combination are measured on, together."""
    if len(tested) == 1:
        return tested[0].said
    sizes = sorted(len(each.rows) for each in tested)
    each = f"{sizes[0]:,}" if sizes[0] == sizes[-1] else f"{sizes[0]:,} to {sizes[-1]:,}"
    images = len({row for part in tested for row in part.rows})
    patients = len({patient for part in tested for patient in part.patients})
    return (
        f"{images:,} images of {patients:,} patients: the test parts of {_splits_said(settings)} "
        f"of {settings.base.dataset.resolve().name}, {each} images each"
    )


def _compare(
    settings: SweepSettings,
    out: Path,
    runs: Sequence[SweepRun],
    tested: Sequence[_Tested],
    records: Sequence[Mapping[str, Any]],
    identity: Mapping[str, Any],
) -> dict[str, Any]:
    """Write the sweep's tables and page, and return its record."""
    rows = []
    for run, part, record in zip(runs, tested, records, strict=True):
        test = record["results"]["test"]
        for finding, (auc, low, high) in {**test["findings"], MEAN: test["mean_auc"]}.items():
            rows.append((run.label, run.split, finding, auc, low, high, run.folder, part.said))
    write_csv(
        out / "sweep_runs.csv",
        ["run", "split", "finding", "auc", "auc_low", "auc_high", "folder", "measured_on"],
        rows,
    )
    labels = list(dict.fromkeys(run.label for run in runs))
    measured_on = {
        label: _measured_on(
            settings, [p for r, p in zip(runs, tested, strict=True) if r.label == label]
        )
        for label in labels
    }
    findings = list(dict.fromkeys(row[2] for row in rows))
    summary = []
    for label in labels:
        for finding in findings:
            aucs = [r[3] for r in rows if r[0] == label and r[2] == finding and r[3] is not None]
            summary.append((label, finding, len(aucs), *mean_sd(aucs)))
    write_csv(
        out / "sweep.csv",
        ["run", "finding", "splits", "auc_mean", "auc_sd", "measured_on"],
        (
            [label, finding, n, _round(mean), _round(sd), measured_on[label]]
            for label, finding, n, mean, sd in summary
        ),
    )
    sections = [_sweep_section(settings, labels, findings, summary)]
    results: dict[str, Any] = {
        label: {
            "mean_auc": _round(mean),
            "sd": _round(sd),
            "splits": n,
            "measured_on": measured_on[label],
        }
        for label, finding, n, mean, sd in summary
        if finding == MEAN
    }
    if settings.pooled:
        pooled = _pool(settings, out, runs)
        for label, (scores, names, table) in pooled.items():
            suffix = "" if len(labels) == 1 else f"_{labels.index(label) + 1}"
            write_csv(out / f"predictions_test{suffix}.csv", ["Image Index", *names], table)
            write_csv(
                out / f"metrics{suffix}.csv",
                METRIC_COLUMNS,
                (list(r) for r in metric_rows(scores, (), measured_on=measured_on[label])),
            )
            mean = scores.mean_auc
            results[label]["pooled_mean_auc"] = [
                _round(v) for v in (mean.value, mean.low, mean.high)
            ]
            results[label]["interval"] = scores.interval
        sections.append(_pooled_section({label: entry[0] for label, entry in pooled.items()}))
    write_report(
        out / "report.html",
        ReportInput(
            title=f"Comparison: {settings.base.recipe.name}",
            measured_on="; ".join(dict.fromkeys(measured_on.values())),
            facts={
                "recipe": settings.base.recipe.name,
                "paper": settings.base.recipe.paper or "none",
                "runs": str(len(runs)),
            },
            sections=tuple(sections),
        ),
    )
    return {
        "command": WRITES.command,
        "version": cxrmine.__version__,
        **identity,
        "results": results,
        "runs": [run.folder for run in runs],
    }


def mean_sd(values: Sequence[float]) -> tuple[float | None, float | None]:
    """Return the mean and the sample's standard deviation, None where there are too few.

    >>> mean_sd([0.7, 0.8, 0.9])
    (0.8, 0.1)
    """
    mean = statistics.fmean(values) if values else None
    sd = statistics.stdev(values) if len(values) > 1 else None
    return _round(mean), _round(sd)


def _pool(
    settings: SweepSettings, out: Path, runs: Sequence[SweepRun]
) -> dict[str, tuple[Classification, tuple[str, ...], list[list[object]]]]:
    """Score the folds' predictions together, by label."""
    pooled = {}
    for label in dict.fromkeys(run.label for run in runs):
        own = [run for run in runs if run.label == label]
        dataset = read_with_split(settings.base.dataset, own[0].split)
        labels = training_labels(
            dataset,
            own[0].recipe.outputs,
            own[0].recipe.uncertain,  # type: ignore[arg-type]
        )
        at = {row.image_index: number for number, row in enumerate(dataset.rows)}
        table: list[list[object]] = []
        for run in own:
            _, lines = read_csv(out / run.folder / "predictions_test.csv")
            table += (
                [line["Image Index"], *(float(line[n]) for n in labels.names)] for line in lines
            )
        rows = np.array([at[str(line[0])] for line in table], dtype=np.intp)
        if len(set(rows.tolist())) != len(rows):
            raise UserError("the folds have test images in common; train them anew with --force.")
        scores = np.array([line[1:] for line in table], dtype=np.float64)
        patients = np.array([dataset.rows[row].patient for row in rows])
        pooled[label] = (
            evaluate(labels.names, scores, labels.targets[rows], labels.mask[rows], patients),
            labels.names,
            table,
        )
    return pooled


def _sweep_section(
    settings: SweepSettings,
    labels: Sequence[str],
    findings: Sequence[str],
    summary: Sequence[tuple[str, str, int, float | None, float | None]],
) -> Section:
    by = {(label, finding): (mean, sd) for label, finding, _, mean, sd in summary}

    def cell(label: str, finding: str) -> str:
        mean, sd = by[label, finding]
        if mean is None:
            return "–"
        return f"{mean:.3f}" + ("" if sd is None else f" ± {sd:.3f}")

    table = Table(
        "AUC on the test parts",
        ("run", *findings),
        [[label, *(cell(label, finding) for finding in findings)] for label in labels],
        note=(
            f"On {_splits_said(settings)}."
            if len(settings.splits) == 1
            else f"Mean ± standard deviation over {_splits_said(settings)}."
        ),
    )
    blocks: list[Any] = [table]
    if len(settings.values) == 1:
        ((key, values),) = settings.values.items()
        if all(_is_number(value) for value in values):
            x = [float(value) for value in values]
            order = sorted(range(len(x)), key=x.__getitem__)
            series = tuple(
                Series(
                    finding,
                    [x[at] for at in order],
                    [_or_nan(by[labels[at], finding][0]) for at in order],
                    markers=True,
                )
                for finding in findings
            )
            blocks.insert(0, Chart(f"AUC by {key}", key, "AUC", series))
    return Section("Comparison", tuple(blocks))


def _pooled_section(pooled: Mapping[str, Classification]) -> Section:
    rows: list[list[Any]] = []
    for label, scores in pooled.items():
        for name, n, estimate in (
            *((s.finding, s.n, s.auc) for s in scores.findings),
            (MEAN, scores.images, scores.mean_auc),
        ):
            rows.append([label, name, n, estimate.value, estimate.low, estimate.high])
    interval = next(iter(pooled.values())).interval
    return Section(
        "All folds together",
        (
            Table(
                "Pooled predictions",
                ("run", "finding", "images", "AUC", "low", "high"),
                rows,
                note=f"95 % intervals: {interval}. Each image is scored by the fold it was not "
                "trained in; folds' models differ, so pooling takes their scales as one.",
            ),
        ),
    )


def _splits_said(settings: SweepSettings) -> str:
    if len(settings.splits) == 1:
        return f"the split {settings.splits[0]!r}"
    return f"{len(settings.splits)} {'folds' if settings.pooled else 'splits'}"


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 8)


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else value


def _is_number(value: object) -> bool:
    try:
        float(str(value))
    except ValueError:
        return False
    return True


def _say(line: str) -> None:
    import sys

    print(line, file=sys.stderr, flush=True)
