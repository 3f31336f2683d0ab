"""Learning rates over a run, against values worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch
from tiny_model import tiny_recipe

from cxrmine.training.optimizers import create_optimizer, set_rate
from cxrmine.training.predict import build_model
from cxrmine.training.recipe import Optimizer, Schedule
from cxrmine.training.schedules import Plateau, rate


def test_constant_and_step() -> None:
    assert rate(Schedule("constant"), 0.1, 7.5, 10) == 0.1
    step = Schedule("step", every=4, factor=0.1)
    got = [rate(step, 1.0, epochs, 12) for epochs in (0, 3.99, 4, 8)]
    assert got == pytest.approx([1, 1, 0.1, 0.01])


def test_cosine_with_warmup() -> None:
    cosine = Schedule("cosine", warmup=2)
    got = [rate(cosine, 1.0, epochs, 10) for epochs in (0, 1, 2, 6, 10)]
    assert got == pytest.approx([0, 0.5, 1, 0.5, 0])
    assert rate(cosine, 1.0, 4, 10) == pytest.approx(0.5 * (1 + math.cos(math.pi / 4)))


def test_plateau_falls_after_its_patience() -> None:
    plateau = Plateau()
    falls = []
    for loss in (1.0, 0.9, 0.95, 0.93, 0.92, 0.91, 0.8, math.nan, 0.85):
        plateau = plateau.after(loss, patience=1)
        falls.append(plateau.falls)
    assert falls == [0, 0, 0, 1, 1, 2, 2, 2, 3]
    assert rate(Schedule("plateau", factor=0.5), 1.0, 3, 10, plateau.falls) == 0.125


@pytest.mark.parametrize("kind", ["sgd", "adam", "adamw"])
def test_an_optimizer_decays_matrices_only(kind: str) -> None:
    model = build_model(tiny_recipe(), 2)
    optimizer = create_optimizer(model, Optimizer(kind, lr=0.1, weight_decay=0.5))
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            assert group["weight_decay"] == (0.5 if parameter.ndim > 1 else 0.0)
    known = sum(len(group["params"]) for group in optimizer.param_groups)
    assert known == len(list(model.parameters()))
    set_rate(optimizer, 0.025)
    assert {group["lr"] for group in optimizer.param_groups} == {0.025}


def test_a_frozen_trunk_is_left_out() -> None:
    model = build_model(tiny_recipe(), 2)
    model.trunk.requires_grad_(False)
    optimizer = create_optimizer(model, Optimizer())
    kept = {id(p) for group in optimizer.param_groups for p in group["params"]}
    assert kept == {id(p) for p in model.prediction.parameters()}
    assert torch.is_tensor(model.prediction.weight)
