"""The bundled DICOM samples are what the script draws, and their truth is that of the reports."""

from __future__ import annotations

import csv
import importlib.util
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("gdcm", reason="needs the extra [dicom]")

import pydicom

from cxrmine.resources import samples_dir
from hospital import shown_by_pydicom

SCRIPT = Path(__file__).resolve().parent.parent / "scripts" / "make_dicom_samples.py"
FOLDER = samples_dir() / "dicom"


def load_script():
    spec = importlib.util.spec_from_file_location("make_dicom_samples", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SAMPLES = load_script().samples(FOLDER)
ONE_BY_ONE = pytest.mark.parametrize("written", SAMPLES, ids=[one.path.stem for one in SAMPLES])


@pytest.fixture(scope="module")
def truth():
    with (samples_dir() / "labels_truth.csv").open(encoding="utf-8", newline="") as file:
        return {row.pop("report_id"): row for row in csv.DictReader(file)}


def test_the_folder_holds_the_samples_and_nothing_else():
    assert {path for path in FOLDER.rglob("*") if path.is_file()} == {one.path for one in SAMPLES}
    assert sum(one.path.stat().st_size for one in SAMPLES) < 400_000


@ONE_BY_ONE
def test_the_picture_is_the_drawn_one(written):
    storage = written.film.storage
    difference = shown_by_pydicom(written.path, storage).astype(int) - written.grey
    assert np.abs(difference).max() <= storage.tolerance


@ONE_BY_ONE
def test_the_header_says_what_the_script_says(written):
    film = written.film
    data = pydicom.dcmread(written.path, stop_before_pixels=True)
    assert data.PatientID == film.patient
    assert data.AccessionNumber == film.accession
    assert data.StudyDate == film.study_date
    assert data.PatientAge == film.age_text
    assert data.PatientSex == film.sex
    assert data.ViewPosition == film.view
    assert data.file_meta.TransferSyntaxUID == film.storage.syntax
    assert (data.StudyInstanceUID, data.SOPInstanceUID) == (film.study_uid, film.sop_uid)


@ONE_BY_ONE
def test_the_drawn_findings_are_the_reports(written, truth):
    if written.fate == "image":
        of_report = {name for name, value in truth[written.film.accession].items() if value == "1"}
        assert of_report - {"No Finding"} == set(written.film.findings)


def test_the_samples_show_what_archives_hold():
    images = [one for one in SAMPLES if one.fate == "image"]
    studies = {}
    for one in images:
        studies.setdefault(one.film.patient, set()).add(one.film.study_uid)
    assert sum(len(of_patient) > 1 for of_patient in studies.values()) == 2
    assert {one.why for one in SAMPLES if one.fate == "set aside"} == {"lateral"}
    assert {one.film.storage.photometric for one in images} == {"MONOCHROME1", "MONOCHROME2"}
    assert {one.film.storage.display for one in images} == {"LINEAR", "SIGMOID", "LUT", "none"}
    assert len({one.film.storage.syntax for one in SAMPLES}) >= 5
    assert {"018M", "093Y", "62"} <= {one.film.age_text for one in images}
    assert {one.film.sex for one in images} == {"M", "F"}
    assert {one.film.view for one in images} == {"PA", "AP"}


def test_boxes_are_the_drawn_ones():
    drawn = {
        (one.path.name, finding, *map(float, box))
        for one in SAMPLES
        if {"Mass", "Nodule"} & set(one.film.findings)
        for finding, box in one.boxes
    }
    with (samples_dir() / "boxes.csv").open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert ",".join(header) == "Image Index,Finding Label,Bbox [x,y,w,h],,,"
    assert {(name, finding, *map(float, box)) for name, finding, *box in rows} == drawn
    assert len(drawn) == 2
    from cxrmine.dataset.boxes import read_boxes

    boxes, problems = read_boxes(samples_dir() / "boxes")
    assert not problems
    assert {(b.image, b.finding, b.x, b.y, b.width, b.height) for b in boxes} == drawn


def test_the_script_writes_the_samples_again(tmp_path, capsys):
    load_script().main(["--out", str(tmp_path)])
    assert "10 files" in capsys.readouterr().out
    for one in SAMPLES:
        again = pydicom.dcmread(tmp_path / "dicom" / one.path.relative_to(FOLDER))
        bundled = pydicom.dcmread(one.path)
        # Another version of an encoder may write other bytes, of the same pixels.
        assert np.array_equal(again.pixel_array, bundled.pixel_array)
        del again.PixelData, bundled.PixelData
        assert again == bundled
    for name in ("boxes.csv", *(f"boxes/{path.name}" for path in (tmp_path / "boxes").iterdir())):
        assert (tmp_path / name).read_bytes() == (samples_dir() / name).read_bytes()
