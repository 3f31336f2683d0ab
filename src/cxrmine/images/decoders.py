"""The libraries that read compressed pixel data, one function a library.

For each family of streams the fastest library that reads it correctly and survives damage comes
first (``scripts/bench_images.py decoders`` prints the times and compares the pixels). Two of
the later ones are a makeshift for places where the first is not installed: GDCM ends the whole
process on some damaged JPEG streams, and pylibjpeg-rle panics on some damaged RLE streams. No GPL
package is used: pylibjpeg-libjpeg is passed over even where it is installed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxrmine.images.codestream import Codec, StreamInfo
from cxrmine.images.faults import ImageFault

#: Pixels as they are stored, uint8 or uint16; signed ones as two's complement.
Cells = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Decoder:
    """A library that reads one family of streams.

    Parameters
    ----------
    package : str
        Its name on PyPI.
    module : str
        What is imported.
    decode : callable
        ``(stream, info) -> cells`` of shape (rows, columns): uint8 up to a precision of 8 bits,
        else uint16. Raises whatever the library raises.
    is_fit : callable
        ``(module) -> bool``: whether this build of the library has the codec.
    """

    package: str
    module: str
    decode: Callable[[bytes, StreamInfo], Cells]
    is_fit: Callable[[Any], bool] = lambda module: True

    def is_available(self) -> bool:
        """Whether the library is installed, can be loaded and has the codec."""
        try:
            return self.is_fit(import_module(self.module))
        except Exception:  # not installed; or installed without a shared library that it needs
            return False


@cache
def find_decoder(codec: Codec) -> Decoder:
    """Return the first decoder of a family that is installed.

    A later one is used only where those before it are not installed, never because they failed:
    what one library calls damaged another mostly reads wrongly.

    Raises
    ------
    ImageFault
        If none is; names the package.
    """
    for decoder in DECODERS[codec]:
        if decoder.is_available():
            return decoder
    packages = " or ".join(decoder.package for decoder in DECODERS[codec])
    raise ImageFault(
        f"{codec.value} needs a decoder that is not installed ({packages}): "
        "pip install 'cxrmine[dicom]'"
    )


#: Threads of a decoder that can use several; 0: as many as this process has cores.
_threads = 0
_OPENJPEG_THREADS = "OPJ_NUM_THREADS"


def set_decoder_threads(threads: int) -> None:
    """Say how many threads a decoder may use in this process.

    Only OpenJPEG in Pillow uses several, and its pixels are the same with any number. A worker
    calls it once at its start, with its share of the cores; otherwise all cores are used.

    Parameters
    ----------
    threads : int
        At least 1; or 0: as many as this process has cores. A user's own ``OPJ_NUM_THREADS``
        stands.
    """
    global _threads
    _threads = threads


@contextmanager
def _openjpeg_threads() -> Iterator[None]:
    """Set the variable that OpenJPEG reads whenever it begins an image."""
    if _OPENJPEG_THREADS in os.environ:
        yield
        return
    os.environ[_OPENJPEG_THREADS] = str(_threads or _cores())
    try:
        yield
    finally:
        del os.environ[_OPENJPEG_THREADS]


def _cores() -> int:
    """Cores that this process may use, which may be fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


# The functions ----------------------------------------------------------------------------------


def _pillow_jpeg(stream: bytes, info: StreamInfo) -> Cells:
    from PIL import Image

    with Image.open(BytesIO(stream), formats=("JPEG",)) as image:
        _check_size(image, info)
        return np.asarray(image)


def _pillow_jpeg_2000(stream: bytes, info: StreamInfo) -> Cells:
    from PIL import Image

    with _openjpeg_threads(), Image.open(BytesIO(stream), formats=("JPEG2000",)) as image:
        _check_size(image, info)
        cells: Cells = np.array(image)
    # Pillow scales samples up to 8 or 16 bits and shifts signed ones to be positive: undo both.
    cells >>= 8 * cells.dtype.itemsize - info.precision
    if info.signed:
        cells -= cells.dtype.type(1 << (info.precision - 1))
    return cells


def _check_size(image: Any, info: StreamInfo) -> None:
    """Refuse an image of Pillow's before it takes memory for a size that nobody has checked."""
    if image.size != (info.columns, info.rows):
        raise ValueError("not the size that the head of the stream says")


def _openjpeg(stream: bytes, info: StreamInfo) -> Cells:
    openjpeg: Any = import_module("openjpeg.utils")
    return _view(openjpeg.decode_pixel_data(stream, version=2), info)


def _pyjpegls(stream: bytes, info: StreamInfo) -> Cells:
    jpeg_ls: Any = import_module("jpeg_ls")
    frame, _ = jpeg_ls.decode_pixel_data(stream)
    return _view(frame, info)


def _imagecodecs_jpeg(stream: bytes, info: StreamInfo) -> Cells:
    imagecodecs: Any = import_module("imagecodecs")
    cells: Cells = imagecodecs.jpeg8_decode(stream)
    return cells


def _gdcm(stream: bytes, info: StreamInfo) -> Cells:
    gdcm: Any = import_module("gdcm")
    syntax = {
        Codec.JPEG_12: gdcm.TransferSyntax.JPEGExtendedProcess2_4,
        Codec.JPEG_LOSSLESS: gdcm.TransferSyntax.JPEGLosslessProcess14,
        Codec.JPEG_LS: gdcm.TransferSyntax.JPEGLSLossless,
    }[info.codec]
    fragment = gdcm.Fragment()
    fragment.SetByteStringValue(stream)
    fragments = gdcm.SequenceOfFragments.New()
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(fragments.__ref__())
    bitmap = gdcm.Image()
    bitmap.SetNumberOfDimensions(2)
    bitmap.SetDimensions((info.columns, info.rows, 1))
    bitmap.SetDataElement(element)
    grey = gdcm.PhotometricInterpretation.MONOCHROME2
    bitmap.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(grey))
    bitmap.SetTransferSyntax(gdcm.TransferSyntax(syntax))
    allocated = 8 if info.precision <= 8 else 16
    bitmap.SetPixelFormat(gdcm.PixelFormat(1, allocated, info.precision, info.precision - 1, 0))
    # The binding makes a str of the bytes; this undoes it.
    with _without_stderr():
        frame = bitmap.GetBuffer()
    return _view(frame.encode("utf-8", "surrogateescape"), info)


def _imagecodecs_rle(stream: bytes, info: StreamInfo) -> Cells:
    """Decode the segments of PS3.5 annex G: one for each byte of a cell, the highest first."""
    imagecodecs: Any = import_module("imagecodecs")
    pixels, width = info.rows * info.columns, info.precision // 8
    head = np.frombuffer(stream, dtype="<u4", count=16)
    if head[0] != width:
        raise ValueError("not one segment for each byte of a cell")
    ends = [*(int(offset) for offset in head[1 : width + 1]), len(stream)]
    cells = np.empty((pixels, width), dtype=np.uint8)
    # A run that ends a segment may go beyond the image, by no more than a run's length.
    room = np.empty(pixels + 128, dtype=np.uint8)
    for number in range(width):
        if not 64 <= ends[number] <= ends[number + 1]:
            raise ValueError("segments in no order")
        segment = imagecodecs.packbits_decode(stream[ends[number] : ends[number + 1]], out=room)
        cells[:, width - 1 - number] = segment[:pixels]
    return _view(cells.reshape(-1), info)


def _rle(stream: bytes, info: StreamInfo) -> Cells:
    rle: Any = import_module("rle.rle")
    try:
        with _without_stderr():
            frame = rle.decode_frame(stream, info.rows * info.columns, info.precision, "<")
    except BaseException as error:  # a panic in Rust is no Exception
        if type(error).__name__ == "PanicException":
            raise ValueError("damaged") from None
        raise
    return _view(frame, info)


def _view(frame: bytes | bytearray | NDArray[np.uint8], info: StreamInfo) -> Cells:
    """View decoded little-endian bytes, in cells as wide as the precision needs."""
    if info.precision <= 8:
        return np.frombuffer(frame, dtype=np.uint8).reshape(info.rows, info.columns)
    cells = np.frombuffer(frame, dtype="<u2").reshape(info.rows, info.columns)
    return cells.astype(np.uint16, copy=False)


@contextmanager
def _without_stderr() -> Iterator[None]:
    """Keep a C library's own messages off the terminal; they go past Python's sys.stderr."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


# Whether they are fit ---------------------------------------------------------------------------


def _has_openjpeg(pillow: Any) -> bool:
    """Whether Pillow was built with OpenJPEG; it may be left out."""
    from PIL import features

    return bool(features.check_codec("jpg_2000"))


def _has_libjpeg_turbo_3(imagecodecs: Any) -> bool:
    """Whether imagecodecs has libjpeg-turbo, which decodes 12 bits and Lossless from 3.0 on."""
    return (
        bool(imagecodecs.JPEG8.available)
        and "turbo" in imagecodecs.jpeg8_version()
        and not imagecodecs.jpeg8_version().startswith(("libjpeg_turbo 1", "libjpeg_turbo 2"))
    )


def _has_packbits(imagecodecs: Any) -> bool:
    """Whether this build of imagecodecs has its own small codecs, PackBits among them."""
    return bool(imagecodecs.PACKBITS.available)


def _is_silenced(gdcm: Any) -> bool:
    """Keep GDCM from telling of every doubtful marker on stderr."""
    for switch in (gdcm.Trace.DebugOff, gdcm.Trace.WarningOff, gdcm.Trace.ErrorOff):
        switch()
    return True


_IMAGECODECS = Decoder("imagecodecs", "imagecodecs", _imagecodecs_jpeg, _has_libjpeg_turbo_3)
_GDCM = Decoder("python-gdcm", "gdcm", _gdcm, _is_silenced)

#: The decoders of each family in the order of preference; all are named where none is there.
DECODERS: dict[Codec, tuple[Decoder, ...]] = {
    Codec.JPEG_8: (Decoder("pillow", "PIL.Image", _pillow_jpeg),),
    Codec.JPEG_12: (_IMAGECODECS, _GDCM),
    Codec.JPEG_LOSSLESS: (_IMAGECODECS, _GDCM),
    Codec.JPEG_LS: (Decoder("pyjpegls", "jpeg_ls", _pyjpegls), _GDCM),
    Codec.JPEG_2000: (
        Decoder("pillow", "PIL.Image", _pillow_jpeg_2000, _has_openjpeg),
        Decoder("pylibjpeg-openjpeg", "openjpeg.utils", _openjpeg),
    ),
    Codec.RLE: (
        Decoder("imagecodecs", "imagecodecs", _imagecodecs_rle, _has_packbits),
        Decoder("pylibjpeg-rle", "rle.rle", _rle),
    ),
}
