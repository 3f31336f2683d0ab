"""Made-up reports by the thousand, for tests of runs; no sentence is from a data set."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator
from pathlib import Path

from cxrmine.reports.report import Report

FINDINGS = ("pleural effusion", "pneumothorax", "atelectasis", "cardiomegaly", "pneumonia", "edema")
SIDES = ("left", "right", "left basilar", "right apical", "bilateral")
SHAPES = (
    "There is a {side} {a} of about {number} mm.",
    "No {a}, {b}, or {c} is seen on image {number}.",
    "The {side} lung is clear of {a} and {b} at level {number}.",
    "Opacity {number} may represent {a} or {b}.",
    "Mark {number} shows that the previous {a} has resolved.",
    "Heart size is normal, ratio 0.{number}.",
    "Repeat view {number} if {a} is suspected.",
)


def made_reports(count: int, seed: int = 1) -> Iterator[Report]:
    """Yield `count` different reports; every 50th is empty."""
    chance = random.Random(seed)
    for index in range(count):
        sentences = []
        for _ in range(chance.randint(3, 7)):
            a, b, c = chance.sample(FINDINGS, 3)
            sentences.append(
                chance.choice(SHAPES).format(
                    a=a, b=b, c=c, side=chance.choice(SIDES), number=chance.randint(1, 9999)
                )
            )
        middle = len(sentences) // 2
        text = (
            f"FINDINGS: {' '.join(sentences[:middle])}\nIMPRESSION: {' '.join(sentences[middle:])}"
        )
        yield Report(f"made-{index:06d}", "" if index % 50 == 49 else text)


def write_reports(path: Path, count: int, seed: int = 1) -> Path:
    """Write made reports as a CSV and return its path."""
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["report_id", "text"])
        writer.writerows((report.report_id, report.text) for report in made_reports(count, seed))
    return path


def contents(folder: Path) -> dict[str, bytes]:
    """Return the files of a finished run but for ``timing.json``, which may differ."""
    return {
        path.name: path.read_bytes()
        for path in sorted(folder.iterdir())
        if path.name != "timing.json"
    }
