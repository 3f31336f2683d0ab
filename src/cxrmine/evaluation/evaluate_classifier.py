"""`evaluate-classifier` from end to end: read, match, score, write.

The command line (`cxrmine.cli.evaluate_classifier`) only turns options into `Options`; training
calls `evaluate_classifier` with them too, or `evaluate` on arrays.
"""

from __future__ import annotations

import os
import platform
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, get_args

import numpy as np

from cxrmine import __version__
from cxrmine.errors import UserError
from cxrmine.evaluation.auc import (
    Difference,
    Influence,
    Roc,
    auc,
    influence,
    mean_influence,
    paired_difference,
    roc_curve,
)
from cxrmine.evaluation.classifier_figures import Model, draw_calibration, draw_roc
from cxrmine.evaluation.classifier_page import classifier_page
from cxrmine.evaluation.classifier_report import (
    CALIBRATION_COLUMNS,
    COMPARISON_COLUMNS,
    CORRELATION_COLUMNS,
    METRIC_COLUMNS,
    MODEL_COLUMNS,
    PUBLISHED_COLUMNS,
    READER_COLUMNS,
    ROC_COLUMNS,
    Comparison,
    Correlation,
    calibration_rows,
    comparison_rows,
    correlation_rows,
    mean_note,
    metric_rows,
    models_table,
    published_rows,
    published_summary,
    published_tables,
    reader_rows,
    roc_rows,
    score_table,
)
from cxrmine.evaluation.classifier_scores import (
    DEFAULT_DRAWS,
    Classification,
    IntervalChoice,
    evaluate,
)
from cxrmine.evaluation.fingerprint import fingerprint
from cxrmine.evaluation.intervals import Estimate
from cxrmine.evaluation.label_report import ScreenTable, print_table
from cxrmine.evaluation.predictions import (
    Gold,
    Paired,
    ScoreTable,
    pair,
    read_gold,
    read_scores,
)
from cxrmine.evaluation.published_aucs import MEAN, published_beside
from cxrmine.evaluation.rank_correlation import spearman
from cxrmine.evaluation.readers import Reader, ReaderPoint, place_reader, read_reader
from cxrmine.evaluation.training_report import write_report
from cxrmine.runs.folder import OutputFolder, Writes
from cxrmine.runs.progress import Progress, open_progress
from cxrmine.tables import atomic_write_bytes, write_csv

#: What the command can write; --force removes these and nothing else.
OUTPUTS = (
    "metrics.csv",
    "models.csv",
    "comparison.csv",
    "rank_correlation.csv",
    "readers.csv",
    "published.csv",
    "calibration.csv",
    "roc.csv",
    "roc.png",
    "calibration.png",
    "report.html",
    "unmatched.csv",
    "warnings.csv",
    "failures.csv",
    "run.json",
    "timing.json",
)
WRITES = Writes("evaluate-classifier", frozenset(OUTPUTS))


@dataclass(frozen=True)
class Options:
    """The options of `evaluate-classifier`.

    Attributes
    ----------
    predictions
        The first column the id, one column a finding.
    gold
        A Data_Entry table, a label table, or a data set's folder.
    out
        The output folder.
    compare
        Predictions of other models.
    readers
        Decisions of readers, 1 or 0.
    renamed
        Our column → the gold's, where the names differ; applies to all models and readers.
    interval, bootstrap, seed
        As `cxrmine.evaluation.classifier_scores.evaluate` takes them.
    resume, force
        What to do with an output folder that is not empty.
    """

    predictions: Path
    gold: Path
    out: Path
    compare: tuple[Path, ...] = ()
    readers: tuple[Path, ...] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)
    interval: IntervalChoice = "auto"
    bootstrap: int = DEFAULT_DRAWS
    seed: int = 0
    resume: bool = False
    force: bool = False


@dataclass(frozen=True)
class _Scored:
    """A model with all that was found out about it."""

    name: str
    paired: Paired
    scores: Classification
    points: tuple[ReaderPoint, ...]
    measured_on: str
    curves: Mapping[str, Roc]


def evaluate_classifier(options: Options, out: IO[str] | None = None) -> int:
    """Do what `options` ask for and print the result to `out` (default: standard output).

    Returns
    -------
    int
        0: whatever cannot be scored at all is a `UserError`, and what is odd a warning.

    Raises
    ------
    UserError
        For anything that a user can put right; the output folder is then as it was.
    """
    screen = sys.stdout if out is None else out
    _check(options)
    folder = OutputFolder(options.out, WRITES)
    folder.state()  # says so at once if it is a file
    with folder.locked():
        state = folder.open(resume=options.resume, force=options.force)
        started = time.perf_counter()
        record = _record(options)
        if state != "empty":
            folder.check_same(folder.earlier(state), record)
            if state == "finished":
                print(f"The evaluation in {options.out} is already finished.", file=screen)
                return 0
        with open_progress("Scoring", "scored", "bootstrap draws") as display:
            work = _work(options, display)
        folder.clear()
        folder.begin(record)
        seconds = time.perf_counter() - started
        _write(folder, options, work, record, seconds)
        folder.finish()
    _say(work, options, screen)
    return 0


def _check(options: Options) -> None:
    if options.resume and options.force:
        raise UserError("--resume and --force exclude each other; give one of them.")
    if options.interval not in get_args(IntervalChoice):
        raise UserError(
            f"--interval {options.interval!r} is unknown; use "
            f"{', '.join(get_args(IntervalChoice))}."
        )
    if options.bootstrap < 0:
        raise UserError("--bootstrap is a number of draws: 0 (none) or more.")
    if options.interval == "bootstrap" and not options.bootstrap:
        raise UserError("--interval bootstrap needs draws; leave --bootstrap 0 out.")
    if options.seed < 0:
        raise UserError("--seed must not be negative.")
    inside = options.out.resolve()
    for path in (options.predictions, options.gold, *options.compare, *options.readers):
        there = path.resolve()
        if there == inside or (there.parent == inside and path.name in OUTPUTS):
            raise UserError(
                f"--out {str(options.out)!r} is or holds the input {path.name}, which would be "
                "replaced; name another folder."
            )
    for what, paths in (("--compare", options.compare), ("--readers", options.readers)):
        for path, times in Counter(path.resolve() for path in paths).items():
            if times > 1:
                raise UserError(f"{what} names {path.name} twice; name each file once.")
    if options.predictions.resolve() in {path.resolve() for path in options.compare}:
        raise UserError(
            f"--compare names the predictions themselves, {options.predictions.name}; leave it out."
        )


def _record(options: Options) -> dict[str, Any]:
    """Return what makes two runs the same: versions, settings and inputs."""
    return {
        "command": WRITES.command,
        "versions": {
            "cxrmine": __version__,
            "python": platform.python_version(),
            "numpy": np.__version__,
        },
        "settings": {
            "interval": options.interval,
            "bootstrap": options.bootstrap,
            "seed": options.seed,
            "map": dict(options.renamed),
        },
        "inputs": {
            "predictions": fingerprint(options.predictions),
            "gold": fingerprint(options.gold),
            "compare": [fingerprint(path) for path in options.compare],
            "readers": [fingerprint(path) for path in options.readers],
        },
    }


# --- the work -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Work:
    gold: Gold
    models: tuple[_Scored, ...]
    comparisons: tuple[Comparison, ...]
    correlations: tuple[Correlation, ...]
    readers_only: tuple[tuple[str, str], ...]
    warnings: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


def _work(options: Options, display: Progress) -> _Work:
    gold = read_gold(options.gold)
    tables = [read_scores(path) for path in (options.predictions, *options.compare)]
    names = _distinct(tables)
    readers = [read_reader(path, gold, options.renamed) for path in options.readers]
    _check_reader_names(readers)
    models: list[_Scored] = []
    warnings: list[tuple[str, str]] = []
    total, done = options.bootstrap * len(tables), 0

    def on_draws(more: int) -> None:
        nonlocal done
        done += more
        display.update(read=total, done=done, all_read=True)

    for name, table in zip(names, tables, strict=True):
        paired = pair(table, gold, options.renamed, strict=not models)
        scores = evaluate(
            paired.findings, paired.scores, paired.truth, paired.known, paired.patients,
            interval=options.interval, draws=options.bootstrap, seed=options.seed,
            on_draws=on_draws,
        )  # fmt: skip
        curves = {}
        for k, finding in enumerate(paired.findings):
            rows = paired.known[:, k]
            curve = roc_curve(paired.scores[rows, k], paired.truth[rows, k])
            if curve is not None:
                curves[finding] = curve
        points = tuple(point for reader in readers for point in place_reader(paired, reader))
        models.append(
            _Scored(name, paired, scores, points, _measured_on(table, gold, paired), curves)
        )
        warnings += [(name, note) for note in table.notes]
        warnings += [(f"{name}: {finding}", said) for finding, said in scores.warnings]
    comparisons = [c for other in models[1:] for c in _compare(models[0], other)]
    told = {comparison.model for comparison in comparisons}
    warnings += [
        (other.name, f"no image or no finding is scored by both it and {names[0]}: not compared.")
        for other in models[1:]
        if other.name not in told
    ]
    scored = set(models[0].paired.ids)
    readers_only: list[tuple[str, str]] = []
    for reader in readers:
        if not any(p.reader == reader.name and p.position for p in models[0].points):
            warnings.append((reader.name, "no finding of this reader has a curve to be beside."))
        if alone := [image for image in reader.ids if image not in scored]:
            readers_only += [(reader.name, image) for image in alone]
            told_of = f"{len(alone):,} of this reader's {len(reader.ids):,} ids are not scored"
            warnings.append((reader.name, f"{told_of} (unmatched.csv)."))
    return _Work(
        gold,
        tuple(models),
        tuple(comparisons),
        tuple(_correlations(models)),
        tuple(readers_only),
        tuple(warnings),
        tuple(_notes(options, models)),
    )


def _distinct(tables: Sequence[ScoreTable]) -> list[str]:
    """Return a name for each model; where files share one, their folders' tell them apart."""
    times = Counter(table.name for table in tables)
    names = [
        table.name if times[table.name] == 1 else f"{table.path.resolve().parent.name}/{table.name}"
        for table in tables
    ]
    seen: Counter[str] = Counter()
    for k, name in enumerate(names):
        seen[name] += 1
        if seen[name] > 1:
            names[k] = f"{name} ({seen[name]})"
    return names


def _check_reader_names(readers: Sequence[Reader]) -> None:
    for name, times in Counter(reader.name for reader in readers).items():
        if times > 1:
            raise UserError(
                f"--readers: {times} files are called {name!r}; give them different names, or "
                "nobody can tell the readers apart."
            )


def _measured_on(table: ScoreTable, gold: Gold, paired: Paired) -> str:
    images = f"{len(paired.ids):,} images"
    if paired.patients is not None:
        images += f" of {len(np.unique(paired.patients)):,} patients"
    return f"{images}: {table.path.name} against the {gold.kind} {gold.path.name}"


def _notes(options: Options, models: Sequence[_Scored]) -> Iterable[str]:
    paired, scores = models[0].paired, models[0].scores
    yield f"Findings scored ({len(paired.findings)}): {', '.join(paired.findings)}."
    for side, columns in (
        ("predictions", paired.predictions_only_columns),
        ("gold", paired.gold_only_columns),
    ):
        if columns:
            yield f"Columns only in the {side}, not scored: {', '.join(columns)}."
    if paired.predictions_only or paired.gold_only:
        yield (
            f"Not scored: {len(paired.predictions_only):,} ids only in the predictions, "
            f"{len(paired.gold_only):,} only in the gold (unmatched.csv)."
        )
    left_out = int((~paired.known).sum())
    if left_out:
        yield (
            f"{left_out:,} of {paired.known.size:,} cells are blank or -1 in the gold and left out."
        )
    yield (
        f"Intervals, 95 %: of AUCs {scores.interval}; of average precision "
        + (
            f"a bootstrap of {'patients' if paired.patients is not None else 'images'} "
            f"({options.bootstrap:,} draws, seed {options.seed})."
            if options.bootstrap
            else "none."
        )
    )
    if paired.patients is None:
        yield "Nothing tells whose the images are: each is taken for another patient's."


def _compare(ours: _Scored, other: _Scored) -> list[Comparison]:
    """Compare two models on the images and findings that both have."""
    findings = [f for f in ours.paired.findings if f in other.paired.findings]
    first, second = _common(ours.paired, other.paired, findings)
    if first is None or second is None:
        return []
    several = first.several_images_of_a_patient()
    clusters = first.patients if several else None
    how = "DeLong, paired" + (", images of a patient together" if several else "")
    rows: list[Comparison] = []
    mine: list[Influence] = []
    theirs: list[Influence] = []
    for k, finding in enumerate(findings):
        known = first.known[:, k]
        place = None if clusters is None else clusters[known]
        truth, x, y = first.truth[known, k], first.scores[known, k], second.scores[known, k]
        one = _whole(influence(x, truth, place), known)
        two = _whole(influence(y, truth, place), known)
        difference = paired_difference(one, two, clusters=clusters)
        value, other_value = auc(x, truth), auc(y, truth)
        if difference.value is None and value is not None and other_value is not None:
            difference = Difference(value - other_value)  # too few images for an interval
        if one is not None and two is not None and finding in ours.scores.in_mean:
            mine.append(one)
            theirs.append(two)
        counts = int(known.sum()), int(truth.sum())
        rows.append(Comparison(other.name, finding, *counts, value, other_value, difference, how))
    mean, other_mean = mean_influence(mine), mean_influence(theirs)
    rows.append(
        Comparison(
            other.name,
            MEAN,
            len(first.ids),
            None,
            None if mean is None else mean.auc,
            None if other_mean is None else other_mean.auc,
            paired_difference(mean, other_mean, clusters=clusters),
            f"{how}; mean of {len(mine)} findings",
        )
    )
    return rows


def _common(
    a: Paired, b: Paired, findings: Sequence[str]
) -> tuple[Paired, Paired] | tuple[None, None]:
    place = {image: row for row, image in enumerate(b.ids)}
    rows = np.array([r for r, image in enumerate(a.ids) if image in place], dtype=np.intp)
    if not findings or not len(rows):
        return None, None
    return a.at(rows, findings), b.at(
        np.array([place[a.ids[row]] for row in rows], dtype=np.intp), findings
    )


def _whole(area: Influence | None, rows: np.ndarray[Any, np.dtype[np.bool_]]) -> Influence | None:
    """Return an area with part 0 for the images that do not count for it."""
    if area is None:
        return None
    parts = np.zeros(len(rows))
    parts[rows] = area.parts
    return Influence(area.auc, parts)


def _correlations(models: Sequence[_Scored]) -> Iterable[Correlation]:
    """Yield the rank correlations of every two models, by finding and on average."""
    for i, a in enumerate(models):
        for b in models[i + 1 :]:
            findings = [f for f in a.paired.findings if f in b.paired.findings]
            first, second = _common(a.paired, b.paired, findings)
            if first is None or second is None:
                continue
            patients = None if first.patients is None else len(np.unique(first.patients))
            values = []
            for k, finding in enumerate(findings):
                rho = spearman(first.scores[:, k], second.scores[:, k], independent=patients)
                if rho.value is not None and finding in a.scores.in_mean:
                    values.append(rho.value)
                yield Correlation(finding, a.name, b.name, len(first.ids), rho)
            mean = Estimate(float(np.mean(values)) if values else None)
            yield Correlation(MEAN, a.name, b.name, len(first.ids), mean)


# --- what it writes -----------------------------------------------------------------------------


def _write(
    folder: OutputFolder, options: Options, work: _Work, record: Mapping[str, Any], seconds: float
) -> None:
    """Write everything into the work folder, then move it to its place."""
    started = time.perf_counter()
    target = folder.merging
    target.mkdir()
    first = work.models[0]
    several = len(work.models) > 1

    def table(name: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        write_csv(target / name, header, rows)

    table(
        "metrics.csv",
        METRIC_COLUMNS,
        metric_rows(first.scores, first.points, measured_on=first.measured_on),
    )
    if several:
        table(
            "models.csv",
            MODEL_COLUMNS,
            (
                [model.name, *row]
                for model in work.models
                for row in metric_rows(model.scores, model.points, measured_on=model.measured_on)
            ),
        )
        table("comparison.csv", COMPARISON_COLUMNS, comparison_rows(work.comparisons))
        table("rank_correlation.csv", CORRELATION_COLUMNS, correlation_rows(work.correlations))
    if options.readers:
        points = [point for model in work.models for point in model.points]
        table("readers.csv", READER_COLUMNS, reader_rows(points))
    published = published_beside(first.paired.findings)
    if published:
        table("published.csv", PUBLISHED_COLUMNS, published_rows(published, first.scores))
    table("calibration.csv", CALIBRATION_COLUMNS, calibration_rows(first.scores))
    curves = {(m.name, finding): c for m in work.models for finding, c in m.curves.items()}
    table("roc.csv", ROC_COLUMNS, roc_rows(curves))
    table(
        "unmatched.csv",
        ("model", "id", "only_in"),
        (
            *(
                (model.name, image, side)
                for model in work.models
                for side, images in (
                    ("predictions", model.paired.predictions_only),
                    ("gold", model.paired.gold_only),
                )
                for image in images
            ),
            *((reader, image, "reader") for reader, image in work.readers_only),
        ),
    )
    table("warnings.csv", ("item", "message"), work.warnings)
    table("failures.csv", ("item", "message"), ())
    drawn = [Model(m.name, m.scores, m.curves, m.points) for m in work.models]
    figures: list[tuple[str, Callable[[], bytes | None]]] = [
        ("roc.png", lambda: draw_roc(drawn, measured_on=first.measured_on)),
        ("calibration.png", lambda: draw_calibration(drawn[0], measured_on=first.measured_on)),
    ]
    for name, draw in figures:
        if (png := draw()) is not None:
            atomic_write_bytes(target / name, png)
    page = classifier_page(
        drawn,
        [*_tables(work), *published_tables(published, first.scores)],
        measured_on=first.measured_on,
        facts=_facts(options, work),
        notes=work.notes,
        warnings=[f"{item}: {message}" for item, message in work.warnings],
    )
    write_report(target / "report.html", page)
    written = sorted(path.name for path in target.iterdir())
    for name in written:
        os.replace(target / name, folder.path / name)
    drawing = time.perf_counter() - started
    folder.add_json(
        "timing.json",
        {
            "seconds": {"read and score": round(seconds, 3), "write": round(drawing, 3)},
            "images_per_second": round(len(first.paired.ids) / max(seconds, 1e-9), 1),
        },
    )
    folder.add_json("run.json", {**record, **_outcome(work, written)})


def _outcome(work: _Work, written: Sequence[str]) -> dict[str, Any]:
    first = work.models[0]
    mean = first.scores.mean_auc
    return {
        "measured_on": first.measured_on,
        "interval": first.scores.interval,
        "mean_auc": {"value": mean.value, "low": mean.low, "high": mean.high,
                     "note": mean_note(first.scores)},
        "findings": list(first.paired.findings),
        "columns_not_scored": {
            "predictions": list(first.paired.predictions_only_columns),
            "gold": list(first.paired.gold_only_columns),
        },
        "models": [model.name for model in work.models],
        "counts": {
            "images": len(first.paired.ids),
            "patients": first.scores.patients,
            "predictions_without_gold": len(first.paired.predictions_only),
            "gold_without_predictions": len(first.paired.gold_only),
            "cells": int(first.paired.known.size),
            "cells_without_gold": int((~first.paired.known).sum()),
            "warnings": len(work.warnings),
            "failures": 0,
        },
        "outputs": [*written, "run.json", "timing.json"],
    }  # fmt: skip


def _facts(options: Options, work: _Work) -> dict[str, str | int | float | None]:
    first = work.models[0]
    return {
        "predictions": options.predictions.name,
        "gold": f"{work.gold.path.name} ({work.gold.kind})",
        "images": len(first.paired.ids),
        "patients": first.scores.patients,
        "mean": mean_note(first.scores),
        "intervals of AUCs": first.scores.interval,
        "draws of the bootstrap": options.bootstrap,
        "seed": options.seed,
        "cxrmine": __version__,
    }


def _tables(work: _Work) -> list[ScreenTable]:
    """Return the tables that the screen and the page both show."""
    first = work.models[0]
    tables = [score_table(first.name, first.scores, first.points)]
    if len(work.models) > 1:
        tables.append(
            models_table(
                [(m.name, m.scores, m.points) for m in work.models],
                work.comparisons,
                work.correlations,
            )
        )
    return tables


def _say(work: _Work, options: Options, screen: IO[str]) -> None:
    first = work.models[0]
    print(f"Measured on {first.measured_on}.", *work.notes, sep="\n", file=screen)
    beside = published_summary(published_beside(first.paired.findings), first.scores)
    for table in (*_tables(work), *beside):
        print(file=screen)
        print_table(table, screen)
    written = [name for name in OUTPUTS if (options.out / name).is_file()]
    print(f"\nWrote {', '.join(written)} to {options.out}.", file=screen)
    if work.warnings:
        print(f"{len(work.warnings):,} oddities: see warnings.csv.", file=screen)


__all__ = ["OUTPUTS", "Classification", "Options", "evaluate", "evaluate_classifier"]
