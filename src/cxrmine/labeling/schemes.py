"""Label schemes: pure functions from a report's mentions to a row of labels.

A scheme is a YAML file in ``vocab/schemes/`` (the user's own too, with ``--vocab DIR``):

``columns``
    the label columns in order;
``base``
    the scheme whose entries in ``vocab/findings.yaml`` say which concept counts for which
    column (default: the scheme's own name), and which statement of normality speaks against one;
``concepts``
    changes to that: ``add: {column: [concept …]}``, ``remove: [concept …]``, ``never: [column …]``
    for a column that the scheme has but never marks;
``statuses``
    the value of each status: 1, 0, -1 or null (the mention says nothing);
``rules``
    the value of a mention that this rule decided, in place of its status's;
``concept_statuses``
    ``{concept: {status: value}}``, in place of the status's general value;
``order``
    which value wins where mentions of one column differ;
``otherwise``
    the value of a column with no mention;
``parents``
    ``{child: [parent …]}``: a positive child makes its parents positive;
``normal``
    the rule of the column that says that there is nothing;
``empty``
    values of an empty report, by column.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from cxrmine.errors import UserError
from cxrmine.labeling.mention import STATUSES, Mention
from cxrmine.labeling.vocabulary import Vocabulary
from cxrmine.resources import data_dir
from cxrmine.yamlfile import invalid_entry, load_yaml

Value = int | None


class SchemeError(UserError):
    """A scheme that cannot be used: one sentence with file, field and remedy."""


class _Normal(BaseModel):
    model_config = ConfigDict(extra="forbid")
    column: str
    statuses: list[str] = ["present", "probable"]
    unless: Literal["any abnormal concept", "any column"] = "any abnormal concept"
    ignore_columns: list[str] = []
    ignore_concepts: list[str] = []
    also_concepts: dict[str, list[str]] = {}
    statements: list[str] = []
    statements_win_over: list[str] = []
    otherwise: int | None = 0


class _Concepts(BaseModel):
    model_config = ConfigDict(extra="forbid")
    add: dict[str, list[str]] = {}
    remove: list[str] = []
    never: list[str] = []


class _SchemeFile(BaseModel):
    model_config = ConfigDict(extra="forbid")
    about: str = ""
    columns: list[str]
    base: str | None = None
    concepts: _Concepts = _Concepts()
    statuses: dict[str, int | None]
    concept_statuses: dict[str, dict[str, int | None]] = {}
    rules: dict[str, int | None] = {}
    order: list[int] = [1, -1, 0]
    otherwise: int | None = 0
    parents: dict[str, list[str]] = {}
    normal: _Normal | None = None
    empty: dict[str, int | None] = {}


@dataclass(frozen=True)
class Scheme:
    """A scheme ready for use; `labels` is its function."""

    name: str
    columns: tuple[str, ...]
    column_of: Mapping[str, tuple[str, ...]]
    excludes: Mapping[str, str]
    value_of: Mapping[str, Value]
    concept_values: Mapping[str, Mapping[str, Value]]
    rule_values: Mapping[str, Value]
    rank: Mapping[Value, int]
    otherwise: Value
    parents: Mapping[str, tuple[str, ...]]
    normal: _Normal | None
    abnormal: frozenset[str]
    empty: Mapping[str, Value]
    fingerprint: str = field(default="", compare=False)

    def labels(self, mentions: Iterable[Mention], *, is_empty: bool = False) -> dict[str, Value]:
        """Return the label of each column, in the scheme's order.

        Parameters
        ----------
        mentions
            The report's mentions.
        is_empty
            Whether nothing in the report counts, be it that it holds no text or an indication
            only: then ``empty`` of the scheme file decides.
        """
        row: dict[str, Value] = dict.fromkeys(self.columns, self.otherwise)
        if is_empty:
            row.update(self.empty)
            return row
        found: dict[str, Value] = {}
        rank = self.rank
        mentions = tuple(mentions)
        for mention in mentions:
            targets = self.column_of.get(mention.concept)
            value: Value
            if targets is not None:
                value = self._value(mention)
            elif mention.concept in self.excludes and mention.status in ("present", "probable"):
                # "The heart is normal in size" denies cardiomegaly as "no cardiomegaly" does.
                targets, value = (self.excludes[mention.concept],), self.value_of["absent"]
            else:
                continue
            if value is None:
                continue
            for column in targets:
                if column not in found or rank[value] < rank[found[column]]:
                    found[column] = value
        for column, value in list(found.items()):
            if value == 1:
                for parent in self.parents.get(column, ()):
                    found[parent] = 1
        row.update(found)
        if self.normal is not None:
            row[self.normal.column] = self._normal(self.normal, mentions, row)
        return row

    def _value(self, mention: Mention) -> Value:
        special = self.concept_values.get(mention.concept)
        if special is not None and mention.status in special:
            return special[mention.status]
        if mention.rule in self.rule_values:
            return self.rule_values[mention.rule]
        return self.value_of[mention.status]

    def _normal(self, rule: _Normal, mentions: tuple[Mention, ...], row: dict[str, Value]) -> Value:
        statuses = rule.statuses
        if any(
            row[c] in (1, -1)
            for c in self.columns
            if c != rule.column and c not in rule.ignore_columns
        ):
            return rule.otherwise
        if rule.unless == "any column":
            return 1
        stated = any(
            m.concept in rule.statements and m.status in ("present", "absent") for m in mentions
        )
        for mention in mentions:
            concept = mention.concept
            extra = rule.also_concepts.get(concept)
            if extra is not None:
                if mention.status in extra:
                    return rule.otherwise
                continue
            if (
                concept in self.abnormal
                and mention.status in statuses
                and concept not in rule.ignore_concepts
                and not (stated and concept in rule.statements_win_over)
            ):
                return rule.otherwise
        return 1


def scheme_names(vocab: Path) -> list[str]:
    """Return the names of the schemes in a vocabulary folder."""
    return sorted(
        file.stem for file in (vocab / "schemes").glob("*.yaml") if not file.stem.endswith("_gold")
    )


def load_scheme(name: str, vocab: Path, vocabulary: Vocabulary) -> Scheme:
    """Load the scheme `name` of the vocabulary folder `vocab`.

    Raises
    ------
    SchemeError
        If there is no such scheme (the message lists those that exist) or its file is wrong.
    """
    file = vocab / "schemes" / f"{name}.yaml"
    names = scheme_names(vocab)
    if name not in names:
        raise SchemeError(
            f"There is no scheme {name!r}: the schemes are {', '.join(names) or '(none)'}; "
            f"a scheme of your own is a YAML file in {vocab / 'schemes'}."
        )
    raw = load_yaml(file, unique_keys=True)
    try:
        content = _SchemeFile.model_validate(raw)
    except ValidationError as error:
        raise SchemeError(invalid_entry(file, error, _SchemeFile)) from None
    _check(content, file.name, vocabulary)
    column_of: dict[str, list[str]] = {}
    excludes: dict[str, str] = {}
    base = content.base or name
    _check_entries(content, name, vocab, vocabulary)
    for concept in vocabulary.concepts:
        column = concept.schemes.get(base)
        if (
            column is not None
            and column in content.columns
            and concept.id not in content.concepts.remove
            and column not in content.concepts.never
        ):
            column_of.setdefault(concept.id, []).append(column)
        against = concept.excludes.get(base)
        if against in content.columns and against not in content.concepts.never:
            excludes[concept.id] = against
    for column, ids in content.concepts.add.items():
        for concept_id in ids:
            if column not in column_of.setdefault(concept_id, []):
                column_of[concept_id].append(column)
    if not column_of:
        raise SchemeError(
            f"{file.name}: no concept counts for any column: name with base: a scheme that "
            "the vocabulary's entries know, or list concepts under concepts.add."
        )
    parents = {child: tuple(_ancestors(child, content.parents)) for child in content.parents}
    return Scheme(
        name=name,
        columns=tuple(content.columns),
        column_of={k: tuple(v) for k, v in column_of.items()},
        excludes=excludes,
        value_of=content.statuses,
        concept_values=content.concept_statuses,
        rule_values=content.rules,
        rank={value: i for i, value in enumerate(content.order)},
        otherwise=content.otherwise,
        parents=parents,
        normal=content.normal,
        abnormal=frozenset(c.id for c in vocabulary.concepts if c.abnormal),
        empty=content.empty,
        fingerprint=hashlib.sha256(file.read_bytes()).hexdigest(),
    )


def _check(content: _SchemeFile, name: str, vocabulary: Vocabulary) -> None:
    """Raise `SchemeError` for a column, concept, status or value that is not there."""
    columns = content.columns
    if len(set(columns)) < len(columns) or not columns:
        raise SchemeError(f"{name}: columns must name at least one column, each of them once.")
    if "report_id" in columns:
        raise SchemeError(f"{name}: columns: 'report_id' is the first column anyway; leave it out.")
    if wrong := set(STATUSES).symmetric_difference(content.statuses):
        raise SchemeError(
            f"{name}: statuses must give a value for each of {', '.join(STATUSES)}, and for nothing "
            f"else (wrong or missing: {', '.join(sorted(wrong))})."
        )
    changes, normal = content.concepts, content.normal
    named_columns: list[tuple[str, Iterable[str]]] = [
        ("concepts.add", changes.add),
        ("concepts.never", changes.never),
        ("parents", [*content.parents, *(p for ps in content.parents.values() for p in ps)]),
        ("empty", content.empty),
    ]
    named_concepts: list[tuple[str, Iterable[str]]] = [
        *((f"concepts.add.{column}", ids) for column, ids in changes.add.items()),
        ("concepts.remove", changes.remove),
        ("concept_statuses", content.concept_statuses),
    ]
    named_statuses: list[tuple[str, Iterable[str]]] = [
        (f"concept_statuses.{concept}", values)
        for concept, values in content.concept_statuses.items()
    ]
    if normal is not None:
        named_columns += [
            ("normal.column", [normal.column]),
            ("normal.ignore_columns", normal.ignore_columns),
        ]
        named_concepts += [
            ("normal.ignore_concepts", normal.ignore_concepts),
            ("normal.also_concepts", normal.also_concepts),
            ("normal.statements", normal.statements),
            ("normal.statements_win_over", normal.statements_win_over),
        ]
        named_statuses += [
            ("normal.statuses", normal.statuses),
            *((f"normal.also_concepts.{c}", found) for c, found in normal.also_concepts.items()),
        ]
    for where, names in named_columns:
        for column in names:
            if column not in columns:
                raise SchemeError(
                    f"{name}: {where}: no column {column!r}; the columns are {', '.join(columns)}."
                )
    for where, names in named_concepts:
        for concept in names:
            if concept not in vocabulary:
                raise SchemeError(f"{name}: {where}: no concept {concept!r} in the vocabulary.")
    for where, names in named_statuses:
        for status in names:
            if status not in STATUSES:
                raise SchemeError(
                    f"{name}: {where}: no status {status!r}; use {', '.join(STATUSES)}."
                )
    values = [
        content.statuses.values(),
        content.rules.values(),
        *(special.values() for special in content.concept_statuses.values()),
    ]
    for value in sorted({v for group in values for v in group if v is not None}):
        if value not in content.order:
            raise SchemeError(
                f"{name}: order: the value {value} is missing: say which of the values wins "
                "where mentions of one column differ."
            )


def _check_entries(content: _SchemeFile, name: str, vocab: Path, vocabulary: Vocabulary) -> None:
    """Raise `SchemeError` for an entry of the vocabulary that counts for what is not there."""
    known = {*scheme_names(vocab), *scheme_names(data_dir("vocab")), content.base or name}
    for concept in vocabulary.concepts:
        where = f"{vocabulary.path.name}, line {concept.line}: concept {concept.id!r}"
        for field_name, entries in (("schemes", concept.schemes), ("excludes", concept.excludes)):
            for scheme, column in entries.items():
                if scheme not in known:
                    raise SchemeError(
                        f"{where}, {field_name}: no scheme {scheme!r}; the schemes are "
                        f"{', '.join(sorted(known))}."
                    )
                # A scheme with a base may leave columns of that base out.
                if scheme == name and not content.base and column not in content.columns:
                    raise SchemeError(
                        f"{where}, {field_name}: the scheme {scheme!r} has no column {column!r}; "
                        f"its columns are {', '.join(content.columns)}."
                    )


def _ancestors(child: str, parents: Mapping[str, list[str]]) -> list[str]:
    found: list[str] = []
    todo = list(parents.get(child, ()))
    while todo:
        parent = todo.pop(0)
        if parent not in found and parent != child:
            found.append(parent)
            todo += parents.get(parent, ())
    return found
