"""The stored cells of a DICOM image, as they are in the file or in its compressed stream.

Nothing is done to the values here: bits above Bits Stored stay as they are and a signed value
stays in its two's complement, because the grey table (`grey_table`) is indexed by the cell.

Which decoder reads a stream is decided by the stream's own head (`codestream`), not by the name
of the transfer syntax, which is sometimes wrong. The decoders stand in `decoders`.

Sources: DICOM PS3.5 sections 8.1 and 8.2 (pixel data and its encodings), annex A.4
(encapsulation) and G (RLE); PS3.3 section C.7.6.3 (image pixel).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.dataelem import RawDataElement

from cxrmine.images.codestream import (
    Codec,
    StreamInfo,
    bare_codestream,
    is_complete,
    read_stream_info,
)
from cxrmine.images.decoders import Cells, find_decoder
from cxrmine.images.dicom_file import (
    MOST_FRAGMENTS,
    NO_PIXELS,
    TOO_MANY_BYTES,
    TOO_MANY_FRAGMENTS,
    pixel_bytes,
)
from cxrmine.images.faults import ImageFault, SetAside
from cxrmine.images.transfer_syntaxes import DEFAULT, RLE_LOSSLESS, SYNTAXES, TransferSyntax

#: Images with more pixels are not read: the largest detectors and film scanners have 20 million,
#: and memory is taken only after this is checked. A process stays below 300 MB with it.
MAX_PIXELS = 36_000_000
#: The same for JPEG 2000, whose decoder takes more than 8 bytes a pixel: below 400 MB.
MAX_PIXELS_JPEG_2000 = 30_000_000
#: Compressed pixel data may be larger than the plain cells by half (noise is: RLE and JPEG
#: Lossless then add to it) and by what metadata takes.
_LARGEST_STREAM, _STREAM_ALLOWANCE = 1.5, 2**20
#: Bytes that writers fill up to.
_PADDING_BLOCK = 512
SURPLUS = "the pixel data is longer than the image: the surplus was taken as padding"

_TRUNCATED = "truncated pixel data"
_DAMAGED = "the compressed pixel data is damaged"
_ITEM = b"\xfe\xff\x00\xe0"
_END_OF_SEQUENCE = b"\xfe\xff\xdd\xe0"


@dataclass(frozen=True, slots=True)
class _Image:
    """What the header says of the pixels."""

    rows: int
    columns: int
    bits_allocated: int
    signed: bool

    @property
    def pixels(self) -> int:
        return self.rows * self.columns

    @property
    def dtype(self) -> type[np.uint8] | type[np.uint16]:
        return np.uint8 if self.bits_allocated == 8 else np.uint16

    @property
    def bytes(self) -> int:
        return self.pixels * self.bits_allocated // 8


def decode(ds: Dataset, *, warnings: list[str] | None = None) -> Cells:
    """Return the stored cells of a grey image of one frame.

    Parameters
    ----------
    ds : pydicom.Dataset
        With its file meta information; Pixel Data may be deferred, and then stays so.
    warnings : list of str, optional
        Appended to: what was odd, as fixed sentences.

    Returns
    -------
    ndarray of uint8 or uint16, shape (rows, columns)
        8 or 16 bits as Bits Allocated says, in the byte order of this machine. Read only where
        it is a view of the file's bytes.

    Raises
    ------
    SetAside
        If the image is in colour or has several frames.
    ImageFault
        If there is no pixel data, it is truncated or damaged, its size is 0 or more than
        `MAX_PIXELS` (`MAX_PIXELS_JPEG_2000`), the header contradicts it, or no decoder for it is
        installed.

    Notes
    -----
    Uncompressed pixel data must be as long as Rows, Columns and Bits Allocated say, and may have
    the one byte that makes its length even. Longer data is evidence that one of them is wrong
    (cells of 16 bits under a header of 8, several frames) and the image would come out as noise
    or sheared, so it is a fault. A surplus is passed over with a warning where no single wrong
    number of the header explains it, since it is too small for one more row or column; and, for
    small images, where it is no more than a block of one repeated value. Writers leave such
    surpluses that fill up to 4 bytes or to a block.
    """
    image = _read_image(ds)
    syntax_uid, syntax = _transfer_syntax(ds)
    value, vr, undefined_length = _pixel_data(ds, image)
    encapsulated = syntax.encapsulated or undefined_length
    if syntax.encapsulated and not undefined_length and not value.startswith(_ITEM):
        # The name of a compressed syntax over plain cells: some archives decompress the pixels
        # and leave the name.
        encapsulated = len(value) < image.bytes
    if not encapsulated:
        if _has_surplus(value, image) and warnings is not None:
            warnings.append(SURPLUS)
        return _native(value, image, big_endian=syntax.big_endian, words=vr == "OW")
    stream = _join_fragments(value)
    del value
    return _decode_stream(stream, image, rle=syntax_uid == RLE_LOSSLESS)


def _read_image(ds: Dataset) -> _Image:
    """Check what the header says of the pixels, before any memory is taken for them."""
    frames = _number(ds, "NumberOfFrames")
    if frames is not None and frames > 1:
        raise SetAside("several frames")
    samples = _number(ds, "SamplesPerPixel")
    if samples is not None and samples > 1:
        raise SetAside("colour image")
    rows, columns = _number(ds, "Rows"), _number(ds, "Columns")
    if rows is None or columns is None:
        raise ImageFault("the image's size is not given")
    if rows <= 0 or columns <= 0:
        raise ImageFault("the image's size is 0")
    if rows * columns > MAX_PIXELS:
        raise ImageFault(f"more than {MAX_PIXELS // 1_000_000} million pixels")
    bits = _number(ds, "BitsAllocated")
    if bits not in (8, 16):
        raise ImageFault("pixels of neither 8 nor 16 bits")
    return _Image(rows, columns, bits, signed=_number(ds, "PixelRepresentation") == 1)


def _number(ds: Dataset, keyword: str) -> int | None:
    """Return a whole number of the header; None if it is absent, blank or no number."""
    try:
        value = ds.get(keyword)
        return None if value is None or value == "" else int(value)
    except Exception:  # pydicom converts on access and raises whatever the value leads to
        return None


def _transfer_syntax(ds: Dataset) -> tuple[str, TransferSyntax]:
    meta = getattr(ds, "file_meta", None)
    uid = str(meta.get("TransferSyntaxUID", "") if meta is not None else "").strip(" \0")
    if not uid:
        # A file without meta information: pydicom found out the byte order by reading it.
        _, little_endian = ds.original_encoding
        uid = "1.2.840.10008.1.2.2" if little_endian is False else DEFAULT
    syntax = SYNTAXES.get(uid)
    if syntax is None:
        raise ImageFault("a transfer syntax that is not supported (video, or a private one)")
    return uid, syntax


def _pixel_data(ds: Dataset, image: _Image) -> tuple[bytes, str, bool]:
    """Return the value of Pixel Data, its VR and whether its length was left undefined."""
    element = ds.get_item("PixelData", keep_deferred=True)
    if element is None:
        raise ImageFault(NO_PIXELS)
    most = int(_LARGEST_STREAM * image.bytes) + _STREAM_ALLOWANCE
    value = pixel_bytes(ds, most=most, keep=False)
    if isinstance(element, RawDataElement):
        return value, element.VR or "OW", element.length == 0xFFFFFFFF
    return value, str(element.VR), bool(element.is_undefined_length)


def _has_surplus(value: bytes, image: _Image) -> bool:
    """Return whether uncompressed pixel data is longer than the image and its padding byte.

    Raises ImageFault if it is so much longer that the header must be wrong (see `decode`).
    """
    surplus = len(value) - image.bytes
    if surplus <= image.bytes % 2:
        return False
    row_or_column = min(image.rows, image.columns) * image.bits_allocated // 8
    if surplus >= row_or_column and (
        surplus > _PADDING_BLOCK or len(set(value[image.bytes :])) > 1
    ):
        raise ImageFault(TOO_MANY_BYTES)
    return True


def _native(value: bytes, image: _Image, *, big_endian: bool, words: bool) -> Cells:
    """View uncompressed cells (PS3.5 section 8.1.1 and annex A.1 to A.3)."""
    if len(value) < image.bytes:
        raise ImageFault(_TRUNCATED)
    shape = image.rows, image.columns
    if image.bits_allocated == 16:
        order = ">u2" if big_endian else "<u2"
        cells = np.frombuffer(value, dtype=order, count=image.pixels).reshape(shape)
        return cells.astype(np.uint16, copy=False)
    if big_endian and words:
        # Cells of 8 bits in words of 16: each pair is swapped, and the last of an odd number
        # stands behind its padding byte.
        even = image.bytes + image.bytes % 2
        if len(value) < even:
            raise ImageFault(_TRUNCATED)
        swapped = np.frombuffer(value, dtype=np.uint16, count=even // 2).byteswap()
        return swapped.view(np.uint8)[: image.pixels].reshape(shape)
    return np.frombuffer(value, dtype=np.uint8, count=image.pixels).reshape(shape)


def _join_fragments(value: bytes) -> bytes:
    """Join the fragments of the one frame (PS3.5 A.4); the first item is the offset table."""
    fragments = list(_iterate_items(value))[1:]
    if not fragments:
        raise ImageFault(_TRUNCATED if value else "no pixel data")
    return fragments[0] if len(fragments) == 1 else b"".join(fragments)


def _iterate_items(value: bytes) -> Iterator[bytes]:
    at, found = 0, 0
    while at + 8 <= len(value):
        if found > MOST_FRAGMENTS:
            raise ImageFault(TOO_MANY_FRAGMENTS)
        tag, length = value[at : at + 4], int.from_bytes(value[at + 4 : at + 8], "little")
        if tag == _END_OF_SEQUENCE:
            return
        if tag != _ITEM:
            raise ImageFault(_DAMAGED)
        at += 8
        if at + length > len(value):
            raise ImageFault(_TRUNCATED)
        yield value[at : at + length]
        at += length
        found += 1


def _decode_stream(stream: bytes, image: _Image, *, rle: bool) -> Cells:
    """Decode the compressed frame with the library that is there for it."""
    if rle:
        # A stream of RLE says nothing of itself but the places of its segments.
        info = StreamInfo(Codec.RLE, image.rows, image.columns, image.bits_allocated, 1)
    else:
        stream = bare_codestream(stream)
        info = read_stream_info(stream)
        if (info.rows, info.columns) != (image.rows, image.columns):
            raise ImageFault("the header and the compressed pixel data disagree about the size")
        if info.codec is Codec.JPEG_2000 and image.pixels > MAX_PIXELS_JPEG_2000:
            most = f"{MAX_PIXELS_JPEG_2000 // 1_000_000} million"
            raise ImageFault(f"more than {most} pixels in JPEG 2000")
        if info.components != 1:
            raise ImageFault("the header says grey and the compressed pixel data is in colour")
        if info.precision > image.bits_allocated:
            raise ImageFault("the compressed pixel data has more bits than the header says")
        if not is_complete(stream):
            raise ImageFault(_TRUNCATED)
    decoder = find_decoder(info.codec)
    try:
        cells = decoder.decode(stream, info)
    except MemoryError:
        raise
    except Exception:  # each library has errors of its own, and their messages may quote the data
        raise ImageFault(_DAMAGED) from None
    if cells.shape != (image.rows, image.columns):
        raise ImageFault(_DAMAGED)
    return _with_sign(cells.astype(image.dtype, copy=False), info, image)


def _with_sign(cells: Cells, info: StreamInfo, image: _Image) -> Cells:
    """Give the cells the sign that the header says, from the precision of the stream.

    JPEG-LS cannot say that samples are signed, and JPEG 2000 sometimes says the opposite of the
    header. Where Bits Stored is the stream's precision the grey table's own masking does the
    same; it is done here for headers that give a larger Bits Stored.
    """
    spare = image.bits_allocated - info.precision
    wrong_sign = info.codec in (Codec.JPEG_LS, Codec.JPEG_2000) and info.signed != image.signed
    if spare == 0 or not wrong_sign:
        return cells
    if not image.signed:
        return cells & image.dtype((1 << info.precision) - 1)
    signed: Cells = (cells << spare).view(np.int8 if image.bits_allocated == 8 else np.int16)
    extended: Cells = (signed >> spare).view(image.dtype)
    return extended


def lookup(stored: Cells, table: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the grey image: every cell replaced by its entry of the table.

    Parameters
    ----------
    stored : ndarray of uint8 or uint16, shape (rows, columns)
    table : ndarray of uint8, shape (256,) or (65536,)
        An entry for every value that a cell can have.

    Returns
    -------
    ndarray of uint8, shape (rows, columns)

    Raises
    ------
    ValueError
        If the table is not as long as the cells need.
    """
    if table.shape != (1 << 8 * stored.dtype.itemsize,):
        raise ValueError("the grey table has not one entry for every value of a cell")
    if stored.dtype == np.uint16 and not _has_long_tables():
        return np.take(table, stored)
    grey: NDArray[np.uint8] = cv2.LUT(stored, table)
    return grey


@cache
def _has_long_tables() -> bool:
    """Whether this OpenCV looks 16-bit cells up (from 5.0 on); three times as fast as NumPy."""
    table = (np.arange(65536) * 7 >> 3).astype(np.uint8)
    cells = np.array([[0, 255, 256], [4095, 32768, 65535]], dtype=np.uint16)
    try:
        return np.array_equal(cv2.LUT(cells, table), table[cells])
    except cv2.error:
        return False
