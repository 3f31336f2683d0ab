"""The heads of compressed streams: what they say, and what is said of those that are cut."""

from __future__ import annotations

import dataclasses
import re
import time
from io import BytesIO

import imagecodecs
import numpy as np
import pytest
from made_pixels import made_cells, made_dataset, made_stream, put_stream
from PIL import Image
from pydicom.encaps import generate_frames
from pydicom.uid import (
    HTJ2KLossless,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
)

from cxrmine.images.codestream import (
    Codec,
    StreamInfo,
    bare_codestream,
    is_complete,
    read_stream_info,
)
from cxrmine.images.decode import decode
from cxrmine.images.decoders import find_decoder
from cxrmine.images.faults import ImageFault
from cxrmine.images.raster import read_raster

CODECS = {
    JPEGBaseline8Bit: (Codec.JPEG_8, 8),
    JPEGExtended12Bit: (Codec.JPEG_12, 12),
    JPEGLosslessSV1: (Codec.JPEG_LOSSLESS, 14),
    JPEGLSLossless: (Codec.JPEG_LS, 11),
    JPEG2000Lossless: (Codec.JPEG_2000, 13),
    HTJ2KLossless: (Codec.JPEG_2000, 16),
}


def stream_of(syntax, bits: int) -> bytes:
    ds = made_dataset(made_cells(70, 90, bits), bits, syntax)
    return next(generate_frames(ds.PixelData, number_of_frames=1))


@pytest.mark.parametrize("syntax", CODECS, ids=lambda uid: uid.name)
def test_what_a_stream_says(syntax):
    codec, bits = CODECS[syntax]
    stream = stream_of(syntax, bits)
    assert read_stream_info(stream) == StreamInfo(codec, 70, 90, bits, 1)
    assert is_complete(stream)
    assert is_complete(stream + b"\0" * 5)
    assert is_complete(stream + b"\xff")
    assert not is_complete(stream[:-3])


def test_the_sign_of_jpeg_2000():
    values = made_cells(70, 90, 12, signed=True)
    stream = imagecodecs.jpeg2k_encode(values, codecformat="j2k", reversible=True)
    assert read_stream_info(stream).signed


@pytest.mark.parametrize("syntax", CODECS, ids=lambda uid: uid.name)
def test_a_stream_cut_in_its_head_is_a_fault(syntax):
    stream = stream_of(syntax, CODECS[syntax][1])
    whole = read_stream_info(stream)
    faults = 0
    for length in range(700):
        try:
            assert read_stream_info(stream[:length]) == whole
        except ImageFault:
            faults += 1
    assert faults >= 10


def test_jp2_file_in_place_of_a_codestream():
    values = made_cells(70, 90, 12)
    stream = imagecodecs.jpeg2k_encode(values, codecformat="jp2", bitspersample=12, reversible=True)
    assert read_stream_info(stream) == StreamInfo(Codec.JPEG_2000, 70, 90, 12, 1)
    ds = made_dataset(values, 12)
    put_stream(ds, stream, JPEG2000Lossless)
    np.testing.assert_array_equal(decode(ds), values)
    with pytest.raises(ImageFault, match="truncated"):
        read_stream_info(stream[:60])


def test_fill_bytes_before_a_marker():
    stream = made_stream(made_cells(70, 90, 12), 12, JPEGLosslessSV1)
    assert read_stream_info(stream[:2] + b"\xff\xff\xff" + stream[2:]).rows == 70


@pytest.mark.parametrize("marker", [0xC5, 0xC9, 0xCB, 0xDA, 0xD9])
def test_processes_that_no_decoder_reads(marker):
    stream = bytearray(made_stream(made_cells(70, 90, 12), 12, JPEGLosslessSV1))
    stream[stream.index(b"\xff\xc3") + 1] = marker
    with pytest.raises(ImageFault, match="no decoder reads"):
        read_stream_info(bytes(stream))


@pytest.mark.parametrize(
    ("stream", "cause"),
    [
        (b"", "in the form"),
        (b"\0" * 100, "in the form"),
        (b"\xff\xd8\x00\x01\x02\x03", "damaged"),
        (b"\xff\xd8\xff\xe0\x00\x10", "truncated"),
    ],
)
def test_other_bytes(stream, cause):
    with pytest.raises(ImageFault, match=cause):
        read_stream_info(stream)


# Streams that are made to take time or memory ----------------------------------------------------


def box(kind: bytes, content: bytes, *, large: bool = False) -> bytes:
    """One box of a JP2 file; `large`: with its length in the eight bytes behind the type."""
    if large:
        return b"\0\0\0\1" + kind + (16 + len(content)).to_bytes(8, "big") + content
    return (8 + len(content)).to_bytes(4, "big") + kind + content


SIGNATURE = box(b"jP  ", b"\r\n\x87\n")


def jpeg_2000(rows: int, columns: int) -> bytes:
    return imagecodecs.jpeg2k_encode(
        made_cells(rows, columns, 12), codecformat="j2k", bitspersample=12, reversible=True
    )


def test_a_size_in_another_box_is_not_the_codestreams():
    small, large = jpeg_2000(20, 30), jpeg_2000(500, 400)
    bait = box(b"uuid", bytes(16) + small[:60])
    stream = SIGNATURE + bait + box(b"jp2c", large)
    assert (read_stream_info(stream).rows, read_stream_info(stream).columns) == (500, 400)
    assert bare_codestream(stream) == large
    ds = made_dataset(made_cells(20, 30, 12), 12)
    put_stream(ds, stream, JPEG2000Lossless)
    with pytest.raises(ImageFault, match="disagree about the size"):
        decode(ds)


def test_the_header_box_of_a_jp2_file_says_nothing_to_the_decoder():
    """Pillow takes memory for the size in the header box, which is not the codestream's."""
    values = made_cells(20, 30, 12)
    huge = (30_000).to_bytes(4, "big") * 2 + b"\0\1\x0b\7\0\0"
    header = box(b"jp2h", box(b"ihdr", huge) + box(b"colr", b"\1\0\0\0\0\0\x11"))
    ds = made_dataset(values, 12)
    put_stream(ds, SIGNATURE + header + box(b"jp2c", jpeg_2000(20, 30)), JPEG2000Lossless)
    np.testing.assert_array_equal(decode(ds), values)


@pytest.mark.parametrize("behind", [b"", box(b"xml ", b"<a/>"), b"\0" * 30])
def test_every_way_to_write_the_box_of_the_codestream(behind):
    values = made_cells(20, 30, 12)
    bare = jpeg_2000(20, 30)
    ends = [box(b"jp2c", bare), box(b"jp2c", bare, large=True), b"\0\0\0\0jp2c" + bare]
    for end in ends[: 3 if behind.strip(b"\0") == b"" else 2]:
        ds = made_dataset(values, 12)
        put_stream(ds, SIGNATURE + box(b"ftyp", b"jp2 ") + end + behind, JPEG2000Lossless)
        np.testing.assert_array_equal(decode(ds), values)


@pytest.mark.parametrize(
    ("boxes", "cause"),
    [
        (b"\0\0\0\7abcd", "in the form"),
        (b"\0\0\0\1abcd" + bytes(8), "in the form"),
        (b"\0\0\0\0abcd" + bytes(99), "truncated"),
        (b"\xff\xff\xff\xffabcd" + bytes(99), "truncated"),
        (box(b"free", b"") * 100_000, "in the form"),
        (box(b"jp2c", bytes(100)), "in the form"),
        (b"", "truncated"),
    ],
)
def test_boxes_that_lead_nowhere(boxes, cause):
    with pytest.raises(ImageFault, match=cause):
        read_stream_info(SIGNATURE + boxes)


def progressive(scans: int) -> bytes:
    """A progressive JPEG whose second scan stands there again and again."""
    file = BytesIO()
    Image.fromarray(np.full((64, 64), 90, np.uint8)).save(file, "JPEG", progressive=True)
    stream = file.getvalue()
    starts = [match.start() for match in re.finditer(rb"\xff[\xc4\xda]", stream)]
    heads = [start for start in starts if stream[start + 1] == 0xDA]
    # A table before each scan belongs to it.
    second = stream[max(start for start in starts if start < heads[1]) : heads[1]]
    following = min(start for start in [*starts, len(stream) - 2] if start > heads[1])
    piece = second + stream[heads[1] : following]
    return stream[: heads[1] - len(second)] + piece * (scans - 1) + b"\xff\xd9"


def test_thousands_of_scans_are_refused():
    ds = made_dataset(made_cells(64, 64, 8), 8)
    for scans in (2, 100):
        put_stream(ds, progressive(scans), JPEGBaseline8Bit)
        assert decode(ds).shape == (64, 64)
    for scans in (101, 2000):
        with pytest.raises(ImageFault, match="more than 100 scans"):
            read_stream_info(progressive(scans))
        with pytest.raises(ImageFault, match="more than 100 scans"):
            read_raster(progressive(scans))


def test_megabytes_of_fill_bytes_are_damage():
    stream = made_stream(made_cells(70, 90, 12), 12, JPEGLosslessSV1)
    assert read_stream_info(stream[:2] + b"\xff" * 4000 + stream[2:]).rows == 70
    started = time.perf_counter()
    for fill in (b"\xff" * 10_000_000, b"\xff\xd0" * 5_000_000, b"\xff\xfe\0\2" * 2_500_000):
        for at in (2, stream.index(b"\xff\xda")):  # before the frame header and behind it
            with pytest.raises(ImageFault, match=r"damaged|too many segments"):
                read_stream_info(stream[:at] + fill + stream[at:])
    assert time.perf_counter() - started < 1


def test_two_frame_headers_are_damage():
    """Pillow would go by the second."""
    stream = made_stream(made_cells(64, 64, 8), 8, JPEGBaseline8Bit)
    at = stream.index(b"\xff\xc0")
    head = bytearray(stream[at : at + 2 + int.from_bytes(stream[at + 2 : at + 4], "big")])
    head[5:9] = b"\x75\x30\x75\x30"
    with pytest.raises(ImageFault, match="damaged"):
        read_stream_info(stream[: at + len(head)] + bytes(head) + stream[at + len(head) :])


@pytest.mark.parametrize("syntax", [JPEGBaseline8Bit, JPEG2000Lossless], ids=lambda uid: uid.name)
def test_pillow_takes_no_memory_for_another_size(syntax):
    stream = stream_of(syntax, 8)
    info = dataclasses.replace(read_stream_info(stream), rows=71)
    with pytest.raises(ValueError, match="not the size"):
        find_decoder(info.codec).decode(stream, info)
