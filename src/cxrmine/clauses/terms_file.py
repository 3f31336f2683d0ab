"""``terms.yaml``: what the tool found, and what a reader makes of it.

The file is written for a person who names diagnoses, and read back by ``--apply``. Texts of
reports stand in it as double-quoted scalars with JSON's escapes, which YAML shares, and with an
escape for every character that does not show: whatever a clause holds (``no``, ``---``, ``12``,
a line separator, a bidirectional override) is read back as it was.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cxrmine.clauses.model import Cluster, DistinctClause, Grouping, Term
from cxrmine.clauses.tables import shown_distance
from cxrmine.errors import UserError

if TYPE_CHECKING:
    from cxrmine.clauses.terms_schema import FileEntry

#: Clauses shown of each term beside its medoids, the most frequent ones.
EXAMPLES = 8
#: What a label says that makes no column on purpose.
DROP = "drop"

_HEAD = """\
# The terms that cluster-clauses found. This file holds text of reports: treat it as patient data.
#
# What to do: read a term's medoids and examples, and write what they say behind its label, as in
#     label: "pleural effusion"
# Then label reports, these or new ones:
#     cluster-clauses REPORTS --apply terms.yaml --out labels
#
# - Two terms are one diagnosis: give both the same label; they become one column.
# - A term is no diagnosis: label: drop. An empty label gives no column either.
# - A cluster stands with the wrong term: move its line to the medoids of the right one.
# - A clause belongs to another term than its cluster: write it under the right one, as in
#     clauses: ["left lung clear"]
#   A clause written so counts for that term, whatever the distances are.
# - radius: how far from the medoid a clause may lie to be labelled; 0 is the medoid alone.
#
# Counts, shares and examples are there to be read; changing them changes no label.
"""


@dataclass(frozen=True, slots=True)
class TermsSettings:
    """How the clauses of a run were made, which is how those of new reports must be.

    ``section`` is None for the default (impression, then diagnosis). ``seed`` and ``k`` are told
    to the reader and not used again.
    """

    distance: str
    section: str | None = None
    split_enumeration: bool = False
    drop_units: bool = False
    seed: int | None = None
    k: int | None = None


@dataclass(frozen=True, slots=True)
class Medoid:
    """A medoid as the file has it; ``cluster`` is None for one that the reader added."""

    clause: str
    radius: float
    cluster: int | None = None
    count: int = 0


@dataclass(frozen=True, slots=True)
class NamedTerm:
    """A term as the file has it: its label (``""`` where there is none yet) and its clauses."""

    number: int
    label: str
    medoids: tuple[Medoid, ...]
    clauses: tuple[str, ...] = ()

    @property
    def column(self) -> str | None:
        """The column that the term counts for; None for an empty label and for ``drop``."""
        return None if self.label in ("", DROP) else self.label


@dataclass(frozen=True, slots=True)
class TermsFile:
    """A ``terms.yaml`` as read; ``sha256`` is that of the file."""

    settings: TermsSettings
    terms: tuple[NamedTerm, ...]
    sha256: str

    @property
    def labels(self) -> tuple[str, ...]:
        """The columns that the labels give, in the order of the file, each once."""
        return tuple(dict.fromkeys(term.column for term in self.terms if term.column is not None))


def quoted(text: str) -> str:
    r"""Return `text` as a YAML scalar that every YAML 1.1 and 1.2 reader takes for that text.

    >>> quoted('no "a": b')
    '"no \\"a\\": b"'
    """
    plain = json.dumps(text, ensure_ascii=False)
    return plain if plain.isprintable() else "".join(map(_escaped, plain))


def _escaped(character: str) -> str:
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def write_terms(path: Path, grouping: Grouping, settings: TermsSettings, *, top: int) -> None:
    """Write a run's terms, largest first, with empty labels.

    Parameters
    ----------
    path : Path
        The file, written in one step.
    grouping : Grouping
        The run's result.
    settings : TermsSettings
        How its clauses were made.
    top : int
        How many terms stand above the line that says that the rest is small.
    """
    from cxrmine.tables import atomic_write_text

    atomic_write_text(path, "".join(_lines(grouping, settings, top)))


def _lines(grouping: Grouping, settings: TermsSettings, top: int) -> Iterator[str]:
    yield _HEAD
    yield "\nsettings:\n"
    yield f"  distance: {settings.distance}\n"
    yield f"  section: {'null' if settings.section is None else quoted(settings.section)}\n"
    yield f"  split_enumeration: {_truth(settings.split_enumeration)}\n"
    yield f"  drop_units: {_truth(settings.drop_units)}\n"
    yield f"  seed: {_number(settings.seed)}\n"
    yield f"  k: {_number(settings.k)}\n"
    if not grouping.terms:
        yield "\nterms: []\n"
        return
    yield "\nterms:\n"
    clusters = {cluster.number: cluster for cluster in grouping.clusters}
    examples = _examples(grouping)
    shown = grouping.terms[:top]
    covered = sum(term.count for term in shown)
    rest = len(grouping.terms) - len(shown)
    if rest:
        heading = f"The {len(shown)} largest" if len(shown) > 1 else "The largest"
    else:
        heading = f"All {len(shown)} terms" if len(shown) > 1 else "The only term"
    yield f"# ==== {heading}: {_percent(covered, grouping.occurrences)} of all clauses.\n"
    for position, term in enumerate(grouping.terms):
        if position == len(shown):
            left = sum(other.count for other in grouping.terms[position:])
            yield (
                f"\n# ==== The other{f' {rest:,}' if rest > 1 else ''}: {_percent(left, grouping.occurrences)} of all "
                "clauses. You may stop here.\n"
            )
        yield from _term(term, clusters, examples.get(term.number, ()), grouping)


def _term(
    term: Term,
    clusters: dict[int, Cluster],
    examples: Sequence[DistinctClause],
    grouping: Grouping,
) -> Iterator[str]:
    yield f"\n- term: {term.number}\n"
    yield '  label: ""\n'
    yield f"  count: {term.count}\n"
    yield f"  reports: {term.reports}\n"
    yield f"  sole_reports: {term.sole_reports}\n"
    yield f"  share_of_clauses: {_share(term.count, grouping.occurrences)}\n"
    yield f"  share_of_reports: {_share(term.reports, grouping.reports)}\n"
    yield "  medoids:\n"
    for number in term.clusters:
        cluster = clusters[number]
        yield (
            f"  - {{clause: {quoted(cluster.medoid)}, cluster: {number}, "
            f"radius: {shown_distance(cluster.radius)}, count: {cluster.count}}}\n"
        )
    if examples:
        yield "  examples:\n"
        for example in examples:
            yield f"  - {{clause: {quoted(example.clause)}, count: {example.count}}}\n"


def _examples(grouping: Grouping) -> dict[int, list[DistinctClause]]:
    """Return the most frequent clauses of each term that are no medoids, by falling count."""
    medoids = {cluster.medoid for cluster in grouping.clusters}
    found: dict[int, list[DistinctClause]] = {}
    for item in sorted(grouping.clauses, key=lambda item: (-item.count, item.clause)):
        if item.term is not None and item.clause not in medoids:
            of_term = found.setdefault(item.term, [])
            if len(of_term) < EXAMPLES:
                of_term.append(item)
    return found


def _truth(value: bool) -> str:
    return "true" if value else "false"


def _number(value: int | None) -> str:
    return "null" if value is None else str(value)


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.4f}" if whole else "0.0"


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "0 %"


def read_terms(path: Path) -> TermsFile:
    """Read a ``terms.yaml`` that a reader has edited.

    Returns
    -------
    TermsFile
        Texts of labels without the white space around them, clauses that were placed by hand
        normalised as the run's are.

    Raises
    ------
    UserError
        If the file cannot be read, is not YAML, or does not say what it must: one sentence with
        the line and the remedy, which quotes no clause.
    """
    from pydantic import ValidationError

    # Pydantic and YAML take a while to load, and who writes the file needs neither.
    from cxrmine.clauses.terms_schema import FileEntry
    from cxrmine.yamlfile import invalid_entry, load_yaml

    if path.is_dir():
        raise UserError(f"--apply {str(path)!r} is a folder; name the terms.yaml in it.")
    if not path.exists():
        raise UserError(f"--apply {str(path)!r} does not exist; check the path.")
    content = load_yaml(path)
    try:
        parsed = FileEntry.model_validate(content)
        found = _built(parsed, file_sha256(path))
        _check(found)
    except ValidationError as error:
        discreet, unshown = _without_text(error)
        sentence = invalid_entry(path, discreet, FileEntry)
        for key in unshown:
            sentence = sentence.replace(key, "this")
        raise UserError(sentence) from None
    return found


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _built(parsed: FileEntry, sha256: str) -> TermsFile:
    from cxrmine.clauses.normalize import normalize

    settings = TermsSettings(**parsed.settings.model_dump())
    terms = tuple(
        NamedTerm(
            number=entry.term,
            label=_label(entry.label),
            medoids=tuple(
                Medoid(m.clause, m.radius, m.cluster, m.count) for m in entry.medoids or ()
            ),
            clauses=tuple(
                normalize(text, drop_units=settings.drop_units) for text in entry.clauses or ()
            ),
        )
        for entry in parsed.terms
    )
    return TermsFile(settings, terms, sha256)


def _label(written: str | None) -> str:
    label = " ".join((written or "").split())
    return DROP if label.casefold() == DROP else label


def _check(file: TermsFile) -> None:
    """Refuse what is well formed and yet cannot be meant."""
    numbers: dict[int, int] = {}
    medoids: set[str] = set()
    by_hand: dict[str, int] = {}
    spelled: dict[str, str] = {}
    for place, term in enumerate(file.terms):
        at: tuple[int | str, ...] = ("terms", place)
        if term.number in numbers:
            _refuse((*at, "term"), f"{term.number} is another term's number too: give it its own")
        numbers[term.number] = place
        _check_label((*at, "label"), term, spelled)
        for index, medoid in enumerate(term.medoids):
            where: tuple[int | str, ...] = (*at, "medoids", index, "clause")
            if not medoid.clause:
                _refuse(where, "there is no text: write the medoid, or remove the line")
            if medoid.clause in medoids:
                _refuse(
                    where, "the same medoid stands in the file twice: keep one of the two lines"
                )
            medoids.add(medoid.clause)
        for index, clause in enumerate(term.clauses):
            where = (*at, "clauses", index)
            if not clause:
                _refuse(where, "nothing but digits and punctuation is left of it: remove it")
            if by_hand.setdefault(clause, place) != place:
                other = file.terms[by_hand[clause]].number
                _refuse(where, f"the same clause stands under term {other} too: keep one of them")


def _check_label(where: tuple[int | str, ...], term: NamedTerm, spelled: dict[str, str]) -> None:
    from cxrmine.evaluation.findings import key

    label = term.column
    if label is None:
        return
    if label.casefold() == "report_id":
        _refuse(where, "the column of ids has this name: choose another")
    if any(unicodedata.category(character) == "Cc" for character in label):
        _refuse(where, "a control character is in it: write the label anew")
    if spelled.setdefault(key(label), label) != label:
        _refuse(
            where,
            f"{label!r} differs from {spelled[key(label)]!r} in case, hyphens or underscores "
            "only: write them alike, or further apart",
        )


def _refuse(where: tuple[int | str, ...], message: str) -> None:
    from pydantic import ValidationError
    from pydantic_core import InitErrorDetails, PydanticCustomError

    kind = PydanticCustomError("value_error", "{error}", {"error": message})
    details = InitErrorDetails(type=kind, loc=where, input="")
    raise ValidationError.from_exception_data("TermsFile", [details])


class _Kind:
    """What stands in a message for a value that could be a clause."""

    def __init__(self, value: object) -> None:
        names = {"str": "a text", "list": "a list", "dict": "keys with values"}
        self._name = names.get(type(value).__name__, "something else")

    def __repr__(self) -> str:
        return self._name


def _without_text(error: Any) -> tuple[Any, list[str]]:
    """Return the error without the texts of the file in it, and keys that must not be shown.

    A lost indentation or quote can make a key, or a value of the wrong kind, of a clause.
    """
    from pydantic import ValidationError
    from pydantic_core import InitErrorDetails, PydanticCustomError

    details = []
    unshown = []
    for item in error.errors(include_url=False):
        given = item["input"]
        shown = given if given is None or isinstance(given, bool | int | float) else _Kind(given)
        if item["type"] == "value_error":
            kind: Any = PydanticCustomError("value_error", "{error}", item["ctx"])
        else:
            kind = item["type"]
        last = item["loc"][-1] if item["loc"] else ""
        if item["type"] == "extra_forbidden" and not re.fullmatch(r"\w{1,20}", str(last), re.ASCII):
            unshown.append(str(last))
        details.append(
            InitErrorDetails(type=kind, loc=item["loc"], input=shown, ctx=item.get("ctx", {}))
        )
    return ValidationError.from_exception_data("TermsFile", details), unshown
