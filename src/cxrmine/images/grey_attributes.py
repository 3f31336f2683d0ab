"""What a DICOM header says about grey: how stored pixel values become shades.

The attributes come from the Image Pixel, Modality LUT, VOI LUT and Presentation LUT modules (DICOM
PS3.3 C.7.6.3, C.11.1, C.11.2, C.11.4 and C.11.6). :func:`read_grey_attributes` takes them out of a
header in the forms in which headers really come: blank values, decimal commas, lookup tables whose
descriptor is signed the wrong way or miscounts its bits. `GreyAttributes` is hashable, so that the
files of one machine share one lookup table.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.uid import UID, RLELossless

from cxrmine.images.faults import ImageFault, SetAside

_SAMPLES_PER_PIXEL = 0x00280002
_PHOTOMETRIC = 0x00280004
_BITS_ALLOCATED = 0x00280100
_BITS_STORED = 0x00280101
_HIGH_BIT = 0x00280102
_PIXEL_REPRESENTATION = 0x00280103
_PADDING_VALUE = 0x00280120
_PADDING_LIMIT = 0x00280121
_INTENSITY_RELATIONSHIP = 0x00281040
_WINDOW_CENTRE = 0x00281050
_WINDOW_WIDTH = 0x00281051
_INTERCEPT = 0x00281052
_SLOPE = 0x00281053
_VOI_FUNCTION = 0x00281056
_MODALITY_LUT_SEQUENCE = 0x00283000
_LUT_DESCRIPTOR = 0x00283002
_LUT_DATA = 0x00283006
_VOI_LUT_SEQUENCE = 0x00283010
_PRESENTATION_LUT_SEQUENCE = 0x20500010
_PRESENTATION_LUT_SHAPE = 0x20500020
_SOP_CLASS = 0x00080016
_SHARED_GROUPS = 0x52009229
_FRAME_GROUPS = 0x52009230
_PIXEL_TRANSFORMATION = 0x00289145
_FRAME_VOI_LUT = 0x00289132

LINEAR = "LINEAR"
LINEAR_EXACT = "LINEAR_EXACT"
SIGMOID = "SIGMOID"

#: X-ray angiography and radiofluoroscopy images: their modality LUT may lead the other way.
_XA_AND_XRF = ("1.2.840.10008.5.1.4.1.1.12.1", "1.2.840.10008.5.1.4.1.1.12.2")

_COLOUR = {"RGB", "PALETTECOLOR", "HSV", "ARGB", "CMYK", "XYB"}

#: Windows, and VOI LUTs, of a file that are looked at, in the file's order. Consoles offer a
#: handful; a header of 128 KB has room for 30,000.
MOST_CHOICES = 32
#: Bytes of a sequence or value; 32 LUTs of 65,536 entries have 4 MB.
_MOST_BYTES = 2**23

#: What pads a value to an even length, and what careless writers add.
_BLANK = " \0\t\r\n"

_LARGEST = 1e30

_NUMBER_FORMATS = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "FL": "f", "FD": "d"}


@dataclass(frozen=True, slots=True)
class Lut:
    """A lookup table of a modality or VOI LUT sequence (PS3.3 C.11.1.1 and C.11.2.1.1).

    Parameters
    ----------
    first : int
        The input value that the first entry is for. Lower values take the first entry, values
        behind the last entry take the last.
    bits : int
        Bits of an entry, 1 to 16: the output runs from 0 to ``2**bits - 1``.
    entries : bytes
        The entries as little-endian 16-bit words.
    """

    first: int
    bits: int
    entries: bytes

    @property
    def values(self) -> NDArray[np.uint16]:
        """The entries as an array (read only)."""
        return np.frombuffer(self.entries, dtype="<u2")

    def __len__(self) -> int:
        return len(self.entries) // 2


@dataclass(frozen=True, slots=True)
class Window:
    """A window of the VOI LUT module (PS3.3 C.11.2.1.2 and C.11.2.1.3).

    Parameters
    ----------
    centre, width : float
        In units of the modality LUT's output. A width that is not above 0 (below 1 for
        ``LINEAR``) makes an impossible window; a window whose values are blank or no numbers is
        kept as one of width 0, so that the others keep their numbers.
    function : str
        ``LINEAR``, ``LINEAR_EXACT`` or ``SIGMOID``.
    """

    centre: float
    width: float
    function: str = LINEAR

    @property
    def possible(self) -> bool:
        """Whether the standard defines a result for the window."""
        return self.width >= 1 if self.function == LINEAR else self.width > 0


@dataclass(frozen=True, slots=True)
class GreyAttributes:
    """The part of a header that decides the grey of a pixel; hashable, a cache's key.

    Parameters
    ----------
    bits_allocated : int
        Bits of a pixel cell, 8 or 16.
    bits_stored : int
        Bits of the cell that hold the value, 1 to `bits_allocated`.
    signed : bool
        Whether the stored value is a two's complement number of `bits_stored` bits.
    photometric : str
        ``MONOCHROME1`` (the lowest value is white) or ``MONOCHROME2`` (it is black).
    inverse : bool
        Whether the presentation LUT shape is ``INVERSE``.
    slope, intercept : float
        Of the rescale: output = slope · stored + intercept. Idle where `modality_lut` is given.
    modality_lut : Lut, optional
        Takes the rescale's place.
    voi_luts : tuple of Lut
        In the file's order.
    windows : tuple of Window
        In the file's order.
    padding : tuple of int, optional
        Lowest and highest stored value that stand for no pixel (PS3.3 C.7.5.1.1.2).
    shift : int
        Bits below the value in a cell: HighBit − (BitsStored − 1), 0 in any file written since
        PS3.5 asks for it.
    warnings : tuple of str
        What the header left unclear and how it was taken, as fixed sentences.
    """

    bits_allocated: int
    bits_stored: int
    signed: bool = False
    photometric: str = "MONOCHROME2"
    inverse: bool = False
    slope: float = 1.0
    intercept: float = 0.0
    modality_lut: Lut | None = None
    voi_luts: tuple[Lut, ...] = ()
    windows: tuple[Window, ...] = ()
    padding: tuple[int, int] | None = None
    shift: int = 0
    warnings: tuple[str, ...] = ()

    @property
    def inverted(self) -> bool:
        """Whether 255 − grey is due, once: MONOCHROME1 and INVERSE together ask for it once.

        A DX image that is MONOCHROME1 must say INVERSE too (PS3.3 C.8.11.3.1.2): two names for
        one inversion, not two inversions.
        """
        return self.inverse or self.photometric == "MONOCHROME1"

    @property
    def stored_range(self) -> tuple[int, int]:
        """Lowest and highest stored value that the bits can hold."""
        return _stored_range(self.bits_stored, self.signed)

    @property
    def modality_range(self) -> tuple[float, float]:
        """Lowest and highest output of the modality LUT or rescale (PS3.3 C.11.1.1.1)."""
        if self.modality_lut is not None:
            return 0.0, float(2**self.modality_lut.bits - 1)
        low, high = self.stored_range
        ends = low * self.slope + self.intercept, high * self.slope + self.intercept
        return min(ends), max(ends)


def read_grey_attributes(ds: Dataset) -> GreyAttributes:
    """Read what decides the grey of an image's pixels.

    Parameters
    ----------
    ds : pydicom.Dataset
        The header; pixel data are not looked at.

    Returns
    -------
    GreyAttributes
        Its `warnings` name what was odd and how it was taken.

    Raises
    ------
    SetAside
        For a colour image.
    ImageFault
        For pixel cells that are neither 8 nor 16 bits, impossible bits, or an unknown photometric
        interpretation.

    Notes
    -----
    The modality LUT sequence of an XA or XRF image whose Pixel Intensity Relationship is LOG or
    DISP leads back to X-ray intensity and takes no part in the display (PS3.3 C.8.7.1.1.2, PS3.4
    N.2.1.2). A presentation LUT sequence does not occur in images of these modalities and is
    named, not applied.
    """
    warnings: list[str] = []
    photometric = _photometric(ds, warnings)
    allocated, stored, shift = _bits(ds, warnings)
    signed = _signed(ds, warnings)
    functional = list(_functional_groups(ds))
    modality_lut, slope, intercept = _modality(
        ds, functional, _stored_range(stored, signed), signed, warnings
    )
    shape = _text(ds, _PRESENTATION_LUT_SHAPE)
    if ds.get_item(_PRESENTATION_LUT_SEQUENCE) is not None:
        warnings.append("the header has a presentation LUT, which was not applied")
    domain = GreyAttributes(
        allocated, stored, signed, slope=slope, intercept=intercept, modality_lut=modality_lut
    ).modality_range
    # PS3.3 C.11.2.1.1: the first value mapped has the sign of what comes into the VOI LUT.
    voi_signed = domain[0] < 0
    holders = [ds, *functional]
    voi_luts = _luts(holders, _VOI_LUT_SEQUENCE, "VOI LUT", domain, voi_signed, warnings)
    return GreyAttributes(
        bits_allocated=allocated,
        bits_stored=stored,
        signed=signed,
        photometric=photometric,
        inverse=shape == "INVERSE",
        slope=slope,
        intercept=intercept,
        modality_lut=modality_lut,
        voi_luts=voi_luts,
        windows=_windows(holders, warnings),
        padding=_padding(ds, allocated, signed),
        shift=shift,
        warnings=tuple(dict.fromkeys(warnings)),
    )


def _stored_range(bits: int, signed: bool) -> tuple[int, int]:
    if signed:
        return -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    return 0, (1 << bits) - 1


def _photometric(ds: Dataset, warnings: list[str]) -> str:
    text = _text(ds, _PHOTOMETRIC).replace(" ", "").replace("_", "")
    samples = _short(ds, _SAMPLES_PER_PIXEL)
    if text in _COLOUR or text.startswith("YBR") or samples in (3, 4):
        raise SetAside("colour image")
    if text in ("MONOCHROME1", "MONOCHROME2"):
        return text
    if text in ("", "MONOCHROME"):
        warnings.append("no photometric interpretation: taken as MONOCHROME2")
        return "MONOCHROME2"
    raise ImageFault("the photometric interpretation is none that the DICOM standard knows")


def _bits(ds: Dataset, warnings: list[str]) -> tuple[int, int, int]:
    """Bits of a cell, bits of the value in it, and bits below the value."""
    allocated = _short(ds, _BITS_ALLOCATED)
    if allocated is None:
        raise ImageFault("the header does not say how many bits a pixel has (Bits Allocated)")
    if allocated not in (8, 16):
        raise ImageFault("pixels of neither 8 nor 16 bits (Bits Allocated)")
    stored = _short(ds, _BITS_STORED)
    if stored is None:
        warnings.append("no Bits Stored: taken as Bits Allocated")
        stored = allocated
    if not 1 <= stored <= allocated:
        raise ImageFault("Bits Stored is impossible for Bits Allocated")
    high_bit = _short(ds, _HIGH_BIT)
    shift = 0 if high_bit is None else high_bit - (stored - 1)
    if shift == 0:
        return allocated, stored, 0
    if shift < 0 or stored + shift > allocated:
        warnings.append("High Bit contradicts Bits Stored: taken as Bits Stored - 1")
        return allocated, stored, 0
    if _sample_coded(ds):
        # JPEG, JPEG-LS and JPEG 2000 code samples, not cells: a decoder gives the value itself.
        warnings.append("High Bit is above Bits Stored - 1 in a compressed image: not used")
        return allocated, stored, 0
    warnings.append("High Bit is above Bits Stored - 1: the bits below the value were dropped")
    return allocated, stored, shift


def _sample_coded(ds: Dataset) -> bool:
    syntax = getattr(getattr(ds, "file_meta", None), "TransferSyntaxUID", None)
    if not isinstance(syntax, UID) or not syntax.is_transfer_syntax:
        return False
    return bool(syntax.is_encapsulated) and syntax != RLELossless


def _signed(ds: Dataset, warnings: list[str]) -> bool:
    value = _short(ds, _PIXEL_REPRESENTATION)
    if value not in (None, 0, 1):
        warnings.append("Pixel Representation is neither 0 nor 1: taken as 0")
    return value == 1


def _padding(ds: Dataset, allocated: int, signed: bool) -> tuple[int, int] | None:
    value = _short(ds, _PADDING_VALUE)
    if value is None:
        return None
    limit = _short(ds, _PADDING_LIMIT)
    ends = [_signed_value(each, allocated, signed) for each in (value, limit) if each is not None]
    return min(ends), max(ends)


def _signed_value(word: int, bits: int, signed: bool) -> int:
    word &= (1 << bits) - 1
    return word - (1 << bits) if signed and word >> (bits - 1) else word


def _functional_groups(ds: Dataset) -> Iterator[Dataset]:
    """The macros of an enhanced image that stand where others have plain attributes.

    PS3.3 C.7.6.16.2.9 (pixel value transformation) and C.7.6.16.2.10 (frame VOI LUT); of several
    frames the first counts, but such files are not converted anyway.
    """
    for tag in (_SHARED_GROUPS, _FRAME_GROUPS):
        for group in _items(ds, tag)[:1]:
            for macro in (_PIXEL_TRANSFORMATION, _FRAME_VOI_LUT):
                yield from _items(group, macro)[:1]


def _modality(
    ds: Dataset,
    functional: list[Dataset],
    domain: tuple[int, int],
    signed: bool,
    warnings: list[str],
) -> tuple[Lut | None, float, float]:
    relationship = _text(ds, _INTENSITY_RELATIONSHIP)
    backward = relationship in ("LOG", "DISP") and _text(ds, _SOP_CLASS) in _XA_AND_XRF
    if not backward:
        luts = _luts([ds], _MODALITY_LUT_SEQUENCE, "modality LUT", domain, signed, warnings)
        if luts:
            return luts[0], 1.0, 0.0
    slope, intercept = 1.0, 0.0
    for holder in (ds, *functional):
        slopes, intercepts = _numbers(holder, _SLOPE), _numbers(holder, _INTERCEPT)
        if not slopes and not intercepts:
            continue
        first_slope = slopes[0] if slopes else 1.0
        first_intercept = intercepts[0] if intercepts else 0.0
        if (
            first_slope is None
            or first_intercept is None
            or not _spreads(domain, first_slope, first_intercept)
        ):
            warnings.append("the rescale slope or intercept is impossible: no rescale applied")
            break
        slope, intercept = first_slope, first_intercept
        break
    return None, slope, intercept


def _spreads(domain: tuple[int, int], slope: float, intercept: float) -> bool:
    """Whether the rescale tells values apart; slope 0 would make every image flat."""
    return bool(domain[0] * slope + intercept != domain[1] * slope + intercept)


def _windows(holders: Iterable[Dataset], warnings: list[str]) -> tuple[Window, ...]:
    for holder in holders:
        centres, widths = _numbers(holder, _WINDOW_CENTRE), _numbers(holder, _WINDOW_WIDTH)
        if not centres and not widths:
            continue
        if len(centres) != len(widths):
            warnings.append("window centres and widths differ in number: only pairs were used")
        if min(len(centres), len(widths)) > MOST_CHOICES:
            warnings.append(f"more than {MOST_CHOICES} windows: the others were not looked at")
        function = _voi_function(holder, warnings)
        return tuple(
            Window(0.0, 0.0, function)
            if centre is None or width is None
            else Window(centre, width, function)
            for centre, width in islice(zip(centres, widths, strict=False), MOST_CHOICES)
        )
    return ()


def _voi_function(ds: Dataset, warnings: list[str]) -> str:
    text = _text(ds, _VOI_FUNCTION).replace(" ", "_").replace("-", "_")
    if text in (LINEAR, LINEAR_EXACT, SIGMOID):
        return text
    if text:
        warnings.append("unknown VOI LUT function: taken as LINEAR")
    return LINEAR


def _luts(
    holders: Iterable[Dataset],
    tag: int,
    name: str,
    domain: tuple[float, float],
    signed: bool,
    warnings: list[str],
) -> tuple[Lut, ...]:
    luts: list[Lut] = []
    for holder in holders:
        found = _items(holder, tag)
        if len(found) > MOST_CHOICES:
            warnings.append(f"more than {MOST_CHOICES} {name}s: the others were not looked at")
        for item in found[:MOST_CHOICES]:
            lut = _lut(item, name, domain, signed, warnings)
            if lut is None:
                warnings.append(f"a {name} cannot be read and was not used")
            else:
                luts.append(lut)
        if luts:
            break
    return tuple(luts)


def _lut(
    item: Dataset, name: str, domain: tuple[float, float], signed: bool, warnings: list[str]
) -> Lut | None:
    """One lookup table, whatever its descriptor gets wrong; None where nothing can be made of it.

    Parameters
    ----------
    item : pydicom.Dataset
        The sequence's item.
    name : str
        For the warnings.
    domain : tuple of float
        Lowest and highest possible input.
    signed : bool
        Whether the first value mapped is signed by the standard's rule.
    warnings : list of str
        Appended to.
    """
    descriptor = _words(item, _LUT_DESCRIPTOR)
    words = _words(item, _LUT_DATA)
    if len(descriptor) != 3 or len(words) == 0:
        return None
    # 65,536 entries do not fit into 16 bits and are written as 0.
    number = int(descriptor[0]) or 1 << 16
    bits = int(descriptor[2])
    entries = words[:number]
    if len(words) < number:
        # 8-bit entries fill the words two by two, the first in the lower byte; an odd number of
        # them leaves one byte over. Some writers fill them so and say 16 bits.
        octets = words.astype("<u2").view(np.uint8)
        if (bits <= 8 and len(octets) >= number) or len(octets) - number in (0, 1):
            entries = octets[:number].astype(np.uint16)
            if bits > 8:
                warnings.append(f"a {name} has 8-bit entries, other than its descriptor says")
                bits = 8
        else:
            warnings.append(f"a {name} has fewer entries than its descriptor says")
    needed = max(8, int(entries.max()).bit_length())
    if not 8 <= bits <= 16 or needed > bits:
        warnings.append(f"a {name} has other bits than its descriptor says: its values were used")
        bits = needed
    elif bits - needed >= 2:
        warnings.append(f"a {name} uses less than half of the range that its descriptor says")
    first = _first_mapped(int(descriptor[1]), len(entries), domain, signed, name, warnings)
    return Lut(first, bits, entries.astype("<u2").tobytes())


def _first_mapped(
    word: int,
    number: int,
    domain: tuple[float, float],
    signed: bool,
    name: str,
    warnings: list[str],
) -> int:
    """The descriptor's second value, signed by the standard's rule unless that cannot be.

    An explicit VR names one representation for all three values of the descriptor, so writers
    pick the wrong one; where the rule puts the whole table beside the possible input and the
    other sign does not, the other sign is meant.
    """

    def overlaps(first: int) -> bool:
        return first <= domain[1] and first + number - 1 >= domain[0]

    by_rule = _signed_value(word, 16, signed)
    other = _signed_value(word, 16, not signed)
    if not overlaps(by_rule) and overlaps(other):
        warnings.append(f"the first value of a {name} has the wrong sign: the other was taken")
        return other
    return by_rule


# --- values as they stand in the file -------------------------------------------------------------
# Read past pydicom's value conversion, which raises or prints what the header holds where a number
# is malformed: a header's text must reach neither a message nor a log.


def _element(ds: Dataset, tag: int) -> Any:
    """The element as it was read or set; None where it is absent.

    Raises ImageFault where its value was left in the file and is larger than any that is meant
    here, or can no longer be fetched.
    """
    try:
        element = ds.get_item(tag, keep_deferred=True)
        if not isinstance(element, RawDataElement) or element.value is not None:
            return element
        if element.length <= _MOST_BYTES:
            return ds.get_item(tag)
    except Exception:
        # What fetching raises depends on what has become of the file; its message names the path.
        pass
    raise ImageFault("the header could not be read completely")


def _items(ds: Dataset, tag: int) -> list[Dataset]:
    if _element(ds, tag) is None:
        return []
    try:
        value = ds[tag].value
    except Exception:
        # A damaged sequence raises whatever its parser stumbles upon; what cannot be read is
        # treated as absent, and the caller's other sources are used.
        return []
    return [item for item in value if isinstance(item, Dataset)] if value else []


def _text(ds: Dataset, tag: int) -> str:
    """First value as upper-case text without its padding; blank where absent."""
    element = _element(ds, tag)
    value = None if element is None else element.value
    if value is None:
        return ""
    if isinstance(value, bytes):
        text = value.decode("ascii", "replace").split("\\")[0]
    elif isinstance(value, str):
        text = value
    else:
        text = next((str(each) for each in value), "") if hasattr(value, "__iter__") else str(value)
    return text.strip(_BLANK).upper()


def _short(ds: Dataset, tag: int) -> int | None:
    """A US or SS value as an unsigned 16-bit word; None where absent or blank."""
    words = _words(ds, tag)
    return int(words[0]) if len(words) else None


def _words(ds: Dataset, tag: int) -> NDArray[np.uint16]:
    """Value of a US, SS, OW or OB element as 16-bit words; empty where absent or blank."""
    element = _element(ds, tag)
    value = None if element is None else element.value
    if value is None or isinstance(value, str):
        return np.empty(0, np.uint16)
    if isinstance(value, bytes):
        little = (
            element.is_little_endian if isinstance(element, RawDataElement) else _little_endian(ds)
        )
        if len(value) % 2:
            value += b"\0"
        return np.frombuffer(value, dtype="<u2" if little or element.VR == "OB" else ">u2")
    values = list(value) if isinstance(value, Sequence) else [value]
    try:
        return np.array([int(each) & 0xFFFF for each in values], dtype=np.uint16)
    except (TypeError, ValueError):
        return np.empty(0, np.uint16)


def _little_endian(ds: Dataset) -> bool:
    little = ds.original_encoding[1]
    return True if little is None else bool(little)


def _numbers(ds: Dataset, tag: int) -> tuple[float | None, ...]:
    """Values of a decimal string element; None for each that is no finite number.

    Empty where the element is absent or wholly blank. Of very many values only the first, one
    more than `MOST_CHOICES`.
    """
    element = _element(ds, tag)
    value = None if element is None else element.value
    if value is None:
        return ()
    most = MOST_CHOICES + 1
    if isinstance(value, bytes):
        code = _NUMBER_FORMATS.get(element.VR or "")
        if code is None:
            values: list[Any] = value.decode("ascii", "replace").split("\\", most)
        else:
            order = "<" if element.is_little_endian else ">"
            number = min(most, len(value) // struct.calcsize(code))
            values = list(struct.unpack_from(f"{order}{number}{code}", value))
    elif isinstance(value, str):
        values = value.split("\\", most)
    elif hasattr(value, "__iter__"):
        values = list(value)
    else:
        values = [value]
    del values[most:]
    numbers = tuple(_number(each) for each in values)
    blank = all(each is None or not str(each).strip(_BLANK) for each in values)
    return () if blank else numbers


def _number(value: Any) -> float | None:
    if isinstance(value, str):
        value = value.strip(_BLANK)
        if "." not in value:
            # A decimal comma, which the standard forbids and some consoles write.
            value = value.replace(",", ".")
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    # Beyond the bound lies nothing that a pixel could be, but floating-point overflow.
    return number if math.isfinite(number) and abs(number) <= _LARGEST else None
