"""TensorBoard event files, written without TensorBoard.

An event file is a row of TFRecords (length, masked CRC-32C of it, payload, masked CRC-32C of
that), each an ``Event`` in protocol buffers (tensorflow/core/util/event.proto and
framework/summary.proto). Scalars and PNG images need a dozen fields, so the trainer writes them
itself: it then needs no further package, and the file holds no clock and no host name. A run that
was killed and resumed leaves the same bytes as one that was not; `size` tells a checkpoint how
long the file was.
"""

from __future__ import annotations

import os
import struct
from functools import cache
from pathlib import Path

from cxrmine.errors import UserError

#: TensorBoard takes any file whose name holds ``tfevents``.
NAME = "events.out.tfevents.cxrmine"


class EventFile:
    """An event file under way.

    Parameters
    ----------
    path : Path
        The file; its folder must exist.
    size : int
        How much of an earlier start's file is kept, in bytes; what follows is cut off. With 0 the
        file begins anew.

    Raises
    ------
    UserError
        If the earlier start's file is not there or shorter than that.

    Notes
    -----
    An event's time is its step in seconds: TensorBoard's axes "step" and "relative" then agree.
    """

    def __init__(self, path: Path, size: int = 0) -> None:
        if size and (not path.is_file() or path.stat().st_size < size):
            raise UserError(
                f"the events of the earlier start, {str(path)!r}, are missing or cut short; start "
                "the run anew with --force."
            )
        self._handle = path.open("r+b" if size else "wb")
        self._handle.truncate(size)
        self._handle.seek(0, os.SEEK_END)
        if not size:
            self._write(_time(0) + _text(3, b"brain.Event:2"))

    def scalar(self, tag: str, value: float, step: int) -> None:
        """Add a number."""
        self._summary(_text(1, tag.encode()) + b"\x15" + struct.pack("<f", value), step)

    def image(self, tag: str, png: bytes, width: int, height: int, step: int) -> None:
        """Add a picture, encoded as PNG; its size in pixels."""
        content = _number(1, height) + _number(2, width) + _number(3, 3) + _text(4, png)
        self._summary(_text(1, tag.encode()) + _text(4, content), step)

    @property
    def size(self) -> int:
        """The file's length in bytes, all of it written."""
        self._handle.flush()
        return self._handle.tell()

    def close(self) -> None:
        """Close the file."""
        self._handle.close()

    def _summary(self, value: bytes, step: int) -> None:
        self._write(_time(step) + _number(2, step) + _text(5, _text(1, value)))

    def _write(self, payload: bytes) -> None:
        length = struct.pack("<Q", len(payload))
        self._handle.write(length + _masked_crc(length) + payload + _masked_crc(payload))
        self._handle.flush()


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _text(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _time(seconds: int) -> bytes:
    return b"\x09" + struct.pack("<d", float(seconds))


@cache
def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
        table.append(crc)
    return tuple(table)


def crc32c(data: bytes) -> int:
    """Return the CRC-32C (Castagnoli) of `data`.

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    crc, table = 0xFFFFFFFF, _crc_table()
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def _masked_crc(data: bytes) -> bytes:
    crc = crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)
