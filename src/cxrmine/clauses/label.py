"""A labelling by ``--apply``: the parts of all chunks into mine-labels' tables, and what is left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cxrmine.clauses.apply import ApplySpec, apply_task
from cxrmine.clauses.run import Workplace
from cxrmine.clauses.settings import ApplySettings, ReadSettings
from cxrmine.clauses.tables import CLAUSE_COLUMNS, UNASSIGNED_COLUMNS, shown_distance
from cxrmine.clauses.terms_file import DROP, TermsFile, read_terms
from cxrmine.clauses.work import SplitSpec
from cxrmine.errors import UserError
from cxrmine.runs.members import MemberFile
from cxrmine.runs.merge import write_mentions
from cxrmine.tables import format_row, write_csv

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Apply:
    """The job of ``--apply``."""

    settings: ApplySettings
    terms: TermsFile

    @classmethod
    def load(cls, settings: ApplySettings) -> Apply:
        """Read the file of terms.

        Raises
        ------
        UserError
            If something is wrong with it, or it has no label yet.
        """
        terms = read_terms(settings.terms)
        if not terms.labels:
            has = "no label but drop" if any(term.label for term in terms.terms) else "no label yet"
            raise UserError(
                f"{settings.terms.name} has {has}, so there is nothing to apply; write one "
                'behind a term\'s label:, as in label: "pleural effusion".'
            )
        return cls(settings, terms)

    @property
    def read(self) -> ReadSettings:
        """The reports to read; a section that the user names wins over that of the terms."""
        read = self.settings.read
        section = read.section if read.section is not None else self.terms.settings.section
        return ReadSettings(read.inputs, section, read.id_column, read.text_column)

    @property
    def spec(self) -> ApplySpec:
        """How reports are split, as those of the terms were, and the terms."""
        made = self.terms.settings
        split = SplitSpec(self.read.section, made.split_enumeration, made.drop_units)
        return ApplySpec(split, self.terms)

    @property
    def task(self) -> Callable[[Any, bytes], bytes]:
        """Labels a chunk."""
        return apply_task

    @property
    def words(self) -> tuple[str, str]:
        """What is done with a report."""
        return "Labelling", "labelled"

    def record(self) -> dict[str, Any]:
        """Return what ``run.json`` states beside versions and inputs."""
        return {
            "mode": "apply",
            "settings": self.settings.recorded(),
            "terms": {"terms": self.settings.terms.name, "terms_sha256": self.terms.sha256},
        }

    def finish(self, place: Workplace) -> dict[str, Any]:
        """Merge the parts into the tables."""
        target, labels = place.target, self.terms.labels
        counts, of_term, positives = Counter[str](), Counter[int](), Counter[str]()
        unassigned: dict[str, list[Any]] = {}
        with (
            place.stage("write", "Writing the tables."),
            (target / "labels.csv").open("wb") as label_lines,
            (target / "clauses.csv").open("wb") as clause_lines,
        ):
            label_lines.write(format_row(("report_id", *labels)).encode())
            clause_lines.write(format_row(CLAUSE_COLUMNS).encode())
            for path in place.parts:
                with MemberFile(path) as part:
                    counts.update(part.json("counts"))
                    of_term.update(dict(part.json("terms")))
                    positives.update(dict(zip(labels, part.json("positives"), strict=True)))
                    label_lines.write(part.bytes("labels"))
                    clause_lines.write(part.bytes("clauses"))
                    for clause, count, nearest, distance in part.json("unassigned"):
                        unassigned.setdefault(clause, [0, nearest, distance])[0] += count
            write_mentions(target / "mentions.parquet", _mentions(place.parts))
            write_csv(target / "unassigned.csv", UNASSIGNED_COLUMNS, _rows(unassigned))
        names = ("reports", "reports_with_clauses", "clauses", "labeled", "unassigned")
        unlabeled = {
            DROP: [term.number for term in self.terms.terms if term.label == DROP],
            "": [term.number for term in self.terms.terms if not term.label],
        }
        in_terms = {
            label: sum(of_term[number] for number in numbers)
            for label, numbers in unlabeled.items()
        }
        if unlabeled[""]:
            place.warn(
                self.settings.terms.name,
                f"{len(unlabeled['']):,} terms have an empty label; {in_terms['']:,} clauses of "
                "these reports belong to them and count for no column.",
            )
        return {
            "counts": {
                **{name: counts[name] for name in names},
                "dropped": in_terms[DROP],
                "without_label": in_terms[""],
                "terms_dropped": len(unlabeled[DROP]),
                "terms_without_label": len(unlabeled[""]),
                "distinct_unassigned": len(unassigned),
            },
            "positives": {label: positives[label] for label in labels},
        }


def _rows(unassigned: dict[str, list[Any]]) -> Iterator[Sequence[object]]:
    """Yield the rows of ``unassigned.csv``, the most frequent clauses first."""
    for clause, (count, nearest, distance) in sorted(
        unassigned.items(), key=lambda item: (-item[1][0], item[0])
    ):
        # Where no term has a medoid nothing is near.
        yield clause, count, nearest or None, shown_distance(distance) if nearest else None


def _mentions(paths: Iterable[Path]) -> Iterator[pa.Table]:
    for path in paths:
        with MemberFile(path) as part:
            yield part.table("mentions")
