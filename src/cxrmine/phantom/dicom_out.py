"""Drawn films as 12-bit DICOM files, stored as different makers' machines store them."""

from __future__ import annotations

import hashlib
import io
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cxrmine.phantom.canvas import Picture
from cxrmine.phantom.hospital import Patient, Study

_BITS = 12
_HIGHEST = (1 << _BITS) - 1
_CR = "1.2.840.10008.5.1.4.1.1.1"
_DX = "1.2.840.10008.5.1.4.1.1.1.1"
_EXPLICIT = "1.2.840.10008.1.2.1"
_IMPLICIT = "1.2.840.10008.1.2"
#: The width of what a film shows, in mm.
_WIDTH_MM = 380.0


@dataclass(frozen=True, slots=True)
class Machine:
    """How a machine stores its films.

    Parameters
    ----------
    name : str
    sop_class : str
        UID: Computed Radiography or Digital X-Ray.
    photometric : str
        ``MONOCHROME2`` (high values bright) or ``MONOCHROME1`` (high values dark).
    function : str
        VOI LUT Function: ``LINEAR`` or ``SIGMOID``.
    windows : int
        The first is the one to use.
    syntax : str
        Transfer syntax UID; both are uncompressed.
    low, high : int
        Stored values between which the window lies; outside them is what the film shows as plain
        black or white.
    """

    name: str
    sop_class: str = _CR
    photometric: str = "MONOCHROME2"
    function: str = "LINEAR"
    windows: int = 1
    syntax: str = _EXPLICIT
    low: int = 500
    high: int = 3600


#: One in five films is MONOCHROME1.
MACHINES = (
    Machine("cassette"),
    Machine("cassette, inverse", photometric="MONOCHROME1", low=350, high=3300),
    Machine("flat panel", sop_class=_DX, low=800, high=3900),
    Machine("flat panel, sigmoid", sop_class=_DX, function="SIGMOID", low=300, high=3800),
    Machine("portable", windows=2, syntax=_IMPLICIT, low=700, high=3000),
)


def make_uid(*parts: str) -> str:
    """Return a UID that the parts decide (PS3.5 B.2: 2.25 and a number of 128 bits)."""
    digest = hashlib.sha256("\x1f".join(parts).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:16], 'big')}"


def stored_values(picture: Picture, machine: Machine) -> tuple[NDArray[np.uint16], float, float]:
    """Return the cells that a machine stores for a picture, and its window.

    Whoever follows the standard sees ``255 · picture`` again, to within 1 grey level. Each case solves the standard's function for the stored value.

    Parameters
    ----------
    picture : ndarray of float32
        About in [0, 1], dense bright; what lies outside becomes values outside the window.
    machine : Machine

    Returns
    -------
    cells : ndarray of uint16
        12 bits.
    centre, width : float
        Of the window.

    Notes
    -----
    PS3.3 C.11.2.1.2.1 (LINEAR), C.11.2.1.3.1 (SIGMOID), C.7.6.3.1.2 (MONOCHROME1).
    """
    y = 1 - picture if machine.photometric == "MONOCHROME1" else picture
    centre, width = (machine.low + machine.high) / 2, float(machine.high - machine.low)
    if machine.function == "SIGMOID":
        # A steep middle, so that both tails of the curve lie inside 12 bits.
        width /= 3
        inside = np.clip(y, np.float32(0.002), np.float32(0.998))
        values: NDArray[np.floating] = centre - width / 4 * np.log(1 / inside - 1)
    else:
        values = machine.low + y * width
        centre, width = centre + 0.5, width + 1
    return np.clip(np.rint(values), 0, _HIGHEST).astype(np.uint16), centre, width


def machine_of(seed: int, view: str) -> Machine:
    """Return the machine of a study: portable films have theirs, the others are dealt out."""
    if view == "AP":
        return MACHINES[(4, 4, 1, 2)[seed % 4]]
    return MACHINES[(0, 0, 1, 2, 3)[seed % 5]]


def dicom_bytes(
    picture: Picture,
    patient: Patient,
    study: Study,
    *,
    accession: str,
    patient_id: str,
    name: str,
    view: str,
    number: int,
) -> bytes:
    """Return a film as a DICOM file.

    Parameters
    ----------
    picture : ndarray of float32
        See `stored_values`.
    patient, study
        Whose film it is.
    accession, patient_id : str
        As the reports and tables call them.
    name : str
        Of the file; decides the SOP Instance UID.
    view : str
        ``PA``, ``AP`` or ``LL``.
    number : int
        Of the film in its study, from 1.
    """
    from pydicom.dataset import Dataset, FileMetaDataset

    machine = machine_of(study.seed, study.view)
    cells, centre, width = stored_values(picture, machine)
    data = Dataset()
    data.SpecificCharacterSet = "ISO_IR 192"
    data.ImageType = ["ORIGINAL", "PRIMARY"]
    data.SOPClassUID = machine.sop_class
    data.SOPInstanceUID = make_uid("instance", name)
    data.StudyDate = data.SeriesDate = data.ContentDate = f"{study.day:%Y%m%d}"
    data.StudyTime = f"{8 + study.seed % 10:02d}{study.seed % 60:02d}00"
    data.AccessionNumber = accession
    data.Modality = "DX" if machine.sop_class == _DX else "CR"
    data.Manufacturer = f"cxrmine phantom ({machine.name})"
    data.InstitutionName = "Synthetic hospital"
    data.StudyDescription = "Chest"
    data.PatientName = f"Phantom^P{patient.number:06d}"
    data.PatientID = patient_id
    data.PatientBirthDate = f"{patient.birth:%Y%m%d}"
    data.PatientSex = patient.sex
    data.PatientAge = f"{study.age:03d}Y"
    data.BodyPartExamined = "CHEST"
    data.ViewPosition = view
    data.StudyInstanceUID = make_uid("study", accession)
    data.SeriesInstanceUID = make_uid("series", accession, view)
    data.SeriesNumber = 1 if view != "LL" else 2
    data.InstanceNumber = number
    data.SamplesPerPixel = 1
    data.PhotometricInterpretation = machine.photometric
    data.Rows, data.Columns = cells.shape
    # The chest was stretched to the film, so that spacings differ.
    data.ImagerPixelSpacing = [f"{_WIDTH_MM / side:.6f}" for side in cells.shape]
    data.BitsAllocated, data.BitsStored, data.HighBit = 16, _BITS, _BITS - 1
    data.PixelRepresentation = 0
    if machine.sop_class == _DX:
        inverse = machine.photometric == "MONOCHROME1"
        data.PresentationLUTShape = "INVERSE" if inverse else "IDENTITY"
    centres, widths = [f"{centre:.10g}"], [f"{width:.10g}"]
    if machine.windows > 1:
        # A second one for the bones; the first is what the film is to be shown with.
        centres.append(f"{centre + width / 3:.10g}")
        widths.append(f"{math.floor(width / 3)}")
        data.WindowCenterWidthExplanation = ["NORMAL", "BONE"]
    data.WindowCenter, data.WindowWidth = centres, widths
    if machine.function != "LINEAR":
        data.VOILUTFunction = machine.function
    data.add_new("PixelData", "OW", cells.astype("<u2").tobytes())

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = data.SOPClassUID
    meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    meta.TransferSyntaxUID = machine.syntax
    meta.ImplementationClassUID = make_uid("implementation")
    data.file_meta = meta
    buffer = io.BytesIO()
    data.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
