"""What is taken from a DICOM header: these attributes and no others.

`Identity` stays in the private crosswalk. What `Header` adds may go into the data set: numbers,
and words from closed lists, never text as it stands in the file.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pydicom.dataset import Dataset

from cxrmine.images.demographics import age_years, clean_date, clean_time, pixel_spacing, sex
from cxrmine.images.dicom_file import quiet_pydicom
from cxrmine.images.elements import number, text
from cxrmine.images.faults import ImageFault
from cxrmine.images.transfer_syntaxes import transfer_syntax_name
from cxrmine.images.view import View, frontal_view

NO_SIZE = "no image size in the header (Rows, Columns)"
FOR_PROCESSING = "the image is not for presentation (FOR PROCESSING): its grey is the detector's"
NO_AGE = "the age in the header is impossible"

#: Modalities of radiography; any other that gets here is one of a maker's own.
_MODALITIES = frozenset({"CR", "DX", "RG", "RF", "HC", "DR", "XR"})
_PHOTOMETRICS = frozenset(
    {
        "MONOCHROME1",
        "MONOCHROME2",
        "PALETTE COLOR",
        "RGB",
        "YBR_FULL",
        "YBR_FULL_422",
        "YBR_PARTIAL_420",
        "YBR_ICT",
        "YBR_RCT",
    }
)
# A study without a date has one of its series or images, which is the same day.
_DATES = (
    ("StudyDate", "StudyTime"),
    ("SeriesDate", "SeriesTime"),
    ("AcquisitionDate", "AcquisitionTime"),
    ("ContentDate", "ContentTime"),
)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who and what an image is of; private, and not shown when the object is printed.

    All are text without padding, blank where the file has none. Dates are ``YYYYMMDD``, times
    ``HHMMSS`` with or without a fraction, both blank where they are not in the calendar.
    """

    patient_id: str = field(repr=False)
    issuer: str = field(repr=False)
    study_uid: str = field(repr=False)
    series_uid: str = field(repr=False)
    sop_uid: str = field(repr=False)
    accession: str = field(repr=False)
    study_date: str = field(repr=False)
    study_time: str = field(repr=False)
    series_number: str = field(repr=False)
    instance_number: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Header(Identity):
    """A header's identity, and what of it may be published.

    Parameters
    ----------
    age : int, optional
        In whole years at the study; 90 stands for all ages from 90 on.
    sex : str
        ``M``, ``F``, ``O`` or blank.
    view : View
    rows, columns : int
        Height and width of the image, in pixels.
    spacing_x, spacing_y : str
        Of its pixels, in mm, as decimal text; blank where unknown.
    photometric : str
        Photometric interpretation; blank for one that is not in the standard.
    bits_stored : int, optional
    transfer_syntax : str
        A name of `cxrmine.images.transfer_syntaxes`.
    modality : str
        ``CR``, ``DX``, ``RG``, ``RF``, ``HC``, or ``DR`` and ``XR`` of some makers; blank for
        any other.
    warnings : tuple of str
        What was odd, in words of our own.
    """

    age: int | None
    sex: str
    view: View
    rows: int
    columns: int
    spacing_x: str
    spacing_y: str
    photometric: str
    bits_stored: int | None
    transfer_syntax: str
    modality: str
    warnings: tuple[str, ...] = ()


def read_identity(dataset: Dataset) -> Identity:
    """Return who and what an image is of; never fails, missing attributes are blank."""
    with quiet_pydicom():
        return Identity(**_identity(dataset))


def read_header(dataset: Dataset) -> Header:
    """Return what is taken from the header of a frontal chest radiograph.

    Raises
    ------
    SetAside
        If the header says that the image is something else (`cxrmine.images.view`).
    ImageFault
        If the header gives no image size.
    """
    with quiet_pydicom():
        view = frontal_view(dataset)
        rows, columns = number(dataset, "Rows"), number(dataset, "Columns")
        if not rows or not columns or rows < 0 or columns < 0:
            raise ImageFault(NO_SIZE)
        identity = _identity(dataset)
        stated_age = text(dataset, "PatientAge")
        age = age_years(stated_age, text(dataset, "PatientBirthDate"), identity["study_date"])
        spacing_x, spacing_y = pixel_spacing(dataset)
        photometric = text(dataset, "PhotometricInterpretation").upper()
        modality = text(dataset, "Modality").upper()
        warnings = list(view.warnings)
        if stated_age and age is None:
            warnings.append(NO_AGE)
        if text(dataset, "PresentationIntentType").upper() == "FOR PROCESSING":
            warnings.append(FOR_PROCESSING)
        return Header(
            **identity,
            age=age,
            sex=sex(text(dataset, "PatientSex")),
            view=view,
            rows=rows,
            columns=columns,
            spacing_x=spacing_x,
            spacing_y=spacing_y,
            photometric=photometric if photometric in _PHOTOMETRICS else "",
            bits_stored=number(dataset, "BitsStored"),
            transfer_syntax=_transfer_syntax(dataset),
            modality=modality if modality in _MODALITIES else "",
            warnings=tuple(warnings),
        )


def _identity(dataset: Dataset) -> dict[str, str]:
    date, time = _study_time(dataset)
    return {
        "patient_id": text(dataset, "PatientID"),
        "issuer": text(dataset, "IssuerOfPatientID"),
        "study_uid": text(dataset, "StudyInstanceUID"),
        "series_uid": text(dataset, "SeriesInstanceUID"),
        "sop_uid": text(dataset, "SOPInstanceUID"),
        "accession": text(dataset, "AccessionNumber"),
        "study_date": date,
        "study_time": time,
        "series_number": text(dataset, "SeriesNumber"),
        "instance_number": text(dataset, "InstanceNumber"),
    }


def _study_time(dataset: Dataset) -> tuple[str, str]:
    for date_keyword, time_keyword in _DATES:
        date = clean_date(text(dataset, date_keyword))
        if date:
            return date, clean_time(text(dataset, time_keyword))
    return "", clean_time(text(dataset, "StudyTime"))


def _transfer_syntax(dataset: Dataset) -> str:
    meta = getattr(dataset, "file_meta", None)
    return transfer_syntax_name(str(meta.get("TransferSyntaxUID", "")) if meta is not None else "")
