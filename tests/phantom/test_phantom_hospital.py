"""Who comes: every patient his own lot, prevalences kept, findings that come together."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest

from cxrmine.errors import UserError
from cxrmine.phantom.hospital import (
    PREVALENCES,
    HospitalSettings,
    draw_patient,
    patient_images,
    phantom_images,
)
from cxrmine.phantom.lesions import FINDINGS

PATIENTS = 1500


@pytest.fixture(scope="module")
def studies() -> np.ndarray:
    """Findings of many studies, 0 and 1."""
    settings = HospitalSettings(11)
    found = [
        [int(finding in study.findings) for finding in FINDINGS]
        for number in range(1, PATIENTS + 1)
        for study in draw_patient(settings, number).studies
    ]
    return np.array(found)


def test_prevalences_are_those_asked_for(studies: np.ndarray) -> None:
    for k, finding in enumerate(FINDINGS):
        share = PREVALENCES[finding]
        # Studies of a patient resemble each other: the deviation of patients, as the wider one.
        deviation = np.sqrt(share * (1 - share) / PATIENTS)
        assert abs(studies[:, k].mean() - share) < 4 * deviation


def test_findings_come_together(studies: np.ndarray) -> None:
    def lift(one: str, other: str) -> float:
        a, b = studies[:, FINDINGS.index(one)], studies[:, FINDINGS.index(other)]
        return float((a & b).mean() / (a.mean() * b.mean()))

    assert lift("Effusion", "Cardiomegaly") > 1.3
    assert lift("Infiltration", "Pneumonia") > 1.3
    assert lift("Mass", "Nodule") > 1.3
    assert lift("Mass", "Effusion") > 1.0
    # Many films show nothing, some show several findings.
    per_study = studies.sum(1)
    assert 0.25 < (per_study == 0).mean() < 0.5
    assert (per_study >= 3).mean() > 0.05


def test_prevalences_can_be_set() -> None:
    settings = HospitalSettings(5, prevalences={"Mass": 0.0, "Nodule": 0.5})
    found = [study.findings for n in range(1, 301) for study in draw_patient(settings, n).studies]
    assert not any("Mass" in one for one in found)
    assert 0.4 < np.mean(["Nodule" in one for one in found]) < 0.6


def test_a_patient_is_the_same_however_many_there_are() -> None:
    settings = HospitalSettings(3)
    assert draw_patient(settings, 17) == draw_patient(settings, 17)
    assert draw_patient(settings, 17) != draw_patient(settings, 18)
    assert draw_patient(HospitalSettings(4), 17).birth != draw_patient(settings, 17).birth
    few, many = (list(phantom_images(n, 3, 48)) for n in (3, 6))
    for one, other in zip(few, many, strict=False):
        np.testing.assert_array_equal(one.image, other.image)
        assert one[1:] == other[1:]
    assert [one.patient for one in few] == sorted(one.patient for one in few)
    assert few[-1].patient == 3


def test_time_goes_on_and_people_grow_older() -> None:
    settings, several = HospitalSettings(0), 0
    for number in range(1, 120):
        patient = draw_patient(settings, number)
        several += len(patient.studies) > 1
        assert [study.number for study in patient.studies] == list(range(len(patient.studies)))
        for one, other in pairwise(patient.studies):
            assert one.day < other.day
            assert one.age <= other.age
        for study in patient.studies:
            assert 17 <= study.age <= 101
            born_before = (patient.birth.month, patient.birth.day) > (
                study.day.month,
                study.day.day,
            )
            assert study.age == study.day.year - patient.birth.year - born_before
            assert study.view in ("PA", "AP")
            assert {film.pose.view for film in study.films} == {study.view}
    assert several > 20


def test_the_tuple_holds_image_labels_and_boxes() -> None:
    settings = HospitalSettings(1)
    boxes = 0
    for image, labels, found, number, age, sex, view, study, film in phantom_images(12, 1, 64):
        assert image.shape == (64, 64)
        assert image.dtype == np.uint8
        assert image.std() > 15
        there = draw_patient(settings, number).studies[study]
        assert [f for f, one in zip(FINDINGS, labels, strict=True) if one] == list(there.findings)
        assert {box.finding for box in found} <= set(there.findings)
        assert (age, view) == (there.age, there.view)
        assert sex in "MF"
        assert film < len(there.films)
        boxes += len(found)
    assert boxes > 5


def test_labels_do_not_depend_on_the_size_nor_on_the_difficulty() -> None:
    easy = HospitalSettings(2, "easy")
    hard = HospitalSettings(2, "hard")
    for number in range(1, 5):
        small = patient_images(draw_patient(easy, number), easy, 64)
        large = patient_images(draw_patient(hard, number), hard, 128)
        assert [one.labels for one in small] == [one.labels for one in large]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"seed": -1}, "--seed -1"),
        ({"difficulty": "brutal"}, "easy, standard, hard"),
        ({"prevalences": {"Hernia": 0.1}}, "no finding of the phantom; it has Atelectasis"),
        ({"prevalences": {"Mass": 1.0}}, "from 0 to 0.9"),
        ({"prevalences": {"Mass": float("nan")}}, "from 0 to 0.9"),
    ],
)
def test_wrong_settings_are_told(change: dict, told: str) -> None:
    with pytest.raises(UserError, match=told):
        HospitalSettings(**change)


def test_the_direct_door_needs_no_more_than_a_training_machine_has(tmp_path) -> None:  # type: ignore[no-untyped-def]
    missing = "spacy pydicom cv2 rapidfuzz pydantic defusedxml networkx jinja2 yaml sklearn pandas scipy torch"
    script = f"""
import sys
for name in {missing.split()!r}:
    sys.modules[name] = None
from pathlib import Path
from cxrmine.phantom.hospital import phantom_images
from cxrmine.phantom.dataset_out import write_phantom_dataset
from cxrmine.dataset.read import read_dataset
assert len(list(phantom_images(2, 0, 48))) >= 2
out = write_phantom_dataset(Path({str(tmp_path / "set")!r}), 10, size=48)
print(len(read_dataset(out, check_images=True).rows))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 10
