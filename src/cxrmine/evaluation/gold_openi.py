"""The Open-i gold, derived from the human coding in the reports' own XML.

Open-i's coders gave each report MeSH-like entries (``MeSH/major``); which head counts for which
column is data: ``vocab/schemes/openi_gold.yaml``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cxrmine.errors import UserError
from cxrmine.evaluation.findings import key
from cxrmine.evaluation.labels import LabelTable
from cxrmine.reports.report import Problem
from cxrmine.resources import data_dir

# expat reads these itself; UTF-8, declared or not, is decoded before.
_DECLARES_ENCODING = re.compile(
    rb"\s*<\?xml[^>]*?encoding\s*=\s*[\"'](?!utf-?8[\"']|us-ascii[\"'])", re.IGNORECASE
)


@dataclass(frozen=True)
class GoldConventions:
    """Which heads make which column positive.

    ``heads`` maps each column, in order, to its heads as `normalize_head` writes them.
    """

    name: str
    path: Path
    heads: Mapping[str, frozenset[str]]

    @property
    def columns(self) -> tuple[str, ...]:
        """The gold's columns, in order."""
        return tuple(self.heads)


def normalize_head(entry: str) -> str:
    """Return the head of a ``MeSH/major`` entry for comparison.

    >>> normalize_head("Subcutaneous  Emphysema/neck/severe")
    'subcutaneous emphysema'
    """
    return " ".join(entry.split("/", 1)[0].split()).casefold()


def load_gold_conventions(vocab: str | Path | None = None) -> GoldConventions:
    """Load the conventions from a vocabulary folder (default: the one that ships).

    Parameters
    ----------
    vocab
        A folder with ``schemes/openi_gold.yaml``.

    Raises
    ------
    UserError
        If the file is missing or breaks the layout that its own comments describe.
    """
    import yaml

    folder = data_dir("vocab") if vocab is None else Path(vocab)
    path = folder / "schemes" / "openi_gold.yaml"
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(
            f"{path} does not exist; --vocab needs a folder with schemes/openi_gold.yaml (copy "
            "the one that ships with cxrmine and change that)."
        ) from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"{path} cannot be read: {' '.join(str(error).split())}") from error
    return _check_conventions(path, document)


def _check_conventions(path: Path, document: Any) -> GoldConventions:
    block = document.get("gold") if isinstance(document, dict) else None
    if not isinstance(block, dict) or not isinstance(block.get("columns"), list):
        raise UserError(f"{path}: a block 'gold:' with a list 'columns:' is missing.")
    heads: dict[str, frozenset[str]] = {}
    for number, entry in enumerate(block["columns"], start=1):
        column = entry.get("column") if isinstance(entry, dict) else None
        listed = entry.get("heads") if isinstance(entry, dict) else None
        if (
            not isinstance(column, str)
            or not isinstance(listed, list)
            or not all(isinstance(h, str) and h.strip() for h in listed)
        ):
            raise UserError(
                f"{path}: entry {number} of gold.columns needs 'column' (a name) and 'heads' (a "
                "list of names, [] for none)."
            )
        if key(column) in {key(c) for c in heads}:
            raise UserError(f"{path}: gold.columns lists {column!r} twice; join the entries.")
        if not isinstance(entry.get("why"), str):
            raise UserError(
                f"{path}: gold.columns, {column!r}: say in 'why' on what the convention rests."
            )
        heads[column] = frozenset(normalize_head(h) for h in listed)
    for number, entry in enumerate(block.get("not_counted") or [], start=1):
        head = entry.get("head") if isinstance(entry, dict) else None
        column = entry.get("column") if isinstance(entry, dict) else None
        if not isinstance(head, str) or column not in heads:
            raise UserError(
                f"{path}: entry {number} of gold.not_counted needs 'head' and a 'column' of "
                "gold.columns."
            )
        if normalize_head(head) in heads[column]:
            raise UserError(
                f"{path}: {head!r} both counts and does not count for {column!r}; remove one."
            )
    return GoldConventions(name=str(block.get("name", "openi")), path=path, heads=heads)


def gold_row(entries: Sequence[str], conventions: GoldConventions) -> list[int]:
    """Return one report's gold, a 1 or 0 for each column, from its ``MeSH/major`` entries."""
    found = {normalize_head(entry) for entry in entries}
    return [int(not found.isdisjoint(heads)) for heads in conventions.heads.values()]


def read_openi_gold(
    source: str | Path, conventions: GoldConventions
) -> tuple[LabelTable, list[Problem]]:
    """Derive the gold of every Open-i report of an XML file, a folder or an archive.

    Parameters
    ----------
    source
        One ``.xml``, a folder of them (at any depth), or a tar or zip archive. Other files there
        are passed over.
    conventions
        See `load_gold_conventions`.

    Returns
    -------
    tuple
        The gold as a label table (id column ``report_id``), and what gave none: broken XML, a
        report without ``uId/@id`` or without a ``MeSH`` element, the id of an earlier report.

    Raises
    ------
    UserError
        If `source` does not exist or holds no coded Open-i report.
    """
    from cxrmine.reports.sources import READ_ERRORS, describe_error, list_sources

    place = Path(source)
    if not place.exists():
        raise UserError(f"{place} does not exist; check the path given to --gold-xml.")
    rows: dict[str, list[int]] = {}
    problems: list[Problem] = []
    looked_at = 0
    for document in list_sources(place, problems.append):
        if document.suffix != ".xml":
            continue
        looked_at += 1
        try:
            for report_id, entries in parse_openi(document.read()):
                if report_id in rows:
                    message = "The id was met before; only the first report of that id counts."
                    problems.append(Problem("failure", f"{document.item}: {report_id}", message))
                else:
                    rows[report_id] = gold_row(entries, conventions)
        except NotCodedError as error:
            problems.append(Problem("failure", document.item, str(error)))
        except READ_ERRORS as error:
            problems.append(Problem("failure", document.item, describe_error(error)))
    if not rows:
        raise UserError(
            f"{place} holds no coded Open-i report ({looked_at} XML files were looked at, "
            f"{len(problems)} problems met); --gold-xml takes an Open-i XML file, a folder or an "
            "archive of them."
        )
    ids = tuple(rows)
    columns = conventions.columns
    return LabelTable(
        path=place,
        id_column="report_id",
        columns=columns,
        ids=ids,
        lines=tuple(range(1, len(ids) + 1)),
        cells={c: [str(row[k]) for row in rows.values()] for k, c in enumerate(columns)},
    ), problems


class NotCodedError(ValueError):
    """XML that gives no gold row; the message is a sentence for ``failures.csv``."""


def parse_openi(data: bytes) -> list[tuple[str, list[str]]]:
    """Return the id and the ``MeSH/major`` entries of each report of an Open-i document.

    Raises
    ------
    NotCodedError
        If it is none, or a report has no id or no coding.
    """
    from defusedxml import ElementTree
    from defusedxml.common import DefusedXmlException

    from cxrmine.reports.encoding import decode

    content: bytes | str = data
    if not _DECLARES_ENCODING.match(data):
        # As the reports' reader does it: a stray Windows byte must not cost the whole report.
        content = decode(data)[0].lstrip("\ufeff")
    try:
        root = ElementTree.fromstring(content)
    except ElementTree.ParseError as error:
        line, column = error.position
        raise NotCodedError(
            f"The XML is broken at line {line}, column {column}: repair it or fetch it again."
        ) from error
    except DefusedXmlException as error:
        raise NotCodedError(
            f"The XML declares entities or an external DTD ({type(error).__name__}), which is "
            "never read: remove the declaration."
        ) from error
    except (LookupError, ValueError) as error:
        raise NotCodedError(
            "The XML declares an encoding that is unknown or not its own: save it as UTF-8."
        ) from error
    citations = list(root.iter("eCitation"))
    if not citations:
        raise NotCodedError(
            "The XML holds no eCitation element, so it is no Open-i report: leave it out."
        )
    found = []
    for citation in citations:
        uid = citation.find("uId")
        report_id = (uid.get("id") or "").strip() if uid is not None else ""
        if not report_id:
            raise NotCodedError("A report has no uId with an id: give it one.")
        mesh = citation.find("MeSH")
        if mesh is None:
            raise NotCodedError("A report has no MeSH element, so nobody coded it: leave it out.")
        found.append((report_id, [entry.text or "" for entry in mesh.findall("major")]))
    return found
