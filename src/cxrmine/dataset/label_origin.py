"""Where a table of labels comes from, as far as the run that wrote it says."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

_WORD = re.compile(r"[\w.+-]{1,64}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


def label_origin(labels: Path) -> dict[str, str]:
    """Return what the ``run.json`` beside a table of labels says of it.

    Parameters
    ----------
    labels : Path
        ``labels.csv`` or ``labels_SCHEME.csv``.

    Returns
    -------
    dict
        ``command`` and ``version``; for mine-labels also ``scheme``, ``rules``, ``vocabulary``
        (SHA-256) and ``parser``. Empty where no run of ours wrote the table. Only words of plain
        form are taken: the file lies among patient data.
    """
    with suppress(OSError, ValueError):
        record = json.loads((labels.parent / "run.json").read_bytes())
        if isinstance(record, dict) and labels.name in record.get("outputs", ()):
            return _origin(record, labels.name)
    return {}


def _origin(record: Mapping[str, Any], name: str) -> dict[str, str]:
    command = record.get("command")
    version = record.get("versions", {}).get("cxrmine", "")
    if command == "cluster-clauses":
        return {"command": command, "version": _plain(_WORD, version)}
    if command != "mine-labels":
        return {}
    schemes = record.get("schemes") or [""]
    scheme = schemes[0] if name == "labels.csv" else name[len("labels_") : -len(".csv")]
    labeler = record.get("labeler", {})
    return {
        "command": command,
        "version": _plain(_WORD, version),
        "scheme": _plain(_WORD, scheme),
        "parser": _plain(_WORD, labeler.get("parser", "")),
        "rules": _plain(_DIGEST, labeler.get("rules_sha256", "")),
        "vocabulary": _plain(_DIGEST, labeler.get("vocabulary_sha256", "")),
    }


def _plain(form: re.Pattern[str], value: object) -> str:
    return value if isinstance(value, str) and form.fullmatch(value) else ""


def told(origin: Mapping[str, str]) -> str:
    """Return an origin as a phrase for the card.

    >>> told({"command": "mine-labels", "version": "0.1.0", "scheme": "chexpert",
    ...       "parser": "", "rules": "ab" * 32, "vocabulary": "cd" * 32})
    'mine-labels 0.1.0, scheme chexpert, rules abababababab, vocabulary cdcdcdcdcdcd'
    >>> told({})
    'a table of report labels that names no run'
    """
    if not origin:
        return "a table of report labels that names no run"
    words = [f"{origin['command']} {origin['version']}".rstrip()]
    for name, length in (("scheme", None), ("rules", 12), ("vocabulary", 12)):
        if origin.get(name):
            words.append(f"{name} {origin[name][:length]}")
    return ", ".join(words)
