"""PNG files: one grey channel, every grey value, no chunk but the image."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from cxrmine.images.png import encode_png
from cxrmine.images.raster import read_raster


def chunks(data: bytes) -> list[bytes]:
    kinds, at = [], 8
    while at < len(data):
        kinds.append(data[at + 4 : at + 8])
        at += 12 + int.from_bytes(data[at : at + 4], "big")
    return kinds


@pytest.mark.parametrize("shape", [(1024, 1024), (1, 1), (3, 700), (257, 255)])
def test_what_is_written_is_read(shape):
    image = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    data = encode_png(image)
    with Image.open(BytesIO(data)) as read:
        assert read.mode == "L"
        assert read.info == {}
        np.testing.assert_array_equal(np.asarray(read), image)
    np.testing.assert_array_equal(read_raster(data), image)


def test_no_chunk_but_the_image_and_the_same_bytes_each_time():
    image = np.arange(1 << 16, dtype=np.uint16).astype(np.uint8).reshape(256, 256)
    data = encode_png(image)
    assert set(chunks(data)) == {b"IHDR", b"IDAT", b"IEND"}
    assert encode_png(image.copy()) == data


def test_parts_of_larger_arrays():
    large = np.random.default_rng(2).integers(0, 256, (80, 90), dtype=np.uint8)
    assert encode_png(large[3:50, 7:60]) == encode_png(large[3:50, 7:60].copy())
    assert encode_png(large[:, ::-1]) == encode_png(large[:, ::-1].copy())


def test_smooth_images_become_small():
    y, x = np.mgrid[0:1024, 0:1024]
    image = (128 + 100 * np.sin(x / 90) * np.cos(y / 70)).astype(np.uint8)
    assert len(encode_png(image)) < image.size / 4


@pytest.mark.parametrize(
    "image",
    [np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4), np.uint16), np.zeros((0, 4), np.uint8)],
)
def test_other_images_are_refused(image):
    with pytest.raises(ValueError, match="8-bit grey"):
        encode_png(image)
