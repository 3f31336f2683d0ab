"""What the graph rules and the surface rules are each worth, and how every rule fares.

    python scripts/ablation.py                  # both layers against each alone
    python scripts/ablation.py --rules-table    # each rule: fired, right, wrong

The labels are scored on the dev half of Open-i (``--data`` or ``$CXRMINE_DATA``; without it that
part is left out), the statuses on the sentences of ``tests/data/assertion``, whose part a was
looked at first while the rules were written, part b after it: neither is held out any more.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "labeling"))  # span_sets: the tests score with it too

if TYPE_CHECKING:
    from cxrmine import LabeledReport, Labeler
    from cxrmine.labeling.assertion import Decision
    from cxrmine.labeling.mention import Mention
    from cxrmine.reports.report import Report

SCHEME = "openi"
VARIANTS = {
    "graph + surface": {},
    "surface only": {"use_graph": False},
    "graph only": {"use_surface": False},
}
# `Decision.layer`; a mention on which no rule bears is present by default.
LAYERS = {"none": "no rule", "surface": "surface", "graph": "graph", "fallback": "fallback"}
DEFINITION = """\
fired: mentions in the scored reports whose status the rule decided. Of these are checked those of
a concept that counts for a column of the scheme openi, in reports that have no other mention of
that column: then the column's value is the rule's doing. Right: it equals the gold's cell; wrong:
it does not (the gold, which codes the whole report, may be wrong too)."""

Gold = Mapping[str, Mapping[str, int]]


class DevHalf(NamedTuple):
    """The reports of Open-i's dev half that have a row in the gold, and the gold by id."""

    reports: list[Report]
    gold: Gold


class RuleScore(NamedTuple):
    """How often a rule decided a mention, and of those that can be checked how many were right."""

    fired: int
    right: int
    wrong: int


def read_dev_half(data: Path) -> DevHalf | None:
    """Return the scored reports and the gold, None where the data is absent."""
    from cxrmine.evaluation.labels import read_labels
    from cxrmine.reports.readers import read_reports

    archive = data / "openi" / "NLMCXR_reports_dev.tgz"
    table = data / "openi" / "openi_gold_dev.csv"
    if not archive.is_file() or not table.is_file():
        return None
    read = read_labels(table)
    cells = read.values(read.columns, read.ids)
    gold = {
        report_id: dict(zip(read.columns, row.tolist(), strict=True))
        for report_id, row in zip(read.ids, cells, strict=True)
    }
    reports = read_reports([archive], on_problem=lambda problem: None)
    return DevHalf([report for report in reports if report.report_id in gold], gold)


def micro_f1(reports: Sequence[LabeledReport], gold: Gold, columns: Sequence[str]) -> float:
    """Return F1 over all cells of `columns`."""
    counts: Counter[tuple[bool, bool]] = Counter()
    for report in reports:
        row = report.labels(SCHEME)
        truth = gold[report.report_id]
        counts.update((row[column] == 1, truth[column] == 1) for column in columns)
    true, false, missed = counts[True, True], counts[True, False], counts[False, True]
    return 2 * true / (2 * true + false + missed) if true else 0.0


def label_and_count(
    labeler: Labeler, texts: Sequence[Report]
) -> tuple[list[LabeledReport], Counter[str]]:
    """Label reports and count which layer decided each mention.

    A `Mention` does not say it, so the labeler is watched while it judges each distinct sentence;
    it must not have seen any of them before.
    """
    layers: dict[str, list[str]] = {}
    remember = labeler._remember

    def watch(sentence: str, offsets: Any, matches: Any, decisions: Sequence[Decision]) -> None:
        layers[sentence] = [decision.layer for decision in decisions]
        remember(sentence, offsets, matches, decisions)

    labeler._remember = watch  # type: ignore[method-assign]
    reports = labeler.label_many(texts)
    counts: Counter[str] = Counter()
    for report in reports:
        for _, sentence in {(m.sentence_start, m.sentence) for m in report.mentions}:
            counts.update(layers[sentence])
    return reports, counts


def rule_scores(
    labeler: Labeler, reports: Sequence[LabeledReport], gold: Gold
) -> dict[str, RuleScore]:
    """Return each rule's score; "" stands for the mentions on which no rule bears."""
    column_of = labeler.scheme(SCHEME).column_of
    fired: Counter[str] = Counter({rule.id: 0 for rule in labeler.rules.rules})
    right: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    for report in reports:
        of_column: dict[str, list[Mention]] = {}
        for mention in report.mentions:
            fired[mention.rule] += 1
            for column in column_of.get(mention.concept, ()):
                of_column.setdefault(column, []).append(mention)
        row = report.labels(SCHEME)
        for column, mentions in of_column.items():
            if len(mentions) == 1:
                agrees = row[column] == gold[report.report_id][column]
                (right if agrees else wrong)[mentions[0].rule] += 1
    return {rule: RuleScore(n, right[rule], wrong[rule]) for rule, n in fired.items()}


def print_rules(labeler: Labeler, scores: Mapping[str, RuleScore]) -> None:
    """Print a line a rule, by file and priority."""
    rules = sorted(labeler.rules.rules, key=lambda r: (r.source, -r.priority, r.order))
    print(
        f"{'file':20}{'rule':22}{'status':14}{'fired':>7}{'right':>7}{'wrong':>7}{'right of checked':>18}"
    )
    lines = [(r.source, r.id, r.status, scores[r.id]) for r in rules]
    for source, rule, status, score in [
        *lines,
        ("", "(no rule)", "present", scores.get("", RuleScore(0, 0, 0))),
    ]:
        checked = score.right + score.wrong
        share = f"{score.right / checked:18.1%}" if checked else f"{'-':>18}"
        print(
            f"{source:20}{rule:22}{status:14}{score.fired:7}{score.right:7}{score.wrong:7}{share}"
        )
    print(f"\n{DEFINITION}")


def print_ablation(labelers: Mapping[str, Labeler], dev: DevHalf | None) -> None:
    """Print labels' and statuses' scores and the layers' shares for each variant."""
    from span_sets import PARTS, SETS, read_spans, score

    from cxrmine.evaluation.findings import FINDINGS_8, FINDINGS_14, NORMAL

    totals = {"8": FINDINGS_8, "8 + normal": (*FINDINGS_8, NORMAL), "14": FINDINGS_14}
    if dev is not None:
        reports_in, gold = dev
        print(f"Open-i dev half, {len(reports_in):,} reports, scheme {SCHEME}: micro-F1")
        print(
            f"{'':18}" + "".join(f"{name:>12}" for name in totals) + "    who decided each mention"
        )
        for name, labeler in labelers.items():
            reports, shares = label_and_count(labeler, reports_in)
            n = shares.total()
            told = ", ".join(
                f"{text} {shares[k] / n:.1%}" for k, text in LAYERS.items() if shares[k]
            )
            cells = "".join(f"{micro_f1(reports, gold, c):12.1%}" for c in totals.values())
            print(f"{name:18}{cells}    {told}")
        print()
    for each in SETS:
        sentences = {part: read_spans(each, part) for part in PARTS}
        sizes = ", ".join(
            f"part {p} {sum(len(s.spans) for s in sentences[p])} spans" for p in PARTS
        )
        print(f"{each}: {sizes}")
        print(
            f"{'':18}"
            + "".join(f"{f'accuracy {p}':>12}{f'F1 absent {p}':>13}" for p in PARTS)
            + "    who decided each span"
        )
        for name, labeler in labelers.items():
            found = [score(labeler, sentences[part]) for part in PARTS]
            shares = sum((Counter(s.layers) for s in found), Counter[str]())
            n = shares.total()
            told = ", ".join(
                f"{text} {shares[k] / n:.1%}" for k, text in LAYERS.items() if shares[k]
            )
            print(
                f"{name:18}"
                + "".join(f"{s.accuracy:12.1%}{s.f1_absent:13.1%}" for s in found)
                + f"    {told}"
            )
        print()


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables that are asked for."""
    default = Path(os.environ.get("CXRMINE_DATA") or ROOT.parent / "shared" / "data")
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").split("\n\n")[0],
        epilog="example: python scripts/ablation.py --rules-table --data ../shared/data",
    )
    parser.add_argument("--rules-table", action="store_true", help="each rule's score only")
    parser.add_argument(
        "--data", type=Path, default=default, help="folder of the real data (%(default)s)"
    )
    parser.add_argument("--rules", type=Path, help="a rule folder of your own")
    parser.add_argument("--vocab", type=Path, help="a vocabulary folder of your own")
    parser.add_argument("--parser", help="an installed spaCy pipeline in place of the bundled one")
    given = parser.parse_args(arguments)

    from cxrmine import Labeler
    from cxrmine.errors import UserError

    dev = read_dev_half(given.data)
    if dev is None:
        print(
            f"left out: the dev half of Open-i is not in {given.data / 'openi'} "
            "(name its folder with --data or CXRMINE_DATA)\n"
        )
    own = {"rules": given.rules, "vocab": given.vocab, "parser": given.parser}
    try:
        if given.rules_table:
            if dev is not None:
                labeler = Labeler.load(**own)
                print_rules(
                    labeler, rule_scores(labeler, labeler.label_many(dev.reports), dev.gold)
                )
        else:
            print_ablation({name: Labeler.load(**own, **v) for name, v in VARIANTS.items()}, dev)
    except UserError as error:
        print(f"ablation.py: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
