"""Time the drawing of boxes: heat maps of 880 images × 8 findings, by default at 1,024 pixels.

Usage: python scripts/bench_boxes.py [--size 1024] [--images 880] [--workers 2] [--upsample N]

Maps are smooth random ones that fill 0 to 255; making them is not timed. Prints the seconds, and the load of the machine, without which they mean little.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from concurrent.futures import ProcessPoolExecutor

import numpy as np

from cxrmine.localization.boxes import boxes_from_maps, interpolated

FINDINGS = 8


def maps(number: int, size: int, seed: int) -> np.ndarray:
    values = interpolated(np.random.default_rng(seed).random((number, 8, 8)), size)
    low, high = values.min(axis=(1, 2), keepdims=True), values.max(axis=(1, 2), keepdims=True)
    return ((values - low) / (high - low) * 255).astype(np.uint8)


def work(images: int, size: int, upsample: int | None, seed: int) -> tuple[float, float, int]:
    stack = maps(2 * FINDINGS, size, seed)
    wall, processor, boxes = time.perf_counter(), time.process_time(), 0
    for image in range(images):
        first = image % FINDINGS
        boxes += len(boxes_from_maps(stack[first : first + FINDINGS], resolution=upsample))
    return time.perf_counter() - wall, time.process_time() - processor, boxes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--images", type=int, default=880)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--upsample", type=int, default=None)
    given = parser.parse_args()
    load = os.getloadavg()[0]
    share = [given.images // given.workers] * given.workers
    share[0] += given.images - sum(share)
    with ProcessPoolExecutor(given.workers) as pool:
        done = list(
            pool.map(work, share, [given.size] * given.workers,
                     [given.upsample] * given.workers, range(given.workers))
        )  # fmt: skip
    print(
        f"{given.images} images × {FINDINGS} findings at {given.size} pixels: "
        f"{max(wall for wall, _, _ in done):.1f} s on {given.workers} processes "
        f"({sum(cpu for _, cpu, _ in done):.1f} s of processor time), "
        f"{sum(boxes for _, _, boxes in done):,} boxes; target 30 s on two cores"
    )
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, load {load:.1f} before, NumPy {np.__version__}"
    )


if __name__ == "__main__":
    main()
