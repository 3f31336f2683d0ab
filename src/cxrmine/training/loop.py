"""The training loop, in plain torch.

One step: take a batch, count its labels over all processes, put it through the network in as many
pieces as memory needs, add the pieces' gradients up, let the optimiser move. The loss of a piece
is divided by the whole batch's counts (`cxrmine.training.losses.BatchCounts`), so neither the
number of pieces nor that of processes changes what is learnt, but for batch normalisation, which
sees a piece at a time.

Nothing random carries over from step to step: what dropout draws is seeded by the run's seed and
the step's place, as are the order of the images and their augmentations
(`cxrmine.training.batches`). So a run that goes on from a checkpoint is the run that never stopped.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from cxrmine.errors import UserError
from cxrmine.training.distributed import Ranks
from cxrmine.training.losses import LOSSES, BatchCounts
from cxrmine.training.optimizers import create_optimizer, set_rate
from cxrmine.training.precision import computed_in, in_half
from cxrmine.training.schedules import Plateau, rate

if TYPE_CHECKING:
    from cxrmine.training.batches import Batches
    from cxrmine.training.models import Classifier
    from cxrmine.training.recipe import Recipe


@dataclass(frozen=True)
class Validation:
    """What the model does on the validation part: the recipe's loss and the mean AUC.

    Parameters
    ----------
    loss : float
    auc : float, optional
        Mean over the findings that have images with and without; None where none has.
    findings : mapping
        AUC by finding, None where it is undefined.
    """

    loss: float
    auc: float | None
    findings: Mapping[str, float | None]


@dataclass(frozen=True)
class EpochResult:
    """One line of ``history.csv``; `epoch` counts from 1, `lr` is that of the last step."""

    epoch: int
    lr: float
    train_loss: float
    val_loss: float | None = None
    val_auc: float | None = None


@dataclass
class Place:
    """Where a run stands: plain values, as a checkpoint keeps them.

    Parameters
    ----------
    epoch, step : int
        Whole epochs done, and steps done in the one under way.
    batch : int
        Images that go through the network at once; halved when memory is short.
    losses : list of float
        Of the steps of the epoch under way.
    plateau : Plateau
        Of the schedule.
    best : float, optional
        Best validation result so far, larger is better; None before the first.
    best_loss : float
        The validation loss at that time, which decides between equal AUCs.
    best_epoch : int
        When that was, from 1; 0 before.
    waited : int
        Epochs since then.
    history : list of EpochResult
        Of the epochs done.
    done : bool
        Whether training is over.
    """

    batch: int
    epoch: int = 0
    step: int = 0
    losses: list[float] = field(default_factory=list)
    plateau: Plateau = field(default_factory=Plateau)
    best: float | None = None
    best_loss: float = math.inf
    best_epoch: int = 0
    waited: int = 0
    history: list[EpochResult] = field(default_factory=list)
    done: bool = False

    def recorded(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return asdict(self)

    @staticmethod
    def read(record: Mapping[str, Any]) -> Place:
        """Return the place that `recorded` made a record of."""
        return Place(
            **{
                **record,
                "plateau": Plateau(**record["plateau"]),
                "history": [EpochResult(**line) for line in record["history"]],
            }
        )


def set_up(model: Classifier, device: torch.device) -> None:
    """Lay a model that is on its device out as it is computed fastest there.

    What a step costs depends on it, so whoever measures steps calls it as well; its batches then
    have the channels last, too (``Augment(…, channels_last=True)``).

    Parameters
    ----------
    model : Classifier
        Changed in place.
    device : torch.device
        On a GPU, float32 is from now on multiplied in TF32, and cuDNN tries its algorithms.
    """
    if device.type == "cuda":
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.benchmark = True
    # Both GPUs' tensor cores and CPUs' convolutions are faster with the channels last.
    model.to(memory_format=torch.channels_last)


class Loop:
    """A model in training.

    Parameters
    ----------
    model : Classifier
        On its device.
    batches : Batches
        The training part; each of its batches is one step of the optimiser on this process.
    recipe : Recipe
    ranks : Ranks
    say : callable
        Told what a user should know, a sentence a time.
    """

    def __init__(
        self,
        model: Classifier,
        batches: Batches,
        recipe: Recipe,
        ranks: Ranks,
        say: Callable[[str], None],
    ) -> None:
        self.model = model
        self.batches = batches
        self.recipe = recipe
        self.optimizer = create_optimizer(model, recipe.optimizer)
        self.place = Place(batch=min(recipe.training.batch, batches.batch))
        #: The best model's state dict so far, on the CPU.
        self.best: dict[str, Tensor] = {}
        self._device = next(model.parameters()).device
        self._ranks = ranks
        self._say = say
        self._loss = LOSSES[recipe.loss]
        self._losses: list[Tensor] = []
        self._half = in_half(self._device, recipe.training.precision)
        self._network = ranks.wrap(model, self._device)
        if recipe.training.compile and self._device.type == "cuda":
            self._network = torch.compile(self._network)  # type: ignore[assignment]

    def epoch(self) -> Iterator[int]:
        """Train one epoch, or what is left of it.

        Yields
        ------
        int
            Steps done in the epoch, after each; between two a checkpoint may be taken, after
            `read_losses`.

        Raises
        ------
        UserError
            If the loss is no number any more, or memory is short even for one image.
        """
        place, settings = self.place, self.recipe.training
        self.model.train()
        for x, targets, mask in self.batches.epoch(place.epoch, place.step):
            set_rate(self.optimizer, self._rate(place.epoch + place.step / len(self.batches)))
            counts = BatchCounts.unpack(self._ranks.sum(BatchCounts.of(targets, mask).pack()))
            while True:
                torch.manual_seed(_seed(settings.seed, self._ranks.rank, place.epoch, place.step))
                try:
                    loss = self._step(x, targets, mask, counts)
                    break
                except torch.OutOfMemoryError:
                    pass  # outside the handler, where its traceback no longer holds the tensors
                self._halve()
            self._losses.append(loss)
            place.step += 1
            yield place.step
        # Or each process would judge, and at the end predict with, averages of its own.
        self._ranks.equalize(self.model)
        self.read_losses()

    def read_losses(self) -> None:
        """Bring the losses of the last steps from the device into `place`: all ranks together.

        Raises
        ------
        UserError
            If one of them is no number.
        """
        if not self._losses:
            return
        fresh = self._ranks.sum(torch.stack(self._losses)).tolist()
        self._losses.clear()
        self.place.losses.extend(fresh)
        if not all(map(math.isfinite, fresh)):
            raise UserError(
                f"the loss is no number any more in epoch {self.place.epoch + 1} (with a learning "
                f"rate of {self.recipe.optimizer.lr:g}); lower it with --set optimizer.lr=…, or "
                "use --set training.precision=float32, and start anew with --force."
            )

    def finish_epoch(self, validation: Validation | None) -> EpochResult:
        """Note an epoch's result: keep the model if it is the best, move the schedule, stop early.

        Parameters
        ----------
        validation : Validation, optional
            None where there is no validation part: then the last epoch's model is the one.
        """
        place, settings = self.place, self.recipe.training
        result = EpochResult(
            epoch=place.epoch + 1,
            lr=self.optimizer.param_groups[0]["lr"],
            train_loss=float(np.mean(place.losses)),
            val_loss=validation.loss if validation else None,
            val_auc=validation.auc if validation else None,
        )
        place.history.append(result)
        place.epoch, place.step = place.epoch + 1, 0
        place.losses.clear()
        merit, loss = None, math.inf
        if validation is not None:
            loss = validation.loss
            place.plateau = place.plateau.after(validation.loss, self.recipe.schedule.patience)
            merit = {"auc": validation.auc, "loss": -loss, "last": None}[settings.monitor]
        # Few validation images reach an AUC of 1 early, long before the model is at its best.
        if merit is None or place.best is None or (merit, -loss) > (place.best, -place.best_loss):
            place.best, place.best_loss = merit, loss
            place.best_epoch, place.waited = place.epoch, 0
            self.best = {
                name: tensor.detach().to("cpu", copy=True)
                for name, tensor in self.model.state_dict().items()
            }
        else:
            place.waited += 1
        stopped = 0 < settings.early_stopping <= place.waited
        place.done = stopped or place.epoch >= settings.epochs
        return result

    def _rate(self, epochs: float) -> float:
        return rate(
            self.recipe.schedule,
            self.recipe.optimizer.lr,
            epochs,
            self.recipe.training.epochs,
            self.place.plateau.falls,
        )

    def _step(self, x: Tensor, targets: Tensor, mask: Tensor, counts: BatchCounts) -> Tensor:
        """Move the weights once, and return this process's share of the batch's loss."""
        self.optimizer.zero_grad(set_to_none=True)
        total = torch.zeros((), dtype=torch.float64, device=self._device)
        pieces = list(
            zip(*(torch.split(part, self.place.batch) for part in (x, targets, mask)), strict=True)
        )
        for number, (images, wanted, known) in enumerate(pieces, start=1):
            with self._together(number == len(pieces)):
                with computed_in(self._device, self._half):
                    logits = self._network(images)
                loss = self._loss(logits, wanted, known, counts)
                # Several processes' gradients are averaged where they should be added up.
                torch.autograd.backward(loss * self._ranks.world)
            total += loss.detach()
        self.optimizer.step()
        return total

    def _together(self, last: bool) -> AbstractContextManager[Any]:
        """Let processes exchange gradients with the last piece only."""
        if self._ranks.world == 1 or last:
            return nullcontext()
        context: AbstractContextManager[Any] = self._network.no_sync()  # type: ignore[operator]
        return context

    def _halve(self) -> None:
        """Halve what goes through the network at once; the batch of the optimiser stays."""
        self.optimizer.zero_grad(set_to_none=True)
        if self._device.type == "cuda":
            torch.cuda.empty_cache()
        place, whole = self.place, self.batches.batch
        if self._ranks.world > 1:
            # The other processes wait in the middle of a step that this one cannot repeat alone.
            raise UserError(
                f"out of memory with {place.batch} images a process; start again with --set "
                f"training.batch={max(1, place.batch // 2)} --set training.accumulation="
                f"{2 * self.recipe.training.accumulation}.",
                exit_code=1,
            )
        if place.batch == 1:
            raise UserError(
                "out of memory with a single image; lower data.size and data.crop, or take a "
                "smaller model.",
                exit_code=1,
            )
        place.batch = -(-place.batch // 2)
        self._say(
            f"out of memory: on with {place.batch} images at a time; the optimiser still sees "
            f"{whole} a step"
        )


def _seed(seed: int, rank: int, epoch: int, step: int) -> int:
    """Return a seed for one step of one process (NumPy's SeedSequence mixes the four numbers)."""
    mixed = np.random.SeedSequence([seed, rank, epoch, step]).generate_state(2, np.uint32)
    return int(mixed[0]) << 31 | int(mixed[1]) >> 1


class Clock:
    """Seconds of work and images a second, on a device that works on by itself."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._start = self._now()

    def _now(self) -> float:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        return time.perf_counter()

    def seconds(self) -> float:
        """Return the seconds since the clock was made, all work finished."""
        return self._now() - self._start
