"""The grey table against the standard's text, for every possible pixel cell."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cxrmine.images.grey_attributes import GreyAttributes, Lut, Window
from cxrmine.images.grey_reference import reference_grey
from cxrmine.images.grey_table import GreyTable, grey_table

FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")


def every_cell(attributes: GreyAttributes) -> np.ndarray:
    """Every possible pixel cell, whatever stands in the bits beside the value."""
    bits = attributes.bits_allocated
    return np.arange(1 << bits).astype(np.uint8 if bits == 8 else np.uint16)


def lut_of(values: object, first: int = 0, bits: int = 16) -> Lut:
    return Lut(first, bits, np.asarray(values).astype("<u2").tobytes())


def shades(attributes: GreyAttributes, values: list[int], **options: object) -> list[int]:
    """Grey of stored values."""
    table = grey_table(attributes, **options).table  # type: ignore[arg-type]
    return table[np.array(values) % (1 << attributes.bits_stored)].tolist()


# --- against the reference ------------------------------------------------------------------------


@st.composite
def luts(draw: st.DrawFn, low: float, high: float) -> Lut:
    """A table that has part of [low, high] in its input."""
    number = draw(st.sampled_from([1, 2, 255, 256, 300, 4096, 65536]))
    start = int(np.clip(low, -32768, 65535)) - number + 1
    end = int(np.clip(high, -32768, 65535))
    first = draw(st.integers(max(start, -32768), max(start, end)))
    bits = draw(st.integers(8, 16))
    rising = draw(st.booleans())
    values = np.linspace(0, 2**bits - 1, number).astype(int)
    if not rising:
        values = np.random.default_rng(draw(st.integers(0, 99))).integers(0, 2**bits, number)
    return lut_of(values, first, bits)


@st.composite
def headers(draw: st.DrawFn) -> GreyAttributes:
    """Any header whose window or LUT shows something: bits × sign × photometric × function."""
    stored = draw(st.integers(8, 16))
    allocated = 8 if stored == 8 and draw(st.booleans()) else 16
    high_bit = draw(st.sampled_from([stored - 1, allocated - 1]))
    attributes = GreyAttributes(
        allocated,
        stored,
        draw(st.booleans()),
        draw(st.sampled_from(["MONOCHROME1", "MONOCHROME2"])),
        draw(st.booleans()),
        shift=high_bit - (stored - 1),
    )
    modality = draw(st.sampled_from(["none", "rescale", "lut"]))
    if modality == "rescale":
        slope = draw(st.sampled_from([1.0, 0.684, 2.5, -1.0, 1 / 65535, 0.1]))
        attributes = dataclasses.replace(
            attributes, slope=slope, intercept=draw(st.sampled_from([0.0, -1024.0, 200.5]))
        )
    elif modality == "lut":
        attributes = dataclasses.replace(
            attributes, modality_lut=draw(luts(*attributes.stored_range))
        )
    low, high = attributes.modality_range
    if draw(st.integers(0, 3)) == 0:
        return dataclasses.replace(attributes, voi_luts=(draw(luts(low, high)),))
    function = draw(st.sampled_from(FUNCTIONS))
    least = 1.0 if function == "LINEAR" else 1e-3
    width = draw(
        st.one_of(
            st.integers(1, 1 << stored).map(float),
            st.floats(least, max(2 * least, 2 * (high - low))),
        )
    )
    centre = draw(st.one_of(st.floats(low, high), st.integers(int(low), int(high)).map(float)))
    return dataclasses.replace(attributes, windows=(Window(centre, width, function),))


@settings(max_examples=150, deadline=None)
@given(headers())
def test_every_cell_has_the_grey_of_the_standards_text(attributes: GreyAttributes) -> None:
    cells = every_cell(attributes)
    table = grey_table(attributes, stored=cells)
    assume(table.number == 1)  # now and then the window lies beside all values
    np.testing.assert_array_equal(table.table, reference_grey(cells, attributes), strict=True)


@pytest.mark.parametrize("bits", range(8, 17))
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("kind", [*FUNCTIONS, "VOI LUT", "percentiles or as stored"])
def test_every_kind_of_header(bits: int, signed: bool, photometric: str, kind: str) -> None:
    attributes = GreyAttributes(8 if bits == 8 else 16, bits, signed, photometric)
    low, high = attributes.stored_range
    middle, span = (low + high) // 2, high - low + 1
    if kind == "VOI LUT":
        curve = np.round(4095 * np.linspace(0, 1, span // 2) ** 0.6)
        attributes = dataclasses.replace(
            attributes, voi_luts=(lut_of(curve, middle - span // 4, 12),)
        )
    elif kind in FUNCTIONS:
        attributes = dataclasses.replace(
            attributes, windows=(Window(middle + 3.5, span * 0.7, kind),)
        )
    cells = every_cell(attributes)
    np.testing.assert_array_equal(
        grey_table(attributes, stored=cells).table, reference_grey(cells, attributes)
    )


# --- figures worked out by hand -------------------------------------------------------------------


def test_the_standards_own_example_of_a_linear_window() -> None:
    # PS3.3 C.11.2.1.2.1, note: c 2048 and w 4096 take 0 to 4095 onto the whole range.
    attributes = GreyAttributes(16, 12, windows=(Window(2048, 4096),))
    assert shades(attributes, [0, 1, 8, 9, 2047, 2048, 4087, 4095]) == [
        0, 0, 0, 1, 127, 128, 255, 255,
    ]  # fmt: skip
    # c 0 and w 100 on signed values: x <= -50 is black, x > 49 is white.
    attributes = GreyAttributes(16, 12, True, windows=(Window(0, 100),))
    assert shades(attributes, [-2048, -51, -50, -49, 0, 48, 49, 2047]) == [
        0, 0, 0, 3, 129, 252, 255, 255,
    ]  # fmt: skip


def test_the_three_functions_differ_as_the_standard_says() -> None:
    def shade(function: str, value: int) -> int:
        attributes = GreyAttributes(16, 12, windows=(Window(100, 20, function),))
        return shades(attributes, [value])[0]

    # LINEAR: (95 - 99.5) / 19 + 0.5 = 0.263; EXACT: (95 - 100) / 20 + 0.5 = 0.25;
    # SIGMOID: 1 / (1 + e) = 0.269.
    assert [shade(function, 95) for function in FUNCTIONS] == [67, 64, 69]
    assert [shade(function, 110) for function in FUNCTIONS] == [255, 255, 225]
    assert [shade(function, 100) for function in FUNCTIONS] == [134, 128, 128]


def test_a_linear_window_of_width_one_is_a_step() -> None:
    # PS3.3 C.11.2.1.2.1, note 5: below the centre black, from the centre on white.
    attributes = GreyAttributes(16, 12, windows=(Window(700, 1),))
    assert shades(attributes, [0, 699, 700, 4095]) == [0, 0, 255, 255]


def test_the_window_is_not_stretched_to_the_images_own_range() -> None:
    attributes = GreyAttributes(16, 12, windows=(Window(2048, 4096),))
    cells = np.array([[1000, 1500], [2000, 1200]], np.uint16)
    grey = grey_table(attributes, stored=cells).table[cells]
    assert (grey.min(), grey.max()) == (62, 125)


@pytest.mark.parametrize(
    ("photometric", "inverse", "expected"),
    [
        ("MONOCHROME2", False, [0, 255]),
        ("MONOCHROME1", False, [255, 0]),
        ("MONOCHROME2", True, [255, 0]),
        # A DX image says both and means one inversion (PS3.3 C.8.11.3.1.2).
        ("MONOCHROME1", True, [255, 0]),
    ],
)
def test_inversion_happens_once(photometric: str, inverse: bool, expected: list[int]) -> None:
    attributes = GreyAttributes(16, 12, False, photometric, inverse, windows=(Window(2048, 4096),))
    assert shades(attributes, [0, 4095]) == expected


def test_bits_above_the_stored_ones_are_ignored() -> None:
    attributes = GreyAttributes(16, 12, windows=(Window(2048, 4096),))
    table = grey_table(attributes).table
    assert table[0xF000 | 4095] == table[4095] == 255
    assert table[0x8000 | 7] == table[7]


def test_the_sign_is_that_of_the_stored_bits() -> None:
    table = grey_table(GreyAttributes(16, 12, True, windows=(Window(0, 4096),))).table
    # -2048 with and without the sign carried on into the cell's upper bits.
    assert table[0x0800] == table[0xF800] == 0
    assert table[0x07FF] == 255


def test_bits_below_the_value_are_dropped() -> None:
    attributes = GreyAttributes(16, 12, windows=(Window(2048, 4096),), shift=4)
    table = grey_table(attributes).table
    assert table[0xFFF0] == table[0xFFFF] == 255
    assert table[0x000F] == 0
    assert table[0x8000] == 128


def test_lut_output_is_divided_by_its_bits() -> None:
    attributes = GreyAttributes(16, 12, voi_luts=(lut_of([0, 512, 1023], 10, 10),))
    table = grey_table(attributes)
    assert shades(attributes, [0, 9, 10, 11, 12, 13, 4095]) == [0, 0, 0, 128, 255, 255, 255]
    assert (table.source, table.number, table.centre, table.function) == ("voi lut", 1, None, "")


def test_the_modality_lut_comes_before_the_window() -> None:
    attributes = GreyAttributes(
        16, 12, modality_lut=lut_of([1000, 0, 500]), windows=(Window(500.5, 1001),)
    )
    assert shades(attributes, [0, 1, 2, 3]) == [255, 0, 128, 128]


def test_the_window_is_in_units_of_the_rescale() -> None:
    attributes = GreyAttributes(
        16, 12, slope=2.0, intercept=-1000.0, windows=(Window(0, 200, "LINEAR_EXACT"),)
    )
    assert shades(attributes, [449, 450, 500, 550]) == [0, 0, 128, 255]


def test_a_fraction_takes_the_nearest_entry_of_a_lut() -> None:
    attributes = GreyAttributes(
        16, 12, slope=0.4, voi_luts=(lut_of([0, 51, 102, 153, 204, 255], 0, 8),)
    )
    # 0, 0.4, 0.8, 1.2, 1.6, 2.0
    assert shades(attributes, [0, 1, 2, 3, 4, 5]) == [0, 0, 51, 51, 102, 102]


# --- which window ---------------------------------------------------------------------------------

TWO = (Window(100, 50), Window(2000, 1000, "SIGMOID"))


def chosen(table: GreyTable) -> tuple[str, int, float | None, float | None, str]:
    return table.source, table.number, table.centre, table.width, table.function


def test_the_first_window_unless_another_is_asked_for() -> None:
    attributes = GreyAttributes(16, 12, windows=TWO)
    assert chosen(grey_table(attributes)) == ("window", 1, 100, 50, "LINEAR")
    assert chosen(grey_table(attributes, window=2)) == ("window", 2, 2000, 1000, "SIGMOID")
    third = grey_table(attributes, window=3)
    assert third.number == 1
    assert third.warnings == ("the file has no window 3: its first was used",)


def test_a_voi_lut_comes_before_windows() -> None:
    curves = (lut_of([0, 255], 0, 8), lut_of([255, 0], 0, 8))
    attributes = GreyAttributes(16, 12, voi_luts=curves, windows=TWO)
    assert chosen(grey_table(attributes))[:2] == ("voi lut", 1)
    assert chosen(grey_table(attributes, window=2))[:2] == ("voi lut", 2)
    assert grey_table(attributes, window=2).table[0] == 255


@pytest.mark.parametrize(
    "window",
    [
        Window(100, 0),
        Window(100, -5),
        Window(100, 0.5),
        Window(100, 0, "LINEAR_EXACT"),
        Window(100, 0, "SIGMOID"),
        Window(9000, 100),
        Window(-500, 400, "LINEAR_EXACT"),
        Window(9000, 100, "SIGMOID"),
    ],
)
def test_an_impossible_window_is_named_and_the_next_is_used(window: Window) -> None:
    cells = np.array([[90, 110]], np.uint16)
    attributes = GreyAttributes(16, 12, windows=(window, Window(100, 50)))
    table = grey_table(attributes, stored=cells)
    assert chosen(table) == ("window", 2, 100, 50, "LINEAR")
    assert len(table.warnings) == 1
    assert table.warnings[0].startswith("window 1 ")
    assert str(int(window.centre)) not in table.warnings[0]


def test_narrow_windows_below_one_are_possible_where_the_standard_allows_them() -> None:
    for function in ("LINEAR_EXACT", "SIGMOID"):
        table = grey_table(GreyAttributes(16, 12, windows=(Window(100, 0.5, function),)))
        assert table.source == "window"
        assert (table.table[99], table.table[100], table.table[101]) == (0, 128, 255)


def test_a_window_beside_all_pixels_is_not_used() -> None:
    attributes = GreyAttributes(16, 12, windows=(Window(3000, 100),))
    inside = np.zeros((300, 300), np.uint16)
    inside[299, 298] = 2990
    # One pixel out of 90,000 inside: the window shows something, and is kept.
    assert grey_table(attributes, stored=inside).source == "window"
    # Pixels on both sides: a threshold, and is kept.
    both = np.zeros((300, 300), np.uint16)
    both[1, 1] = 4000
    assert grey_table(attributes, stored=both).source == "window"
    # All below.
    below = np.arange(90_000, dtype=np.uint16).reshape(300, 300) % 2900
    table = grey_table(attributes, stored=below)
    assert table.source == "percentiles"
    assert table.warnings == ("window 1 lies beside all pixels: not used",)
    assert np.ptp(table.table[below]) == 255


@pytest.mark.parametrize("value", [0, 4095])
def test_a_flat_image_at_the_windows_edge_is_not_beside_it(value: int) -> None:
    attributes = GreyAttributes(16, 12, windows=(Window(2048, 4096),))
    table = grey_table(attributes, stored=np.full((30, 30), value, np.uint16))
    assert (table.source, table.warnings) == ("window", ())


def test_padding_does_not_keep_a_window() -> None:
    cells = np.full((50, 50), 10, np.uint16)
    cells[10:, :] = np.arange(2000).reshape(40, 50) + 1000
    padded = GreyAttributes(16, 12, windows=(Window(10, 20),), padding=(10, 10))
    assert grey_table(padded, stored=cells).source == "percentiles"
    plain = dataclasses.replace(padded, padding=None)
    assert grey_table(plain, stored=cells).source == "window"
    # An image of nothing but padding says nothing against its window.
    blank = np.full((50, 50), 10, np.uint16)
    far = dataclasses.replace(padded, windows=(Window(3000, 20),))
    assert grey_table(far, stored=blank).source == "window"


def test_a_lut_beside_all_pixels_gives_way_to_the_window() -> None:
    cells = np.array([[90, 110]], np.uint16)
    attributes = GreyAttributes(
        16, 12, voi_luts=(lut_of([0, 255], 3000, 8),), windows=(Window(100, 50),)
    )
    table = grey_table(attributes, stored=cells)
    assert chosen(table)[:2] == ("window", 1)
    assert table.warnings == ("voi lut 1 lies beside all pixels: not used",)


def test_a_window_beside_every_possible_value_is_found_without_pixels() -> None:
    attributes = GreyAttributes(8, 8, windows=(Window(5000, 100),))
    table = grey_table(attributes)
    assert table.source == "as stored"
    assert table.warnings == ("window 1 lies beside all pixels: not used",)


# --- no window ------------------------------------------------------------------------------------


def test_eight_bits_pass_unchanged() -> None:
    for attributes in (GreyAttributes(8, 8), GreyAttributes(16, 8)):
        table = grey_table(attributes)
        assert table.table[:256].tolist() == list(range(256))
        assert (table.source, table.number, table.centre, table.width) == (
            "as stored",
            0,
            None,
            None,
        )
    inverted = grey_table(GreyAttributes(8, 8, photometric="MONOCHROME1"))
    assert inverted.table.tolist() == list(range(255, -1, -1))


@pytest.mark.parametrize("slope", [1.0, 0.3, 7.0])
def test_a_rescale_does_not_change_eight_bits_without_a_window(slope: float) -> None:
    attributes = GreyAttributes(8, 8, slope=slope, intercept=-33.0)
    assert grey_table(attributes).table.tolist() == list(range(256))
    falling = dataclasses.replace(attributes, slope=-slope)
    assert grey_table(falling).table.tolist() == list(range(255, -1, -1))


def test_fewer_than_eight_bits_take_the_whole_range() -> None:
    assert shades(GreyAttributes(8, 6), [0, 21, 42, 63]) == [0, 85, 170, 255]
    assert shades(GreyAttributes(8, 8, True), [-128, 0, 127]) == [0, 128, 255]


def test_a_modality_lut_without_a_window_shows_its_whole_output_range() -> None:
    attributes = GreyAttributes(8, 8, modality_lut=lut_of([0, 2047, 4095], 0, 12))
    assert shades(attributes, [0, 1, 2, 200]) == [0, 127, 255, 255]


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    bits=st.integers(9, 16),
    signed=st.booleans(),
    slope=st.sampled_from([1.0, 0.684, -2.0]),
    padded=st.booleans(),
    shift=st.booleans(),
    size=st.sampled_from([(1, 2), (7, 3), (40, 61), (300, 201)]),
)
def test_percentiles_are_those_of_numpy(
    seed: int,
    bits: int,
    signed: bool,
    slope: float,
    padded: bool,
    shift: bool,
    size: tuple[int, int],
) -> None:
    random = np.random.default_rng(seed)
    cells = random.normal(2**15, 2**12, size).clip(0, 65535).astype(np.uint16)
    cells[0, :2] = [1, 50_000]
    attributes = GreyAttributes(
        16, bits, signed, slope=slope, intercept=5.0, shift=16 - bits if shift else 0
    )
    if padded:
        attributes = dataclasses.replace(attributes, padding=(0, int(random.integers(1, 100))))
    table = grey_table(attributes, stored=cells)
    stored = (cells.astype(np.int64) >> attributes.shift) % (1 << bits)
    if signed:
        stored = np.where(stored >= 1 << (bits - 1), stored - (1 << bits), stored)
    if attributes.padding and ((stored < 0) | (stored > attributes.padding[1])).any():
        stored = stored[(stored < 0) | (stored > attributes.padding[1])]
    low, high = np.percentile(slope * stored + 5.0, [0.5, 99.5])
    if low == high:
        return
    assert table.source == "percentiles"
    assert (table.function, table.number) == ("LINEAR_EXACT", 0)
    assert table.centre == pytest.approx((low + high) / 2)
    assert table.width == pytest.approx(high - low)
    # What is recorded gives the same image again.
    again = dataclasses.replace(
        attributes, windows=(Window(table.centre, table.width, "LINEAR_EXACT"),)
    )
    np.testing.assert_array_equal(grey_table(again).table, table.table)


def test_percentiles_against_the_reference() -> None:
    random = np.random.default_rng(4)
    cells = random.normal(1800, 500, (200, 150)).clip(0, 4095).astype(np.uint16)
    cells[:20] = 4095
    attributes = GreyAttributes(16, 12, photometric="MONOCHROME1", padding=(4095, 4095))
    table = grey_table(attributes, stored=cells)
    np.testing.assert_array_equal(table.table[cells], reference_grey(cells, attributes))
    assert set(table.table[cells[:20]].ravel().tolist()) == {0}, "padding is black"


def test_padding_that_the_stored_bits_cannot_hold() -> None:
    # -2000 as 16 bits in cells of 12 bits: masked it would be a plausible 2,096.
    cells = np.full((100, 100), 63536, np.uint16)
    cells[50:] = np.arange(5000).reshape(50, 100) % 1000
    attributes = GreyAttributes(16, 12, padding=(63536, 63536))
    table = grey_table(attributes, stored=cells)
    low, high = np.percentile(cells[50:], [0.5, 99.5])
    assert (table.centre, table.width) == ((low + high) / 2, high - low)


def test_images_with_hardly_any_contrast() -> None:
    attributes = GreyAttributes(16, 12)
    nearly = np.full((100, 100), 500, np.uint16)
    nearly[0, 0], nearly[0, 1] = 400, 900
    table = grey_table(attributes, stored=nearly)
    assert table.warnings == (
        "nearly all pixels have one value: the full range of the pixels was used",
    )
    assert table.table[[400, 500, 900]].tolist() == [0, 51, 255]
    flat = np.full((100, 100), 500, np.uint16)
    table = grey_table(attributes, stored=flat)
    assert table.warnings == ("all pixels have one value: the full range of the bits was used",)
    assert table.table[[0, 500, 4095]].tolist() == [0, 31, 255]
    padding = dataclasses.replace(attributes, padding=(500, 500))
    assert grey_table(padding, stored=flat).warnings[0].startswith("all pixels are padding")


def test_a_histogram_of_more_pixels_than_a_float_counts() -> None:
    # 2**24 + 2 pixels of one value: a float32 counter would stop at 2**24.
    cells = np.zeros((4, (1 << 22) + (1 << 20)), np.uint8)
    from cxrmine.images.grey_table import _histogram

    assert _histogram(cells)[0] == cells.size
    assert _histogram(cells.reshape(-1))[0] == cells.size


# --- manners --------------------------------------------------------------------------------------


def test_one_header_shares_one_table() -> None:
    def attributes() -> GreyAttributes:
        return GreyAttributes(16, 12, voi_luts=(lut_of(range(4096), 0, 12),))

    first, second = grey_table(attributes()), grey_table(attributes())
    assert first.table is second.table
    with pytest.raises(ValueError, match="read-only"):
        first.table[0] = 1


def test_signed_arrays_and_either_byte_order_of_views() -> None:
    attributes = GreyAttributes(16, 16, True)
    cells = np.array([[-5, 5, 100], [-100, 0, 2]], np.int16)
    assert grey_table(attributes, stored=cells).source == "percentiles"
    table = grey_table(attributes, stored=cells[:, ::2]).table
    assert table[cells.view(np.uint16)[1, 0]] == 0
    swapped = grey_table(attributes, stored=cells.astype(">i2"))
    assert swapped.centre == grey_table(attributes, stored=cells).centre


def test_wrong_use_is_refused() -> None:
    attributes = GreyAttributes(16, 12)
    with pytest.raises(ValueError, match="counted from 1"):
        grey_table(attributes, window=0)
    with pytest.raises(ValueError, match="needs its pixels"):
        grey_table(attributes)
    with pytest.raises(ValueError, match="cells of uint8"):
        grey_table(attributes, stored=np.zeros((2, 2), np.uint8))
    with pytest.raises(ValueError, match="cells of float32"):
        grey_table(attributes, stored=np.zeros((2, 2), np.float32))
    with pytest.raises(ValueError, match="without pixels"):
        grey_table(attributes, stored=np.zeros((0, 2), np.uint16))


@settings(max_examples=40, deadline=None)
@given(
    centre=st.floats(-1e30, 1e30),
    width=st.floats(-1e30, 1e30, allow_subnormal=True),
    function=st.sampled_from(FUNCTIONS),
    slope=st.sampled_from([1.0, 1e30, 1e-30]),
)
def test_no_number_breaks_it(centre: float, width: float, function: str, slope: float) -> None:
    attributes = GreyAttributes(16, 12, slope=slope, windows=(Window(centre, width, function),))
    cells = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    with np.errstate(all="raise", under="ignore"):
        assert grey_table(attributes, stored=cells).table.shape == (65536,)


def test_a_table_is_quick() -> None:
    """Below a millisecond for 12 bits; the bound here is wide for busy machines."""
    import time

    cells = np.zeros((3056, 2544), np.uint16)
    cells[::7] = 2000
    best = 1.0
    for centre in range(2000, 2010):
        attributes = GreyAttributes(16, 12, windows=(Window(centre, 3000),))
        start = time.perf_counter()
        grey_table(attributes, stored=cells)
        best = min(best, time.perf_counter() - start)
    assert best < 0.003
