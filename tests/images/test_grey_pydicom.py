"""The grey table against pydicom's own modality and VOI transformations.

pydicom's result is in units of the modality LUT; scaled from its output range to 0 … 255 it is
within one grey level of ours. Where pydicom departs from the standard it is not asked:

- a VOI LUT of 8 bits wraps inputs more than 255 above its first, any other those more than 65,535
  above it (its index has the type of the entries),
- a modality LUT's index has the type of the pixels and wraps where the first value is negative,
- a fraction from the rescale is cut off before a VOI LUT, where we take the nearest entry,
- a rescale needs both slope and intercept,
- HighBit and a lookup table's first value of the wrong sign are taken as they stand,
- neither MONOCHROME1 nor INVERSE reverses anything in these two functions.
"""

from __future__ import annotations

import dataclasses
import os
import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels import apply_modality_lut, apply_voi_lut
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian

from cxrmine.images.faults import ImageFault, SetAside
from cxrmine.images.grey_attributes import read_grey_attributes
from cxrmine.images.grey_reference import reference_grey
from cxrmine.images.grey_table import grey_table


def pydicom_grey(stored: np.ndarray, ds: Dataset, index: int = 0) -> np.ndarray:
    """Grey by pydicom's transformations, scaled from the output range that it documents."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        output = apply_voi_lut(apply_modality_lut(stored, ds), ds, index).astype(np.float64)
    if ds.get("VOILUTSequence"):
        low, high = 0.0, 2.0 ** ds.VOILUTSequence[index].LUTDescriptor[2] - 1
    elif ds.get("ModalityLUTSequence"):
        low, high = 0.0, 2.0 ** ds.ModalityLUTSequence[0].LUTDescriptor[2] - 1
    else:
        bits = ds.BitsStored
        low, high = (
            (-(2.0 ** (bits - 1)), 2.0 ** (bits - 1) - 1)
            if ds.PixelRepresentation
            else (
                0.0,
                2.0**bits - 1,
            )
        )
        if "RescaleSlope" in ds and "RescaleIntercept" in ds:
            low = low * float(ds.RescaleSlope) + float(ds.RescaleIntercept)
            high = high * float(ds.RescaleSlope) + float(ds.RescaleIntercept)
        if low > high and not ds.get("WindowWidth"):
            low, high = high, low
    grey = np.floor(255 * (output - low) / (high - low) + 0.5)
    return 255 - grey if ds.PhotometricInterpretation == "MONOCHROME1" else grey


def lut_item(first: int, bits: int, values: np.ndarray) -> Dataset:
    item = Dataset()
    item.add_new(0x00283002, "SS" if first < 0 else "US", [len(values) % 65536, first, bits])
    item.add_new(0x00283006, "OW", values.astype("<u2").tobytes())
    return item


@settings(max_examples=120, deadline=None)
@given(
    bits=st.integers(8, 16),
    signed=st.booleans(),
    photometric=st.sampled_from(["MONOCHROME1", "MONOCHROME2"]),
    kind=st.sampled_from(["LINEAR", "LINEAR_EXACT", "SIGMOID", "voi lut"]),
    modality=st.sampled_from(["none", "rescale", "lut"]),
    centre=st.floats(0.05, 0.95),
    width=st.floats(0.01, 1.5),
    gamma=st.sampled_from([0.5, 1.0, 2.2]),
)
def test_generated_headers_of_every_kind(
    bits: int,
    signed: bool,
    photometric: str,
    kind: str,
    modality: str,
    centre: float,
    width: float,
    gamma: float,
) -> None:
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.PhotometricInterpretation, ds.SamplesPerPixel = photometric, 1
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 8 if bits == 8 else 16, bits, bits - 1
    ds.PixelRepresentation = int(signed)
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    stored = np.arange(low, high + 1).astype(np.int16 if signed else np.uint16)
    if modality == "rescale":
        whole = "2" if bits < 16 else "1"
        ds.RescaleSlope, ds.RescaleIntercept = whole if kind == "voi lut" else "0.684", "-100"
        factor = float(ds.RescaleSlope)
        low, high = int(low * factor - 100), int(high * factor - 100)
    elif modality == "lut":
        # From 0 on, or else pydicom's index wraps.
        number = min(high + 1, 1 << 12)
        values = np.round(4095 * np.linspace(0, 1, number) ** gamma)
        ds.ModalityLUTSequence = Sequence([lut_item(0, 16, values)])
        low, high = 0, 4095
    if kind == "voi lut":
        number = min(high - low + 1, 50_000)
        values = np.round(1023 * np.linspace(0, 1, number) ** gamma)
        ds.VOILUTSequence = Sequence([lut_item(max(low, -32768), 10, values)])
    else:
        ds.WindowCenter = f"{low + centre * (high - low):.6g}"
        ds.WindowWidth = f"{max(1.0, width * (high - low)):.6g}"
        ds.VOILUTFunction = kind
    attributes = read_grey_attributes(ds)
    cells = stored.astype(np.int8 if signed else np.uint8) if bits == 8 else stored
    table = grey_table(attributes)
    assert table.number == 1
    ours = table.table[cells.view(np.uint8 if bits == 8 else np.uint16)].astype(int)
    assert np.abs(ours - pydicom_grey(stored, ds)).max() <= 1


# --- real files -----------------------------------------------------------------------------------

DATA = Path(os.path.dirname(pydicom.__file__)) / "data"


def image_files() -> list[Path]:
    """Every file of pydicom's package that has pixels of its own."""
    found = []
    for path in sorted(DATA.rglob("*")):
        if path.is_dir() or path.suffix in (".py", ".json", ".txt", ".pyc"):
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                ds = pydicom.dcmread(path, stop_before_pixels=True)
                if "Rows" in ds and ds.Rows:
                    found.append(path)
        except Exception:
            continue
    return found


def compare(path: Path) -> str:
    """Check one file; says what kind of grey it has."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ds = pydicom.dcmread(path)
        try:
            attributes = read_grey_attributes(ds)
        except SetAside:
            assert ds.SamplesPerPixel == 3 or ds.PhotometricInterpretation == "PALETTE COLOR"
            return "colour"
        except ImageFault:
            assert ds.BitsAllocated in (1, 32)
            return "fault"
        try:
            pixels = ds.pixel_array
        except Exception:
            return "no pixels"
    if pixels.ndim == 3:
        pixels = pixels[0]
    pixels = pixels.astype(pixels.dtype.newbyteorder("="))
    cells = pixels.view(f"u{pixels.itemsize}")
    table = grey_table(attributes, stored=cells)
    ours = table.table[cells]
    theirs = pydicom_grey(pixels, ds)
    if attributes.windows and table.number == 0:
        # Two of the 16×16 px cuttings of CT images lie wholly above their window.
        assert table.warnings == ("window 1 lies beside all pixels: not used",)
        assert np.ptp(theirs) == 0
        attributes = dataclasses.replace(attributes, windows=())
    np.testing.assert_array_equal(ours, reference_grey(cells, attributes))
    if table.source != "percentiles":
        assert np.abs(ours.astype(int) - theirs).max() <= 1
    for number in range(2, len(attributes.windows) + 1):
        another = grey_table(attributes, stored=cells, window=number)
        assert another.number == number
        theirs = pydicom_grey(pixels, ds, number - 1)
        assert np.abs(another.table[cells].astype(int) - theirs).max() <= 1
    return table.source


@pytest.mark.parametrize("path", image_files(), ids=lambda path: path.name)
def test_pydicoms_own_files(path: Path) -> None:
    compare(path)


def test_pydicoms_own_files_are_of_many_kinds() -> None:
    kinds = {"CT_small.dcm": "percentiles", "MR_small.dcm": "window", "badVR.dcm": "fault"}
    kinds |= {"examples_overlay.dcm": "window", "examples_palette.dcm": "colour"}
    kinds |= {"J2K_pixelrep_mismatch.dcm": "window", "JPEGLSNearLossless_08.dcm": "as stored"}
    files = {path.name: path for path in image_files()}
    assert len(files) > 60
    for name, kind in kinds.items():
        if name in files:  # newer pydicom may move a file to its download
            assert compare(files[name]) == kind, name


def test_real_chest_x_rays(data_dir: Path) -> None:
    files = sorted((data_dir / "dicom").glob("*.dcm"))
    assert len(files) == 2
    assert [compare(path) for path in files] == ["as stored"] * 2
