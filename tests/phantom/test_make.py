"""make-phantom from end to end, its output read by the rest of the pipeline."""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from cxrmine.dataset.boxes import read_box_list, read_box_xml
from cxrmine.errors import UserError
from cxrmine.phantom import make
from cxrmine.phantom.hospital import HospitalSettings, draw_patient
from cxrmine.phantom.lesions import FINDINGS
from cxrmine.phantom.make import Made, make_phantom
from cxrmine.tables import read_csv

pydicom = pytest.importorskip("pydicom")

SETTINGS = HospitalSettings(31)
PATIENTS, SIZE = 20, 80


def digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "timing.json"
    }


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Made]:
    out = tmp_path_factory.mktemp("made") / "hospital"
    return out, make_phantom(out, PATIENTS, SETTINGS, size=SIZE)


def test_files_tables_and_counts_agree(hospital: tuple[Path, Made]) -> None:
    out, made = hospital
    _, truth = read_csv(out / "truth.csv")
    _, reports = read_csv(out / "reports.csv")
    _, of_reports = read_csv(out / "report_truth.csv")
    files = {p.relative_to(out).as_posix() for p in (out / "dicom").rglob("*.dcm")}
    frontal = {row["file"] for row in truth}
    assert frontal <= files
    assert len(files - frontal) == made.counts["laterals"]
    assert made.counts["films"] == len(truth)
    assert made.counts["studies"] == len(reports) == len(of_reports)
    patients = [draw_patient(SETTINGS, n) for n in range(1, PATIENTS + 1)]
    studies = {(p.number, s.number): (p, s) for p in patients for s in p.studies}
    assert len(studies) == len(reports)
    labels = {row["report_id"]: row for row in of_reports}
    for row in truth:
        patient, study = studies[int(row["patient"]), int(row["study"])]
        expected = {f: str(int(f in study.findings)) for f in FINDINGS}
        assert {f: row[f] for f in FINDINGS} == expected
        assert {f: labels[row["report_id"]][f] for f in FINDINGS} == expected
        assert row["No Finding"] == str(int(not study.findings))
        data = pydicom.dcmread(out / row["file"])
        assert data.AccessionNumber == row["report_id"]
        assert data.PhotometricInterpretation == row["photometric"]
        assert (data.Rows, data.Columns) == (int(row["rows"]), int(row["columns"]))
        assert (data.PatientSex, data.ViewPosition) == (patient.sex, study.view)
    assert {row["columns"] for row in truth} == {"80", "66"}
    record = json.loads((out / "run.json").read_bytes())
    assert record["counts"] == made.counts
    assert record["settings"]["seed"] == 31
    assert (out / "failures.csv").read_text(encoding="utf-8") == "file,message\n"


def test_said_is_what_the_reports_say(hospital: tuple[Path, Made]) -> None:
    out, _ = hospital
    _, reports = read_csv(out / "reports.csv")
    texts = {row["report_id"]: row["text"] for row in reports}
    _, said = read_csv(out / "said.csv")
    assert len(said) > len(reports)
    for row in said:
        assert row["sentence"] in texts[row["report_id"]]
    _, of_reports = read_csv(out / "report_truth.csv")
    asserted = {
        (row["report_id"], row["finding"])
        for row in said
        if row["status"] in ("present", "probable")
    }
    there = {(row["report_id"], f) for row in of_reports for f in FINDINGS if row[f] == "1"}
    assert asserted == there


def test_boxes_are_the_same_as_xml_and_as_a_table(hospital: tuple[Path, Made]) -> None:
    out, made = hospital
    table, wrong = read_box_list(out / "boxes.csv")
    assert not wrong
    drawn, odd = read_box_xml(out / "boxes")
    assert not odd

    def parts(boxes):  # type: ignore[no-untyped-def]
        return sorted((b.image, b.finding, b.x, b.y, b.width, b.height) for b in boxes)

    assert parts(table) == parts(drawn)
    assert len(table) == made.counts["boxes"] > 10
    with (out / "truth.csv").open(encoding="utf-8") as handle:
        sizes = {
            Path(row["file"]).name: (int(row["columns"]), int(row["rows"]))
            for row in csv.DictReader(handle)
        }
    for box in drawn:
        assert box.frame == sizes[box.image]
        assert 0 <= box.x < box.x + box.width <= box.frame[0]
        assert 0 <= box.y < box.y + box.height <= box.frame[1]


def test_build_dataset_takes_it(hospital: tuple[Path, Made], tmp_path: Path) -> None:
    pytest.importorskip("cv2")
    from PIL import Image

    from cxrmine.dataset.build import build
    from cxrmine.dataset.read import read_dataset
    from cxrmine.dataset.settings import BuildSettings
    from cxrmine.phantom.radiograph import grey, take_film

    out, made = hospital
    settings = BuildSettings(
        folders=(out / "dicom",),
        source="dicom",
        labels=out / "report_truth.csv",
        boxes=out / "boxes",
    )
    outcome = build(settings, tmp_path / "set", key=tmp_path / "key")
    counts = outcome.record["counts"]
    assert counts["images"] == made.counts["films"]
    assert counts["set_aside"] == made.counts["laterals"]
    assert counts["boxes"] == made.counts["boxes"]
    assert counts["boxes_left_out"] == counts["failures"] == 0
    assert sum(counts["links"][key] for key in ("images without a report",)) == 0
    dataset = read_dataset(tmp_path / "set")
    _, truth = read_csv(out / "truth.csv")
    # A film is found again by its pixels.
    patient = draw_patient(SETTINGS, 1)
    study = patient.studies[0]
    picture, boxes = take_film(
        patient.build, study.films[0], study.lesions, rows=SIZE, columns=SIZE
    )
    offs = []
    for row in dataset.rows:
        with Image.open(dataset.image_path(row)) as file:
            small = np.asarray(file.resize((SIZE, SIZE), Image.Resampling.BOX), float)
        offs.append(float(np.abs(small - grey(picture)).mean()))
    first, second = np.sort(offs)[:2]
    # Enlarging to 1024 and back smooths the noise, and no more.
    assert first < 4 < 0.6 * second
    best = dataset.rows[int(np.argmin(offs))]
    assert best.findings == study.findings
    ours = sorted(
        (b.finding, b.x, b.y, b.width, b.height)
        for b in dataset.boxes
        if b.image_index == best.image_index
    )
    scale = 1024 / SIZE
    expected = sorted(
        (b.finding, b.x * scale, b.y * scale, b.width * scale, b.height * scale) for b in boxes
    )
    assert [one[0] for one in ours] == [one[0] for one in expected]
    for one, other in zip(ours, expected, strict=True):
        np.testing.assert_allclose(one[1:], other[1:], atol=1e-6)
    assert len(truth) == len(dataset.rows)


def test_workers_change_nothing(hospital: tuple[Path, Made], tmp_path: Path) -> None:
    make_phantom(tmp_path / "two", PATIENTS, SETTINGS, size=SIZE, workers=2)
    assert digests(tmp_path / "two") == digests(hospital[0])


def test_a_killed_run_is_resumed_to_the_same_bytes(
    hospital: tuple[Path, Made], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "killed"
    draw, drawn = make._draw, []

    def stop_at_the_second(chunk):  # type: ignore[no-untyped-def]
        drawn.append(chunk.first)
        part = draw(chunk)
        if len(drawn) == 2:  # its files are written, its part is not
            raise KeyboardInterrupt
        return part

    monkeypatch.setattr(make, "_draw", stop_at_the_second)
    with pytest.raises(UserError, match="interrupted; continue with --resume"):
        make_phantom(out, PATIENTS, SETTINGS, size=SIZE)
    assert not (out / "truth.csv").exists()
    with pytest.raises(UserError, match="unfinished run"):
        make_phantom(out, PATIENTS, SETTINGS, size=SIZE)
    with pytest.raises(UserError, match="had other difficulty"):
        make_phantom(out, PATIENTS, HospitalSettings(31, "hard"), size=SIZE, resume=True)
    made = make_phantom(out, PATIENTS, SETTINGS, size=SIZE, resume=True)
    assert drawn == [1, 9, 9, 17]  # the first chunk was not drawn again
    assert digests(out) == digests(hospital[0])
    assert not (out / ".parts").exists()
    again = make_phantom(out, PATIENTS, SETTINGS, size=SIZE, resume=True)
    assert again.already_finished
    assert again.counts == made.counts
    assert drawn == [1, 9, 9, 17]


def test_force_replaces_our_files_and_no_others(tmp_path: Path) -> None:
    out = tmp_path / "out"
    make_phantom(out, 4, SETTINGS, size=64)
    (out / "mine.txt").write_text("keep", encoding="utf-8")
    with pytest.raises(UserError, match="holds a finished run"):
        make_phantom(out, 2, SETTINGS, size=64)
    make_phantom(out, 2, SETTINGS, size=64, force=True)
    assert (out / "mine.txt").read_text(encoding="utf-8") == "keep"
    fresh = tmp_path / "fresh"
    make_phantom(fresh, 2, SETTINGS, size=64)
    found = digests(out)
    del found["mine.txt"]
    assert found == digests(fresh)


def test_a_strangers_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "dicom").mkdir()
    (tmp_path / "dicom" / "real.dcm").write_bytes(b"x")
    with pytest.raises(UserError, match="is not empty"):
        make_phantom(tmp_path, 2, SETTINGS, size=64)
    assert (tmp_path / "dicom" / "real.dcm").read_bytes() == b"x"


@pytest.mark.parametrize(
    ("patients", "size", "workers", "told"),
    [
        (0, 64, 1, "--patients 0"),
        (10**6, 64, 1, "999999"),
        (2, 32, 1, "--size 32"),
        (2, 9000, 1, "--size 9000"),
        (2, 64, 0, "--workers 0"),
    ],
)
def test_wrong_numbers_are_told(
    tmp_path: Path, patients: int, size: int, workers: int, told: str
) -> None:
    with pytest.raises(UserError, match=told):
        make_phantom(tmp_path / "out", patients, SETTINGS, size=size, workers=workers)
    assert not (tmp_path / "out").exists()
