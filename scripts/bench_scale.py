"""Measure ``mine-labels`` on many made-up reports: speed by workers, memory of every process.

    python scripts/bench_scale.py --reports 200000 --workers 1 --workers 2

Prints one line a run: seconds, reports per second, the speed-up over the first run, and the peak
resident memory of the main process and of the largest worker. The reports are made up here from
sentences of our own; most sentences hold a number of their own, so that nearly all are distinct
(in real reports about 40 % are), which is the worst case for caches and for memory. Needs psutil
(extra ``[dev]``). Measure on a quiet machine.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

FINDINGS = (
    "pleural effusion",
    "pneumothorax",
    "atelectasis",
    "cardiomegaly",
    "pneumonia",
    "pulmonary edema",
    "consolidation",
    "rib fracture",
    "granuloma",
    "scarring",
)
SIDES = ("left", "right", "bilateral", "left basilar", "right apical", "retrocardiac")
SHAPES = (
    "There is a small {side} {a}, about {number} mm.",
    "No {a}, {b}, or {c} is seen on image {number}.",
    "The {side} lung is clear of {a} and {b} at level {number}.",
    "The opacity at level {number} may represent {a} versus {b}.",
    "Compared with study {number}, the {side} {a} has resolved.",
    "The cardiac silhouette is normal in size, ratio 0.{number}.",
    "The heart and the mediastinum are unremarkable.",
    "Repeat view {number} if {a} is suspected.",
)


def made_reports(count: int) -> Iterator[tuple[str, str]]:
    """Yield (id, text) of `count` reports, the same ones every time."""
    chance = random.Random(20)
    for index in range(count):
        sentences = []
        for _ in range(chance.randint(4, 8)):
            a, b, c = chance.sample(FINDINGS, 3)
            shape = chance.choice(SHAPES)
            number = chance.randint(1, 999_999)
            sentences.append(shape.format(a=a, b=b, c=c, side=chance.choice(SIDES), number=number))
        middle = len(sentences) // 2
        findings, impression = " ".join(sentences[:middle]), " ".join(sentences[middle:])
        yield f"made-{index:08d}", f"FINDINGS: {findings}\n\nIMPRESSION: {impression}"


def watched(command: list[str]) -> tuple[float, float, float, float]:
    """Run a command; return its seconds, CPU seconds and peak MiB of itself and of one child."""
    before = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    family = psutil.Process(process.pid)
    main = child = 0
    cpu: dict[int, float] = {}
    while process.poll() is None:
        try:
            main = max(main, family.memory_info().rss)
            for one in [family, *family.children(recursive=True)]:
                times = one.cpu_times()
                cpu[one.pid] = times.user + times.system
                if one.pid != family.pid:
                    child = max(child, one.memory_info().rss)
        except psutil.Error:
            pass
        time.sleep(0.2)
    seconds = time.perf_counter() - before
    if process.returncode:
        raise SystemExit(f"failed with status {process.returncode}: {' '.join(command)}")
    return seconds, sum(cpu.values()), main / 2**20, child / 2**20


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--reports", type=int, default=200_000)
    options.add_argument("--workers", type=int, action="append")
    options.add_argument("--keep", type=Path, help="write the reports and the runs there")
    options.add_argument("--evidence", action="store_true")
    given = options.parse_args()
    folder = given.keep or Path(tempfile.mkdtemp(prefix="cxrmine-scale-"))
    folder.mkdir(parents=True, exist_ok=True)
    source = folder / f"reports-{given.reports}.csv"
    if not source.exists():
        with source.open("w", encoding="utf-8", newline="") as handle:
            writer = csv.writer(handle)
            writer.writerow(["report_id", "text"])
            writer.writerows(made_reports(given.reports))
    print(f"{given.reports:,} reports, {source.stat().st_size / 2**20:.0f} MiB")
    print("workers  seconds  reports/s  speed-up  CPU s  main MiB  worker MiB")
    first = 0.0
    for workers in given.workers or [1, 2]:
        out = folder / f"run-{workers}"
        command = [sys.executable, "-m", "cxrmine", "mine-labels", str(source), "--out", str(out)]
        command += ["--workers", str(workers), "--force"]
        if given.evidence:
            command.append("--evidence")
        seconds, cpu, own, child = watched(command)
        counts = json.loads((out / "run.json").read_text())["counts"]
        assert counts["labeled"] == given.reports, counts
        first = first or seconds
        print(
            f"{workers:7d} {seconds:8.1f} {given.reports / seconds:10,.0f} {first / seconds:9.2f}"
            f" {cpu:6.0f} {own:9.0f} {child:11.0f}",
            flush=True,
        )
    if given.keep is None:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
