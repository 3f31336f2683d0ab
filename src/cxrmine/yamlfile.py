"""Read the project's YAML files: safe, quick, and with words such as ``no`` and ``on`` left alone.

YAML 1.1 reads ``no``, ``yes``, ``on`` and ``off`` as truth values, which is the last thing that a
list of negation cues needs; here, as in YAML 1.2, only ``true`` and ``false`` are.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from cxrmine.errors import UserError

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):  # type: ignore[misc]
    """PyYAML's safe loader with the truth values of YAML 1.2."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
    for first, resolvers in _Base.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile("^(?:true|True|false|False)$"), list("tTfF")
)


def load_yaml(path: Path) -> Any:
    """Return the content of a YAML file as plain Python values.

    Raises
    ------
    UserError
        If the file cannot be read or is not valid YAML; names the file and the line.
    """
    try:
        return yaml.load(path.read_text("utf-8"), Loader=_Loader)
    except OSError as error:
        raise UserError(f"{path.name} cannot be read ({error.strerror}).") from None
    except UnicodeDecodeError:
        raise UserError(f"{path.name} is not UTF-8 text: save it as UTF-8.") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "it cannot be parsed"
        raise UserError(f"{path.name}{where}: not valid YAML: {problem}.") from None
