"""The loop: pieces of a batch, memory that runs out, what is kept, and when it stops."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_model import tiny_recipe
from torch import Tensor, nn

from cxrmine.errors import UserError
from cxrmine.training.augment import Augment, AugmentConfig
from cxrmine.training.batches import Batches
from cxrmine.training.distributed import Ranks
from cxrmine.training.labels import Labels
from cxrmine.training.loop import Loop, Validation
from cxrmine.training.losses import LOSSES
from cxrmine.training.predict import build_model
from cxrmine.training.recipe import Recipe
from cxrmine.training.schedules import rate


class _Store:
    def __init__(self, count: int = 24) -> None:
        rng = np.random.default_rng(0)
        self.images = rng.integers(0, 200, (count, 32, 32)).astype(np.uint8)
        targets = rng.integers(0, 2, (count, 2)).astype(np.float32)
        # Findings are stripes: across, and down.
        self.images[targets[:, 0] == 1, ::4, :] += 50
        self.images[targets[:, 1] == 1, :, ::4] += 50
        mask = rng.random((count, 2)) < 0.8
        self.labels = Labels(("Across", "Down"), targets * mask, mask)


def _loop(recipe: Recipe, model: nn.Module | None = None, said: list[str] | None = None) -> Loop:
    store = _Store()
    batches = Batches(
        store,
        store.labels,
        np.arange(len(store.images)),
        recipe.training.batch * recipe.training.accumulation,
        recipe.training.seed,
        "cpu",
        Augment(AugmentConfig(32, (0.8, 1), rotation=0, normalize="per-image")),
    )
    network: Any = model or build_model(recipe, 2)
    return Loop(network, batches, recipe, Ranks(), (said if said is not None else []).append)


def _epochs(loop: Loop, count: int) -> list[float]:
    losses = []
    for _ in range(count):
        for _ in loop.epoch():
            pass
        losses.append(loop.finish_epoch(None).train_loss)
    return losses


def test_the_loss_falls() -> None:
    losses = _epochs(_loop(tiny_recipe("model=still", "optimizer.lr=0.01")), 30)
    assert losses[-1] < 0.7 * losses[0]


@pytest.mark.parametrize("loss", sorted(LOSSES))
def test_a_batch_in_pieces_is_the_batch_as_a_whole(loss: str) -> None:
    """Also for losses that weigh by the batch's positives, and with labels that are unknown."""
    weights = []
    for batch, accumulation in ((12, 1), (5, None), (1, 12)):
        # 5 leaves a shorter last piece; 12 images a step in all three cases.
        recipe = tiny_recipe(
            "model=still",
            f"loss={loss}",
            "optimizer.kind=sgd",
            "optimizer.lr=0.05",
            f"training.batch={12 if accumulation is None else batch}",
            f"training.accumulation={accumulation or 1}",
        )
        loop = _loop(recipe)
        loop.place.batch = batch
        result = _epochs(loop, 2)
        weights.append((result, [p.detach().clone() for p in loop.model.parameters()]))
    for losses, parameters in weights[1:]:
        assert losses == pytest.approx(weights[0][0], rel=1e-5)
        for one, two in zip(parameters, weights[0][1], strict=True):
            torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-6)


class _Short(nn.Module):
    """A network on a device with room for so many images."""

    def __init__(self, network: nn.Module, room: int) -> None:
        super().__init__()
        self.network, self.room = network, room
        self.seen: list[int] = []

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append(len(x))
        if len(x) > self.room:
            raise torch.OutOfMemoryError("out of memory")
        out: Tensor = self.network(x)
        return out


def test_short_memory_halves_the_batch_and_changes_nothing_else() -> None:
    recipe = tiny_recipe("training.batch=12", "training.accumulation=1")
    said: list[str] = []
    short = _Short(build_model(recipe, 2), room=3)
    loop = _loop(recipe, short, said)
    losses = _epochs(loop, 2)
    assert short.seen[:3] == [12, 6, 3]
    assert set(short.seen[2:]) == {3}
    assert loop.place.batch == 3
    assert said == [
        "out of memory: on with 6 images at a time; the optimiser still sees 12 a step",
        "out of memory: on with 3 images at a time; the optimiser still sees 12 a step",
    ]
    # The same as if it had begun so: the failed attempts left nothing behind.
    other = _loop(tiny_recipe("training.batch=3", "training.accumulation=4"))
    assert _epochs(other, 2) == losses
    for one, two in zip(loop.model.parameters(), other.model.parameters(), strict=True):
        assert torch.equal(one, two)


def test_no_room_for_one_image() -> None:
    loop = _loop(tiny_recipe(), _Short(build_model(tiny_recipe(), 2), room=0))
    with pytest.raises(UserError, match="out of memory with a single image") as caught:
        _epochs(loop, 1)
    assert caught.value.exit_code == 1


def test_a_loss_that_is_no_number() -> None:
    loop = _loop(tiny_recipe("optimizer.kind=sgd", "optimizer.lr=1e30"))
    with pytest.raises(UserError, match=r"no number any more in epoch [12] .*lower it"):
        _epochs(loop, 2)


def test_the_rate_follows_the_schedule() -> None:
    recipe = tiny_recipe("schedule.kind=cosine", "schedule.warmup=1", "training.epochs=4")
    loop = _loop(recipe)
    steps = len(loop.batches)
    seen = []
    for epoch in range(4):
        for step in loop.epoch():
            at = epoch + (step - 1) / steps
            seen.append(loop.optimizer.param_groups[0]["lr"])
            assert seen[-1] == rate(recipe.schedule, recipe.optimizer.lr, at, 4)
        loop.finish_epoch(None)
    assert seen[0] == 0
    assert max(seen) == recipe.optimizer.lr


def test_the_best_model_is_kept_and_training_stops() -> None:
    loop = _loop(tiny_recipe("training.epochs=20", "training.early_stopping=2"))
    kept = []
    for auc in (0.6, 0.8, 0.7, 0.75, 0.9):
        for _ in loop.epoch():
            pass
        kept.append({k: v.clone() for k, v in loop.model.state_dict().items()})
        loop.finish_epoch(Validation(1.0, auc, {}))
        if loop.place.done:
            break
    assert len(kept) == 4
    assert (loop.place.best, loop.place.best_epoch, loop.place.epoch) == (0.8, 2, 4)
    for name, tensor in kept[1].items():
        assert torch.equal(loop.best[name], tensor)
        assert not torch.equal(loop.best[name], kept[3][name])


def test_the_loss_decides_between_equal_aucs() -> None:
    loop = _loop(tiny_recipe("training.epochs=4", "training.early_stopping=2"))
    for loss, auc in ((0.6, 0.9), (0.4, 1.0), (0.2, 1.0), (0.3, 1.0)):
        for _ in loop.epoch():
            pass
        loop.finish_epoch(Validation(loss, auc, {}))
    assert (loop.place.best_epoch, loop.place.best_loss, loop.place.waited) == (3, 0.2, 1)


def test_the_loss_can_be_what_decides() -> None:
    loop = _loop(tiny_recipe("training.monitor=loss", "training.epochs=3"))
    for loss in (0.5, 0.3, 0.4):
        for _ in loop.epoch():
            pass
        loop.finish_epoch(Validation(loss, 0.9, {}))
    assert loop.place.done
    assert (loop.place.best, loop.place.best_epoch) == (-0.3, 2)


def test_no_epoch_is_chosen_where_the_last_is_asked_for() -> None:
    loop = _loop(
        tiny_recipe("training.monitor=last", "training.epochs=3", "training.early_stopping=1")
    )
    for auc in (0.9, 0.8, 0.7):
        for _ in loop.epoch():
            pass
        loop.finish_epoch(Validation(1.0, auc, {}))
    assert (loop.place.epoch, loop.place.best_epoch) == (3, 3)


def test_without_validation_the_last_model_is_the_one() -> None:
    loop = _loop(tiny_recipe("training.epochs=2"))
    _epochs(loop, 2)
    assert loop.place.done
    assert loop.place.best_epoch == 2
    for name, tensor in loop.model.state_dict().items():
        assert torch.equal(loop.best[name], tensor)


def test_a_plateau_lowers_the_rate() -> None:
    recipe = tiny_recipe("schedule.kind=plateau", "schedule.factor=0.5", "training.epochs=9")
    loop = _loop(recipe)
    rates = []
    for loss in (1.0, 2.0, 2.0):
        for _ in loop.epoch():
            pass
        rates.append(loop.finish_epoch(Validation(loss, None, {})).lr)
    assert rates == [recipe.optimizer.lr, recipe.optimizer.lr, recipe.optimizer.lr / 2]


def test_nothing_is_drawn_from_the_global_generator(tmp_path: Path) -> None:
    """Dropout depends on the step's place alone, not on what was drawn before in the process."""
    results = []
    for before in (0, 1000):
        torch.manual_seed(before)
        loop = _loop(tiny_recipe())
        torch.rand(before + 1)
        results.append(_epochs(loop, 1))
    assert results[0] == results[1]
