"""Which window made the grey values of an image, for the card and its figure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

#: Where grey values come from, in the words of `images.grey_table`, and how a reader is told.
SOURCES: Mapping[str, str] = {
    "window": "window in the file",
    "voi lut": "VOI lookup table in the file",
    "percentiles": "no window: 0.5–99.5 percentiles",
    "as stored": "8 bits, as stored",
}


@dataclass(frozen=True, slots=True)
class WindowUse:
    """How the grey values of one image came about (from `images.grey_table.GreyTable`).

    ``source`` is a key of `SOURCES`; ``function`` is ``LINEAR``, ``LINEAR_EXACT``, ``SIGMOID`` or
    blank; ``centre`` and ``width`` are in modality units, None where there is no window.
    """

    source: str
    centre: float | None = None
    width: float | None = None
    function: str = ""
