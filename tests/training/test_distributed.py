"""Two processes train what one trains."""

from __future__ import annotations

import csv
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from drawn_set import draw_set
from safetensors.torch import load_file
from tiny_model import settings_for

from cxrmine.errors import UserError
from cxrmine.evaluation.predictions import read_scores
from cxrmine.training.cache import open_cache
from cxrmine.training.distributed import Ranks, choose_device, ranks
from cxrmine.training.folds import read_with_split
from cxrmine.training.predict import Predictor, load_model, scores_of
from cxrmine.training.run import train

CHANGES = ("training.epochs=2", "loss=w-cel", "training.batch=4", "training.accumulation=4")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _two(dataset: Path, out: Path, *changes: str) -> list[tuple[int, str]]:
    """Run two processes with the variables that torchrun sets; return their ends."""
    drive = Path(__file__).with_name("drive_training.py")
    shared = {
        **os.environ,
        "WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(_free_port()),
        "OMP_NUM_THREADS": "1",
    }
    processes = [
        subprocess.Popen(
            [sys.executable, str(drive), str(dataset), str(out), *changes],
            env={**shared, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    ends = []
    for process in processes:
        _, said = process.communicate(timeout=180)
        ends.append((process.returncode, said))
    return ends


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_set(tmp_path_factory.mktemp("drawn") / "set", patients=30, boxed=False)


@pytest.fixture(scope="module")
def two(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep over networks without and with batch normalisation, by two processes."""
    out = tmp_path_factory.mktemp("two") / "sweep"
    ends = _two(dataset, out, "sweep", *CHANGES)
    assert [code for code, _ in ends] == [0, 0], ends
    assert len(json.loads((out / "run.json").read_text())["runs"]) == 2
    return out


def test_two_processes_train_what_one_trains(dataset: Path, two: Path, tmp_path: Path) -> None:
    """The loss weighs by the whole batch's positives, and every process takes two pieces."""
    runs = (tmp_path / "one", two / "model=still")
    train(settings_for(dataset, *CHANGES, "model=still"), runs[0])
    histories, scores, processes = [], [], []
    for run in runs:
        with (run / "history.csv").open() as handle:
            histories.append([[float(v) for v in row.values()] for row in csv.DictReader(handle)])
        record = json.loads((run / "run.json").read_text())
        assert record["training"]["images_a_step"] == 16
        processes.append(record["training"]["processes"])
        scores.append(record["results"]["test"]["mean_auc"])
    assert processes == [1, 2]
    for one, other in zip(*histories, strict=True):
        assert other == pytest.approx(one, rel=1e-5)
    models = [load_file(run / "model.safetensors") for run in runs]
    for key, tensor in models[0].items():
        torch.testing.assert_close(models[1][key], tensor, rtol=1e-4, atol=1e-6)
    assert scores[1] == pytest.approx(scores[0], rel=1e-6)


def test_two_processes_end_with_one_model(dataset: Path, two: Path) -> None:
    """Each normalises by the images that it saw; one's averages are kept, and predicted with."""
    run = two / "model=normed"
    trained = load_model(run)
    split = read_with_split(dataset, "split")
    cache = open_cache(split, trained.recipe.data.size)
    for part in ("val", "test"):
        table = read_scores(run / f"predictions_{part}.csv")
        rows = np.array([cache.index[image] for image in table.ids])
        logits = Predictor(trained.model, cache, trained.recipe).logits(rows)
        scores = scores_of(trained.recipe, logits)
        np.testing.assert_allclose(table.scores(trained.names), scores, rtol=1e-5)


def test_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    assert ranks() == Ranks(0, 1, 0)
    monkeypatch.setenv("RANK", "1")
    with pytest.raises(UserError, match="start with torchrun"):
        ranks()
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert ranks() == Ranks(1, 4, 1)
    monkeypatch.setenv("RANK", "4")
    with pytest.raises(UserError, match="start with torchrun"):
        ranks()


def test_devices() -> None:
    assert choose_device("cpu", Ranks()).type == "cpu"
    if torch.cuda.is_available():
        assert choose_device("auto", Ranks()).type == "cuda"
        with pytest.raises(UserError, match="there is no GPU number"):
            choose_device("cuda:99", Ranks())
    else:
        assert choose_device("auto", Ranks()).type == "cpu"
        with pytest.raises(UserError, match="finds no GPU here"):
            choose_device("cuda:0", Ranks())
    with pytest.raises(UserError, match="use auto, cpu, cuda or cuda:N"):
        choose_device("cuda:", Ranks())
