"""Checkpoints: what comes back, and what is refused."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_model import tiny_recipe
from torch import nn

from cxrmine.errors import UserError
from cxrmine.training.checkpoints import Checkpoint, read_checkpoint, restore, write_checkpoint
from cxrmine.training.loop import EpochResult, Place
from cxrmine.training.optimizers import create_optimizer
from cxrmine.training.predict import build_model
from cxrmine.training.recipe import Optimizer
from cxrmine.training.schedules import Plateau

IDENTITY = {"loss": "cel", "augment.crop_area": (0.5, 1.0), "images": "abc"}


def _stepped(kind: str) -> tuple[nn.Module, torch.optim.Optimizer]:
    # Channels last, as in a run: the optimiser's averages must come back in the same layout.
    model = build_model(tiny_recipe(), 2).to(memory_format=torch.channels_last)
    optimizer = create_optimizer(model, Optimizer(kind))
    for _ in range(2):
        model(torch.randn(2, 3, 32, 32)).square().sum().backward()
        optimizer.step()
    return model, optimizer


def _write(path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, **place: Any) -> None:
    state = model.state_dict()
    best = {name: tensor + 1 for name, tensor in state.items()}
    write_checkpoint(path, Checkpoint(IDENTITY, place, state, best, optimizer.state_dict()))


@pytest.mark.parametrize("kind", ["sgd", "adam", "adamw"])
def test_everything_comes_back_to_the_bit(tmp_path: Path, kind: str) -> None:
    model, optimizer = _stepped(kind)
    _write(tmp_path / "c", model, optimizer, step=3)
    other = build_model(tiny_recipe("training.seed=5"), 2).to(memory_format=torch.channels_last)
    its_own = create_optimizer(other, Optimizer(kind))
    checkpoint = read_checkpoint(tmp_path / "c", IDENTITY)
    restore(checkpoint, tmp_path / "c", other, its_own)
    assert checkpoint.place == {"step": 3}
    for name, tensor in model.state_dict().items():
        assert torch.equal(other.state_dict()[name], tensor)
        assert torch.equal(checkpoint.best[name], tensor + 1)
    x = torch.randn(2, 3, 32, 32)
    for trained, with_ in ((model, optimizer), (other, its_own)):
        trained.eval()
        with_.zero_grad()
        trained(x).square().sum().backward()
        with_.step()
    for one, two in zip(model.parameters(), other.parameters(), strict=True):
        assert torch.equal(one, two)


def test_a_place_comes_back(tmp_path: Path) -> None:
    model, optimizer = _stepped("sgd")
    place = Place(
        batch=4,
        epoch=2,
        step=1,
        losses=[0.1, 1 / 3],
        plateau=Plateau(math.inf, 1, 2),
        best=0.7,
        best_epoch=1,
        waited=1,
        history=[EpochResult(1, 0.001, 0.5, 0.25, None)],
    )
    _write(tmp_path / "c", model, optimizer, loop=place.recorded())
    assert Place.read(read_checkpoint(tmp_path / "c", IDENTITY).place["loop"]) == place


def test_damage_is_noticed(tmp_path: Path) -> None:
    model, optimizer = _stepped("sgd")
    path = tmp_path / "c"
    _write(path, model, optimizer)
    data = path.read_bytes()
    for cut in (0, 7, 31, 32, 1000, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:cut])
        with pytest.raises(UserError, match="cut short or damaged"):
            read_checkpoint(path, IDENTITY)
    for at in (9, 500, len(data) // 2, len(data) - 40):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        with pytest.raises(UserError, match="cut short or damaged"):
            read_checkpoint(path, IDENTITY)
    path.unlink()
    with pytest.raises(UserError, match="there is no checkpoint"):
        read_checkpoint(path, IDENTITY)


def test_another_run_is_refused_by_what_differs(tmp_path: Path) -> None:
    model, optimizer = _stepped("sgd")
    _write(tmp_path / "c", model, optimizer)
    with pytest.raises(UserError, match=r"of another run \(other images, loss\)"):
        read_checkpoint(tmp_path / "c", {**IDENTITY, "loss": "hinge", "images": "x"})


def test_another_model_or_optimiser_is_refused(tmp_path: Path) -> None:
    model, optimizer = _stepped("sgd")
    path = tmp_path / "c"
    _write(path, model, optimizer)
    checkpoint = read_checkpoint(path, IDENTITY)
    wider = build_model(tiny_recipe(), 3)
    before = {name: tensor.clone() for name, tensor in wider.state_dict().items()}
    with pytest.raises(UserError, match=r"does not fit the model \(prediction"):
        restore(checkpoint, path, wider, create_optimizer(wider, Optimizer("sgd")))
    for name, tensor in wider.state_dict().items():
        assert torch.equal(tensor, before[name])
    model.trunk.requires_grad_(False)
    with pytest.raises(UserError, match="does not fit the optimiser"):
        restore(checkpoint, path, model, create_optimizer(model, Optimizer("sgd")))
