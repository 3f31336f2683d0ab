"""DICOM files that show the drawn picture again to whoever follows the standard."""

from __future__ import annotations

import io

import numpy as np
import pytest

from cxrmine.phantom.dicom_out import (
    MACHINES,
    Machine,
    dicom_bytes,
    machine_of,
    make_uid,
    stored_values,
)
from cxrmine.phantom.hospital import HospitalSettings, draw_patient
from cxrmine.phantom.radiograph import take_film, take_lateral

pydicom = pytest.importorskip("pydicom")

PATIENT = draw_patient(HospitalSettings(8), 4)


def written(seed: int, view: str):  # type: ignore[no-untyped-def]
    from dataclasses import replace

    study = replace(PATIENT.studies[0], seed=seed, view=view)
    picture, _ = take_film(PATIENT.build, study.films[0], study.lesions, rows=96, columns=80)
    data = dicom_bytes(
        picture,
        PATIENT,
        study,
        accession="PH000004S00",
        patient_id="PH000004",
        name=f"{seed}.dcm",
        view=view,
        number=1,
    )
    return pydicom.dcmread(io.BytesIO(data)), picture, machine_of(seed, view)


CASES = [(seed, view) for view in ("PA", "AP") for seed in range(10)]


def test_every_machine_is_in_use() -> None:
    assert {machine_of(seed, view) for seed, view in CASES} == set(MACHINES)
    share = np.mean([machine_of(seed, view).photometric == "MONOCHROME1" for seed, view in CASES])
    assert 0.05 <= share <= 0.3


@pytest.mark.parametrize(("seed", "view"), [(0, "PA"), (2, "PA"), (3, "PA"), (4, "PA"), (0, "AP")])
def test_the_standard_gives_the_picture_back(seed: int, view: str) -> None:
    from pydicom.pixels import apply_voi_lut

    data, picture, machine = written(seed, view)
    assert data.BitsStored == 12
    assert data.PhotometricInterpretation == machine.photometric
    assert data.pixel_array.max() <= 4095
    assert (data.Rows, data.Columns) == picture.shape
    # pydicom spreads a window over the whole range of the stored type.
    shown = apply_voi_lut(data.pixel_array, data, index=0) / 4095 * 255
    if machine.photometric == "MONOCHROME1":
        shown = 255 - shown
    off = np.abs(shown - 255 * np.clip(picture, 0, 1))
    assert off.max() <= 1


def test_films_hold_more_than_their_window_shows() -> None:
    picture = np.linspace(-0.3, 1.3, 500, dtype=np.float32).reshape(20, 25)
    for machine in MACHINES:
        cells, centre, width = stored_values(picture, machine)
        assert cells.dtype == np.uint16
        assert cells.max() <= 4095
        order = -1 if machine.photometric == "MONOCHROME1" else 1
        steps = np.diff(cells.ravel().astype(int)) * order
        assert (steps >= 0).all()
        if machine.function == "LINEAR":
            assert cells.min() < centre - width / 2
            assert cells.max() > centre + width / 2


def test_the_header_names_the_study() -> None:
    data, _, _ = written(3, "PA")
    study = PATIENT.studies[0]
    assert data.AccessionNumber == "PH000004S00"
    assert data.PatientID == "PH000004"
    assert data.PatientSex == PATIENT.sex
    assert int(data.PatientAge[:3]) == study.age
    assert data.StudyDate == f"{study.day:%Y%m%d}"
    assert data.ViewPosition == "PA"
    assert data.StudyInstanceUID == make_uid("study", "PH000004S00")
    assert len(data.SOPInstanceUID) <= 64
    assert written(3, "PA")[0] == data


def test_the_pipeline_reads_a_lateral_as_one() -> None:
    study = PATIENT.studies[0]
    picture = take_lateral(PATIENT.build, study.films[0], rows=64, columns=64)
    data = dicom_bytes(
        picture,
        PATIENT,
        study,
        accession="A",
        patient_id="P",
        name="L.dcm",
        view="LL",
        number=2,
    )
    assert pydicom.dcmread(io.BytesIO(data)).ViewPosition == "LL"


def test_machines_keep_their_windows_inside_12_bits() -> None:
    for machine in MACHINES:
        assert isinstance(machine, Machine)
        assert 0 < machine.low < machine.high < 4095
