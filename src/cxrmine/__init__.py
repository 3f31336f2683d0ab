"""Chest X-ray reports and DICOM files in, traced labels and a clean image data set out.

The top-level names load lazily, so that ``import cxrmine.training`` needs no spaCy and
``cxrmine COMMAND --help`` answers at once.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from cxrmine.labeling.labeler import LabeledReport, Labeler, assert_status
    from cxrmine.labeling.mention import Mention

_HOME = {
    "Labeler": "cxrmine.labeling.labeler",
    "LabeledReport": "cxrmine.labeling.labeler",
    "assert_status": "cxrmine.labeling.labeler",
    "Mention": "cxrmine.labeling.mention",
}

__all__ = ["LabeledReport", "Labeler", "Mention", "__version__", "assert_status"]


def __getattr__(name: str) -> Any:
    """Import a public name on first use."""
    if name in _HOME:
        value = getattr(import_module(_HOME[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'cxrmine' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
