"""Whole builds on a drawn hospital: what comes out, what changes, what a kill leaves."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
import stat
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pydicom", reason="the extra [dicom] is not installed")
pytest.importorskip("cv2", reason="the extra [dicom] is not installed")

import cv2

from cxrmine.dataset.build import Outcome, build
from cxrmine.dataset.conversion import CRASHED
from cxrmine.dataset.manifest import verify
from cxrmine.dataset.numbering import OTHER_PIXELS, SAME_IMAGE
from cxrmine.dataset.read import read_dataset
from cxrmine.dataset.settings import BuildSettings
from cxrmine.errors import UserError
from cxrmine.runs.progress import Lines
from hospital import Film, Hospital, make_faults, make_hospital, write_film
from kills import kill_myself_at, killed

KEY = "5a" * 32 + "\n"


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def contents(out: Path) -> dict[str, bytes]:
    """Every file of a set but timing.json, which states seconds."""
    return {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.name != "timing.json"
    }


def key_folder(folder: Path) -> Path:
    """A private folder with a key that is always the same."""
    folder.mkdir(mode=0o700)
    (folder / "key").write_text(KEY)
    return folder


def run(settings: BuildSettings, out: Path, **options: object) -> Outcome:
    if "key" not in options:
        options["key"] = out.with_name(f"{out.name}-key")
        if not options["key"].exists():
            key_folder(options["key"])
    return build(settings, out, progress=Lines, **options)


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Hospital:
    return make_hospital(tmp_path_factory.mktemp("hospital") / "dicom", patients=6)


@pytest.fixture(scope="module")
def settings(hospital: Hospital, tmp_path_factory: pytest.TempPathFactory) -> BuildSettings:
    folder = tmp_path_factory.mktemp("tables")
    hospital.write_labels(folder / "labels.csv")
    hospital.write_boxes_xml(
        folder / "boxes", lambda one: one.path.relative_to(hospital.folder).as_posix()
    )
    return BuildSettings(
        (hospital.folder,), labels=folder / "labels.csv", layouts=("coco", "chexpert")
    )


@pytest.fixture(scope="module")
def built(settings: BuildSettings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("built") / "set"
    run(settings, out)
    return out


def by_source(out: Path) -> dict[str, dict[str, str]]:
    """The private table of files, by their path below the folder."""
    return {row["source"]: row for row in table(out.with_name("set-key") / "set.files.csv")}


def test_every_file_has_its_fate(hospital: Hospital, built: Path) -> None:
    files = by_source(built)
    for written in hospital.files:
        row = files[written.path.relative_to(hospital.folder).as_posix()]
        if written.fate == "image":
            assert row["Image Index"], written.why
        else:
            assert not row["Image Index"], written.why
            assert row["cause"], written.why
    assert table(built / "failures.csv") == []
    causes = Counter(row["cause"] for row in table(built / "set_aside.csv"))
    assert causes[SAME_IMAGE] == len(hospital.of("duplicate"))
    assert sum(causes.values()) == len(hospital.of("set aside")) + len(hospital.of("duplicate"))
    warned = [row["message"] for row in table(built / "warnings.csv")]
    assert OTHER_PIXELS in warned


def test_the_pictures_are_the_hospital_s(hospital: Hospital, built: Path) -> None:
    files = by_source(built)
    for written in hospital.of("image"):
        name = files[written.path.relative_to(hospital.folder).as_posix()]["Image Index"]
        image = cv2.imread(str(built / "images" / name), cv2.IMREAD_UNCHANGED)
        assert image.shape == (1024, 1024)
        assert image.dtype == np.uint8
        # The picture at the set's size, by the same library: what is tested is what goes before.
        wanted = cv2.resize(written.grey, (1024, 1024), interpolation=cv2.INTER_LINEAR)
        assert written.film is not None
        _, columns = written.film.size
        seen = slice(round(written.seen[1].start or 0) * 1024 // columns + 16, None)
        difference = np.abs(image.astype(int) - wanted)[:, seen]
        assert np.median(difference) <= written.film.storage.tolerance, written.film.storage.name


def test_the_tables_agree(hospital: Hospital, built: Path) -> None:
    dataset = read_dataset(built, check_images=True)
    assert len(dataset.rows) == len(hospital.of("image"))
    assert [row.image_index for row in dataset.rows] == sorted(
        row.image_index for row in dataset.rows
    )
    films = {
        by_source(built)[w.path.relative_to(hospital.folder).as_posix()]["Image Index"]: w.film
        for w in hospital.of("image")
    }
    for row in dataset.rows:
        film = films[row.image_index]
        assert film is not None
        assert row.age == film.age
        assert (row.height, row.width) == film.size
        if film.accession:
            assert set(row.findings) == set(film.findings)
        else:
            assert row.finding_labels == ""
    patients = {film.patient: [] for film in films.values() if film}
    for name, film in films.items():
        if film and film.patient:
            patients[film.patient].append(name[:8])
    assert all(len(set(numbers)) <= 1 for numbers in patients.values())


def test_follow_ups_are_in_the_order_of_time(hospital: Hospital, built: Path) -> None:
    names = by_source(built)
    days = {row["Image Index"]: row["Study Day"] for row in table(built / "images.csv")}
    rows = {row.image_index: row for row in read_dataset(built).rows}
    for patient, films in hospital.patients.items():
        if not patient:
            continue
        in_time = sorted(films, key=lambda one: one.film.study_date)
        indexes = [
            names[one.path.relative_to(hospital.folder).as_posix()]["Image Index"]
            for one in in_time
        ]
        dates = dict(zip(indexes, (one.film.study_date for one in in_time), strict=True))
        assert [dates[index] for index in sorted(indexes)] == list(dates.values())
        follow_ups = [rows[index].follow_up for index in indexes]
        assert follow_ups == sorted(follow_ups)
        if in_time[0].film.study_date:
            # None is told at 90 and over, nor of what stands for no date.
            told = rows[indexes[0]].age != 90 and in_time[0].film.study_date > "19850101"
            assert days[indexes[0]] == ("0" if told else "")


def test_unlinked_is_blank_never_no_finding(
    hospital: Hospital, settings: BuildSettings, tmp_path: Path
) -> None:
    lines = settings.labels.read_text().splitlines()
    labels = tmp_path / "labels.csv"
    labels.write_text("\n".join([*lines[: len(lines) // 2], "NOBODY" + "," * lines[0].count(",")]))
    from dataclasses import replace

    out = tmp_path / "set"
    outcome = run(replace(settings, labels=labels), out)
    links = outcome.record["counts"]["links"]
    assert links["images without a report"] > 0
    assert links["reports without an image"] == 1
    unlinked = table(out / "unlinked.csv")
    blank = {row["number"] for row in unlinked if row["kind"] == "image"}
    for row in read_dataset(out).rows:
        assert (row.finding_labels == "") == (row.image_index in blank)
    reports = table(tmp_path / "set-key" / "set.reports.csv")
    (lost,) = [row for row in unlinked if row["kind"] == "report"]
    (named,) = [row for row in reports if row["number"] == lost["number"]]
    assert named["report_id"] == "NOBODY"


def test_boxes_follow_their_image(
    hospital: Hospital, settings: BuildSettings, tmp_path: Path
) -> None:
    from dataclasses import replace

    boxes = settings.labels.with_name("boxes")
    out = tmp_path / "set"
    run(replace(settings, boxes=boxes, fit="pad"), out)
    files = by_source(out)
    wanted = {}
    for written in hospital.of("image"):
        if not written.boxes:
            continue
        relative = written.path.relative_to(hospital.folder).as_posix()
        # Two files of one base name are told apart by nobody, so their boxes are left out.
        same_name = [f for f in hospital.of("image") if f.path.name == written.path.name]
        if len(same_name) == 1:
            wanted[files[relative]["Image Index"]] = written
    dataset = read_dataset(out)
    assert {box.image_index for box in dataset.boxes} >= set(wanted)
    for box in dataset.boxes:
        written = wanted.get(box.image_index)
        if written is None:
            continue
        rows, columns = written.film.size
        scale = 1024 / max(rows, columns)
        left = (1024 - round(columns * scale)) // 2
        assert any(
            abs(box.x - (x * scale + left)) < 2 and abs(box.y - y * scale) < 2
            for _, (x, y, _, _) in written.boxes
        )


def test_one_worker_or_two_write_the_same_bytes(
    settings: BuildSettings, built: Path, tmp_path: Path
) -> None:
    out = tmp_path / "set"
    run(settings, out, workers=2)
    assert contents(out) == contents(built)


def test_the_private_folder_is_private(built: Path) -> None:
    folder = built.with_name("set-key")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    names = {path.name for path in folder.iterdir()}
    assert names == {
        "README.txt",
        "crosswalk.csv",
        "key",
        "patients.csv",
        "set.files.csv",
        "set.reports.csv",
        "set.state.jsonl",
    }
    for path in folder.iterdir():
        if path.name != "key":  # the test wrote that one
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name


def test_the_key_must_not_lie_in_the_set(settings: BuildSettings, tmp_path: Path) -> None:
    out = tmp_path / "set"
    for key in (out, out / "key"):
        with pytest.raises(UserError, match="lies inside --out"):
            run(settings, out, key=key)
    assert not out.exists()


def test_another_build_does_only_what_is_new(hospital: Hospital, tmp_path: Path) -> None:
    source = tmp_path / "dicom"
    shutil.copytree(hospital.folder, source)
    settings = BuildSettings((source,))
    out = tmp_path / "set"
    first = run(settings, out)
    before = {path.name: path.read_bytes() for path in (out / "images").iterdir()}
    assert run(settings, out, resume=True).already_finished

    new = Film("NEW", "NEW-1", "NEW-1-0", "NEWACC", "20240101", size=(160, 130))
    write_film(source / "new" / "new.dcm", new)
    gone = next(f for f in hospital.of("image") if f.film.patient and not f.why)
    relative = gone.path.relative_to(hospital.folder)
    gone_name = by_source(out)[relative.as_posix()]["Image Index"]
    (source / relative).unlink()
    second = run(settings, out, resume=True)
    assert second.converted_now == 1
    assert second.kept == first.record["counts"]["files"] - 1
    after = {path.name: path.read_bytes() for path in (out / "images").iterdir()}
    assert set(before) - set(after) == {gone_name}
    assert all(after[name] == before[name] for name in before if name != gone_name)
    assert len(after) == len(before)
    assert verify(out) == []


def test_a_lost_image_is_made_again(settings: BuildSettings, built: Path, tmp_path: Path) -> None:
    out = tmp_path / "set"
    run(settings, out)
    (out / "images" / "00000001_000.png").unlink()
    outcome = run(settings, out, resume=True)
    assert outcome.converted_now == 1
    assert contents(out) == contents(built)


def test_other_pixels_need_force(settings: BuildSettings, tmp_path: Path) -> None:
    from dataclasses import replace

    out = tmp_path / "set"
    run(settings, out)
    with pytest.raises(UserError, match="fit"):
        run(replace(settings, fit="pad"), out, resume=True)
    outcome = run(replace(settings, fit="pad"), out, force=True)
    assert outcome.kept == 0
    assert verify(out) == []


def test_force_leaves_other_people_s_files_alone(settings: BuildSettings, tmp_path: Path) -> None:
    out = tmp_path / "set"
    run(settings, out)
    (out / "images" / "mine.txt").write_text("mine")
    run(settings, out, force=True)
    assert (out / "images" / "mine.txt").read_text() == "mine"


def test_a_box_that_cannot_be_read_is_a_failure(tmp_path: Path) -> None:
    make_hospital(tmp_path / "dicom", patients=1, oddities=False)
    boxes = tmp_path / "boxes.csv"
    boxes.write_text(f"{'Image Index,Finding Label,Bbox [x,y,w,h],,,'}\nx.dcm,Mass,a,b,c,d\n")
    out = tmp_path / "set"
    outcome = run(BuildSettings((tmp_path / "dicom",), boxes=boxes), out)
    assert outcome.record["counts"]["failures"] == 1
    (row,) = table(out / "failures.csv")
    assert row["number"] == "box 2"


def test_faults_lose_nothing_else(tmp_path: Path) -> None:
    hospital = make_hospital(tmp_path / "dicom", patients=2, oddities=False)
    faults = make_faults(tmp_path / "dicom" / "faults")
    out = tmp_path / "set"
    run(BuildSettings((tmp_path / "dicom",)), out)
    files = by_source(out)
    failed = {row["number"]: row["cause"] for row in table(out / "failures.csv")}
    for fault in faults:
        row = files[fault.path.relative_to(tmp_path / "dicom").as_posix()]
        assert row["Image Index"] == ""
        if fault.fate == "fault":
            assert row["number"] in failed, fault.why
            assert failed[row["number"]] == row["cause"]
    assert len(read_dataset(out).rows) == len(hospital.of("image"))


def test_nothing_but_numbers_is_told_of_files(built: Path) -> None:
    for name in ("failures.csv", "set_aside.csv"):
        for row in table(built / name):
            assert row["number"].isdecimal()
            assert "/" not in row["cause"].replace("PS3", "")
            assert ".dcm" not in row["cause"]


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")


def run_and_kill(
    settings: BuildSettings, out: Path, step: int, *, below: str = "", **options: object
) -> bool:
    """Run in a child that kills itself before its n-th step within `out`; say if it did."""

    def work() -> None:
        kill_myself_at(step, f"{out}/{below}", relative=False)
        run(settings, out, **options)

    return killed(work)


@needs_fork
@pytest.mark.slow
def test_killed_anywhere_it_resumes_to_the_same_bytes(tmp_path: Path) -> None:
    make_hospital(tmp_path / "dicom", patients=2, oddities=False)
    settings = BuildSettings((tmp_path / "dicom",))
    whole = tmp_path / "whole" / "set"
    whole.parent.mkdir()
    run(settings, whole)
    step, kills = 1, 0
    while True:
        out = tmp_path / f"at{step}" / "set"
        out.parent.mkdir()
        if not run_and_kill(settings, out, step):
            break
        kills += 1
        with_work = (out / ".parts" / "plan.json").exists()
        run(settings, out, resume=with_work, force=not with_work and out.exists())
        assert contents(out) == contents(whole), f"killed at step {step}"
        leftovers = (*out.rglob(".*"), *out.with_name("set-key").glob(".*"))
        assert list(leftovers) == [], f"at step {step}"
        step += 1 if step < 8 else 9
    assert kills > 10


@needs_fork
def test_a_resumed_run_reads_no_finished_file_again(tmp_path: Path) -> None:
    make_hospital(tmp_path / "dicom", patients=4, oddities=False)
    settings = BuildSettings((tmp_path / "dicom",))
    out = tmp_path / "set"
    # Each image takes two steps: late enough that some chunks are done, and others are not.
    assert run_and_kill(settings, out, 12, below=".parts/images/")
    done = sum(
        len(json.loads(path.read_bytes())) for path in (tmp_path / "set-key").glob(".work-*/*.json")
    )
    outcome = run(settings, out, resume=True)
    assert done > 0
    assert outcome.converted_now == outcome.record["counts"]["files"] - done


@pytest.mark.parametrize("workers", [1, 2])
def test_a_file_that_kills_its_reader_is_listed(
    tmp_path: Path, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A decoder that crashes takes its process along: the file fails, the others do not."""
    hospital = make_hospital(tmp_path / "dicom", patients=2, oddities=False)
    deadly = tmp_path / "dicom" / "deadly.dcm"
    deadly.write_bytes(b"DEADLY")
    # A sitecustomize of the test's own, so that every Python process here dies on that file.
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys\n"
        "def hook(event, arguments):\n"
        "    if event == 'open' and str(arguments[0]).endswith('deadly.dcm'):\n"
        "        os._exit(139)\n"
        "sys.addaudithook(hook)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    settings = BuildSettings((tmp_path / "dicom",))
    out = tmp_path / "set"
    if workers == 1:
        # The process of the run itself dies; resumed, it puts the file into one of its own.
        script = (
            "from pathlib import Path\n"
            "from cxrmine.dataset.build import build\n"
            "from cxrmine.dataset.settings import BuildSettings\n"
            f"build(BuildSettings((Path({str(tmp_path / 'dicom')!r}),)), Path({str(out)!r}))\n"
        )
        import subprocess

        assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 139
        build(settings, out, progress=Lines, resume=True)
    else:
        build(settings, out, progress=Lines, workers=2)
    assert [row["cause"] for row in table(out / "failures.csv")] == [CRASHED]
    assert len(read_dataset(out).rows) == len(hospital.of("image"))


def test_a_changed_file_is_found(settings: BuildSettings, built: Path, tmp_path: Path) -> None:
    out = tmp_path / "set"
    shutil.copytree(built, out)
    assert verify(out) == []
    image = out / "images" / "00000001_000.png"
    data = bytearray(image.read_bytes())
    data[-20] ^= 1
    image.write_bytes(data)
    (out / "images" / "stray.png").write_bytes(b"")
    (out / "splits.csv").unlink()
    assert sorted(verify(out)) == [
        ("images/00000001_000.png", "changed"),
        ("images/stray.png", "surplus"),
        ("splits.csv", "missing"),
    ]


def test_the_manifest_holds_every_file(built: Path) -> None:
    listed = {row["path"]: row for row in table(built / "manifest.csv")}
    there = {path.relative_to(built).as_posix() for path in built.rglob("*") if path.is_file()} - {
        "manifest.csv",
        "timing.json",
    }
    assert set(listed) == there
    for name, row in listed.items():
        assert row["sha256"] == hashlib.sha256((built / name).read_bytes()).hexdigest()


def test_a_dask_cluster_writes_the_same_bytes(
    settings: BuildSettings, built: Path, tmp_path: Path
) -> None:
    distributed = pytest.importorskip("distributed", reason="the extra [dask] is not installed")
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=2, processes=True, dashboard_address=None
    ) as cluster:
        out = tmp_path / "set"
        run(settings, out, dask=cluster.scheduler_address)
    assert contents(out) == contents(built)


def test_times_say_nothing(built: Path) -> None:
    assert len({path.stat().st_mtime for path in built.rglob("*") if path.is_file()}) == 1


def test_a_plan_that_names_another_folder_removes_nothing(
    settings: BuildSettings, tmp_path: Path
) -> None:
    out = tmp_path / "set"
    assert run_and_kill(settings, out, 6, below=".parts/images/")
    plan = out / ".parts" / "plan.json"
    plan.write_text(json.dumps({**json.loads(plan.read_text()), "token": "x/../../victim"}))
    (tmp_path / "victim").mkdir()
    with pytest.raises(UserError, match="damaged"):
        run(settings, out, resume=True)
    run(settings, out, force=True)
    assert (tmp_path / "victim").is_dir()


def test_what_a_run_keeps_of_headers_is_for_its_owner_alone(tmp_path: Path) -> None:
    make_hospital(tmp_path / "dicom", patients=4, oddities=False)
    out = tmp_path / "set"
    assert run_and_kill(BuildSettings((tmp_path / "dicom",)), out, 12, below=".parts/images/")
    (work,) = (tmp_path / "set-key").glob(".work-*")
    for path in (work, *work.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)
