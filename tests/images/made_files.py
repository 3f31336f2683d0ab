"""DICOM files for the tests of headers, written by pydicom."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

ROWS, COLUMNS = 6, 4
PIXELS = np.arange(ROWS * COLUMNS, dtype=np.uint16) * 100
NATIVE = PIXELS.tobytes()


def coded(code: str, scheme: str, meaning: str = "") -> Sequence:
    """Return a code sequence of one item."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code, scheme, meaning
    return Sequence([item])


def radiograph(**attributes: Any) -> Dataset:
    """Return a small 12-bit chest radiograph; attributes of None are left out."""
    dataset = Dataset()
    values: dict[str, Any] = {
        "SOPClassUID": ComputedRadiographyImageStorage,
        "SOPInstanceUID": "1.2.826.0.1.3680043.8.498.3",
        "StudyInstanceUID": "1.2.826.0.1.3680043.8.498.1",
        "SeriesInstanceUID": "1.2.826.0.1.3680043.8.498.2",
        "Modality": "CR",
        "StudyDate": "20200613",
        "StudyTime": "113000",
        "AccessionNumber": "ACC1",
        "PatientID": "P1",
        "PatientSex": "F",
        "PatientAge": "062Y",
        "Rows": ROWS,
        "Columns": COLUMNS,
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": 16,
        "BitsStored": 12,
        "HighBit": 11,
        "PixelRepresentation": 0,
        "PixelData": NATIVE,
    }
    for keyword, value in {**values, **attributes}.items():
        if value is not None:
            setattr(dataset, keyword, value)
    return dataset


def encoded(
    dataset: Dataset, syntax: str = ExplicitVRLittleEndian, *, fragments: list[bytes] | None = None
) -> bytes:
    """Return a file's bytes, with preamble and meta information.

    `fragments` are the frames of encapsulated pixel data.
    """
    copy = Dataset(dataset)
    copy.file_meta = FileMetaDataset()
    copy.file_meta.TransferSyntaxUID = syntax
    if fragments is not None:
        copy.PixelData = encapsulate(fragments, has_bot=True)
        copy["PixelData"].VR = "OB"
        copy["PixelData"].is_undefined_length = True
    elif "PixelData" in copy:
        if syntax == ExplicitVRBigEndian:
            copy.PixelData = np.frombuffer(copy.PixelData, "<u2").astype(">u2").tobytes()
        copy["PixelData"].VR = "OW"
    stream = io.BytesIO()
    copy.save_as(
        stream,
        enforce_file_format=True,
        implicit_vr=syntax == ImplicitVRLittleEndian,
        little_endian=syntax != ExplicitVRBigEndian,
    )
    return stream.getvalue()


def bare(dataset: Dataset, *, implicit: bool = False, little: bool = True) -> bytes:
    """Return the bytes of a data set without preamble and meta information."""
    copy = Dataset(dataset)
    if "PixelData" in copy:
        copy["PixelData"].VR = "OW"
    stream = io.BytesIO()
    copy.save_as(stream, enforce_file_format=False, implicit_vr=implicit, little_endian=little)
    return stream.getvalue()


def write(path: Path, content: bytes) -> Path:
    """Write a file and return its path."""
    path.write_bytes(content)
    return path
