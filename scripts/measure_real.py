"""What a network trained from scratch learns of the few real radiographs at hand.

    python scripts/measure_real.py [--nih ../shared/data/nih] [--recipe resnet18-scratch]
        [--folds 5] [--least 20] [--workers 2] [--threads 2] [--out DIR]

build-dataset reads the ChestX-ray14 images of a folder. Then train-baseline learns, of the images
in the official training and validation list, the findings that at least --least of them have: once
in folds by patient, whose predictions are pooled, and once on all of that part, for the official
test part and the boxes of its images (descriptive: they are few). Nothing is chosen by a test
part: the recipe fixes the number of epochs, and keeps the last.

Prints mean AUCs with 95 % intervals, by a bootstrap of patients. Finished steps are not done again.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from pathlib import Path

from measure_phantom import boxes, command

from cxrmine.dataset.read import read_dataset
from cxrmine.evaluation.findings import FINDINGS_14


def frequent(dataset: Path, least: int) -> list[str]:
    """Return the findings that enough images outside of the official test part have."""
    rows = read_dataset(dataset, split="official").part("train", "val")
    known = [set(row.finding_labels.split("|")) for row in rows]
    return [f for f in FINDINGS_14 if sum(f in named for named in known) >= least]


def told(run: Path) -> str:
    """Return the mean AUC of a run as it is printed."""
    with (run / "metrics.csv").open(encoding="utf-8", newline="") as handle:
        row = next(row for row in csv.DictReader(handle) if row["finding"] == "mean")
    auc, low, high = (float(row[name]) for name in ("auc", "auc_low", "auc_high"))
    return f"mean AUC {auc:.3f} [{low:.3f}, {high:.3f}] on {row['n']} images"


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nih", type=Path, default=Path("../shared/data/nih"))
    parser.add_argument("--recipe", default="resnet18-scratch")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--least", type=int, default=20)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("real-measured"))
    given = parser.parse_args()
    out: Path = given.out
    out.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    dataset = out / "dataset"
    if not (dataset / "run.json").exists():
        command(
            "build-dataset",
            *("--from", "nih", given.nih, "--out", dataset, "--workers", given.workers, "--force"),
            threads=1,
        )
    outputs = f"outputs=[{','.join(frequent(dataset, given.least))}]"
    pooled, official = out / "folds", out / "official"
    for run, more in (
        (pooled, ("--folds", given.folds, "--leave-out", "official")),
        (official, ("--set", "split=official")),
    ):
        if not (run / "run.json").exists():
            command(
                "train-baseline",
                *(dataset, "--recipe", given.recipe, "--set", outputs, *more, "--out", run),
                "--resume" if run.exists() else "--force",
                threads=given.threads,
            )
    print(f"{outputs}: those that {given.least} images or more have")
    print(f"{given.folds} folds by patient, pooled, official test part kept away: {told(pooled)}")
    record = json.loads((official / "run.json").read_text(encoding="utf-8"))
    print(
        f"official test part, {record['counts']['train']} images trained on: {told(official)}; "
        "chance 0.5"
    )
    place = boxes(official)["all"]
    print(
        f"boxes at T(IoBB) 0.5: {float(place['accuracy']):.3f} "
        f"[{float(place['accuracy_low']):.3f}, {float(place['accuracy_high']):.3f}] of "
        f"{place['n']} on {place['images']} images, random map "
        f"{float(place['random_accuracy']):.3f}, centre box {float(place['centre_accuracy']):.3f}"
    )
    print(f"{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
