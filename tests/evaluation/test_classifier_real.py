"""The figures that others published for predictions that are public: ours must be the same."""

from __future__ import annotations

import csv
import io
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from cxrmine.evaluation.classifier_report import METRIC_COLUMNS, metric_rows
from cxrmine.evaluation.classifier_scores import evaluate
from cxrmine.evaluation.evaluate_classifier import Options, evaluate_classifier
from cxrmine.evaluation.predictions import Paired, pair, read_gold, read_scores
from cxrmine.tables import read_csv

MODELS = ("desmond", "drnet", "hieupham", "ihil", "jfaboy", "ngango2", "ngango3", "sensexdr",
          "uestc", "yww211")  # fmt: skip
FIVE = ("Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Pleural Effusion")


def plain(path: Path) -> dict[str, dict[str, float]]:
    """A table by study and finding, read with nothing of ours."""
    with path.open() as handle:
        return {
            row.pop("Study"): {k: float(v) for k, v in row.items()}
            for row in csv.DictReader(handle)
        }


@pytest.fixture(scope="module")
def chexnet(data_dir: Path) -> Paired:
    """A published DenseNet-121's scores and the label table of ChestX-ray14."""
    nih = data_dir / "nih"
    gold = read_gold(nih / "Data_Entry_2017_v2020.csv.gz")
    return pair(read_scores(nih / "chexnet_reproduction_preds.csv.gz"), gold)


def test_the_reproduction_of_chexnet(data_dir: Path, chexnet: Paired):
    found = evaluate(
        chexnet.findings, chexnet.scores, chexnet.truth, chexnet.known, chexnet.patients,
        interval="delong", draws=0,
    )  # fmt: skip
    rows = metric_rows(found, (), measured_on="")
    ours = {str(row[0]): dict(zip(METRIC_COLUMNS, row, strict=True)) for row in rows}
    with (data_dir / "nih" / "chexnet_reproduction_aucs.csv").open() as handle:
        theirs = {r["label"]: float(r["auc"]) for r in csv.DictReader(handle)}
    assert len(theirs) == 14
    assert len(ours) == 15
    for finding, area in theirs.items():
        assert ours[finding]["auc"] == pytest.approx(area, abs=1e-6)
        assert ours[finding]["auc_low"] < area < ours[finding]["auc_high"]
        assert ours[finding]["n"] == 22433
    assert ours["mean"]["auc"] == pytest.approx(np.mean(list(theirs.values())), abs=1e-6)


def test_patients_of_the_reproduction_make_intervals_wider(chexnet: Paired):
    assert chexnet.several_images_of_a_patient()
    part = chexnet.at(np.arange(len(chexnet.ids)), ["Pneumothorax", "Effusion"])
    results = [
        evaluate(part.findings, part.scores, part.truth, patients=patients, draws=300, interval=how)
        for patients, how in (
            (part.patients, "bootstrap"),
            (part.patients, "delong"),
            (None, "delong"),
        )
    ]
    assert "Obuchowski" in results[1].interval
    for k in range(2):
        boot, clustered, blind = (r.findings[k].auc.high - r.findings[k].auc.low for r in results)
        assert boot == pytest.approx(clustered, rel=0.15)
        assert clustered > 1.3 * blind


@pytest.fixture(scope="module")
def chexpert(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The ten leaderboard models and three radiologists, evaluated in one run."""
    test = data_dir / "chexpert_test"
    predictions = test / "example_models" / "predictions" / "standard"
    paths = [predictions / f"{name}_predictions.csv" for name in MODELS]
    paths.sort(key=lambda path: "hieupham" not in path.name)
    out = tmp_path_factory.mktemp("chexpert") / "out"
    options = Options(
        paths[0],
        test / "groundtruth.csv",
        out,
        compare=tuple(paths[1:]),
        readers=tuple(sorted((test / "radiologists" / "benchmark_radiologists").glob("*.csv"))),
        bootstrap=0,
    )
    assert evaluate_classifier(options, io.StringIO()) == 0
    return test, out


def test_the_leaderboard_models(chexpert: tuple[Path, Path]):
    test, out = chexpert
    gold = plain(test / "groundtruth.csv")
    ours = {(r["model"], r["finding"]): r for r in read_csv(out / "models.csv")[1]}
    for name in MODELS:
        scores = plain(
            test / "example_models" / "predictions" / "standard" / f"{name}_predictions.csv"
        )
        areas = []
        for finding in FIVE:
            positives = np.array([scores[s][finding] for s in gold if gold[s][finding] == 1])
            negatives = np.array([scores[s][finding] for s in gold if gold[s][finding] == 0])
            d = positives[:, None] - negatives[None, :]
            areas.append(float((d > 0).mean() + (d == 0).mean() / 2))
            assert float(ours[name, finding]["auc"]) == pytest.approx(areas[-1], abs=1e-8)
        assert float(ours[name, "mean"]["auc"]) == pytest.approx(np.mean(areas), abs=1e-7)
    assert round(float(ours["hieupham", "mean"]["auc"]), 4) == 0.9243  # by scikit-learn


def test_how_many_radiologists_lie_below_each_curve(chexpert: tuple[Path, Path]):
    test, out = chexpert
    gold = plain(test / "groundtruth.csv")
    ours = {(r["model"], r["finding"]): r for r in read_csv(out / "models.csv")[1]}
    benchmark = test / "radiologists" / "benchmark_radiologists"
    readers = [plain(path) for path in sorted(benchmark.glob("*.csv"))]
    assert len(readers) == 3
    for name in MODELS:
        scores = plain(
            test / "example_models" / "predictions" / "standard" / f"{name}_predictions.csv"
        )
        for finding in FIVE:
            truth = np.array([gold[s][finding] == 1 for s in gold])
            values = np.array([scores[s][finding] for s in gold])
            # All thresholds one by one; between two neighbours a straight line.
            points = [(0.0, 0.0)]
            for t in sorted(set(values), reverse=True):
                points.append(
                    (float((values[~truth] >= t).mean()), float((values[truth] >= t).mean()))
                )
            below = 0
            for reader in readers:
                called = np.array([reader[s][finding] == 1 for s in gold])
                fpr, tpr = called[~truth].mean(), called[truth].mean()
                reached = max(
                    y0 + (y1 - y0) * ((fpr - x0) / (x1 - x0) if x1 > x0 else 1.0)
                    for (x0, y0), (x1, y1) in pairwise(points)
                    if x0 <= fpr <= x1
                )
                below += bool(reached > tpr + 1e-9)
            row = ours[name, finding]
            assert (row["readers"], row["readers_below"]) == ("3", str(below))
    counts = [float(ours[name, "mean"]["readers_below"]) for name in MODELS]
    assert min(counts) == 2.4
    assert max(counts) == 2.8


def test_scores_outside_the_unit_interval_leave_only_calibration_blank(
    chexpert: tuple[Path, Path],
):
    _, out = chexpert
    for row in read_csv(out / "models.csv")[1]:
        if row["finding"] == "mean":
            continue
        outside = (row["model"], row["finding"]) in {
            ("desmond", "Edema"),
            ("desmond", "Pleural Effusion"),
            ("ngango2", "Atelectasis"),
        }
        assert (row["brier"] == "") == outside, row
        assert row["auc"]
        assert row["sensitivity"]


def test_rank_correlations_of_the_models(chexpert: tuple[Path, Path]):
    _, out = chexpert
    rows = read_csv(out / "rank_correlation.csv")[1]
    assert len(rows) == 45 * 6
    means = {
        (r["first"], r["second"]): float(r["spearman"]) for r in rows if r["finding"] == "mean"
    }
    assert means["hieupham", "ngango2"] > 0.99  # a model and its ensemble
    assert all(0.7 < rho <= 1 for rho in means.values())
