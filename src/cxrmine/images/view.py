"""Whether a DICOM image is a frontal view of the chest, and which: PA, AP, or not stated.

An image is set aside only where something in its header says that it is none: headers leave
things out more often than not, and a chest X-ray without View Position is still one. Neither the
SOP class nor the shape of the image decides: old frontal images come as Secondary Capture, and
large patients are radiographed in landscape.

Where attributes disagree, the order is ViewPosition, ViewCodeSequence, PatientOrientation, then
the words of series and protocol: from what is chosen for one exposure to what names a whole
series. PatientOrientation counts only where it says lateral, and as the last of all where it says
frontal: many machines write ``L\\F`` into every image. What asks for the whole examination
(StudyDescription, RequestedProcedureDescription) is not read: "PA and lateral" says nothing of one
image, and what was ordered is not always what was done.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from pydicom.dataset import Dataset

from cxrmine.images.elements import items, text
from cxrmine.images.faults import SetAside
from cxrmine.images.projections import (
    FRONTAL,
    Projection,
    lies,
    mirrored,
    projection_of_code,
    projection_of_orientation,
    projection_of_position,
    projection_of_words,
)
from cxrmine.images.regions import (
    Region,
    region_of_body_part,
    region_of_code,
    region_of_text,
)

Position = Literal["PA", "AP", ""]
Confidence = Literal["stated", "derived", "unknown"]

#: Other modalities than projection radiography (PS3.3 C.7.3.1.1.1, retired terms included).
#: Computed and digital radiography (CR, DX), radiographic film (RG), hard copies of film (HC) and
#: radiofluoroscopy (RF: such rooms take chest radiographs too) stay, as does any code that is not
#: in the standard: makers have their own for radiography ("DR", "XR").
OTHER_MODALITIES = frozenset(
    "AR AS ASMT AU BDUS BI BMD CD CF CFM CP CS CT CTPROTOCOL DD DF DG DM DMS DOC DS EC ECG EEG "
    "EMG EOG EPS ES FA FID FS GM HD IO IOL IVOCT IVUS KER KO LEN LP LS M3D MA MG MR MS NEARIR NM "
    "OAM OCT OP OPM OPT OPTBSV OPTENF OPV OSS OT PA PLAN POS PR PT PX REG RESP RTDOSE RTIMAGE "
    "RTINTENT RTPLAN RTRAD RTRECORD RTSEGANN RTSTRUCT RWV SC SEG SM SMR SR SRF ST STAIN TEXTUREMAP "
    "TG US VA VF XA XAPROTOCOL XC".split()
)

BURNED_IN = "text burned into the image (by BurnedInAnnotation)"
MIRRORED = "PatientOrientation says that the image is mirrored or turned: it is kept as it is"
PART_DISAGREES = "the coded part of the body and the description disagree: the image is kept"

# The words of one series, from what names the exposure to what names the series. Where a code
# sequence has words only, they are read as well.
_DESCRIPTIONS = (
    ("AcquisitionDeviceProcessingDescription", "AcquisitionDeviceProcessingDescription"),
    ("SeriesDescription", "SeriesDescription"),
    ("ProtocolName", "ProtocolName"),
)
_CODE_SCHEMES = frozenset({"", "SCT", "SRT", "SNM3", "SNM", "99SDM"})


@dataclass(frozen=True, slots=True)
class View:
    """What a header says of an image's view.

    Parameters
    ----------
    position : str
        ``PA``, ``AP`` or blank.
    confidence : str
        ``stated`` by a coded attribute (ViewPosition, ViewCodeSequence), ``derived`` from
        orientation or words, ``unknown`` where nothing says that the view is a frontal one.
    source : str
        The attribute that says so; blank for ``unknown``.
    warnings : tuple of str
        What disagreed, in words of our own.
    """

    position: Position = ""
    confidence: Confidence = "unknown"
    source: str = ""
    warnings: tuple[str, ...] = ()


class _Statement(NamedTuple):
    source: str
    projection: Projection
    confidence: Confidence


def frontal_view(dataset: Dataset) -> View:
    """Return the view of an image that is, or may be, a frontal chest radiograph.

    Parameters
    ----------
    dataset : pydicom.Dataset
        The header.

    Raises
    ------
    SetAside
        If the header says that it is something else: another modality, part of the body or
        projection, or an image with text burned into it. The message names the evidence.
    """
    modality = text(dataset, "Modality").upper()
    if modality in OTHER_MODALITIES:
        raise SetAside(f"modality {modality} is not radiography")
    if text(dataset, "BurnedInAnnotation").upper() == "YES":
        raise SetAside(BURNED_IN)
    warnings = list(_check_region(dataset))

    statements = list(_statements(dataset))
    if not statements:
        return View(warnings=tuple(warnings))
    first = statements[0]
    if first.projection not in FRONTAL:
        raise SetAside(f"{first.projection} view (by {first.source})")

    position = next((one for one in statements if one.projection in ("PA", "AP")), None)
    decided = position or first
    for other in statements:
        if _disagree(decided.projection, other.projection):
            warnings.append(
                f"{decided.source} says {decided.projection}, {other.source} says "
                f"{other.projection}: {decided.source} counts"
            )
    if mirrored(text(dataset, "PatientOrientation")):
        warnings.append(MIRRORED)
    return View(
        position="PA" if decided.projection == "PA" else "AP" if position else "",
        confidence=decided.confidence,
        source=decided.source,
        warnings=tuple(dict.fromkeys(warnings)),
    )


def _disagree(one: Projection, other: Projection) -> bool:
    if other in FRONTAL:
        return other not in ("frontal", one)
    return True


def _statements(dataset: Dataset) -> Iterator[_Statement]:
    """Yield what each attribute says of the projection, in the order in which they count."""
    stated = projection_of_position(text(dataset, "ViewPosition"))
    if stated is not None:
        yield _Statement("ViewPosition", stated, "stated")
    for item in items(dataset, "ViewCodeSequence")[:1]:
        coded = _of_code(item)
        if coded is not None:
            yield _Statement("ViewCodeSequence", coded, "stated")
    turned = projection_of_orientation(text(dataset, "PatientOrientation"))
    if turned == "lateral":
        yield _Statement("PatientOrientation", turned, "derived")
    lying = ""
    for keyword, source in _DESCRIPTIONS:
        described = text(dataset, keyword)
        if not described:
            continue
        named = projection_of_words(described)
        if named is not None:
            yield _Statement(source, named, "derived")
        elif lies(described) and not lying:
            lying = source
    if lying:
        yield _Statement(lying, "AP", "derived")
    if turned == "frontal":
        yield _Statement("PatientOrientation", turned, "derived")


def _of_code(item: Dataset) -> Projection | None:
    if text(item, "CodingSchemeDesignator").upper() in _CODE_SCHEMES:
        coded = projection_of_code(text(item, "CodeValue"))
        if coded is not None:
            return coded
    return projection_of_words(text(item, "CodeMeaning"))


def _check_region(dataset: Dataset) -> Iterator[str]:
    """Raise SetAside for another part of the body; yield a warning where it is disputed."""
    examined = region_of_body_part(text(dataset, "BodyPartExamined"))
    source = "BodyPartExamined"
    if examined is None:
        source = "AnatomicRegionSequence"
        for item in items(dataset, "AnatomicRegionSequence")[:1]:
            examined = _region_of_item(item)
    described: Region | None = None
    for keyword, name in _DESCRIPTIONS:
        named = region_of_text(text(dataset, keyword))
        if named is not None:
            if examined is None:
                source = name
            described = named
            break
    region = examined or described
    if examined and described and examined != described:
        # Machines offer a list of parts and keep the last or the first of it, so a wrong part is
        # common (Güld et al., SPIE 2002); a protocol is chosen for the exposure.
        yield PART_DISAGREES
    elif region == "other":
        raise SetAside(f"another part of the body (by {source})")


def _region_of_item(item: Dataset) -> Region | None:
    if text(item, "CodingSchemeDesignator").upper() in _CODE_SCHEMES:
        coded = region_of_code(text(item, "CodeValue"))
        if coded is not None:
            return coded
    return region_of_body_part(text(item, "CodeMeaning"))
