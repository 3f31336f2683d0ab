"""Runs on a real Dask scheduler with two workers, all on loopback."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from made_reports import contents, write_reports

from cxrmine.errors import UserError
from cxrmine.resources import data_dir
from cxrmine.runs.mine import mine
from cxrmine.runs.progress import Lines
from cxrmine.runs.settings import Settings

pytest.importorskip("distributed", reason="the extra [dask] is not installed")


class Cluster:
    """A scheduler and its workers, each a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []
        self.address = self._start_scheduler()

    def _dask(self, *arguments: str) -> subprocess.Popen[bytes]:
        log = (self.folder / f"{len(self.processes)}.log").open("wb")
        process = subprocess.Popen(
            [sys.executable, "-m", "dask", *arguments],
            cwd=self.folder,  # not the checkout: a worker has the installed package and no more
            stdout=log,
            stderr=log,
        )
        log.close()
        self.processes.append(process)
        return process

    def _start_scheduler(self) -> str:
        place = self.folder / "scheduler.json"
        self._dask(
            *("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"),
            *("--scheduler-file", str(place)),
        )
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                return str(json.loads(place.read_text())["address"])
            except (FileNotFoundError, ValueError):
                time.sleep(0.05)
        raise AssertionError("the scheduler did not start")

    def start_worker(self) -> subprocess.Popen[bytes]:
        """Start a worker with two threads, as a cluster's administrator might."""
        return self._dask(
            *("worker", self.address, "--host", "127.0.0.1", "--nthreads", "2", "--no-dashboard"),
            *("--no-nanny", "--local-directory", str(self.folder)),
        )

    def stop(self) -> None:
        for process in reversed(self.processes):
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path_factory.mktemp("dask"))
    try:
        with pytest.raises(UserError, match="has no workers"):
            mine(Settings(("pyproject.toml",)), cluster.folder / "o", dask=cluster.address)
        for _ in range(2):
            cluster.start_worker()
        wait_for_workers(cluster.address, 2)
        yield cluster
    finally:
        cluster.stop()


def wait_for_workers(address: str, count: int) -> None:
    from distributed import Client

    with Client(address, timeout="60s", set_as_default=False) as client:
        client.wait_for_workers(count, timeout=60)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_reports(tmp_path_factory.mktemp("source") / "reports.csv", 400)


def test_a_cluster_does_not_show_in_the_output(
    cluster: Cluster, source: Path, tmp_path: Path
) -> None:
    settings = Settings((str(source),), schemes=("chestxray14", "chexpert"), evidence=True)
    mine(settings, tmp_path / "here", progress=Lines)
    mine(settings, tmp_path / "dask", dask=cluster.address, chunk_size=30, progress=Lines)
    assert contents(tmp_path / "dask") == contents(tmp_path / "here")
    assert json.loads((tmp_path / "dask/timing.json").read_text())["workers"] == "dask"


def test_own_rules_travel_to_the_workers(cluster: Cluster, source: Path, tmp_path: Path) -> None:
    # The workers' machines do not have the user's folder: its files go with the work.
    rules = tmp_path / "rules"
    rules.mkdir()
    for file in data_dir("rules").glob("*.yaml"):
        (rules / file.name).write_bytes(file.read_bytes() + b"\n# of my own\n")
    settings = Settings((str(source),), rules=str(rules))
    mine(settings, tmp_path / "here", progress=Lines)
    mine(settings, tmp_path / "dask", dask=cluster.address, progress=Lines)
    assert contents(tmp_path / "dask") == contents(tmp_path / "here")
    ours = tmp_path / "ours"
    mine(Settings((str(source),)), ours, progress=Lines)
    hashes = [
        json.loads((tmp_path / name / "run.json").read_text())["labeler"]["rules_sha256"]
        for name in ("dask", "ours")
    ]
    assert hashes[0] != hashes[1]


def test_a_wrong_address_is_told_in_a_sentence(source: Path, tmp_path: Path) -> None:
    for address in ("tcp://127.0.0.1:9", "nonsense://x"):
        with pytest.raises(UserError, match=re.escape(address)) as caught:
            mine(Settings((str(source),)), tmp_path / "out", dask=address, progress=Lines)
        assert caught.value.exit_code == 2
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_run_whose_cluster_dies_is_resumed_here(tmp_path: Path) -> None:
    source = write_reports(tmp_path / "reports.csv", 6_000)
    settings = Settings((str(source),))
    mine(settings, tmp_path / "here", progress=Lines)
    folder = tmp_path / "cluster"
    folder.mkdir()
    cluster = Cluster(folder)
    out = tmp_path / "dask"
    try:
        cluster.start_worker()
        wait_for_workers(cluster.address, 1)
        command = [sys.executable, "-m", "cxrmine", "mine-labels", str(source), "--out", str(out)]
        process = subprocess.Popen(
            [*command, "--dask", cluster.address],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        while len(list(out.glob(".parts/parts/[0-9]*"))) < 4:
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
    finally:
        cluster.stop()
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 1, stderr
    assert "--resume" in stderr
    assert "Traceback" not in stderr
    mine(settings, out, resume=True, progress=Lines)
    assert contents(out) == contents(tmp_path / "here")
