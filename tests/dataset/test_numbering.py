"""Patients and images keep their names for good, and the names say nothing."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from cxrmine.dataset.numbering import (
    NO_PATIENT_ID,
    OTHER_PIXELS,
    TWO_ISSUERS,
    Found,
    Numbering,
    number_images,
)
from cxrmine.dataset.private import PrivateFolder
from cxrmine.errors import UserError


def found(number: int, patient: str, date: str = "20200101", **more: str) -> Found:
    uid = f"1.2.{number}"
    values = {
        "source": f"f{number}.dcm",
        "sha256": f"pixels {number}",
        "issuer": "",
        "study_uid": f"1.9.{patient}.{date}",
        "series_uid": "1.8",
        "sop_uid": uid,
        "accession": "",
        "study_date": date,
        "study_time": "",
        "series_number": "1",
        "instance_number": "1",
    }
    return Found(number=number, patient_id=patient, **{**values, **more})


@pytest.fixture
def private(tmp_path: Path) -> PrivateFolder:
    folder = PrivateFolder(tmp_path / "key")
    folder.prepare(tmp_path / "out")
    return folder


def names(numbering: Numbering) -> dict[str, str]:
    return {image.found.source: image.image_index for image in numbering.images}


def test_images_are_named_by_patient_and_time(private: PrivateFolder) -> None:
    images = [
        found(1, "A", "20200301"),
        found(2, "A", "20200101"),
        found(3, "A", "20200101", instance_number="2"),
    ]
    numbering = number_images(images, private)
    assert names(numbering) == {
        "f2.dcm": "00000001_000.png",
        "f3.dcm": "00000001_001.png",
        "f1.dcm": "00000001_002.png",
    }
    assert [(i.follow_up, i.study_day) for i in numbering.images] == [(0, 0), (0, 0), (1, 60)]


def test_the_order_of_the_numbers_says_nothing_of_the_ids(tmp_path: Path) -> None:
    orders = set()
    for attempt in range(12):
        private = PrivateFolder(tmp_path / f"key{attempt}")
        private.prepare(tmp_path / "out")
        numbering = number_images([found(i, f"P{i:03d}") for i in range(8)], private)
        orders.add(tuple(i.found.patient_id for i in numbering.images))
    assert len(orders) > 8  # each key has an order of its own


def test_who_has_a_name_keeps_it(private: PrivateFolder) -> None:
    first = [found(i, f"P{i % 5}", f"2020{1 + i:02d}01") for i in range(10)]
    before = names(number_images(first, private))
    earlier_study = found(90, "P1", "20190101")
    more = [earlier_study, *first, *(found(20 + i, f"N{i}") for i in range(6))]
    random.Random(1).shuffle(more)
    numbering = number_images(more, private)
    after = names(numbering)
    assert {source: after[source] for source in before} == before
    assert len(set(after.values())) == len(more)
    by_source = {image.found.source: image for image in numbering.images}
    # The study that came to light later is the patient's first in time, by a negative offset.
    assert by_source["f90.dcm"].follow_up == 0
    assert by_source["f90.dcm"].study_day is not None
    assert by_source["f90.dcm"].study_day < 0


def test_numbers_do_not_depend_on_the_order_of_files(tmp_path: Path) -> None:
    images = [found(i, f"P{i % 4}", f"2020010{1 + i % 3}", study_uid=f"s{i}") for i in range(12)]
    results = []
    for attempt in range(2):
        private = PrivateFolder(tmp_path / f"k{attempt}")
        private.prepare(tmp_path / "out")
        private.write_text(private.file("key"), "ab" * 32 + "\n")
        results.append(names(number_images(images if attempt else images[::-1], private)))
    assert results[0] == results[1]


def test_the_same_image_twice_is_one(private: PrivateFolder) -> None:
    image = found(1, "A")
    numbering = number_images([image, replace(image, number=2, source="copy.dcm")], private)
    assert len(numbering.images) == 1
    assert numbering.same == ((2, "00000001_000.png"),)


def test_one_uid_with_two_pictures_is_two_images(private: PrivateFolder) -> None:
    image = found(1, "A")
    other = replace(image, number=2, source="other.dcm", sha256="other pixels")
    numbering = number_images([image, other], private)
    assert names(numbering) == {"f1.dcm": "00000001_000.png", "other.dcm": "00000001_001.png"}
    assert numbering.warnings == ((2, OTHER_PIXELS),)
    assert names(number_images([image, other], private)) == names(numbering)


def test_a_patient_without_id_is_one_by_study(private: PrivateFolder) -> None:
    numbering = number_images(
        [found(1, "", study_uid="s1"), found(2, "", study_uid="s1"), found(3, "", study_uid="s2")],
        private,
    )
    patients = {image.found.number: image.patient for image in numbering.images}
    assert patients[1] == patients[2] != patients[3]
    assert numbering.warnings == tuple((n, NO_PATIENT_ID) for n in (1, 2, 3))


def test_a_missing_issuer_splits_nobody(private: PrivateFolder) -> None:
    one = number_images([found(1, "A", issuer="North"), found(2, "A")], private)
    assert len({image.patient for image in one.images}) == 1
    assert one.warnings == ()
    two = number_images(
        [found(3, "B", issuer="North"), found(4, "B", issuer="South"), found(5, "B")], private
    )
    assert len({image.patient for image in two.images}) == 3
    assert [message for _, message in two.warnings] == [TWO_ISSUERS] * 3


def test_a_damaged_crosswalk_is_told(private: PrivateFolder) -> None:
    number_images([found(1, "A")], private)
    private.write_table(
        "patients.csv", ("patient", "identity", "first_study_date"), [("x", "", "")]
    )
    with pytest.raises(UserError, match=r"patients.csv.*damaged"):
        number_images([found(1, "A")], private)


@pytest.mark.parametrize(
    "placeholder", ["19000101", "00010101", "19700101", "20000101", "99991231"]
)
def test_a_placeholder_is_no_day(private: PrivateFolder, placeholder: str) -> None:
    """The days from a placeholder to a study would give the study's date away."""
    images = [found(1, "A", placeholder), found(2, "A", "20200613"), found(3, "A", "20200620")]
    days = {i.found.number: i.study_day for i in number_images(images, private).images}
    assert days == {1: None, 2: 0, 3: 7}


def test_no_age_of_ninety_follows_from_the_days(private: PrivateFolder) -> None:
    images = [
        found(1, "A", "20000102"),
        found(2, "A", "20040101"),
        found(3, "A", "20200101"),
        found(4, "A", "20200601"),
    ]
    numbering = number_images(images, private, {1: 85, 2: 89, 3: 90, 4: None})
    days = {i.found.number: i.study_day for i in numbering.images}
    assert days == {1: 0, 2: 1460, 3: None, 4: None}


def test_a_name_that_is_no_text_keeps_its_image(private: PrivateFolder) -> None:
    image = found(1, "A", sop_uid="", source="b\udcff.dcm")
    before = names(number_images([image], private))
    assert (
        names(number_images([image, found(2, "A")], private))["b\udcff.dcm"]
        == before["b\udcff.dcm"]
    )
