"""`train-baseline` as it is typed."""

from __future__ import annotations

import csv
import json
import statistics
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


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("drawn") / "phantom"
    return write_phantom_dataset(place, 20, size=32)


_SMALL = "--recipe smoke --set data.size=32 --set data.crop=32".split()


def _table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as handle:
        return list(csv.DictReader(handle))


def test_a_sweep_tells_each_value(
    drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "sweep"
    words = [str(drawn), *_SMALL, "--sweep", "pooling.kind=average,max", "--out", str(out)]
    assert _run(*words) == 0
    said = capsys.readouterr().out.splitlines()
    means = {row["run"]: row for row in _table(out / "sweep.csv") if row["finding"] == "mean"}
    assert list(means) == ["pooling.kind = average", "pooling.kind = max"]
    (place,) = {row["measured_on"] for row in means.values()}
    images = len(_table(out / "pooling.kind=max" / "predictions_test.csv"))
    assert place.startswith(f"{images} images of ")
    assert place.endswith("the test part of the split 'split' of phantom")
    assert said == [
        "2 runs trained, 0 kept from before.",
        f"Measured on {place}.",
        # One split: no spread, and nothing that looks like one.
        *(f"{run}: mean AUC {float(row['auc_mean']):.3f}." for run, row in means.items()),
        f"All of it on one page: {out / 'report.html'}",
    ]
    assert _run(*words, "--resume") == 0
    assert capsys.readouterr().out.splitlines() == [
        "0 runs trained, 2 kept from before.",
        *said[1:],
    ]


@pytest.mark.parametrize("option", ["--folds", "--repeats"])
def test_what_a_spread_is_over_is_told(
    drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    out = tmp_path / "several"
    # Few patients: each part has images with and without these.
    words = [str(drawn), *_SMALL, "--set", "outputs=[Effusion, Nodule]", option, "2"]
    assert _run(*words, "--out", str(out)) == 0
    ran, place, mean, page = capsys.readouterr().out.splitlines()
    assert ran.startswith("2 runs trained")
    assert str(out / "report.html") in page
    over = option.removeprefix("--").replace("repeats", "splits")
    assert f": the test parts of 2 {over} of phantom, " in place
    runs = [row for row in _table(out / "sweep_runs.csv") if row["finding"] == "mean"]
    tested = [_table(out / row["folder"] / "predictions_test.csv") for row in runs]
    for row, lines in zip(runs, tested, strict=True):
        assert row["measured_on"].startswith(f"{len(lines)} images of ")
        assert f"of the split {row['split']!r} of phantom" in row["measured_on"]
    union = {line["Image Index"] for lines in tested for line in lines}
    assert place.startswith(f"Measured on {len(union)} images of ")
    aucs = [float(row["auc"]) for row in runs]
    spread = f"{statistics.mean(aucs):.3f} ± {statistics.stdev(aucs):.3f}"
    assert f"mean AUC {spread} (mean ± standard deviation over 2 {over})" in mean
    pooled = out / "metrics.csv"
    assert pooled.is_file() == (option == "--folds")
    if option == "--folds":
        assert len(union) == len(_table(drawn / "Data_Entry.csv"))
        last = _table(pooled)[-1]
        assert f"; all folds' predictions pooled: {float(last['auc']):.3f} [" in mean
        assert f"Measured on {last['measured_on']}." == place
    else:
        assert "pooled" not in mean


def test_the_list_explains_every_recipe(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("--recipe", "list") == 0
    said = capsys.readouterr().out
    for name in recipe_names():
        assert f"\n{name}\n" in "\n" + said
    flat = " ".join(said.split())
    assert "Wang et al. 2017" in flat
    assert "Model: AlexNet (Krizhevsky, arXiv:1404.5997), one of ChestX-ray8's" in flat
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
