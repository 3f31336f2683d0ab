"""The words of a header's free text, made comparable: capitals, no accents, no digits."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

# "ThoraxPA" and "CHEST_PA2" name a view as well as "Chest PA" does.
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_WORD = re.compile(r"[^\W\d_]+")


#: Characters that are read of a text. A value has 64 by the standard; what is remembered of
#: thousands of texts shall not fill the memory.
_MOST = 1024


def words(text: str) -> tuple[str, ...]:
    """Return the words of a text (of its first thousand characters) in their order.

    Examples
    --------
    >>> words("Thorax d.-v., ThoraxPA_2 Épaule")
    ('THORAX', 'D', 'V', 'THORAX', 'PA', 'EPAULE')
    """
    return _words(text[:_MOST])


@lru_cache(maxsize=4096)
def _words(text: str) -> tuple[str, ...]:
    plain = unicodedata.normalize("NFKD", _CAMEL.sub(" ", text))
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return tuple(_WORD.findall(plain.upper()))


def unspaced(text: str) -> str:
    """Return a text without spaces, for scripts that put none between words."""
    return "".join(unicodedata.normalize("NFKC", text).split())
