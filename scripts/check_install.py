"""Check that an installed cxrmine is whole: run it with the Python that it is installed in.

Outside a checkout, in an environment that holds nothing but the wheel, this shows that the wheel
carries the rules, the vocabulary, the samples and the parser, that the console script labels
reports, that clauses are clustered and drawn, and that build-dataset
builds or names its extra. Exits 1 with a sentence for the first thing that is missing.
"""

from __future__ import annotations

import csv
import subprocess
import sys
import tempfile
from pathlib import Path

import cxrmine
from cxrmine.resources import data_dir, samples_dir

REPORT = "FINDINGS: Small left pleural effusion. No pneumothorax.\nIMPRESSION: Left effusion."


def main() -> None:
    package = Path(cxrmine.__file__).resolve().parent
    if Path(sys.prefix).resolve() not in package.parents:
        sys.exit(f"cxrmine was imported from {package}, not from the environment {sys.prefix}")
    for folder in (data_dir("rules"), data_dir("vocab"), samples_dir()):
        if package not in folder.parents or not any(folder.rglob("*.*")):
            sys.exit(f"{folder} is empty or lies outside the package")

    report = cxrmine.Labeler.load().label(REPORT)
    found = {(mention.finding, mention.status) for mention in report.mentions}
    if not found >= {("Effusion", "present"), ("Pneumothorax", "absent")}:
        sys.exit(f"the labeler found {sorted(found)} in {REPORT!r}")

    with tempfile.TemporaryDirectory() as folder:
        reports = samples_dir() / "reports.csv"
        command = [Path(sys.executable).parent / "mine-labels", reports, "--out", folder]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL, cwd=folder)
        with (
            reports.open(encoding="utf-8", newline="") as wanted,
            (Path(folder) / "labels.csv").open(encoding="utf-8", newline="") as labels,
        ):
            ids = [row["report_id"] for row in csv.DictReader(wanted)]
            if ids != [row["report_id"] for row in csv.DictReader(labels)]:
                sys.exit("labels.csv does not hold the sample reports in their order")

    with tempfile.TemporaryDirectory() as folder:
        reports = samples_dir() / "clauses" / "reports.csv"
        command = [Path(sys.executable).parent / "cluster-clauses", reports, "--out", folder]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL, cwd=folder)
        for name in ("clusters.csv", "clusters.html", "clusters.png", "terms.yaml"):
            if not (Path(folder) / name).stat().st_size:
                sys.exit(f"cluster-clauses wrote an empty {name}")
    # Without the extra [dicom] the command says what to install; with it, it builds.
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "dataset"
        command = [Path(sys.executable).parent / "build-dataset", "--dicom"]
        command += [samples_dir() / "dicom", "--out", out]
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL
        )
        built = done.returncode == 0 and (out / "dataset_card.md").is_file()
        if not built and not (done.returncode == 2 and "cxrmine[dicom]" in done.stderr):
            sys.exit(f"build-dataset neither built nor named its extra: {done.stderr}")
    print(f"cxrmine {cxrmine.__version__} in {package} is whole: {len(ids)} samples labelled.")


if __name__ == "__main__":
    main()
