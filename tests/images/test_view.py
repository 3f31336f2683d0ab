"""Which images are frontal chest radiographs: evidence, its order, and what says nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_files import coded, radiograph
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.sr.codedict import codes
from pydicom.uid import SecondaryCaptureImageStorage

from cxrmine.images.faults import SetAside
from cxrmine.images.header_words import words
from cxrmine.images.projections import (
    FRONTAL,
    lies,
    mirrored,
    projection_of_code,
    projection_of_orientation,
    projection_of_position,
    projection_of_words,
)
from cxrmine.images.regions import region_of_body_part, region_of_code, region_of_text
from cxrmine.images.view import (
    BURNED_IN,
    MIRRORED,
    OTHER_MODALITIES,
    PART_DISAGREES,
    View,
    frontal_view,
)

# Setting an odd value warns; what reads it must not, which test_dicom_file.py tests.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def view(**attributes: Any) -> View:
    return frontal_view(radiograph(**attributes))


def cause(**attributes: Any) -> str:
    with pytest.raises(SetAside) as reason:
        frontal_view(radiograph(**attributes))
    return str(reason.value)


def test_nothing_said_is_kept() -> None:
    assert view() == View("", "unknown", "")
    assert frontal_view(Dataset()) == View()
    blank = {"ViewPosition": "", "BodyPartExamined": "", "PatientOrientation": "", "Modality": ""}
    assert view(**blank, ViewCodeSequence=Sequence(), SeriesDescription=" ") == View()


@pytest.mark.parametrize("position", ["PA", "AP"])
def test_view_position(position: str) -> None:
    assert view(ViewPosition=position) == View(position, "stated", "ViewPosition")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("position", "name"),
    [
        ("LL", "lateral"),
        ("RL", "lateral"),
        ("LATERAL", "lateral"),
        ("lat", "lateral"),
        ("LLAT", "lateral"),
        ("XTABLE LATERAL", "lateral"),
        ("LLD", "decubitus"),
        ("RLD", "decubitus"),
        ("AP LLD", "decubitus"),
        ("PA RLD", "decubitus"),
        ("LLO", "oblique"),
        ("RLO", "oblique"),
        ("RAO", "oblique"),
        ("LPO", "oblique"),
        ("OBLIQUE", "oblique"),
        ("AP AXIAL", "lordotic or axial"),
        ("LORDOTIC", "lordotic or axial"),
        ("SWIMMERS", "other"),
    ],
)
def test_view_positions_that_are_set_aside(position: str, name: str) -> None:
    assert cause(ViewPosition=position) == f"{name} view (by ViewPosition)"


@pytest.mark.parametrize(
    "position", ["", "UNKNOWN", "GENERIC", "2", "L", "ERECT", "L5 S1", "PA LAT"]
)
def test_view_positions_that_say_nothing(position: str) -> None:
    assert projection_of_position(position) is None
    assert view(ViewPosition=position) == View()


@pytest.mark.parametrize(
    ("position", "expected"),
    [
        ("POSTEROANTERIOR", "PA"),
        ("ANTEROPOSTERIOR", "AP"),
        ("Postero-Anterior", "PA"),
        ("antero_posterior", "AP"),
        ("P.A.", "PA"),
        ("a.p.", "AP"),
        ("AP SUPINE", "AP"),
        ("PA ERECT", "PA"),
        ("FRONTAL", "frontal"),
        ("AP/PA", "frontal"),
    ],
)
def test_other_spellings_of_frontal_positions(position: str, expected: str) -> None:
    assert projection_of_position(position) == expected


@pytest.mark.parametrize(
    ("code", "scheme", "expected"),
    [
        ("R-10206", "SRT", "AP"),
        ("R-10206", "SNM3", "AP"),
        ("399348003", "SCT", "AP"),
        ("R-10214", "SNM3", "PA"),
        ("R-40888", "SRT", "PA"),
        ("272479007", "SCT", "PA"),
    ],
)
def test_view_codes(code: str, scheme: str, expected: str) -> None:
    found = view(ViewCodeSequence=coded(code, scheme))
    assert found == View(expected, "stated", "ViewCodeSequence")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("code", "scheme", "name"),
    [
        ("399173006", "SCT", "lateral"),
        ("R-10236", "SRT", "lateral"),
        ("R-10232", "SNM3", "lateral"),
        ("R-102CD", "SRT", "lateral"),
        ("399135007", "SCT", "oblique"),
        ("399061009", "SCT", "lordotic or axial"),
    ],
)
def test_view_codes_that_are_set_aside(code: str, scheme: str, name: str) -> None:
    assert cause(ViewCodeSequence=coded(code, scheme)) == f"{name} view (by ViewCodeSequence)"


def test_every_view_of_context_group_4010() -> None:
    for keyword in codes.cid4010.dir():
        code = getattr(codes.cid4010, keyword)
        projection = projection_of_code(code.value)
        meaning = code.meaning.replace("-", " ")
        assert projection is not None, code
        if keyword in {"PosteroAnterior", "AnteroPosterior", "Frontal"}:
            assert projection in FRONTAL
        else:
            assert projection not in FRONTAL, code
        if "oblique" in meaning and "axial" not in meaning:
            assert projection == "oblique", code
        assert projection_of_words(meaning) in {projection, None}, code


def test_codes_of_other_schemes_are_read_by_their_words() -> None:
    # A code of somebody's own may be any string.
    assert view(ViewCodeSequence=coded("R-10236", "99HOUSE")) == View()
    assert view(ViewCodeSequence=coded("R-10236", "99HOUSE", "Chest PA")).position == "PA"
    assert cause(ViewCodeSequence=coded("1", "99HOUSE", "LAT")).startswith("lateral view")
    assert view(ViewCodeSequence=coded("", "")) == View()


def test_patient_orientation() -> None:
    assert view(PatientOrientation=["L", "F"]) == View("", "derived", "PatientOrientation")
    for rows in ("A", "P", "PH"):
        assert cause(PatientOrientation=[rows, "F"]) == "lateral view (by PatientOrientation)"
    # An oblique, a view from above, half a value, letters that are no directions.
    for value in (["AL", "F"], ["L", "P"], ["L", ""], ["", ""], ["X", "Y"], "L", ["F", "F"]):
        assert view(PatientOrientation=value) == View()
    assert projection_of_orientation("F\\A") == "lateral"


def test_a_mirrored_image_is_kept_and_named() -> None:
    found = view(ViewPosition="PA", PatientOrientation=["R", "F"])
    assert found == View("PA", "stated", "ViewPosition", (MIRRORED,))
    assert view(ViewPosition="PA", PatientOrientation=["L", "F"]).warnings == ()
    assert mirrored("L\\H")
    assert not mirrored("A\\F")


@pytest.mark.parametrize(
    ("described", "expected"),
    [
        ("view: PA", "PA"),
        ("CHEST_PA", "PA"),
        ("ThoraxPA2", "PA"),
        ("Thorax p.a.", "PA"),
        ("W Chest P.A.", "PA"),
        ("Tórax posteroanterior", "PA"),
        ("胸部后前位", "PA"),
        ("Chest AP portable", "AP"),
        ("Torace A-P", "AP"),
        ("胸部 前後", "AP"),
        ("THORAX DE FACE", "frontal"),
        ("Tórax frente", "frontal"),
        ("胸部正面", "frontal"),
        ("흉부 정면", "frontal"),
        ("CHEST PA/AP", "frontal"),
        ("LATERAL", "lateral"),
        ("W Chest Lat.", "lateral"),
        ("Chest LAT", "lateral"),
        ("Thorax seitl.", "lateral"),
        ("Thorax Profil", "lateral"),
        ("Tórax perfil", "lateral"),
        ("Torace latero-laterale", "lateral"),
        ("Torace LL", "lateral"),
        ("Thorax dwars", "lateral"),
        ("грудная клетка, боковая", "lateral"),
        ("胸部側面", "lateral"),
        ("胸部侧位", "lateral"),
        ("Chest left lateral decubitus", "decubitus"),
        ("Chest LPO", "oblique"),
        ("Tórax oblícua", "oblique"),
        ("Apical lordotic", "lordotic or axial"),
        ("PA and lateral", None),
        ("CHEST PA/LAT", None),
        ("Chest 2 views", None),
        ("Chest PA no lateral", "PA"),
        ("Chest without lateral", None),
        ("bilateral effusions", None),
        ("Unilateral", None),
        ("spa", None),
        ("Tórax decubito supino", None),
        ("A patient", None),
        ("", None),
    ],
)
def test_words(described: str, expected: str | None) -> None:
    assert projection_of_words(described) == expected


def test_descriptions() -> None:
    assert view(SeriesDescription="view: PA") == View("PA", "derived", "SeriesDescription")
    assert view(ProtocolName="Chest AP").source == "ProtocolName"
    assert cause(SeriesDescription="Chest Lat") == "lateral view (by SeriesDescription)"
    processing = {"AcquisitionDeviceProcessingDescription": "CHEST LAT"}
    assert cause(**processing, SeriesDescription="Chest 2 views").endswith(
        "(by AcquisitionDeviceProcessingDescription)"
    )


def test_bedside_images_are_ap() -> None:
    assert view(SeriesDescription="Chest portable") == View("AP", "derived", "SeriesDescription")
    assert view(ProtocolName="Thorax Bettaufnahme").position == "AP"
    assert view(SeriesDescription="Tórax decúbito supino").position == "AP"
    # What is said outright counts more, wherever it stands.
    assert view(SeriesDescription="Portable", ProtocolName="Chest PA").position == "PA"
    assert lies("床旁")
    assert not lies("Chest, port-a-cath in situ")


def test_what_names_the_whole_examination_is_not_read() -> None:
    whole = {"StudyDescription": "Chest lateral", "RequestedProcedureDescription": "Hand AP"}
    assert view(**whole) == View()


def test_the_order_of_the_evidence() -> None:
    lateral_code = coded("399173006", "SCT")
    found = view(ViewPosition="PA", ViewCodeSequence=lateral_code, SeriesDescription="CHEST AP")
    assert (found.position, found.confidence, found.source) == ("PA", "stated", "ViewPosition")
    assert found.warnings == (
        "ViewPosition says PA, ViewCodeSequence says lateral: ViewPosition counts",
        "ViewPosition says PA, SeriesDescription says AP: ViewPosition counts",
    )
    assert cause(ViewCodeSequence=lateral_code, SeriesDescription="PA").startswith("lateral")
    assert cause(ViewPosition="LL", SeriesDescription="PA").startswith("lateral")
    assert cause(PatientOrientation=["P", "F"], SeriesDescription="PA").startswith("lateral")


def test_a_frontal_orientation_is_the_weakest_evidence() -> None:
    # Many machines write L\F into laterals as well.
    assert cause(PatientOrientation=["L", "F"], SeriesDescription="LAT").startswith("lateral")
    found = view(PatientOrientation=["L", "F"], SeriesDescription="PA")
    assert found == View("PA", "derived", "SeriesDescription")


def test_a_frontal_view_gets_its_position_from_what_names_one() -> None:
    found = view(ViewPosition="FRONTAL", SeriesDescription="Chest AP")
    assert found == View("AP", "derived", "SeriesDescription")
    assert view(ViewPosition="FRONTAL") == View("", "stated", "ViewPosition")


@pytest.mark.parametrize("modality", ["OT", "SC", "DOC", "CT", "MG", "US", "XA", "PX"])
def test_other_modalities(modality: str) -> None:
    assert cause(Modality=modality) == f"modality {modality} is not radiography"


@pytest.mark.parametrize("modality", ["CR", "DX", "RG", "RF", "HC", "DR", "XR", "", "house"])
def test_modalities_that_stay(modality: str) -> None:
    assert modality not in OTHER_MODALITIES
    assert view(Modality=modality, ViewPosition="PA").position == "PA"


def test_neither_sop_class_nor_shape_decides() -> None:
    found = view(SOPClassUID=SecondaryCaptureImageStorage, Rows=100, Columns=300, ViewPosition="AP")
    assert found.position == "AP"


def test_burned_in_text() -> None:
    assert cause(BurnedInAnnotation="YES", ViewPosition="PA") == BURNED_IN
    assert view(BurnedInAnnotation="NO", ViewPosition="PA").position == "PA"


@pytest.mark.parametrize(
    "part",
    ["CHEST", "THORAX", "Tórax", "LUNG", "HEART", "CHESTABDOMEN", "CHEST_TO_PELVIS", "胸部",
     "ГРУДНОЙ", "", "UNKNOWN", "BODY", "MAIN"],
)  # fmt: skip
def test_parts_of_the_body_that_stay(part: str) -> None:
    assert view(BodyPartExamined=part, ViewPosition="PA") == View("PA", "stated", "ViewPosition")


@pytest.mark.parametrize(
    "part",
    ["HAND", "ABDOMEN", "KNEE", "CSPINE", "TSPINE", "THORACIC SPINE", "SHOULDER", "RIB", "SKULL",
     "PELVIS", "EXTREMITY", "BREAST", "Rodilla", "Épaule", "HWS", "PHANTOM", "腹部"],
)  # fmt: skip
def test_other_parts_of_the_body(part: str) -> None:
    expected = "another part of the body (by BodyPartExamined)"
    assert cause(BodyPartExamined=part, ViewPosition="AP") == expected


def test_anatomic_region_codes() -> None:
    assert view(AnatomicRegionSequence=coded("T-D3000", "SRT")) == View()
    assert view(AnatomicRegionSequence=coded("816094009", "SCT")) == View()
    expected = "another part of the body (by AnatomicRegionSequence)"
    assert cause(AnatomicRegionSequence=coded("T-D8700", "SRT")) == expected
    assert cause(AnatomicRegionSequence=coded("1", "99HOUSE", "Left knee")) == expected


def test_every_region_of_context_group_4009_that_is_known_agrees_with_its_words() -> None:
    known = 0
    for keyword in codes.cid4009.dir():
        code = getattr(codes.cid4009, keyword)
        by_code, by_words = region_of_code(code.value), region_of_body_part(code.meaning)
        if by_code and by_words:
            known += 1
            assert by_code == by_words, code
    assert known > 40


def test_parts_named_in_descriptions_only() -> None:
    assert cause(SeriesDescription="Rodilla AP") == (
        "another part of the body (by SeriesDescription)"
    )
    assert region_of_text("Chest AP, left arm raised") == "chest"
    for harmless in ("AP, head up 30", "AP supine, neck collar", "PA arms up", "ap main"):
        assert region_of_text(harmless) is None, harmless


def test_a_disputed_part_is_kept_and_named() -> None:
    # The part comes from a list that nobody changes back.
    found = view(BodyPartExamined="SKULL", SeriesDescription="Chest PA")
    assert (found.position, found.warnings) == ("PA", (PART_DISAGREES,))
    found = view(BodyPartExamined="CHEST", SeriesDescription="Abdomen AP")
    assert (found.position, found.warnings) == ("AP", (PART_DISAGREES,))


@given(
    st.dictionaries(
        st.sampled_from(
            ["Modality", "ViewPosition", "SeriesDescription", "ProtocolName", "BodyPartExamined"]
        ),
        st.lists(
            st.sampled_from(
                "canary PA LAT chest knee 側面 no portable LL AXIAL OT 7 décubito".split()
            ),
            max_size=4,
        ).map(" ".join),
    )
)
def test_outputs_are_of_closed_lists(attributes: dict[str, str]) -> None:
    dataset = radiograph()
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    try:
        found = frontal_view(dataset)
    except SetAside as reason:
        shown = str(reason)
    else:
        assert found.position in ("PA", "AP", "")
        assert (found.confidence == "unknown") == (found.source == "")
        shown = f"{found.source} {found.warnings}"
    assert "canary" not in shown.lower()
    assert shown.isascii()


def test_comparable_words() -> None:
    assert words("Épaule_gauche, ThoraxPA 2") == ("EPAULE", "GAUCHE", "THORAX", "PA")
    assert words("") == ()


def test_of_a_text_of_many_kilobytes_only_the_beginning_is_read() -> None:
    assert len(words("PA " * 20_000)) == 342
    assert frontal_view(radiograph(SeriesDescription="Thorax PA " + "x " * 30_000)).position == "PA"
