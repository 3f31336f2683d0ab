"""Reads TensorBoard's event files by their wire format, with nothing of what writes them.

TFRecord (length, its masked CRC-32C, payload, its masked CRC-32C) and the fields of ``Event``,
``Summary.Value`` and ``Summary.Image`` (tensorflow/core/util/event.proto, framework/summary.proto).
"""

from __future__ import annotations

import struct
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Entry:
    """A number, or a picture as (width, height, PNG)."""

    step: int
    tag: str
    value: float | tuple[int, int, bytes]


def read_events(path: Path) -> list[Entry]:
    """All entries in their order; a file that is not whole is an error."""
    events = [_fields(payload) for payload in _records(path.read_bytes())]
    assert events[0][3] == [b"brain.Event:2"]
    return [_entry(event) for event in events[1:]]


def _records(data: bytes) -> list[bytes]:
    found, at = [], 0
    while at < len(data):
        (length,) = struct.unpack_from("<Q", data, at)
        payload = data[at + 12 : at + 12 + length]
        assert struct.unpack_from("<I", data, at + 8)[0] == _masked(data[at : at + 8])
        assert struct.unpack_from("<I", data, at + 12 + length)[0] == _masked(payload)
        found.append(payload)
        at += 16 + length
    return found


def _masked(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0x82F63B78 * (crc & 1)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) % 2**32


def _fields(message: bytes) -> dict[int, list[Any]]:
    """The fields of a message by number, as ints, bytes, or the bytes of fixed widths."""
    fields, at = defaultdict(list), 0

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(message):
        number, wire = divmod(varint(), 8)
        if wire == 0:
            fields[number].append(varint())
        else:
            length = {1: 8, 5: 4}[wire] if wire != 2 else varint()
            assert at + length <= len(message)
            fields[number].append(message[at : at + length])
            at += length
    return dict(fields)


def _entry(event: dict[int, list[Any]]) -> Entry:
    ((value,),) = _fields(event[5][0]).values()
    parts = _fields(value)
    tag = parts[1][0].decode()
    if 2 in parts:
        return Entry(event[2][0], tag, struct.unpack("<f", parts[2][0])[0])
    image = _fields(parts[4][0])
    return Entry(event[2][0], tag, (image[2][0], image[1][0], image[4][0]))
