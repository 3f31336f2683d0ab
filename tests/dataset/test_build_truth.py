"""A built set says of every file of the test hospital what the hospital knows of it."""

from __future__ import annotations

import csv
import shutil
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("gdcm", reason="needs the extra [dicom]")

from PIL import Image

from hospital import STORAGES, Hospital, Written, make_faults, make_hospital

SIZE = (160, 130)
#: What the cause of each kind of set-aside file must speak of.
CAUSES = {
    "lateral": "lateral",
    "body part": "part of the body",
    "burned in": "burned",
    "report page": "",
    "frames": "frames",
    "no image": "no image",
    "copy": "",
}


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@dataclass(frozen=True)
class Built:
    hospital: Hospital
    faults: list[Written]
    out: Path
    key: Path
    done: subprocess.CompletedProcess

    def index_of(self) -> dict[Path, str]:
        """Image Index by the source file, blank for a file that is no image."""
        return {
            self.hospital.folder / row["source"]: row["Image Index"]
            for row in read(self.key / f"{self.out.name}.files.csv")
        }

    def row_of(self) -> dict[str, dict[str, str]]:
        return {row["Image Index"]: row for row in read(self.out / "Data_Entry.csv")}


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Built:
    folder = tmp_path_factory.mktemp("truth")
    # Enough patients for every storage once.
    hospital = make_hospital(folder / "archive", patients=15, size=SIZE, seed=2)
    used = {written.film.storage.name for written in hospital.of("image")}
    assert used == set(STORAGES)
    faults = make_faults(folder / "archive" / "damaged", size=SIZE)
    hospital.write_labels(folder / "labels.csv")
    relative = hospital.folder
    hospital.write_boxes_csv(
        folder / "boxes.csv", lambda written: written.path.relative_to(relative).as_posix()
    )
    out = folder / "set"
    command = [sys.executable, "-m", "cxrmine", "build-dataset", "--dicom", str(hospital.folder)]
    command += ["--labels", str(folder / "labels.csv"), "--boxes", str(folder / "boxes.csv")]
    command += ["--out", str(out), "--key", str(folder / "key"), "--workers", "2"]
    done = subprocess.run(command, capture_output=True, text=True)
    return Built(hospital, faults, out, folder / "key", done)


def test_the_command_ends_with_1_because_files_failed(built):
    assert built.done.returncode == 1, built.done.stderr


def test_every_file_has_its_fate(built):
    index = built.index_of()
    wrong = [
        (written.why or written.film.storage.name, written.fate)
        for written in (*built.hospital.files, *built.faults)
        if bool(index[written.path]) != (written.fate == "image")
    ]
    assert wrong == []
    assert len(index) == len(built.hospital.files) + len(built.faults)
    # None left over, none lacking.
    images = {path.name for path in (built.out / "images").iterdir()}
    assert images == {name for name in index.values() if name} == set(built.row_of())


def test_causes_name_the_evidence(built):
    causes = {
        built.hospital.folder / row["source"]: row["cause"]
        for row in read(built.key / f"{built.out.name}.files.csv")
    }
    for written in built.hospital.files:
        if written.fate != "image":
            assert causes[written.path], written.why
            assert CAUSES[written.why] in causes[written.path].lower()
    failed = read(built.out / "failures.csv")
    assert len(failed) == sum(written.fate == "fault" for written in built.faults)
    assert all(row["cause"] for row in failed)
    aside = read(built.out / "set_aside.csv")
    away = len(built.hospital.of("set aside")) + len(built.hospital.of("duplicate"))
    assert len(aside) == away


def test_pictures_are_the_drawn_ones(built):
    index, worst = built.index_of(), {}
    for written in built.hospital.of("image"):
        made = np.asarray(Image.open(built.out / "images" / index[written.path]))
        assert made.shape == (1024, 1024)
        assert made.dtype == np.uint8
        # Pillow's resize stands for ours: both stretch by bilinear interpolation.
        wanted = Image.fromarray(written.grey).resize((1024, 1024), Image.Resampling.BILINEAR)
        difference = np.abs(made.astype(int) - np.asarray(wanted))
        if written.film.storage.padding:
            difference = difference[:, int(1024 * (written.seen[1].start + 1) / SIZE[1]) :]
        worst[written.film.storage.name] = difference.max() - written.film.storage.tolerance
    assert {name: over for name, over in worst.items() if over > 1} == {}


def test_rows_say_what_the_hospital_knows(built):
    index, rows = built.index_of(), built.row_of()
    for written in built.hospital.of("image"):
        film, row = written.film, rows[index[written.path]]
        assert row["View Position"] == film.view
        assert row["Patient Gender"] == film.sex
        assert row["Patient Age"] == ("" if film.age is None else str(film.age))
    with (built.out / "Data_Entry.csv").open(encoding="utf-8", newline="") as file:
        header, *lines = csv.reader(file)
    assert len(header) == 11  # the brackets of NIH's header hold commas
    at = {line[0]: line for line in lines}
    for written in built.hospital.of("image"):
        x_and_y = at[index[written.path]][7:]
        # DICOM gives the spacing between rows first: y before x.
        assert x_and_y == [str(SIZE[1]), str(SIZE[0]), "0.14", "0.15"]


def test_patients_are_kept_together_and_apart(built):
    index, rows = built.index_of(), built.row_of()
    numbers = defaultdict(set)
    for patient, films in built.hospital.patients.items():
        for written in films:
            numbers[patient].add(rows[index[written.path]]["Patient ID"])
    assert all(len(found) == 1 for found in numbers.values())
    assert len({number for found in numbers.values() for number in found}) == len(numbers)


def test_follow_ups_are_in_the_order_of_time(built):
    index, rows = built.index_of(), built.row_of()
    for films in built.hospital.patients.values():
        studies = sorted({(w.film.study_date, w.film.study_uid) for w in films})
        place = {study: number for number, (_, study) in enumerate(studies)}
        for written in films:
            row = rows[index[written.path]]
            if written.why != "same uid":
                assert int(row["Follow-up #"]) == place[written.film.study_uid]


def test_labels_are_the_drawn_findings(built):
    index, rows = built.index_of(), built.row_of()
    for written in built.hospital.of("image"):
        labels = rows[index[written.path]]["Finding Labels"]
        if not written.film.accession:
            assert labels == ""
        else:
            wanted = set(written.film.findings) or {"No Finding"}
            assert set(labels.split("|")) == wanted


def test_boxes_are_carried(built):
    index = built.index_of()
    with (built.out / "BBox_List.csv").open(encoding="utf-8", newline="") as file:
        _, *rows = csv.reader(file)
    made = defaultdict(set)
    for name, finding, *box in rows:
        made[name].add((finding, *(round(float(cell), 3) for cell in box)))
    scale_x, scale_y = 1024 / SIZE[1], 1024 / SIZE[0]
    for written in built.hospital.of("image"):
        wanted = {
            (
                finding,
                round(x * scale_x, 3),
                round(y * scale_y, 3),
                round(w * scale_x, 3),
                round(h * scale_y, 3),
            )
            for finding, (x, y, w, h) in written.boxes
        }
        assert made[index[written.path]] == wanted


def test_same_uid_with_other_pixels_is_told(built):
    messages = [row["message"] for row in read(built.out / "warnings.csv")]
    assert any("UID" in message and "pixels" in message for message in messages)


def verify(out: Path) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "cxrmine", "build-dataset", "--verify", str(out)]
    return subprocess.run(command, capture_output=True, text=True)


def test_the_set_verifies_and_changes_are_found(built, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(built.out, copy)
    done = verify(copy)
    assert done.returncode == 0, done.stdout + done.stderr
    first, second, third = sorted((copy / "images").iterdir())[:3]
    # One bit of the pixels; the length stays.
    content = bytearray(first.read_bytes())
    content[len(content) // 2] ^= 1
    first.write_bytes(content)
    second.rename(copy / "images" / "surplus.png")
    done = verify(copy)
    assert done.returncode == 1
    told = set(done.stdout.splitlines()[:3])
    assert told == {
        f"changed: images/{first.name}",
        f"missing: images/{second.name}",
        "surplus: images/surplus.png",
    }
    assert third.name not in done.stdout
