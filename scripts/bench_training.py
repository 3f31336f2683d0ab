"""Speed of training: the cache, the loader's share of an epoch, images a second against the bound.

    python scripts/bench_training.py [cache] [share] [step]
        [--device cpu|cuda] [--model resnet18 …] [--size 224 …] [--batch 16] [--images 2000]
        [--steps 20] [--rounds 5] [--threads 2] [--folder DIR]

- cache: PNG files to the cache, images a second with one thread and with as many as --threads.
- share: what loader and augmentation take of the time of an epoch: the seconds that the loop waits
  for its batches by all its seconds (on a CPU, where the two take turns).
- step: images a second from the cache through augmentation to the optimiser's step, beside the
  same step on one random batch that lies on the device, in turns in one run.

Without names all of them. The step is train-baseline's own: its loop (`cxrmine.training.loop.Loop`)
on a model set up as it sets up its own (`cxrmine.training.loop.set_up`: channels last anywhere;
TF32 and cuDNN's search on a GPU), in bf16 on GPUs and on CPUs with instructions for it
(`cxrmine.training.precision`; the first line says which), else in float32. The cache for `share` and `step` is noise, of which the loader knows
nothing; it is read once before, so that it lies in the system's memory.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from cxrmine.dataset.data_entry import write_data_entry
from cxrmine.dataset.manifest import write_manifest
from cxrmine.dataset.model import ImageRow
from cxrmine.dataset.read import read_dataset
from cxrmine.dataset.splits import make_splits, write_splits
from cxrmine.training.augment import Augment, AugmentConfig
from cxrmine.training.batches import Batch, Batches
from cxrmine.training.cache import open_cache
from cxrmine.training.distributed import Ranks
from cxrmine.training.labels import Labels
from cxrmine.training.loop import Clock, Loop, set_up
from cxrmine.training.precision import in_half
from cxrmine.training.predict import build_model
from cxrmine.training.recipe import change_recipe, load_recipe

PARTS = ("cache", "share", "step")
# What is cached for a crop: 256 for 224 and 480 for 448, as the recipes have it.
CACHED = {224: 256, 448: 480, 128: 144}
FINDINGS = tuple(f"finding {number}" for number in range(14))


class Store:
    """Images of noise in a file that is mapped into memory, as a cache's are."""

    def __init__(self, folder: Path, number: int, side: int) -> None:
        path = folder / f"noise-{number}-{side}.npy"
        if not path.exists():
            rng = np.random.default_rng(0)
            noise = np.lib.format.open_memmap(path, "w+", np.uint8, (number, side, side))
            for row in range(number):
                noise[row] = rng.integers(0, 256, (side, side), dtype=np.uint8)
            noise.flush()
        self.images: NDArray[np.uint8] = np.load(path, mmap_mode="r")
        self.images.sum(dtype=np.int64)  # into memory


class OneBatch:
    """The bound: one random batch on the device, again and again."""

    def __init__(self, like: Batches, crop: int) -> None:
        self.batch, self._steps = like.batch, len(like)
        generator = torch.Generator().manual_seed(0)
        x = torch.randn(like.batch, 3, crop, crop, generator=generator).to(like.device)
        x = x.to(memory_format=torch.channels_last)
        targets = torch.randint(0, 2, (like.batch, len(FINDINGS)), generator=generator)
        self._made: Batch = (
            x,
            targets.float().to(like.device),
            torch.ones_like(targets, dtype=torch.bool).to(like.device),
        )

    def __len__(self) -> int:
        return self._steps

    def epoch(self, number: int, start_step: int = 0) -> Iterator[Batch]:
        """Yield it as often as the others have steps."""
        for _ in range(start_step, self._steps):
            yield self._made


def loops(options: argparse.Namespace, model: str, crop: int, folder: Path) -> tuple[Loop, Loop]:
    """Return train-baseline's loop on batches from a cache, and on one batch that stays."""
    store = Store(folder, options.images, CACHED.get(crop, crop + crop // 7))
    rng = np.random.default_rng(1)
    targets = rng.integers(0, 2, (options.images, len(FINDINGS))).astype(np.float32)
    labels = Labels(FINDINGS, targets, np.ones(targets.shape, bool))
    device = torch.device(options.device)
    augment = Augment(AugmentConfig(size=crop), channels_last=True)
    rows = np.arange(options.images)[: options.steps * options.batch]
    resident = {"auto": "auto", "yes": True, "no": False}[options.resident]
    batches = Batches(store, labels, rows, options.batch, 0, device, augment, resident=resident)
    recipe = change_recipe(
        load_recipe("densenet121"),
        (
            f"model={model}",
            "weights=random",
            f"training.batch={options.batch}",
            "training.accumulation=1",
            "optimizer.lr=0.0001",
        ),
    )
    network = build_model(recipe, len(FINDINGS)).to(device)
    set_up(network, device)
    return (
        Loop(network, batches, recipe, Ranks(), print),
        Loop(network, OneBatch(batches, crop), recipe, Ranks(), print),  # type: ignore[arg-type]
    )


def one_epoch(loop: Loop, number: int) -> float:
    """Return the seconds of an epoch, all work on the device finished."""
    loop.place.epoch, loop.place.step = number, 0
    loop.place.losses.clear()
    clock = Clock(torch.device(next(loop.model.parameters()).device))
    for _ in loop.epoch():
        pass
    return clock.seconds()


def bench_step(options: argparse.Namespace, folder: Path) -> None:
    for crop in options.size:
        for model in options.model:
            ours, bound = loops(options, model, crop, folder)
            number = len(ours.batches) * options.batch
            seconds: dict[str, list[float]] = {"ours": [], "bound": []}
            for count in range(options.rounds + 1):
                both = {"ours": one_epoch(ours, count), "bound": one_epoch(bound, count)}
                if count:  # the first is for compiling, allocating and choosing algorithms
                    for name, value in both.items():
                        seconds[name].append(value)
            ratios = sorted(b / o for o, b in zip(seconds["ours"], seconds["bound"], strict=True))
            print(
                f"step   {model:12} {crop} px, batch {options.batch}, "
                f"{'resident' if ours.batches.resident else 'streamed'}: "
                f"{number / statistics.median(seconds['ours']):8.1f} images/s, bound "
                f"{number / statistics.median(seconds['bound']):8.1f}: "
                f"{statistics.median(ratios):.1%} ({ratios[0]:.1%} to {ratios[-1]:.1%} in "
                f"{options.rounds} rounds of {number} images)",
                flush=True,
            )


def bench_share(options: argparse.Namespace, folder: Path) -> None:
    for crop in options.size:
        for model in options.model:
            ours, _ = loops(options, model, crop, folder)
            shares = []
            for count in range(options.rounds + 1):
                before = ours.batches.waited
                seconds = one_epoch(ours, count)
                if count:
                    shares.append((ours.batches.waited - before) / seconds)
            per_image = 1000 * seconds / (len(ours.batches) * options.batch)
            print(
                f"share  {model:12} {crop} px, batch {options.batch}: loader and augmentation "
                f"{statistics.median(shares):.2%} of an epoch ({min(shares):.2%} to "
                f"{max(shares):.2%} in {options.rounds} rounds); {per_image:.1f} ms an image",
                flush=True,
            )


def bench_cache(options: argparse.Namespace, folder: Path) -> None:
    number = 60
    place = folder / "set"
    (place / "images").mkdir(parents=True, exist_ok=True)
    rows = [ImageRow(f"{n:08d}_000.png", "Mass", 0, n) for n in range(1, number + 1)]
    rng = np.random.default_rng(0)
    ramp = np.add.outer(np.arange(1024), np.arange(1024)) / 10
    for row in rows:  # as hard to pack as a radiograph: some 400 kB
        drawn = (ramp + rng.normal(0, 1.5, ramp.shape)).clip(0, 255).astype(np.uint8)
        Image.fromarray(drawn).save(place / "images" / row.image_index, compress_level=1)
    write_data_entry(place / "Data_Entry.csv", rows)
    write_splits(place / "splits.csv", rows, make_splits(rows, seed=0))
    write_manifest(place)
    dataset = read_dataset(place)
    size = sum(path.stat().st_size for path in (place / "images").iterdir()) / number
    for side in (256, 480, 224):
        for workers in sorted({1, options.threads}):
            seconds = []
            for _ in range(options.rounds):
                with tempfile.TemporaryDirectory(dir=folder) as home:
                    began = time.perf_counter()
                    open_cache(dataset, side, home, workers)
                    seconds.append(time.perf_counter() - began)
            print(
                f"cache  1024 to {side} px, {workers} threads: "
                f"{number / statistics.median(seconds):6.1f} images/s (PNG of {size / 1e3:.0f} kB)",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--model", nargs="+", default=["resnet18"])
    parser.add_argument("--size", nargs="+", type=int, default=[224])
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--resident", choices=("auto", "yes", "no"), default="auto")
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"no part {sorted(unknown)[0]!r}; there are {', '.join(PARTS)}")
    torch.set_num_threads(options.threads)
    device = torch.device(options.device)
    named = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor()
    load = json.dumps([round(each, 1) for each in os.getloadavg()])
    print(f"{named or platform.machine()}, {options.threads} threads, load {load}, "
          f"torch {torch.__version__}, {'bf16' if in_half(device, 'bf16') else 'float32'}",
          flush=True)  # fmt: skip
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        for part in options.parts or PARTS:
            {"cache": bench_cache, "share": bench_share, "step": bench_step}[part](
                options, Path(folder)
            )


if __name__ == "__main__":
    main()
