"""Small images and DICOM data sets for the tests of pixels, in every form that files have."""

from __future__ import annotations

import zlib
from io import BytesIO

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    JPEG2000,
    UID,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

#: Those that keep every cell as it is.
LOSSLESS = (
    ExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    RLELossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEG2000Lossless,
    HTJ2KLossless,
)
#: Named, because GDCM, the first choice of pydicom, ends the process on images of odd size.
_ENCODERS = {RLELossless: "pylibjpeg", JPEGLSLossless: "pyjpegls", JPEG2000Lossless: "pylibjpeg"}
LOSSY = (JPEGBaseline8Bit, JPEGExtended12Bit, JPEG2000)


def made_cells(
    rows: int, columns: int, bits: int, *, signed: bool = False, seed: int = 0
) -> NDArray[np.generic]:
    """Waves with noise, and in the first row both ends of the range of values."""
    y, x = np.mgrid[0:rows, 0:columns]
    wave = 0.5 + 0.3 * np.sin(x / 7) * np.cos(y / 5)
    wave = wave + np.random.default_rng(seed).normal(0, 0.02, wave.shape)
    values = np.clip(wave * ((1 << bits) - 1), 0, (1 << bits) - 1).astype(np.int64)
    values[0, :2] = 0, (1 << bits) - 1
    if signed:
        values -= 1 << (bits - 1)
    kind = "i" if signed else "u"
    return values.astype(f"{kind}{1 if bits <= 8 else 2}")


def as_cells(values: NDArray[np.generic]) -> NDArray[np.generic]:
    """Two's complement, as `decode` gives signed values."""
    return values.view(f"u{values.dtype.itemsize}")


def made_dataset(
    values: NDArray[np.generic], bits: int, syntax: UID = ExplicitVRLittleEndian
) -> Dataset:
    """A data set as read from a file, its pixels in the given transfer syntax."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID = DigitalXRayImageStorageForPresentation
    ds.SOPInstanceUID = "1.2.826.0.1.3680043.8.498.1"
    ds.Rows, ds.Columns = values.shape
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.BitsAllocated = 8 * values.dtype.itemsize
    ds.BitsStored = bits
    ds.HighBit = bits - 1
    ds.PixelRepresentation = int(values.dtype.kind == "i")
    pixels = values.tobytes()
    ds.PixelData = pixels + b"\0" * (len(pixels) % 2)
    ds["PixelData"].VR = "OB" if ds.BitsAllocated == 8 else "OW"
    if syntax in _ENCODERS:
        ds.compress(syntax, encoding_plugin=_ENCODERS[syntax], generate_instance_uid=False)
    elif syntax == ExplicitVRBigEndian:
        # Written to a file and read again: pydicom writes what is there, so it is swapped here.
        if ds.BitsAllocated == 16:
            ds["PixelData"].value = values.astype(values.dtype.newbyteorder(">")).tobytes()
        ds.file_meta.TransferSyntaxUID = syntax
    elif syntax != ExplicitVRLittleEndian:
        put_stream(ds, made_stream(values, bits, syntax), syntax)
    return ds


def put_stream(ds: Dataset, stream: bytes, syntax: UID, fragments: int = 1) -> None:
    """Replace the pixels of a data set by a compressed stream."""
    ds.file_meta.TransferSyntaxUID = syntax
    ds.PixelData = encapsulate([stream], fragments_per_frame=fragments)
    ds["PixelData"].is_undefined_length = True


def made_stream(values: NDArray[np.generic], bits: int, syntax: UID) -> bytes:
    """A compressed stream, from encoders that pydicom does not have."""
    cells = np.ascontiguousarray(as_cells(values))
    if cells.dtype == np.uint16:
        # The encoders take the bits that are stored; the sign is the header's.
        cells = cells & np.uint16((1 << bits) - 1)
    if syntax == JPEGLosslessSV1:
        return imagecodecs.jpeg8_encode(cells, lossless=True, predictor=1, bitspersample=bits)
    if syntax == JPEGBaseline8Bit:
        file = BytesIO()
        Image.fromarray(cells).save(file, "JPEG", quality=95)
        return file.getvalue()
    if syntax == JPEGExtended12Bit:
        return imagecodecs.jpeg8_encode(cells, level=95, bitspersample=12)
    if syntax == JPEG2000:
        return imagecodecs.jpeg2k_encode(
            cells, level=60, codecformat="j2k", bitspersample=bits, reversible=False
        )
    if syntax == HTJ2KLossless:
        return imagecodecs.htj2k_encode(np.ascontiguousarray(values), reversible=True)
    raise ValueError(syntax.name)


def reread(ds: Dataset) -> Dataset:
    """Write a data set as a file and read it."""
    file = BytesIO()
    ds.save_as(file, enforce_file_format=True)
    file.seek(0)
    return dcmread(file)


def png_chunk(kind: bytes, data: bytes) -> bytes:
    """One chunk of a PNG (section 5.3 of its specification)."""
    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")
