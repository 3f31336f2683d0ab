"""What is taken from a header, and what a damaged value does to it."""

from __future__ import annotations

from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import pydicom
import pytest
from made_files import bare, encoded, radiograph, write
from pydicom.data import get_charset_files
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import ImplicitVRLittleEndian

from cxrmine.images.dicom_file import open_dicom, pixel_bytes
from cxrmine.images.elements import items, number, text
from cxrmine.images.faults import ImageFault, SetAside
from cxrmine.images.header import (
    FOR_PROCESSING,
    NO_AGE,
    NO_SIZE,
    Header,
    Identity,
    read_header,
    read_identity,
)
from cxrmine.images.view import View

# Setting an odd value warns; what reads it must not, which test_dicom_file.py tests.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def raw(dataset: Dataset, keyword: str, vr: str | None, value: bytes) -> Dataset:
    """Put a value's bytes into a data set as if it had been read from a file."""
    tag = Tag(keyword)
    dataset[tag] = RawDataElement(tag, vr, len(value), value, 0, vr is None, True)
    return dataset


def header(tmp_path: Path, **attributes: Any) -> Header:
    return read_header(open_dicom(write(tmp_path / "file", encoded(radiograph(**attributes)))))


def test_a_header(tmp_path: Path) -> None:
    found = header(
        tmp_path,
        IssuerOfPatientID="HOSPITAL",
        ViewPosition="PA",
        SeriesNumber="4",
        InstanceNumber="2",
        PixelSpacing=[0.2, 0.1],
    )
    assert found == Header(
        patient_id="P1",
        issuer="HOSPITAL",
        study_uid="1.2.826.0.1.3680043.8.498.1",
        series_uid="1.2.826.0.1.3680043.8.498.2",
        sop_uid="1.2.826.0.1.3680043.8.498.3",
        accession="ACC1",
        study_date="20200613",
        study_time="113000",
        series_number="4",
        instance_number="2",
        age=62,
        sex="F",
        view=View("PA", "stated", "ViewPosition"),
        rows=6,
        columns=4,
        spacing_x="0.1",
        spacing_y="0.2",
        photometric="MONOCHROME2",
        bits_stored=12,
        transfer_syntax="Explicit VR Little Endian",
        modality="CR",
        warnings=(),
    )


def test_identity_is_never_printed(tmp_path: Path) -> None:
    found = header(tmp_path, PatientID="canary", AccessionNumber="canary")
    assert found.patient_id == "canary"
    assert "canary" not in repr(found)
    for private in fields(Identity):
        value = getattr(found, private.name)
        assert not value or value not in repr(found)


def test_identity_of_what_is_set_aside(tmp_path: Path) -> None:
    dataset = open_dicom(write(tmp_path / "file", encoded(radiograph(ViewPosition="LL"))))
    with pytest.raises(SetAside, match="lateral"):
        read_header(dataset)
    identity = read_identity(dataset)
    assert type(identity) is Identity
    assert identity.accession == "ACC1"
    assert asdict(read_identity(Dataset())) == dict.fromkeys(asdict(identity), "")


def test_a_header_with_nothing_but_an_image(tmp_path: Path) -> None:
    dataset = Dataset()
    dataset.Rows, dataset.Columns, dataset.PixelData = 2, 3, bytes(12)
    dataset.Modality = ""
    found = read_header(open_dicom(write(tmp_path / "file", bare(dataset, implicit=True))))
    assert (found.rows, found.columns, found.age, found.sex, found.view) == (2, 3, None, "", View())
    assert found.transfer_syntax == "Implicit VR Little Endian"
    assert found.patient_id == found.study_date == found.photometric == found.modality == ""
    assert found.bits_stored is None


@pytest.mark.parametrize(("rows", "columns"), [(None, 4), (6, None), (0, 4), (6, 0)])
def test_no_image_size(tmp_path: Path, rows: int | None, columns: int | None) -> None:
    with pytest.raises(ImageFault) as fault:
        header(tmp_path, Rows=rows, Columns=columns)
    assert str(fault.value) == NO_SIZE


def test_odd_values_are_missing_values() -> None:
    dataset = radiograph()
    raw(dataset, "Rows", "US", b"\6\0\7\0")
    raw(dataset, "BitsStored", "US", b"")
    raw(dataset, "PatientAge", "AS", b"\xff\xfe\0\1")
    raw(dataset, "SeriesNumber", "IS", b"four")
    raw(dataset, "StudyTime", "TM", b"noon")
    raw(dataset, "ViewCodeSequence", "SQ", b"no sequence at all")
    raw(dataset, "PhotometricInterpretation", "CS", b"canary")
    raw(dataset, "Modality", "CS", b"canary")
    raw(dataset, "PatientSex", "CS", b"canary")
    found = read_header(dataset)
    assert (found.rows, found.bits_stored, found.age, found.sex) == (6, None, None, "")
    assert (found.series_number, found.study_time, found.view) == ("four", "", View())
    assert (found.photometric, found.modality, found.warnings) == ("", "", (NO_AGE,))


def test_ages_and_dates(tmp_path: Path) -> None:
    assert header(tmp_path, PatientAge="018M").age == 1
    assert header(tmp_path, PatientAge="093Y").age == 90
    born = header(tmp_path, PatientAge=None, PatientBirthDate="19580614")
    assert (born.age, born.warnings) == (61, ())
    assert header(tmp_path, PatientAge="").warnings == ()
    old = raw(raw(radiograph(), "StudyDate", "DA", b"2020.06.13"), "StudyTime", "TM", b"11:30:00")
    assert read_identity(old).study_date == "20200613"
    assert read_identity(old).study_time == "113000"


def test_a_study_without_date_has_that_of_its_series_or_image() -> None:
    dated = radiograph(
        StudyDate="", SeriesDate="not one", AcquisitionDate="20190101", AcquisitionTime="0815"
    )
    assert (read_identity(dated).study_date, read_identity(dated).study_time) == (
        "20190101",
        "081500",
    )
    assert read_identity(radiograph(StudyDate=None)).study_date == ""


def test_images_for_processing_are_named(tmp_path: Path) -> None:
    assert header(tmp_path, PresentationIntentType="FOR PROCESSING").warnings == (FOR_PROCESSING,)
    assert header(tmp_path, PresentationIntentType="FOR PRESENTATION").warnings == ()


def test_text_without_padding_and_rubbish() -> None:
    for value, expected in [
        (b"P1 ", "P1"),
        (b" P1\0", "P1"),
        (b"P1\0what was there before", "P1"),
        (b"P\t1\r\n", "P 1"),
        (b"P1\\P2", "P1\\P2"),
        (b"", ""),
        (b"\0\0", ""),
    ]:
        assert text(raw(Dataset(), "PatientID", "LO", value), "PatientID") == expected
        assert text(raw(Dataset(), "PatientID", None, value), "PatientID") == expected


def test_text_of_other_character_sets() -> None:
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    assert (
        text(raw(dataset, "PatientID", "LO", "M\u00fcller-1".encode()), "PatientID") == "Müller-1"
    )
    # Bytes that are none of the character set's: some text, and always the same.
    broken = text(raw(dataset, "PatientID", "LO", b"M\xfcller"), "PatientID")
    assert broken.startswith("M")
    assert broken == text(raw(dataset, "PatientID", "LO", b"M\xfcller"), "PatientID")
    unknown = Dataset()
    unknown.add_new("SpecificCharacterSet", "CS", "NO SUCH SET")
    assert text(raw(unknown, "PatientID", "LO", b"M\xfcller"), "PatientID").startswith("M")


def test_the_character_sets_of_pydicoms_files() -> None:
    files = [path for path in get_charset_files("*.dcm") if path.endswith(".dcm")]
    assert len(files) > 10
    for path in files:
        dataset = pydicom.dcmread(path, force=True)
        name = text(pydicom.dcmread(path, force=True), "PatientName")
        assert name == str(dataset.get("PatientName", "")).strip()


def test_values_that_are_already_converted() -> None:
    dataset = radiograph(PatientOrientation=["L", "F"], SeriesNumber=4, PixelSpacing=[0.2, 0.1])
    assert text(dataset, "PatientOrientation") == "L\\F"
    assert text(dataset, "SeriesNumber") == "4"
    assert text(dataset, "PixelSpacing") == "0.2\\0.1"
    assert text(dataset, "PatientName") == ""
    assert number(dataset, "Rows") == 6
    assert number(dataset, "NumberOfFrames") is None
    assert items(dataset, "ViewCodeSequence") == []
    with pytest.raises(ValueError, match="no DICOM attribute"):
        text(dataset, "PatientShoeSize")


def test_real_files(data_dir: Path) -> None:
    found = {}
    for path in sorted((data_dir / "dicom").glob("*.dcm")):
        dataset = open_dicom(path)
        one = read_header(dataset)
        found[one.photometric] = one
        assert (one.rows, one.columns, one.age, one.view.position) == (1024, 1024, 62, "PA")
        assert one.view.confidence == "stated"
        assert (one.spacing_x, one.transfer_syntax) == ("0.168", "JPEG Baseline")
        assert pixel_bytes(dataset)
    assert set(found) == {"MONOCHROME1", "MONOCHROME2"}


def test_transfer_syntaxes_are_named_from_the_list(tmp_path: Path) -> None:
    content = encoded(radiograph(), ImplicitVRLittleEndian)
    found = read_header(open_dicom(write(tmp_path / "file", content)))
    assert found.transfer_syntax == "Implicit VR Little Endian"
    dataset = open_dicom(tmp_path / "file")
    dataset.file_meta.TransferSyntaxUID = "1.2.826.0.1.3680043.8.498.77"
    assert read_header(dataset).transfer_syntax == "other"
