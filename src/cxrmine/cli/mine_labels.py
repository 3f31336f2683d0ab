"""The command line of `mine-labels`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    inputs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="INPUT...",
            help="Reports: Open-i XML (file, folder, .tgz), CSV, TSV, Parquet, JSON Lines, "
            "MIMIC-CXR's tree or a .zip of it, a folder of .txt.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Folder for the results; new or empty, else see --resume, --force."
        ),
    ] = None,
    scheme: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Label scheme: chestxray14 (the default), chestxray8, chexpert, openi, or your "
            "own; repeats.",
        ),
    ] = None,
    id_column: Annotated[
        str | None, typer.Option(metavar="NAME", help="The table's column of report ids.")
    ] = None,
    text_column: Annotated[
        str | None, typer.Option(metavar="NAME", help="The table's column of whole reports.")
    ] = None,
    section_column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[SECTION=]NAME",
            help="A table's column of one section, as in impression=IMPR; repeats.",
        ),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Processes that label (default 1).")
    ] = None,
    dask: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Label on the workers of this Dask scheduler, as in tcp://host:8786.",
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Continue the killed run in --out, redoing nothing."),
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Replace an earlier run in --out.")
    ] = False,
    parser: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="An installed spaCy pipeline in place of the bundled parser."
        ),
    ] = None,
    rules: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Your own rules in place of ours.")
    ] = None,
    vocab: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Your own vocabulary in place of ours.")
    ] = None,
    check_rules: Annotated[
        bool,
        typer.Option(
            "--check-rules", help="Only run the examples that the rules carry; needs no input."
        ),
    ] = False,
    assertion: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="What decides a mention's status: cxrmine, or negex (negspacy) to compare.",
        ),
    ] = "cxrmine",
    evidence: Annotated[
        bool,
        typer.Option(
            "--evidence", help="Write evidence.html too: reports with their words and rules."
        ),
    ] = False,
) -> int:
    """Label chest X-ray reports; every label can be traced to words and a rule.

    Writes labels.csv (labels_SCHEME.csv where several schemes are asked for), mentions.parquet,
    warnings.csv, failures.csv, run.json and timing.json to --out. They hold report text and
    ids: treat them as patient data. Exit status: 0 done, 1 some inputs failed, 2 wrong usage.

    Example, with the sample reports that come with cxrmine:

    \b
      S=$(python -c "from cxrmine.resources import samples_dir; print(samples_dir())")
      mine-labels "$S/reports.csv" --out run --scheme chexpert --evidence
    """
    from cxrmine.errors import UserError

    if assertion not in ("cxrmine", "negex"):
        raise UserError(f"--assertion {assertion!r} does not exist; use cxrmine or negex.")
    if check_rules:
        if inputs or out:
            raise UserError("--check-rules takes no input and no --out; run it by itself.")
        return _check_rules(rules, vocab, parser)
    if not inputs:
        raise UserError("no input given; name a file or a folder of reports.")
    if out is None:
        raise UserError("no output folder given; name one with --out DIR.")
    if dask is not None and workers is not None:
        raise UserError("--workers and --dask exclude each other; give one of them.")
    if resume and force:
        raise UserError("--resume and --force exclude each other; give one of them.")
    schemes = tuple(dict.fromkeys(scheme or ()))

    from cxrmine.runs.mine import mine
    from cxrmine.runs.settings import DEFAULT_SCHEMES, Settings

    outcome = mine(
        Settings(
            inputs=tuple(inputs),
            schemes=schemes or DEFAULT_SCHEMES,
            id_column=id_column,
            text_column=text_column,
            section_columns=tuple(section_column) if section_column else None,
            parser=parser,
            rules=None if rules is None else str(rules),
            vocab=None if vocab is None else str(vocab),
            assertion=assertion,
            evidence=evidence,
        ),
        out,
        workers=workers or 1,
        dask=dask,
        resume=resume,
        force=force,
    )
    counts = outcome.counts
    if outcome.already_finished:
        typer.echo(f"The run in {out} is already finished; nothing was left to do.")
    typer.echo(
        f"{_count(counts.reports, 'report')}, {_count(counts.mentions, 'mention')}, "
        f"{_problems(counts.warnings, 'warning', out)}, "
        f"{_problems(counts.failures, 'failure', out)}."
    )
    tables = [name for name in outcome.outputs if name.startswith("labels")]
    typer.echo(f"Labels: {', '.join(str(out / name) for name in tables)}")
    if "evidence.html" in outcome.outputs:
        typer.echo(f"Evidence: {out / 'evidence.html'}")
    return 1 if counts.failures else 0


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def _problems(number: int, word: str, out: Path) -> str:
    told = _count(number, word)
    return f"{told} ({out / (word + 's.csv')})" if number else told


def _check_rules(rules: Path | None, vocab: Path | None, parser: str | None) -> int:
    from cxrmine.labeling.check import check_rules

    failures, count = check_rules(rules, vocab, parser)
    for failure in failures:
        typer.echo(f"FAIL {failure.sentence()}")
    typer.echo(
        f"{_count(count, 'example')}: {count - len(failures)} passed, {len(failures)} failed."
    )
    return 1 if failures else 0
