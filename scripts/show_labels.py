"""Print what a run of mine-labels found: a line a finding, its mentions by status, its labels.

python scripts/show_labels.py run
"""

from __future__ import annotations

import csv
import sys
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq

from cxrmine.labeling.mention import STATUSES


def main(run: Path) -> None:
    mentions = pq.read_table(run / "mentions.parquet", columns=["finding", "status"])
    status_of = Counter(
        zip(mentions["finding"].to_pylist(), mentions["status"].to_pylist(), strict=True)
    )
    with (run / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        columns = [name for name in rows.fieldnames or () if name != "report_id"]
        positive = Counter(name for row in rows for name in columns if row[name] == "1")

    width = max(len(name) for name in columns)
    print(" " * width, *(f"{status:>12}" for status in STATUSES), f"{'reports = 1':>13}")
    for name in columns:
        counts = (status_of[name, status] for status in STATUSES)
        print(f"{name:{width}}", *(f"{n or '·':>12}" for n in counts), f"{positive[name]:>13}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: show_labels.py RUN (the output folder of mine-labels)")
    main(Path(sys.argv[1]))
