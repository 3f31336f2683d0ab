"""The heads of compressed streams: what they say, and what is said of those that are cut."""

from __future__ import annotations

import imagecodecs
import numpy as np
import pytest
from made_pixels import made_cells, made_dataset, made_stream, put_stream
from pydicom.encaps import generate_frames
from pydicom.uid import (
    HTJ2KLossless,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
)

from cxrmine.images.codestream import Codec, StreamInfo, is_complete, read_stream_info
from cxrmine.images.decode import decode
from cxrmine.images.faults import ImageFault

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
