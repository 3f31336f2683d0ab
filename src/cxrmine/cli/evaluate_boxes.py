"""The command line of `evaluate-boxes`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    predicted: Annotated[
        Path,
        typer.Argument(
            metavar="PREDICTED",
            help="Predicted boxes in BBox_List.csv's columns, with a score (.csv, .csv.gz).",
        ),
    ],
    gold: Annotated[
        Path,
        typer.Argument(
            metavar="GOLD", help="True boxes in the same columns, or a data set's folder."
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            metavar="DIR", help="Folder for the results; new or empty, else see --resume, --force."
        ),
    ],
    images: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The images asked for: one name a line, or a table with Image Index (and Patient "
            "ID). Default: all with a true box, as in the paper.",
        ),
    ] = None,
    part: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="With a data set as GOLD: only the boxed images of this part."
        ),
    ] = None,
    split: Annotated[
        str, typer.Option(metavar="NAME", help="The column of splits.csv that --part is from.")
    ] = "split",
    image_folder: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Where the images lie, for the overlays (default: the data set's)."
        ),
    ] = None,
    points: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Hottest points of the heat maps for the pointing game: Image Index, Finding "
            "Label, x, y. Default: the middle of the surest box.",
        ),
    ] = None,
    min_score: Annotated[
        float | None,
        typer.Option(metavar="X", help="Leave out predicted boxes with a lower score."),
    ] = None,
    size: Annotated[
        float, typer.Option(metavar="N", help="Side of the images that boxes are counted in.")
    ] = 1024.0,
    draws: Annotated[
        int, typer.Option(metavar="N", help="Repetitions of the random-map control.")
    ] = 20,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the random maps.")] = 0,
    overlays: Annotated[
        int, typer.Option(metavar="N", help="Images to draw boxes on at most; 0 for none.")
    ] = 24,
    resume: Annotated[
        bool, typer.Option("--resume", help="Finish a run that was killed, or keep a finished one.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Replace an earlier evaluation in --out.")
    ] = False,
) -> None:
    """Score predicted boxes against true ones, as ChestX-ray8's Table 4 does.

    Boxes are matched by image and finding. Writes boxes.csv (accuracy and average false boxes per
    image by finding at T(IoBB) 0.1 to 0.9 and T(IoU) 0.1 to 0.7, with 95 % intervals, a random-map
    and a centre-box control and the paper's figures), table4.csv (the same laid out as the
    paper's Table 4), pointing.csv, overlays.png, report.html, unmatched.csv, warnings.csv,
    failures.csv, run.json and timing.json. Exit status: 0 done, 1 some rows are no boxes, 2 wrong usage.

    Example, with the sample boxes that come with cxrmine (they are as good as true):

    \b
      S=$(python -c "from cxrmine.resources import samples_dir; print(samples_dir())")
      evaluate-boxes "$S/boxes.csv" "$S/boxes.csv" --out scores
    """
    from cxrmine.evaluation.evaluate_boxes import Options, evaluate_boxes

    status = evaluate_boxes(
        Options(
            predicted=predicted,
            gold=gold,
            out=out,
            images=images,
            part=part,
            split=split,
            image_folder=image_folder,
            points=points,
            min_score=min_score,
            size=size,
            draws=draws,
            seed=seed,
            overlays=overlays,
            resume=resume,
            force=force,
        )
    )
    if status:
        raise typer.Exit(status)
