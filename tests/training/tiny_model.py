"""A small network without batch normalisation, registered beside the shipped ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from cxrmine.training.models import Architecture, register
from cxrmine.training.recipe import Recipe, load_recipe


def _build(stride: int, dropout: float = 0.1) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 16, 5, stride=2, padding=2),
        nn.ReLU(),
        nn.Conv2d(16, 24, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(24, 24, 3, padding=1),
        nn.ReLU(),
        nn.Dropout2d(dropout),
    )


def _none(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return dict(tensors)


TINY = Architecture(
    name="tiny",
    explain="Three convolutions, for tests.",
    channels=24,
    transition=None,
    strides=(4,),
    smallest=8,
    build=_build,
    imagenet=None,
    from_torchvision=_none,
)
#: The same without anything random, so that a batch in pieces is the batch as a whole.
STILL = replace(
    TINY, name="still", explain="The same without dropout.", build=partial(_build, dropout=0.0)
)


def _build_normed(stride: int) -> nn.Module:
    return nn.Sequential(nn.BatchNorm2d(3), *_build(stride, 0.0), nn.BatchNorm2d(24), nn.ReLU())


#: The same with batch normalisation.
NORMED = replace(
    TINY, name="normed", explain="The same with batch normalisation.", build=_build_normed
)
register(TINY)
register(STILL)
register(NORMED)


def tiny_recipe(*changes: str) -> Recipe:
    """The smoke recipe with the tiny network: 32 pixels, three epochs, batches of 8 × 2."""
    own = (
        "model=tiny",
        "data.size=32",
        "data.crop=32",
        "augment.rotation=0",
        "pooling.kind=lse",
        "pooling.r=5",
        "optimizer.lr=0.003",
        "training.epochs=3",
        "training.batch=8",
        "training.accumulation=2",
    )
    return replace(load_recipe("smoke", [*own, *changes]), name="tiny")


def contents(folder: Path, *, without: tuple[str, ...] = ("timing.json",)) -> dict[str, bytes]:
    """All files below a folder by name, but those that may differ between two runs."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in without
    }


def settings_for(dataset: Path, *changes: str, **options: Any) -> Any:
    """Settings of a run of the tiny recipe on the CPU."""
    from cxrmine.training.run import TrainSettings

    return TrainSettings(dataset, tiny_recipe(*changes), device="cpu", **options)
