"""Stored cells: every transfer syntax, every decoder, every contradiction and damage."""

from __future__ import annotations

import os
import subprocess
import sys
import tracemalloc
import warnings
from io import BytesIO

import imagecodecs
import numpy as np
import pydicom
import pytest
from made_pixels import (
    LOSSLESS,
    as_cells,
    made_cells,
    made_dataset,
    made_stream,
    put_stream,
    reread,
)
from pydicom.data import get_testdata_file
from pydicom.uid import (
    JPEG2000,
    MPEG2MPML,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from cxrmine.images.codestream import Codec, StreamInfo, read_stream_info
from cxrmine.images.convert import PixelSettings, convert_dicom
from cxrmine.images.decode import MAX_PIXELS, SURPLUS, decode, lookup
from cxrmine.images.decoders import DECODERS, find_decoder, set_decoder_threads
from cxrmine.images.faults import ImageFault, SetAside

STREAMS = (JPEGLosslessSV1, JPEGLSLossless, JPEG2000Lossless, HTJ2KLossless, RLELossless)


def stored(cells: np.ndarray, bits: int) -> np.ndarray:
    """What the header calls the value: the cell without the bits above Bits Stored."""
    return cells & cells.dtype.type((1 << bits) - 1)


def fragment(ds: pydicom.Dataset) -> bytes:
    return next(pydicom.encaps.generate_frames(ds.PixelData, number_of_frames=1))


@pytest.fixture
def without_packages(monkeypatch):
    """Make packages unimportable, as where they are not installed."""

    def hide(*modules: str) -> None:
        for module in modules:
            monkeypatch.setitem(sys.modules, module, None)
        find_decoder.cache_clear()

    yield hide
    monkeypatch.undo()
    find_decoder.cache_clear()


# Every syntax -----------------------------------------------------------------------------------


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("bits", range(8, 17))
@pytest.mark.parametrize("syntax", LOSSLESS, ids=lambda uid: uid.name)
def test_every_cell_of_every_lossless_syntax(syntax, bits, signed):
    values = made_cells(67, 71, bits, signed=signed)
    cells = decode(reread(made_dataset(values, bits, syntax)))
    assert cells.dtype == (np.uint8 if bits == 8 else np.uint16)
    assert cells.dtype.isnative
    np.testing.assert_array_equal(stored(cells, bits), stored(as_cells(values), bits))


@pytest.mark.parametrize(
    ("syntax", "bits", "most"),
    [(JPEGBaseline8Bit, 8, 10), (JPEGExtended12Bit, 12, 60), (JPEG2000, 12, 60)],
    ids=lambda value: getattr(value, "name", value),
)
def test_lossy_syntaxes_lose_little(syntax, bits, most):
    values = made_cells(128, 96, bits)
    difference = np.abs(decode(made_dataset(values, bits, syntax)).astype(int) - values)
    assert difference.max() <= most
    assert difference.mean() < most / 5


def test_near_lossless_jpeg_ls():
    values = made_cells(64, 80, 12)
    ds = made_dataset(values, 12)
    ds.compress(JPEGLSNearLossless, jls_error=3, generate_instance_uid=False)
    difference = np.abs(decode(ds).astype(int) - values)
    assert 0 < difference.max() <= 3


@pytest.mark.parametrize("predictor", range(1, 8))
def test_every_predictor_of_jpeg_lossless(predictor):
    values = made_cells(33, 40, 14)
    ds = made_dataset(values, 14)
    stream = imagecodecs.jpeg8_encode(values, lossless=True, predictor=predictor, bitspersample=14)
    put_stream(ds, stream, JPEGLossless)
    np.testing.assert_array_equal(decode(ds), values)


@pytest.mark.parametrize(
    ("codec", "decoder"),
    [(codec, decoder) for codec, decoders in DECODERS.items() for decoder in decoders],
    ids=lambda value: getattr(value, "package", None) or value.value,
)
@pytest.mark.parametrize("bits", [8, 12, 16])
def test_every_decoder_gives_the_same_cells(codec, decoder, bits):
    assert decoder.is_available(), "the extra [dicom] installs it"
    values = made_cells(67, 71, bits)
    if codec is Codec.RLE:
        width = 8 if bits == 8 else 16
        stream = fragment(made_dataset(values, bits, RLELossless))
        info = StreamInfo(codec, 67, 71, width, 1)
    elif codec is Codec.JPEG_12:
        stream = made_stream(made_cells(67, 71, 12), 12, JPEGExtended12Bit)
        info = read_stream_info(stream)
        values = imagecodecs.jpeg8_decode(stream)
    elif codec is Codec.JPEG_8:
        stream = made_stream(made_cells(67, 71, 8), 8, JPEGBaseline8Bit)
        info = read_stream_info(stream)
        values = imagecodecs.jpeg8_decode(stream)
    else:
        syntaxes = {
            Codec.JPEG_LOSSLESS: JPEGLosslessSV1,
            Codec.JPEG_LS: JPEGLSLossless,
            Codec.JPEG_2000: JPEG2000Lossless,
        }
        stream = fragment(made_dataset(values, bits, syntaxes[codec]))
        info = read_stream_info(stream)
    cells = decoder.decode(stream, info)
    assert cells.dtype == (np.uint8 if info.precision <= 8 else np.uint16)
    np.testing.assert_array_equal(cells, values)


GREY_FILES_OF_PYDICOM = [
    "693_J2KI.dcm",
    "CT_small.dcm",
    "J2K_pixelrep_mismatch.dcm",
    "JPEG2000.dcm",
    "JPEGLSNearLossless_08.dcm",
    "JPEGLSNearLossless_16.dcm",
    "MR_small.dcm",
    "MR_small_RLE.dcm",
    "MR_small_bigendian.dcm",
    "MR_small_implicit.dcm",
    "MR_small_jp2klossless.dcm",
    "MR_small_jpeg_ls_lossless.dcm",
    "MR_small_padded.dcm",
    "examples_overlay.dcm",
    "image_dfl.dcm",
]


@pytest.mark.parametrize("name", GREY_FILES_OF_PYDICOM)
def test_cells_are_pydicoms(name):
    ds = pydicom.dcmread(get_testdata_file(name))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        values = ds.pixel_array
    cells = decode(ds)
    mask = (1 << ds.BitsStored) - 1
    np.testing.assert_array_equal(cells.astype(np.int64) & mask, values.astype(np.int64) & mask)


@pytest.mark.parametrize("name", ["JPEG-lossy.dcm", "JPGExtended.dcm"])
def test_extended_jpeg_of_12_bits_which_pydicom_leaves_to_gpl_code(name):
    ds = pydicom.dcmread(get_testdata_file(name))
    first, second = DECODERS[Codec.JPEG_12]
    cells = decode(ds)
    assert cells.shape == (1024, 256)
    assert int(cells.max()) == 264
    info = read_stream_info(fragment(ds))
    np.testing.assert_array_equal(cells, first.decode(fragment(ds), info))
    np.testing.assert_array_equal(cells, second.decode(fragment(ds), info))


def test_uncompressed_cells_are_a_view():
    ds = made_dataset(made_cells(300, 200, 12), 12)
    cells = decode(ds)
    assert np.shares_memory(cells, np.frombuffer(ds.PixelData, dtype=np.uint8))


@pytest.mark.parametrize("shape", [(3, 5), (4, 5)])
def test_8_bits_in_big_endian_words(shape):
    values = made_cells(*shape, 8)
    ds = made_dataset(values, 8, ExplicitVRBigEndian)
    padded = values.tobytes() + b"\0" * (values.size % 2)
    ds["PixelData"].value = np.frombuffer(padded, dtype="<u2").astype(">u2").tobytes()
    ds["PixelData"].VR = "OW"
    np.testing.assert_array_equal(decode(ds), values)
    ds["PixelData"].value = ds.PixelData[:-1]
    with pytest.raises(ImageFault, match="truncated"):
        decode(ds)


def test_several_fragments_of_one_frame():
    values = made_cells(80, 90, 12)
    ds = made_dataset(values, 12)
    put_stream(ds, made_stream(values, 12, JPEGLosslessSV1), JPEGLosslessSV1, fragments=4)
    np.testing.assert_array_equal(decode(reread(ds)), values)


@pytest.mark.parametrize(
    ("bits", "surplus", "warned"),
    [
        (12, b"", False),
        (8, b"", False),  # 63 bytes and the one that makes them even
        (12, b"\x01\x02" * 6, True),  # less than a column
        (8, b"\x01\x02\x03\x04\x05\x06", True),
        (12, b"\0" * 386, True),  # up to a block of 512
        (8, b"\xff" * 448, True),
    ],
)
def test_padding_after_the_image_is_left_alone(bits, surplus, warned):
    values = made_cells(9, 7, bits)
    ds = made_dataset(values, bits)
    ds["PixelData"].value = ds.PixelData.ljust(values.nbytes, b"\0")[: values.nbytes] + surplus
    said = []
    np.testing.assert_array_equal(decode(ds, warnings=said), values)
    np.testing.assert_array_equal(decode(ds), values)
    assert said == [SURPLUS] * warned


def surplus_of(header: dict[str, int | None]) -> pydicom.Dataset:
    """Cells of 16 bits, 60 rows and 80 columns, twice, under another header."""
    values = np.tile(made_cells(60, 80, 12), (2 if "NumberOfFrames" in header else 1, 1))
    ds = made_dataset(values, 12)
    ds.Rows = 60
    for keyword, number in header.items():
        setattr(ds, keyword, number)
    return ds


@pytest.mark.parametrize(
    "header",
    [
        {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7},
        {"NumberOfFrames": None},
        {"Columns": 79},
        {"Rows": 59},
        {"Rows": 30, "Columns": 40},
    ],
    ids=str,
)
def test_more_cells_than_the_header_says(header):
    with pytest.raises(ImageFault, match="longer than the size and bits"):
        decode(surplus_of(header))


def test_the_surplus_is_warned_of_in_the_converted_image(tmp_path):
    ds = made_dataset(made_cells(60, 80, 12), 12)
    ds.Modality = "DX"
    ds["PixelData"].value = ds.PixelData + b"\0\0"
    ds.save_as(tmp_path / "padded.dcm", enforce_file_format=True)
    converted = convert_dicom(tmp_path / "padded.dcm", PixelSettings())
    assert SURPLUS in converted.warnings


@pytest.mark.parametrize("syntax", STREAMS, ids=lambda uid: uid.name)
def test_padding_after_the_stream_is_left_alone(syntax):
    values = made_cells(67, 71, 12)
    ds = made_dataset(values, 12, syntax)
    put_stream(ds, fragment(ds) + b"\0" * 32, syntax)
    np.testing.assert_array_equal(decode(ds), values)


def test_openjpegs_threads_change_no_pixel_and_leave_no_trace(monkeypatch):
    monkeypatch.delenv("OPJ_NUM_THREADS", raising=False)
    values = made_cells(700, 500, 12)
    ds = made_dataset(values, 12)
    put_stream(ds, made_stream(values, 12, JPEG2000), JPEG2000)
    images = []
    for threads in (1, 3, 0):
        set_decoder_threads(threads)
        images.append(decode(ds))
        assert "OPJ_NUM_THREADS" not in os.environ
    np.testing.assert_array_equal(images[0], images[1])
    np.testing.assert_array_equal(images[0], images[2])


@pytest.mark.parametrize("own", [None, "5"])
def test_what_openjpeg_is_told(own, monkeypatch):
    """Pillow asks for the threads while it decodes: seen from a file that looks as it is read."""
    monkeypatch.delenv("OPJ_NUM_THREADS", raising=False)
    if own:
        monkeypatch.setenv("OPJ_NUM_THREADS", own)
    seen = []

    class Watched(BytesIO):
        def read(self, *size):
            seen.append(os.environ.get("OPJ_NUM_THREADS"))
            return super().read(*size)

    monkeypatch.setattr("cxrmine.images.decoders.BytesIO", Watched)
    monkeypatch.setattr("cxrmine.images.decoders._threads", 2)
    decode(made_dataset(made_cells(64, 64, 12), 12, JPEG2000Lossless))
    assert set(seen) == {own or "2"}


# Headers that lie -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("named", "written"),
    [
        (JPEGBaseline8Bit, JPEGLosslessSV1),
        (JPEGLosslessSV1, JPEGLSLossless),
        (JPEGLSLossless, JPEG2000Lossless),
        (JPEG2000Lossless, JPEGLosslessSV1),
        (ExplicitVRLittleEndian, JPEGLosslessSV1),
    ],
    ids=lambda uid: uid.name,
)
def test_the_stream_is_read_whatever_the_syntax_says(named, written):
    values = made_cells(67, 71, 12)
    ds = made_dataset(values, 12, written)
    ds.file_meta.TransferSyntaxUID = named
    np.testing.assert_array_equal(decode(ds), values)


def test_plain_cells_under_the_name_of_a_compressed_syntax():
    values = made_cells(67, 71, 12)
    ds = made_dataset(values, 12)
    ds.file_meta.TransferSyntaxUID = JPEGLosslessSV1
    np.testing.assert_array_equal(decode(ds), values)


def test_stream_of_8_bits_under_a_header_of_16():
    values = made_cells(64, 64, 8)
    ds = made_dataset(values.astype(np.uint16), 12)
    put_stream(ds, made_stream(values, 8, JPEGLosslessSV1), JPEGLosslessSV1)
    cells = decode(ds)
    assert cells.dtype == np.uint16
    np.testing.assert_array_equal(cells, values)


def test_stream_of_12_bits_under_a_header_of_8():
    ds = made_dataset(made_cells(64, 64, 8), 8)
    put_stream(ds, made_stream(made_cells(64, 64, 12), 12, JPEGLosslessSV1), JPEGLosslessSV1)
    with pytest.raises(ImageFault, match="more bits than the header"):
        decode(ds)


@pytest.mark.parametrize("syntax", [JPEG2000Lossless, HTJ2KLossless, JPEGLSLossless])
def test_unsigned_stream_under_a_signed_header_of_more_bits(syntax):
    """The 13-bit pattern of −2000 is extended from bit 13, though Bits Stored says 16."""
    values = np.arange(-4096, 4096, dtype=np.int16).reshape(64, 128)
    unsigned = (values & np.int16(0x1FFF)).view(np.uint16)
    ds = made_dataset(unsigned, 13, JPEGLSLossless if syntax == JPEGLSLossless else RLELossless)
    if syntax != JPEGLSLossless:
        stream = imagecodecs.jpeg2k_encode(
            unsigned, codecformat="j2k", bitspersample=13, reversible=True
        )
        put_stream(ds, stream, syntax)
    ds.PixelRepresentation, ds.BitsStored, ds.HighBit = 1, 16, 15
    np.testing.assert_array_equal(decode(ds).view(np.int16), values)


def test_signed_stream_under_an_unsigned_header():
    values = made_cells(64, 96, 13, signed=True)
    ds = made_dataset(values, 13, JPEG2000Lossless)
    assert read_stream_info(fragment(ds)).signed
    ds.PixelRepresentation, ds.BitsStored, ds.HighBit = 0, 16, 15
    np.testing.assert_array_equal(decode(ds), stored(as_cells(values), 13))


@pytest.mark.parametrize("syntax", STREAMS[:-1], ids=lambda uid: uid.name)
def test_other_size_than_the_header_says(syntax):
    ds = made_dataset(made_cells(64, 80, 12), 12, syntax)
    ds.Rows, ds.Columns = 80, 64
    with pytest.raises(ImageFault, match="disagree about the size"):
        decode(ds)


def test_rle_of_other_size_than_the_header_says():
    ds = made_dataset(made_cells(64, 80, 12), 12, RLELossless)
    for rows in (60, 70):
        ds.Rows = rows
        with pytest.raises(ImageFault, match="damaged"):
            decode(ds)


def test_stream_in_colour_under_a_grey_header():
    ds = made_dataset(made_cells(64, 80, 8), 8)
    colours = np.repeat(made_cells(64, 80, 8)[:, :, None], 3, axis=2)
    put_stream(ds, imagecodecs.jpeg8_encode(colours), JPEGBaseline8Bit)
    with pytest.raises(ImageFault, match="in colour"):
        decode(ds)


def test_file_without_meta_information():
    ds = made_dataset(made_cells(20, 30, 12), 12)
    values = decode(ds).copy()
    del ds.file_meta
    np.testing.assert_array_equal(decode(ds), values)
    big = pydicom.Dataset()
    big.update({element.tag: element for element in ds})
    big["PixelData"].value = values.astype(">u2").tobytes()
    big.set_original_encoding(False, False)
    np.testing.assert_array_equal(decode(big), values)


# What cannot be read ----------------------------------------------------------------------------


@pytest.mark.parametrize("syntax", LOSSLESS, ids=lambda uid: uid.name)
@pytest.mark.parametrize("left", [0.0, 0.01, 0.5, 0.98])
def test_truncated_pixels(syntax, left):
    ds = made_dataset(made_cells(67, 71, 12), 12, syntax)
    if syntax.is_encapsulated:
        stream = fragment(ds)
        # An odd number, so that a padding byte follows.
        put_stream(ds, stream[: int(len(stream) * left) | 1], syntax)
    else:
        ds["PixelData"].value = ds.PixelData[: int(len(ds.PixelData) * left)]
    with pytest.raises(ImageFault, match=r"truncated|damaged|no pixel data|in the form"):
        decode(ds)


@pytest.mark.parametrize("syntax", STREAMS, ids=lambda uid: uid.name)
def test_fragment_that_ends_beyond_the_data(syntax):
    ds = made_dataset(made_cells(67, 71, 12), 12, syntax)
    ds["PixelData"].value = ds.PixelData[: len(ds.PixelData) // 2]
    with pytest.raises(ImageFault, match="truncated"):
        decode(ds)


@pytest.mark.parametrize("syntax", STREAMS, ids=lambda uid: uid.name)
def test_damaged_streams_are_a_fault_or_an_image_and_nothing_else(syntax, capfd):
    """200 streams with wrong bytes; no library prints, aborts or raises an error of its own."""
    random = np.random.default_rng(7)
    ds = made_dataset(made_cells(67, 71, 12), 12, syntax)
    stream = fragment(ds)
    faults = 0
    for _ in range(200):
        damaged = bytearray(stream)
        within = len(damaged) if random.random() < 0.5 else min(150, len(damaged))
        for place in random.integers(0, within, size=random.integers(1, 4)):
            damaged[place] = random.integers(0, 256)
        put_stream(ds, bytes(damaged), syntax)
        try:
            assert decode(ds).shape == (67, 71)
        except ImageFault:
            faults += 1
    assert faults > 10
    assert capfd.readouterr() == ("", "")


def test_the_makeshift_rle_decoder_panics_without_a_word(capfd):
    """A segment that gives more than the image holds makes pylibjpeg-rle panic in Rust."""
    stream = fragment(made_dataset(made_cells(64, 80, 12), 12, RLELossless))
    decoder = DECODERS[Codec.RLE][1]
    with pytest.raises(ValueError, match=r"^damaged$"):
        decoder.decode(stream, StreamInfo(Codec.RLE, 60, 80, 16, 1))
    assert capfd.readouterr().err == ""


def test_a_stream_much_larger_than_its_image_is_not_looked_at():
    ds = made_dataset(made_cells(64, 80, 12), 12, JPEGLSLossless)
    put_stream(ds, fragment(ds) + b"\0" * 1_000_000, JPEGLSLossless)
    with pytest.raises(ImageFault, match="truncated"):  # its end is not where it should be
        decode(ds)
    put_stream(ds, fragment(ds) + b"\0" * 1_100_000, JPEGLSLossless)
    with pytest.raises(ImageFault, match="longer than the size and bits"):
        decode(ds)


def test_rle_bomb_takes_no_memory():
    ds = made_dataset(made_cells(64, 80, 8), 8, RLELossless)
    head = (1).to_bytes(4, "little") + (64).to_bytes(4, "little") + b"\0" * 56
    put_stream(ds, head + b"\x81\x00" * 500_000, RLELossless)
    tracemalloc.start()
    with pytest.raises(ImageFault, match="damaged"):
        decode(ds)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20_000_000


@pytest.mark.parametrize(
    ("rows", "columns", "cause"),
    [(20000, 20000, "36 million"), (0, 100, "is 0"), (100, None, "not given")],
)
def test_sizes_are_checked_before_memory_is_taken(rows, columns, cause):
    ds = made_dataset(made_cells(8, 8, 12), 12)
    ds.Rows, ds.Columns = rows, columns
    tracemalloc.start()
    with pytest.raises(ImageFault, match=cause):
        decode(ds)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000


def test_the_largest_image_is_read_and_one_row_more_is_not():
    side = 5000
    ds = made_dataset(made_cells(8, 8, 8), 8)
    ds.Rows, ds.Columns = MAX_PIXELS // side, side
    ds["PixelData"].value = bytes(MAX_PIXELS)
    assert decode(ds).shape == (MAX_PIXELS // side, side)
    ds.Rows += 1
    with pytest.raises(ImageFault, match="million"):
        decode(ds)


def test_jpeg_2000_has_a_lower_limit():
    """A wavelet stream of nothing has some hundred bytes for any number of pixels."""
    stream = bytearray(made_stream(np.zeros((6000, 500), np.uint8), 8, JPEG2000))
    ds = made_dataset(made_cells(8, 8, 8), 8)
    for rows, columns in ((6000, 5001), (5501, 6000)):
        stream[8:16] = columns.to_bytes(4, "big") + rows.to_bytes(4, "big")
        put_stream(ds, bytes(stream), JPEG2000)
        ds.Rows, ds.Columns = rows, columns
        with pytest.raises(ImageFault, match="more than 30 million pixels in JPEG 2000"):
            decode(ds)


@pytest.mark.parametrize("bits", [1, 12, 32, None])
def test_cells_of_other_width(bits):
    ds = made_dataset(made_cells(8, 8, 12), 12)
    ds.BitsAllocated = bits
    with pytest.raises(ImageFault, match="neither 8 nor 16"):
        decode(ds)


def test_no_pixel_data():
    ds = made_dataset(made_cells(8, 8, 12), 12)
    ds["PixelData"].value = b""
    with pytest.raises(ImageFault, match="no pixel data"):
        decode(ds)
    del ds.PixelData
    with pytest.raises(ImageFault, match="no pixel data"):
        decode(ds)


def test_several_frames_and_colour_are_set_aside():
    ds = made_dataset(made_cells(8, 8, 8), 8)
    ds.NumberOfFrames = 2
    with pytest.raises(SetAside, match="several frames"):
        decode(ds)
    ds.NumberOfFrames, ds.SamplesPerPixel = 1, 3
    with pytest.raises(SetAside, match="colour image"):
        decode(ds)


def test_blank_and_impossible_numbers_in_the_header():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ds = pydicom.dcmread(get_testdata_file("badVR.dcm"))  # NumberOfFrames "1A"
        with pytest.raises(ImageFault, match="neither 8 nor 16"):
            decode(ds)
    values = made_cells(8, 8, 8)
    ds = made_dataset(values, 8)
    ds.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    ds.NumberOfFrames = None
    ds.SamplesPerPixel = None
    np.testing.assert_array_equal(decode(ds), values)


@pytest.mark.parametrize("uid", [MPEG2MPML, "1.2.840.99999.1"])
def test_syntaxes_that_are_not_read(uid):
    ds = made_dataset(made_cells(8, 8, 8), 8)
    ds.file_meta.TransferSyntaxUID = uid
    with pytest.raises(ImageFault, match="not supported") as fault:
        decode(ds)
    assert str(uid) not in str(fault.value)


def test_deferred_pixels_of_a_file_that_has_gone(tmp_path):
    path = tmp_path / "one.dcm"
    values = made_cells(64, 64, 12)
    made_dataset(values, 12).save_as(path, enforce_file_format=True)
    np.testing.assert_array_equal(decode(pydicom.dcmread(path, defer_size=1024)), values)
    ds = pydicom.dcmread(path, defer_size=1024)
    path.unlink()
    with pytest.raises(ImageFault, match="no longer there") as fault:
        decode(ds)
    assert "one.dcm" not in str(fault.value)


@pytest.mark.parametrize(
    ("syntax", "modules", "packages"),
    [
        (JPEGLosslessSV1, ["imagecodecs", "gdcm"], ["imagecodecs", "python-gdcm"]),
        (JPEGLSLossless, ["jpeg_ls", "gdcm"], ["pyjpegls", "python-gdcm"]),
        (RLELossless, ["imagecodecs", "rle.rle"], ["imagecodecs", "pylibjpeg-rle"]),
        (JPEG2000Lossless, ["PIL.Image", "openjpeg.utils"], ["pillow", "pylibjpeg-openjpeg"]),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_missing_decoders_are_named(syntax, modules, packages, without_packages):
    values = made_cells(67, 71, 12)
    ds = made_dataset(values, 12, syntax)
    without_packages(modules[0])
    np.testing.assert_array_equal(decode(ds), values)
    without_packages(*modules)
    with pytest.raises(ImageFault, match=r"pip install 'cxrmine\[dicom\]'") as fault:
        decode(ds)
    for package in packages:
        assert package in str(fault.value)


def test_the_gpl_decoder_is_passed_over_even_where_it_is_installed(tmp_path):
    """A package in the place of pylibjpeg-libjpeg, entry points and all, is never called."""
    (tmp_path / "libjpeg.py").write_text(
        "def decode_pixel_data(*args, **kwargs):\n    raise SystemExit('called')\n"
    )
    about = tmp_path / "pylibjpeg_libjpeg-2.3.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: pylibjpeg-libjpeg\nVersion: 2.3\n"
    )
    points = "".join(
        f"{uid} = libjpeg:decode_pixel_data\n" for uid in (JPEGLosslessSV1, JPEGLosslessSV1.name)
    )
    (about / "entry_points.txt").write_text(f"[pylibjpeg.pixel_data_decoders]\n{points}")
    file = tmp_path / "one.dcm"
    made_dataset(made_cells(64, 64, 12), 12, JPEGLosslessSV1).save_as(
        file, enforce_file_format=True
    )
    program = (
        "import sys; sys.modules['imagecodecs'] = sys.modules['gdcm'] = None\n"
        "import pydicom; from cxrmine.images.decode import decode\n"
        "from pylibjpeg.utils import get_pixel_data_decoders as installed\n"
        f"assert '{JPEGLosslessSV1}' in installed()\n"
        "from cxrmine.images.faults import ImageFault\n"
        "try: decode(pydicom.dcmread(sys.argv[1]))\n"
        "except ImageFault as fault: assert 'not installed' in str(fault)\n"
        "else: raise AssertionError\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(file)],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


# The table --------------------------------------------------------------------------------------


@pytest.mark.parametrize("bits", [8, 16])
def test_lookup_of_every_value(bits):
    table = np.random.default_rng(3).integers(0, 256, 1 << bits, dtype=np.uint8)
    cells = np.arange(1 << bits).astype(np.uint8 if bits == 8 else np.uint16)
    for image in (cells.reshape(16, -1), cells.reshape(16, -1)[::2, ::3]):
        grey = lookup(image, table)
        assert grey.dtype == np.uint8
        np.testing.assert_array_equal(grey, table[image])


def test_lookup_without_opencv_5(monkeypatch):
    monkeypatch.setattr("cxrmine.images.decode._has_long_tables", lambda: False)
    table = (np.arange(65536) >> 8).astype(np.uint8)
    cells = made_cells(30, 40, 16)
    np.testing.assert_array_equal(lookup(cells, table), cells >> 8)


def test_lookup_refuses_a_table_of_other_length():
    with pytest.raises(ValueError, match="every value"):
        lookup(np.zeros((2, 2), np.uint16), np.zeros(256, np.uint8))
    with pytest.raises(ValueError, match="every value"):
        lookup(np.zeros((2, 2), np.uint8), np.zeros(65536, np.uint8))
