"""What cluster-clauses finds in English reports, beside what mine-labels finds in the same.

    python scripts/compare_clauses_with_labels.py [--data DIR] [--clusters RUN] [--scheme NAME]…

The reports are Open-i's dev half (``--data`` or ``$CXRMINE_DATA``; where it is absent nothing is
measured), or your own: ``--reports INPUT``, in English, for mine-labels reads no other language.

Clauses: each clause of a cluster-clauses run is held against the mentions that mine-labels found
in its span, and its clusters and terms against those. Reports: the terms get the names that
mine-labels' mentions suggest, instead of a reader's, and are applied; the labels are compared with
mine-labels' and, in the scheme openi, with the gold. Names are given on one half of the reports
and every score of labels is of the other half (halves by a hash of the report's id).

It runs the commands themselves: cluster-clauses, mine-labels and evaluate-labels. What it prints
holds no text of a report; what ``--keep DIR`` keeps does.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import re
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from math import comb
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from cxrmine.evaluation.label_report import ScreenTable
    from cxrmine.labeling.mention import Mention
    from cxrmine.labeling.schemes import Scheme
    from cxrmine.labeling.vocabulary import Vocabulary
    from cxrmine.reports.report import Report

ROOT = Path(__file__).resolve().parent.parent
ASSERTED = ("present", "probable")
#: How many terms a reader may have the patience to name; all of them come last.
PATIENCE = (10, 30, 100)

DEFINITIONS = """\
A clause says what the weightiest mention in its span says, finding and status: an abnormal finding
that is present, else probable, else possible; else that something is normal ("normal": a statement
of normality, or an unspecific abnormality denied); else what is hypothetical, past or absent; else
"nothing found". Of several equally weighty ones the first counts. Finding and status are
mine-labels' and no gold: what it gets wrong is counted here as the cluster's error, or its merit."""


class Statement(NamedTuple):
    """What a clause says in the main; the status is empty for `NORMAL` and `NOTHING`."""

    finding: str
    status: str = ""

    @property
    def asserts(self) -> bool:
        """Whether the clause says that the patient has the finding."""
        return self.status in ASSERTED


NORMAL = Statement("normal")
NOTHING = Statement("nothing found")


@dataclass(frozen=True, slots=True)
class Clause:
    """An occurrence of a clause: where it was put, and the mentions that begin in its span.

    ``cluster`` and ``term`` are empty for one beyond the cut-off of every cluster.
    """

    report_id: str
    text: str
    cluster: str
    term: str
    mentions: tuple[Mention, ...]


# --- what a clause says -------------------------------------------------------------------------


def weight(mention: Mention, vocabulary: Vocabulary) -> int:
    """Return the rank of what a mention says, 0 for the weightiest; see `DEFINITIONS`."""
    concept, status = vocabulary[mention.concept], mention.status
    if concept.abnormal:
        order = ("present", "probable", "possible", "normal", "hypothetical", "historical")
        return order.index(status) if status in order else len(order)
    stated = status in ASSERTED and (concept.type == "norm" or bool(concept.excludes))
    denied = status == "absent" and concept.type in ("fndg", "dsyn")
    return 3 if stated or denied else 7


def statement_of(mentions: Sequence[Mention], vocabulary: Vocabulary) -> Statement:
    """Return what a clause with these mentions says."""
    if not mentions:
        return NOTHING
    ranked = [(weight(m, vocabulary), m.start, m) for m in mentions]
    rank, _, first = min(ranked, key=lambda entry: entry[:2])
    return NORMAL if rank == 3 else Statement(first.finding, first.status)


def label_of(mentions: Sequence[Mention], vocabulary: Vocabulary, scheme: Scheme) -> str:
    """Return the label that a reader who wants the scheme's columns would give to a clause.

    A column of the scheme where a mention alone makes it positive; else ``other`` or ``possible``
    and the finding; else the scheme's column of normality; else ``drop`` for what says something
    that is no label, and nothing for a clause without mentions.
    """
    from cxrmine.clauses.terms_file import DROP

    for mention in sorted(mentions, key=lambda m: m.start):
        row = scheme.labels([mention])
        for column in scheme.column_of.get(mention.concept, ()):
            if row[column] == 1:
                return column
    statement = statement_of(mentions, vocabulary)
    if statement == NOTHING:
        return ""
    if statement == NORMAL:
        return scheme.normal.column if scheme.normal is not None else DROP
    abnormal = any(vocabulary[m.concept].abnormal for m in mentions)
    if abnormal and statement.asserts:
        return f"other {statement.finding}"
    if abnormal and statement.status == "possible":
        return f"possible {statement.finding}"
    return DROP


# --- clusters against statements ----------------------------------------------------------------


def purity(groups: Sequence[str], kinds: Sequence[Statement]) -> float:
    """Return the share of items that are of the most frequent kind of their group."""
    return sum(c.most_common(1)[0][1] for c in _by_group(groups, kinds).values()) / len(kinds)


def adjusted_rand(groups: Sequence[str], kinds: Sequence[Statement]) -> float:
    """Return the adjusted Rand index (Hubert and Arabie, J. Classification 2, 1985, eq. 5).

    0 is what chance gives, 1 is equality; NaN where both put everything together, or all apart.
    """
    both = _pairs(Counter(zip(groups, kinds, strict=True)))
    one, other = _pairs(Counter(groups)), _pairs(Counter(kinds))
    expected = one * other / max(comb(len(kinds), 2), 1)
    best = (one + other) / 2
    return (both - expected) / (best - expected) if best != expected else float("nan")


def _pairs(sizes: Counter) -> int:  # type: ignore[type-arg]
    return sum(comb(n, 2) for n in sizes.values())


def _by_group(
    groups: Iterable[str], kinds: Iterable[Statement]
) -> dict[str, Counter[Statement]]:
    found: defaultdict[str, Counter[Statement]] = defaultdict(Counter)
    for group, kind in zip(groups, kinds, strict=True):
        found[group][kind] += 1
    return found


class Mix(NamedTuple):
    """Groups that hold one finding both present and absent.

    ``clauses`` hold such a finding; ``outvoted`` are those of them whose sign is the rarer one
    in their group, which one label for the group turns round.
    """

    groups: int
    clauses: int
    outvoted: int


def mixed_signs(clauses: Sequence[Clause], group: Callable[[Clause], str]) -> Mix:
    """Count the groups in which a finding is asserted by some clauses and denied by others.

    A clause that itself does both ("left effusion, none on the right") is left out.
    """
    signs: defaultdict[str, defaultdict[str, dict[int, bool]]] = defaultdict(
        lambda: defaultdict(dict)
    )
    for index, clause in enumerate(clauses):
        asserted = {m.finding for m in clause.mentions if m.status in ASSERTED}
        denied = {m.finding for m in clause.mentions if m.status == "absent"}
        for finding in asserted ^ denied:
            signs[group(clause)][finding][index] = finding in asserted
    mixed: set[str] = set()
    held: set[int] = set()
    outvoted: set[int] = set()
    for name, findings in signs.items():
        for of_clause in findings.values():
            sides: dict[bool, list[int]] = {True: [], False: []}
            for index, sign in of_clause.items():
                sides[sign].append(index)
            if sides[True] and sides[False]:
                mixed.add(name)
                held.update(of_clause)
                outvoted.update(min(sides[True], sides[False], key=len))
    return Mix(len(mixed), len(held), len(outvoted))


#: How a clause can differ from what most of its group says, and what that does to a label.
DIFFERENCES = (
    "the same finding, present here and absent there",
    "the same finding, another shade (hedged, past, asked for)",
    "another finding",
    "a finding, among clauses that assert none (missed)",
    "no finding, among clauses that assert one (invented)",
    "neither asserts a finding (normal, absent, possible, nothing …)",
)


def difference(own: Statement, most: Statement) -> int | None:
    """Return which of `DIFFERENCES` lies between a clause and its group; None for none."""
    if own == most:
        return None
    if own.finding == most.finding:
        return 0 if (own.asserts, most.asserts) in _OPPOSITE(own, most) else 1
    if own.asserts and most.asserts:
        return 2
    if own.asserts:
        return 3
    return 4 if most.asserts else 5


def _OPPOSITE(own: Statement, most: Statement) -> tuple[tuple[bool, bool], ...]:
    absent = "absent" in (own.status, most.status)
    return ((True, False), (False, True)) if absent else ()


def differences(groups: Sequence[str], kinds: Sequence[Statement]) -> Counter[int]:
    """Count the clauses of each kind of difference."""
    most = {name: _leader(c) for name, c in _by_group(groups, kinds).items()}
    found = Counter[int]()
    for group, kind in zip(groups, kinds, strict=True):
        which = difference(kind, most[group])
        if which is not None:
            found[which] += 1
    return found


def _leader(counts: Counter[Statement]) -> Statement:
    return min(counts, key=lambda kind: (-counts[kind], kind))


# --- names --------------------------------------------------------------------------------------


def names_reports(report_id: str) -> bool:
    """Tell whether a report is of the half that names; the other half scores."""
    return hashlib.sha256(report_id.encode("utf-8", "surrogatepass")).digest()[0] % 2 == 0


def name_terms(
    clauses: Iterable[Clause], label: Callable[[Clause], str]
) -> dict[str, str]:
    """Return the label of each term that has clauses: that of most of them, ties by the label."""
    votes: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for clause in clauses:
        if clause.term:
            votes[clause.term][label(clause)] += 1
    return {term: min(c, key=lambda name: (-c[name], name)) for term, c in votes.items()}


def write_names(source: Path, target: Path, names: Mapping[str, str], top: int | None) -> int:
    """Fill in the labels of a ``terms.yaml`` as a reader would; return how many.

    Terms stand in the file by falling size; those behind the first `top` keep their empty label.
    """
    from cxrmine.clauses.terms_file import quoted

    written = 0

    def fill(match: re.Match[str]) -> str:
        nonlocal written
        name = names.get(match[2], "") if top is None or int(match[2]) <= top else ""
        written += bool(name)
        return f"{match[1]}{quoted(name)}"

    text = source.read_text(encoding="utf-8")
    text = re.sub(r'^(- term: (\d+)\n  label: )""$', fill, text, flags=re.MULTILINE)
    target.write_text(text, encoding="utf-8")
    return written


# --- the commands -------------------------------------------------------------------------------


def command(*arguments: object) -> None:
    """Run a command of cxrmine in this process, silently.

    Raises
    ------
    UserError
        If it ends with another status than 0 or 1 (some inputs failed), with what it said.
    """
    from cxrmine.cli.main import build_app, run
    from cxrmine.errors import UserError

    said, told = io.StringIO(), io.StringIO()
    with redirect_stdout(told), redirect_stderr(said):
        status = run(build_app(), "cxrmine", [str(argument) for argument in arguments])
    if status not in (0, 1):
        last = (said.getvalue().strip() or f"exit status {status}").splitlines()[-1]
        raise UserError(f"{arguments[0]} did not end well: {last}")


def read_run(
    folder: Path, reports: Mapping[str, Report], mentions: Mapping[str, list[Mention]]
) -> list[Clause]:
    """Read a run's ``clauses.csv`` and give each clause its mentions.

    Raises
    ------
    UserError
        If it is no clustering, or not of these reports.
    """
    from cxrmine.errors import UserError
    from cxrmine.tables import iter_csv

    if not (folder / "clauses.csv").is_file() or not (folder / "terms.yaml").is_file():
        raise UserError(
            f"{str(folder)!r} holds no finished clustering; name the --out folder of "
            "cluster-clauses."
        )
    rows = iter_csv(folder / "clauses.csv")
    next(rows)
    clauses = []
    for _, (report_id, start, end, raw, text, cluster, term) in rows:
        first, last = int(start), int(end)
        report = reports.get(report_id)
        if report is None or report.text[first:last] != raw:
            raise UserError(
                f"the clauses of {str(folder)!r} do not lie in these reports; name the reports "
                "that were clustered (of a table: one with whole reports in a column)."
            )
        inside = tuple(m for m in mentions.get(report_id, ()) if first <= m.start < last)
        clauses.append(Clause(report_id, text, cluster, term, inside))
    if not clauses:
        raise UserError(f"{str(folder)!r} holds no clause; is it the right section?")
    return clauses


def sections_read(folder: Path, reports: Mapping[str, Report]) -> dict[str, str]:
    """Return of each report the stretch from its first clause to the end of its last."""
    from cxrmine.tables import iter_csv

    spans: dict[str, tuple[int, int]] = {}
    rows = iter_csv(folder / "clauses.csv")
    next(rows)
    for _, cells in rows:
        first, last = spans.get(cells[0], (int(cells[1]), 0))
        spans[cells[0]] = min(first, int(cells[1])), max(last, int(cells[2]))
    texts = {i: report.text for i, report in reports.items()}
    return {i: texts[i][slice(*spans[i])] if i in spans else "" for i in texts}


def read_mentions(folder: Path) -> dict[str, list[Mention]]:
    """Return the mentions of a mine-labels run by report."""
    import pyarrow.parquet as pq

    from cxrmine.labeling.mention import Mention

    table = pq.read_table(folder / "mentions.parquet", columns=["report_id", *Mention._fields])
    found: defaultdict[str, list[Mention]] = defaultdict(list)
    columns = (table[name].to_pylist() for name in table.column_names)
    for report_id, *values in zip(*columns, strict=True):
        found[report_id].append(Mention(*values))
    return dict(found)


def half_table(source: Path, target: Path, scheme: Scheme, columns: Sequence[str] = ()) -> int:
    """Write the half of a label table that scores, with every column of the scheme.

    A column that no term is named after is 0 throughout, so that totals are over the same columns
    for all; and where a column is positive so are its parents, as the scheme wants it. Empty
    `columns` are all of the scheme's; returns the number of reports.
    """
    from cxrmine.evaluation.labels import read_labels
    from cxrmine.tables import write_csv

    table = read_labels(source)
    wanted = tuple(columns or scheme.columns)
    there = {name: dict(zip(table.ids, cells, strict=True)) for name, cells in table.cells.items()}

    def cell(name: str, report_id: str) -> str:
        children = [child for child, parents in scheme.parents.items() if name in parents]
        if any(_is_one(there, child, report_id) for child in children):
            return "1"
        return there[name][report_id] if name in there else "0"

    ids = [report_id for report_id in table.ids if not names_reports(report_id)]
    return write_csv(
        target,
        ("report_id", *wanted),
        ([report_id, *(cell(name, report_id) for name in wanted)] for report_id in ids),
    )


def _is_one(there: Mapping[str, Mapping[str, str]], name: str, report_id: str) -> bool:
    return name in there and there[name][report_id] == "1"


def only_normal(source: Path, half: Path, target: Path, normal: str) -> None:
    """Write `half` once more, with `normal` 1 only where the run `source` has no other label."""
    from cxrmine.evaluation.labels import read_labels
    from cxrmine.tables import write_csv

    every = read_labels(source)
    others = [cells for name, cells in every.cells.items() if name != normal]
    alone = {
        report_id: not any(cells[row] == "1" for cells in others)
        for row, report_id in enumerate(every.ids)
    }
    table = read_labels(half)
    write_csv(
        target,
        ("report_id", *table.columns),
        (
            [
                report_id,
                *(
                    table.cells[name][row] if name != normal or alone[report_id] else "0"
                    for name in table.columns
                ),
            ]
            for row, report_id in enumerate(table.ids)
        ),
    )


def scores(labels: Path, gold: Path, out: Path, draws: int) -> dict[str, dict[str, str]]:
    """Return evaluate-labels' ``metrics.csv`` by row."""
    from cxrmine.tables import read_csv

    command("evaluate-labels", labels, "--gold", gold, "--out", out, "--bootstrap", draws)
    return {row["row"]: row for row in read_csv(out / "metrics.csv")[1] if row["method"] == "ours"}


def agreements(first: Path, second: Path, out: Path, draws: int) -> dict[str, dict[str, str]]:
    """Return evaluate-labels' ``agreement.csv`` by column."""
    from cxrmine.tables import read_csv

    command("evaluate-labels", first, "--against", second, "--out", out, "--bootstrap", draws)
    return {row["column"]: row for row in read_csv(out / "agreement.csv")[1]}


# --- the tables ---------------------------------------------------------------------------------


def clause_tables(clauses: Sequence[Clause], vocabulary: Vocabulary) -> list[ScreenTable]:
    """Return the tables of clusters and terms against what the clauses say."""
    from cxrmine.evaluation.label_report import ScreenTable

    kinds = [statement_of(c.mentions, vocabulary) for c in clauses]
    placed = [k for k, c in enumerate(clauses) if c.cluster]
    inside = [clauses[k] for k in placed]
    said = [kinds[k] for k in placed]
    n = len(inside)
    levels: dict[str, Callable[[Clause], str]] = {
        "cluster": lambda c: c.cluster,
        "term": lambda c: c.term,
    }
    # What the figures lie between: nothing clustered, and every wording for itself.
    ends: dict[str, Callable[[Clause], str]] = {
        "all clauses together": lambda c: "",
        "every distinct clause apart": lambda c: c.text,
    }
    found = [k for k, kind in enumerate(said) if kind != NOTHING]
    rows = []
    for name, level in {**levels, **ends}.items():
        groups = [level(c) for c in inside]
        rows.append(
            (
                name,
                f"{len(set(groups)):,}",
                f"{purity(groups, said):.3f}",
                f"{adjusted_rand(groups, said):.3f}",
                f"{purity([groups[k] for k in found], [said[k] for k in found]):.3f}"
                if found
                else "-",
                f"{adjusted_rand([groups[k] for k in found], [said[k] for k in found]):.3f}"
                if found
                else "-",
            )
        )
    statements = Counter(said)
    several = sum(
        len({m.finding for m in c.mentions if vocabulary[m.concept].abnormal and m.status in ASSERTED})
        > 1
        for c in inside
    )
    what = Counter(
        "nothing found"
        if kind == NOTHING
        else "normal"
        if kind == NORMAL
        else "a finding, present or probable"
        if kind.asserts
        else f"a finding, {kind.status}"
        for kind in said
    )
    tables = [
        ScreenTable(
            f"What {n:,} clauses say ({len(statements):,} different statements)",
            ("", "clauses", "share"),
            (
                *((name, f"{m:,}", _share(m, n)) for name, m in what.most_common()),
                ("(of these: two or more findings present)", f"{several:,}", _share(several, n)),
            ),
            frozenset({len(what)}),
        ),
        ScreenTable(
            f"Clusters and terms against finding + status, on {n:,} clauses "
            f"({len(found):,} with a mention)",
            ("grouped by", "groups", "purity", "Rand", "purity, with mention", "Rand, with mention"),
            tuple(rows),
            frozenset({len(levels)}),
        ),
    ]
    mixes = {name: mixed_signs(inside, level) for name, level in levels.items()}
    tables.append(
        ScreenTable(
            f"The danger of a \"no\": groups that hold one finding both present and absent, of "
            f"{n:,} clauses",
            ("", "groups", "their clauses with it", "share", "of the rarer sign", "share"),
            tuple(
                (
                    name,
                    f"{mix.groups:,}",
                    f"{mix.clauses:,}",
                    _share(mix.clauses, n),
                    f"{mix.outvoted:,}",
                    _share(mix.outvoted, n),
                )
                for name, mix in mixes.items()
            ),
        )
    )
    told = {
        name: differences([level(c) for c in inside], said) for name, level in levels.items()
    }
    tables.append(
        ScreenTable(
            f"Clauses that say something else than most of their group, of {n:,}",
            ("", *(f"by {name}{end}" for name in levels for end in ("", ", share"))),
            (
                *(
                    (
                        text,
                        *(
                            cell
                            for counts in told.values()
                            for cell in (f"{counts[which]:,}", _share(counts[which], n))
                        ),
                    )
                    for which, text in enumerate(DIFFERENCES)
                ),
                (
                    "all",
                    *(
                        cell
                        for counts in told.values()
                        for cell in (f"{counts.total():,}", _share(counts.total(), n))
                    ),
                ),
            ),
            frozenset({len(DIFFERENCES)}),
        )
    )
    return tables


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "-"


def _number(row: Mapping[str, str] | None, name: str, *, factor: float, digits: int) -> str:
    """Show a score of one of evaluate-labels' tables with its interval."""
    if row is None or not row[name]:
        return "-"
    value, low, high = (row[f"{name}{end}"] for end in ("", "_low", "_high"))
    shown = f"{factor * float(value):.{digits}f}"
    if not low:
        return shown
    return f"{shown} [{factor * float(low):.{digits}f}, {factor * float(high):.{digits}f}]"


def _f1(row: Mapping[str, str] | None) -> str:
    return _number(row, "f1", factor=100, digits=1)


def _kappa(row: Mapping[str, str] | None) -> str:
    return _number(row, "kappa", factor=1, digits=3)


# --- all of it ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Request:
    """What is compared, and where the tables in between go."""

    reports: Path
    gold: Path | None
    clusters: Path | None
    labels: Path | None
    schemes: tuple[str, ...]
    draws: int
    folder: Path


def compare(request: Request) -> None:
    """Run everything, and print the tables.

    Raises
    ------
    UserError
        If an input cannot be used.
    """
    from cxrmine.evaluation.label_report import print_table
    from cxrmine.labeling.schemes import load_scheme
    from cxrmine.labeling.vocabulary import FILE_NAME, load_vocabulary
    from cxrmine.reports.readers import read_reports
    from cxrmine.resources import data_dir

    vocabulary = load_vocabulary(data_dir("vocab") / FILE_NAME)
    schemes = [load_scheme(name, data_dir("vocab"), vocabulary) for name in request.schemes]
    chosen = [part for name in request.schemes for part in ("--scheme", name)]
    reports = {
        r.report_id: r for r in read_reports([request.reports], on_problem=lambda problem: None)
    }
    labels = request.labels or request.folder / "mine-labels"
    if request.labels is None:
        command("mine-labels", request.reports, "--out", labels, *chosen)
    clusters = request.clusters or request.folder / "clusters"
    if request.clusters is None:
        command("cluster-clauses", request.reports, "--out", clusters)
    clauses = read_run(clusters, reports, read_mentions(labels))

    record = json.loads((clusters / "run.json").read_text(encoding="utf-8"))
    settings = record["settings"]
    whole = len({c.report_id for c in clauses})
    beyond = sum(not c.cluster for c in clauses)
    print(
        f"Measured on {request.reports.name}: {len(reports):,} reports, of which {whole:,} have "
        f"clauses ({settings['section'] or 'impression, else diagnosis'}): {len(clauses):,} "
        f"clauses, {len({c.text for c in clauses}):,} distinct, in "
        f"{record['clustering']['k']:,} clusters and {record['counts']['terms']:,} terms; distance "
        f"{settings['distance']}, seed {settings['seed']}."
    )
    if beyond:
        print(f"{beyond:,} clauses beyond the cut-off of every cluster are left out.")
    print(f"\n{DEFINITIONS}")
    for table in clause_tables(clauses, vocabulary):
        print()
        print_table(table, sys.stdout)

    read = sections_read(clusters, reports)
    alone = request.folder / "section-labels"
    _write_section(request.folder / "section.csv", read)
    command("mine-labels", request.folder / "section.csv", "--out", alone, *chosen)
    new = _cluster_half(request, read, settings)
    for scheme in schemes:
        _compare_labels(request, scheme, vocabulary, clauses, clusters, labels, alone, new)


def _write_section(path: Path, texts: Mapping[str, str]) -> None:
    from cxrmine.tables import write_csv

    write_csv(path, ("report_id", "impression"), texts.items())


@dataclass(frozen=True)
class Way:
    """A clustering that gets names, the reports to label by it, and what the clauses hold."""

    name: str
    run: Path
    reports: Path
    clauses: Sequence[Clause]


def _cluster_half(request: Request, texts: Mapping[str, str], settings: Mapping[str, object]) -> Way:
    """Cluster the naming half by itself: what is known before the other reports come."""
    from cxrmine.reports.readers import read_reports

    old, new = request.folder / "old.csv", request.folder / "new.csv"
    _write_section(old, {i: text for i, text in texts.items() if names_reports(i)})
    _write_section(new, {i: text for i, text in texts.items() if not names_reports(i)})
    run = request.folder / "old-clusters"
    options = ["--section", "impression", "--seed", settings["seed"]]
    options += ["--distance", settings["distance"]]
    options += ["--split-enumeration"] if settings.get("split_enumeration") else []
    options += ["--drop-units"] if settings.get("drop_units") else []
    command("cluster-clauses", old, "--out", run, *options)
    mined = request.folder / "old-labels"
    # A column by the name of text, so that offsets point into the cell for both commands.
    command("mine-labels", old, "--out", mined, "--text-column", "impression")
    reports = {
        r.report_id: r
        for r in read_reports([old], text_column="impression", on_problem=lambda problem: None)
    }
    return Way("new reports", run, new, read_run(run, reports, read_mentions(mined)))


def _compare_labels(
    request: Request,
    scheme: Scheme,
    vocabulary: Vocabulary,
    clauses: Sequence[Clause],
    clusters: Path,
    labels: Path,
    alone: Path,
    new: Way,
) -> None:
    """Print how the labels of named terms compare in one scheme."""
    from cxrmine.clauses.terms_file import DROP
    from cxrmine.evaluation.findings import FINDINGS_8, is_openi, key
    from cxrmine.evaluation.label_report import ScreenTable, print_table
    from cxrmine.evaluation.labels import find_label_file, read_labels

    folder = request.folder / scheme.name
    folder.mkdir()
    known: dict[tuple[Mention, ...], str] = {}

    def label(clause: Clause) -> str:
        if clause.mentions not in known:
            known[clause.mentions] = label_of(clause.mentions, vocabulary, scheme)
        return known[clause.mentions]

    def half_of(run: Path, name: str) -> Path:
        path, _ = find_label_file(run, scheme=scheme.name)
        half_table(path, folder / f"{name}.csv", scheme)
        return folder / f"{name}.csv"

    mined = {
        "mine-labels, whole report": half_of(labels, "whole"),
        "mine-labels, the same section alone": half_of(alone, "section"),
    }
    whole, section = mined.values()
    normal = scheme.normal.column if scheme.normal is not None else None

    applied: dict[str, Path] = {}
    told = []
    ways = [Way("clusters of all reports", clusters, request.reports, clauses), new]
    for way in ways:
        names = name_terms((c for c in way.clauses if names_reports(c.report_id)), label)
        terms = len(set(c.term for c in way.clauses if c.term))
        tops = [t for t in PATIENCE if t < terms] if way is ways[0] else []
        for top in (*tops, None):
            much = f"{top} largest terms" if top else f"all {terms:,} terms"
            title = f"{way.name}, {much} named"
            stem = title.replace(" ", "-").replace(",", "")
            filled = write_names(way.run / "terms.yaml", folder / f"{stem}.yaml", names, top)
            out = folder / stem
            command(
                *("cluster-clauses", way.reports, "--apply", folder / f"{stem}.yaml"),
                *("--out", out),
            )
            counts = json.loads((out / "run.json").read_text(encoding="utf-8"))["counts"]
            half_table(out / "labels.csv", folder / f"{stem}.csv", scheme)
            applied[title] = folder / f"{stem}.csv"
            n = counts["clauses"]
            told.append(
                (
                    title,
                    f"{filled:,}",
                    f"{sum(1 for v in names.values() if v and v != DROP):,}" if not top else "",
                    *(
                        _share(counts[part], n)
                        for part in ("labeled", "dropped", "without_label", "unassigned")
                    ),
                )
            )
            if normal is not None and top is None:
                stricter = folder / f"{stem}-strict.csv"
                only_normal(out / "labels.csv", folder / f"{stem}.csv", stricter, normal)
                applied[f"{title}; {normal} only if nothing else"] = stricter

    n_half = len(read_labels(whole).ids)
    columns = [c for c in scheme.columns]
    print(
        f"\n=== Labels in the scheme {scheme.name}: terms named by what mine-labels finds in most "
        f"of their clauses in one half of the reports, scored on the other half, {n_half:,} "
        "reports ===\n"
        '"clusters of all reports": both halves clustered, without their labels. "new reports": '
        "clusters and names\nfrom the one half alone, applied to the other. A finding that no term "
        "is named after is never found."
    )
    print()
    print_table(
        ScreenTable(
            "Clauses by what became of their term through --apply",
            ("", "filled in", "with a label", "labelled", "dropped", "no name", "unassigned"),
            tuple(told),
        ),
        sys.stdout,
    )

    ours = {t: p for t, p in applied.items() if "all " in t and "nothing else" not in t}
    ours = {t.partition(",")[0]: p for t, p in ours.items()}
    rows = []
    against = {
        (title, other.stem): (
            scores(path, other, folder / f"f1-{number}-{other.stem}", request.draws),
            agreements(path, other, folder / f"kappa-{number}-{other.stem}", request.draws),
        )
        for number, (title, path) in enumerate(ours.items())
        for other in (section, whole)
    }
    first = next(iter(against.values()))
    names_of_rows = [*columns, *(k for k in first[0] if k not in columns)]
    for name in names_of_rows:
        cells = []
        for f1, kappa in against.values():
            cells += [_f1(f1.get(name)), _kappa(kappa.get(name))]
        rows.append((name, first[0][name]["positives"] if name in first[0] else "", *cells[:4]))
    both = first[1].get(f"all {len(columns)} columns")
    if both is not None:
        cells = [_kappa(kappa.get(both["column"])) for _, kappa in list(against.values())[:2]]
        rows.append((both["column"], "", "", cells[0], "", cells[1]))
    print()
    print_table(
        ScreenTable(
            f"clusters of all reports, against mine-labels as if it were the gold, {n_half:,} "
            "reports; F1 per cent, Cohen's kappa [95 %]",
            (
                "",
                "positives",
                "F1, section",
                "kappa, section",
                "F1, whole report",
                "kappa, whole report",
            ),
            tuple(rows),
            frozenset({len(columns)}),
        ),
        sys.stdout,
    )
    summary = [
        (
            title,
            *(
                cell
                for stem in (section.stem, whole.stem)
                for cell in (
                    _f1(_total(against[title, stem][0], columns)),
                    _kappa(against[title, stem][1].get(f"all {len(columns)} columns")),
                )
            ),
        )
        for title in ours
    ]
    print()
    print_table(
        ScreenTable(
            f"All {len(columns)} columns against mine-labels, {n_half:,} reports",
            ("", "F1, section", "kappa, section", "F1, whole report", "kappa, whole report"),
            tuple(summary),
        ),
        sys.stdout,
    )

    if request.gold is None or not request.gold.is_file():
        print("\nNo gold was given or found, so nothing is scored against one.")
        return
    gold = read_labels(request.gold)
    if not {key(c) for c in gold.columns} <= {key(c) for c in columns}:
        print(
            f"\n{request.gold.name} has other columns than the scheme {scheme.name}; no score "
            "against it."
        )
        return
    half_table(request.gold, folder / "gold.csv", scheme, gold.columns)
    scored = {
        title: scores(path, folder / "gold.csv", folder / f"gold-{number}", request.draws)
        for number, (title, path) in enumerate({**mined, **applied}.items())
    }
    n_gold = next(iter(scored.values()))[gold.columns[0]]["n_reports"]
    shown = ["8 findings", normal, "8 findings + normal"] if is_openi(gold.columns) else []
    shown = shown or list(gold.columns)
    print()
    print_table(
        ScreenTable(
            f"F1 against the gold {request.gold.name}, {int(n_gold):,} reports of the scoring "
            "half, per cent [95 %]",
            ("", *(str(name) for name in shown)),
            tuple((t, *(_f1(rows.get(str(name))) for name in shown)) for t, rows in scored.items()),
            frozenset({len(mined)}),
        ),
        sys.stdout,
    )
    if not is_openi(gold.columns):
        return
    full = {t: scored[t] for t in (*mined, *(t for t in applied if "all " in t))}
    full = {t: r for t, r in full.items() if "nothing else" not in t}
    print()
    print_table(
        ScreenTable(
            f"precision / recall / F1 by finding, same {int(n_gold):,} reports, per cent",
            ("", "positives", *(t.partition(", all")[0] for t in full)),
            tuple(
                (
                    name,
                    scored[next(iter(full))][name]["positives"],
                    *(_three(rows[name]) for rows in full.values()),
                )
                for name in (*FINDINGS_8, str(normal))
            ),
        ),
        sys.stdout,
    )


def _total(rows: Mapping[str, Mapping[str, str]], columns: Sequence[str]) -> Mapping[str, str]:
    """Return the row over all columns, by whatever name evaluate-labels gives it."""
    return max(rows.values(), key=lambda row: len(row["columns"].split(" ")))


def _three(row: Mapping[str, str]) -> str:
    parts = (row[name] for name in ("precision", "recall", "f1"))
    return " / ".join(f"{100 * float(part):.1f}" if part else "-" for part in parts)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the comparison; say so where the data is absent."""
    default = Path(os.environ.get("CXRMINE_DATA") or ROOT.parent / "shared" / "data")
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").split("\n\n")[0],
        epilog="example: python scripts/compare_clauses_with_labels.py --data ../shared/data",
    )
    parser.add_argument(
        "--data", type=Path, default=default, help="folder of the real data (%(default)s)"
    )
    parser.add_argument("--reports", type=Path, help="English reports of your own")
    parser.add_argument("--gold", type=Path, help="a gold CSV for them, with the scheme's columns")
    parser.add_argument("--clusters", type=Path, help="a finished cluster-clauses run on them")
    parser.add_argument("--labels", type=Path, help="a finished mine-labels run on them")
    parser.add_argument(
        "--scheme", action="append", help="a scheme of mine-labels (openi); repeats"
    )
    parser.add_argument("--bootstrap", type=int, default=2000, help="draws (%(default)s)")
    parser.add_argument("--keep", type=Path, help="a new folder for the tables in between")
    given = parser.parse_args(arguments)

    from cxrmine.errors import UserError

    openi = given.data / "openi"
    reports = given.reports or openi / "NLMCXR_reports_dev.tgz"
    gold = given.gold or (None if given.reports else openi / "openi_gold_dev.csv")
    if not reports.exists():
        print(
            f"left out: there are no reports at {reports} (name the data's folder with --data or "
            "CXRMINE_DATA, or reports of your own with --reports)"
        )
        return 0
    try:
        with tempfile.TemporaryDirectory(prefix="compare-clauses-") as temporary:
            folder = given.keep or Path(temporary)
            if given.keep is not None:
                if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
                    raise UserError(f"--keep {str(folder)!r} is not empty; name a new folder.")
                folder.mkdir(parents=True, exist_ok=True)
            schemes = tuple(given.scheme or ("openi",))
            compare(
                Request(
                    reports, gold, given.clusters, given.labels, schemes, given.bootstrap, folder
                )
            )
    except UserError as error:
        print(f"compare_clauses_with_labels.py: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
