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
    from cxrmine.labeling.mention import Mention
    from cxrmine.labeling.schemes import Scheme
    from cxrmine.labeling.vocabulary import Vocabulary
    from cxrmine.reports.report import Report

ROOT = Path(__file__).resolve().parent.parent
DEV_GOLD = "openi_gold_dev.csv"
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


def _by_group(groups: Iterable[str], kinds: Iterable[Statement]) -> dict[str, Counter[Statement]]:
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


def _signs(clause: Clause) -> dict[str, bool]:
    """Return the findings that a clause asserts (True) or denies, those it does both left out."""
    asserted = {m.finding for m in clause.mentions if m.status in ASSERTED}
    denied = {m.finding for m in clause.mentions if m.status == "absent"}
    return {finding: finding in asserted for finding in asserted ^ denied}


def mixed_signs(clauses: Sequence[Clause], group: Callable[[Clause], str]) -> Mix:
    """Count the groups in which a finding is asserted by some clauses and denied by others."""
    sides: defaultdict[tuple[str, str], tuple[list[int], list[int]]]
    sides = defaultdict(lambda: ([], []))
    for index, clause in enumerate(clauses):
        for finding, asserted in _signs(clause).items():
            sides[group(clause), finding][asserted].append(index)
    mixed = {key: both for key, both in sides.items() if all(both)}
    return Mix(
        groups=len({name for name, _ in mixed}),
        clauses=len({index for both in mixed.values() for side in both for index in side}),
        outvoted=len({index for both in mixed.values() for index in min(both, key=len)}),
    )


#: How a clause can differ from what most of its group says, and what that does to a label.
DIFFERENCES = (
    "the same finding, present here and absent there (missed)",
    "the same finding, absent here and present there (invented)",
    "the same finding, another shade (hedged, past, asked for)",
    "another finding",
    "a finding, among clauses that assert none (missed)",
    "no finding, among clauses that assert one (invented)",
    "neither asserts a finding (normal, absent, possible, nothing)",
)

#: Those by which a finding is lost under the name that its group would get.
MISSED = (0, 4)


def difference(own: Statement, most: Statement) -> int | None:
    """Return which of `DIFFERENCES` lies between a clause and its group; None for none."""
    if own == most:
        return None
    if own.finding == most.finding:
        if own.asserts and most.status == "absent":
            return 0
        return 1 if own.status == "absent" and most.asserts else 2
    if own.asserts:
        return 3 if most.asserts else 4
    return 5 if most.asserts else 6


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


def name_terms(clauses: Iterable[Clause], label: Callable[[Clause], str]) -> dict[str, str]:
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


def print_clauses(clauses: Sequence[Clause], vocabulary: Vocabulary) -> None:
    """Print clusters and terms against what the clauses say."""
    kinds = [statement_of(c.mentions, vocabulary) for c in clauses]
    n = len(clauses)
    levels: dict[str, Callable[[Clause], str]] = {
        "cluster": lambda c: c.cluster,
        "term": lambda c: c.term,
    }
    _print_statements(clauses, kinds, vocabulary)

    # What the figures lie between: nothing told apart, and every wording for itself.
    ends: dict[str, Callable[[Clause], str]] = {
        "all clauses together": lambda c: "",
        "every distinct clause apart": lambda c: c.text,
    }
    found = [k for k, kind in enumerate(kinds) if kind != NOTHING]
    rows = []
    for name, level in {**levels, **ends}.items():
        groups = [level(c) for c in clauses]
        cells = []
        for chosen in (range(n), found):
            of, said = [groups[k] for k in chosen], [kinds[k] for k in chosen]
            cells += [
                f"{score(of, said):.3f}" if said else "-" for score in (purity, adjusted_rand)
            ]
        rows.append((name, f"{len(set(groups)):,}", *cells))
    _print(
        f"Clusters and terms against finding and status, on {n:,} clauses ({len(found):,} with a "
        "mention); Rand: adjusted Rand index",
        ("grouped by", "groups", "purity", "Rand", "purity, with mention", "Rand, with mention"),
        rows,
        breaks={len(levels)},
    )

    signed = sum(bool(_signs(c)) for c in clauses)
    mixes = {name: mixed_signs(clauses, level) for name, level in levels.items()}
    _print(
        f'The danger of a "no": groups that hold one finding both present and absent; of {n:,} '
        f"clauses, {signed:,} of which assert or deny something",
        ("", "groups", "their clauses with it", "share", "of the rarer sign", "share"),
        [
            (
                name,
                f"{mix.groups:,}",
                f"{mix.clauses:,}",
                _share(mix.clauses, n),
                f"{mix.outvoted:,}",
                _share(mix.outvoted, n),
            )
            for name, mix in mixes.items()
        ],
    )

    told = [differences([level(c) for c in clauses], kinds) for level in levels.values()]
    lines = [(text, [counts[which] for counts in told]) for which, text in enumerate(DIFFERENCES)]
    lines.append(("all", [counts.total() for counts in told]))
    _print(
        f"Clauses that say something else than most of their group, of {n:,}",
        ("", *(f"by {name}{end}" for name in levels for end in ("", ", share"))),
        [
            (text, *(cell for m in counts for cell in (f"{m:,}", _share(m, n))))
            for text, counts in lines
        ],
        breaks={len(DIFFERENCES)},
    )
    asserting = sum(kind.asserts for kind in kinds)
    for name, counts in zip(levels, told, strict=True):
        lost = counts[MISSED[0]] + counts[MISSED[1]]
        print(
            f"Of {asserting:,} clauses that assert a finding, {lost:,} ({_share(lost, asserting)}) "
            f"stand in a {name} that mostly asserts none."
        )


def _print_statements(
    clauses: Sequence[Clause], kinds: Sequence[Statement], vocabulary: Vocabulary
) -> None:
    n = len(clauses)
    what = Counter(
        kind.finding
        if kind in (NORMAL, NOTHING)
        else f"a finding, {'present or probable' if kind.asserts else kind.status}"
        for kind in kinds
    )
    several = sum(
        len({m.finding for m in c.mentions if weight(m, vocabulary) < 2}) > 1 for c in clauses
    )
    rows = [(name, f"{m:,}", _share(m, n)) for name, m in what.most_common()]
    rows.append(("two or more findings present or probable", f"{several:,}", _share(several, n)))
    _print(
        f"What {n:,} clauses say ({len(set(kinds)):,} different statements)",
        ("", "clauses", "share"),
        rows,
        breaks={len(what)},
    )


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
    print(
        f"Measured on {request.reports.name}: {len(reports):,} reports, of which {whole:,} have "
        f"clauses (section {settings['section'] or 'impression, else diagnosis'}): "
        f"{len(clauses):,} clauses, {len({c.text for c in clauses}):,} distinct, in "
        f"{record['clustering']['k']:,} clusters and {record['counts']['terms']:,} terms; distance "
        f"{settings['distance']}, seed {settings['seed']}."
    )
    placed = [c for c in clauses if c.cluster]
    if len(placed) < len(clauses):
        print(f"{len(clauses) - len(placed):,} clauses beyond all clusters are left out.")
    print(f"\n{DEFINITIONS}")
    print_clauses(placed, vocabulary)

    read = sections_read(clusters, reports)
    alone = request.folder / "section-labels"
    _write_section(request.folder / "section.csv", read)
    command("mine-labels", request.folder / "section.csv", "--out", alone, *chosen)
    ways = [
        Way("clusters of all reports", clusters, request.reports, clauses),
        _cluster_half(request, read, settings),
    ]
    runs = {"same section": alone, "whole report": labels}
    for scheme in schemes:
        _compare_labels(request, scheme, vocabulary, ways, runs)


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


def _cluster_half(
    request: Request, texts: Mapping[str, str], settings: Mapping[str, object]
) -> Way:
    """Cluster the naming half by itself: what is known before the other reports come."""
    from cxrmine.reports.readers import read_reports

    old, new = request.folder / "old.csv", request.folder / "new.csv"
    _write_section(old, {i: text for i, text in texts.items() if names_reports(i)})
    _write_section(new, {i: text for i, text in texts.items() if not names_reports(i)})
    run = request.folder / "old-clusters"
    options = ["--section", "impression", "--seed", settings["seed"]]
    options += ["--distance", settings["distance"]]
    options += ["--split-enumeration"] if settings["split_enumeration"] else []
    options += ["--drop-units"] if settings["drop_units"] else []
    command("cluster-clauses", old, "--out", run, *options)
    mined = request.folder / "old-labels"
    # The cell as whole text, so that offsets point into it for both commands.
    command("mine-labels", old, "--out", mined, "--text-column", "impression")
    reports = {
        r.report_id: r
        for r in read_reports([old], text_column="impression", on_problem=lambda problem: None)
    }
    return Way("new reports", run, new, read_run(run, reports, read_mentions(mined)))


@dataclass(frozen=True)
class Applied:
    """The labels of a clustering whose terms were named, and what became of its clauses.

    ``top`` is how many terms were named, None for all. ``labels`` is the scoring half of them;
    ``strict`` the same with normality only where nothing else was found.
    """

    way: Way
    top: int | None
    terms: int
    named: int
    columns: frozenset[str]
    counts: Mapping[str, int]
    labels: Path
    strict: Path | None

    @property
    def title(self) -> str:
        """What it is called in tables."""
        much = f"all {self.terms:,} terms" if self.top is None else f"{self.top} largest terms"
        return f"{self.way.name}, {much} named"


def _apply(
    way: Way, top: int | None, label: Callable[[Clause], str], scheme: Scheme, folder: Path
) -> Applied:
    """Name the terms of a clustering, and label its reports by them."""
    from cxrmine.clauses.terms_file import DROP

    names = name_terms((c for c in way.clauses if names_reports(c.report_id)), label)
    stem = f"{way.name.replace(' ', '-')}-{top or 'all'}"
    named = folder / f"{stem}.yaml"
    write_names(way.run / "terms.yaml", named, names, top)
    out = folder / stem
    command("cluster-clauses", way.reports, "--apply", named, "--out", out)
    half = folder / f"{stem}.csv"
    half_table(out / "labels.csv", half, scheme)
    strict = None
    if scheme.normal is not None and top is None:
        strict = folder / f"{stem}-strict.csv"
        only_normal(out / "labels.csv", half, strict, scheme.normal.column)
    given = [name for term, name in names.items() if top is None or int(term) <= top]
    return Applied(
        way=way,
        top=top,
        terms=len({c.term for c in way.clauses if c.term}),
        named=sum(name not in ("", DROP) for name in given),
        columns=frozenset(given) & frozenset(scheme.columns),
        counts=json.loads((out / "run.json").read_text(encoding="utf-8"))["counts"],
        labels=half,
        strict=strict,
    )


def _compare_labels(
    request: Request,
    scheme: Scheme,
    vocabulary: Vocabulary,
    ways: Sequence[Way],
    runs: Mapping[str, Path],
) -> None:
    """Print how the labels of named terms compare in one scheme.

    `runs` are those of mine-labels, on the section alone and on the whole reports.
    """
    from cxrmine.evaluation.labels import find_label_file, read_labels

    folder = request.folder / scheme.name
    folder.mkdir()
    known: dict[tuple[Mention, ...], str] = {}

    def label(clause: Clause) -> str:
        if clause.mentions not in known:
            known[clause.mentions] = label_of(clause.mentions, vocabulary, scheme)
        return known[clause.mentions]

    mined: dict[str, Path] = {}
    for name, run in runs.items():
        path, _ = find_label_file(run, scheme=scheme.name)
        mined[name] = folder / f"mine-labels-{len(mined)}.csv"
        half_table(path, mined[name], scheme)
    first = ways[0]
    terms = len({c.term for c in first.clauses if c.term})
    tops = [top for top in PATIENCE if top < terms]
    applied = [_apply(first, top, label, scheme, folder) for top in tops]
    applied += [_apply(way, None, label, scheme, folder) for way in ways]

    ids = read_labels(next(iter(mined.values()))).ids
    section = {c.report_id for c in first.clauses}
    print(
        f"\n=== Labels in the scheme {scheme.name} ===\n"
        "Terms are named by what mine-labels finds in most of their clauses in one half of the "
        f"reports; scores are of the\nother half, {len(ids):,} reports "
        f'({sum(i not in section for i in ids):,} without clauses). "clusters of all reports": '
        'both halves clustered, without their\nlabels. "new reports": clusters and names from '
        "the one half alone, applied to the other. A finding that no term is\nnamed after is never "
        "found."
    )
    for each in applied:
        if each.top is None:
            lacking = [c for c in scheme.columns if c not in each.columns]
            print(f"{each.title}: no term is {', '.join(lacking) or '(none)'}.")
    _print(
        "Clauses by what became of their term through --apply",
        ("", "labels", "labelled", "dropped", "no name", "unassigned"),
        [
            (
                each.title,
                f"{each.named:,}",
                *(
                    _share(each.counts[part], each.counts["clauses"])
                    for part in ("labeled", "dropped", "without_label", "unassigned")
                ),
            )
            for each in applied
        ],
    )
    whole = [each for each in applied if each.top is None]
    _print_agreement(whole, mined, scheme, request)
    _print_gold(applied, mined, scheme, request)


def _print_agreement(
    applied: Sequence[Applied], mined: Mapping[str, Path], scheme: Scheme, request: Request
) -> None:
    """Print named terms against mine-labels, by column for the first and in total for all."""
    from cxrmine.evaluation.labels import read_labels

    folder, columns = request.folder / scheme.name, scheme.columns
    everything = f"all {len(columns)} columns"
    n = len(read_labels(applied[0].labels).ids)
    found = [
        [
            (
                scores(each.labels, other, folder / f"f1-{number}-{other.stem}", request.draws),
                agreements(
                    each.labels, other, folder / f"kappa-{number}-{other.stem}", request.draws
                ),
            )
            for other in mined.values()
        ]
        for number, each in enumerate(applied)
    ]
    heads = tuple(f"{what}, {name}" for name in mined for what in ("F1", "kappa"))
    names = [*columns, *(name for name in found[0][0][0] if name not in columns)]
    names = [name for name in names if "without" not in name and name != everything]
    rows = [
        (
            name,
            found[0][0][0][name]["positives"],
            *(cell for f1, kappa in found[0] for cell in (_f1(f1[name]), _kappa(kappa.get(name)))),
        )
        for name in names
    ]
    _print(
        f"{applied[0].title}, against mine-labels as if it were the gold, {n:,} reports; F1 per "
        "cent, Cohen's kappa [95 %]",
        ("", "positives", *heads),
        rows,
        breaks={len(columns)},
    )
    _print(
        f"The same over {everything} together",
        ("", *heads),
        [
            (
                each.title,
                *(
                    cell
                    for f1, kappa in pair
                    for cell in (_f1(_total(f1)), _kappa(kappa.get(everything)))
                ),
            )
            for each, pair in zip(applied, found, strict=True)
        ],
    )


def _print_gold(
    applied: Sequence[Applied], mined: Mapping[str, Path], scheme: Scheme, request: Request
) -> None:
    """Print both commands' labels against the gold, where there is one for the scheme."""
    from cxrmine.evaluation.findings import FINDINGS_8, NORMAL, is_openi, key
    from cxrmine.evaluation.labels import read_labels

    if request.gold is None or not request.gold.is_file():
        print("\nThere is no gold, so nothing is scored against one.")
        return
    gold, folder = read_labels(request.gold), request.folder / scheme.name
    if not {key(c) for c in gold.columns} <= {key(c) for c in scheme.columns}:
        print(f"\n{request.gold.name} has other columns than {scheme.name}: no score against it.")
        return
    half_table(request.gold, folder / "gold.csv", scheme, gold.columns)
    tables = {f"mine-labels, {name}": path for name, path in mined.items()}
    ours: dict[str, str] = {}
    for each in applied:
        tables[each.title] = each.labels
        if each.top is None:
            ours[each.title] = each.way.name
        if each.strict is not None and scheme.normal is not None:
            title = f"{each.title}; {scheme.normal.column} only if nothing else"
            tables[title] = each.strict
    scored = {
        title: scores(path, folder / "gold.csv", folder / f"gold-{number}", request.draws)
        for number, (title, path) in enumerate(tables.items())
    }
    openi = is_openi(gold.columns)
    shown = ["8 findings", NORMAL, f"8 findings + {NORMAL}"] if openi else list(gold.columns)
    on = f"{int(scored[next(iter(scored))][gold.columns[0]]['n_reports']):,} reports"
    _print(
        f"F1 against the gold {request.gold.name}, on {on} of the scoring half, per cent [95 %]",
        ("", *shown),
        [(title, *(_f1(rows[name]) for name in shown)) for title, rows in scored.items()],
        breaks={len(mined)},
    )
    if request.gold.name == DEV_GOLD:
        print(
            "mine-labels' rules and its scheme openi were written with this gold at hand, so that "
            "its figures are no held-out ones."
        )
    if openi:
        full = [*(title for title in scored if title.startswith("mine-labels")), *ours]
        _print(
            f"precision / recall / F1 by finding, on the same {on}, per cent",
            ("", "positives", *(ours.get(title, title) for title in full)),
            [
                (
                    name,
                    scored[full[0]][name]["positives"],
                    *(_three(scored[title][name]) for title in full),
                )
                for name in (*FINDINGS_8, NORMAL)
            ],
        )


def _print(
    title: str,
    header: tuple[str, ...],
    rows: Iterable[tuple[str, ...]],
    breaks: Iterable[int] = (),
) -> None:
    from cxrmine.evaluation.label_report import ScreenTable, print_table

    print()
    print_table(ScreenTable(title, header, tuple(rows), frozenset(breaks)), sys.stdout)


def _total(rows: Mapping[str, Mapping[str, str]]) -> Mapping[str, str]:
    """Return the row over all columns, by whatever name evaluate-labels gives it."""
    return max(rows.values(), key=lambda row: len(row["columns"]))


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
    gold = given.gold or (None if given.reports else openi / DEV_GOLD)
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
