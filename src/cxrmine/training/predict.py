"""What a trained model says of images: scores, and boxes from its heat maps.

`load_model` takes a finished run's ``model.safetensors`` whole or not at all.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cxrmine.dataset.model import Box
from cxrmine.errors import UserError
from cxrmine.evaluation.auc import auc
from cxrmine.tables import write_csv
from cxrmine.training.augment import Normalize, evaluation_view
from cxrmine.training.distributed import Ranks
from cxrmine.training.loop import Validation
from cxrmine.training.losses import LOSSES, probabilities
from cxrmine.training.precision import computed_in, in_half
from cxrmine.training.recipe import Recipe, recipe_from_text

if TYPE_CHECKING:
    from cxrmine.training.cache import Cache
    from cxrmine.training.labels import Labels
    from cxrmine.training.models import Classifier

_META = "cxrmine"
#: The file of a finished run.
MODEL = "model.safetensors"
# Images that a heat map is made of at once: their maps, not the network, need the memory.
_MAPS_AT_ONCE = 32


@dataclass(frozen=True)
class TrainedModel:
    """A model with what is needed to use it: its outputs' names and its recipe."""

    model: Classifier
    names: tuple[str, ...]
    recipe: Recipe


class Predictor:
    """A model that looks at images of a cache.

    Parameters
    ----------
    model : Classifier
        On its device; put into evaluation mode.
    cache : Cache
    recipe : Recipe
        Says how an image is cropped and normalised, how many go at once, and the precision.
    ranks : Ranks
        Share the work: every process must ask for the same.
    batch : int, optional
        Images at once; by default the recipe's.
    say : callable, optional
        Told, in a sentence, if memory is short and fewer images go at once from then on.
    """

    def __init__(
        self,
        model: Classifier,
        cache: Cache,
        recipe: Recipe,
        ranks: Ranks | None = None,
        batch: int | None = None,
        say: Callable[[str], None] | None = None,
    ) -> None:
        self._model = model
        self._cache = cache
        self.recipe = recipe
        self._ranks = ranks or Ranks()
        self._batch = batch or recipe.training.batch
        self._say = say
        self._device = next(model.parameters()).device
        self._half = in_half(self._device, recipe.training.precision)

    def logits(self, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """Return the model's logits, shape (m, k), of rows of the cache, in their order."""
        mine = np.arange(self._ranks.rank, len(rows), self._ranks.world)
        parts = [part.cpu().numpy() for part in self._each(rows[mine], self._forward)]
        width = self._model.prediction.out_features
        own = np.concatenate(parts) if parts else np.empty((0, width), np.float32)
        whole = np.empty((len(rows), width), dtype=np.float32)
        for rank, piece in enumerate(self._ranks.gather(own)):
            whole[rank :: self._ranks.world] = piece
        return whole

    def validate(self, labels: Labels, rows: NDArray[np.intp]) -> Validation:
        """Return the recipe's loss and the AUCs on rows of the cache."""
        logits = self.logits(rows)
        targets, mask = labels.targets[rows], labels.mask[rows]
        loss = LOSSES[self.recipe.loss](
            torch.from_numpy(logits), torch.from_numpy(targets), torch.from_numpy(mask)
        )
        findings = {
            name: _auc(logits[:, at], targets[:, at], mask[:, at])
            for at, name in enumerate(labels.names)
        }
        defined = [value for value in findings.values() if value is not None]
        mean = float(np.mean(defined)) if defined else None
        return Validation(float(loss), mean, findings)

    def heat_maps(
        self, rows: NDArray[np.intp], outputs: Sequence[int]
    ) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
        """Yield heat maps, a few images a time, in order; on this process alone.

        Parameters
        ----------
        rows : ndarray of int, shape (m,)
        outputs : sequence of int
            Which outputs.

        Yields
        ------
        maps : ndarray of float32, shape (b, len(outputs), S, S)
            Class activations as they are, not scaled.
        scores : ndarray of float32, shape (b, len(outputs))
            The outputs' scores, as `scores_of` has them.
        """
        from cxrmine.localization.cam import class_activation_maps

        chosen = torch.tensor(list(outputs), device=self._device)

        def forward(images: Tensor) -> tuple[Tensor, Tensor]:
            features = self._model.activations(images).float()
            weight = self._model.prediction.weight[chosen].float()
            logits = self._model.classify(features)[:, chosen]
            with computed_in(self._device, False):
                maps = class_activation_maps(features, weight)
            return maps, probabilities(self.recipe.loss, logits)

        for maps, scores in self._each(rows, forward, most=_MAPS_AT_ONCE):
            yield maps.cpu().numpy(), scores.cpu().numpy()

    def _forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self._model(images).float()
        return logits

    def _each(
        self, rows: NDArray[np.intp], forward: Callable[[Tensor], Any], most: int | None = None
    ) -> Iterator[Any]:
        """Yield what `forward` makes of a few rows a time; fewer where memory is short."""
        self._model.eval()
        start = 0
        at_once = min(self._batch, most or self._batch)
        while start < len(rows):
            grey = torch.from_numpy(
                np.ascontiguousarray(self._cache.images[rows[start:][:at_once]])
            )
            result = None
            try:
                with torch.inference_mode(), computed_in(self._device, self._half):
                    x = self._view(grey.to(self._device))
                    result = forward(x)
            except torch.OutOfMemoryError:
                if at_once == 1:
                    raise
            if result is None:
                torch.cuda.empty_cache()
                at_once = self._batch = -(-at_once // 2)
                if self._say is not None:
                    self._say(f"out of memory in prediction: on with {at_once} images at a time")
                continue
            yield result
            start += at_once

    def _view(self, grey: Tensor) -> Tensor:
        data = self.recipe.data
        normalize = cast(Normalize, data.normalize)
        return evaluation_view(grey, data.crop, normalize, channels_last=True)


def _auc(
    scores: NDArray[np.float32], targets: NDArray[np.float32], mask: NDArray[np.bool_]
) -> float | None:
    known = targets[mask] == 1
    if not known.any() or known.all():
        return None
    value = auc(scores[mask], known)
    return None if value is None else float(value)


def scores_of(recipe: Recipe, logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return what logits say, as scores in [0, 1] by the meaning that the recipe's loss gave them.

    In float64, in which far fewer scores end as 0 or 1 than in the logits' own float32.
    """
    wide = torch.from_numpy(logits.astype(np.float64))
    scores: NDArray[np.float64] = probabilities(recipe.loss, wide).numpy()
    return scores


def write_predictions(
    path: Path, images: Sequence[str], names: Sequence[str], scores: NDArray[np.float64]
) -> None:
    """Write a table of scores in [0, 1]: ``Image Index`` and a column a finding.

    Eight significant digits: enough that no two different float32 logits of ordinary size become
    a tie.
    """
    write_csv(
        path,
        ["Image Index", *names],
        (
            [image, *(float(f"{value:.8g}") for value in row)]
            for image, row in zip(images, scores, strict=True)
        ),
    )


@dataclass(frozen=True)
class Located:
    """Where heat maps say that findings are, in 1024-pixel coordinates.

    Parameters
    ----------
    boxes : list of (Box, float)
        Boxes and their scores, by image, finding, and score, best first. A box's score is the
        output's score times the map's peak v within the box on the scale that boxes are drawn on
        (`cxrmine.localization.heatmap.to_grey`): (v - low) / (max - low), with low the map's
        smallest value or 0, whichever is larger. So boxes of an image that surely has the finding
        come before boxes of one that has not.
    points : list of (str, str, float, float)
        Image Index, finding, x and y of each map's highest value (of equal ones the first by
        rows): the middle of a cell. A map of one value throughout, or without one above 0, points
        nowhere: it has no point, as it has no box.
    """

    boxes: list[tuple[Box, float]]
    points: list[tuple[str, str, float, float]]


def locate(
    predictor: Predictor,
    rows: NDArray[np.intp],
    images: Sequence[str],
    names: Sequence[str],
    findings: Sequence[str],
) -> Located:
    """Return boxes and the hottest point of each finding on each image, by class activation maps.

    Parameters
    ----------
    predictor : Predictor
    rows : ndarray of int, shape (m,)
        Of the cache.
    images : sequence of str
        Their Image Index.
    names : sequence of str
        The model's outputs.
    findings : sequence of str
        Those that places are wanted of, in the order of columns.
    """
    from cxrmine.localization.boxes import SIZE, boxes_from_maps
    from cxrmine.localization.heatmap import to_grey

    outputs = [list(names).index(finding) for finding in findings]
    data = predictor.recipe.data
    # The map stands for the centre crop, the boxes for the whole image.
    scale = SIZE / data.size
    offset = (data.size - data.crop) // 2 * scale
    found = Located([], [])
    start = 0
    for maps, scores in predictor.heat_maps(rows, outputs):
        grey = to_grey(maps).reshape(-1, *maps.shape[2:])
        drawn = boxes_from_maps(grey, size=data.crop * scale, resolution=data.crop)
        sure = scores.reshape(-1)[drawn.index] * drawn.score
        for at, (x, y, width, height), score in zip(
            drawn.index.tolist(), drawn.boxes.tolist(), sure.tolist(), strict=True
        ):
            image, finding = divmod(at, len(findings))
            place = (x + offset, y + offset, width, height)
            found.boxes.append((Box(images[start + image], findings[finding], *place), score))
        # A map that is interpolated has its highest value at the middle of a cell as well.
        flat = maps.reshape(-1, maps.shape[2] * maps.shape[3])
        cell = data.crop * scale / maps.shape[3]
        for at, (one, peak) in enumerate(zip(flat, flat.argmax(axis=1).tolist(), strict=True)):
            if one[peak] <= max(one.min(), 0):
                continue
            image, finding = divmod(at, len(findings))
            row, column = divmod(peak, maps.shape[3])
            x, y = ((index + 0.5) * cell + offset for index in (column, row))
            found.points.append((images[start + image], findings[finding], x, y))
        start += len(maps)
    return found


def save_model(path: Path, model: Classifier, names: Sequence[str], recipe: Recipe) -> None:
    """Write a trained model: weights, the outputs' names and the recipe, in one file."""
    from cxrmine.training.models import save_weights

    about = {"names": list(names), "recipe": recipe.as_yaml()}
    save_weights(model, path, extra={_META: json.dumps(about)})


def load_model(path: Path) -> TrainedModel:
    """Read a trained model, whole or not at all.

    Parameters
    ----------
    path : Path
        A file that `save_model` wrote, or the folder of a finished run.

    Returns
    -------
    TrainedModel
        On the CPU, in evaluation mode.

    Raises
    ------
    UserError
        If there is none (an unfinished run has none), it is cut short, or not from train-baseline.
    """
    from cxrmine.training.models import load_whole, read_weights

    if path.is_dir():
        path = path / MODEL
    if not path.is_file():
        raise UserError(
            f"there is no trained model {str(path)!r}; name the folder of a finished run of "
            "train-baseline."
        )
    tensors, header = read_weights(path)
    try:
        about = json.loads(header[_META])
        names = tuple(str(name) for name in about["names"])
        text = str(about["recipe"])
    except (KeyError, ValueError, TypeError):
        raise UserError(
            f"{str(path)!r} does not say which findings it was trained on; name a model that "
            "train-baseline wrote."
        ) from None
    recipe = recipe_from_text(text, f"the recipe in {path.name}")
    model = build_model(replace(recipe, weights="random", freeze=False), len(names))
    load_whole(model, tensors, f"the model {str(path)!r}")
    return TrainedModel(model.eval(), names, recipe)


def build_model(recipe: Recipe, outputs: int) -> Classifier:
    """Return the recipe's model for so many outputs, its random weights from the recipe's seed.

    Raises
    ------
    UserError
        If the recipe names a model or weights that there are not.
    """
    from cxrmine.training.models import create_model

    torch.manual_seed(recipe.training.seed)
    return create_model(
        recipe.model,
        outputs,
        weights=recipe.weights,
        freeze=recipe.freeze,
        **layers(recipe),
    )


def layers(recipe: Recipe) -> dict[str, Any]:
    """Return what a recipe says of its model's layers, as `model_spec` takes it."""
    return {
        "transition": recipe.transition,
        "pooling": recipe.pooling.kind,
        "r": recipe.pooling.r,
        "over": recipe.pooling.over,
        "stride": recipe.stride,
        "dilate": recipe.dilate,
    }
