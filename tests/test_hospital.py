"""The test hospital writes what it says: standard-conforming files whose picture is the truth."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

pytest.importorskip("gdcm", reason="needs the extra [dicom]")

import pydicom

from drawn_chest import FINDINGS, draw_chest
from hospital import (
    STORAGES,
    Film,
    Storage,
    Written,
    canary_attributes,
    canary_oddities,
    make_faults,
    make_hospital,
    shown_by_pydicom,
    write_film,
)


def film(storage: Storage, **changes: object) -> Film:
    return Film("P1", "S1", "I1", "A1", "20200101", storage=storage, size=(96, 80), **changes)


@pytest.mark.parametrize("storage", STORAGES.values(), ids=STORAGES)
def test_pydicom_shows_the_picture_again(tmp_path, storage):
    written = Written(tmp_path / "film", film(storage, findings=("Nodule",)))
    write_film(written.path, written.film)
    grey = shown_by_pydicom(written.path, storage).astype(int)
    worst = np.abs(grey - written.grey.astype(int))[written.seen].max()
    assert worst <= storage.tolerance


@pytest.mark.parametrize("name", ["window", "signed", "jpeg_lossless_14", "jpeg_2000_signed"])
def test_values_below_and_above_the_window_occur(tmp_path, name):
    # A picture of middle greys would come back from a wrong window function too.
    storage = STORAGES[name]
    write_film(tmp_path / "film", film(storage))
    data = pydicom.dcmread(tmp_path / "film")
    values = data.pixel_array * storage.slope + storage.intercept
    half = data.WindowWidth / 2
    assert values.min() <= data.WindowCenter - half + 0.05 * data.WindowWidth
    assert values.max() >= data.WindowCenter + half - 0.1 * data.WindowWidth


@pytest.mark.parametrize("finding", FINDINGS)
@pytest.mark.parametrize("side", ["right", "left"])
def test_a_finding_changes_the_picture_in_its_box(finding, side):
    plain, none = draw_chest((160, 130), 3, noise=0)
    marked, ((name, (x, y, w, h)),) = draw_chest(
        (160, 130), 3, findings=[finding], side=side, noise=0
    )
    assert (none, name) == ((), finding)
    assert min(x, y) >= 0 < min(w, h)
    assert x + w <= 130
    assert y + h <= 160
    change = np.abs(marked - plain) > 0.04
    assert change.sum() > 12
    inside = np.zeros_like(change)
    inside[int(y) : int(y + h), int(x) : int(x + w)] = True
    assert (change & inside).sum() / change.sum() > 0.85


@pytest.fixture(scope="module")
def hospital(tmp_path_factory):
    return make_hospital(tmp_path_factory.mktemp("hospital"), patients=9, size=(48, 40), seed=5)


def test_the_truth_stands_in_the_files(hospital):
    for written in hospital.files:
        one = written.film
        data = pydicom.dcmread(written.path, force=True, stop_before_pixels=True)
        assert data.get("PatientID") == one.patient
        assert data.StudyInstanceUID == one.study_uid
        assert data.SOPInstanceUID == one.sop_uid
        assert data.AccessionNumber == one.accession
        assert data.get("StudyDate") == one.study_date
        assert data.PatientSex == one.sex


def test_all_that_an_archive_holds_is_there(hospital):
    images = hospital.of("image")
    assert {written.film.view for written in images} == {"PA", "AP", ""}
    assert {written.film.sex for written in images} == {"M", "F"}
    assert sum(len(films) > 1 for films in hospital.patients.values()) >= 4
    assert "" in hospital.patients
    assert {written.why for written in hospital.of("set aside")} == {
        "lateral",
        "body part",
        "burned in",
        "report page",
        "frames",
        "no image",
    }
    (copy,) = hospital.of("duplicate")
    assert copy.path.read_bytes() in [w.path.read_bytes() for w in images if w.why == "same uid"]
    assert len({written.path for written in hospital.files}) == len(hospital.files)
    on_disk = {path for path in hospital.folder.rglob("*") if path.is_file()}
    assert on_disk == {written.path for written in hospital.files}


def test_studies_are_not_written_in_the_order_of_time(hospital):
    dates = [
        [written.film.study_date for written in sorted(films, key=lambda w: w.path)]
        for films in hospital.patients.values()
    ]
    assert any(days != sorted(days) for days in dates)


def test_same_arguments_same_bytes(hospital, tmp_path):
    again = make_hospital(tmp_path, patients=9, size=(48, 40), seed=5)
    for ours, theirs in zip(hospital.files, again.files, strict=True):
        assert ours.path.read_bytes() == theirs.path.read_bytes()


def test_labels_and_boxes_are_written(hospital, tmp_path):
    hospital.write_labels(tmp_path / "labels.csv")
    head, *rows = (tmp_path / "labels.csv").read_text().splitlines()
    assert head == ",".join(["report_id", *FINDINGS, "No Finding"])
    accessions = {w.film.accession for w in hospital.of("image")} - {""}
    assert {row.split(",")[0] for row in rows} == accessions
    number = hospital.write_boxes_csv(tmp_path / "boxes.csv", lambda w: w.path.name)
    assert number == sum(len(w.film.findings) for w in hospital.of("image")) > 5
    assert hospital.write_boxes_xml(tmp_path / "xml", lambda w: w.path.name) == number


def every_text(data):
    """Every element's keyword or tag with its raw bytes, items of sequences too."""
    for element in data.iterall():
        value = element.value
        if isinstance(value, bytes):
            yield element.tag, value
        elif element.VR != "SQ":
            yield element.tag, str(value).encode()


def test_the_canary_is_everywhere(tmp_path):
    canary = "ZQXCANARY"
    hospital = make_hospital(tmp_path / canary, patients=1, size=(32, 24), canary=canary)
    assert canary in hospital.secrets
    texts = {"SH", "LO", "ST", "LT", "UT", "UC", "CS", "AE", "PN", "UR"}
    assert len(canary_attributes()) > 2000
    assert {vr for _, vr in canary_attributes()} >= texts
    assert {written.film.every_text for written in hospital.files} == {True, False}
    assert len(canary_attributes(every=False)) > 300
    for written in hospital.files:
        assert all(canary in part for part in written.path.relative_to(tmp_path).parts)
        data = pydicom.dcmread(written.path, force=True)
        held = {tag for tag, value in every_text(data) if canary.encode() in value}
        attributes = canary_attributes(every=written.film.every_text)
        wanted = {tag for tag, vr in attributes if vr in texts}
        wanted -= {pydicom.tag.Tag(keyword) for keyword in written.film.attributes}
        assert wanted <= held
        assert any(tag.is_private for tag in held)


def test_meant_attributes_hold_the_canary_in_a_film_of_its_own(tmp_path):
    oddities = canary_oddities(tmp_path, "ZQXCANARY")
    for written in oddities:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            data = pydicom.dcmread(written.path)
            assert "ZQXCANARY" in str(data.get_item(written.why).value)
    assert len(oddities) > 20


def test_a_canary_that_no_code_string_holds_is_refused(tmp_path):
    with pytest.raises(ValueError, match="capital letters"):
        make_hospital(tmp_path, patients=1, canary="canary")


def test_pydicom_reads_no_picture_from_the_faults(tmp_path):
    faults = make_faults(tmp_path)
    assert len({written.why for written in faults}) == len(faults) >= 20
    for written in faults:
        with pytest.raises(Exception):  # noqa: B017, PT011
            whole_picture(written.path)


def whole_picture(path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return pydicom.dcmread(path).pixel_array
