"""Nothing that names a patient leaves: every text attribute holds a canary, none is found again."""

from __future__ import annotations

import csv
import functools
import hashlib
import os
import re
import shutil
import stat
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

pytest.importorskip("gdcm", reason="needs the extra [dicom]")

from hospital import CANARY_NUMBERS, Hospital, canary_oddities, make_faults, make_hospital

CANARY = "ZQXCANARY"
SIZE = (64, 52)


@dataclass(frozen=True)
class Run:
    hospital: Hospital
    out: Path
    key: Path
    done: subprocess.CompletedProcess
    secrets: tuple[str, ...]


def command(*arguments: object) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "cxrmine", "build-dataset", *map(str, arguments)],
        capture_output=True,
        # What libraries would print on a terminal or with warnings on, must not be said either.
        env={**os.environ, "PYTHONWARNINGS": "default"},
    )


def hashes(secret: str) -> list[str]:
    """A plain hash of an identifier is one: identifiers are few and short enough to be guessed."""
    return [hashlib.new(name, secret.encode()).hexdigest() for name in ("md5", "sha1", "sha256")]


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Run:
    folder = tmp_path_factory.mktemp("privacy")
    inputs = folder / f"{CANARY}-inputs"
    archive = inputs / f"{CANARY}-archive"
    hospital = make_hospital(archive, patients=3, size=SIZE, canary=CANARY)
    odd = canary_oddities(archive, CANARY, size=SIZE)
    make_faults(archive / f"{CANARY}-damaged", size=SIZE, canary=CANARY)
    labels, boxes = inputs / f"{CANARY}-labels.csv", inputs / f"{CANARY}-boxes.csv"
    links = inputs / f"{CANARY}-links.csv"
    hospital.write_labels(labels)
    # A report that no image belongs to, and a box on an image that is not there.
    with labels.open("a", encoding="utf-8") as file:
        file.write(f"{CANARY}-unlinked,{','.join('1' + '0' * 14)}\n")
    hospital.write_boxes_csv(boxes, lambda written: str(written.path))
    with boxes.open("a", encoding="utf-8") as file:
        file.write(f"{CANARY}-nowhere.dcm,{CANARY},1,2,3,4\n{CANARY},Mass,x,2,3,4\n")
    with links.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["report_id", "accession", "sop_uid", CANARY])
        for written in hospital.of("image"):
            if written.film.accession:
                writer.writerow([written.film.accession] * 2 + [written.film.sop_uid, CANARY])
    out, key = folder / "set", folder / "key"
    done = command(
        *("--dicom", archive, "--labels", labels, "--boxes", boxes, "--links", links),
        *("--out", out, "--key", key, "--workers", "2", "--layout", "coco", "--layout", "chexpert"),
    )
    secrets = {*hospital.secrets, CANARY, str(archive), archive.name, *CANARY_NUMBERS}
    for written in odd:
        secrets |= {written.film.patient, written.film.study_uid, written.film.sop_uid}
    return Run(hospital, out, key, done, tuple(sorted(secrets)))


@functools.cache
def forms(secret: str) -> tuple[bytes, ...]:
    """How a secret may be written: as it is, in UTF-16, as a plain hash."""
    plain = (secret.lower().encode(), secret.lower().encode("utf-16-le"))
    return *plain, *(value.encode() for value in hashes(secret))


def leaks(content: bytes, secrets: tuple[str, ...]) -> list[str]:
    if content.startswith(b"\x89PNG"):
        # The pixels are deflated: no text can be found there, and looking takes long.
        content = b"".join(kind + rest for kind, rest in chunks(content) if kind != b"IDAT")
    lower = content.lower()
    return [secret for secret in secrets if any(form in lower for form in forms(secret))]


def chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 8
    while at < len(png):
        end = at + 12 + int.from_bytes(png[at : at + 4], "big")
        yield png[at + 4 : at + 8], png[at + 8 : end]
        at = end
    assert at == len(png)


def files_below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_the_run_did_its_work(run):
    # Else a search that finds nothing would prove nothing.
    assert run.done.returncode == 1, run.done.stderr.decode()
    with (run.out / "Data_Entry.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) >= len(run.hospital.of("image"))
    assert any(row["Finding Labels"] not in ("", "No Finding") for row in rows)
    names = {path.relative_to(run.out).as_posix() for path in files_below(run.out)}
    wanted = "Data_Entry.csv BBox_List.csv splits.csv images.csv failures.csv set_aside.csv"
    wanted += " unlinked.csv warnings.csv run.json timing.json manifest.csv dataset_card.md"
    assert names >= set(wanted.split())
    assert any(name.startswith("figures/") for name in names)


def test_nothing_written_holds_the_canary(run):
    found = {
        path.relative_to(run.out).as_posix(): leaked
        for path in files_below(run.out)
        if (leaked := leaks(path.read_bytes(), run.secrets))
    }
    assert found == {}


def test_no_file_name_holds_it(run):
    names = "\n".join(path.relative_to(run.out).as_posix() for path in run.out.rglob("*"))
    assert leaks(names.encode(), run.secrets) == []


def test_nothing_said_holds_it(run):
    assert leaks(run.done.stdout + run.done.stderr, run.secrets) == []


def test_images_hold_pixels_and_nothing_else(run):
    for path in (run.out / "images").iterdir():
        kinds = {kind for kind, _ in chunks(path.read_bytes())}
        assert kinds == {b"IHDR", b"IDAT", b"IEND"}
    for path in (run.out / "figures").iterdir():
        kinds = {kind for kind, _ in chunks(path.read_bytes())}
        assert kinds <= {b"IHDR", b"PLTE", b"pHYs", b"IDAT", b"IEND"}, path.name


def test_dates_are_gone(run):
    # A day is told as an offset from the patient's first study; no calendar day is left.
    for path in files_below(run.out):
        if path.suffix in (".csv", ".md", ".json", ".txt"):
            text = path.read_text(encoding="utf-8")
            assert not re.search(r"\b(19|20)\d\d-[01]\d-[0-3]\d\b", text), path.name
            assert not re.search(r"(?<![\d.])(19|20)\d\d[01]\d[0-3]\d(?![\d.])", text), path.name


def test_the_crosswalk_holds_what_the_set_does_not_and_is_private(run):
    together = b"".join(path.read_bytes() for path in files_below(run.key))
    for written in run.hospital.of("image"):
        assert written.film.sop_uid.encode() in together
        assert written.film.accession.encode() in together
    assert not run.key.is_relative_to(run.out)
    if os.name == "posix":
        assert stat.S_IMODE(run.key.stat().st_mode) == 0o700
        assert {stat.S_IMODE(path.stat().st_mode) for path in files_below(run.key)} == {0o600}


def test_a_killed_run_leaves_nothing_and_ends_with_the_same_bytes(tmp_path):
    archive = tmp_path / f"{CANARY}-archive"
    hospital = make_hospital(archive, patients=6, size=SIZE, canary=CANARY, oddities=False)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    done = command("--dicom", archive, "--out", whole, "--key", tmp_path / "key")
    assert done.returncode == 0, done.stderr.decode()
    # Under the same key, of a crosswalk that does not know anybody yet.
    (tmp_path / "key-2").mkdir(mode=0o700)
    shutil.copy(tmp_path / "key" / "key", tmp_path / "key-2" / "key")
    again = ["--dicom", archive, "--out", killed, "--key", tmp_path / "key-2"]
    process = subprocess.Popen(
        [sys.executable, "-m", "cxrmine", "build-dataset", *map(str, again)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    begun = killed / ".parts"
    while process.poll() is None and not begun.exists():
        time.sleep(0.005)
    time.sleep(0.2)
    process.kill()
    said, _ = process.communicate()
    assert leaks(said, hospital.secrets) == []
    if killed.exists():
        left = files_below(killed)
        assert all(leaks(path.read_bytes(), hospital.secrets) == [] for path in left)
        assert leaks("\n".join(map(str, killed.rglob("*"))).encode(), hospital.secrets) == []
    done = command(*again, "--resume")
    assert done.returncode == 0, done.stderr.decode()
    bytes_of = [
        {
            path.relative_to(out).as_posix(): path.read_bytes()
            for path in files_below(out)
            if path.name != "timing.json"
        }
        for out in (whole, killed)
    ]
    assert bytes_of[0].keys() == bytes_of[1].keys()
    assert [name for name in bytes_of[0] if bytes_of[0][name] != bytes_of[1][name]] == []


def test_the_canary_would_be_found():
    # The search itself: plain, in another case, in UTF-16, hashed.
    for text in (CANARY, CANARY.lower(), hashes(CANARY)[2]):
        assert leaks(f"a{text}b".encode(), (CANARY,)) == [CANARY]
    assert leaks(CANARY.encode("utf-16-le"), (CANARY,)) == [CANARY]
    assert leaks(zlib.compress(b"nothing"), (CANARY,)) == []


@pytest.mark.parametrize(
    "mistake",
    [
        "report twice",
        "value",
        "no report column",
        "column name",
        "links column",
        "box column",
        "broken quotes",
    ],
)
def test_a_mistake_in_a_table_is_told_without_its_content(run, tmp_path, mistake):
    # The command line is the user's own, so that a message may repeat an option's value; what
    # stands in the file is a patient's.
    labels, links, boxes = (tmp_path / f"{name}.csv" for name in ("labels", "links", "boxes"))
    labels.write_text(f"report_id,Mass\n{CANARY}-1,1\n")
    links.write_text(f"report_id,accession\n{CANARY}-1,{CANARY}\n")
    boxes.write_text(f"Image Index,Finding Label,Bbox [x,y,w,h],,,\n{CANARY},Mass,1,2,3,4\n")
    if mistake == "report twice":
        labels.write_text(f"report_id,Mass\n{CANARY},1\n{CANARY},0\n")
    elif mistake == "value":
        labels.write_text(f"report_id,Mass\nR1,{CANARY}\n")
    elif mistake == "no report column":
        labels.write_text("id,Mass\nR1,1\n")
    elif mistake == "column name":
        labels.write_text(f"report_id,Mass|Nodule\n{CANARY},1\n")
    elif mistake == "links column":
        links.write_text(f"report,accession\n{CANARY},{CANARY}\n")
    elif mistake == "box column":
        boxes.write_text(f"image,finding,x\n{CANARY},Mass,1\n")
    else:
        labels.write_text(f'report_id,Mass\n"{CANARY},1\n{CANARY}')
    done = command(
        *("--dicom", run.hospital.folder / f"{CANARY}-odd" / f"{CANARY}-same"),
        *("--labels", labels, "--links", links, "--boxes", boxes),
        *("--out", tmp_path / "set", "--key", tmp_path / "key"),
    )
    assert done.returncode == 2, done.stderr.decode()
    said = done.stdout + done.stderr
    # The folder that the user named is not what must not be told.
    said = said.replace(str(run.hospital.folder).encode(), b"")
    assert leaks(said, (CANARY,)) == []
    assert b"Traceback" not in said
    for path in files_below(tmp_path / "set") if (tmp_path / "set").exists() else ():
        assert leaks(path.read_bytes(), (CANARY,)) == []
