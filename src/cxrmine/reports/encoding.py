"""The character encoding of a report file: UTF-8, else detected and said aloud."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable

#: What a file is read as that no other encoding fits: every byte means something in it.
LAST_RESORT = "cp1252"

# Longest first: the mark of UTF-32-LE begins with that of UTF-16-LE.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# The guesses that make sense for reports; free choice makes charset-normalizer find rare code
# pages in short files.
_PLAUSIBLE = [
    "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "gb18030", "big5", "shift_jis", "euc_jp",
    "euc_kr", "mac_roman",
]  # fmt: skip
_HIGH = re.compile(rb"[\x80-\xff]+")
_SAMPLE_BYTES = 1 << 18


def decode(data: bytes) -> tuple[str, str | None]:
    """Decode a whole file.

    Returns
    -------
    text, encoding
        `encoding` is None for UTF-8 (with or without a byte-order mark), else the name of what
        was detected, for the warning that the reader owes its user. Never fails: bytes that no
        encoding explains become U+FFFD.
    """
    encoding = detect([data])
    if encoding in ("utf-8", "utf-8-sig"):
        return data.decode(encoding), None
    return data.decode(encoding, errors="replace"), encoding.removesuffix("-sig")


def detect(chunks: Iterable[bytes]) -> str:
    """Name the encoding of a file given in chunks, without keeping it in memory.

    Order: byte-order mark; UTF-16 without one (every other byte of ASCII text is NUL); UTF-8 if
    every chunk is valid; Windows-1252 if bytes above ASCII come by ones and twos, as in Western
    text; what charset-normalizer finds plausible; Windows-1252.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    sample = bytearray()  # from the first chunk that is not UTF-8
    head = b""
    for chunk in chunks:
        if not head:
            head = chunk[:1024]
            for mark, encoding in _MARKS:
                if head.startswith(mark):
                    return encoding
            if wide := _utf16_without_mark(head):
                return wide
        if not sample:
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError as error:
                sample += chunk[max(0, error.start - 4096) :][:_SAMPLE_BYTES]
        else:
            sample += chunk[: _SAMPLE_BYTES - len(sample)]
        if len(sample) >= _SAMPLE_BYTES:
            break
    if not sample:
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return LAST_RESORT  # the file ends amid a character
        return "utf-8"
    return _guess(bytes(sample))


def _utf16_without_mark(head: bytes) -> str | None:
    if len(head) < 4 or b"\0" not in head:
        return None
    half = len(head) // 2
    if head[1::2].count(0) > 0.7 * half and head[::2].count(0) == 0:
        return "utf-16-le"
    if head[::2].count(0) > 0.7 * half and head[1::2].count(0) == 0:
        return "utf-16-be"
    return None


def _guess(sample: bytes) -> str:
    # Western text has its accents, dashes and degree signs one, two, at most three at a time; in
    # Chinese, Japanese, Cyrillic … they come in rows. Statistics over so few bytes only guess.
    if max(map(len, _HIGH.findall(sample)), default=0) <= 3 and _fits(sample, LAST_RESORT):
        return LAST_RESORT
    from charset_normalizer import from_bytes

    best = from_bytes(sample, cp_isolation=_PLAUSIBLE, explain=False).best()
    return best.encoding if best is not None else LAST_RESORT


def _fits(sample: bytes, encoding: str) -> bool:
    try:
        sample.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
