"""Values of a DICOM header, read so that no odd value stops the work.

pydicom converts an element when it is asked for it and raises what the conversion raises: a blank
US, an IS that holds letters or an unknown character set would each stop a file whose pixels are
sound. Here a value that cannot be read is a value that is not there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

#: Sequences and numbers above this were left in the file and stay there: bytes.
_MOST_BYTES = 2**23
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]+")


@lru_cache(maxsize=256)
def _tag(keyword: str) -> BaseTag:
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise ValueError(f"no DICOM attribute is called {keyword}")
    return BaseTag(tag)


def text(dataset: Dataset, keyword: str) -> str:
    r"""Return an attribute's text, without padding; blank where there is none.

    Several values are joined by backslashes, as in the file (PS3.5 section 6.4). Control
    characters count as spaces, and text ends at the first NUL, behind which some writers leave
    what was in their memory. Any character set of the header is decoded; bytes that are not in
    it are read as Latin-1, so that equal bytes give equal text.

    Parameters
    ----------
    dataset : pydicom.Dataset
    keyword : str
        As in PS3.6, ``PatientID``.
    """
    tag = _tag(keyword)
    raw: bytes | None = None
    try:
        # Without the conversion of pydicom, which takes most of the time and is only needed
        # where characters are not ASCII (or escape sequences, PS3.5 section 6.1.2.5, make
        # others of them).
        element = dataset.get_item(tag, keep_deferred=True)
        if element is None:
            return ""
        value = element.value
        if isinstance(element, RawDataElement):
            if value is None:
                return ""
            if isinstance(value, bytes):
                raw = value
                if raw.isascii() and b"\x1b" not in raw:
                    return _clean(raw.decode("ascii"))
            value = dataset[tag].value
    except Exception:
        return _clean(raw.decode("latin-1")) if raw is not None else ""
    if value is None:
        return ""
    if _several(value):
        return _clean("\\".join(str(one) for one in value))
    return _clean(str(value))


def number(dataset: Dataset, keyword: str) -> int | None:
    """Return an attribute's whole number (its first, of several); None where there is none."""
    try:
        value = _value(dataset, _tag(keyword))
        if _several(value):
            value = value[0]
        return int(value)
    except Exception:
        return None


def items(dataset: Dataset, keyword: str) -> list[Dataset]:
    """Return the items of a sequence; none where there is no sequence that can be read."""
    try:
        value = _value(dataset, _tag(keyword))
        return [item for item in value if isinstance(item, Dataset)]
    except Exception:
        return []


def _value(dataset: Dataset, tag: BaseTag) -> Any:
    """Return an attribute's value; raises whatever pydicom does, and for one of many megabytes."""
    element = dataset.get_item(tag, keep_deferred=True)
    waiting = isinstance(element, RawDataElement) and element.value is None
    if waiting and element.length > _MOST_BYTES:
        raise ValueError("too large")
    return dataset[tag].value


def _several(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _clean(value: str) -> str:
    return _CONTROLS.sub(" ", value.partition("\0")[0]).strip()
