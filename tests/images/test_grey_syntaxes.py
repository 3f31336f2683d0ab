"""File to grey, through every transfer syntax: decoder and table agree on what a cell is.

Uncompressed, RLE and the lossless codecs keep every cell, so grey is that of the float reference
on the values that went in; pydicom's decoding and transformation are within one grey level.
"""

from __future__ import annotations

import numpy as np
import pytest
from made_pixels import LOSSLESS, LOSSY, made_cells, made_dataset, reread
from pydicom.dataset import Dataset
from pydicom.pixels import apply_modality_lut, apply_voi_lut
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRBigEndian, JPEGBaseline8Bit, JPEGExtended12Bit

from cxrmine.images.decode import decode, lookup
from cxrmine.images.grey_attributes import read_grey_attributes
from cxrmine.images.grey_reference import reference_grey
from cxrmine.images.grey_table import grey_table

pytestmark = pytest.mark.filterwarnings("ignore:Applying a VOI LUT on a float input")

KINDS = ("LINEAR", "LINEAR_EXACT", "SIGMOID", "voi lut")


def dress(ds: Dataset, kind: str, photometric: str) -> Dataset:
    """Give a data set a window or VOI LUT amid its values."""
    bits, low = ds.BitsStored, -(1 << (ds.BitsStored - 1)) if ds.PixelRepresentation else 0
    ds.PhotometricInterpretation = photometric
    ds.RescaleSlope, ds.RescaleIntercept = 1, 0
    if kind == "voi lut":
        curve = np.round(1023 * np.linspace(0, 1, (1 << bits) - 2) ** 1.7)
        item = Dataset()
        item.add_new(0x00283002, "SS" if low < 0 else "US", [len(curve), low + 1, 10])
        order = ">u2" if ds.file_meta.TransferSyntaxUID == ExplicitVRBigEndian else "<u2"
        item.add_new(0x00283006, "OW", curve.astype(order).tobytes())
        ds.VOILUTSequence = Sequence([item])
    else:
        ds.WindowCenter = low + (1 << bits) * 0.45
        ds.WindowWidth = (1 << bits) * 0.8
        ds.VOILUTFunction = kind
    return ds


def grey_of(ds: Dataset, kind: str) -> np.ndarray:
    """Our way from a data set to grey."""
    attributes = read_grey_attributes(ds)
    cells = decode(ds)
    table = grey_table(attributes, stored=cells)
    assert (table.source, table.number) == ("voi lut" if kind == "voi lut" else "window", 1)
    assert table.warnings == ()
    return lookup(cells, table.table)


def pydicom_grey(ds: Dataset) -> np.ndarray:
    """pydicom's way, scaled from its output range."""
    output = apply_voi_lut(apply_modality_lut(ds.pixel_array, ds), ds).astype(np.float64)
    low, high = 0.0, 1023.0
    if not ds.get("VOILUTSequence"):
        low = -(2.0 ** (ds.BitsStored - 1)) if ds.PixelRepresentation else 0.0
        high = low + 2.0**ds.BitsStored - 1
    grey = np.floor(255 * (output - low) / (high - low) + 0.5)
    return 255 - grey if ds.PhotometricInterpretation == "MONOCHROME1" else grey


@pytest.mark.parametrize("syntax", LOSSLESS, ids=lambda uid: uid.name)
@pytest.mark.parametrize("bits", range(8, 17))
def test_lossless(syntax: UID, bits: int) -> None:
    for number, signed in enumerate((False, True)):
        for photometric in ("MONOCHROME1", "MONOCHROME2"):
            values = made_cells(34, 39, bits, signed=signed, seed=bits)
            plain = made_dataset(values, bits, syntax)
            # Two of the four kinds for each sign and photometric interpretation: all in all.
            for kind in KINDS[number::2] if photometric == "MONOCHROME1" else KINDS:
                ds = reread(dress(plain, kind, photometric))
                ours = grey_of(ds, kind)
                np.testing.assert_array_equal(
                    ours, reference_grey(values, read_grey_attributes(ds))
                )
                assert np.abs(ours.astype(int) - pydicom_grey(ds)).max() <= 1
                plain = plain_again(plain)


def plain_again(ds: Dataset) -> Dataset:
    """Take the window or VOI LUT off again."""
    for name in ("VOILUTSequence", "WindowCenter", "WindowWidth", "VOILUTFunction"):
        if name in ds:
            delattr(ds, name)
    return ds


@pytest.mark.parametrize("syntax", LOSSY, ids=lambda uid: uid.name)
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("kind", KINDS)
def test_lossy(syntax: UID, photometric: str, kind: str) -> None:
    bits = 8 if syntax == JPEGBaseline8Bit else 12
    values = made_cells(32, 40, bits, seed=3)
    ds = reread(dress(made_dataset(values, bits, syntax), kind, photometric))
    ours = grey_of(ds, kind).astype(int)
    if syntax != JPEGExtended12Bit:  # for which pydicom has no decoder that is not under the GPL
        # Two decoders of JPEG may round a value to either side (ISO/IEC 10918-2 allows it).
        assert np.abs(ours - pydicom_grey(ds)).max() <= (3 if syntax == JPEGBaseline8Bit else 1)
    exact = reference_grey(values, read_grey_attributes(ds)).astype(int)
    assert np.abs(ours - exact).mean() < 8
