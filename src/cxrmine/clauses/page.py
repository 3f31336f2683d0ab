"""``clusters.html``: a run's terms, clusters and clauses to browse, to correct and to name.

The page is one file that needs no network and no other file. What a reader decides in it (names,
merges, clauses and clusters moved by hand) comes out as ``terms.yaml``: the run's own file, in
which the page changes the lines that a person with an editor would change, and no others.

Clauses hold any text. The script puts it on the screen as text nodes only, the data lies in the
page as JSON in which nothing can end its element, and a content security policy lets no script
run but the page's own and no connection open.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from cxrmine.clauses.model import DistinctClause, Grouping
from cxrmine.offline_page import PageFolder
from cxrmine.tables import atomic_write_text

#: Distinct clauses in the page at most, and bytes of them; the rarest are left out.
MAX_CLAUSES = 200_000
MAX_BYTES = 16_000_000
#: Sets of clusters of reports in the page at most; with more it shows no shares of reports.
MAX_SETS = 60_000

_PAGES = PageFolder(Path(__file__).with_name("templates"))


def write_page(
    grouping: Grouping,
    path: Path,
    *,
    terms_yaml: str,
    report_sets: Mapping[tuple[int, ...], int] | None = None,
    raw_examples: Mapping[str, str] | None = None,
    max_clauses: int = MAX_CLAUSES,
    max_bytes: int = MAX_BYTES,
) -> None:
    """Write the page, in one step.

    Parameters
    ----------
    grouping : Grouping
        The result of a run.
    path : Path
        The file.
    terms_yaml : str
        The run's ``terms.yaml`` as it was written (`cxrmine.clauses.terms_file.write_terms`).
    report_sets : mapping of tuple of int to int, optional
        How many reports have clauses of just these clusters, from
        `cxrmine.clauses.grouping.report_sets`. With it the page tells which share of reports the
        names cover; it knows no single report.
    raw_examples : mapping of str to str, optional
        How a clause stands in one of the reports, where that differs from the clause.
    max_clauses, max_bytes : int
        The most distinct clauses, and bytes of them, to carry: the most frequent ones. The page
        says how many it leaves out; counts and shares are of all.

    Raises
    ------
    ValueError
        If `terms_yaml` is not that of `grouping`.
    """
    file = _TermsText.parse(terms_yaml)
    clusters = {cluster.number: place for place, cluster in enumerate(grouping.clusters)}
    if {n for block in file.blocks for n, _ in block.medoids} != clusters.keys():
        raise ValueError("terms.yaml has other clusters than the run")
    carried = _carried(grouping.clauses, raw_examples or {}, max_clauses, max_bytes)
    nearest = {cluster.medoid: place for place, cluster in enumerate(grouping.clusters)}
    of_term = {term.number: term for term in grouping.terms}
    meta = {
        "metric": grouping.metric,
        "occurrences": grouping.occurrences,
        "reports": grouping.reports,
        "distinct": len(grouping.clauses),
        "preamble": file.preamble,
        "terms": [
            {
                "number": block.number,
                "label": block.label,
                "reports": of_term[block.number].reports,
                "sole": of_term[block.number].sole_reports,
                "head": block.head,
                "middle": block.middle,
                "tail": block.tail,
                "clusters": [clusters[number] for number, _ in block.medoids],
            }
            for block in file.blocks
        ],
        "end": file.end,
        "clusters": [
            [c.number, c.medoid, c.count, c.reports, _number(c.radius)] for c in grouping.clusters
        ],
        "lines": {clusters[n]: line for block in file.blocks for n, line in block.medoids},
        "sets": _sets(report_sets, clusters),
        "unassigned": sum(c.count for c in grouping.clauses if c.cluster is None),
    }
    data = {
        "text": [clause.clause for clause in carried],
        "count": [clause.count for clause in carried],
        "distance": [_number(clause.distance) for clause in carried],
        # Clauses stand by cluster: [cluster, how many clauses]; -1 for those without one.
        "runs": [
            [-1 if number is None else clusters[number], sum(1 for _ in group)]
            for number, group in groupby(clause.cluster for clause in carried)
        ],
        # The medoid that one without a cluster is compared with.
        "near": [nearest.get(c.medoid, -1) for c in carried if c.cluster is None],
        "raw": {
            str(place): raw_examples[clause.clause]
            for place, clause in enumerate(carried)
            if raw_examples and raw_examples.get(clause.clause, clause.clause) != clause.clause
        },
    }
    html = _PAGES.render(
        "clusters.html.j2",
        style="clusters.css",
        script="clusters.js",
        meta=_script_safe(meta),
        data=_script_safe(data),
    )
    atomic_write_text(path, html)


def _carried(
    clauses: Sequence[DistinctClause],
    raw: Mapping[str, str],
    max_clauses: int,
    max_bytes: int,
) -> list[DistinctClause]:
    """Return the most frequent clauses, by cluster and falling count, those without one last."""
    kept: list[DistinctClause] = []
    size = 0
    for clause in sorted(clauses, key=lambda clause: (-clause.count, clause.clause)):
        example = raw.get(clause.clause, "")
        size += len(clause.clause.encode("utf-8", "replace")) + len(example.encode()) + 12
        if len(kept) == max_clauses or size > max_bytes:
            break
        kept.append(clause)
    kept.sort(key=lambda c: (c.cluster is None, c.cluster or 0, -c.count, c.clause))
    return kept


def _sets(
    sets: Mapping[tuple[int, ...], int] | None, clusters: Mapping[int, int]
) -> list[list[int]] | None:
    """Return ``[reports, cluster, cluster, …]`` rows, None where there are none or too many."""
    if sets is None or len(sets) > MAX_SETS:
        return None
    return [[count, *(clusters[number] for number in numbers)] for numbers, count in sets.items()]


def _number(value: float) -> float | int:
    """Return a distance as short as it can be written without changing what is shown."""
    return int(value) if value == int(value) else round(value, 4)


# ---------------------------------------------------------------------------- terms.yaml


@dataclass
class _Block:
    """A term's lines: up to its label, up to its medoids, the medoids, what follows."""

    number: int
    head: str = ""
    label: str = ""
    middle: str = ""
    medoids: list[tuple[int, str]] = field(default_factory=list)
    tail: str = ""


@dataclass
class _TermsText:
    """``terms.yaml`` cut where the page changes it; the pieces in their order are the file."""

    preamble: str
    blocks: list[_Block]
    end: str

    @classmethod
    def parse(cls, text: str) -> _TermsText:
        """Cut the file as `write_terms` writes it; a ValueError where it looks otherwise."""
        found = re.search(r"^terms:(?: \[\])?\n", text, re.MULTILINE)
        if found is None:
            raise ValueError("terms.yaml has no line 'terms:'")
        file = cls(text[: found.end()], [], "")
        waiting = ""  # blank and comment lines belong to what follows them
        part = "tail"
        for line in text[found.end() :].splitlines(keepends=True):
            if term := _TERM.fullmatch(line):
                file.blocks.append(_Block(int(term[1]), head=waiting + line))
                waiting, part = "", "head"
            elif not line.strip() or line.startswith("#"):
                waiting += line
            elif not file.blocks:
                raise ValueError("terms.yaml does not begin with a term")
            else:
                block = file.blocks[-1]
                if label := _LABEL.fullmatch(line):
                    block.label, part = json.loads(label[1]), "middle"
                elif part == "medoids" and (medoid := _MEDOID.fullmatch(line)):
                    block.medoids.append((int(medoid[1]), line))
                else:
                    if part == "medoids":
                        part = "tail"
                    setattr(block, part, getattr(block, part) + waiting + line)
                    waiting = ""
                    if line == "  medoids:\n":
                        part = "medoids"
        file.end = waiting
        return file


_TERM = re.compile(r"- term: (\d+)\n")
_LABEL = re.compile(r'  label: (".*")\n')
_MEDOID = re.compile(r'  - \{clause: ".*", cluster: (\d+), radius: [\d.]+, count: \d+\}\n')


# ---------------------------------------------------------------------------- the file

# As in cxrmine.runs.evidence_data, but not all ASCII: a Chinese character takes three bytes so,
# and six as an escape. U+2028 and U+2029 end a line of old JavaScript.
_UNSAFE = str.maketrans(
    {
        "<": r"\u003c",
        ">": r"\u003e",
        "&": r"\u0026",
        "\u2028": r"\u2028",
        "\u2029": r"\u2029",
        "\x7f": r"\u007f",
        "\ufeff": r"\ufeff",
    }
)


def _script_safe(value: object) -> str:
    """Return `value` as JSON that can stand inside a ``<script>`` element.

    A lone surrogate becomes its escape, which JSON allows and UTF-8 does not.
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":")).translate(_UNSAFE)
    return text.encode("utf-8", "backslashreplace").decode()
