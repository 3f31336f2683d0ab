"""`evaluate-labels` from end to end: read, match, score, write.

The command line (`cxrmine.cli.evaluate_labels`) only turns options into `Options`.
"""

from __future__ import annotations

import hashlib
import json
import platform
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, get_args

import numpy as np
from numpy.typing import NDArray

from cxrmine import __version__
from cxrmine.errors import UserError
from cxrmine.evaluation.agreement import compare_values
from cxrmine.evaluation.error_page import write_error_page
from cxrmine.evaluation.findings import is_openi, totals_for
from cxrmine.evaluation.gold_openi import (
    GoldConventions,
    load_gold_conventions,
    read_openi_gold,
)
from cxrmine.evaluation.label_errors import (
    ERROR_COLUMNS,
    MentionRow,
    WrongCell,
    add_evidence,
    by_scheme,
    error_rows,
    read_mentions,
    shown,
    wrong_cells,
)
from cxrmine.evaluation.label_report import (
    AGREEMENT_COLUMNS,
    METRIC_COLUMNS,
    ScreenTable,
    agreement_rows,
    agreement_table,
    metric_rows,
    print_table,
    score_tables,
)
from cxrmine.evaluation.labels import (
    BLANK,
    LabelTable,
    Matched,
    Uncertain,
    find_label_file,
    is_positive,
    match_tables,
    read_labels,
    run_folder,
)
from cxrmine.evaluation.scores import Score, outcomes, score_table
from cxrmine.reports.report import Problem
from cxrmine.resources import data_dir
from cxrmine.tables import atomic_write_text, atomic_writer, write_csv

#: What the command can write; --force removes these and nothing else.
OUTPUTS = (
    "metrics.csv",
    "errors.csv",
    "errors.html",
    "agreement.csv",
    "disagreements.csv",
    "unmatched.csv",
    "warnings.csv",
    "failures.csv",
    "run.json",
)
_COMMAND = "evaluate-labels"


@dataclass(frozen=True)
class Options:
    """The options of `evaluate-labels`; exactly one of `gold`, `gold_xml`, `against` is set.

    Attributes
    ----------
    labels
        A `mine-labels` output folder or a label CSV.
    gold, gold_xml, against
        A gold CSV; Open-i XML to derive the gold from; another run or CSV to compare with.
    scheme
        Which of a run's schemes to take.
    out
        The output folder.
    uncertain
        What -1 is, on both sides.
    bootstrap, seed
        Draws (0 for no intervals) and their seed.
    renamed
        Our column → the gold's, where the names differ.
    reports
        Report inputs, to show whole reports in ``errors.html``.
    vocab
        A vocabulary folder with the gold's conventions, instead of the one that ships.
    force
        Replace what an earlier evaluation wrote to `out`.
    """

    labels: Path
    out: Path
    gold: Path | None = None
    gold_xml: Path | None = None
    against: Path | None = None
    scheme: str | None = None
    uncertain: Uncertain = "negative"
    bootstrap: int = 2000
    seed: int = 0
    renamed: Mapping[str, str] = field(default_factory=dict)
    reports: tuple[Path, ...] = ()
    vocab: Path | None = None
    force: bool = False


def evaluate_labels(options: Options, out: IO[str] | None = None) -> int:
    """Do what `options` ask for and print the result to `out` (default: standard output).

    Returns
    -------
    int
        0, or 1 if some inputs failed (all are listed in ``failures.csv``).

    Raises
    ------
    UserError
        For anything that a user can put right.
    """
    screen = sys.stdout if out is None else out
    _check_options(options)
    _check_out(options)
    if options.against is not None:
        return _compare(options, options.against, screen)
    return _score(options, screen)


def _check_options(options: Options) -> None:
    given = [
        name
        for name, value in (
            ("--gold", options.gold),
            ("--gold-xml", options.gold_xml),
            ("--against", options.against),
        )
        if value is not None
    ]
    if len(given) != 1:
        what = f"not {' and '.join(given)} together" if given else "none was given"
        raise UserError(
            f"say what to score against with one of --gold, --gold-xml, --against; {what}."
        )
    if options.uncertain not in get_args(Uncertain):
        raise UserError(
            f"--uncertain {options.uncertain!r} is unknown; use {', '.join(get_args(Uncertain))}."
        )
    if options.bootstrap < 0:
        raise UserError("--bootstrap is a number of draws: 0 (no intervals) or more.")
    if options.seed < 0:
        raise UserError("--seed must not be negative.")
    if options.vocab is not None and not options.vocab.is_dir():
        raise UserError(
            f"--vocab {str(options.vocab)!r} is no folder; name one with findings.yaml and "
            "schemes/openi_gold.yaml."
        )
    if options.against is not None and options.reports:
        raise UserError("--reports shows reports in errors.html, which --against does not write.")


def _check_out(options: Options) -> None:
    folder = options.out
    shown_name = str(folder)
    if folder.exists() and not folder.is_dir():
        raise UserError(f"--out {shown_name!r} is a file; name a folder.")
    inputs = [p for p in (options.labels, options.gold, options.gold_xml, options.against) if p]
    for path in inputs:
        if path.resolve() == folder.resolve():
            raise UserError(f"--out {shown_name!r} is an input as well; name another folder.")
        if path.resolve().parent == folder.resolve() and path.name in OUTPUTS:
            raise UserError(
                f"--out {shown_name!r} holds the input {path.name}, which would be replaced; "
                "name another folder."
            )
    if not folder.is_dir():
        return
    names = {entry.name for entry in folder.iterdir()}
    if not names:
        return
    if not options.force:
        raise UserError(
            f"{shown_name!r} is not empty; name an empty or new folder as --out, or replace an "
            "earlier evaluation there with --force."
        )
    # A run.json of another command is the record of labels or a data set: never replace it.
    if "run.json" in names and _command_of(folder / "run.json") != _COMMAND:
        raise UserError(
            f"{shown_name!r} holds the output of another command; name another --out (--force "
            "replaces evaluations only)."
        )


def _command_of(path: Path) -> str | None:
    with suppress(OSError, ValueError, AttributeError):
        command = json.loads(path.read_bytes()).get("command")
        return command if isinstance(command, str) else None
    return None


def _open_out(options: Options) -> Path:
    """Make the output folder ready; called only once all inputs were read."""
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        for name in OUTPUTS:
            (options.out / name).unlink(missing_ok=True)
    except OSError as error:
        raise UserError(
            f"--out {str(options.out)!r} cannot be used ({error.strerror}); name a folder that "
            "you may write to."
        ) from error
    return options.out


# --- against a gold -----------------------------------------------------------------------------


@dataclass(frozen=True)
class _Gold:
    table: LabelTable
    problems: tuple[Problem, ...] = ()
    conventions: GoldConventions | None = None


def _read_gold(options: Options) -> _Gold:
    if options.gold_xml is not None:
        conventions = load_gold_conventions(options.vocab)
        table, problems = read_openi_gold(options.gold_xml, conventions)
        return _Gold(table, tuple(problems), conventions)
    assert options.gold is not None
    if options.gold.is_dir():
        raise UserError(
            f"--gold {str(options.gold)!r} is a folder; give the gold CSV (another run goes to "
            "--against, Open-i XML to --gold-xml)."
        )
    return _Gold(read_labels(options.gold))


def _score(options: Options, screen: IO[str]) -> int:
    gold = _read_gold(options)
    path, scheme = find_label_file(
        options.labels, scheme=options.scheme, gold_columns=gold.table.columns
    )
    labels = read_labels(path)
    matched = match_tables(labels, gold.table, options.renamed)
    columns = [theirs for _, theirs in matched.columns]
    our_values = labels.values([ours for ours, _ in matched.columns], matched.ids)
    gold_values = gold.table.values(columns, matched.ids)
    codes = outcomes(gold_values, our_values, options.uncertain)
    scores = score_table(
        codes, columns, totals_for(columns), draws=options.bootstrap, seed=options.seed
    )
    cells = wrong_cells(codes, gold_values, our_values, matched.ids, columns)
    mentions_path = _mentions_of(options.labels)
    if mentions_path is not None:
        mentions = read_mentions(mentions_path, {cell.report_id for cell in cells})
        rules = _scheme_concepts(scheme, options.vocab)
        cells = add_evidence(cells, mentions, by_scheme(rules.columns), rules.abnormal)
    texts = _report_texts(options, {cell.report_id for cell in cells})
    published = is_openi(gold.table.columns)
    measured_on = _measured_on(options, path, gold.table, matched)

    folder = _open_out(options)
    write_csv(
        folder / "metrics.csv",
        METRIC_COLUMNS,
        metric_rows(scores, measured_on=measured_on, published=published),
    )
    write_csv(folder / "errors.csv", ERROR_COLUMNS, error_rows(cells))
    with atomic_writer(folder / "errors.html") as handle:
        write_error_page(
            handle,
            cells,
            measured_on=measured_on,
            has_mentions=mentions_path is not None,
            texts=texts,
        )
    _write_unmatched(folder, matched, "labels", "gold")
    problems = [p for p in gold.problems if p.severity == "failure"]
    _write_problems(folder, gold.problems)
    inputs: dict[str, object] = {"labels": _fingerprint(path)}
    if mentions_path is not None:
        inputs["mentions"] = _fingerprint(mentions_path)
    inputs["gold"] = _fingerprint(gold.table.path)
    if gold.conventions is not None:
        inputs["gold_conventions"] = _fingerprint(gold.conventions.path)
    _write_record(
        folder,
        options,
        scheme=scheme,
        inputs=inputs,
        matched=matched,
        counts={
            "reports": len(matched.ids),
            "cells": int(codes.size),
            "wrong_cells": len(cells),
            "labels_without_gold": len(matched.first_only_ids),
            "gold_without_labels": len(matched.second_only_ids),
            "failures": len(problems),
        },
    )
    _print_head(
        screen,
        [
            measured_on,
            *_match_lines(matched, "labels", "gold"),
            *_score_notes(scores, columns, options),
        ],
    )
    for table in score_tables(scores, published=published):
        _print_spaced(table, screen)
    _print_tail(screen, folder, problems)
    return 1 if problems else 0


def _measured_on(options: Options, path: Path, gold: LabelTable, matched: Matched) -> str:
    source = "the human codes of" if options.gold_xml is not None else "gold"
    return f"Measured on {len(matched.ids):,} reports: {path} against {source} {gold.path}."


def _score_notes(scores: Sequence[Score], columns: Sequence[str], options: Options) -> list[str]:
    words = {"negative": "not positive", "positive": "positive", "ignore": "left out"}
    notes = [f"Uncertain cells (-1) are {words[options.uncertain]}; blank cells are not positive."]
    if options.bootstrap:
        notes.append(
            f"Intervals: 95 %, {options.bootstrap:,} bootstrap draws of whole reports, seed "
            f"{options.seed}."
        )
    if any(
        e.low is not None and e.low == e.high for s in scores for e in (s.precision, s.recall, s.f1)
    ):
        notes.append(
            "An interval of no width says that no resampled report differed, not that the score "
            "is certain: look at the number of positives."
        )
    unmarked = [s.name for s in scores if s.kind == "finding" and s.positives == 0]
    if unmarked:
        notes.append(
            f"Never positive in the gold: {', '.join(unmarked)}; macro F1 leaves such columns out."
        )
    return notes


def _mentions_of(labels: Path) -> Path | None:
    folder = run_folder(labels)
    if folder is None:
        return None
    path = folder / "mentions.parquet"
    return path if path.is_file() else None


@dataclass(frozen=True)
class _SchemeConcepts:
    """What is known of a scheme: concept → its columns, and the concepts that are abnormal."""

    columns: Mapping[str, Sequence[str]] = field(default_factory=dict)
    abnormal: frozenset[str] | None = None


def _scheme_concepts(scheme: str | None, vocab: Path | None) -> _SchemeConcepts:
    if scheme is None:
        return _SchemeConcepts()
    # Schemes need pydantic, which this package does without; and a run's own vocabulary may be
    # gone. Evidence by the finding's name is good enough then, so nothing here may fail.
    try:
        from cxrmine.labeling.schemes import load_scheme
        from cxrmine.labeling.vocabulary import FILE_NAME, load_vocabulary

        folder = data_dir("vocab") if vocab is None else vocab
        loaded = load_scheme(scheme, folder, load_vocabulary(folder / FILE_NAME))
    except (ImportError, OSError, ValueError):
        return _SchemeConcepts()
    columns = {
        concept: [*own, *(parent for column in own for parent in loaded.parents.get(column, ()))]
        for concept, own in loaded.column_of.items()
    }
    return _SchemeConcepts(columns, loaded.abnormal)


def _report_texts(options: Options, wanted: set[str]) -> dict[str, str]:
    """Return the texts of the reports with a wrong cell, as far as the inputs hold them."""
    inputs = list(options.reports)
    if options.gold_xml is not None and not inputs:
        inputs = [options.gold_xml]
    if not inputs or not wanted:
        return {}
    from cxrmine.reports.readers import read_reports

    try:
        # What cannot be read is only missing from the page; mine-labels listed it.
        reports = read_reports(inputs, on_problem=lambda problem: None)
        return {r.report_id: r.text for r in reports if r.report_id in wanted}
    except UserError:
        raise
    except ValueError as error:
        raise UserError(f"--reports: {error}") from error


# --- against another label file -----------------------------------------------------------------


def _compare(options: Options, other: Path, screen: IO[str]) -> int:
    path, scheme = find_label_file(options.labels, scheme=options.scheme)
    # --scheme speaks of run folders; a CSV beside one is taken as it is.
    other_path, other_scheme = find_label_file(
        other, scheme=options.scheme if run_folder(other) is not None else None
    )
    first, second = read_labels(path), read_labels(other_path)
    matched = match_tables(first, second, options.renamed)
    columns = [theirs for _, theirs in matched.columns]
    one = first.values([ours for ours, _ in matched.columns], matched.ids)
    two = second.values(columns, matched.ids)
    # A file that never leaves a cell blank cannot say "not mentioned"; taking the other's blanks
    # as 0 compares what both can say.
    folded = bool((one == BLANK).any()) != bool((two == BLANK).any())
    if folded:
        one, two = (np.where(v == BLANK, 0, v).astype(np.int8) for v in (one, two))
    rows = compare_values(
        one, two, columns, uncertain=options.uncertain, draws=options.bootstrap, seed=options.seed
    )
    folder = _open_out(options)
    write_csv(folder / "agreement.csv", AGREEMENT_COLUMNS, agreement_rows(rows))
    disagreements = write_csv(
        folder / "disagreements.csv",
        ("report_id", "column", "differs_in", "first", "second"),
        _disagreements(one, two, matched.ids, columns, options.uncertain),
    )
    _write_unmatched(folder, matched, "first", "second")
    _write_problems(folder, ())
    _write_record(
        folder,
        options,
        scheme=scheme,
        inputs={"first": _fingerprint(path), "second": _fingerprint(other_path)},
        matched=matched,
        counts={
            "reports": len(matched.ids),
            "cells": int(one.size),
            "disagreements": disagreements,
            "first_only_reports": len(matched.first_only_ids),
            "second_only_reports": len(matched.second_only_ids),
        },
        extra={"second_scheme": other_scheme, "blank_taken_as_0": folded},
    )
    lines = [
        f"Compared on {len(matched.ids):,} reports: first {path}, second {other_path}.",
        *_match_lines(matched, "first", "second"),
    ]
    if folded:
        lines.append("Only one of the files has blank cells: they are taken as 0.")
    _print_head(screen, lines)
    _print_spaced(agreement_table(rows), screen)
    _print_tail(screen, folder, [])
    return 0


def _disagreements(
    first: NDArray[np.int8],
    second: NDArray[np.int8],
    ids: Sequence[str],
    columns: Sequence[str],
    uncertain: Uncertain,
) -> Iterable[list[object]]:
    one, one_counts = is_positive(first, uncertain)
    two, two_counts = is_positive(second, uncertain)
    positivity = (one != two) & one_counts & two_counts
    for k, column in enumerate(columns):
        for row in np.flatnonzero(first[:, k] != second[:, k]):
            yield [
                ids[int(row)],
                column,
                "positivity" if positivity[row, k] else "value only",
                shown(int(first[row, k])),
                shown(int(second[row, k])),
            ]


# --- both ---------------------------------------------------------------------------------------


def _write_unmatched(folder: Path, matched: Matched, first: str, second: str) -> None:
    rows = [(i, first) for i in matched.first_only_ids]
    rows += [(i, second) for i in matched.second_only_ids]
    write_csv(folder / "unmatched.csv", ("report_id", "only_in"), rows)


def _write_problems(folder: Path, problems: Sequence[Problem]) -> None:
    for severity in ("warning", "failure"):
        rows = [(p.item, p.message) for p in problems if p.severity == severity]
        write_csv(folder / f"{severity}s.csv", ("item", "message"), rows)


def _match_lines(matched: Matched, first: str, second: str) -> list[str]:
    names = [theirs if ours == theirs else f"{ours} = {theirs}" for ours, theirs in matched.columns]
    lines = [f"Columns compared ({len(names)}): {', '.join(names)}."]
    for side, columns in (
        (first, matched.first_only_columns),
        (second, matched.second_only_columns),
    ):
        if columns:
            lines.append(f"Columns only in {side}, not compared: {', '.join(columns)}.")
    one, two = len(matched.first_only_ids), len(matched.second_only_ids)
    if one or two:
        lines.append(
            f"Not compared: {one:,} reports only in {first}, {two:,} only in {second} "
            "(unmatched.csv)."
        )
    return lines


def _write_record(
    folder: Path,
    options: Options,
    *,
    scheme: str | None,
    inputs: Mapping[str, object],
    matched: Matched,
    counts: Mapping[str, int],
    extra: Mapping[str, object] | None = None,
) -> None:
    record = {
        "command": _COMMAND,
        "versions": {
            "cxrmine": __version__,
            "python": platform.python_version(),
            "numpy": np.__version__,
        },
        "options": {
            "scheme": options.scheme,
            "uncertain": options.uncertain,
            "bootstrap": options.bootstrap,
            "seed": options.seed,
            "map": dict(options.renamed),
        },
        "scheme": scheme,
        **(extra or {}),
        "inputs": dict(inputs),
        "columns": [list(pair) for pair in matched.columns],
        "columns_not_compared": {
            "first": list(matched.first_only_columns),
            "second": list(matched.second_only_columns),
        },
        "counts": dict(counts),
    }
    atomic_write_text(folder / "run.json", json.dumps(record, indent=2) + "\n")


def _fingerprint(path: Path) -> dict[str, str]:
    """Return a file's (or a folder of XML's) name and SHA-256."""
    digest = hashlib.sha256()
    if path.is_dir():
        for file in sorted(p for p in path.rglob("*") if p.suffix.lower() == ".xml"):
            digest.update(
                file.relative_to(path).as_posix().encode(errors="surrogateescape") + b"\0"
            )
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    else:
        with path.open("rb") as handle:
            while block := handle.read(1 << 20):
                digest.update(block)
    return {"file": path.name, "sha256": digest.hexdigest()}


def _print_head(screen: IO[str], lines: Iterable[str]) -> None:
    print(*lines, sep="\n", file=screen)


def _print_spaced(table: ScreenTable, screen: IO[str]) -> None:
    print(file=screen)
    print_table(table, screen)


def _print_tail(screen: IO[str], folder: Path, problems: Sequence[Problem]) -> None:
    written = [name for name in OUTPUTS if (folder / name).is_file()]
    print(f"\nWrote {', '.join(written)} to {folder}.", file=screen)
    if problems:
        print(f"{len(problems):,} inputs failed and were left out: see failures.csv.", file=screen)


__all__ = ["OUTPUTS", "MentionRow", "Options", "WrongCell", "evaluate_labels"]
