"""`evaluate-boxes` from end to end: read, match, score, write.

The command line (`cxrmine.cli.evaluate_boxes`) only turns options into `Options`. train-baseline
measures its own boxes with `measure_boxes` and writes them with `write_boxes`.
"""

from __future__ import annotations

import math
import os
import platform
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from cxrmine import __version__
from cxrmine.dataset.model import Box
from cxrmine.errors import UserError
from cxrmine.evaluation.box_controls import DRAWS, GRID, RESOLUTION, Controls, run_controls
from cxrmine.evaluation.box_inputs import (
    BoxInputs,
    Gold,
    match_boxes,
    read_gold,
    read_images,
    read_points,
    read_predicted,
)
from cxrmine.evaluation.box_scores import (
    BoxScore,
    Overlaps,
    best_overlaps,
    score_boxes,
)
from cxrmine.evaluation.box_tables import (
    BOX_COLUMNS,
    DEFINITIONS,
    POINTING_COLUMNS,
    PUBLISHED_NOTE,
    box_rows,
    box_sections,
    pointing_rows,
    screen_tables,
    table4_columns,
    table4_rows,
)
from cxrmine.evaluation.fingerprint import fingerprint
from cxrmine.evaluation.label_report import print_table
from cxrmine.evaluation.overlays import (
    HIT_IOBB,
    MOST,
    Overlay,
    draw_sheet,
    folder_pixels,
    make_overlays,
)
from cxrmine.evaluation.pointing import PointingScore, Points, points_from_boxes, score_points
from cxrmine.evaluation.published_boxes import PUBLISHED_BOXES
from cxrmine.evaluation.training_report import ReportInput, Section, write_report
from cxrmine.runs.folder import OutputFolder, Writes
from cxrmine.runs.progress import open_progress
from cxrmine.tables import atomic_write_bytes, write_csv

COMMAND = "evaluate-boxes"
#: Tables and pictures of `write_boxes`, which train-baseline writes too.
BOX_FILES = ("boxes.csv", "table4.csv", "pointing.csv", "overlays.png")
#: What the command can write; --force removes these and nothing else.
OUTPUTS = (
    *BOX_FILES,
    "report.html",
    "unmatched.csv",
    "warnings.csv",
    "failures.csv",
    "run.json",
    "timing.json",
)
WRITES = Writes(COMMAND, frozenset(OUTPUTS))

#: A row that is no box: which list it is from, its line, and why.
Failure = tuple[str, int, str]


@dataclass(frozen=True)
class Options:
    """The options of `evaluate-boxes`.

    Attributes
    ----------
    predicted, gold
        Tables in ``BBox_List.csv``'s columns; `gold` may be a data set's folder.
    out
        The output folder.
    images
        A list or table of the stated images; by default those with a true box.
    part, split
        A part of the data set instead, and the column of ``splits.csv`` that knows it.
    image_folder
        Where the images lie, for the overlays; by default the data set's.
    points
        Hottest points of the heat maps, for the pointing game.
    min_score
        Leave out predicted boxes below it.
    size
        Pixels a side of the images that boxes are counted in.
    draws, seed
        Repetitions of the random map, and their seed.
    overlays
        Images on the contact sheet and in the report at most.
    resume, force
        What to do with an output folder that is not empty.
    """

    predicted: Path
    gold: Path
    out: Path
    images: Path | None = None
    part: str | None = None
    split: str = "split"
    image_folder: Path | None = None
    points: Path | None = None
    min_score: float | None = None
    size: float = 1024.0
    draws: int = DRAWS
    seed: int = 0
    overlays: int = MOST
    resume: bool = False
    force: bool = False


@dataclass(frozen=True)
class BoxResult:
    """What was measured.

    Parameters
    ----------
    inputs : BoxInputs
    overlaps : dict of str to Overlaps
    scores : list of BoxScore
    controls : Controls
    pointing : list of PointingScore
    overlays : list of Overlay
    measured_on : str
        One sentence.
    """

    inputs: BoxInputs
    overlaps: dict[str, Overlaps]
    scores: list[BoxScore]
    controls: Controls
    pointing: list[PointingScore]
    overlays: list[Overlay]
    measured_on: str

    def sections(self, *, intro: bool = True) -> tuple[Section, ...]:
        """Return the sections of a report; `intro` says on what the boxes were measured."""
        return box_sections(
            self.inputs.task,
            self.scores,
            self.controls,
            self.pointing,
            self.overlays,
            intro=self.measured_on if intro else "",
        )


def measure_boxes(
    predicted: Sequence[Box],
    scores: Sequence[float],
    truth: Sequence[Box],
    *,
    images: Sequence[str] | None = None,
    patients: Mapping[str, str] | None = None,
    pixels: Callable[[str], NDArray[np.uint8] | None] | None = None,
    source: str = "the predicted boxes",
    size: float = 1024.0,
    draws: int = DRAWS,
    seed: int = 0,
    overlays: int = MOST,
) -> BoxResult:
    """Measure predicted boxes against true ones.

    Parameters
    ----------
    predicted, truth : sequence of Box
        In pixels of images of `size` × `size`.
    scores : sequence of float
        One a predicted box; NaN where there is none.
    images : sequence of str, optional
        The stated images; by default those with a true box.
    patients : mapping of str to str, optional
        By image, for the intervals.
    pixels : callable, optional
        From an image's name to its grey values (uint8, any resolution), for the overlays.
    source : str
        What the boxes are, for the sentence that says on what was measured.
    size, draws, seed, overlays
        As in `Options`.

    Raises
    ------
    UserError
        As `cxrmine.evaluation.box_inputs.match_boxes`.
    """
    stated = None if images is None else tuple(images)
    gold = Gold(tuple(truth), (), stated, patients or {})
    inputs = match_boxes(predicted, scores, gold, size=size)
    return _measured(inputs, None, pixels, source=source, draws=draws, seed=seed, overlays=overlays)


def _measured(
    inputs: BoxInputs,
    points: Points | None,
    pixels: Callable[[str], NDArray[np.uint8] | None] | None,
    *,
    source: str,
    draws: int,
    seed: int,
    overlays: int,
    on_draw: Callable[[int], None] | None = None,
) -> BoxResult:
    task, predicted = inputs.task, inputs.predicted
    overlaps = best_overlaps(task, predicted)
    return BoxResult(
        inputs,
        overlaps,
        score_boxes(task, predicted, overlaps),
        run_controls(task, predicted, draws=draws, seed=seed, on_draw=on_draw),
        score_points(task, points_from_boxes(task, predicted) if points is None else points),
        make_overlays(task, predicted, overlaps, pixels or (lambda name: None), most=overlays),
        _measured_on(inputs, source),
    )


def _measured_on(inputs: BoxInputs, source: str) -> str:
    task = inputs.task
    boxed = len(np.unique(task.truth.image))
    images = f"{len(task.images):,} images"
    if boxed < len(task.images):
        images += f" ({boxed:,} with a true box)"
    return (
        f"Measured on {len(task.truth):,} true boxes of {len(task.findings)} findings on {images}: "
        f"{source}, {len(inputs.predicted):,} boxes. Intervals: 95 %, by {task.clustered_by}."
    )


def write_boxes(folder: Path, result: BoxResult) -> None:
    """Write `BOX_FILES` to a folder; ``overlays.png`` only if there is an overlay."""
    task = result.inputs.task
    write_csv(
        folder / "boxes.csv",
        BOX_COLUMNS,
        box_rows(
            result.scores,
            result.controls,
            images=len(task.images),
            measured_on=result.measured_on,
        ),
    )
    write_csv(
        folder / "table4.csv",
        table4_columns(task),
        table4_rows(task, result.scores, result.controls),
    )
    write_csv(
        folder / "pointing.csv",
        POINTING_COLUMNS,
        pointing_rows(result.pointing, measured_on=result.measured_on),
    )
    sheet = draw_sheet(
        result.overlays,
        title="Boxes",
        says=f"{len(result.overlays)} images and findings; a hit has an IoBB above {HIT_IOBB}",
    )
    if sheet is not None:
        atomic_write_bytes(folder / "overlays.png", sheet)


def evaluate_boxes(options: Options, out: IO[str] | None = None) -> int:
    """Do what `options` ask for and print the result to `out` (default: standard output).

    Returns
    -------
    int
        0, or 1 if rows of the tables are no boxes (all are listed in ``failures.csv``).

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
        asked = _asked(options)
        if state != "empty":
            earlier = folder.earlier(state)
            folder.check_same(earlier, asked)
            if state == "finished":
                print(f"The evaluation in {options.out} is already finished.", file=screen)
                return 1 if earlier["counts"]["failures"] else 0
        with open_progress("Scoring", "scored", "random maps") as display:
            result, failures = _work(
                options,
                lambda done: display.update(read=options.draws, done=done, all_read=True),
            )
        folder.clear()
        folder.begin(asked)
        _write(folder, options, result, failures, asked, started)
        folder.finish()
    _print(screen, options, result, failures)
    return 1 if failures else 0


def _work(options: Options, on_draw: Callable[[int], None]) -> tuple[BoxResult, list[Failure]]:
    """Read, match and measure; also return the rows that are no boxes."""
    gold = _gold(options)
    boxes, scores, problems = read_predicted(options.predicted)
    inputs = match_boxes(boxes, scores, gold, size=options.size, min_score=options.min_score)
    points = None
    if options.points is not None:
        points, beside = read_points(options.points, inputs.task)
        inputs = replace(inputs, unmatched=(*inputs.unmatched, *beside))
    where = options.image_folder or gold.image_folder
    result = _measured(
        inputs,
        points,
        folder_pixels(where) if where is not None else None,
        source=options.predicted.name,
        draws=options.draws,
        seed=options.seed,
        overlays=options.overlays,
        on_draw=on_draw,
    )
    failures = [
        *(("predicted", p.number, p.cause) for p in problems),
        *(("gold", p.number, p.cause) for p in gold.problems),
    ]
    return _warned(result, where), failures


def _check(options: Options) -> None:
    if options.resume and options.force:
        raise UserError("--resume and --force exclude each other; give one of them.")
    if options.min_score is not None and math.isnan(options.min_score):
        raise UserError("--min-score is a number; leave it out to keep all boxes.")
    if options.split != "split" and options.part is None:
        raise UserError("--split names the column that --part is from; give --part as well.")
    if options.draws < 1:
        raise UserError(f"--draws {options.draws}: the random map needs at least one repetition.")
    if options.seed < 0:
        raise UserError("--seed must not be negative.")
    if options.overlays < 0:
        raise UserError("--overlays is a number of images: 0 (none) or more.")
    if not (options.size > 0 and np.isfinite(options.size)):
        raise UserError("--size is the images' side in pixels, above 0.")
    if options.image_folder is not None and not options.image_folder.is_dir():
        raise UserError(f"--image-folder {str(options.image_folder)!r} is no folder.")
    if options.images is not None and options.part is not None:
        raise UserError("--images and --part both say which images are asked for; give one.")
    out = options.out.resolve()
    inputs = (options.predicted, options.gold, options.images, options.points)
    for path in inputs:
        if path is None:
            continue
        if path.resolve() == out:
            raise UserError(f"--out {str(options.out)!r} is an input as well; name another folder.")
        if path.resolve().parent == out and path.name in OUTPUTS:
            raise UserError(
                f"--out {str(options.out)!r} holds the input {path.name}, which would be replaced; "
                "name another folder."
            )


def _gold(options: Options) -> Gold:
    gold = read_gold(options.gold, part=options.part, split=options.split)
    if options.images is None:
        return gold
    images, patients = read_images(options.images)
    return replace(gold, images=images, patients={**patients, **gold.patients})


def _warned(result: BoxResult, where: Path | None) -> BoxResult:
    if where is None or not result.overlays or result.overlays[0].pixels is not None:
        return result
    warning = "No image could be read from the image folder; boxes are drawn on a blank."
    inputs = replace(result.inputs, warnings=(*result.inputs.warnings, warning))
    return replace(result, inputs=inputs)


def _write(
    folder: OutputFolder,
    options: Options,
    result: BoxResult,
    failures: Sequence[Failure],
    asked: Mapping[str, Any],
    started: float,
) -> None:
    """Write everything into the work folder, then move it to its place."""
    target = folder.merging
    target.mkdir()
    write_boxes(target, result)
    inputs = result.inputs
    write_csv(
        target / "unmatched.csv",
        ("list", "image_index", "finding", "cause"),
        ((u.list, u.image, u.finding, u.cause) for u in inputs.unmatched),
    )
    write_csv(target / "warnings.csv", ("warning",), ((text,) for text in inputs.warnings))
    write_csv(target / "failures.csv", ("list", "line", "cause"), failures)
    counts = _counts(result, failures)
    by = {"intervals by": inputs.task.clustered_by}
    write_report(
        target / "report.html",
        ReportInput(
            "Boxes against true boxes",
            result.measured_on,
            {**asked["settings"], **by, **counts, **asked["versions"]},
            result.sections(intro=False),
            inputs.warnings,
        ),
    )
    for path in sorted(target.iterdir()):
        os.replace(path, folder.path / path.name)
    folder.add_json("timing.json", {"seconds": round(time.perf_counter() - started, 3)})
    folder.add_json("run.json", {**asked, **by, **_found(result), "counts": counts})


def _asked(options: Options) -> dict[str, Any]:
    """Return what makes two runs the same: versions, settings and inputs."""
    files = {"predicted": options.predicted, "gold": options.gold}
    files |= {"images": options.images} if options.images else {}
    files |= {"points": options.points} if options.points else {}
    return {
        "command": COMMAND,
        "versions": _versions(),
        "settings": {
            "size": options.size,
            "min_score": options.min_score,
            "part": options.part and f"{options.part} of {options.split}",
            "pointing": "middles of boxes" if options.points is None else "points of a table",
            "random map": f"{GRID} × {GRID} values, interpolated to {RESOLUTION} × {RESOLUTION}; "
            f"{options.draws} repetitions, seed {options.seed}",
            "overlays": options.overlays,
            "image folder": options.image_folder and options.image_folder.name,
        },
        "inputs": {name: fingerprint(path) for name, path in files.items()},
    }


def _found(result: BoxResult) -> dict[str, Any]:
    task = result.inputs.task
    number = np.bincount(task.truth.finding, minlength=len(task.findings)).tolist()
    boxes = dict(zip(task.findings, number, strict=True))
    return {
        "measured_on": result.measured_on,
        "definitions": [DEFINITIONS, PUBLISHED_NOTE],
        # Only on the paper's own boxes can its figures be compared with ours.
        "boxes_are_the_papers": boxes == PUBLISHED_BOXES,
        "boxes": boxes,
    }


def _versions() -> dict[str, str]:
    return {
        "cxrmine": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
    }


def _counts(result: BoxResult, failures: Sequence[Failure]) -> dict[str, int]:
    task = result.inputs.task
    return {
        "images": len(task.images),
        "images with a true box": len(np.unique(task.truth.image)),
        "true boxes": len(task.truth),
        "predicted boxes": len(result.inputs.predicted),
        "unmatched": len(result.inputs.unmatched),
        "warnings": len(result.inputs.warnings),
        "failures": len(failures),
    }


def _print(
    screen: IO[str],
    options: Options,
    result: BoxResult,
    failures: Sequence[Failure],
) -> None:
    task = result.inputs.task
    print(result.measured_on, file=screen)
    for warning in result.inputs.warnings:
        print(f"Warning: {warning}", file=screen)
    if result.inputs.unmatched:
        print(
            f"Left out: {len(result.inputs.unmatched):,} boxes or points of other images or "
            "findings (unmatched.csv).",
            file=screen,
        )
    for table in screen_tables(task, result.scores, result.controls, result.pointing):
        print(file=screen)
        print_table(table, screen)
    if PUBLISHED_BOXES.keys() & set(task.findings):
        print(f"\n{PUBLISHED_NOTE}", file=screen)
    written = [name for name in OUTPUTS if (options.out / name).is_file()]
    print(f"\nWrote {', '.join(written)} to {options.out}.", file=screen)
    if failures:
        rows = "row is" if len(failures) == 1 else "rows are"
        print(
            f"{len(failures):,} {rows} no boxes and were left out: see failures.csv.", file=screen
        )
