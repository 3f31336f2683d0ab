"""How the learning rate moves over a run.

`rate` is a pure function of the position and of what `Plateau` has seen, so a run that goes on
after a kill has the same rates as one that was never killed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from cxrmine.training.recipe import Schedule


@dataclass(frozen=True)
class Plateau:
    """What a plateau schedule remembers: plain numbers, as a checkpoint keeps them.

    Parameters
    ----------
    best : float
        The lowest validation loss so far.
    waited : int
        Epochs since then, or since the rate last fell.
    falls : int
        How often the rate has fallen.
    """

    best: float = math.inf
    waited: int = 0
    falls: int = 0

    def after(self, loss: float, patience: int) -> Plateau:
        """Return the memory after an epoch with this validation loss (NaN counts as no better)."""
        if loss < self.best:
            return replace(self, best=loss, waited=0)
        if self.waited < patience:
            return replace(self, waited=self.waited + 1)
        return replace(self, waited=0, falls=self.falls + 1)


def rate(schedule: Schedule, lr: float, epochs: float, total: float, falls: int = 0) -> float:
    """Return the learning rate at a place in the run.

    Parameters
    ----------
    schedule : Schedule
    lr : float
        The recipe's rate.
    epochs : float
        Epochs done, with the part of the one under way.
    total : float
        Epochs of the whole run.
    falls : int
        `Plateau.falls`; for a plateau schedule only.

    Returns
    -------
    float
        Constant: `lr`. Step: `lr` × factor^floor(epochs / every). Plateau: `lr` × factor^falls.
        Cosine: from `lr` at the end of the warm-up down to 0 at the end of the run (Loshchilov
        and Hutter, ICLR 2017, equation 5, without restarts). During the warm-up the rate rises
        linearly to what the kind says.
    """
    if schedule.kind == "step":
        lr *= schedule.factor ** math.floor(epochs / schedule.every)
    elif schedule.kind == "plateau":
        lr *= schedule.factor**falls
    elif schedule.kind == "cosine":
        span = max(total - schedule.warmup, 1e-9)
        share = min(max((epochs - schedule.warmup) / span, 0.0), 1.0)
        lr *= 0.5 * (1 + math.cos(math.pi * share))
    if epochs < schedule.warmup:
        lr *= epochs / schedule.warmup
    return lr
