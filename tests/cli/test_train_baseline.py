"""`train-baseline` as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer

from cxrmine.cli.main import run
from cxrmine.cli.train_baseline import command
from cxrmine.phantom.dataset_out import write_phantom_dataset
from cxrmine.training.recipe import recipe_names


def _run(*arguments: str) -> int:
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command("train-baseline")(command)
    return run(app, "train-baseline", list(arguments))


def test_the_example_works_as_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    words = "--phantom --patients 20 --recipe smoke --out run".split()
    assert _run(*words, "--set", "data.size=32", "--set", "data.crop=32") == 0
    said = capsys.readouterr().out
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert f"Mean AUC {record['results']['test']['mean_auc'][0]:.3f}" in said
    assert "a random map finds" in said
    assert (tmp_path / "run.phantom" / "Data_Entry.csv").is_file()
    changed = ("--set", "data.size=32", "--set", "data.crop=32", "--resume")
    assert _run(*words, *changed) == 0
    assert "is finished; nothing was left to do" in capsys.readouterr().out


def test_the_list_explains_every_recipe(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("--recipe", "list") == 0
    said = capsys.readouterr().out
    for name in recipe_names():
        assert f"\n{name}\n" in "\n" + said
    flat = " ".join(said.split())
    assert "Wang et al. 2017" in flat
    assert "Cardiomegaly 0.814" in flat
    assert "Sweep: pooling.r=0.1,0.5,1,5,8,10,12" in flat
    assert max(map(len, said.splitlines())) <= 100


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["set", "--recipe", "smoke"], "name one with --out DIR"),
        (["--out", "run"], "no data set given"),
        (["set", "--phantom", "--out", "run"], "leave DATASET away"),
        (["set", "--out", "run", "--resume", "--force"], "exclude each other"),
        (["set", "--out", "run", "--repeats", "2", "--folds", "2"], "exclude each other"),
        (["set", "--out", "run", "--leave-out", "official"], "goes with --folds"),
        (["set", "--out", "run", "--folds", "1"], "a whole number of 2 or more"),
        (["set", "--out", "run", "--workers", "0"], "a whole number of 1 or more"),
        (["set", "--out", "run", "--checkpoint-minutes", "nan"], "write 0 or more"),
        (["set", "--out", "run", "--recipe", "none"], "use baltruschat-resnet50"),
        (["set", "--out", "run", "--set", "pooling.k=1"], "there is no such key in 'pooling'"),
        (["set", "--out", "run", "--sweep", "pooling.r=1"], "two values or more"),
        (
            ["set", "--out", "run", "--sweep", "pooling.r=1,2", "--sweep", "pooling.r=3,4"],
            "--sweep pooling.r: the key is given twice",
        ),
        (["--phantom", "--out", "run", "--device", "tpu"], "use auto, cpu"),
        (["--phantom", "--out", "run", "--set", "stride=7"], "cannot be built with stride 7"),
        (["set", "--out", "run", "--recipe", "smoke"], "'set' is no folder"),
        (["set", "--out", "run", "--recipe", "smoke", "--device", "tpu"], "use auto, cpu"),
    ],
)
def test_a_wrong_command_is_one_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert _run(*arguments) == 2
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1
    assert "Traceback" not in told
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("sweep", [[], ["--sweep", "pooling.kind=average,max"]])
def test_no_phantom_is_drawn_for_a_run_that_cannot_begin(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    sweep: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    words = ["--phantom", "--patients", "10", "--recipe", "smoke", *sweep]
    assert _run(*words, "--out", "full") == 2
    assert "is not empty" in capsys.readouterr().err
    assert _run(*words, "--out", "file") == 2
    assert "'file' is a file; name a folder" in capsys.readouterr().err
    assert sorted(tmp_path.rglob("*")) == before


def test_an_old_phantom_of_other_settings_is_not_trained_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_phantom_dataset(tmp_path / "run.phantom", 10, size=32)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    words = ["--phantom", "--recipe", "smoke", "--out", "run", "--force"]
    for others in (["--patients", "11", "--set", "data.size=32", "--set", "data.crop=32"], []):
        assert _run(*words, *others) == 2
        assert "'run.phantom' is where the drawn radiographs go" in capsys.readouterr().err
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
