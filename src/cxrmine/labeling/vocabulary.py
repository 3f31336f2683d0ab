"""Read ``vocab/findings.yaml``: the concepts that the labeler looks for.

The file is data for radiologists; its header explains the fields. Everything wrong with it is
told in one sentence that names the concept, the field, the line and the remedy.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError
from yaml._yaml import CParser
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.resolver import BaseResolver

from cxrmine.errors import UserError
from cxrmine.labeling.phrases import Phrase, PhraseError, PhraseParser
from cxrmine.resources import data_dir

FILE_NAME = "findings.yaml"
ConceptType = Literal["dsyn", "fndg", "devc", "norm", "tech"]
CONCEPT_TYPES: tuple[str, ...] = get_args(ConceptType)


class VocabularyError(UserError):
    """A vocabulary file that cannot be used; the message says where and what to do."""


@dataclass(frozen=True, slots=True)
class Code:
    """A code of a concept in a public terminology, and where it was taken from."""

    system: str
    source: str
    code: str = ""
    heading: str = ""


@dataclass(frozen=True, slots=True)
class Concept:
    """One thing a report can speak of.

    ``type`` is ``dsyn`` (disease), ``fndg`` (finding), ``devc`` (device or trace of treatment),
    ``norm`` (a statement of normality) or ``tech`` (about the examination itself).
    ``finding`` is the name that mentions carry; ``schemes`` gives the label column that the
    concept counts for in each scheme (a scheme without an entry ignores it); ``excludes`` the one
    that a present mention speaks against ("heart size is normal"). ``abnormal`` says whether a
    present mention makes a report not normal. ``line`` is where the entry starts.
    """

    id: str
    name: str
    type: str
    finding: str
    abnormal: bool
    phrases: tuple[str, ...]
    not_phrases: tuple[str, ...]
    schemes: Mapping[str, str]
    example: str
    lookalike: str
    excludes: Mapping[str, str] = field(default_factory=dict)
    code: Code | None = None
    why: str = ""
    line: int = 0
    parsed: tuple[Phrase, ...] = field(default=(), repr=False, compare=False)
    parsed_not: tuple[Phrase, ...] = field(default=(), repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The concepts of a file in its order, and the file's SHA-256 as `fingerprint`."""

    concepts: tuple[Concept, ...]
    gap_stops: frozenset[str]
    fingerprint: str
    path: Path
    _index: Mapping[str, int] = field(default_factory=dict, repr=False, compare=False)

    def __getitem__(self, concept_id: str) -> Concept:
        """Return the concept of that id."""
        return self.concepts[self._index[concept_id]]

    def __contains__(self, concept_id: object) -> bool:
        return concept_id in self._index

    def __len__(self) -> int:
        return len(self.concepts)


_Line = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]


class _CodeEntry(BaseModel):
    model_config = ConfigDict(extra="forbid")
    system: _Line
    source: _Line
    code: str = ""
    heading: str = ""


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=False)
    id: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
    name: _Line
    type: ConceptType
    finding: _Line
    abnormal: bool
    phrases: Annotated[list[_Line], Field(min_length=1)]
    not_: list[_Line] = Field(default=[], alias="not")
    schemes: dict[str, _Line] = {}
    excludes: dict[str, _Line] = {}
    example: _Line
    lookalike: _Line
    code: _CodeEntry | None = None
    why: str = ""


_ENTRY: TypeAdapter[_Entry] = TypeAdapter(_Entry)
_TOP = ("version", "gap_stops", "sets", "concepts")


class _Loader(CParser, BaseResolver):
    """libyaml's parser without guesses about types: twice as fast as CSafeLoader, and no
    phrase (``no``, ``on``) turns into a boolean.
    """

    def __init__(self, text: str) -> None:
        CParser.__init__(self, text)
        BaseResolver.__init__(self)


def load_vocabulary(path: str | Path | None = None) -> Vocabulary:
    """Read a vocabulary.

    Parameters
    ----------
    path
        A folder that holds ``findings.yaml``, or such a file; by default the shipped one.

    Raises
    ------
    VocabularyError
        If the file is missing, is not YAML, or an entry is wrong.
    """
    source = Path(path) if path is not None else data_dir("vocab")
    if source.is_dir():
        source = source / FILE_NAME
    try:
        raw = source.read_bytes()
        text = raw.decode("utf-8")
    except OSError as error:
        raise VocabularyError(
            f"The vocabulary {source} cannot be read ({error.strerror}): "
            f"give a folder that holds {FILE_NAME}."
        ) from error
    except UnicodeDecodeError as error:
        raise VocabularyError(f"{source} is not UTF-8 text: save it as UTF-8.") from error
    return parse_vocabulary(text, path=source, fingerprint=hashlib.sha256(raw).hexdigest())


def parse_vocabulary(
    text: str, *, path: Path = Path(FILE_NAME), fingerprint: str | None = None
) -> Vocabulary:
    """Turn the text of a vocabulary file into a `Vocabulary` (see `load_vocabulary`)."""
    try:
        root = _Loader(text).get_single_node()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise VocabularyError(
            f"{path}, line {line}: not valid YAML ({error.problem}): mend the line "
            "(texts with ': ' or '#' need quotes)."
        ) from error
    if not isinstance(root, MappingNode):
        raise VocabularyError(f"{path}: the top must be a mapping with {', '.join(_TOP)}.")
    top = _fields(root, path, "the top of the file")
    for name, (line, _) in top.items():
        if name not in _TOP:
            raise VocabularyError(
                f"{path}, line {line}: unknown key {name!r} at the top: use {', '.join(_TOP)}."
            )
    if "concepts" not in top or not isinstance(top["concepts"][1], SequenceNode):
        raise VocabularyError(f"{path}: 'concepts' must be a list of entries.")
    stops = _plain(top["gap_stops"][1]) if "gap_stops" in top else []
    sets = _plain(top["sets"][1]) if "sets" in top else {}
    if not isinstance(stops, list) or not all(isinstance(stop, str) for stop in stops):
        raise VocabularyError(f"{path}, line {top['gap_stops'][0]}: 'gap_stops' must list words.")
    if not isinstance(sets, dict) or not all(
        isinstance(phrases, list) and all(isinstance(p, str) for p in phrases)
        for phrases in sets.values()
    ):
        raise VocabularyError(f"{path}, line {top['sets'][0]}: 'sets' must map names to lists.")
    try:
        parser = PhraseParser({name: tuple(phrases) for name, phrases in sets.items()})
    except PhraseError as error:
        raise VocabularyError(f"{path}, line {top['sets'][0]}: {error}.") from error

    concepts: list[Concept] = []
    index: dict[str, int] = {}
    owners: dict[str, Concept] = {}
    for node in top["concepts"][1].value:
        concept = _concept(node, path, parser)
        if concept.id in index:
            raise VocabularyError(
                f"{path}, line {concept.line}: the concept {concept.id!r} stands twice "
                f"(first in line {concepts[index[concept.id]].line}): rename or merge one."
            )
        for phrase in concept.phrases:
            owner = owners.setdefault(phrase, concept)
            if owner is not concept:
                raise VocabularyError(
                    f"{path}, line {concept.line}: {concept.id!r} and {owner.id!r} "
                    f"(line {owner.line}) both list the phrase {phrase!r}: keep it in one."
                )
        index[concept.id] = len(concepts)
        concepts.append(concept)
    if not concepts:
        raise VocabularyError(f"{path}: 'concepts' lists nothing: add an entry.")
    if fingerprint is None:
        fingerprint = hashlib.sha256(text.encode()).hexdigest()
    return Vocabulary(tuple(concepts), frozenset(stops), fingerprint, path, MappingProxyType(index))


def _concept(node: Node, path: Path, parser: PhraseParser) -> Concept:
    line = node.start_mark.line + 1
    if not isinstance(node, MappingNode):
        raise VocabularyError(f"{path}, line {line}: an entry must be a mapping with an 'id'.")
    fields = _fields(node, path, "an entry")
    name = _plain(fields["id"][1]) if "id" in fields else "(no id)"
    try:
        entry = _ENTRY.validate_python({key: _plain(value) for key, (_, value) in fields.items()})
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        wrong = str(problem["loc"][0]) if problem["loc"] else "entry"
        where = fields[wrong][0] if wrong in fields else line
        raise VocabularyError(
            f"{path}, line {where}: concept {name!r}, field {wrong!r}: {_remedy(problem, wrong)}."
        ) from error
    parsed: list[Phrase] = []
    parsed_not: list[Phrase] = []
    for label, texts, into in (
        ("phrases", entry.phrases, parsed),
        ("not", entry.not_, parsed_not),
    ):
        for position, text in enumerate(texts):
            try:
                phrase = parser.parse(text)
                if phrase.bracketed and label == "not":
                    raise PhraseError(f"{text!r}: '<' and '>' have no meaning in 'not'")
            except PhraseError as error:
                where = fields[label][1].value[position].start_mark.line + 1
                raise VocabularyError(
                    f"{path}, line {where}: concept {name!r}, field {label!r}: {error}."
                ) from error
            into.append(phrase)
    code = entry.code
    return Concept(
        id=entry.id,
        name=entry.name,
        type=entry.type,
        finding=entry.finding,
        abnormal=entry.abnormal,
        phrases=tuple(entry.phrases),
        not_phrases=tuple(entry.not_),
        schemes=MappingProxyType(entry.schemes),
        example=entry.example,
        lookalike=entry.lookalike,
        excludes=MappingProxyType(entry.excludes),
        code=Code(code.system, code.source, code.code, code.heading) if code else None,
        why=entry.why,
        line=line,
        parsed=tuple(parsed),
        parsed_not=tuple(parsed_not),
    )


def _remedy(problem: Any, wrong: str) -> str:
    kind = problem["type"]
    if kind == "missing":
        return "is missing: add it"
    if kind == "extra_forbidden":
        known = ", ".join(f.alias or n for n, f in _Entry.model_fields.items())
        return f"is unknown: use one of {known}"
    if kind == "literal_error":
        return f"is {problem['input']!r}: use one of {', '.join(CONCEPT_TYPES)}"
    if kind == "string_pattern_mismatch":
        return f"is {problem['input']!r}: use lower-case letters, digits and '_'"
    if kind == "bool_parsing":
        return f"is {problem['input']!r}: write true or false"
    message = problem["msg"]
    return f"{message[0].lower()}{message[1:]}" + (" (write a list)" if kind == "list_type" else "")


def _fields(node: MappingNode, path: Path, what: str) -> dict[str, tuple[int, Node]]:
    fields: dict[str, tuple[int, Node]] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, ScalarNode):
            raise VocabularyError(f"{path}, line {line}: a key of {what} must be a word.")
        if key.value in fields:
            raise VocabularyError(
                f"{path}, line {line}: {what} has the key {key.value!r} twice: merge them."
            )
        fields[key.value] = (line, value)
    return fields


def _plain(node: Node) -> Any:
    if isinstance(node, ScalarNode):
        return node.value
    if isinstance(node, SequenceNode):
        return [_plain(item) for item in node.value]
    return {_plain(key): _plain(value) for key, value in node.value}
