"""Headers as they come: in every encoding, blank, odd, wrong."""

from __future__ import annotations

import io
import logging
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
)

from cxrmine.images.faults import ImageFault, SetAside
from cxrmine.images.grey_attributes import GreyAttributes, Lut, Window, read_grey_attributes
from cxrmine.images.grey_table import grey_table

XRF = "1.2.840.10008.5.1.4.1.1.12.2"
DX = "1.2.840.10008.5.1.4.1.1.1.1"


def header(**attributes: object) -> Dataset:
    """A header of 12-bit pixels; `None` leaves an attribute out."""
    ds = Dataset()
    defaults: dict[str, object] = {
        "SOPClassUID": DX,
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": 2,
        "Columns": 3,
        "BitsAllocated": 16,
        "BitsStored": 12,
        "HighBit": 11,
        "PixelRepresentation": 0,
    }
    for name, value in {**defaults, **attributes}.items():
        if value is not None:
            setattr(ds, name, value)
    return ds


def written(ds: Dataset, syntax: UID) -> Dataset:
    """The header after a way through a file, where its values are bytes still."""
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = syntax
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    ds.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pydicom.dcmwrite(buffer, ds, enforce_file_format=True)
    buffer.seek(0)
    return pydicom.dcmread(buffer)


def in_memory(ds: Dataset) -> Dataset:
    return ds


ENCODINGS: dict[str, Callable[[Dataset], Dataset]] = {
    "memory": in_memory,
    "implicit": lambda ds: written(ds, ImplicitVRLittleEndian),
    "explicit": lambda ds: written(ds, ExplicitVRLittleEndian),
    "big endian": lambda ds: written(ds, ExplicitVRBigEndian),
}


@pytest.fixture(params=list(ENCODINGS))
def encoded(request: pytest.FixtureRequest) -> Callable[[Dataset], Dataset]:
    return ENCODINGS[request.param]


def lut_item(
    descriptor: list[int], data: bytes | list[int], *, descriptor_vr: str = "US", vr: str = "OW"
) -> Dataset:
    item = Dataset()
    item.add(DataElement(0x00283002, descriptor_vr, descriptor))
    item.add(DataElement(0x00283006, vr, data))
    return item


def raw(name: str, vr: str, value: bytes) -> pydicom.dataelem.RawDataElement:
    """An element as a reader leaves it, with whatever bytes the file holds."""
    tag = pydicom.tag.Tag(name)
    return pydicom.dataelem.RawDataElement(tag, vr, len(value), value, 0, False, True)


def with_raw(name: str, vr: str, value: bytes, **attributes: object) -> Dataset:
    ds = header(**attributes)
    element = raw(name, vr, value)
    ds._dict[element.tag] = element
    return ds


# --- plain headers --------------------------------------------------------------------------------


def test_a_plain_header(encoded: Callable[[Dataset], Dataset]) -> None:
    ds = header(
        PhotometricInterpretation="MONOCHROME1",
        PresentationLUTShape="INVERSE",
        WindowCenter=["2047.5", "1000"],
        WindowWidth=["4096", "500.25"],
        VOILUTFunction="SIGMOID",
        RescaleSlope="0.684",
        RescaleIntercept="-200",
        PixelPaddingValue=4000,
        PixelPaddingRangeLimit=4095,
    )
    assert read_grey_attributes(encoded(ds)) == GreyAttributes(
        16,
        12,
        False,
        "MONOCHROME1",
        True,
        slope=0.684,
        intercept=-200.0,
        windows=(Window(2047.5, 4096, "SIGMOID"), Window(1000, 500.25, "SIGMOID")),
        padding=(4000, 4095),
    )


def test_signed_pixels_and_padding(encoded: Callable[[Dataset], Dataset]) -> None:
    ds = header(BitsStored=16, HighBit=15, PixelRepresentation=1)
    ds.add(DataElement(0x00280120, "SS", -2000))
    attributes = read_grey_attributes(encoded(ds))
    assert attributes.signed
    assert attributes.padding == (-2000, -2000)


def test_a_header_without_a_word_on_grey() -> None:
    assert read_grey_attributes(header()) == GreyAttributes(16, 12)


def test_the_record_is_a_key_of_a_cache() -> None:
    one, other = (
        read_grey_attributes(
            header(VOILUTSequence=Sequence([lut_item([2, 0, 8], [0, 255], vr="US")]))
        )
        for _ in range(2)
    )
    assert one == other
    assert hash(one) == hash(other)


def test_enhanced_images_keep_their_values_in_functional_groups(
    encoded: Callable[[Dataset], Dataset],
) -> None:
    transformation, voi, group = Dataset(), Dataset(), Dataset()
    transformation.RescaleSlope, transformation.RescaleIntercept = 2, -10
    voi.WindowCenter, voi.WindowWidth, voi.VOILUTFunction = 100, 50, "LINEAR_EXACT"
    group.PixelValueTransformationSequence = Sequence([transformation])
    group.FrameVOILUTSequence = Sequence([voi])
    ds = header(SharedFunctionalGroupsSequence=Sequence([group]))
    attributes = read_grey_attributes(encoded(ds))
    assert (attributes.slope, attributes.intercept) == (2, -10)
    assert attributes.windows == (Window(100, 50, "LINEAR_EXACT"),)


# --- lookup tables --------------------------------------------------------------------------------


@pytest.mark.parametrize("vr", ["OW", "US"])
def test_luts_in_every_encoding(encoded: Callable[[Dataset], Dataset], vr: str) -> None:
    entries = np.arange(0, 1024, 4, dtype="<u2")
    big = encoded is ENCODINGS["big endian"]

    def item(first: int) -> Dataset:
        data: bytes | list[int] = entries.tolist()
        if vr == "OW":
            data = entries.astype(">u2" if big else "<u2").tobytes()
        return lut_item([256, first, 10], data, vr=vr)

    ds = header(
        VOILUTSequence=Sequence([item(7), item(9)]), ModalityLUTSequence=Sequence([item(3)])
    )
    attributes = read_grey_attributes(encoded(ds))
    assert attributes.modality_lut == Lut(3, 10, entries.tobytes())
    assert attributes.voi_luts == (Lut(7, 10, entries.tobytes()), Lut(9, 10, entries.tobytes()))
    assert attributes.warnings == ()


def voi_lut(ds: Dataset) -> tuple[Lut, tuple[str, ...]]:
    attributes = read_grey_attributes(ds)
    (lut,) = attributes.voi_luts
    return lut, attributes.warnings


def with_voi_lut(item: Dataset, **attributes: object) -> Dataset:
    return header(VOILUTSequence=Sequence([item]), **attributes)


def test_no_entries_mean_65536() -> None:
    data = np.arange(65536, dtype="<u2").tobytes()
    lut, oddities = voi_lut(with_voi_lut(lut_item([0, 0, 16], data)))
    assert (len(lut), lut.bits, oddities) == (65536, 16, ())


def test_more_than_32767_entries_under_a_signed_descriptor() -> None:
    item = lut_item([0, 0, 0], bytes(80000))
    descriptor = np.array([40000 - 65536, -2048, 16], "<i2").tobytes()
    element = raw("LUTDescriptor", "SS", descriptor)
    item._dict[element.tag] = element
    lut, _ = voi_lut(with_voi_lut(item, PixelRepresentation=1))
    assert (lut.first, len(lut)) == (-2048, 40000)


@pytest.mark.parametrize("bits", [8, 16])
def test_eight_bit_entries_packed_by_twos(encoded: Callable[[Dataset], Dataset], bits: int) -> None:
    values = np.arange(0, 255, dtype=np.uint8)  # an odd number: one byte over
    words = np.frombuffer(values.tobytes() + b"\0", "<u2")
    # An OW element holds words: a big-endian file swaps the two bytes of each.
    data = words.astype(">u2" if encoded is ENCODINGS["big endian"] else "<u2").tobytes()
    ds = with_voi_lut(lut_item([255, 0, bits], data))
    lut, oddities = voi_lut(encoded(ds))
    assert lut.values.tolist() == values.tolist()
    assert lut.bits == 8
    assert oddities == (
        () if bits == 8 else ("a VOI LUT has 8-bit entries, other than its descriptor says",)
    )


def test_eight_bit_entries_in_words() -> None:
    data = np.arange(256, dtype="<u2").tobytes()
    lut, oddities = voi_lut(with_voi_lut(lut_item([256, 0, 8], data)))
    assert (lut.values.tolist(), lut.bits, oddities) == (list(range(256)), 8, ())


@pytest.mark.parametrize(("said", "expected"), [(8, 12), (10, 12), (0, 12), (32, 12), (7, 12)])
def test_bits_that_cannot_be(said: int, expected: int) -> None:
    data = np.linspace(0, 4095, 512).astype("<u2").tobytes()
    lut, oddities = voi_lut(with_voi_lut(lut_item([512, 0, said], data)))
    assert lut.bits == expected
    assert oddities == ("a VOI LUT has other bits than its descriptor says: its values were used",)


def test_bits_that_can_be_stay_and_dark_tables_are_named() -> None:
    data = np.linspace(0, 4095, 512).astype("<u2").tobytes()
    lut, oddities = voi_lut(with_voi_lut(lut_item([512, 0, 16], data)))
    assert lut.bits == 16
    assert oddities == ("a VOI LUT uses less than half of the range that its descriptor says",)
    lut, oddities = voi_lut(with_voi_lut(lut_item([512, 0, 12], data)))
    assert (lut.bits, oddities) == (12, ())


def test_fewer_entries_than_said() -> None:
    data = np.linspace(0, 4095, 500).astype("<u2").tobytes()
    lut, oddities = voi_lut(with_voi_lut(lut_item([512, 0, 12], data)))
    assert len(lut) == 500
    assert oddities == ("a VOI LUT has fewer entries than its descriptor says",)


@pytest.mark.parametrize(
    ("attributes", "word", "number", "first", "mended"),
    [
        # Unsigned pixels, no rescale: unsigned, as far up as it may be.
        ({}, 100, 16, 100, False),
        ({"BitsStored": 16, "HighBit": 15}, 60000, 4096, 60000, False),
        # Signed pixels: signed, whatever the explicit VR says.
        ({"PixelRepresentation": 1}, 65536 - 2048, 4096, -2048, False),
        # A rescale that can give negative values: signed (PS3.3 C.11.2.1.1).
        ({"RescaleSlope": 1, "RescaleIntercept": -1024}, 65536 - 1024, 4096, -1024, False),
        # The rule would put the table beside all input: the other sign is meant.
        ({}, 65536 - 100, 4096, -100, True),
        (
            {"BitsStored": 16, "HighBit": 15, "RescaleSlope": 1, "RescaleIntercept": -1},
            40000,
            4096,
            40000,
            True,
        ),
    ],
)
@pytest.mark.parametrize("vr", ["US", "SS"])
def test_the_sign_of_the_first_value(
    attributes: dict[str, object], word: int, number: int, first: int, mended: bool, vr: str
) -> None:
    signed_word = word - 65536 if vr == "SS" and word > 32767 else word
    data = np.linspace(0, 65535, number).astype("<u2").tobytes()
    ds = with_voi_lut(lut_item([number, signed_word, 16], data, descriptor_vr=vr), **attributes)
    for each in (in_memory, ENCODINGS["explicit"]):
        lut, oddities = voi_lut(each(ds))
        assert lut.first == first
        assert bool(oddities) == mended
        if mended:
            assert oddities == (
                "the first value of a VOI LUT has the wrong sign: the other was taken",
            )


@pytest.mark.parametrize(
    "item",
    [
        Dataset(),
        lut_item([256, 0], bytes(512)),
        lut_item([256, 0, 8], b""),
    ],
)
def test_a_lut_of_which_nothing_can_be_made(item: Dataset) -> None:
    ds = with_voi_lut(item, WindowCenter=100, WindowWidth=50)
    attributes = read_grey_attributes(ds)
    assert attributes.voi_luts == ()
    assert attributes.windows == (Window(100, 50),)
    assert attributes.warnings == ("a VOI LUT cannot be read and was not used",)


def test_an_empty_sequence_is_no_lut() -> None:
    ds = header(VOILUTSequence=Sequence([]), ModalityLUTSequence=Sequence([]), RescaleSlope=2)
    attributes = read_grey_attributes(ds)
    assert (attributes.voi_luts, attributes.modality_lut) == ((), None)
    assert (attributes.slope, attributes.intercept, attributes.warnings) == (2, 0, ())


@pytest.mark.parametrize(
    ("sop_class", "relationship", "applied"),
    [
        (XRF, "LOG", False),
        (XRF, "DISP", False),
        (XRF, "LIN", True),
        (DX, "LOG", True),
        (XRF, None, True),
    ],
)
def test_a_fluoroscopy_images_modality_lut_may_lead_backward(
    sop_class: str, relationship: str | None, applied: bool
) -> None:
    item = lut_item([2, 0, 12], [0, 4095], vr="US")
    ds = header(
        SOPClassUID=sop_class,
        PixelIntensityRelationship=relationship,
        ModalityLUTSequence=Sequence([item]),
    )
    assert (read_grey_attributes(ds).modality_lut is not None) == applied


# --- windows and rescales as they come ------------------------------------------------------------


@pytest.mark.parametrize(
    ("centre", "width", "expected", "warned"),
    [
        (b"40 ", b"400", [(40, 400)], False),
        (b"40\\60", b"400\\200 ", [(40, 400), (60, 200)], False),
        (b" 4.0e2\0", b"+1500", [(400, 1500)], False),
        (b"2047,5", b"4095,0", [(2047.5, 4095)], False),
        (b"", b"", [], False),
        (b"  ", b"\0\0", [], False),
        (b"\\", b"\\", [], False),
        (b"40", b"", [], True),
        (b"40\\60", b"400", [(40, 400)], True),
        (b"\\60", b"400\\200", [(0, 0), (60, 200)], False),
        (b"abc", b"400", [(0, 0)], False),
        (b"NaN\\60", b"1\\inf", [(0, 0), (0, 0)], False),
        (b"1e300", b"400", [(0, 0)], False),
        (b"\xff\xfe", b"400", [(0, 0)], False),
    ],
)
def test_windows_as_they_come(
    centre: bytes,
    width: bytes,
    expected: list[tuple[float, float]],
    warned: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for vr in ("DS", None, "LO", "UN"):
        ds = header()
        for name, value in (("WindowCenter", centre), ("WindowWidth", width)):
            element = raw(name, vr, value)  # type: ignore[arg-type]
            ds._dict[element.tag] = element
        with warnings.catch_warnings(), caplog.at_level(logging.DEBUG):
            warnings.simplefilter("error")
            attributes = read_grey_attributes(ds)
        assert [(each.centre, each.width) for each in attributes.windows] == expected
        assert bool(attributes.warnings) == warned
    assert caplog.text == "", "a header's text must not reach a log"


def test_windows_of_binary_numbers() -> None:
    ds = with_raw("WindowCenter", "FD", np.array([40.5, 50]).astype("<f8").tobytes())
    element = raw("WindowWidth", "US", np.array([400, 300], "<u2").tobytes())
    ds._dict[element.tag] = element
    assert read_grey_attributes(ds).windows == (Window(40.5, 400), Window(50, 300))


def test_bits_of_the_wrong_type_in_memory() -> None:
    ds = header()
    ds["BitsStored"]._value = "twelve"
    assert read_grey_attributes(ds).bits_stored == 16
    ds["BitsStored"]._value = [None, 3]
    assert read_grey_attributes(ds).bits_stored == 16


def test_windows_set_in_memory() -> None:
    ds = header(WindowCenter=[1, 2.5], WindowWidth=["10", "20"])
    assert read_grey_attributes(ds).windows == (Window(1, 10), Window(2.5, 20))
    ds = header()
    ds.WindowCenter, ds.WindowWidth = None, None
    assert read_grey_attributes(ds).windows == ()


@pytest.mark.parametrize(
    ("text", "expected", "warned"),
    [
        (b"", "LINEAR", False),
        (b"linear ", "LINEAR", False),
        (b"LINEAR_EXACT", "LINEAR_EXACT", False),
        (b"LINEAR EXACT", "LINEAR_EXACT", False),
        (b"sigmoid ", "SIGMOID", False),
        (b"LOGARITHM", "LINEAR", True),
    ],
)
def test_voi_functions_as_they_come(text: bytes, expected: str, warned: bool) -> None:
    ds = with_raw("VOILUTFunction", "CS", text, WindowCenter=100, WindowWidth=50)
    attributes = read_grey_attributes(ds)
    assert attributes.windows[0].function == expected
    assert attributes.warnings == (("unknown VOI LUT function: taken as LINEAR",) if warned else ())


@pytest.mark.parametrize(
    ("slope", "intercept", "expected", "warned"),
    [
        (b"0.684", b"200", (0.684, 200), False),
        (b"", b"", (1, 0), False),
        (b"2", None, (2, 0), False),
        (None, b"-1024", (1, -1024), False),
        (b"0", b"5", (1, 0), True),
        (b"1e-25", b"5", (1, 0), True),
        (b"abc", b"5", (1, 0), True),
        (b"1,5", b"0", (1.5, 0), False),
    ],
)
def test_rescales_as_they_come(
    slope: bytes | None, intercept: bytes | None, expected: tuple[float, float], warned: bool
) -> None:
    ds = header()
    for name, value in (("RescaleSlope", slope), ("RescaleIntercept", intercept)):
        if value is not None:
            element = raw(name, "DS", value)
            ds._dict[element.tag] = element
    attributes = read_grey_attributes(ds)
    assert (attributes.slope, attributes.intercept) == expected
    assert bool(attributes.warnings) == warned


@pytest.mark.parametrize(
    ("value", "limit", "expected"),
    [(0, None, (0, 0)), (0, 30, (0, 30)), (4095, 4000, (4000, 4095)), (None, 30, None)],
)
def test_padding_ranges(
    value: int | None, limit: int | None, expected: tuple[int, int] | None
) -> None:
    ds = header(PixelPaddingValue=value, PixelPaddingRangeLimit=limit)
    assert read_grey_attributes(ds).padding == expected


# --- bits -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("attributes", "expected", "warned"),
    [
        ({}, (16, 12, 0), False),
        ({"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7}, (8, 8, 0), False),
        ({"HighBit": None}, (16, 12, 0), False),
        ({"BitsStored": None, "HighBit": None}, (16, 16, 0), True),
        ({"HighBit": 15}, (16, 12, 4), True),
        ({"HighBit": 13}, (16, 12, 2), True),
        ({"HighBit": 16}, (16, 12, 0), True),
        ({"HighBit": 7}, (16, 12, 0), True),
        ({"BitsStored": 16, "HighBit": 11}, (16, 16, 0), True),
    ],
)
def test_bits_as_they_come(
    attributes: dict[str, object], expected: tuple[int, int, int], warned: bool
) -> None:
    read = read_grey_attributes(header(**attributes))
    assert (read.bits_allocated, read.bits_stored, read.shift) == expected
    assert bool(read.warnings) == warned


@pytest.mark.parametrize(("syntax", "shift"), [(RLELossless, 4), (JPEG2000Lossless, 0)])
def test_a_decoder_of_samples_has_no_high_bit(syntax: UID, shift: int) -> None:
    ds = header(HighBit=15)
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = syntax
    assert read_grey_attributes(ds).shift == shift


@pytest.mark.parametrize(
    ("attributes", "cause"),
    [
        ({"BitsAllocated": 32, "BitsStored": 32, "HighBit": 31}, "neither 8 nor 16 bits"),
        ({"BitsAllocated": 1, "BitsStored": 1, "HighBit": 0}, "neither 8 nor 16 bits"),
        ({"BitsAllocated": 12}, "neither 8 nor 16 bits"),
        ({"BitsAllocated": None}, "does not say how many bits"),
        ({"BitsStored": 0}, "impossible"),
        ({"BitsStored": 17}, "impossible"),
        ({"BitsAllocated": 8}, "impossible"),
    ],
)
def test_impossible_bits(attributes: dict[str, object], cause: str) -> None:
    with pytest.raises(ImageFault, match=cause):
        read_grey_attributes(header(**attributes))


@pytest.mark.parametrize(
    ("value", "signed", "warned"), [(None, False, False), (1, True, False), (2, False, True)]
)
def test_the_pixel_representation(value: int | None, signed: bool, warned: bool) -> None:
    attributes = read_grey_attributes(header(PixelRepresentation=value))
    assert (attributes.signed, bool(attributes.warnings)) == (signed, warned)


# --- photometric interpretation -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "samples"),
    [
        (b"RGB", 3),
        (b"YBR_FULL_422", 3),
        (b"YBR_RCT ", 3),
        (b"PALETTE COLOR ", 1),
        (b"MONOCHROME2 ", 3),
        (b"RGB ", 1),
    ],
)
def test_colour_is_set_aside(text: bytes, samples: int) -> None:
    ds = with_raw("PhotometricInterpretation", "CS", text, SamplesPerPixel=samples)
    with pytest.raises(SetAside, match=r"^colour image$"):
        read_grey_attributes(ds)


@pytest.mark.parametrize(
    ("text", "expected", "warned"),
    [
        (b"MONOCHROME1 ", "MONOCHROME1", False),
        (b"monochrome1", "MONOCHROME1", False),
        (b"MONOCHROME 2", "MONOCHROME2", False),
        (b"MONOCHROME1\0", "MONOCHROME1", False),
        (b"", "MONOCHROME2", True),
        (b"MONOCHROME", "MONOCHROME2", True),
    ],
)
def test_photometric_interpretations_as_they_come(text: bytes, expected: str, warned: bool) -> None:
    attributes = read_grey_attributes(with_raw("PhotometricInterpretation", "CS", text))
    assert (attributes.photometric, bool(attributes.warnings)) == (expected, warned)


def test_an_unknown_photometric_interpretation_is_not_repeated() -> None:
    ds = with_raw("PhotometricInterpretation", "CS", b"DOE^JANE")
    with pytest.raises(ImageFault, match="photometric interpretation") as fault:
        read_grey_attributes(ds)
    assert "DOE" not in str(fault.value)


def test_a_presentation_lut_is_named() -> None:
    ds = header(PresentationLUTSequence=Sequence([lut_item([2, 0, 12], [0, 4095], vr="US")]))
    assert read_grey_attributes(ds).warnings == (
        "the header has a presentation LUT, which was not applied",
    )


# --- damage ---------------------------------------------------------------------------------------


def test_a_sequence_that_cannot_be_parsed_counts_as_absent() -> None:
    ds = with_raw(
        "VOILUTSequence", "SQ", b"\xfe\xff\x00\xe0\x08\x00", WindowCenter=9, WindowWidth=9
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        attributes = read_grey_attributes(ds)
    assert attributes.voi_luts == ()
    assert attributes.windows == (Window(9, 9),)


def test_values_left_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "deferred.dcm"
    ds = header()
    ds.WindowCenter, ds.WindowWidth = ["100.25"] * 400, ["50.5"] * 400
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = DX
    ds.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    pydicom.dcmwrite(path, ds, enforce_file_format=True)
    assert len(read_grey_attributes(pydicom.dcmread(path, defer_size=500)).windows) == 32
    later = pydicom.dcmread(path, defer_size=500)
    path.unlink()
    with pytest.raises(ImageFault, match="could not be read"):
        read_grey_attributes(later)


def test_what_is_read_makes_a_table() -> None:
    """Header to grey: a falling VOI LUT on MONOCHROME1 brings back the rising order."""
    curve = np.linspace(1023, 0, 4096).round().astype("<u2").tobytes()
    ds = header(
        PhotometricInterpretation="MONOCHROME1",
        VOILUTSequence=Sequence([lut_item([4096, 0, 10], curve)]),
        WindowCenter=2048,
        WindowWidth=4096,
    )
    table = grey_table(read_grey_attributes(written(ds, ExplicitVRLittleEndian)))
    assert table.source == "voi lut"
    assert table.table[[0, 1024, 4095]].tolist() == [0, 64, 255]


# --- more than anybody has ------------------------------------------------------------------------


def test_thirty_thousand_windows_are_not_looked_at() -> None:
    centres, widths = b"9\\" * 30_000 + b"9 ", b"2\\" * 30_000 + b"2 "
    ds = with_raw("WindowCenter", "DS", centres)
    ds[0x00281051] = raw("WindowWidth", "DS", widths)
    started = time.perf_counter()
    attributes = read_grey_attributes(ds)
    assert attributes.windows == (Window(9, 2),) * 32
    assert attributes.warnings == ("more than 32 windows: the others were not looked at",)
    # None of them shows anything, and they are all the same: one table, one warning.
    table = grey_table(attributes, stored=np.full((8, 8), 2000, np.uint16))
    assert table.source == "percentiles"
    assert table.warnings[1:] == (
        "window 1 lies beside all pixels: not used",
        "all pixels have one value: the full range of the bits was used",
    )
    assert time.perf_counter() - started < 1


def test_32_windows_are_all_looked_at() -> None:
    ds = header(WindowCenter=list(range(1, 33)), WindowWidth=[100] * 32)
    attributes = read_grey_attributes(ds)
    assert (len(attributes.windows), attributes.warnings) == (32, ())
    assert grey_table(attributes, window=32, stored=np.zeros((2, 2), np.uint16)).centre == 32


@pytest.mark.parametrize(("number", "kept"), [(32, 32), (33, 32), (500, 32)])
def test_hundreds_of_luts_are_not_looked_at(number: int, kept: int) -> None:
    item = lut_item([4, 0, 8], bytes([0, 0, 255, 0, 128, 0, 0, 0]))
    attributes = read_grey_attributes(header(VOILUTSequence=Sequence([item] * number)))
    assert len(attributes.voi_luts) == kept
    expected = ("more than 32 VOI LUTs: the others were not looked at",) if number > 32 else ()
    assert tuple(w for w in attributes.warnings if "more than" in w) == expected


def test_a_value_of_many_megabytes_is_left_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "deferred.dcm"
    ds = header(WindowCenter="1", WindowWidth="2", PatientComments="3")
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = DX
    ds.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    pydicom.dcmwrite(path, ds, enforce_file_format=True)
    content = path.read_bytes()
    place = content.index(b"\x28\x00\x50\x10") + 4
    many = b"1\\" * 5_000_000
    path.write_bytes(
        content[:place] + len(many).to_bytes(4, "little") + many + content[place + 6 :]
    )
    with pytest.raises(ImageFault, match="could not be read completely"):
        read_grey_attributes(pydicom.dcmread(path, defer_size=2**20))
