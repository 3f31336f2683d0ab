"""PNG and JPEG files of public sets: every form of grey, damage, and files that lie about size."""

from __future__ import annotations

import os
import tracemalloc
import zlib
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest
from made_pixels import made_cells, png_chunk
from PIL import Image

from cxrmine.images.faults import ImageFault, SetAside
from cxrmine.images.raster import read_raster

DATA = Path(os.environ.get("CXRMINE_DATA", "/work/shared/data"))


@pytest.fixture(scope="module")
def grey() -> np.ndarray:
    return made_cells(120, 90, 8)


def saved(image: Image.Image, form: str, **options) -> bytes:
    file = BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def test_grey_png(grey):
    np.testing.assert_array_equal(read_raster(saved(Image.fromarray(grey), "PNG")), grey)


@pytest.mark.parametrize("mode", ["LA", "RGB", "RGBA", "P"])
def test_grey_in_other_forms(grey, mode):
    image = Image.fromarray(grey).convert(mode)
    np.testing.assert_array_equal(read_raster(saved(image, "PNG")), grey)


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_transparency_is_ignored(grey, mode):
    image = Image.fromarray(grey).convert(mode)
    image.putalpha(Image.fromarray(np.full_like(grey, 3)))
    np.testing.assert_array_equal(read_raster(saved(image, "PNG")), grey)


def test_16_bit_png_has_every_grey():
    values = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    read = read_raster(saved(Image.fromarray(values), "PNG"))
    expected = np.floor(values / 257 + 0.5).astype(np.uint8)
    np.testing.assert_array_equal(read, expected)
    assert read[0, 0] == 0
    assert read[-1, -1] == 255


@pytest.mark.parametrize("channels", [3, 4])
def test_16_bit_png_in_colour_channels(channels):
    values = made_cells(40, 50, 16)
    image = np.repeat(values[:, :, None], channels, axis=2)
    read = read_raster(cv2.imencode(".png", image)[1].tobytes())
    np.testing.assert_array_equal(read, np.floor(values / 257 + 0.5).astype(np.uint8))


def test_png_of_one_bit():
    image = Image.fromarray(made_cells(40, 50, 8) > 128)
    assert image.mode == "1"
    np.testing.assert_array_equal(read_raster(saved(image, "PNG")), np.asarray(image) * 255)


def test_grey_jpeg_is_pillows(grey):
    data = saved(Image.fromarray(grey), "JPEG", quality=90)
    np.testing.assert_array_equal(read_raster(data), np.asarray(Image.open(BytesIO(data))))


def test_colour_jpeg_of_a_grey_image_is_its_luminance(grey):
    data = saved(Image.fromarray(grey).convert("RGB"), "JPEG", quality=95)
    read = read_raster(data)
    assert read.shape == grey.shape
    assert np.abs(read.astype(int) - grey).mean() < 2


def test_slightly_coloured_png_is_its_luminance(grey):
    colours = np.repeat(np.clip(grey, 10, 240)[:, :, None], 3, axis=2)
    colours[:, :, 0] += 6
    read = read_raster(saved(Image.fromarray(colours), "PNG"))
    luminance = colours @ np.array([0.299, 0.587, 0.114])
    assert np.abs(read - luminance).max() <= 1


def test_colour_is_set_aside(grey):
    colours = np.stack([grey, np.roll(grey, 20, 0), grey[::-1]], axis=2)
    for data in (
        saved(Image.fromarray(colours), "PNG"),
        saved(Image.fromarray(colours), "JPEG"),
        saved(Image.fromarray(colours).convert("P"), "PNG"),
        saved(Image.fromarray(colours).convert("CMYK"), "JPEG"),
    ):
        with pytest.raises(SetAside, match="colour image"):
            read_raster(data)


def test_orientation_in_exif_is_left_alone(grey):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    for form in ("JPEG", "PNG"):
        data = saved(Image.fromarray(grey), form, exif=exif)
        assert read_raster(data).shape == grey.shape


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
@pytest.mark.parametrize("left", [3, 30, 0.3, 0.9])
def test_truncated_files(grey, form, left, capfd):
    data = saved(Image.fromarray(grey), form)
    cut = data[: left if left > 1 else int(len(data) * left)]
    with pytest.raises(ImageFault):
        read_raster(cut)
    assert capfd.readouterr() == ("", "")


def test_damaged_png_is_found_by_its_check_sums(grey, capfd):
    data = saved(Image.fromarray(grey), "PNG")
    for place in range(8, len(data), 97):
        damaged = data[:place] + bytes([data[place] ^ 0x55]) + data[place + 1 :]
        with pytest.raises(ImageFault, match="damaged"):
            read_raster(damaged)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "data", [b"", b"no image", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a" + b"\0" * 50]
)
def test_other_files(data):
    with pytest.raises(ImageFault):
        read_raster(data)


def bomb(columns: int, rows: int, colour_type: int = 0, depth: int = 8) -> bytes:
    head = columns.to_bytes(4, "big") + rows.to_bytes(4, "big")
    head += bytes([depth, colour_type, 0, 0, 0])
    pixels = zlib.compress(bytes(2_000_000))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        png_chunk(*chunk) for chunk in ((b"IHDR", head), (b"IDAT", pixels), (b"IEND", b""))
    )


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (bomb(100_000, 100_000), "36 million"),
        (bomb(5000, 5000, colour_type=6, depth=16), "memory"),
        (bomb(0, 10), "damaged"),
        (bomb(10, 10, colour_type=5), "damaged"),
    ],
)
def test_decompression_bombs_take_no_memory(data, cause):
    tracemalloc.start()
    with pytest.raises(ImageFault, match=cause):
        read_raster(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000


def test_jpeg_that_says_it_is_huge(grey):
    data = bytearray(saved(Image.fromarray(grey), "JPEG"))
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = b"\xff\xff\xff\xff"
    with pytest.raises(ImageFault, match="36 million"):
        read_raster(bytes(data))


def test_images_of_chestxray14_as_opencv_reads_them():
    folder = DATA / "nih" / "images_1024"
    if not folder.is_dir():
        pytest.skip("the images of ChestX-ray14 are not here")
    colour_types = set()
    for path in sorted(folder.glob("*.png"))[:60]:
        data = path.read_bytes()
        if data[25] in colour_types and len(colour_types) == 2:
            continue
        colour_types.add(data[25])
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        expected = image if image.ndim == 2 else image[:, :, 0]
        np.testing.assert_array_equal(read_raster(data), expected)
