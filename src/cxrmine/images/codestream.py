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
#: Boxes before the codestream of a JP2 file: three by the standard, some more for metadata.
_MOST_BOXES = 1000
#: Segments before the first scan of a JPEG: tables, and metadata in pieces of up to 64 KB.
_MOST_SEGMENTS = 1000
#: Fill bytes before a marker; the standard sets no limit, writers hardly ever have one.
_MOST_FILL_BYTES = 4096
#: Scans of a JPEG that is read. Encoders write about ten for a progressive image of three
#: components; a file of a few kilobytes can hold thousands, each as much work as a whole image.
MOST_SCANS = 100
_DAMAGED = "the compressed pixel data is damaged"
_OTHER_FORM = "the pixel data is not in the form that the transfer syntax names"
_END = b"\xff\xd9"  # EOI of JPEG and JPEG-LS, EOC of JPEG 2000
#: Bytes after the end: one zero by the standard (even length); more, and 0xFF, by other writers.
_PADDING = b"\0\xff"
_TRAILER = 4096

_SOF_LOSSLESS = 0xC3
_SOF_DCT = {0xC0, 0xC1, 0xC2}
_SOF_LS = 0xF7
_SOF_PROGRESSIVE = 0xC2
_OTHER_SOF = {0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF}
_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD9)}
_START_OF_SCAN = b"\xff\xda"


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
        If it is none of the three, ends within its head, or has more than `MOST_SCANS` scans.
    """
    try:
        start, _ = _codestream(stream) if stream.startswith(_JP2_SIGNATURE) else (0, 0)
        if stream.startswith(_JPEG_2000_START, start):
            return _jpeg_2000(stream, start)
        if stream.startswith(_JPEG_START):
            return _jpeg(stream)
    except IndexError:
        raise ImageFault("truncated pixel data") from None
    raise ImageFault(_OTHER_FORM)


def bare_codestream(stream: bytes) -> bytes:
    """Return the codestream of a JP2 file; any other stream as it is.

    DICOM allows none of JP2's boxes (PS3.5 A.4.4). Writers that put a whole file there are read
    all the same, but only its codestream goes to the decoder, so that every size that is looked
    at is the same one.

    Raises
    ------
    ImageFault
        If the boxes are damaged or none of them is a codestream.
    """
    if not stream.startswith(_JP2_SIGNATURE):
        return stream
    try:
        start, end = _codestream(stream)
    except IndexError:
        raise ImageFault("truncated pixel data") from None
    return stream[start:end]


def _codestream(stream: bytes) -> tuple[int, int]:
    """Walk the boxes of a JP2 file (T.800 I.4) to where the codestream starts and ends."""
    at = 0
    for _ in range(_MOST_BOXES):
        length, head = _number(stream, at, 4), 8
        kind = stream[at + 4 : at + 8]
        if length == 1:  # the length did not fit
            length, head = _number(stream, at + 8, 8), 16
        elif length == 0:  # to the end of the file
            length = len(stream) - at
        if kind == b"jp2c":
            return at + head, min(at + length, len(stream))
        if length < head:
            break
        at += length
    raise ImageFault(_OTHER_FORM)


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
    """Walk the marker segments (T.81 B.1.1) to the first scan; the frame header is on the way.

    The walk goes on behind the frame header (B.2.2) because the decoders' own one, which is not
    bounded, begins where this one ends.
    """
    at, frame = 2, 0
    for _ in range(_MOST_SEGMENTS):
        at = _marker(stream, at)
        marker = stream[at + 1]
        if marker in _WITHOUT_LENGTH:
            at += 2
            continue
        if frame and marker == 0xDA:
            return _frame(stream, frame)
        if marker in _SOF_DCT or marker in (_SOF_LOSSLESS, _SOF_LS):
            if frame:
                raise ImageFault(_DAMAGED)
            frame = at
        elif marker in _OTHER_SOF or marker in (0xD9, 0xDA):
            raise ImageFault("a JPEG process that no decoder reads (arithmetic or hierarchical)")
        at += 2 + _number(stream, at + 2, 2)
    raise ImageFault("the compressed pixel data has too many segments before its image")


def _marker(stream: bytes, at: int) -> int:
    """Return the place of the next marker, behind the fill bytes that may stand before it."""
    fill = stream[at : at + _MOST_FILL_BYTES]
    behind = len(fill.lstrip(b"\xff"))
    if at + 2 > len(stream):
        raise IndexError
    if behind in (0, len(fill)):
        raise ImageFault(_DAMAGED)
    return at + len(fill) - behind - 1


def _frame(stream: bytes, at: int) -> StreamInfo:
    """Read the frame header, whose marker stands at `at`."""
    marker = stream[at + 1]
    precision = _number(stream, at + 4, 1)
    if marker == _SOF_LOSSLESS:
        codec = Codec.JPEG_LOSSLESS
    elif marker == _SOF_LS:
        codec = Codec.JPEG_LS
    else:
        codec = Codec.JPEG_8 if precision <= 8 else Codec.JPEG_12
    components = _number(stream, at + 9, 1)
    # One component has one scan, unless it is progressive (T.81 G.1.1). Within a scan no byte
    # 0xFF is followed by a marker's second byte, so this counts scans, and at most a handful of
    # the same two bytes in tables and metadata.
    if (marker == _SOF_PROGRESSIVE or components > 1) and (
        stream.count(_START_OF_SCAN, at) > MOST_SCANS
    ):
        raise ImageFault(f"a JPEG of more than {MOST_SCANS} scans")
    return StreamInfo(
        codec=codec,
        rows=_number(stream, at + 5, 2),
        columns=_number(stream, at + 7, 2),
        precision=precision,
        components=components,
    )
