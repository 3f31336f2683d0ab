"""The whole way on drawn radiographs, by the commands, scored against what was drawn.

DICOM files and reports → mine-labels → build-dataset → train-baseline → evaluate-classifier and
evaluate-boxes. About 1,000 images at 128 pixels; the training takes most of the time (some seven
minutes on two cores). The bounds leave room for processors that round otherwise: from seed to seed
such a short training varies by some hundredths.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the extra [train] is not installed")
pytest.importorskip("torchvision", reason="the extra [train] is not installed")
pytest.importorskip("pydicom", reason="the extra [dicom] is not installed")

from cxrmine.dataset.read import read_dataset
from cxrmine.phantom.lesions import FINDINGS

PATIENTS = 590
RECIPE = "phantom-resnet18-small"


@dataclass(frozen=True)
class Way:
    """The folders along the way."""

    hospital: Path
    mined: Path
    dataset: Path
    trained: Path
    auc: Path
    located: Path


def rows(path):
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def run(name, *arguments):
    # Where tests share the cores, threads that wait for one another at every layer would share
    # them badly.
    threads = max(1, (os.cpu_count() or 1) // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1)))
    done = subprocess.run(
        [Path(sys.executable).with_name(name), *map(str, arguments)],
        env={**os.environ, "OMP_NUM_THREADS": str(threads)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.fixture(scope="module")
def way(tmp_path_factory):
    top = tmp_path_factory.mktemp("way")
    way = Way(*(top / name for name in ("hospital", "mined", "dataset", "trained", "auc", "boxes")))
    run("make-phantom", "--patients", PATIENTS, "--size", 256, "--out", way.hospital)
    run("mine-labels", way.hospital / "reports.csv", "--out", way.mined)
    # A secret of its own would give other patients to the test part in every run.
    key = top / "key"
    key.mkdir()
    (key / "key").write_text(f"{1:064x}\n", encoding="ascii")
    run(
        "build-dataset",
        *("--dicom", way.hospital / "dicom", "--labels", way.mined / "labels.csv"),
        *("--boxes", way.hospital / "boxes", "--out", way.dataset, "--key", key),
    )
    run(
        "train-baseline",
        *(way.dataset, "--recipe", RECIPE, "--out", way.trained),
        *("--set", f"outputs=[{','.join(FINDINGS)}]"),
    )
    truth = top / "drawn.csv"
    with truth.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["Image Index", *FINDINGS])
        writer.writerows(drawn(way))
    run("evaluate-classifier", way.trained / "predictions_test.csv", truth, "--out", way.auc)
    run(
        "evaluate-boxes",
        *(way.trained / "predicted_boxes.csv", way.dataset, "--part", "test"),
        *("--out", way.located),
    )
    return way


def drawn(way):
    """Yield each test image with what was drawn on it, by the phantom's own table of films."""
    tested = {row["Image Index"] for row in rows(way.trained / "predictions_test.csv")}
    films = {row["file"]: row for row in rows(way.hospital / "truth.csv")}
    for row in rows(way.dataset.with_name("key") / "crosswalk.csv"):
        if row["Image Index"] in tested:
            film = films[f"dicom/{row['source']}"]
            yield [row["Image Index"], *(film[finding] for finding in FINDINGS)]


def test_nearly_every_label_is_mined_as_it_was_drawn(way):
    by_report = {row["report_id"]: row for row in rows(way.hospital / "report_truth.csv")}
    found = {row["report_id"]: row for row in rows(way.mined / "labels.csv")}
    assert found.keys() == by_report.keys()
    cells = [
        (found[report][finding] == "1", row[finding] == "1")
        for report, row in by_report.items()
        for finding in FINDINGS
    ]
    hits = sum(a and b for a, b in cells)
    wrong = sum(a != b for a, b in cells)
    assert hits > 500
    assert 2 * hits / (2 * hits + wrong) > 0.99


def test_every_drawn_film_is_in_the_data_set(way):
    films = [row for row in rows(way.hospital / "truth.csv") if row["view"] in ("PA", "AP")]
    dataset = read_dataset(way.dataset)
    assert len(dataset.rows) == len(films)
    assert 900 < len(films) < 1200


def test_the_classifier_knows_what_was_drawn(way):
    scores = {row["finding"]: row for row in rows(way.auc / "metrics.csv")}
    assert set(scores) == {*FINDINGS, "mean"}
    assert float(scores["mean"]["auc"]) > 0.93


def test_its_heat_maps_point_at_the_lesions(way):
    half = {
        row["finding"]: row
        for row in rows(way.located / "boxes.csv")
        if row["measure"] == "IoBB" and float(row["threshold"]) == 0.5
    }
    # So short a training points well at some findings and beside others, another seed at others:
    # 0.36 to 0.68 of the boxes in five trainings. `phantom-resnet18` at 224 pixels finds 0.80.
    assert float(half["all"]["accuracy"]) > 2 * float(half["all"]["random_accuracy"])
    assert float(half["mean"]["afp"]) < float(half["mean"]["random_afp"])


def test_the_boxes_scored_by_the_command_are_those_of_the_run(way):
    own = rows(way.trained / "boxes.csv")
    other = rows(way.located / "boxes.csv")
    same = ("measure", "threshold", "finding", "n", "hits")
    assert [[row[key] for key in same] for row in own] == [
        [row[key] for key in same] for row in other
    ]


def test_the_run_says_what_it_was_trained_on(way):
    record = json.loads((way.trained / "run.json").read_text(encoding="utf-8"))
    assert record["name"] == RECIPE
    assert record["findings"] == list(FINDINGS)
    assert record["counts"]["test"] == len(list(drawn(way))) > 150
