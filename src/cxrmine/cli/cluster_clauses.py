"""The command line of `cluster-clauses`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer


def command(
    inputs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="INPUT...",
            help="Reports: whatever mine-labels reads (CSV, TSV, Parquet, JSON Lines, XML, "
            "folders, archives).",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Folder for the results; new or empty, else see --resume, --force."
        ),
    ] = None,
    section: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The column or section that holds the diagnoses (default impression, then "
            "diagnosis).",
        ),
    ] = None,
    id_column: Annotated[
        str | None, typer.Option(metavar="NAME", help="The table's column of report ids.")
    ] = None,
    text_column: Annotated[
        str | None, typer.Option(metavar="NAME", help="The table's column of whole reports.")
    ] = None,
    k: Annotated[
        str | None,
        typer.Option(metavar="N|auto", help="Number of clusters (default auto)."),
    ] = None,
    top: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="How many of the largest terms to tell from the rest (default 10)."
        ),
    ] = None,
    distance: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="levenshtein (edits), or normalized (edits by the longer clause's length; the "
            "default).",
        ),
    ] = None,
    memory: Annotated[
        float | None,
        typer.Option(
            metavar="GB",
            help="What the matrix of all distances may take (default 2); beyond, samples are "
            "clustered.",
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(metavar="N", help="Seed of all that is random (default 0).")
    ] = None,
    split_enumeration: Annotated[
        bool,
        typer.Option("--split-enumeration", help="Split at the enumeration comma 、 too."),
    ] = False,
    drop_units: Annotated[
        bool, typer.Option("--drop-units", help="Leave units of measurement out, like digits.")
    ] = False,
    workers: Annotated[
        int,
        typer.Option(
            metavar="N", show_default=False, help="Processes and threads that work (default 1)."
        ),
    ] = 1,
    apply: Annotated[
        Path | None,
        typer.Option(
            metavar="terms.yaml", help="Label the reports by the terms that you named in this file."
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Continue the killed run in --out, redoing nothing."),
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Replace an earlier run in --out.")
    ] = False,
) -> int:
    """Find the diagnoses of reports in any language: clauses, clustered by edit distance.

    Writes clauses.csv, clusters.csv, terms.yaml, table1.csv, clusters.png, clusters.html, the
    curve of k, warnings.csv, failures.csv, run.json and timing.json to --out. Then name the terms
    in terms.yaml, and --apply it: that writes labels.csv and mentions.parquet as mine-labels
    does, and unassigned.csv. All of it holds report text: treat it as patient data. Exit status:
    0 done, 1 some inputs failed, 2 wrong usage.

    Example, with the Chinese sample reports that come with cxrmine (sed names the first term;
    an editor is the place for it):

    \b
      S=$(python -c "from cxrmine.resources import samples_dir; print(samples_dir())")
      cluster-clauses "$S/clauses/reports.csv" --out terms
      sed '/^- term: 1$/,/label:/s/""/"normal"/' terms/terms.yaml > named.yaml
      cluster-clauses "$S/clauses/reports.csv" --apply named.yaml --out labels
    """
    from cxrmine.errors import UserError

    if not inputs:
        raise UserError("no input given; name a file or a folder of reports.")
    if out is None:
        raise UserError("no output folder given; name one with --out DIR.")
    if resume and force:
        raise UserError("--resume and --force exclude each other; give one of them.")
    if workers < 1:
        raise UserError(f"--workers {workers}: at least 1 has to do the work.")

    from cxrmine.clauses.run import Job, run
    from cxrmine.clauses.settings import ApplySettings, ReadSettings

    read = ReadSettings(tuple(inputs), section, id_column, text_column)
    job: Job
    if apply is not None:
        needless = {
            "--k": k,
            "--top": top,
            "--distance": distance,
            "--memory": memory,
            "--seed": seed,
            "--split-enumeration": split_enumeration or None,
            "--drop-units": drop_units or None,
        }
        given = [name for name, value in needless.items() if value is not None]
        if given:
            raise UserError(
                f"{', '.join(given)} and --apply exclude each other; terms.yaml says how the "
                "clauses are made and compared."
            )
        if apply.exists() and apply.resolve().parent == out.resolve():
            raise UserError(
                f"--apply {str(apply)!r} lies in --out; name another folder for the labels."
            )

        from cxrmine.clauses.label import Apply

        job = Apply.load(ApplySettings(read, apply))
    else:
        from cxrmine.clauses.fit import Fit

        job = Fit(
            _cluster_settings(read, k, top, distance, memory, seed, split_enumeration, drop_units)
        )
    outcome = run(job, out, workers=workers, resume=resume, force=force)
    if outcome.already_finished:
        typer.echo(f"The run in {out} is already finished; nothing was left to do.")
    tell = _tell_labels if apply is not None else _tell_clusters
    for line in tell(outcome.record, out):
        typer.echo(line)
    return 1 if outcome.record["counts"]["failures"] else 0


def _cluster_settings(
    read: Any,
    k: str | None,
    top: int | None,
    distance: str | None,
    memory: float | None,
    seed: int | None,
    split_enumeration: bool,
    drop_units: bool,
) -> Any:
    """Return the settings of a clustering, or say which option is wrong."""
    import math

    from cxrmine.clauses.distance import METRICS
    from cxrmine.clauses.settings import (
        DEFAULT_DISTANCE,
        DEFAULT_MEMORY,
        DEFAULT_SEED,
        DEFAULT_TOP,
        ClusterSettings,
    )
    from cxrmine.errors import UserError

    clusters = None
    if k is not None and k.strip().lower() != "auto":
        if not k.strip().isdecimal() or int(k) < 1:
            raise UserError(f"--k {k!r} is no number of clusters; write 1 or more, or auto.")
        clusters = int(k)
    if distance is not None and distance not in METRICS:
        raise UserError(f"--distance {distance!r} does not exist; use {' or '.join(METRICS)}.")
    if memory is not None and not (0 < memory < math.inf):
        raise UserError(f"--memory {memory:g} is no amount of memory; write gigabytes above 0.")
    if top is not None and top < 1:
        raise UserError(f"--top {top}: write how many terms to tell from the rest, 1 or more.")
    if seed is not None and seed < 0:
        raise UserError(f"--seed {seed}: write a whole number of 0 or more.")
    return ClusterSettings(
        read=read,
        split_enumeration=split_enumeration,
        drop_units=drop_units,
        k=clusters,
        top=DEFAULT_TOP if top is None else top,
        distance=distance or DEFAULT_DISTANCE,
        memory=DEFAULT_MEMORY if memory is None else memory,
        seed=DEFAULT_SEED if seed is None else seed,
    )


def _tell_clusters(record: Mapping[str, Any], out: Path) -> list[str]:
    """Return the closing lines of a clustering: numbers and files, no text of a report."""
    counts, clustering, covered = record["counts"], record["clustering"], record["coverage"]
    lines = [
        f"{_count(counts['reports'], 'report')}, {_count(counts['clauses'], 'clause')} "
        f"({counts['distinct_clauses']:,} distinct), {_problems(counts, out)}."
    ]
    if not counts["clauses"]:
        return [*lines, "No report has a clause, so the tables are empty; is it the right section?"]
    asked = record["settings"]["k"]
    if clustering["chosen_by"] is not None:
        why = f"chosen: {clustering['chosen_by']}"
    elif asked == clustering["k"]:
        why = "as asked"
    else:
        why = f"{asked:,} were asked for, but there are no more distinct clauses"
    lines.append(
        f"{_count(clustering['k'], 'cluster')} ({why}) in {_count(counts['terms'], 'term')}, "
        f"from {clustering['method']}."
    )
    if counts["unassigned_clauses"]:
        lines.append(
            f"{_count(counts['unassigned_clauses'], 'clause')} lie beyond the cut-off of every "
            "cluster."
        )
    terms = covered["terms"]
    if terms == 1:
        largest = "The largest term holds"
    elif terms == counts["terms"]:
        largest = f"All {terms} terms hold"
    else:
        largest = f"The {terms} largest terms hold"
    with_clauses = counts["reports_with_clauses"]
    if with_clauses < counts["reports"]:
        reports = f"the {_count(with_clauses, 'report')} with clauses"
    else:
        reports = "reports"
    lines.append(
        f"{largest} {_share(covered['clauses'])} of clauses; {_share(covered['reports'])} of "
        f"{reports} have one of these, {_share(covered['whole_reports'])} nothing else (95 % "
        "intervals; the paper's 10 terms: 97 % of its images)."
    )
    shown = ("clauses.csv", "clusters.csv", "table1.csv", "clusters.png", "clusters.html")
    lines.append(f"Tables and figures: {', '.join(str(out / name) for name in shown)}")
    lines.append(f"Name the terms in {out / 'terms.yaml'}, then label reports with --apply.")
    return lines


def _tell_labels(record: Mapping[str, Any], out: Path) -> list[str]:
    """Return the closing lines of a labelling: numbers and files, no text of a report."""
    counts = record["counts"]
    lines = [
        f"{_count(counts['reports'], 'report')}, {_count(counts['clauses'], 'clause')}, "
        f"{_problems(counts, out)}."
    ]
    whole = counts["clauses"]
    if whole:
        told = [f"{_percent(counts['labeled'], whole)} labelled"]
        if counts["dropped"]:
            told.append(f"{_percent(counts['dropped'], whole)} of terms to drop")
        if counts["without_label"]:
            told.append(f"{_percent(counts['without_label'], whole)} of terms without a label")
        told.append(
            f"{_percent(counts['unassigned'], whole)} unassigned "
            f"({counts['distinct_unassigned']:,} distinct, {out / 'unassigned.csv'})"
        )
        lines.append(f"Clauses: {', '.join(told)}.")
    else:
        lines.append("No report has a clause, so no label is set; is it the right section?")
    if counts["terms_without_label"]:
        lines.append(
            f"{_count(counts['terms_without_label'], 'term')} of {record['terms']['terms']} "
            "still without a label."
        )
    lines.append(f"Labels: {out / 'labels.csv'}")
    return lines


def _share(figures: Mapping[str, Any]) -> str:
    low, high = 100 * figures["low"], 100 * figures["high"]
    return f"{100 * figures['share']:.1f} % [{low:.1f}–{high:.1f}]"


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %"


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def _problems(counts: Mapping[str, int], out: Path) -> str:
    told = []
    for word in ("warning", "failure"):
        number = counts[f"{word}s"]
        said = _count(number, word)
        told.append(f"{said} ({out / (word + 's.csv')})" if number else said)
    return ", ".join(told)
