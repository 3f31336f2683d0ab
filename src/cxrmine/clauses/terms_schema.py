"""What may stand in a ``terms.yaml``: its keys, and the kinds of their values."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

_STRICT = ConfigDict(extra="forbid", strict=True)
_Count = Annotated[int, Field(ge=0)]
_Share = Annotated[float, Field(ge=0, le=1)]
_Distance = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class SettingsEntry(BaseModel):
    """How the clauses were made; see `cxrmine.clauses.terms_file.TermsSettings`."""

    model_config = _STRICT
    distance: Literal["levenshtein", "normalized"]
    section: str | None
    split_enumeration: bool
    drop_units: bool
    seed: int | None = None
    k: int | None = None


class MedoidEntry(BaseModel):
    """A medoid and how far from it a clause may lie."""

    model_config = _STRICT
    clause: str
    radius: _Distance
    cluster: int | None = None
    count: _Count = 0


class ExampleEntry(BaseModel):
    """A clause that is there to be read."""

    model_config = _STRICT
    clause: str
    count: _Count = 0


class TermEntry(BaseModel):
    """One term."""

    model_config = _STRICT
    term: int
    label: str | None
    count: _Count = 0
    reports: _Count = 0
    sole_reports: _Count = 0
    share_of_clauses: _Share = 0.0
    share_of_reports: _Share = 0.0
    medoids: list[MedoidEntry] | None = None
    examples: list[ExampleEntry] | None = None
    clauses: list[str] | None = None


class FileEntry(BaseModel):
    """The file."""

    model_config = _STRICT
    settings: SettingsEntry
    terms: list[TermEntry]
