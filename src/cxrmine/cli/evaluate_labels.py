"""The command line of `evaluate-labels`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    labels: Annotated[
        Path,
        typer.Argument(
            metavar="RUN_OR_CSV", help="An output folder of mine-labels, or any label CSV."
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(metavar="DIR", help="Folder for the results; new or empty, else see --force."),
    ],
    gold: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Gold CSV: an id column (report_id, filename or id), one column a finding.",
        ),
    ] = None,
    gold_xml: Annotated[
        Path | None,
        typer.Option(
            metavar="INPUT",
            help="Open-i XML (a file, a folder or a .tgz): derive the gold from its MeSH codes.",
        ),
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(
            metavar="RUN_OR_CSV", help="Compare with other labels: agreement and Cohen's kappa."
        ),
    ] = None,
    scheme: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Which of a run's schemes; else the one that fits the gold."
        ),
    ] = None,
    uncertain: Annotated[
        str, typer.Option(metavar="WHAT", help="What -1 counts as: negative, positive or ignore.")
    ] = "negative",
    bootstrap: Annotated[
        int, typer.Option(metavar="N", help="Bootstrap draws for the intervals; 0 for none.")
    ] = 2000,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the bootstrap.")] = 0,
    pairs: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="OURS=GOLD",
            help="Pair columns of different names, as in 'Pleural Effusion=Effusion'; repeats.",
        ),
    ] = None,
    reports: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="INPUT",
            help="The reports themselves, to show them whole in errors.html; repeats.",
        ),
    ] = None,
    vocab: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Your own vocabulary folder, for its schemes/openi_gold.yaml."
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace an earlier evaluation in --out.")
    ] = False,
) -> None:
    """Score labels against a gold standard, or compare two label files.

    Reports are matched by id and columns by name. Writes metrics.csv (precision, recall and F1
    by finding and in total, with 95 % report-bootstrap intervals, and published figures for the
    Open-i gold), errors.csv and errors.html (every wrong cell with its sentences and rules),
    unmatched.csv, warnings.csv, failures.csv and run.json; with --against agreement.csv and
    disagreements.csv instead. Errors hold report text: treat them as patient data.

    Example, with the sample reports that come with cxrmine:

    \b
      S=$(python -c "from cxrmine.resources import samples_dir; print(samples_dir())")
      mine-labels "$S/reports.csv" --out run
      evaluate-labels run --gold "$S/labels_truth.csv" --out scores
    """
    from typing import cast

    from cxrmine.errors import UserError
    from cxrmine.evaluation.evaluate_labels import Options, evaluate_labels
    from cxrmine.evaluation.labels import Uncertain

    renamed: dict[str, str] = {}
    for pair in pairs or []:
        ours, equals, theirs = pair.partition("=")
        if not equals or not ours.strip() or not theirs.strip():
            raise UserError(f"--map {pair!r}: write it as OURS=GOLD, as in 'Lung Mass=Mass'.")
        renamed[ours.strip()] = theirs.strip()
    status = evaluate_labels(
        Options(
            labels=labels,
            out=out,
            gold=gold,
            gold_xml=gold_xml,
            against=against,
            scheme=scheme,
            uncertain=cast(Uncertain, uncertain),
            bootstrap=bootstrap,
            seed=seed,
            renamed=renamed,
            reports=tuple(reports or ()),
            vocab=vocab,
            force=force,
        )
    )
    if status:
        raise typer.Exit(status)
