"""Read the project's YAML files: safe, quick, and with words such as ``no`` and ``on`` left alone.

What is wrong with a file is told in one sentence with its name and line (`load_yaml`, and
`invalid_entry` for one that is YAML and yet does not say what it must).

YAML 1.1 reads ``no``, ``yes``, ``on`` and ``off`` as truth values, which is the last thing that a
list of negation cues needs; here, as in YAML 1.2, only ``true`` and ``false`` are.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import yaml

from cxrmine.errors import UserError

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):  # type: ignore[misc]
    """PyYAML's safe loader with the truth values of YAML 1.2."""


class _KeyTwice(yaml.constructor.ConstructorError):
    """A key that stands twice in one mapping."""


class _UniqueLoader(_Loader):
    """The same, to which a key that stands twice is wrong: PyYAML silently takes the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    problem = f"the key {key.value!r} stands twice"
                    raise _KeyTwice(None, None, problem, key.start_mark)
                seen.add(key.value)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        return mapping


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
    for first, resolvers in _Base.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile("^(?:true|True|false|False)$"), list("tTfF")
)


def load_yaml(path: Path, *, unique_keys: bool = True) -> Any:
    """Return the content of a YAML file as plain Python values.

    Parameters
    ----------
    path
        The file.
    unique_keys
        Whether a key that stands twice in one mapping is an error; else its last value counts.

    Raises
    ------
    UserError
        If the file cannot be read or is not valid YAML; names the file and the line.
    """
    try:
        loader = _UniqueLoader if unique_keys else _Loader
        return yaml.load(path.read_text("utf-8"), Loader=loader)
    except OSError as error:
        raise UserError(f"{path.name} cannot be read ({error.strerror}): check it.") from None
    except UnicodeDecodeError:
        raise UserError(f"{path.name} is not UTF-8 text: save it as UTF-8.") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "it cannot be parsed"
        if isinstance(error, _KeyTwice):
            raise UserError(f"{path.name}{where}: {problem}: keep one of them.") from None
        if (quote := _open_quote(path, error)) is not None:
            raise UserError(
                f"{path.name}, line {quote + 1}: not valid YAML (a quote that opens here is not "
                "closed on its line): close it."
            ) from None
        raise UserError(
            f"{path.name}{where}: not valid YAML ({problem}): mend the line (the indentation is "
            "made of spaces; texts with ': ' or ' #' need quotes)."
        ) from None


def _open_quote(path: Path, error: yaml.YAMLError) -> int | None:
    """Return the line, from 0, of a quote that nobody closed, if that is what `error` is about.

    Such a quote swallows lines up to the next one, and the parser stumbles over what follows.
    """
    if not isinstance(error, yaml.scanner.ScannerError | yaml.parser.ParserError):
        return None
    mark = error.problem_mark
    if mark is None:
        return None
    if "quoted scalar" in (error.context or "") and "end of stream" in (error.problem or ""):
        return int(error.context_mark.line) if error.context_mark else None
    last = None
    try:
        for token in yaml.scan(path.read_text("utf-8"), Loader=_Loader):
            if token.start_mark.line > mark.line:
                break
            if isinstance(token, yaml.ScalarToken) and token.style in ("'", '"'):
                if token.end_mark.line > token.start_mark.line:
                    last = token
                elif last is not None and token.start_mark.line > last.end_mark.line:
                    last = None  # a text of several lines that is none of the mistake's business
    except yaml.YAMLError:
        pass  # that is the mistake
    return int(last.start_mark.line) if last is not None else None


def invalid_entry(path: Path, error: ValidationError, model: type[BaseModel]) -> str:
    """Return the sentence about a YAML file whose content is not what `model` asks for.

    Parameters
    ----------
    path
        The file.
    error
        What pydantic found wrong with its content. Of several errors the one deepest in the file
        is told (of the readings that a field allows, the one that got furthest), and of those at
        the same depth an unknown key, which tends to be the cause of a missing one.
    model
        The file's model; says which keys there are.

    Returns
    -------
    str
        File, line, where in the file, what is wrong and what to write.
    """
    wrong = max(
        error.errors(include_url=False),
        key=lambda e: (len(e["loc"]), e["type"] == "extra_forbidden"),
    )
    node, steps = yaml.compose(path.read_text("utf-8"), Loader=_Loader), []
    line = 1
    for part in wrong["loc"]:
        key, value = _child(node, part)
        if value is None:
            if part == wrong["loc"][-1] and wrong["type"] == "missing":
                steps.append(str(part))
            continue  # the name of a reading, which is not in the file
        line = key.start_mark.line + 1
        name = _child(value, "id")[1] if isinstance(part, int) else None
        steps.append(str(part + 1) if isinstance(part, int) else part)
        if isinstance(name, yaml.ScalarNode):
            steps[-1] = repr(name.value)
        node = value
    where = ", ".join(steps) or "the file"
    return f"{path.name}, line {line}: {where} {_remedy(wrong, model)}."


def _child(node: yaml.Node | None, part: int | str) -> tuple[Any, yaml.Node | None]:
    """Return the key's node (a list's item is its own) and the value's of one part of a place."""
    if isinstance(node, yaml.MappingNode):
        return next(((k, v) for k, v in node.value if k.value == part), (None, None))
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part], node.value[part]
    return None, None


def _remedy(wrong: Any, model: type[BaseModel]) -> str:
    kind, given = wrong["type"], repr(wrong["input"])
    given = given if len(given) <= 60 else given[:60] + "…"
    if wrong["input"] is None:
        given = "empty"  # as written: nothing behind the colon
    if kind == "missing":
        return "is missing: add it"
    if kind == "extra_forbidden":
        return f"is an unknown key: use one of {', '.join(_keys(model, wrong['loc'][:-1]))}"
    if kind == "list_type":
        return f"is {given}: write a list, as in [one, two]"
    if kind in ("dict_type", "model_type", "model_attributes_type"):
        return f"is {given}: write keys with their values, as in key: value"
    if kind in ("int_type", "int_parsing", "int_from_float"):
        return f"is {given}: write a whole number"
    if kind in ("bool_type", "bool_parsing"):
        return f"is {given}: write true or false"
    if kind == "string_type":
        return f"is {given}: write a text (a number or one with ': ' needs quotes)"
    if kind == "literal_error":
        return f"is {given}: write {wrong['ctx']['expected']}"
    if kind == "greater_than_equal":
        return f"is {given}: write a number of {wrong['ctx']['ge']} or more"
    if kind == "less_than_equal":
        return f"is {given}: write a number of {wrong['ctx']['le']} or less"
    if kind == "too_short":
        return "is empty: list at least one"
    if kind == "value_error":
        return f"is wrong: {wrong['ctx']['error']}"
    message = wrong["msg"]
    return f"is {given}: {message[0].lower()}{message[1:]}"


def _keys(model: type[BaseModel], place: Sequence[int | str]) -> list[str]:
    """Return the keys that the mapping at a place of the file may have."""
    models = [model]
    for part in place:
        fields = [m.model_fields[part] for m in models if part in m.model_fields]
        if fields:
            models = [m for field in fields for m in _models(field.annotation)]
    return list(dict.fromkeys(f.alias or n for m in models for n, f in m.model_fields.items()))


def _models(annotation: Any) -> list[type[BaseModel]]:
    """Return the models in a type, such as ``M | list[M]``."""
    if hasattr(annotation, "model_fields"):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models(part)]
