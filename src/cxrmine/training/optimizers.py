"""The optimisers that a recipe can name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from cxrmine.training.recipe import Optimizer

if TYPE_CHECKING:
    from torch import nn


def create_optimizer(model: nn.Module, settings: Optimizer) -> torch.optim.Optimizer:
    """Return an optimiser over the model's parameters that learn.

    Weight decay pulls at matrices and convolutions only: a norm's scale and a bias have nothing
    to gain from being small.

    Parameters
    ----------
    model : nn.Module
        Parameters that need no gradient (a frozen trunk) are left out.
    settings : Optimizer
        `momentum` is SGD's; Adam has its paper's β (0.9, 0.999).
    """
    learning = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in learning if p.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in learning if p.ndim <= 1], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    # One kernel a parameter instead of a dozen passes over it, on a CPU as well.
    fused = True
    if settings.kind == "sgd":
        return torch.optim.SGD(groups, lr=settings.lr, momentum=settings.momentum, fused=fused)
    kind = torch.optim.AdamW if settings.kind == "adamw" else torch.optim.Adam
    return kind(groups, lr=settings.lr, fused=fused)


def set_rate(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """Give every group of the optimiser this learning rate."""
    for group in optimizer.param_groups:
        group["lr"] = lr
