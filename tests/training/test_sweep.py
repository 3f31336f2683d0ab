"""Sweeps, re-sampled splits and folds: every run there, compared on what it should be."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from drawn_set import draw_set
from tiny_model import contents, settings_for

from cxrmine.dataset.read import read_dataset
from cxrmine.errors import UserError
from cxrmine.evaluation.auc import auc
from cxrmine.training import results
from cxrmine.training.folds import fold_name, read_with_split
from cxrmine.training.sweep import (
    SweepSettings,
    folds,
    mean_sd,
    plan_runs,
    repeats,
    run_sweep,
)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_set(tmp_path_factory.mktemp("drawn") / "set", patients=30, boxed=False)


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as handle:
        return list(csv.DictReader(handle))


def test_what_is_run(dataset: Path) -> None:
    values = {"pooling.r": ("1", "5"), "loss": ("cel", "w-cel")}
    runs = plan_runs(SweepSettings(settings_for(dataset), values, repeats(2)))
    assert len({run.folder for run in runs}) == len(runs) == 8
    assert runs[0].folder == "pooling.r=1_loss=cel_split_1"
    assert {(r.recipe.pooling.r, r.recipe.loss, r.recipe.split) for r in runs} == {
        (r, loss, split) for r in (1, 5) for loss in ("cel", "w-cel") for split in repeats(2)
    }
    with pytest.raises(UserError, match=r"^--sweep 'pooling.r=often'"):
        plan_runs(SweepSettings(settings_for(dataset), {"pooling.r": ("often",)}, ("split",)))


@pytest.mark.parametrize(
    ("values", "splits", "said"),
    [
        ({"loss": ("cel", "anger")}, ("split",), "loss 'anger', which does not exist"),
        ({"model": ("tiny", "still9")}, ("split",), "model 'still9', which does not exist"),
        ({"stride": ("4", "7")}, ("split",), "cannot be built with stride 7"),
        ({"split": ("split", "split_1")}, ("split",), "splits are no values to compare"),
        ({"training.seed": ("1", "01")}, ("split",), "'training.seed = 1' and .* train the same"),
        ({"name": ("a", "b")}, ("split",), "train the same"),
        ({"outputs": ("columns", "[Hernia]")}, ("split",), "is labelled with Hernia"),
        ({}, repeats(9), "has no column 'split_6'"),
        ({}, folds(100, None), "30 patients are too few for 100 folds"),
        ({}, folds(2, "official"), "has no column 'official'"),
    ],
)
def test_what_the_last_run_lacks_is_said_before_the_first(
    dataset: Path,
    tmp_path: Path,
    values: dict[str, tuple[str, ...]],
    splits: tuple[str, ...],
    said: str,
) -> None:
    settings = SweepSettings(settings_for(dataset), values, splits)
    with pytest.raises(UserError, match=said):
        run_sweep(settings, tmp_path / "sweep")
    assert not (tmp_path / "sweep").exists()


def test_a_sweep_that_was_stopped_names_its_own_folder(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(results, "save_model", stop)
    settings = SweepSettings(
        settings_for(dataset, "training.epochs=1"), {"pooling.r": ("1", "8")}, ("split",)
    )
    with pytest.raises(UserError, match=r"continue with --resume --out '.*/sweep'\.$") as told:
        run_sweep(settings, tmp_path / "sweep")
    assert told.value.exit_code == 130


def test_a_sweep_compares_values_over_splits(dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "sweep"
    settings = SweepSettings(
        settings_for(dataset, "training.epochs=1"), {"pooling.r": ("1", "8")}, repeats(2)
    )
    outcome = run_sweep(settings, out)
    assert (outcome.ran, outcome.kept) == (4, 0)
    lines = _rows(out / "sweep_runs.csv")
    assert len(lines) == 2 * 2 * 3
    for line in lines:
        record = json.loads((out / line["folder"] / "run.json").read_text())
        assert record["recipe"]["split"] == line["split"]
        assert f"pooling.r = {record['recipe']['pooling.r']:g}" == line["run"]
        test = record["results"]["test"]
        own = test["mean_auc"] if line["finding"] == "mean" else test["findings"][line["finding"]]
        assert float(line["auc"]) == own[0]
    for line in _rows(out / "sweep.csv"):
        aucs = [
            float(run["auc"])
            for run in lines
            if (run["run"], run["finding"]) == (line["run"], line["finding"])
        ]
        assert int(line["splits"]) == len(aucs) == 2
        assert float(line["auc_mean"]) == pytest.approx(sum(aucs) / 2)
        assert float(line["auc_sd"]) == pytest.approx(abs(aucs[0] - aucs[1]) / 2**0.5)
    assert "AUC by pooling.r" in (out / "report.html").read_text()
    # One run is lost, as if the sweep had been killed before it: only that one is done again.
    before = contents(out)
    shutil.rmtree(out / "pooling.r=8_split_2")
    again = run_sweep(settings, out, resume=True)
    assert (again.ran, again.kept) == (1, 3)
    assert contents(out) == before
    other = SweepSettings(settings.base, {"pooling.r": ("1", "9")}, settings.splits)
    with pytest.raises(UserError, match="because it had other"):
        run_sweep(other, out, resume=True)


def test_folds_score_every_image_once(dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "folds"
    settings = SweepSettings(
        settings_for(dataset, "training.epochs=2"), {}, folds(3, None), pooled=True
    )
    outcome = run_sweep(settings, out)
    table = _rows(out / "predictions_test.csv")
    rows = {row.image_index: row for row in read_dataset(dataset).rows}
    assert sorted(line["Image Index"] for line in table) == sorted(rows)
    for line in _rows(out / "metrics.csv")[:-1]:
        name = line["finding"]
        scores = [float(entry[name]) for entry in table]
        truth = [rows[entry["Image Index"]].labels[name] == "1" for entry in table]
        expected = auc(scores, truth)
        assert float(line["auc"]) == pytest.approx(expected)
    (result,) = outcome.record["results"].values()
    assert len(result["pooled_mean_auc"]) == 3
    assert result["splits"] == 3


def test_folds_part_patients(dataset: Path) -> None:
    tested: list[int] = []
    for number in range(1, 6):
        split = read_with_split(dataset, fold_name(number, 5))
        parts: dict[str, set[int]] = {"train": set(), "val": set(), "test": set()}
        for row, part in zip(split.rows, split.parts, strict=True):
            parts[part].add(row.patient)
        assert not parts["train"] & parts["test"]
        assert not parts["val"] & (parts["train"] | parts["test"])
        assert len(parts["test"]) == 6
        assert len(parts["val"]) == 3
        tested += parts["test"]
    assert sorted(tested) == sorted({row.patient for row in read_dataset(dataset).rows})


def test_folds_keep_away_from_a_test_part(dataset: Path) -> None:
    kept = {row.patient for row in read_dataset(dataset, split="split_2").part("test")}
    seen: set[int] = set()
    for number in range(1, 4):
        split = read_with_split(dataset, fold_name(number, 3, "split_2"))
        for row, part in zip(split.rows, split.parts, strict=True):
            assert (part == "") == (row.patient in kept)
            if part == "test":
                seen.add(row.patient)
    assert seen == {row.patient for row in read_dataset(dataset).rows} - kept


def test_mean_and_deviation() -> None:
    assert mean_sd([]) == (None, None)
    assert mean_sd([0.5]) == (0.5, None)
    assert mean_sd([0.7, 0.8, 0.9]) == (0.8, 0.1)
