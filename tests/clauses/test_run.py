"""Runs: the same bytes whatever the chunks, the workers and the kills."""

from __future__ import annotations

import csv
import json
import os
import random
import signal
from dataclasses import replace
from pathlib import Path

import pytest
from made_clauses import contents, made_reports, write_reports

from cxrmine.clauses import fit, run
from cxrmine.clauses.fit import Fit
from cxrmine.clauses.settings import ClusterSettings, ReadSettings
from cxrmine.clauses.steps import KeptSteps
from cxrmine.errors import UserError
from cxrmine.runs.folder import OutputFolder
from cxrmine.runs.progress import Lines
from cxrmine.tables import read_csv
from kills import kill_myself_at, killed

REPORTS = made_reports(160)
#: Beyond this much memory the distinct clauses of the made reports are clustered by samples.
TIGHT = 0.0001


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = write_reports(tmp_path_factory.mktemp("source") / "reports.csv", REPORTS)
    with path.open("a", encoding="utf-8") as handle:
        handle.write("made-00000,An id that was there before.\n")
    return path


@pytest.fixture
def settings(source: Path) -> ClusterSettings:
    return ClusterSettings(ReadSettings((str(source),)), k=12)


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put plain files in the place of pictures, which take a second each."""

    def draw(grouping: object, path: Path, **_: object) -> tuple[str, ...]:
        path.write_text("picture")
        return ()

    monkeypatch.setattr(fit, "draw_clusters", draw)
    monkeypatch.setattr(fit, "draw_k_curve", draw)


def go(settings: ClusterSettings, out: Path, **options: object) -> run.Outcome:
    return run.run(Fit(settings), out, progress=lambda *_: Lines(), **options)


def test_writes_every_table_of_every_clause(settings: ClusterSettings, tmp_path: Path) -> None:
    out = tmp_path / "out"
    outcome = go(settings, out)
    record = json.loads((out / "run.json").read_text())
    assert record == outcome.record
    assert set(record["outputs"]) == {path.name for path in out.iterdir()}
    assert record["counts"]["failures"] == 1
    assert record["counts"]["reports"] == len(REPORTS)
    assert record["counts"]["reports_with_clauses"] == len(REPORTS) * 19 // 20

    _, clauses = read_csv(out / "clauses.csv")
    texts = dict(REPORTS)
    assert len(clauses) == record["counts"]["clauses"]
    for row in clauses:
        assert texts[row["report_id"]][int(row["start"]) : int(row["end"])] == row["raw"]
    order = [row["report_id"] for row in clauses]
    assert order == sorted(order)
    _, clusters = read_csv(out / "clusters.csv")
    placed = {row["clause"]: (row["cluster"], row["term"]) for row in clusters}
    assert len(placed) == len(clusters) == record["counts"]["distinct_clauses"]
    for row in clauses:
        assert placed[row["clause"]] == (row["cluster"], row["term"])
    for row in clusters:
        assert int(row["count"]) == sum(c["clause"] == row["clause"] for c in clauses)
        assert placed[row["medoid"]][0] == row["cluster"]

    timing = json.loads((out / "timing.json").read_text())
    assert timing["reports_split"] == len(REPORTS)
    assert set(timing["stages"]) >= {"read_and_split", "cluster", "terms", "write", "draw"}


def test_no_byte_depends_on_chunks_workers_or_the_way(
    settings: ClusterSettings, tmp_path: Path
) -> None:
    go(settings, tmp_path / "whole")
    go(settings, tmp_path / "cut", chunk_size=7, workers=2)
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")


@pytest.mark.parametrize("memory", [2.0, TIGHT])
@pytest.mark.usefixtures("plain")
def test_the_order_of_reports_changes_no_cluster(
    settings: ClusterSettings, tmp_path: Path, memory: float
) -> None:
    # The page shows one way in which a clause is written.
    reports = [*REPORTS, *((f"size-{n}", f"Scar of {n} mm") for n in range(9))]
    shuffled = list(reports)
    random.Random(5).shuffle(shuffled)
    one = write_reports(tmp_path / "one.csv", reports)
    other = write_reports(tmp_path / "other.csv", shuffled)
    for source in (one, other):
        read = ReadSettings((str(source),))
        go(replace(settings, read=read, memory=memory), tmp_path / source.stem)
    for name in ("clusters.csv", "terms.yaml", "table1.csv", "clusters.html"):
        first, second = (tmp_path / stem / name for stem in ("one", "other"))
        assert first.read_bytes() == second.read_bytes(), name


@pytest.mark.usefixtures("plain")
def test_beyond_memory_it_says_so_and_the_loss_is_close(
    settings: ClusterSettings, tmp_path: Path
) -> None:
    whole = go(settings, tmp_path / "whole").record["clustering"]
    sampled = go(replace(settings, memory=TIGHT), tmp_path / "sampled").record["clustering"]
    assert (whole["method"], sampled["method"]) == ("all distances", "samples")
    assert whole["loss"] <= sampled["loss"] + 1e-6 <= 1.2 * whole["loss"]


# ---------------------------------------------------------------------------- odd inputs


def run_on(tmp_path: Path, reports: list[tuple[str, str]], **settings: object) -> run.Outcome:
    source = write_reports(tmp_path / "odd.csv", reports)
    return go(ClusterSettings(ReadSettings((str(source),)), **settings), tmp_path / "out")


def messages(folder: Path) -> list[str]:
    return [row["message"] for row in read_csv(folder / "warnings.csv")[1]]


@pytest.mark.parametrize("k", [None, 3])
def test_reports_without_any_clause(tmp_path: Path, k: int | None) -> None:
    outcome = run_on(tmp_path, [("1", ""), ("2", " 12。"), ("3", "")], k=k)
    counts = outcome.record["counts"]
    assert (counts["reports"], counts["clauses"], counts["clusters"]) == (3, 0, 0)
    out = tmp_path / "out"
    assert "No report has a clause, so all tables are empty." in messages(out)
    for name in ("clauses.csv", "clusters.csv"):
        assert read_csv(out / name)[1] == []
    assert [row["clauses"] for row in read_csv(out / "table1.csv")[1]] == ["0", "0"]
    assert (out / "clusters.html").exists()
    assert outcome.record["coverage"]["clauses"]["share"] is None


@pytest.mark.parametrize("k", [None, 1, 5])
@pytest.mark.parametrize("times", [1, 30])
def test_a_single_distinct_clause(tmp_path: Path, k: int | None, times: int) -> None:
    outcome = run_on(tmp_path, [(str(n), "心肺未见异常。") for n in range(times)], k=k)
    assert outcome.record["clustering"] == {
        **outcome.record["clustering"],
        "k": 1,
        "loss": 0,
    }
    _, rows = read_csv(tmp_path / "out" / "clusters.csv")
    assert [(r["count"], r["cluster"], r["distance"], r["term"]) for r in rows] == [
        (str(times), "1", "0", "1")
    ]
    told = any("instead of 5" in message for message in messages(tmp_path / "out"))
    assert told == (k == 5)


def test_k_larger_than_the_distinct_clauses(tmp_path: Path) -> None:
    reports = [("1", "心影增大"), ("2", "心影增大，肺气肿"), ("3", "主动脉硬化")]
    outcome = run_on(tmp_path, reports, k=100)
    assert outcome.record["clustering"]["k"] == 3
    assert outcome.record["settings"]["k"] == 100
    _, rows = read_csv(tmp_path / "out" / "clusters.csv")
    assert all(row["clause"] == row["medoid"] for row in rows)
    assert [m for m in messages(tmp_path / "out") if "3 distinct" in m and "100" in m]


def test_text_that_utf_8_cannot_hold(tmp_path: Path) -> None:
    source = tmp_path / "odd.jsonl"
    source.write_text('{"report_id": "1\\ud800", "diagnosis": "lung \\udc00 clear"}\n')
    go(ClusterSettings(ReadSettings((str(source),)), k=1), tmp_path / "out")
    _, rows = read_csv(tmp_path / "out" / "clauses.csv")
    assert "\\ud800" in rows[0]["report_id"]


def test_a_section_that_no_report_has_leaves_nothing_behind(
    settings: ClusterSettings, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    wrong = replace(settings, read=replace(settings.read, section="remarks"))
    with pytest.raises(UserError, match=r"'remarks'.*diagnosis") as caught:
        go(wrong, out)
    assert caught.value.exit_code == 2
    assert not out.exists()
    go(settings, out)  # the right one needs no --force


def test_a_report_that_breaks_the_splitter_loses_only_itself(
    settings: ClusterSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cxrmine.clauses.source import ClauseSplitter

    split = ClauseSplitter.split

    def breaks(self: ClauseSplitter, report: object) -> object:
        if report.report_id == "made-00003":
            raise RuntimeError(report.text)
        return split(self, report)

    monkeypatch.setattr(ClauseSplitter, "split", breaks)
    outcome = go(settings, tmp_path / "out")
    assert outcome.record["counts"]["failures"] == 2
    assert outcome.record["counts"]["reports"] == len(REPORTS) - 1
    failed = {r["item"]: r["message"] for r in read_csv(tmp_path / "out" / "failures.csv")[1]}
    assert "RuntimeError" in failed["made-00003"]
    assert dict(REPORTS)["made-00003"] not in failed["made-00003"]


# ---------------------------------------------------------------------------- resuming


@pytest.mark.usefixtures("plain")
def test_a_finished_run_is_not_done_again(settings: ClusterSettings, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = go(settings, out)
    before = contents(out)
    (out / "terms.yaml").write_text("edited")
    again = go(settings, out, resume=True)
    assert again.already_finished
    assert again.record == first.record
    assert (out / "terms.yaml").read_text() == "edited"
    assert contents(out) == {**before, "terms.yaml": b"edited"}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"k": 4}, "k"),
        ({"distance": "levenshtein"}, "distance"),
        ({"memory": 1.0}, "memory"),
        ({"seed": 3}, "seed"),
        ({"drop_units": True}, "drop_units"),
    ],
)
@pytest.mark.usefixtures("plain")
def test_another_run_is_not_mixed_in(
    settings: ClusterSettings, tmp_path: Path, change: dict[str, object], named: str
) -> None:
    other = replace(settings, **change)
    if other.distance == settings.distance == "levenshtein":
        other = replace(other, distance="normalized")
    go(settings, tmp_path / "out")
    with pytest.raises(UserError, match=f"had other {named};"):
        go(other, tmp_path / "out", resume=True)


@pytest.mark.usefixtures("plain")
def test_force_spares_terms_that_somebody_edited(settings: ClusterSettings, tmp_path: Path) -> None:
    out = tmp_path / "out"
    go(settings, out)
    go(settings, out, force=True)  # as they were written they can be written again
    terms = out / "terms.yaml"
    terms.write_text(terms.read_text("utf-8").replace('label: ""', "label: normal", 1), "utf-8")
    before = contents(out)
    with pytest.raises(UserError, match="was edited"):
        go(settings, out, force=True)
    assert contents(out) == before
    terms.rename(tmp_path / "terms.yaml")
    go(settings, out, force=True)


@pytest.mark.usefixtures("plain")
def test_force_spares_terms_of_unknown_origin(settings: ClusterSettings, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "terms.yaml").write_text("a morning's work")
    (out / "notes.txt").write_text("notes")
    with pytest.raises(UserError, match="was edited"):
        go(settings, out, force=True)
    assert (out / "terms.yaml").read_text() == "a morning's work"
    (out / "terms.yaml").unlink()
    go(settings, out, force=True)
    assert (out / "notes.txt").exists()


@pytest.mark.usefixtures("plain")
def test_interrupted_it_says_how_to_go_on(
    settings: ClusterSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    with monkeypatch.context() as patch:

        def interrupted(*_: object) -> None:
            raise KeyboardInterrupt

        patch.setattr("cxrmine.clauses.cluster.suggest_terms", interrupted)
        with pytest.raises(UserError, match="--resume") as caught:
            go(settings, out)
    assert caught.value.exit_code == 130
    with pytest.raises(UserError, match="unfinished run"):
        go(settings, out)
    outcome = go(settings, out, resume=True)
    assert outcome.done_now == 0
    assert outcome.steps_now == ("terms-12",)


@pytest.mark.usefixtures("plain")
def test_a_full_disk_is_told_and_can_be_resumed(
    settings: ClusterSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    out = tmp_path / "out"
    with monkeypatch.context() as patch:

        def full(*_: object, **__: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        patch.setattr(fit, "write_clauses", full)
        with pytest.raises(UserError, match="full; make room") as caught:
            go(settings, out)
    assert caught.value.exit_code == 1
    go(settings, out, resume=True)
    go(settings, tmp_path / "whole")
    assert contents(out) == contents(tmp_path / "whole")


def test_other_commands_runs_are_spared(settings: ClusterSettings, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"command": "mine-labels", "outputs": []}')
    for options in ({}, {"resume": True}, {"force": True}):
        with pytest.raises(UserError, match="another command"):
            go(settings, tmp_path, **options)
    unfinished = OutputFolder(tmp_path / "unfinished")
    unfinished.begin({"command": "mine-labels"})
    with pytest.raises(UserError, match="another command"):
        go(settings, unfinished.path, resume=True)


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")


@needs_fork
@pytest.mark.usefixtures("plain")
def test_killed_at_every_step_on_the_disk_it_resumes_to_the_same_bytes(
    settings: ClusterSettings, tmp_path: Path
) -> None:
    settings = replace(settings, memory=TIGHT)  # the way with the most steps
    go(settings, tmp_path / "whole", chunk_size=60)
    whole = contents(tmp_path / "whole")
    seen = set()
    step = 1
    while True:
        out = tmp_path / str(step)

        def work(out: Path = out, step: int = step) -> None:
            kill_myself_at(step, out)
            go(settings, out, chunk_size=60)

        if not killed(work):
            break
        seen.add(OutputFolder(out, run.WRITES).state())
        go(settings, out, chunk_size=60, resume=True)
        assert contents(out) == whole, f"killed at step {step}"
        assert not list(out.glob(".*")), f"killed at step {step}"
        step += 1
    assert step > 40
    assert seen == {"empty", "unfinished", "finished"}


@needs_fork
@pytest.mark.parametrize("memory", [2.0, TIGHT])
@pytest.mark.usefixtures("plain")
def test_no_finished_work_is_done_again(
    settings: ClusterSettings, tmp_path: Path, memory: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = replace(settings, k=None, memory=memory)
    all_steps = go(settings, tmp_path / "whole", chunk_size=60).steps_now
    assert len(all_steps) == len(set(all_steps)) > 3
    whole = contents(tmp_path / "whole")
    keep = KeptSteps.keep
    for finished in range(1, len(all_steps) + 1):
        out = tmp_path / str(finished)

        def work(out: Path = out, finished: int = finished) -> None:
            done = 0

            def keep_and_die(self: KeptSteps, name: str, arrays: object) -> None:
                nonlocal done
                keep(self, name, arrays)
                done += 1
                if done == finished:
                    os.kill(os.getpid(), signal.SIGKILL)

            KeptSteps.keep = keep_and_die
            go(settings, out, chunk_size=60)

        assert killed(work)
        with monkeypatch.context() as patch:
            # The inputs are not read again, and no report is split again.
            patch.setattr("cxrmine.reports.readers._read_all", None)
            patch.setattr("cxrmine.clauses.work.split_reports", None)
            outcome = go(settings, out, chunk_size=60, resume=True)
        assert outcome.done_now == 0
        assert outcome.steps_now == all_steps[finished:]
        assert contents(out) == whole


@needs_fork
@pytest.mark.usefixtures("plain")
def test_parts_that_are_finished_are_not_split_again(
    settings: ClusterSettings, tmp_path: Path
) -> None:
    go(settings, tmp_path / "whole", chunk_size=40)
    keep_part = OutputFolder.keep_part
    for finished in range(1, 5):
        out = tmp_path / str(finished)

        def work(out: Path = out, finished: int = finished) -> None:
            def keep_and_die(self: OutputFolder, index: int, data: bytes) -> None:
                keep_part(self, index, data)
                if index == finished - 1:
                    os.kill(os.getpid(), signal.SIGKILL)

            OutputFolder.keep_part = keep_and_die
            go(settings, out, chunk_size=40)

        assert killed(work)
        outcome = go(settings, out, resume=True)
        assert outcome.done_now == len(REPORTS) - 40 * finished
        assert contents(out) == contents(tmp_path / "whole")


def test_a_damaged_step_costs_time_and_nothing_else(tmp_path: Path) -> None:
    import numpy as np

    steps = KeptSteps(tmp_path)
    steps.do("one", lambda: {"a": np.arange(5)})
    (tmp_path / "one.npz").write_bytes((tmp_path / "one.npz").read_bytes()[:60])
    again = []
    found = steps.do("one", lambda: again.append(1) or {"a": np.arange(5)})
    assert again == [1]
    assert found["a"].tolist() == list(range(5))
    with pytest.raises(ValueError, match="name"):
        steps.do("../one", dict)
    with pytest.raises(TypeError, match="objects"):
        steps.do("two", lambda: {"a": np.array([object()])})


def test_the_sample_writes_csv_like_csv(tmp_path: Path) -> None:
    """The fixture's own file is what the reader must get: quotes, commas, formulas."""
    source = write_reports(tmp_path / "r.csv", REPORTS)
    with source.open(encoding="utf-8", newline="") as handle:
        assert [tuple(row) for row in csv.reader(handle)][1:] == REPORTS
