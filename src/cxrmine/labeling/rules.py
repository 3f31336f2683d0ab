"""Rules that decide the status of a mention, read from ``rules/*.yaml``.

A rule has an id, a status, a priority, and one or both of

* ``pattern``: walks on the dependency graph (`cxrmine.labeling.patterns`);
* ``surface``: a cue phrase and the side on which the mention stands, for mentions that need no
  parse and for sentences whose parse cannot be right;

and its own examples, which the test suite and ``mine-labels --check-rules`` run.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from cxrmine.errors import UserError
from cxrmine.labeling.cues import Cues
from cxrmine.labeling.mention import STATUSES
from cxrmine.labeling.patterns import Pattern, PatternError, compile_pattern
from cxrmine.labeling.phrases import PhraseParser
from cxrmine.resources import data_dir
from cxrmine.yamlfile import invalid_entry, load_yaml


class RuleError(UserError):
    """A rule file that cannot be used; one sentence with file, rule and remedy."""


class Example(BaseModel):
    """A sentence, the words of a mention in it, and the status that they must get."""

    model_config = ConfigDict(extra="forbid")
    text: str
    mention: str
    status: str

    @field_validator("status")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in STATUSES:
            raise ValueError(f"{value!r} is not a status; use one of {', '.join(STATUSES)}")
        return value


class SurfaceEntry(BaseModel):
    """The surface half of a rule, as written."""

    model_config = ConfigDict(extra="forbid")
    cue: list[str] = Field(min_length=1)
    mention: Literal["after", "before", "either"]
    within: int = Field(default=40, ge=1, le=200)
    adjacent: bool = False
    lists: bool | None = None
    anywhere: bool = False
    closing: bool = False


class RuleEntry(BaseModel):
    """One rule, as written."""

    model_config = ConfigDict(extra="forbid")
    id: str
    status: str
    priority: int
    comment: str = ""
    pattern: str | list[str] = []
    surface: SurfaceEntry | list[SurfaceEntry] = []
    examples: list[Example] = Field(min_length=1)
    not_here: list[Example] = []

    @field_validator("id")
    @classmethod
    def _plain(cls, value: str) -> str:
        if not re.fullmatch("[a-z0-9][a-z0-9-]*", value):
            raise ValueError(f"{value!r} is no id; use lower-case letters, digits and hyphens")
        return value

    @field_validator("status")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in STATUSES:
            raise ValueError(f"{value!r} is not a status; use one of {', '.join(STATUSES)}")
        return value


class RuleFile(BaseModel):
    """A rule file, as written."""

    model_config = ConfigDict(extra="forbid")
    about: str = ""
    lists: dict[str, list[str]] = {}
    rules: list[RuleEntry]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule ready for use. ``order`` breaks ties of priority: earlier in the files wins."""

    id: str
    status: str
    priority: int
    order: int
    patterns: tuple[Pattern, ...]
    source: str
    examples: tuple[Example, ...]
    not_here: tuple[Example, ...]


@dataclass(frozen=True, slots=True)
class SurfaceCue:
    """What a cue phrase means: the rule, the side of the mention, and how far it reaches.

    ``adjacent``: only a determiner and an adjective may stand between cue and mention. ``lists``:
    the cue holds for every item of a list ("no A, B and C"); a hedge holds for the first item and
    those joined by "or". ``anywhere``: it holds for the whole sentence on its side. ``closing``:
    it ends its clause ("X is likely.", not "X is likely pneumonia"). ``denies``: it
    negates. ``tempers``: it holds whatever stronger hedge follows ("no findings suggestive of X",
    "possibly consistent with X").
    """

    rule: Rule
    after: bool
    before: bool
    within: int
    adjacent: bool
    lists: bool
    anywhere: bool
    closing: bool
    denies: bool
    tempers: bool


class RuleSet:
    """All rules of a folder, indexed for the assertion step."""

    def __init__(
        self,
        rules: list[Rule],
        before_mention: Cues[SurfaceCue],
        behind_mention: Cues[SurfaceCue],
        fingerprint: str,
    ) -> None:
        self.rules = tuple(rules)
        self.by_id = {rule.id: rule for rule in rules}
        # Two sets, so that "is negative" (behind its mention) does not hide "negative for".
        self.before_mention = before_mention
        self.behind_mention = behind_mention
        self.fingerprint = fingerprint
        self.by_word: dict[str, list[tuple[Rule, Pattern]]] = {}
        for rule in rules:
            for pattern in rule.patterns:
                for word in pattern.cue_words():
                    self.by_word.setdefault(word, []).append((rule, pattern))


def load_rules(folder: str | Path | None = None) -> RuleSet:
    """Load the rule files of `folder` (default: the shipped ones).

    Raises
    ------
    RuleError
        If a file cannot be read or a rule is wrong; says which, where and what to do.
    """
    path = data_dir("rules") if folder is None else Path(folder)
    files = sorted(path.glob("*.yaml")) if path.is_dir() else []
    if not files:
        raise RuleError(f"No rule files (*.yaml) in {path}: give --rules a folder that has some.")
    rules: list[Rule] = []
    cues: tuple[Cues[SurfaceCue], Cues[SurfaceCue]] = (Cues(), Cues())
    digest = hashlib.sha256()
    seen: dict[str, str] = {}
    contents = [(file, _read(file)) for file in files]
    shared: dict[str, list[str]] = {}
    for _, content in contents:
        shared.update(content.lists)
    for file, content in contents:
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
        # A file's own list wins over one of the same name elsewhere.
        lists = {**shared, **content.lists}
        try:
            parser = PhraseParser({name: tuple(words) for name, words in lists.items()})
        except ValueError as error:
            raise RuleError(f"{file.name}: {error}.") from None
        words = {name: frozenset(w.lower() for w in value) for name, value in lists.items()}
        for entry in content.rules:
            if entry.id in seen:
                raise RuleError(
                    f"{file.name}: rule {entry.id!r} stands in {seen[entry.id]} already: "
                    "give it another id."
                )
            seen[entry.id] = file.name
            rules.append(_compile(entry, len(rules), file.name, words, parser, cues))
    for direction in cues:
        direction.ready()
    return RuleSet(rules, *cues, digest.hexdigest())


def _read(file: Path) -> RuleFile:
    raw = load_yaml(file)
    try:
        return RuleFile.model_validate(raw)
    except ValidationError as error:
        raise RuleError(invalid_entry(file, error, RuleFile)) from None


def _compile(
    entry: RuleEntry,
    order: int,
    source: str,
    lists: Mapping[str, frozenset[str]],
    parser: PhraseParser,
    cues: tuple[Cues[SurfaceCue], Cues[SurfaceCue]],
) -> Rule:
    written = [entry.pattern] if isinstance(entry.pattern, str) else entry.pattern
    surfaces = [entry.surface] if isinstance(entry.surface, SurfaceEntry) else entry.surface
    if not written and not surfaces:
        raise RuleError(
            f"{source}: rule {entry.id!r} has neither a pattern nor a surface cue: add one."
        )
    try:
        patterns = tuple(compile_pattern(p, lists) for p in written)
        for pattern in patterns:
            if not pattern.cue_words():
                raise PatternError(f"pattern {pattern.source!r}: mark its cue, as in @{{no}}")
        rule = Rule(
            entry.id,
            entry.status,
            entry.priority,
            order,
            patterns,
            source,
            tuple(entry.examples),
            tuple(entry.not_here),
        )
        for surface in surfaces:
            cue = SurfaceCue(
                rule,
                surface.mention in ("after", "either"),
                surface.mention in ("before", "either"),
                surface.within,
                surface.adjacent,
                entry.status not in ("possible", "probable")
                if surface.lists is None
                else surface.lists,
                surface.anywhere,
                surface.closing,
                entry.status == "absent",
                entry.status in ("absent", "possible"),
            )
            for phrase in surface.cue:
                if cue.after:
                    cues[0].add(phrase, parser, cue)
                if cue.before:
                    cues[1].add(phrase, parser, cue)
    except ValueError as error:
        raise RuleError(f"{source}: rule {entry.id!r}: {error}.") from None
    return rule
