"""What train-baseline learns of drawn radiographs, and what it loses by labels from reports.

    python scripts/measure_phantom.py [--patients 590] [--film 256] [--seeds 0 1 2]
        [--recipe phantom-resnet18-small] [--workers 2] [--threads 2] [--out DIR]

The whole way by the commands: make-phantom (DICOM files and reports), mine-labels, build-dataset
twice (with the labels mined and with those drawn), train-baseline for every seed on either, with
the same images, parts, first weights and augmentations. Both models of a seed are scored against
what was drawn, on the test part, and so are their boxes.

Prints, with 95 % intervals: mean AUC over the eight findings; localization accuracy at T(IoBB) 0.5
beside that of a random map and of a centre box; and the AUC lost by training on mined labels,
paired: patients are drawn with replacement, the same for both models of a seed, and so are the
seeds. Finished steps are not done again, so a killed measurement goes on where it was.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from cxrmine.evaluation.auc import auc
from cxrmine.evaluation.patient_bootstrap import resample
from cxrmine.evaluation.predictions import read_scores
from cxrmine.phantom.lesions import FINDINGS
from cxrmine.training.recipe import load_recipe

DRAWS = 2000


def command(name: str, *arguments: object, threads: int) -> None:
    """Run one of the project's commands, as a user would."""
    words = [str(Path(sys.executable).with_name(name)), *map(str, arguments)]
    print("$", name, *words[1:], flush=True)
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, env=environment)


def prepare(out: Path, patients: int, film: int, workers: int) -> None:
    """Draw the hospital, mine its reports, and build the two data sets."""
    hospital, mined = out / "hospital", out / "mined"
    if not (hospital / "run.json").exists():
        command(
            "make-phantom",
            *("--patients", patients, "--size", film, "--out", hospital),
            *("--workers", workers, "--force"),
            threads=1,
        )
    if not (mined / "run.json").exists():
        command("mine-labels", hospital / "reports.csv", "--out", mined, "--force", threads=1)
    key = out / "key"
    if not key.exists():
        key.mkdir()
        # Not a secret here, so that the same patients are tested whenever this is run.
        (key / "key").write_text(f"{1:064x}\n", encoding="ascii")
    for name, labels in (
        ("mined", mined / "labels.csv"),
        ("drawn", hospital / "report_truth.csv"),
    ):
        if not (out / f"dataset-{name}" / "run.json").exists():
            command(
                "build-dataset",
                *("--dicom", hospital / "dicom", "--labels", labels),
                *("--boxes", hospital / "boxes", "--out", out / f"dataset-{name}"),
                # One key, or the same images would have other names.
                *("--workers", workers, "--key", key, "--force"),
                threads=1,
            )


def train(out: Path, labels: str, seed: int, recipe: str, threads: int) -> Path:
    """Train one model; return its folder."""
    run = out / f"run-{labels}-{seed}"
    if not (run / "run.json").exists():
        command(
            "train-baseline",
            *(out / f"dataset-{labels}", "--recipe", recipe, "--out", run),
            *("--set", f"training.seed={seed}"),
            *("--set", f"outputs=[{','.join(FINDINGS)}]"),
            *("--resume" if run.exists() else "--force",),
            threads=threads,
        )
    return run


def films(out: Path) -> dict[str, tuple[str, list[bool]]]:
    """Return each image's patient and what was drawn on it, in the order of FINDINGS."""
    with (out / "hospital" / "truth.csv").open(encoding="utf-8", newline="") as handle:
        truth = {row["file"]: row for row in csv.DictReader(handle)}
    with (out / "key" / "crosswalk.csv").open(encoding="utf-8", newline="") as handle:
        return {
            row["Image Index"]: (row["patient"], [film[finding] == "1" for finding in FINDINGS])
            for row in csv.DictReader(handle)
            for film in (truth[f"dicom/{row['source']}"],)
        }


def drawn_aucs(
    run: Path, truth: dict[str, tuple[str, list[bool]]], seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the AUCs of a run's test predictions against what was drawn, and those of draws.

    Returns
    -------
    ndarray, shape (findings,)
    ndarray, shape (draws, findings)
        The same `seed` draws the same patients for every run on the same images.
    """
    table = read_scores(run / "predictions_test.csv")
    scores = table.scores(FINDINGS)
    patients = [truth[image][0] for image in table.ids]
    present = np.array([truth[image][1] for image in table.ids])
    known = np.ones(present.shape, dtype=bool)
    drawn = resample(scores, present, known, patients, draws=DRAWS, seed=seed).auc
    values = [auc(scores[:, k], present[:, k]) for k in range(len(FINDINGS))]
    return np.array(values, dtype=float), drawn


def interval(drawn: np.ndarray) -> str:
    """Return the middle 95 % of draws as it is printed."""
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    return f"[{low:.4f}, {high:.4f}]"


def boxes(run: Path) -> dict[str, dict[str, str]]:
    """Return a run's row of T(IoBB) 0.5 by finding."""
    with (run / "boxes.csv").open(encoding="utf-8", newline="") as handle:
        return {
            row["finding"]: row
            for row in csv.DictReader(handle)
            if row["measure"] == "IoBB" and float(row["threshold"]) == 0.5
        }


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--patients", type=int, default=590)
    parser.add_argument("--film", type=int, default=256)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--recipe", default="phantom-resnet18-small")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("phantom-measured"))
    given = parser.parse_args()
    out: Path = given.out
    out.mkdir(parents=True, exist_ok=True)
    load_recipe(given.recipe)
    began = time.perf_counter()
    prepare(out, given.patients, given.film, given.workers)
    truth = films(out)
    lost = []
    for seed in given.seeds:
        of = {}
        for labels in ("mined", "drawn"):
            run = train(out, labels, seed, given.recipe, given.threads)
            value, drawn = drawn_aucs(run, truth, seed=0)
            of[labels] = (value.mean(), drawn.mean(axis=1))
            place = boxes(run)["mean"], boxes(run)["all"]
            record = json.loads((run / "run.json").read_text(encoding="utf-8"))
            print(
                f"seed {seed}, {labels} labels: mean AUC {value.mean():.4f} "
                f"{interval(drawn.mean(axis=1))} on {record['counts']['test']} test images, "
                f"{record['counts']['train']} trained on; boxes at T(IoBB) 0.5: mean over findings "
                f"{float(place[0]['accuracy']):.3f}, of all {place[1]['n']} "
                f"{float(place[1]['accuracy']):.3f} [{float(place[1]['accuracy_low']):.3f}, "
                f"{float(place[1]['accuracy_high']):.3f}], random map "
                f"{float(place[1]['random_accuracy']):.3f}, centre box "
                f"{float(place[1]['centre_accuracy']):.3f}",
                flush=True,
            )
        lost.append((of["drawn"][0] - of["mined"][0], of["drawn"][1] - of["mined"][1]))
        print(f"seed {seed}: AUC lost by mined labels {lost[-1][0]:+.4f} {interval(lost[-1][1])}")
    generator = np.random.default_rng(0)
    # Seeds are drawn as patients are: another seed would have given another difference.
    drawn = np.array([each[1] for each in lost])
    picked = generator.integers(len(lost), size=(DRAWS, len(lost)))
    both = drawn[picked, np.arange(DRAWS)[:, None]].mean(axis=1)
    mean = float(np.mean([each[0] for each in lost]))
    print(
        f"AUC lost by training on mined labels, paired over {len(lost)} seeds: {mean:+.4f} "
        f"{interval(both)} (95 %, patients and seeds drawn with replacement; target at most 0.01)"
    )
    print(f"{platform.processor() or platform.machine()}, {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
