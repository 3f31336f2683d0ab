"""Runs killed outright, at every step that they take on the disk, and resumed."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from made_reports import contents, write_reports

from cxrmine.runs.folder import OutputFolder
from cxrmine.runs.mine import mine
from cxrmine.runs.progress import Lines
from cxrmine.runs.settings import Settings
from cxrmine.runs.spool import CHUNK
from kills import kill_myself_at, killed

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")


def run_and_kill(settings: Settings, out: Path, step: int, **options: object) -> bool:
    """Run in a child that kills itself before its n-th step within `out`; say if it did."""

    def work() -> None:
        kill_myself_at(step, out)
        mine(settings, out, progress=Lines, **options)

    return killed(work)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    source = write_reports(tmp_path_factory.mktemp("source") / "reports.csv", 60)
    with source.open("a") as handle:
        handle.write("made-000000,An id that was there before.\n")
    return Settings((str(source),), schemes=("chestxray14", "openi"), evidence=True)


@pytest.fixture(scope="module")
def whole(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    out = tmp_path_factory.mktemp("whole") / "out"
    mine(settings, out, chunk_size=20, progress=Lines)
    return contents(out)


def test_killed_at_every_step_it_resumes_to_the_same_bytes(
    settings: Settings, whole: dict[str, bytes], tmp_path: Path
) -> None:
    step = 0
    killed = True
    seen = set()
    while killed:
        step += 1
        out = tmp_path / str(step)
        killed = run_and_kill(settings, out, step, chunk_size=20)
        if killed:
            seen.add(OutputFolder(out).state())
            mine(settings, out, resume=True, chunk_size=20, progress=Lines)
        assert contents(out) == whole, f"killed at step {step}"
        assert not list(out.glob(".*")), f"killed at step {step}"
    assert step > 40
    assert seen == {"empty", "unfinished", "finished"}


def test_a_resumed_run_may_be_killed_again_and_again(
    settings: Settings, whole: dict[str, bytes], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    step = 25
    kills = 0
    while run_and_kill(settings, out, step, resume=True, chunk_size=20):
        kills += 1
        step += 3
    assert kills > 3
    assert contents(out) == whole


def test_a_replaced_run_killed_at_every_step_can_be_replaced(
    settings: Settings, whole: dict[str, bytes], tmp_path: Path
) -> None:
    # Only the first steps matter: those that remove the earlier run.
    first = replace(settings, schemes=("chexpert", "chestxray8"))
    for step in range(1, 16):
        out = tmp_path / str(step)
        mine(first, out, chunk_size=20, progress=Lines)
        assert run_and_kill(settings, out, step, force=True, chunk_size=20)
        mine(settings, out, force=True, chunk_size=20, progress=Lines)
        assert contents(out) == whole, f"killed at step {step}"


def test_finished_parts_are_not_done_again(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cxrmine.labeling.labeler import Labeler

    out = tmp_path / "out"
    step = 1
    while len(list(out.glob(".parts/parts/[0-9]*"))) != 2:
        mine_again = run_and_kill(settings, out, step, force=True, chunk_size=20)
        assert mine_again
        step += 1
    labelled = []
    label_many = Labeler.label_many

    def counted(self, reports):
        labelled.extend(report.report_id for report in reports)
        return label_many(self, reports)

    monkeypatch.setattr(Labeler, "label_many", counted)
    monkeypatch.setattr("cxrmine.reports.readers.read_reports", None)  # nor are inputs read again
    outcome = mine(settings, out, resume=True, progress=Lines)
    assert labelled == [f"made-{n:06d}" for n in range(40, 60)]
    assert outcome.labeled_now == 20
    assert outcome.counts.reports == 60


@pytest.mark.parametrize("lost", ["part", "chunk"])
def test_a_damaged_work_folder_costs_time_and_nothing_else(
    settings: Settings, whole: dict[str, bytes], tmp_path: Path, lost: str
) -> None:
    out = tmp_path / "out"
    step = 1
    while len(list(out.glob(".parts/parts/[0-9]*"))) != 2:
        run_and_kill(settings, out, step, force=True, chunk_size=20)
        step += 1
    if lost == "part":  # as a power cut can leave it
        part = OutputFolder(out).part(1)
        part.write_bytes(part.read_bytes()[:100])
    else:
        OutputFolder(out).chunk(2).unlink()
    mine(settings, out, resume=True, progress=Lines)
    assert contents(out) == whole


def spent() -> float:
    """Return the CPU seconds of all children that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_killed_at_90_percent_it_finishes_in_a_quarter_of_the_time(
    tmp_path: Path, workers: int
) -> None:
    reports = 60_000 if workers == 1 else 10_000
    source = write_reports(tmp_path / "reports.csv", reports)
    command = [sys.executable, "-m", "cxrmine", "mine-labels", str(source)]
    command += ["--workers", str(workers)]

    before = spent()
    subprocess.run([*command, "--out", str(tmp_path / "whole")], check=True, capture_output=True)
    full = spent() - before

    for attempt in range(3):  # a disturbed machine gets another chance; the bytes get none
        out = tmp_path / f"out{attempt}"
        process = subprocess.Popen([*command, "--out", str(out)], stdout=subprocess.DEVNULL)
        parts = out / ".parts" / "parts"
        while not parts.exists() or len(list(parts.iterdir())) < 0.9 * reports / CHUNK:
            assert process.poll() is None
            time.sleep(0.002)
        process.kill()
        process.wait()
        before = spent()
        resume = [*command, "--out", str(out), "--resume"]
        subprocess.run(resume, check=True, capture_output=True)
        rest = spent() - before
        print(f"full {full:.2f} s, rest {rest:.2f} s of CPU with {workers} workers")
        assert contents(out) == contents(tmp_path / "whole")
        timing = json.loads((out / "timing.json").read_text())
        assert timing["resumed"]
        # Each worker may have been about to rename a part that was counted by its temporary name.
        assert timing["reports_labeled"] <= 0.1 * reports + workers * CHUNK
        if workers == 2 or rest < full / 4:
            break
    else:
        # CPU seconds rather than the clock's: other processes of the machine must not decide.
        # Two workers each load a labeler, which counts for much in a test's short run.
        pytest.fail(f"resuming took {rest:.2f} s of CPU, the whole run {full:.2f} s")
