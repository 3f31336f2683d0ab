"""The sentence about a wrong YAML file: its name, the line, what is wrong and what to write."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from cxrmine.errors import UserError
from cxrmine.yamlfile import invalid_entry, load_yaml


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    words: list[str]
    side: Literal["left", "right"] = "left"
    near: bool = False


class Entry(BaseModel):
    model_config = ConfigDict(extra="forbid")
    id: str
    size: int | None = 1
    inner: Inner | list[Inner] = []
    samples: list[str] = Field(default=["one"], min_length=1)
    share: int = Field(default=1, ge=1, le=9)

    @field_validator("id")
    @classmethod
    def _known(cls, value: str) -> str:
        if value == "z":
            raise ValueError("'z' is taken; use another")
        return value


class Top(BaseModel):
    model_config = ConfigDict(extra="forbid")
    entries: list[Entry]
    values: dict[str, int] = {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: the file is empty: write keys with their values, as in key: value."),
        ("values: {}", "line 1: entries is missing: add it."),
        ("entries:\n- id: a\n  sise: 3",
         "line 3: entries, 'a', sise is an unknown key: use one of id, size, inner, samples, share."),
        ("entries:\n- size: 3", "line 2: entries, 1, id is missing: add it."),
        ("entries:\n- a", "line 2: entries, 1 is 'a': write keys with their values, as in key: value."),
        ("entries: {a: b}", "line 1: entries is {'a': 'b'}: write a list, as in [one, two]."),
        ("entries:\n- id: a\n  inner:\n    words: no",
         "line 4: entries, 'a', inner, words is 'no': write a list, as in [one, two]."),
        ("entries:\n- id: a\n  inner:\n    words: [on]\n    sied: left",
         "line 5: entries, 'a', inner, sied is an unknown key: use one of words, side, near."),
        ("entries:\n- id: a\n  inner:\n  - words: [x]\n    side: top",
         "line 5: entries, 'a', inner, 1, side is 'top': write 'left' or 'right'."),
        ("entries:\n- id: a\n  inner: {words: [x: y]}",
         "line 3: entries, 'a', inner, words, 1 is {'x': 'y'}: write a text (a number or one with ': ' needs quotes)."),
        ("entries:\n- id: a\n  inner: {words: [x], near: maybe}",
         "line 3: entries, 'a', inner, near is 'maybe': write true or false."),
        ("entries:\n- id: a\n  samples: []", "line 3: entries, 'a', samples is empty: list at least one."),
        ("entries: []\nvalues:\n  a: 1\n  b: many", "line 4: values, b is 'many': write a whole number."),
        ("entries:\n- id: a\n  share: 0", "line 3: entries, 'a', share is 0: write a number of 1 or more."),
        ("entries:\n- id: a\n  share: 10",
         "line 3: entries, 'a', share is 10: write a number of 9 or less."),
        ("entries:\n- id: a\n  share:", "line 3: entries, 'a', share is empty: write a whole number."),
        ("entries:\n- id: z", "line 2: entries, 'z', id is wrong: 'z' is taken; use another."),
        ("entries: []\nvalues:\n  a: " + 100 * "x", "line 3: values, a is '" + 59 * "x" + "…: write a whole number."),
    ],
)  # fmt: skip
def test_invalid_entry(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(ValidationError) as error:
        Top.model_validate(load_yaml(path))
    assert invalid_entry(path, error.value, Top) == f"mine.yaml, {message}"


def test_keys_that_stand_twice(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("a: {x: 1}\nb:\n  no: 1\n  no: 2\n", "utf-8")
    with pytest.raises(UserError) as error:
        load_yaml(path)
    assert str(error.value) == "mine.yaml, line 4: the key 'no' stands twice: keep one of them."
    assert load_yaml(path, unique_keys=False) == {"a": {"x": 1}, "b": {"no": 2}}


def test_the_same_key_in_two_mappings_is_none_twice(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("- {no: 1}\n- {no: {no: 2}}\n", "utf-8")
    assert load_yaml(path) == [{"no": 1}, {"no": {"no": 2}}]


@pytest.mark.parametrize(
    "text",
    ['a: x\nb: "no\nc: 1\nd: "yes"\n', "a: x\nb: 'no\nc: 1\n", 'a: x\nb: {c: "d}\ne: "f"\n'],
)
def test_a_quote_that_nobody_closed_is_found_where_it_opens(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(
        UserError, match=r"^mine\.yaml, line 2: not valid YAML \(a quote that opens"
    ):
        load_yaml(path)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('a: "of two\n  lines"\nb: "x"\nc: y: z\n', "line 4"),
        ('a: "of two\n  lines"\nb: !!python/name:os.system\n', "line 3"),
        ('a: "\\ud800"\n', "line 1"),
        ("a: \x00\n", "mine.yaml: not valid"),
    ],
)
def test_a_quote_of_several_lines_is_no_mistake(tmp_path: Path, text: str, line: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(UserError, match=f"{line}.*: mend the line"):
        load_yaml(path)


@pytest.mark.parametrize("text", ["a: [1\nb: 2\n", "a:\n\t- b\n", "a: x: y\n"])
def test_no_yaml(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(
        UserError, match=r"^mine\.yaml, line \d: not valid YAML \(.*: mend the line"
    ):
        load_yaml(path)
