"""DICOM files opened: the header first, the pixels only for an image that is wanted.

Sources: DICOM PS3.10 section 7 (file format), PS3.5 section 7 and annex A (data elements,
encapsulated pixel data).
"""

from __future__ import annotations

import errno
import io
import logging
import os
import stat
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydicom import config
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.filereader import dcmread, read_file_meta_info
from pydicom.tag import BaseTag
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from cxrmine.images.elements import text
from cxrmine.images.faults import ImageFault, SetAside

#: More bytes of pixel data than any image that is read has: those of a file that claims or holds
#: more are never read. 36 million pixels of 16 bits are 72 MB.
MAX_PIXEL_BYTES = 2**27
#: Fragments of the one frame. Writers cut a stream into none or some hundred.
MOST_FRAGMENTS = 2**16

Stream = io.RawIOBase | io.BufferedIOBase

NOT_DICOM = "not a DICOM file"
EMPTY = "the file is empty (0 bytes)"
DAMAGED_HEADER = "the header is damaged or cut short"
NO_PIXELS = "no pixel data: the file may be cut short"
FLOAT_PIXELS = "the pixels are floating-point numbers, which are no grey image"
CUT_PIXELS = "the pixel data is cut short"
DAMAGED_PIXELS = "the pixel data is damaged"
TOO_MANY_BYTES = "the pixel data is longer than the size and bits in the header say"
TOO_MANY_FRAGMENTS = f"the pixel data is in more than {MOST_FRAGMENTS:,} pieces"
CUT_DEFLATED = "the deflated data is cut short"
LARGE_HEADER = "the header is larger than that of any radiograph"
CHANGED = "the file changed while it was read"
NO_IMAGE = "no image"
DIRECTORY = "a directory of files (DICOMDIR)"

_PIXEL_DATA = BaseTag(0x7FE00010)
_FLOAT_PIXEL_DATA = (0x7FE00008, 0x7FE00009)
_UNDEFINED = 0xFFFFFFFF
_ITEM = 0xFFFEE000
_END_OF_SEQUENCE = 0xFFFEE0DD
_LONG_VRS = (b"OB", b"OW", b"UN", b"OF", b"OD", b"OL", b"OV")

_PREAMBLE = 128
_HEAD = 4096
# Larger values than this wait until somebody asks for them; a LUT of 65,536 entries has 131,072
# bytes, and whatever is above is an overlay or private.
_DEFER = 2**20
# What pydicom may read for the header: bytes (a header of a megabyte is a large one; what waits is
# not counted), and reads, of which an element takes two or three. A file of many tiny elements
# would otherwise take fifty times its size.
_HEADER_BYTES = 2**26
_HEADER_READS = 2**16
# How much of a deflated file is inflated in search of its pixel data, the first time and more.
_DEFLATED_HEADERS = (2**18, 2**23)
_PIECE = 2**16
_DEFLATED_UID = DeflatedExplicitVRLittleEndian.encode("ascii")
_DIRECTORY_STORAGE = "1.2.840.10008.1.3.10"
_VRS = frozenset(
    b"AE AS AT CS DA DS DT FD FL IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV TM UC UI UL UN UR "
    b"US UT UV".split()
)


class _HeaderFile(io.BufferedReader):
    """A file that is read for its header, in bounds: lengths in a damaged header are anything.

    Parameters
    ----------
    raw
        What is read.
    size : int
        Its bytes.
    """

    def __init__(self, raw: io.RawIOBase | io.BytesIO, size: int) -> None:
        super().__init__(raw)
        self._size = max(size, _HEAD)  # a look at the beginning may ask for more than there is
        self._bytes, self._reads = _HEADER_BYTES, _HEADER_READS

    def read(self, size: int | None = -1, /) -> bytes:
        """Read; raises ImageFault for what no header holds, before memory is taken for it."""
        # All that is left is asked for by pydicom for what it takes for deflated data only.
        if size is None or not 0 <= size <= self._size:
            raise ImageFault(DAMAGED_HEADER)
        self._bytes -= size
        self._reads -= 1
        if self._bytes < 0 or self._reads < 0:
            raise ImageFault(LARGE_HEADER)
        return super().read(size)


class _Memory(io.BytesIO):
    """Bytes that stand for a file; pydicom asks it for its name."""

    name = ""


class _Inflated:
    """Deflated data, read in pieces and no further than asked: 1 KB may hold 1 MB.

    Parameters
    ----------
    file : Stream
        Stands where the data begins.
    """

    def __init__(self, file: Stream) -> None:
        self._file = file
        self._inflater = zlib.decompressobj(-zlib.MAX_WBITS)

    def read(self, size: int) -> bytes:
        """Return the next bytes; fewer only at the end of the data.

        Raises ImageFault if the file ends before, zlib.error if it is damaged.
        """
        pieces = []
        while size > 0 and not self._inflater.eof:
            deflated = self._inflater.unconsumed_tail or self._file.read(_PIECE)
            piece = self._inflater.decompress(deflated, size)
            if not deflated and not piece:
                raise ImageFault(CUT_DEFLATED)
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces)

    def skip(self, size: int) -> None:
        """Pass over the next bytes."""
        while size > 0 and (piece := self.read(min(size, _PIECE))):
            size -= len(piece)


@contextmanager
def quiet_pydicom() -> Iterator[None]:
    """Keep pydicom from warning and logging, which would print values, and from validating.

    For a process that does one thing at a time: the settings are those of the whole process and
    come back at the end.
    """
    logger = logging.getLogger("pydicom")
    disabled, mode = logger.disabled, config.settings.reading_validation_mode
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logger.disabled = True
        config.settings.reading_validation_mode = config.IGNORE
        try:
            yield
        finally:
            logger.disabled = disabled
            config.settings.reading_validation_mode = mode


def open_dicom(path: Path) -> FileDataset:
    """Return the header of a DICOM image file; its pixel data waits for `pixel_bytes`.

    Files without preamble or file meta information are read too (PS3.5 section 10.1: in the
    default transfer syntax, or in what their first element looks like), and so are those whose
    data set is deflated.

    Parameters
    ----------
    path : Path

    Returns
    -------
    pydicom.dataset.FileDataset
        Always has a transfer syntax in its ``file_meta``.

    Raises
    ------
    ImageFault
        If the file cannot be read, is no DICOM file, is damaged in its header, or is an image
        without pixels.
    SetAside
        If it is a DICOM file of another kind: a report, a presentation state, a DICOMDIR.
    """
    with quiet_pydicom():
        try:
            with _open(path) as raw:
                return _read(raw, path)
        except (ImageFault, SetAside):
            raise
        except MemoryError:
            raise ImageFault("not enough memory to read the header") from None
        except OSError as error:
            raise ImageFault(_unreadable(error)) from None
        except Exception:
            # pydicom raises nearly every exception there is on damaged bytes, often with a value
            # or the path in the message: nothing of it may be seen.
            raise ImageFault(DAMAGED_HEADER) from None


def pixel_bytes(dataset: Dataset, *, most: int = MAX_PIXEL_BYTES, keep: bool = True) -> bytes:
    """Return the value of the pixel data, which it reads if the data set still waits for it.

    Encapsulated pixel data is returned as pydicom has it: all items with their tags, without
    the delimiter at the end.

    Parameters
    ----------
    dataset : pydicom.Dataset
        From `open_dicom`, or any other with pixel data.
    most : int
        Longer pixel data, in bytes, is not read.
    keep : bool
        Whether the data set holds the value from then on.

    Raises
    ------
    ImageFault
        If there is none, it is cut short or damaged or longer than `most`, or the file went away
        or changed since it was opened.
    """
    element = dataset.get_item(_PIXEL_DATA, keep_deferred=True)
    if element is None:
        raise ImageFault(NO_PIXELS)
    if isinstance(element, RawDataElement) and element.value is None and element.length:
        filename = getattr(dataset, "filename", None)
        if filename is None:
            raise ImageFault(NO_PIXELS)
        most = min(most, MAX_PIXEL_BYTES)
        try:
            with io.BufferedReader(_open(Path(os.fspath(filename)))) as file:
                if dataset.file_meta.TransferSyntaxUID == DeflatedExplicitVRLittleEndian:
                    value = _read_deflated_value(file, dataset.file_meta, element, most)
                else:
                    value = _read_value(file, element, most)
        except MemoryError:
            raise ImageFault("not enough memory to read the pixel data") from None
        except OSError as error:
            raise ImageFault(_unreadable(error)) from None
        if keep:
            dataset[_PIXEL_DATA] = element._replace(value=value)
        return value
    value = element.value
    if not isinstance(value, bytes | bytearray | memoryview) or not len(value):
        raise ImageFault(NO_PIXELS)
    if len(value) > most:
        raise ImageFault(TOO_MANY_BYTES)
    return bytes(value) if not isinstance(value, bytes) else value


def _open(path: Path) -> io.FileIO:
    # Opening a pipe would wait for ever for somebody to write to it.
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise ImageFault("not a regular file")
    return io.FileIO(os.fspath(path))


def _read(raw: io.FileIO, path: Path) -> FileDataset:
    size = os.fstat(raw.fileno()).st_size
    if size == 0:
        raise ImageFault(EMPTY)
    file = _HeaderFile(raw, size)
    head = file.read(_HEAD)
    file.seek(0)
    if head[_PREAMBLE : _PREAMBLE + 4] != b"DICM" and not _starts_a_data_set(head, size):
        raise ImageFault(NOT_DICOM)
    if _DEFLATED_UID in head:
        meta = read_file_meta_info(path)
        if meta.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian:
            return _read_deflated(raw, meta, path)
    dataset = dcmread(file, stop_before_pixels=True, force=True, defer_size=_DEFER)
    _add_transfer_syntax(dataset)
    element = _pixel_element(file, dataset)
    if element is None:
        raise _without_pixels(dataset, size)
    dataset[_PIXEL_DATA] = element
    return dataset


def _starts_a_data_set(head: bytes, size: int) -> bool:
    """Whether a file without preamble begins with an element of group 0002 or 0008."""
    if len(head) < 8:
        return False
    little: tuple[int, int] = struct.unpack_from("<HH", head)
    big: tuple[int, int] = struct.unpack_from(">HH", head)
    if head[4:6] in _VRS:
        return little[0] in (2, 8) or big[0] == 8
    length: int = struct.unpack_from("<I", head, 4)[0]
    # Text whose first characters make such an element has a length of gigabytes.
    return little[0] in (2, 8) and length <= size - 8


def _read_deflated(file: Stream, meta: FileMetaDataset, path: Path) -> FileDataset:
    """Return the header of a file that is deflated behind its meta information (PS3.5 A.5).

    No more is inflated than the header takes; the pixel data waits as that of other files does.
    """
    file.seek(_behind_meta(meta))
    inflated, head = _Inflated(file), b""
    for size in _DEFLATED_HEADERS:
        head += inflated.read(size - len(head))
        whole = len(head) < size
        stream = _HeaderFile(_Memory(head), len(head))
        try:
            dataset = dcmread(stream, stop_before_pixels=True, force=True)
        except Exception:
            # An element that goes on behind what was inflated, or damage: the next size tells.
            if whole:
                raise
            continue
        element = _pixel_element(stream, dataset)
        if element is not None:
            dataset.file_meta = meta
            dataset.filename = os.fspath(path)
            dataset[_PIXEL_DATA] = element
            return dataset
        if whole:
            dataset.file_meta = meta
            raise _without_pixels(dataset, len(head))
    raise ImageFault(LARGE_HEADER)


def _behind_meta(meta: Dataset) -> int:
    """Return where the data set begins: behind the group length element and the group."""
    return _PREAMBLE + 4 + 12 + int(meta.FileMetaInformationGroupLength)


def _add_transfer_syntax(dataset: FileDataset) -> None:
    """Add the transfer syntax that a file without one was read in, for the decoders."""
    if dataset.file_meta.get("TransferSyntaxUID"):
        return
    implicit, little = dataset.original_encoding
    if implicit:
        uid = ImplicitVRLittleEndian
    else:
        uid = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
    dataset.file_meta.TransferSyntaxUID = uid


def _pixel_element(stream: Stream, dataset: FileDataset) -> RawDataElement | None:
    """Return the pixel data element without its value, None where the file has none.

    The stream stands where pydicom stopped: before the element, or at the end.
    """
    little = dataset.original_encoding[1]
    order = "<" if little is not False else ">"
    head = stream.read(12)
    if len(head) < 8:
        return None
    group, number = struct.unpack_from(order + "HH", head)
    tag = group << 16 | number
    if tag in _FLOAT_PIXEL_DATA:
        raise ImageFault(FLOAT_PIXELS)
    if tag != _PIXEL_DATA:
        return None
    start = stream.tell() - len(head)
    # The element itself says how it is written: a header may switch between explicit and
    # implicit VR. As the length of an implicit element each of these VRs would be odd, and
    # lengths are even (PS3.5 section 7.1.1).
    explicit = head[4:6] in _LONG_VRS
    if explicit and len(head) < 12:
        return None
    length: int = struct.unpack_from(order + "I", head, 8 if explicit else 4)[0]
    return RawDataElement(
        _PIXEL_DATA,
        head[4:6].decode("ascii") if explicit else None,
        length,
        None if length else b"",
        start + (12 if explicit else 8),
        not explicit,
        order == "<",
    )


def _read_value(stream: Stream, element: RawDataElement, most: int) -> bytes:
    start, length = element.value_tell, element.length
    size = stream.seek(0, os.SEEK_END)
    before = _before_value(element)
    stream.seek(start - before)
    _check_tag(stream.read(before), element)
    if length == _UNDEFINED:
        length = _length_of_items(stream, start, size)
    # One byte less is a writer that did not pad to an even length.
    elif start + length > size + 1:
        raise ImageFault(CUT_PIXELS)
    if length > most:
        raise ImageFault(TOO_MANY_BYTES)
    stream.seek(start)
    return stream.read(length)


def _read_deflated_value(file: Stream, meta: Dataset, element: RawDataElement, most: int) -> bytes:
    if element.length == _UNDEFINED:  # PS3.5 A.5: the pixel data is not encapsulated
        raise ImageFault(DAMAGED_PIXELS)
    if element.length > most:
        raise ImageFault(TOO_MANY_BYTES)
    file.seek(_behind_meta(meta))
    inflated, before = _Inflated(file), _before_value(element)
    try:
        inflated.skip(element.value_tell - before)
        _check_tag(inflated.read(before), element)
        value = inflated.read(element.length)
    except zlib.error:
        raise ImageFault(DAMAGED_PIXELS) from None
    if len(value) < element.length - 1:
        raise ImageFault(CUT_PIXELS)
    return value


def _before_value(element: RawDataElement) -> int:
    """Return the bytes of the element's tag, VR and length."""
    return 8 if element.is_implicit_VR else 12


def _check_tag(head: bytes, element: RawDataElement) -> None:
    order = "<" if element.is_little_endian else ">"
    if struct.unpack(order + "HH", head[:4].ljust(4, b"\0")) != (0x7FE0, 0x0010):
        raise ImageFault(CHANGED)


def _length_of_items(stream: Stream, start: int, size: int) -> int:
    """Return the bytes of encapsulated pixel data up to its delimiter (PS3.5 table A.4-1)."""
    place, found = start, 0
    while True:
        stream.seek(place)
        head = stream.read(8)
        if len(head) < 8:
            # Some writers leave the delimiter out: what is there is whole all the same.
            if found > 1 and not head:
                return place - start
            raise ImageFault(CUT_PIXELS)
        group, number, length = struct.unpack("<HHI", head)
        tag = group << 16 | number
        if tag == _END_OF_SEQUENCE:
            return place - start
        if tag != _ITEM or length == _UNDEFINED:
            raise ImageFault(DAMAGED_PIXELS)
        place += 8 + length
        found += 1
        if place > size:
            raise ImageFault(CUT_PIXELS)
        if found > MOST_FRAGMENTS:
            raise ImageFault(TOO_MANY_FRAGMENTS)


def _without_pixels(dataset: FileDataset, size: int) -> Exception:
    """Return what a data set without pixels is: another object, or an image cut short."""
    tags = list(dataset.keys())
    if not tags:
        return ImageFault(DAMAGED_HEADER)
    last = dataset.get_item(tags[-1], keep_deferred=True)
    if isinstance(last, RawDataElement) and last.length != _UNDEFINED:
        end = last.value_tell + last.length
        if end > size:
            return ImageFault(DAMAGED_HEADER)
    meta_class = str(dataset.file_meta.get("MediaStorageSOPClassUID", ""))
    if meta_class == _DIRECTORY_STORAGE or "DirectoryRecordSequence" in dataset:
        return SetAside(DIRECTORY)
    storage = UID(text(dataset, "SOPClassUID") or meta_class).name
    if "Rows" in dataset or "Image Storage" in storage:
        return ImageFault(NO_PIXELS)
    return SetAside(NO_IMAGE)


def _unreadable(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "the file is no longer there"
    if isinstance(error, PermissionError):
        return "the file may not be read (permission denied)"
    if error.errno is None:
        # pydicom's own, for bytes that make no sense.
        return DAMAGED_HEADER
    name = errno.errorcode.get(error.errno, "unknown error")
    return f"the file cannot be read ({name})"
