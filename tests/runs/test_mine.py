from __future__ import annotations

import csv
import errno
import json
import os
import pickle
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pyarrow.parquet as pq
import pytest
from made_reports import contents, made_reports, write_reports

from cxrmine.errors import UserError
from cxrmine.runs import work
from cxrmine.runs.folder import OutputFolder
from cxrmine.runs.mine import mine
from cxrmine.runs.progress import Lines
from cxrmine.runs.settings import Settings
from cxrmine.tables import read_csv

SCHEMES = ("chestxray14", "chexpert")
COMMAND = [sys.executable, "-m", "cxrmine", "mine-labels"]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of 600 made reports."""
    return write_reports(tmp_path_factory.mktemp("source") / "reports.csv", 600)


@pytest.fixture(scope="module")
def settings(source: Path) -> Settings:
    return Settings((str(source),), schemes=SCHEMES, evidence=True)


@pytest.fixture(scope="module")
def whole(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output of one undisturbed run in this process."""
    out = tmp_path_factory.mktemp("whole") / "out"
    mine(settings, out, progress=Lines)
    return out


# ---------------------------------------------------------------------------- what is written


def test_every_report_has_its_row_in_order(whole: Path) -> None:
    expected = [report.report_id for report in made_reports(600)]
    for scheme in SCHEMES:
        header, rows = read_csv(whole / f"labels_{scheme}.csv")
        assert header[0] == "report_id"
        assert [row["report_id"] for row in rows] == expected
        assert {value for row in rows for value in list(row.values())[1:]} <= {"", "0", "1", "-1"}


def test_rows_are_what_the_labeler_says(whole: Path, labeler) -> None:
    mentions = pq.read_table(whole / "mentions.parquet").to_pylist()
    place = 0
    rows = {s: read_csv(whole / f"labels_{s}.csv")[1] for s in SCHEMES}
    for number, report in enumerate(made_reports(600)):
        result = labeler.label(report)
        for mention in result.mentions:
            row = mentions[place]
            place += 1
            assert row["report_id"] == report.report_id
            assert row["text"] == report.text[row["start"] : row["end"]]
            assert row["sentence"] == report.text[row["sentence_start"] : row["sentence_end"]]
            for name in ("section", "finding", "concept", "status", "cue", "rule"):
                assert row[name] == getattr(mention, name)
        for scheme in SCHEMES:
            values = {k: "" if v is None else str(v) for k, v in result.labels(scheme).items()}
            assert rows[scheme][number] == {"report_id": report.report_id, **values}
    assert place == len(mentions) > 600


def test_run_json_says_what_was_run(whole: Path, source: Path) -> None:
    record = json.loads((whole / "run.json").read_text())
    assert record["command"] == "mine-labels"
    assert record["schemes"] == list(SCHEMES)
    assert record["inputs"][0]["name"] == "reports.csv"
    assert record["counts"]["reports"] == record["counts"]["labeled"] == 600
    assert record["counts"]["empty"] == record["counts"]["warnings"] == 12
    assert record["counts"]["failures"] == 0
    assert sum(record["counts"]["statuses"].values()) == record["counts"]["mentions"]
    assert {"cxrmine", "python", "spacy", "pyarrow"} <= record["versions"].keys()
    assert {name for name in record["labeler"] if name.startswith("scheme_")} == {
        f"scheme_{scheme}_sha256" for scheme in SCHEMES
    }
    assert sorted(p.name for p in whole.iterdir()) == record["outputs"]
    timing = json.loads((whole / "timing.json").read_text())
    assert timing["reports_labeled"] == 600
    assert timing["reports_per_second"] > 0


def test_one_scheme_writes_labels_csv(source: Path, tmp_path: Path) -> None:
    outcome = mine(Settings((str(source),)), tmp_path / "out", progress=Lines)
    assert "labels.csv" in outcome.outputs
    assert not list((tmp_path / "out").glob("labels_*"))
    assert not list((tmp_path / "out").glob("evidence*"))


def test_empty_reports_keep_their_row_and_are_warned_of(whole: Path) -> None:
    empty = {r.report_id for r in made_reports(600) if not r.text}
    _, warnings = read_csv(whole / "warnings.csv")
    assert len(warnings) == len(empty) == 12
    assert all(any(w["item"].endswith(e) for e in empty) for w in warnings)
    _, rows = read_csv(whole / "labels_chexpert.csv")
    blank = [r for r in rows if not any(list(r.values())[1:])]
    assert empty <= {row["report_id"] for row in blank}


def test_awkward_ids_survive(tmp_path: Path) -> None:
    ids = ["a,b", 'say "hi"', "two\nlines", "=1+1", "ünï", "-5", "'quoted"]
    source = tmp_path / "reports.csv"
    with source.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(["report_id", "text"])
        writer.writerows([i, "There is a left pleural effusion."] for i in ids)
    mine(Settings((str(source),), evidence=True), tmp_path / "out", progress=Lines)
    _, rows = read_csv(tmp_path / "out" / "labels.csv")
    assert [row["report_id"] for row in rows] == ids
    assert "\n'=1+1," in (tmp_path / "out" / "labels.csv").read_text()
    mentions = pq.read_table(tmp_path / "out" / "mentions.parquet")
    assert list(dict.fromkeys(mentions["report_id"].to_pylist())) == ids


def test_half_a_character_stops_nothing(tmp_path: Path) -> None:
    source = tmp_path / "reports.jsonl"
    source.write_text('{"report_id": "1", "text": "Left pleural \\ud800 effusion, no edema."}\n')
    outcome = mine(Settings((str(source),), evidence=True), tmp_path / "out", progress=Lines)
    assert outcome.counts.failures == 0
    assert outcome.counts.mentions >= 1


def test_inputs_without_any_report_give_empty_tables(tmp_path: Path) -> None:
    source = tmp_path / "reports.csv"
    source.write_text("report_id,text\n")
    mine(Settings((str(source),), evidence=True), tmp_path / "out", progress=Lines)
    assert read_csv(tmp_path / "out" / "labels.csv")[1] == []
    assert pq.read_table(tmp_path / "out" / "mentions.parquet").num_rows == 0


def test_what_reading_lost_is_listed_and_the_rest_goes_on(tmp_path: Path) -> None:
    source = tmp_path / "reports.csv"
    source.write_text("report_id,text\n1,No edema.\n1,Twice.\n2,Edema.\n")
    outcome = mine(Settings((str(source),)), tmp_path / "out", progress=Lines)
    _, failures = read_csv(tmp_path / "out" / "failures.csv")
    assert len(failures) == outcome.counts.failures == 1
    assert [r["report_id"] for r in read_csv(tmp_path / "out" / "labels.csv")[1]] == ["1", "2"]


# ---------------------------------------------------------------------------- failing reports


@pytest.fixture
def fragile(monkeypatch: pytest.MonkeyPatch) -> None:
    """A labeler that breaks, quoting the report, on every report of number 7."""
    from cxrmine.labeling.labeler import Labeler

    label_many = Labeler.label_many

    def breaks(self, reports):
        for report in reports:
            if report.report_id.endswith("7"):
                raise ZeroDivisionError(report.text)
        return label_many(self, reports)

    monkeypatch.setattr(Labeler, "label_many", breaks)


def test_a_report_that_breaks_the_labeler_is_listed_without_its_text(
    fragile: None, settings: Settings, whole: Path, tmp_path: Path
) -> None:
    outcome = mine(settings, tmp_path / "out", progress=Lines)
    ids = [r.report_id for r in made_reports(600)]
    _, failures = read_csv(tmp_path / "out" / "failures.csv")
    assert [f["item"] for f in failures] == [i for i in ids if i.endswith("7")]
    assert outcome.counts.failures == 60
    assert all("ZeroDivisionError" in f["message"] for f in failures)
    assert not any("FINDINGS" in f["message"] for f in failures)
    _, rows = read_csv(tmp_path / "out" / "labels_chexpert.csv")
    _, undisturbed = read_csv(whole / "labels_chexpert.csv")
    assert rows == [row for row in undisturbed if not row["report_id"].endswith("7")]


# ---------------------------------------------------------------------------- identical bytes


@pytest.mark.parametrize("chunk_size", [1, 7, 1000])
def test_chunks_do_not_show_in_the_output(
    settings: Settings, whole: Path, tmp_path: Path, chunk_size: int
) -> None:
    mine(settings, tmp_path / "out", chunk_size=chunk_size, progress=Lines)
    assert contents(tmp_path / "out") == contents(whole)


@pytest.mark.parametrize("workers", [2, 4])
def test_processes_do_not_show_in_the_output(
    settings: Settings, whole: Path, tmp_path: Path, workers: int
) -> None:
    mine(settings, tmp_path / "out", workers=workers, chunk_size=40, progress=Lines)
    assert contents(tmp_path / "out") == contents(whole)


# ---------------------------------------------------------------------------- resuming


def test_a_finished_run_has_nothing_to_resume(
    settings: Settings, whole: Path, tmp_path: Path
) -> None:
    before = {path: path.stat().st_mtime_ns for path in whole.iterdir()}
    outcome = mine(settings, whole, resume=True, progress=Lines)
    assert outcome.already_finished
    assert outcome.counts.reports == 600
    assert {path: path.stat().st_mtime_ns for path in whole.iterdir()} == before


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"schemes": ("openi",)}, "schemes"),
        ({"evidence": False}, "evidence"),
        ({"text_column": "text"}, "text_column"),
        ({"inputs": ("{other}",)}, "inputs"),
        ({"rules": "{rules}"}, "rules"),
    ],
)
def test_another_run_is_not_resumed(
    settings: Settings, whole: Path, tmp_path: Path, change: dict, named: str
) -> None:
    from dataclasses import replace

    from cxrmine.resources import data_dir

    other = write_reports(tmp_path / "reports.csv", 600, seed=2)
    rules = tmp_path / "rules"
    rules.mkdir()
    for file in data_dir("rules").glob("*.yaml"):
        (rules / file.name).write_bytes(file.read_bytes() + b"\n# mine\n")
    text = json.dumps(change).replace("{other}", str(other)).replace("{rules}", str(rules))
    changed = {k: tuple(v) if isinstance(v, list) else v for k, v in json.loads(text).items()}
    with pytest.raises(UserError, match=f"cannot be resumed.*{named}") as caught:
        mine(replace(settings, **changed), whole, resume=True, progress=Lines)
    assert caught.value.exit_code == 2


def test_unusable_settings_leave_nothing_behind(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(UserError, match="chexpert"):  # an unknown scheme lists those there are
        mine(Settings((str(source),), schemes=("chexpart",)), out, progress=Lines)
    with pytest.raises(UserError, match="does not exist"):
        mine(Settings((str(source), str(tmp_path / "no.csv"))), out, progress=Lines)
    odd = tmp_path / "odd.dat"
    odd.write_bytes(b"\0\1")
    with pytest.raises(UserError, match="format"):
        mine(Settings((str(odd),)), out, progress=Lines)
    assert not out.exists()


def test_a_full_disk_is_told_of_and_the_run_resumed(
    settings: Settings, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_part = OutputFolder.keep_part

    def full(self, index: int, data: bytes) -> None:
        if index == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        keep_part(self, index, data)

    out = tmp_path / "out"
    with monkeypatch.context() as patched:
        patched.setattr(OutputFolder, "keep_part", full)
        with pytest.raises(UserError, match=r"is full; .*--resume") as caught:
            mine(settings, out, chunk_size=100, progress=Lines)
    assert caught.value.exit_code == 1
    outcome = mine(settings, out, resume=True, progress=Lines)
    assert outcome.labeled_now == 400
    assert contents(out) == contents(whole)


def test_a_bug_in_a_worker_is_no_finished_part(
    settings: Settings, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    with monkeypatch.context() as patched:
        patched.setattr(work, "pack_part", None)
        with pytest.raises(TypeError):
            mine(settings, out, progress=Lines)
    assert list(out.glob(".parts/parts/*")) == []
    mine(settings, out, resume=True, progress=Lines)
    assert contents(out) == contents(whole)


def test_a_mistake_does_not_cost_the_run_that_force_would_replace(
    source: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    mine(Settings((str(source),)), out, progress=Lines)
    before = contents(out)
    odd = tmp_path / "odd.dat"
    odd.write_bytes(b"\0\1")
    for wrong in (Settings((str(source),), schemes=("chexpart",)), Settings((str(odd),))):
        with pytest.raises(UserError):
            mine(wrong, out, force=True, progress=Lines)
        assert contents(out) == before
    mine(Settings((str(source),), schemes=("openi", "chexpert")), out, force=True, progress=Lines)
    assert not (out / "labels.csv").exists()


def start(source: Path, out: Path, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, str(source), "--out", str(out), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for_parts(process: subprocess.Popen[str], out: Path, count: int) -> None:
    end = time.monotonic() + 120
    while len(list(out.glob(".parts/parts/[0-9]*"))) < count:
        assert process.poll() is None, f"ended early: {process.communicate()}"
        assert time.monotonic() < end
        time.sleep(0.002)


@pytest.fixture(scope="module")
def long_source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_reports(tmp_path_factory.mktemp("long") / "reports.csv", 12_000)


@pytest.fixture(scope="module")
def long_whole(long_source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("long-whole") / "out"
    mine(Settings((str(long_source),)), out, progress=Lines)
    return out


def finish(source: Path, out: Path, *options: str) -> None:
    done = subprocess.run(
        [*COMMAND, str(source), "--out", str(out), "--resume", *options],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["1", "2"])
def test_ctrl_c_says_how_to_go_on(
    long_source: Path, long_whole: Path, tmp_path: Path, workers: str
) -> None:
    out = tmp_path / "out"
    # Where these tests run in a shell's background, they and what they start ignore Ctrl-C.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = start(long_source, out, "--workers", workers)
    finally:
        signal.signal(signal.SIGINT, before)
    wait_for_parts(process, out, 3)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to every process
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert stdout == ""
    assert len([line for line in stderr.splitlines() if "--resume" in line]) == 1
    assert "Traceback" not in stderr
    finish(long_source, out, "--workers", workers)
    assert contents(out) == contents(long_whole)


@pytest.mark.slow
def test_a_worker_that_dies_is_told_of_and_the_run_resumed(
    long_source: Path, long_whole: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    process = start(long_source, out, "--workers", "2")
    wait_for_parts(process, out, 3)
    workers = [
        child
        for child in psutil.Process(process.pid).children(recursive=True)
        if "spawn_main" in " ".join(child.cmdline())
    ]
    assert len(workers) == 2
    workers[0].kill()  # as the system's out-of-memory killer does
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "a worker process died" in stderr
    assert "--resume" in stderr
    assert "Traceback" not in stderr
    finish(long_source, out)
    assert contents(out) == contents(long_whole)


@pytest.mark.slow
def test_workers_of_a_killed_run_go_with_it(long_source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    process = start(long_source, out, "--workers", "2")
    wait_for_parts(process, out, 2)
    children = psutil.Process(process.pid).children(recursive=True)
    assert children
    process.kill()
    process.communicate()
    _, alive = psutil.wait_procs(children, timeout=20)
    assert alive == []


def test_workers_run_one_thread_each(tmp_path: Path) -> None:
    assert set(work.ONE_THREAD) >= {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"}
    from cxrmine.runs.executors import open_executor

    executor = open_executor(2, None, tmp_path)
    try:
        future = executor.submit(os.getenv, "OMP_NUM_THREADS")
        assert executor.result(future) == "1"
    finally:
        executor.close(abandon=False)


def test_no_message_of_a_worker_is_so_long_that_half_of_it_can_be_left(tmp_path: Path) -> None:
    """A process ended in the middle of a long message would leave the pool waiting for ever."""
    from cxrmine.runs.executors import open_executor

    scratch = tmp_path / "scratch"
    executor = open_executor(2, None, scratch)
    try:
        future = executor.submit(bytes, 1_000_000)
        message = pickle.dumps(future.result())
        assert len(message) < select.PIPE_BUF // 2  # such a write is one step
        assert executor.result(future) == bytes(1_000_000)
        assert list(scratch.iterdir()) == []
    finally:
        executor.close(abandon=False)
