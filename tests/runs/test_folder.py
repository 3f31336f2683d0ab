from __future__ import annotations

import json
from pathlib import Path

import pytest

from cxrmine.errors import UserError
from cxrmine.runs.folder import OutputFolder, Writes


def fill(path: Path, *names: str) -> None:
    path.mkdir(parents=True, exist_ok=True)
    for name in names:
        (path / name).write_text("x")


def finished(path: Path, *labels: str) -> None:
    fill(path, "mentions.parquet", "warnings.csv", "failures.csv", "timing.json", *labels)
    record = {"command": "mine-labels", "outputs": list(labels)}
    (path / "run.json").write_text(json.dumps(record))


def test_a_new_or_empty_folder_may_be_used(tmp_path: Path) -> None:
    assert OutputFolder(tmp_path / "new").open(resume=False, force=False) == "empty"
    assert OutputFolder(tmp_path).open(resume=False, force=False) == "empty"
    # A script may always say --resume: a first run is a run of which nothing is done yet.
    assert OutputFolder(tmp_path).open(resume=True, force=False) == "empty"


@pytest.mark.parametrize("resume", [False, True])
def test_a_folder_of_something_else_is_refused(tmp_path: Path, resume: bool) -> None:
    fill(tmp_path, "thesis.docx")
    with pytest.raises(UserError, match="no run to resume" if resume else "not empty") as caught:
        OutputFolder(tmp_path).open(resume=resume, force=False)
    assert caught.value.exit_code == 2


def test_force_removes_what_a_run_wrote_and_nothing_else(tmp_path: Path) -> None:
    finished(tmp_path, "labels_a.csv", "labels_b.csv")
    fill(tmp_path, "evidence.html", "evidence_002.html", "labels_mine.csv", "notes.txt")
    folder = OutputFolder(tmp_path)
    assert folder.open(resume=False, force=True) == "empty"
    assert (tmp_path / "run.json").exists()  # nothing goes before the new run can begin
    folder.clear()
    assert {p.name for p in tmp_path.iterdir()} == {"labels_mine.csv", "notes.txt"}


def test_force_does_not_follow_names_out_of_the_folder(tmp_path: Path) -> None:
    victim = tmp_path / "labels_victim.csv"
    victim.write_text("x")
    run = tmp_path / "run"
    finished(run)
    record = {"command": "mine-labels", "outputs": ["../labels_victim.csv", str(victim), 7]}
    (run / "run.json").write_text(json.dumps(record))
    OutputFolder(run).clear()
    assert not (run / "run.json").exists()
    assert victim.exists()


def test_force_spares_the_output_of_another_command(tmp_path: Path) -> None:
    fill(tmp_path, "metrics.csv")
    (tmp_path / "run.json").write_text('{"command": "evaluate-labels"}')
    with pytest.raises(UserError, match="another command"):
        OutputFolder(tmp_path).open(resume=False, force=True)
    assert (tmp_path / "run.json").exists()


@pytest.mark.parametrize(("setup", "word"), [("finished", "finished"), ("begun", "unfinished")])
def test_a_run_is_neither_overwritten_nor_mixed_unasked(
    tmp_path: Path, setup: str, word: str
) -> None:
    folder = OutputFolder(tmp_path)
    if setup == "finished":
        finished(tmp_path, "labels.csv")
    else:
        folder.begin({"outputs": ["labels.csv"]})
    with pytest.raises(UserError, match=f"holds an? {word} run.*--force"):
        folder.open(resume=False, force=False)
    assert folder.open(resume=True, force=False) == word
    assert folder.open(resume=False, force=True) == "empty"
    folder.clear()
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    fill(tmp_path, "out")
    with pytest.raises(UserError, match="is a file"):
        OutputFolder(tmp_path / "out").state()


def test_two_runs_do_not_share_a_folder(tmp_path: Path) -> None:
    with (
        OutputFolder(tmp_path).locked(),
        pytest.raises(UserError, match="another run is writing"),
        OutputFolder(tmp_path).locked(),
    ):
        pass
    with OutputFolder(tmp_path).locked():
        pass


def test_a_run_that_came_to_nothing_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), OutputFolder(tmp_path / "a" / "b").locked():
        raise ZeroDivisionError
    assert not (tmp_path / "a" / "b").exists()


def test_a_part_replaces_its_chunk_in_one_step(tmp_path: Path) -> None:
    folder = OutputFolder(tmp_path)
    folder.begin({})
    folder.chunk(3).write_bytes(b"reports")
    folder.keep_part(3, b"part")
    assert folder.part(3).read_bytes() == b"part"
    assert not folder.chunk(3).exists()


def test_a_damaged_plan_is_told_in_a_sentence(tmp_path: Path) -> None:
    folder = OutputFolder(tmp_path)
    folder.begin({})
    (folder.parts / "plan.json").write_text('{"half')
    with pytest.raises(UserError, match="damaged"):
        folder.plan()


OTHER = Writes("other-command", frozenset({"table.csv", "run.json"}), pages=r"page_\d\.html")


def test_each_command_knows_its_own_runs_and_files(tmp_path: Path) -> None:
    finished(tmp_path, "labels_a.csv")
    with pytest.raises(UserError, match=r"another command.*runs of other-command only"):
        OutputFolder(tmp_path, OTHER).open(resume=False, force=True)
    fill(tmp_path / "ours", "table.csv", "page_1.html", "labels.csv", "mentions.parquet")
    (tmp_path / "ours" / "run.json").write_text(
        '{"command": "other-command", "outputs": ["labels_a.csv"]}'
    )
    fill(tmp_path / "ours", "labels_a.csv")
    folder = OutputFolder(tmp_path / "ours", OTHER)
    assert folder.open(resume=True, force=False) == "finished"
    folder.clear()
    left = {path.name for path in folder.path.iterdir()}
    assert left == {"labels.csv", "labels_a.csv", "mentions.parquet"}


@pytest.mark.parametrize("way", [{}, {"resume": True}, {"force": True}])
def test_another_commands_unfinished_run_is_spared(tmp_path: Path, way: dict[str, bool]) -> None:
    OutputFolder(tmp_path, OTHER).begin({"command": "other-command"})
    assert OutputFolder(tmp_path, OTHER).state() == "unfinished"
    with pytest.raises(UserError, match="another command"):
        OutputFolder(tmp_path).open(**{"resume": False, "force": False, **way})


def test_runs_that_differ_are_not_mixed(tmp_path: Path) -> None:
    folder = OutputFolder(tmp_path)
    record = {"format": 1, "settings": {"a": 1, "b": 2}}
    folder.check_same({**record, "counts": {}}, record)
    with pytest.raises(UserError, match="had other a, format;"):
        folder.check_same({"format": 2, "settings": {"a": 3, "b": 2}}, record)
