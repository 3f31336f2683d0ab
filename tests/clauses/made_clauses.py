"""Made-up diagnosis reports in two languages, for tests of runs; no text is from a data set."""

from __future__ import annotations

import csv
import random
from pathlib import Path

DIAGNOSES = (
    ("心肺未见异常", "两肺心膈未见明显异常", "heart and lungs clear"),
    ("双肺纹理增多", "两肺纹理增重", "双肺纹理略多"),
    ("主动脉硬化", "主动脉结钙化", "aorta calcified"),
    ("右侧胸腔积液", "右侧少量胸水", "pleural effusion on the right"),
    ("left lung base with a plate", "plate at the left lung base 12 mm"),
    ("=sum of ribs", "healed rib fracture, 7th rib", "-old rib fracture"),
)


def made_reports(count: int, seed: int = 1) -> list[tuple[str, str]]:
    """Return (id, diagnosis) of `count` reports; every 20th is empty."""
    chance = random.Random(seed)
    reports = []
    for index in range(count):
        size = chance.choice((1, 1, 1, 2, 3))
        clauses = []
        for wordings in chance.sample(DIAGNOSES, size):
            clause = chance.choice(wordings)
            if chance.random() < 0.5:  # a slip
                at = chance.randrange(len(clause))
                clause = clause[:at] + chance.choice("肺心xz🫁") + clause[at + 1 :]
            clauses.append(clause)
        reports.append((f"made-{index:05d}", "" if index % 20 == 19 else "；".join(clauses) + "。"))
    return reports


def write_reports(path: Path, reports: list[tuple[str, str]]) -> Path:
    """Write reports as a CSV with a column of diagnoses and return its path."""
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["report_id", "diagnosis"])
        writer.writerows(reports)
    return path


def contents(folder: Path) -> dict[str, bytes]:
    """Return the files of a finished run but for ``timing.json``, which may differ."""
    return {
        path.name: path.read_bytes()
        for path in sorted(folder.iterdir())
        if path.name != "timing.json"
    }
