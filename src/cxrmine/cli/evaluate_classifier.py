"""The command line of `evaluate-classifier`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    predictions: Annotated[
        Path,
        typer.Argument(
            metavar="PREDICTIONS",
            help="CSV (.gz too): the id first, then one column a finding, with or without prob_.",
            show_default=False,
        ),
    ],
    gold: Annotated[
        Path,
        typer.Argument(
            metavar="GOLD",
            help="A Data_Entry table, a table with 1, 0, -1 or blank by finding (CheXpert), or a "
            "data set's folder.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            metavar="DIR", help="Folder for the results; new or empty, else see --resume, --force."
        ),
    ],
    compare: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Another model's predictions, compared on the same images; repeats.",
        ),
    ] = None,
    readers: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="A reader's decisions (1 or 0), as a point beside the curves; repeats.",
        ),
    ] = None,
    pairs: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="OURS=GOLD",
            help="Pair columns of different names, as in 'Effusion=Pleural Effusion'; repeats.",
        ),
    ] = None,
    interval: Annotated[
        str,
        typer.Option(
            metavar="HOW",
            help="Intervals of AUCs: delong, bootstrap (of patients), or auto: the bootstrap "
            "where some patient has several images, else delong.",
        ),
    ] = "auto",
    bootstrap: Annotated[
        int, typer.Option(metavar="N", help="Draws of the bootstrap; 0 for none.")
    ] = 2000,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the bootstrap.")] = 0,
    resume: Annotated[
        bool, typer.Option("--resume", help="Finish a run that was killed, or keep a finished one.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Replace an earlier evaluation in --out.")
    ] = False,
) -> None:
    """Score a classifier: AUC, average precision, Youden's point, calibration, ROC curves.

    Images are matched by id and findings by name, never by order. Writes metrics.csv (a row a
    finding, the mean last, with 95 % intervals), roc.png and roc.csv, calibration.png and
    calibration.csv, published.csv (printed AUCs beside ours), report.html (all of it on one page),
    unmatched.csv, warnings.csv, failures.csv, run.json and timing.json; with --compare models.csv,
    comparison.csv (DeLong's paired test) and rank_correlation.csv (Spearman); with --readers
    readers.csv (who lies below which curve).

    Example:

    \b
      printf 'Study,Edema\\na,1\\nb,1\\nc,0\\nd,0\\ne,0\\n' > gold.csv
      printf 'Study,Edema\\na,0.9\\nb,0.4\\nc,0.6\\nd,0.2\\ne,0.1\\n' > predictions.csv
      evaluate-classifier predictions.csv gold.csv --out scores
    """
    from typing import cast

    from cxrmine.errors import UserError
    from cxrmine.evaluation.classifier_scores import IntervalChoice
    from cxrmine.evaluation.evaluate_classifier import Options, evaluate_classifier
    from cxrmine.evaluation.findings import key

    renamed: dict[str, str] = {}
    for said in pairs or []:
        ours, equals, theirs = said.partition("=")
        if not equals or not ours.strip() or not theirs.strip():
            raise UserError(f"--map {said!r}: write it as OURS=GOLD, as in 'Lung Mass=Mass'.")
        if key(ours) in map(key, renamed):
            raise UserError(f"--map names the column {ours.strip()!r} twice; name each once.")
        renamed[ours.strip()] = theirs.strip()
    status = evaluate_classifier(
        Options(
            predictions=predictions,
            gold=gold,
            out=out,
            compare=tuple(compare or ()),
            readers=tuple(readers or ()),
            renamed=renamed,
            interval=cast(IntervalChoice, interval),
            bootstrap=bootstrap,
            seed=seed,
            resume=resume,
            force=force,
        )
    )
    if status:
        raise typer.Exit(status)
