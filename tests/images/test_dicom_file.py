"""Opening DICOM files: whole ones of every form, and broken ones of every kind."""

from __future__ import annotations

import logging
import os
import re
import struct
import time
import tracemalloc
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_files import COLUMNS, NATIVE, PIXELS, ROWS, bare, coded, encoded, radiograph, write
from pydicom import config
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.uid import (
    BasicTextSRStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    MediaStorageDirectoryStorage,
)

from cxrmine.images import dicom_file, elements
from cxrmine.images.decode import decode
from cxrmine.images.dicom_file import open_dicom, pixel_bytes, quiet_pydicom
from cxrmine.images.faults import ImageFault, SetAside
from cxrmine.images.header import read_header


def opened(tmp_path: Path, content: bytes) -> Dataset:
    return open_dicom(write(tmp_path / "file", content))


@pytest.mark.parametrize(
    "syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian]
)
def test_uncompressed(tmp_path: Path, syntax: str) -> None:
    dataset = opened(tmp_path, encoded(radiograph(), syntax))
    order = ">u2" if syntax == ExplicitVRBigEndian else "<u2"
    np.testing.assert_array_equal(np.frombuffer(pixel_bytes(dataset), order), PIXELS)
    assert dataset.file_meta.TransferSyntaxUID == syntax
    assert (dataset.Rows, dataset.Columns) == (ROWS, COLUMNS)


def test_pixels_wait_and_then_stay(tmp_path: Path) -> None:
    path = write(tmp_path / "file", encoded(radiograph()))
    dataset = open_dicom(path)
    assert dataset.get_item("PixelData", keep_deferred=True).value is None
    assert pixel_bytes(dataset) == NATIVE
    path.unlink()
    assert pixel_bytes(dataset) == NATIVE
    assert dataset.PixelData == NATIVE


def test_pydicom_reads_the_waiting_pixels_as_well(tmp_path: Path) -> None:
    for fragments in (None, [b"\1\2\3\4", b"\5\6"]):
        syntax = JPEG2000Lossless if fragments else ExplicitVRLittleEndian
        path = write(tmp_path / "file", encoded(radiograph(), syntax, fragments=fragments))
        element = open_dicom(path)["PixelData"]
        assert element.value == pixel_bytes(open_dicom(path))
        assert element.is_undefined_length == bool(fragments)


def test_encapsulated_items_without_the_delimiter(tmp_path: Path) -> None:
    # The delimiter's own bytes in a fragment do not end the pixel data.
    frame = b"\xfe\xff\xdd\xe0\0\0\0\0" + bytes(range(200))
    content = encoded(radiograph(), JPEG2000Lossless, fragments=[frame])
    value = pixel_bytes(opened(tmp_path, content))
    assert value.endswith(frame)
    assert value.startswith(b"\xfe\xff\x00\xe0")
    delimiter = b"\xfe\xff\xdd\xe0\0\0\0\0"
    assert content.endswith(value + delimiter)
    assert pixel_bytes(opened(tmp_path, content.removesuffix(delimiter))) == value
    for cut in (1, 4, 7, 9, 100):
        with pytest.raises(ImageFault, match=dicom_file.CUT_PIXELS):
            pixel_bytes(opened(tmp_path, content[:-cut]))
    with pytest.raises(ImageFault, match=dicom_file.DAMAGED_PIXELS):
        pixel_bytes(opened(tmp_path, content.removesuffix(delimiter) + b"elements"))


def test_encapsulated_data_without_any_fragment(tmp_path: Path) -> None:
    content = encoded(radiograph(), JPEG2000Lossless, fragments=[b"\1\2"])
    start = content.index(b"\xfe\xff\x00\xe0")
    with pytest.raises(ImageFault, match=dicom_file.CUT_PIXELS):
        pixel_bytes(opened(tmp_path, content[:start]))


@pytest.mark.parametrize(
    ("implicit", "little", "syntax"),
    [
        (True, True, ImplicitVRLittleEndian),
        (False, True, ExplicitVRLittleEndian),
        (False, False, ExplicitVRBigEndian),
    ],
)
def test_without_preamble_and_meta(
    tmp_path: Path, implicit: bool, little: bool, syntax: str
) -> None:
    pixels = PIXELS.astype("<u2" if little else ">u2").tobytes()
    content = bare(radiograph(PixelData=pixels), implicit=implicit, little=little)
    dataset = opened(tmp_path, content)
    assert dataset.file_meta.TransferSyntaxUID == syntax
    assert pixel_bytes(dataset) == pixels
    assert read_header(dataset).patient_id == "P1"


def test_without_preamble_but_with_meta(tmp_path: Path) -> None:
    dataset = opened(tmp_path, encoded(radiograph(), ImplicitVRLittleEndian)[132:])
    assert dataset.file_meta.TransferSyntaxUID == ImplicitVRLittleEndian
    assert pixel_bytes(dataset) == NATIVE


def test_meta_that_names_the_wrong_syntax(tmp_path: Path) -> None:
    content = encoded(radiograph(), ExplicitVRLittleEndian)
    # The same length, so the group's length still holds.
    content = content.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2\0\0\0")
    assert pixel_bytes(opened(tmp_path, content)) == NATIVE


def test_deflated(tmp_path: Path) -> None:
    plain = encoded(radiograph(), DeflatedExplicitVRLittleEndian)
    dataset = opened(tmp_path, plain)
    assert pixel_bytes(dataset) == NATIVE
    assert dataset.file_meta.TransferSyntaxUID == DeflatedExplicitVRLittleEndian
    assert read_header(dataset).transfer_syntax == "Deflated Explicit VR Little Endian"
    with pytest.raises(ImageFault):
        opened(tmp_path, plain[:-20])


def deflated(dataset: bytes, *, plain: bytes | None = None) -> bytes:
    """Return a deflated file of the bytes of a data set, without preamble and meta."""
    whole = plain or encoded(radiograph(), DeflatedExplicitVRLittleEndian)
    length = struct.unpack_from("<I", whole, 140)[0]
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return whole[: 144 + length] + deflater.compress(dataset) + deflater.flush()


def taken(action: Callable[[], object]) -> tuple[str, int]:
    """Return the fault that an action ends in, and the most bytes that it took."""
    tracemalloc.start()
    try:
        with pytest.raises(ImageFault) as fault:
            action()
        return str(fault.value), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_deflated_pixels_are_inflated_when_they_are_asked_for(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 4096, (500, 700), dtype=np.uint16).tobytes()
    dataset = radiograph(Rows=500, Columns=700, PixelData=pixels)
    # A header that goes beyond the first piece, in the middle of an element.
    dataset.add_new(0x00290010, "LO", "MAKER")
    dataset.add_new(0x00291000, "OB", bytes(300_000))
    read = opened(tmp_path, deflated(bare(dataset) + b"\xfc\xff\xfc\xffOB\0\0\2\0\0\0\0\0"))
    assert read.get_item("PixelData", keep_deferred=True).value is None
    assert pixel_bytes(read) == pixels
    np.testing.assert_array_equal(
        decode(opened(tmp_path, deflated(bare(dataset)))).tobytes(), pixels
    )


def test_deflated_pixels_cut_short_or_damaged(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 4096, (50, 70), dtype=np.uint16).tobytes()
    content = deflated(bare(radiograph(Rows=50, Columns=70, PixelData=pixels)))
    with pytest.raises(ImageFault, match=dicom_file.CUT_DEFLATED):
        pixel_bytes(opened(tmp_path, content[:-1000]))
    lacking = bare(radiograph(Rows=50, Columns=70, PixelData=pixels))[:-1000]
    with pytest.raises(ImageFault, match=dicom_file.CUT_PIXELS):
        pixel_bytes(opened(tmp_path, deflated(lacking)))
    # Damage behind what is inflated for the header, and within it.
    large = bare(radiograph(Rows=1000, Columns=300, PixelData=bytes(600_000)))
    for sound, cause in ((500_000, "pixel data is damaged"), (1000, "header is damaged")):
        deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        body = deflater.compress(large[:sound]) + deflater.flush(zlib.Z_FULL_FLUSH)
        whole = deflated(b"")
        start = len(whole) - 2  # nothing, deflated, has two bytes
        with pytest.raises(ImageFault, match=cause):
            pixel_bytes(opened(tmp_path, whole[:start] + body + b"\7" * 10))
    dataset = opened(tmp_path, content)
    write(tmp_path / "file", deflated(bare(radiograph(PatientName="Another^Name"))))
    with pytest.raises(ImageFault, match=dicom_file.CHANGED):
        pixel_bytes(dataset)


def test_deflated_bombs_are_not_inflated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pixels, another element and small elements of 20 MB in files of some KB."""
    monkeypatch.setattr(dicom_file, "_HEADER_READS", 2000)
    huge, header = bytes(20_000_000), bare(radiograph(PixelData=None))
    for bomb, most in (
        (bare(radiograph(PixelData=huge)), 2_000_000),
        (header + b"\x29\0\0\x10OB\0\0\0\x2d\x31\1" + huge, 30_000_000),
        (header + b"\x29\0\0\x10LO\0\0" * 2_500_000, 30_000_000),
    ):
        path = write(tmp_path / "bomb", deflated(bomb))
        assert path.stat().st_size < 50_000
        fault, peak = taken(lambda path=path: decode(open_dicom(path)))
        assert fault in (dicom_file.TOO_MANY_BYTES, dicom_file.LARGE_HEADER)
        assert peak < most
    # What stands behind the pixels is nobody's business.
    behind = write(tmp_path / "behind", deflated(bare(radiograph()) + huge))
    assert pixel_bytes(open_dicom(behind)) == NATIVE


def test_lengths_of_gigabytes_in_the_header_are_damage(tmp_path: Path) -> None:
    """Within a sequence pydicom reads what a length says, and takes the memory beforehand."""
    codes = coded("R-10214", "SNM3", "postero-anterior")
    codes[0].is_undefined_length_sequence_item = True
    codes[0].add_new(0x00080120, "UR", "http://example.org/")
    dataset = radiograph(ViewCodeSequence=codes)
    dataset["ViewCodeSequence"].is_undefined_length = True
    content = encoded(dataset)
    place = content.index(b"UR\0\0") + 4
    content = content[:place] + struct.pack("<I", 0xFFFFFFF0) + content[place + 4 :]
    fault, peak = taken(lambda: opened(tmp_path, content))
    assert fault == dicom_file.DAMAGED_HEADER
    assert peak < 1_000_000


def test_a_sequence_of_many_megabytes_is_left_in_the_file(tmp_path: Path) -> None:
    codes = coded("R-10214", "SNM3", "postero-anterior")
    codes[0].add_new(0x00080120, "UR", "a" * 9_000_000)
    content = encoded(radiograph(ViewCodeSequence=codes))
    path = write(tmp_path / "file", content)
    tracemalloc.start()
    assert not elements.items(open_dicom(path), "ViewCodeSequence")
    assert tracemalloc.get_traced_memory()[1] < 2_000_000
    tracemalloc.stop()
    codes[0].add_new(0x00080120, "UR", "a" * 2_000_000)
    (found,) = elements.items(
        opened(tmp_path, encoded(radiograph(ViewCodeSequence=codes))), "ViewCodeSequence"
    )
    assert found.CodeValue == "R-10214"


def test_a_file_of_tiny_elements_takes_no_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dicom_file, "_HEADER_READS", 2000)
    many = b"".join(struct.pack("<HHI", 0x29, 0x1000 + i, 0) for i in range(20_000))
    content = bare(radiograph(PixelData=None), implicit=True) + many
    fault, peak = taken(lambda: opened(tmp_path, content))
    assert fault == dicom_file.LARGE_HEADER
    assert peak < 2_000_000


def test_more_pixel_data_than_any_radiograph_is_not_read(tmp_path: Path) -> None:
    path = write(tmp_path / "file", encoded(radiograph()))
    with path.open("r+b") as file:
        file.seek(-len(NATIVE) - 4, os.SEEK_END)
        file.write(struct.pack("<I", 800_000_000))
        # A sparse file: it takes no room on the disk.
        file.truncate(path.stat().st_size + 800_000_000)
    for read in (pixel_bytes, decode):
        fault, peak = taken(lambda read=read: read(open_dicom(path)))
        assert fault == dicom_file.TOO_MANY_BYTES
        assert peak < 1_000_000


def test_millions_of_empty_fragments(tmp_path: Path) -> None:
    content = encoded(radiograph(), JPEG2000Lossless, fragments=[b"\1\2"])
    item = b"\xfe\xff\x00\xe0\0\0\0\0"
    start = content.index(item[:4])
    path = write(tmp_path / "file", content[:start] + item * 3_000_000)
    started = time.perf_counter()
    with pytest.raises(ImageFault, match="65,536 pieces"):
        pixel_bytes(open_dicom(path))
    assert time.perf_counter() - started < 1
    content = content[:start] + item * 60_000 + b"\xfe\xff\xdd\xe0\0\0\0\0"
    assert pixel_bytes(opened(tmp_path, content)) == item * 60_000


def test_an_empty_file(tmp_path: Path) -> None:
    with pytest.raises(ImageFault, match=re.escape("empty (0 bytes)")):
        opened(tmp_path, b"")


@pytest.mark.parametrize(
    "content",
    [
        b"\x08\0",
        b"Dear colleague, the chest is clear.\n" * 20,
        b"\x08\0 a text that begins like an element",
        b"\x89PNG\r\n\x1a\n" + bytes(500),
        b"%PDF-1.7\n" + bytes(500),
        bytes(1000),
        b"\xff" * 1000,
        "患者".encode("utf-16"),
    ],
)
def test_other_files(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(ImageFault, match="not a DICOM file"):
        opened(tmp_path, content)


def test_a_preamble_and_nothing_else(tmp_path: Path) -> None:
    with pytest.raises(ImageFault, match=dicom_file.DAMAGED_HEADER):
        opened(tmp_path, bytes(128) + b"DICM")


def test_missing_and_forbidden_files_and_no_files(tmp_path: Path) -> None:
    with pytest.raises(ImageFault, match="no longer there"):
        open_dicom(tmp_path / "missing")
    with pytest.raises(ImageFault, match="not a regular file"):
        open_dicom(tmp_path)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(ImageFault, match="not a regular file"):
        open_dicom(pipe)
    forbidden = write(tmp_path / "forbidden", encoded(radiograph()))
    forbidden.chmod(0)
    if not os.access(forbidden, os.R_OK):
        with pytest.raises(ImageFault, match="permission denied"):
            open_dicom(forbidden)


def test_the_file_goes_away_before_its_pixels_are_read(tmp_path: Path) -> None:
    path = write(tmp_path / "patient Jane", encoded(radiograph()))
    dataset = open_dicom(path)
    path.unlink()
    with pytest.raises(ImageFault) as fault:
        pixel_bytes(dataset)
    assert str(fault.value) == "the file is no longer there"


def test_the_file_changes_before_its_pixels_are_read(tmp_path: Path) -> None:
    content = encoded(radiograph())
    path = write(tmp_path / "file", content)
    dataset = open_dicom(path)
    path.write_bytes(content[: -len(NATIVE) // 2])
    with pytest.raises(ImageFault, match=dicom_file.CUT_PIXELS):
        pixel_bytes(dataset)
    dataset = open_dicom(write(path, content))
    path.write_bytes(encoded(radiograph(PatientName="Another^Name")))
    with pytest.raises(ImageFault, match=dicom_file.CHANGED):
        pixel_bytes(dataset)
    dataset = open_dicom(write(path, content))
    path.write_bytes(b"short")
    with pytest.raises(ImageFault, match=dicom_file.CHANGED):
        pixel_bytes(dataset)


def test_native_pixels_without_their_padding_byte(tmp_path: Path) -> None:
    odd = radiograph(
        Rows=3, Columns=3, BitsAllocated=8, BitsStored=8, HighBit=7, PixelData=bytes(range(10))
    )
    assert pixel_bytes(opened(tmp_path, encoded(odd)[:-1])) == bytes(range(9))
    with pytest.raises(ImageFault, match=dicom_file.CUT_PIXELS):
        pixel_bytes(opened(tmp_path, encoded(odd)[:-2]))


def test_images_without_pixels_are_faults(tmp_path: Path) -> None:
    huge = radiograph(Rows=20_000, Columns=20_000, PixelData=None)
    for dataset in (huge, radiograph(Rows=None, Columns=None, PixelData=None)):
        with pytest.raises(ImageFault, match=dicom_file.NO_PIXELS):
            opened(tmp_path, encoded(dataset))
    with pytest.raises(ImageFault, match=dicom_file.NO_PIXELS):
        pixel_bytes(opened(tmp_path, encoded(radiograph(PixelData=b""))))
    with pytest.raises(ImageFault, match=dicom_file.NO_PIXELS):
        pixel_bytes(radiograph(PixelData=None))


def test_floating_point_pixels(tmp_path: Path) -> None:
    dataset = radiograph(PixelData=None, FloatPixelData=bytes(96))
    with pytest.raises(ImageFault, match="floating-point"):
        opened(tmp_path, encoded(dataset))


def test_objects_that_are_no_images_are_set_aside(tmp_path: Path) -> None:
    report = Dataset()
    report.SOPClassUID, report.SOPInstanceUID = BasicTextSRStorage, "1.2.3"
    report.Modality, report.ContentSequence = "SR", coded("121071", "DCM", "Finding")
    with pytest.raises(SetAside, match=dicom_file.NO_IMAGE):
        opened(tmp_path, encoded(report))
    directory = Dataset()
    directory.SOPClassUID, directory.SOPInstanceUID = MediaStorageDirectoryStorage, "1.2.4"
    directory.FileSetID = "CD"
    with pytest.raises(SetAside, match="DICOMDIR"):
        opened(tmp_path, encoded(directory))
    with pytest.raises(SetAside, match="DICOMDIR"):
        open_dicom(Path(str(get_testdata_file("DICOMDIR"))))


def test_pixels_of_an_icon_are_not_the_pixels(tmp_path: Path) -> None:
    icon = Dataset()
    icon.Rows = icon.Columns = 2
    icon.PixelData = b"icon"
    icon["PixelData"].VR = "OB"
    dataset = radiograph(IconImageSequence=[icon])
    assert pixel_bytes(opened(tmp_path, encoded(dataset))) == NATIVE
    dataset["IconImageSequence"].is_undefined_length = True
    dataset.IconImageSequence[0].is_undefined_length_sequence_item = True
    assert pixel_bytes(opened(tmp_path, encoded(dataset))) == NATIVE
    with pytest.raises(ImageFault, match=dicom_file.NO_PIXELS):
        opened(tmp_path, encoded(radiograph(IconImageSequence=[icon], PixelData=None)))


def test_large_private_values_are_not_read_with_the_header(tmp_path: Path) -> None:
    dataset = radiograph()
    dataset.add_new(0x00290010, "LO", "MAKER")
    dataset.add_new(0x00291000, "OB", bytes(2**21))
    read = opened(tmp_path, encoded(dataset))
    assert read.get_item(0x00291000, keep_deferred=True).value is None
    assert pixel_bytes(read) == NATIVE


def work_on(path: Path) -> None:
    """Do what a worker does with a file, up to the decoder."""
    dataset = open_dicom(path)
    read_header(dataset)
    pixel_bytes(dataset)


def attempt(path: Path) -> str:
    try:
        work_on(path)
    except ImageFault as fault:
        return f"fault: {fault}"
    except SetAside as reason:
        return f"aside: {reason}"
    return "image"


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_cut_at_any_byte(tmp_path: Path, syntax: str) -> None:
    codes = coded("R-10214", "SNM3", "postero-anterior")
    codes[0].is_undefined_length_sequence_item = True
    dataset = radiograph(ViewCodeSequence=codes, SpecificCharacterSet="ISO_IR 192")
    dataset["ViewCodeSequence"].is_undefined_length = True
    content = encoded(dataset, syntax)
    path = tmp_path / "file"
    assert attempt(write(path, content)) == "image"
    # Every byte of the data set, and some of the preamble and the meta information.
    cuts = [*range(0, 300, 17), *range(300, len(content) - 1)]
    outcomes = {attempt(write(path, content[:length])) for length in cuts}
    faults = {
        dicom_file.EMPTY,
        dicom_file.NOT_DICOM,
        dicom_file.DAMAGED_HEADER,
        dicom_file.NO_PIXELS,
        dicom_file.CUT_PIXELS,
    }
    assert outcomes == {f"fault: {fault}" for fault in faults}


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_damaged_bytes_never_raise_anything_else(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    syntax = data.draw(
        st.sampled_from([ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian])
    )
    dataset = radiograph(
        ViewCodeSequence=coded("R-10214", "SNM3", "postero-anterior"),
        SpecificCharacterSet=["", "ISO 2022 IR 87"],
        SeriesNumber="4",
        PixelSpacing=[0.1, 0.2],
        PatientBirthDate="19580614",
        BurnedInAnnotation="NO",
    )
    content = bytearray(encoded(dataset, syntax))
    places = st.integers(0, len(content) - 1)
    for place, byte in data.draw(
        st.lists(st.tuples(places, st.integers(0, 255)), min_size=1, max_size=12)
    ):
        content[place] = byte
    path = write(tmp_path_factory.getbasetemp() / "damaged canary", bytes(content))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        outcome = attempt(path)
    assert "canary" not in outcome


def test_faults_name_neither_the_file_nor_what_is_in_it(tmp_path: Path) -> None:
    for number, content in enumerate(
        [
            b"canary " * 40,
            encoded(radiograph(PatientName="canary"))[:-30],
            encoded(radiograph(PatientName="canary", PixelData=None)),
            encoded(radiograph(PatientName="canary", Rows=None)),
            encoded(radiograph(StudyDescription="canary"))[:300],
        ]
    ):
        path = write(tmp_path / f"canary{number}", content)
        with pytest.raises((ImageFault, SetAside)) as caught:
            work_on(path)
        error = caught.value
        assert "canary" not in str(error)
        # Nor does what a traceback would print.
        assert error.__cause__ is None
        assert error.__suppress_context__ or error.__context__ is None


def test_pydicom_is_quiet_and_afterwards_as_before(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    content = encoded(radiograph(PatientAge="062Y", StudyDate="20200613"))
    content = content.replace(b"20200613", b"canary!!").replace(b"062Y", b"\xe9\xe9\xe9\xe9")
    mode, disabled = config.settings.reading_validation_mode, logging.getLogger("pydicom").disabled
    with warnings.catch_warnings(record=True) as caught, caplog.at_level(logging.DEBUG):
        warnings.simplefilter("always")
        read_header(opened(tmp_path, content))
    assert not caught
    assert not caplog.records
    assert capsys.readouterr() == ("", "")
    assert config.settings.reading_validation_mode == mode
    assert logging.getLogger("pydicom").disabled == disabled
    with pytest.raises(ValueError, match="passes through"), quiet_pydicom():
        raise ValueError("passes through")
    assert config.settings.reading_validation_mode == mode
