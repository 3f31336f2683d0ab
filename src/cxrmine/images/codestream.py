"""What a compressed image says about itself: its codec, size, precision, components and sign.

The header of a DICOM file and the compressed stream inside it are often written by different
programs, and they disagree: a stream of 8 bits under a header of 16, a lossless stream under the
name of a lossy transfer syntax. The stream is what the decoder reads, so the stream is asked,
before anything is decoded; nor is memory taken for a size that only the stream has claimed.

Sources: JPEG, ITU-T T.81 annex B; JPEG-LS, ITU-T T.87 annex C; JPEG 2000, ITU-T T.800 annex A
(codestream) and I (JP2 boxes).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from cxrmine.images.faults import ImageFault


class Codec(Enum):
    """The families that need different decoders."""

    JPEG_8 = "JPEG (8 bits)"
    JPEG_12 = "JPEG (12 bits)"
    JPEG_LOSSLESS = "JPEG Lossless"
    JPEG_LS = "JPEG-LS"
    JPEG_2000 = "JPEG 2000"
    RLE = "RLE"


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """The head of a compressed stream.

    Parameters
    ----------
    codec : Codec
        The family of the stream, whatever the transfer syntax says.
    rows, columns : int
        In pixels.
    precision : int
        Bits of a sample.
    components : int
        1 for grey.
    signed : bool
        Whether the decoder gives negative samples; only JPEG 2000 can say so.
    """

    codec: Codec
    rows: int
    columns: int
    precision: int
    components: int
    signed: bool = False


_JPEG_START = b"\xff\xd8"
_JPEG_2000_START = b"\xff\x4f\xff\x51"
_JP2_SIGNATURE = b"\x00\x00\x00\x0cjP  "
#: Boxes before the codestream of a JP2 file: some hundred bytes, an ICC profile included.
_JP2_SEARCH = 1 << 20
_END = b"\xff\xd9"  # EOI of JPEG and JPEG-LS, EOC of JPEG 2000
#: Bytes after the end: one zero by the standard (even length); more, and 0xFF, by other writers.
_PADDING = b"\0\xff"
_TRAILER = 4096

_SOF_LOSSLESS = 0xC3
_SOF_DCT = {0xC0, 0xC1, 0xC2}
_SOF_LS = 0xF7
_OTHER_SOF = {0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF}
_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD9)}


def read_stream_info(stream: bytes) -> StreamInfo:
    """Read the head of a JPEG, JPEG-LS or JPEG 2000 stream.

    Parameters
    ----------
    stream : bytes
        The compressed frame.

    Returns
    -------
    StreamInfo

    Raises
    ------
    ImageFault
        If it is none of the three, or ends within its head.
    """
    try:
        if stream.startswith(_JP2_SIGNATURE):
            start = stream.find(_JPEG_2000_START, 0, _JP2_SEARCH)
            if start >= 0:
                return _jpeg_2000(stream, start)
        elif stream.startswith(_JPEG_2000_START):
            return _jpeg_2000(stream, 0)
        elif stream.startswith(_JPEG_START):
            return _jpeg(stream)
    except IndexError:
        raise ImageFault("truncated pixel data") from None
    raise ImageFault("the pixel data is not in the form that the transfer syntax names")


def is_complete(stream: bytes) -> bool:
    """Return whether a JPEG, JPEG-LS or JPEG 2000 stream has its end marker.

    Without it the rest of the image is missing, and most decoders fill that part with grey and
    say nothing.
    """
    return stream[-_TRAILER:].rstrip(_PADDING).endswith(_END)


def _number(stream: bytes, at: int, size: int) -> int:
    """Return a big-endian number; IndexError if the stream ends before it."""
    if at + size > len(stream):
        raise IndexError
    return int.from_bytes(stream[at : at + size], "big")


def _jpeg_2000(stream: bytes, start: int) -> StreamInfo:
    """Read the SIZ segment (T.800 A.5.1), which follows the start of the codestream."""
    x1, y1, x0, y0 = (_number(stream, start + 8 + 4 * i, 4) for i in range(4))
    components = _number(stream, start + 40, 2)
    depth = _number(stream, start + 42, 1)
    return StreamInfo(
        codec=Codec.JPEG_2000,
        rows=y1 - y0,
        columns=x1 - x0,
        precision=(depth & 0x7F) + 1,
        components=components,
        signed=bool(depth & 0x80),
    )


def _jpeg(stream: bytes) -> StreamInfo:
    """Walk the marker segments (T.81 B.1.1) to the frame header (B.2.2)."""
    at = 2
    while True:
        if _number(stream, at, 1) != 0xFF:
            raise ImageFault("the compressed pixel data is damaged")
        marker = _number(stream, at + 1, 1)
        if marker == 0xFF:  # fill byte
            at += 1
            continue
        if marker in _WITHOUT_LENGTH:
            at += 2
            continue
        if marker in _SOF_DCT or marker in (_SOF_LOSSLESS, _SOF_LS):
            break
        if marker in _OTHER_SOF or marker in (0xD9, 0xDA):
            raise ImageFault("a JPEG process that no decoder reads (arithmetic or hierarchical)")
        at += 2 + _number(stream, at + 2, 2)
    precision = _number(stream, at + 4, 1)
    if marker == _SOF_LOSSLESS:
        codec = Codec.JPEG_LOSSLESS
    elif marker == _SOF_LS:
        codec = Codec.JPEG_LS
    else:
        codec = Codec.JPEG_8 if precision <= 8 else Codec.JPEG_12
    return StreamInfo(
        codec=codec,
        rows=_number(stream, at + 5, 2),
        columns=_number(stream, at + 7, 2),
        precision=precision,
        components=_number(stream, at + 9, 1),
    )
