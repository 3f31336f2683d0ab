"""Speed and loss of cluster-clauses, against the Rust package `kmedoids` in the same run.

    python scripts/bench_clauses.py [loss] [time] [beyond] [million] [command] [apply]
        [--distance levenshtein|normalized] [--seeds 5] [--workers 2] [--memory 3]

- loss: FasterPAM at n = 2,000 and 10,000 distinct clauses, k = 100, from the same random starts.
- time: the k-medoids step at n = 10,000, k = 100, both pinned to one core, in turns.
- beyond: samples against the full run where both fit (n = 10,000, memory for 2,000).
- million: 1,000,000 clauses, 200,000 of them distinct, k = 200; against a full run on 20,000.
- command: the whole of cluster-clauses over those clauses, in 300,000 reports.
- apply: new reports labelled through `--apply`, clauses a second.

Without names all of them. Losses of "million" are a clause's mean of what the command minimises
(cxrmine.clauses.objective); "loss", "time" and "beyond" take the plain sum of distances, as
`kmedoids` does. The clauses come from scripts/generate_clauses.py.

`kmedoids` 0.5.5 (Schubert and Lenssen; GPL-3.0) is a yardstick and nothing else: it is no
dependency, and where it is absent pip puts it into a temporary folder for this run. It takes no
weights, so that both work without, and needs its matrix as int32, float32 or float64. Without a
seed for it both try the candidates in their order, so that from one start they go one way: equal
losses are what a right implementation of the same algorithm has.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from generate_clauses import generate

from cxrmine.clauses.clara import Step, clara, draw_sample, matrix_bytes
from cxrmine.clauses.distance import METRICS, ClauseDistances, pairwise
from cxrmine.clauses.kmedoids import fasterpam, k_medoids
from cxrmine.clauses.objective import POWER, weights

ROOT = Path(__file__).resolve().parent.parent
YARDSTICK = "kmedoids==0.5.5"


def yardstick() -> Any:
    """Import `kmedoids`, put into a temporary folder by pip if it is absent."""
    if importlib.util.find_spec("kmedoids") is None:
        folder = tempfile.mkdtemp(prefix="bench-kmedoids-")
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
        subprocess.run([*command, "--target", folder, YARDSTICK], check=True)
        sys.path.append(folder)
    import kmedoids

    return kmedoids


def timed(function: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = function()
    return time.perf_counter() - start, result


def processor() -> str:
    names = [
        line.split(":", 1)[1].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return f"{names[0] if names else platform.processor()}, {os.cpu_count()} cores"


def bench_loss(metric: str, seeds: int) -> None:
    """Print both losses from the same starts, and their ratio."""
    package = yardstick()
    for n in (2_000, 10_000):
        clauses, _ = generate(n, 5 * n)
        d = pairwise(clauses, metric, workers=os.cpu_count() or 1)
        theirs_d = d.astype(np.float64)
        ours, theirs = [], []
        for seed in range(seeds):
            start = np.random.default_rng(seed).choice(n, 100, replace=False)
            ours.append(fasterpam(d, start).loss)
            found = package.fasterpam(theirs_d, start.copy(), n_cpu=1)
            # Its medoids, our sum: a loss in the same arithmetic.
            theirs.append(float(theirs_d[found.medoids].min(axis=0).sum()))
        share = statistics.mean(ours) / statistics.mean(theirs) - 1
        print(
            f"loss, {metric}, n = {n:,}, k = 100, {seeds} random starts: "
            f"ours {statistics.mean(ours):,.1f}, kmedoids {statistics.mean(theirs):,.1f}, "
            f"ours is {share:+.3%} (mean; single starts "
            f"{', '.join(f'{a / b - 1:+.2%}' for a, b in zip(ours, theirs, strict=True))})"
        )


def bench_time(metric: str, seeds: int) -> None:
    """Print the seconds of the k-medoids step alone, one core, the two in turns."""
    package = yardstick()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    n, k = 10_000, 100
    clauses, _ = generate(n, 5 * n)
    d = pairwise(clauses, metric)
    dtypes = (np.int32, np.float32) if metric == "levenshtein" else (np.float32,)
    seconds: dict[str, list[float]] = {}
    for seed in range(seeds):
        start = np.random.default_rng(seed).choice(n, k, replace=False)
        seconds.setdefault(f"ours ({d.dtype})", []).append(timed(lambda: fasterpam(d, start))[0])  # noqa: B023
        seconds.setdefault(f"ours with BUILD ({d.dtype})", []).append(
            timed(lambda: k_medoids(d, k))[0]
        )
        for dtype in dtypes:
            theirs = d.astype(dtype)
            if theirs.dtype != d.dtype:
                seconds.setdefault(f"ours ({theirs.dtype})", []).append(
                    timed(lambda: fasterpam(theirs, start))[0]  # noqa: B023
                )
            seconds.setdefault(f"kmedoids ({theirs.dtype})", []).append(
                timed(
                    lambda: package.fasterpam(theirs, start.copy(), n_cpu=1)  # noqa: B023
                )[0]
            )
    for name, values in seconds.items():
        print(
            f"time, {metric}, n = {n:,}, k = {k}, one core, same {seeds} random starts: "
            f"{name} {statistics.median(values):.2f} s "
            f"(median; {min(values):.2f} to {max(values):.2f})"
        )


def bench_beyond(metric: str, seeds: int, workers: int) -> None:
    """Print the loss of samples against the full run where both fit."""
    n, k = 10_000, 100
    clauses, counts = generate(n, 5 * n)
    full = k_medoids(pairwise(clauses, metric, workers=workers), k, counts)
    memory = matrix_bytes(2_000, k, max(map(len, clauses)), metric)
    for seed in range(seeds):
        found = clara(
            clauses, counts, k, metric=metric, memory_bytes=memory, seed=seed, workers=workers
        )
        print(
            f"beyond memory, {metric}, n = {n:,}, k = {k}, samples of {found.sample_size:,}, "
            f"seed {seed}: loss {found.loss / full.loss - 1:+.2%} against the full run "
            f"(best sample before refinement {min(found.sample_losses) / full.loss - 1:+.2%})"
        )


def run_million(metric: str, workers: int, memory: float) -> None:
    """Cluster a million clauses, alone in this process; print seconds, memory and medoids."""
    clauses, counts = generate(200_000, 1_000_000)
    w = weights(counts, metric)
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    steps: list[str] = []
    start = time.perf_counter()

    def say(step: Step) -> None:
        now = time.perf_counter() - start
        steps.append(f"{step.name} {now:.0f} s, {step.loss / w.sum():.5f}")

    found = clara(
        clauses,
        w,
        200,
        metric=metric,
        power=POWER[metric],
        memory_bytes=int(memory * 2**30),
        workers=workers,
        on_step=say,
    )
    print(
        json.dumps(
            {
                "seconds": time.perf_counter() - start,
                "gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
                "base_gib": base,
                "steps": steps,
                "medoids": found.medoids.tolist(),
            }
        )
    )


def bench_million(metric: str, workers: int, memory: float) -> None:
    """Print the large run, and its loss against a full FasterPAM run on 20,000 clauses."""
    command = [sys.executable, __file__, "--child", "--distance", metric]
    child = subprocess.run(
        [*command, "--workers", str(workers), "--memory", str(memory)],
        check=True,
        capture_output=True,
        text=True,
    )
    ours = json.loads(child.stdout)
    print(
        f"million, {metric}, 1,000,000 clauses, 200,000 distinct, k = 200, {workers} threads, "
        f"memory {memory:g} GiB: {ours['seconds']:.0f} s, peak {ours['gib']:.2f} GiB "
        f"({ours['base_gib']:.2f} before it began); {'; '.join(ours['steps'])}"
    )
    clauses, counts = generate(200_000, 1_000_000)
    w = weights(counts, metric)
    distances = ClauseDistances(clauses, metric, workers=workers, power=POWER[metric])
    medoids = np.array(ours["medoids"])

    def loss(found: np.ndarray, points: np.ndarray | None, heavy: np.ndarray) -> float:
        return float((heavy * distances.nearest(found, points)[1]).sum() / heavy.sum())

    rng = np.random.default_rng(99)
    samples = {"20,000 distinct, drawn by weight": draw_sample(w, 20_000, rng)}
    if np.array_equal(w, counts):
        # Weights that are not proportional to counts would make it another problem.
        drawn = rng.choice(len(clauses), 20_000, p=counts / counts.sum())
        samples["20,000 of the million"] = np.unique(drawn, return_counts=True)
    for name, (points, heavy) in samples.items():
        seconds, full = timed(
            lambda: points[k_medoids(distances.square(points), 200, heavy).medoids]  # noqa: B023
        )
        on_sample = loss(medoids, points, heavy), loss(full, points, heavy)
        on_all = loss(medoids, None, w), loss(full, None, w)
        print(
            f"million, {metric}, against a full run on a sample ({name}; {seconds:.0f} s): on the "
            f"sample ours {on_sample[0]:.5f}, full run {on_sample[1]:.5f}: "
            f"{on_sample[0] / on_sample[1] - 1:+.2%}; on all clauses ours {on_all[0]:.5f}, full "
            f"run {on_all[1]:.5f}: {on_all[0] / on_all[1] - 1:+.2%}"
        )


def write_reports(path: Path, clauses: list[str], counts: np.ndarray, reports: int) -> None:
    """Write every occurrence of the clauses into reports, in a random order."""
    occurrences = np.repeat(np.arange(len(clauses)), counts)
    occurrences = np.random.default_rng(1).permutation(occurrences)
    with path.open("w", encoding="utf-8") as stream:
        stream.write("report_id,impression\n")
        for number, part in enumerate(np.array_split(occurrences, reports)):
            stream.write(f'{number},"{"；".join(clauses[i] for i in part.tolist())}。"\n')


def watched(command: list[str]) -> tuple[float, float]:
    """Run a command; return its seconds and the peak GiB of it and its children together."""
    import psutil

    peak, start = 0, time.perf_counter()
    with tempfile.TemporaryFile() as said:
        process = psutil.Popen(command, stdout=said, stderr=said)
        while process.poll() is None:
            # Memory that processes share counts for each: the true peak is no higher.
            now = 0
            for each in (process, *process.children(recursive=True)):
                with contextlib.suppress(psutil.Error):
                    now += each.memory_info().rss
            peak = max(peak, now)
            time.sleep(0.2)
        seconds = time.perf_counter() - start
        if process.returncode:
            said.seek(0)
            raise RuntimeError(said.read().decode(errors="replace"))
    return seconds, peak / 2**30


def bench_command(metric: str, workers: int, memory: float) -> None:
    """Print the seconds and memory of the whole command over a million clauses."""
    clauses, counts = generate(200_000, 1_000_000)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_reports(folder / "reports.csv", clauses, counts, 300_000)
        out = folder / "out"
        command = [sys.executable, "-m", "cxrmine", "cluster-clauses", str(folder / "reports.csv")]
        command += ["--out", str(out), "--k", "200", "--distance", metric]
        command += ["--workers", str(workers), "--memory", str(memory)]
        seconds, gib = watched(command)
        told = json.loads((out / "run.json").read_text(encoding="utf-8"))
        stages = json.loads((out / "timing.json").read_text(encoding="utf-8"))["stages"]
        print(
            f"command, {metric}, cluster-clauses --k 200 --workers {workers} --memory {memory:g}, "
            f"300,000 reports, {told['counts']['clauses']:,} clauses, "
            f"{told['counts']['distinct_clauses']:,} distinct, by {told['clustering']['method']}: "
            f"{seconds:.0f} s, peak {gib:.2f} GiB, all processes; {stages}"
        )


def bench_apply(workers: int) -> None:
    """Print how many clauses a second `--apply` labels, start of the command included."""
    reports, k = 60_000, 100
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # Two sets of reports: what the terms are found on, and others, whose rare clauses are new.
        for seed, file in ((0, "old.csv"), (1, "new.csv")):
            write_reports(folder / file, *generate(20_000, 200_000, seed), reports)
        tool = [sys.executable, "-m", "cxrmine", "cluster-clauses"]
        ends = ["--workers", str(workers)]
        subprocess.run(
            [*tool, str(folder / "old.csv"), "--out", str(folder / "a"), "--k", str(k), *ends],
            check=True,
            capture_output=True,
        )
        terms = folder / "a" / "terms.yaml"
        text = terms.read_text(encoding="utf-8")
        for number in range(text.count('label: ""')):
            text = text.replace('label: ""', f'label: "term {number}"', 1)
        terms.write_text(text, encoding="utf-8")
        for file in ("new.csv", "old.csv"):
            out = folder / f"applied {file}"
            seconds, _ = timed(
                lambda: subprocess.run(
                    [*tool, str(folder / file), "--apply", str(terms), "--out", str(out), *ends],  # noqa: B023
                    check=True,
                    capture_output=True,
                )
            )
            timing = json.loads((out / "timing.json").read_text(encoding="utf-8"))
            counts_said = json.loads((out / "run.json").read_text(encoding="utf-8"))["counts"]
            print(
                f"apply, {file}, {reports:,} reports, {counts_said['clauses']:,} clauses, k = {k}, "
                f"{workers} workers: {counts_said['clauses'] / seconds:,.0f} clauses/s, start of "
                f"Python and all output included ({seconds:.1f} s; timing.json {timing})"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parts = ("loss", "time", "beyond", "million", "command", "apply")
    parser.add_argument("parts", nargs="*", choices=[*parts, []], default=[])
    parser.add_argument("--distance", choices=METRICS, default="levenshtein")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--memory", type=float, default=3.0, help="GiB")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        run_million(options.distance, options.workers, options.memory)
        return
    print(f"{processor()}, Python {platform.python_version()}, numpy {np.__version__}")
    chosen = options.parts or parts
    if "loss" in chosen:
        bench_loss(options.distance, options.seeds)
    if "beyond" in chosen:
        bench_beyond(options.distance, options.seeds, options.workers)
    if "million" in chosen:
        bench_million(options.distance, options.workers, options.memory)
    if "command" in chosen:
        bench_command(options.distance, options.workers, options.memory)
    if "apply" in chosen:
        bench_apply(options.workers)
    if "time" in chosen:  # last, as it ties this process to one core
        bench_time(options.distance, options.seeds)


if __name__ == "__main__":
    main()
