"""What the trainer knows of a network before it builds one: plain data, no torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True)
class Architecture:
    """A network without its classification layers, as the paper's surgery needs it.

    Attributes
    ----------
    name
        What a recipe calls it.
    explain
        One line for ``--recipe list``: what it is and the paper that it is from.
    channels
        Depth of the last feature map.
    transition
        Depth D of the transition layer where the recipe says ``default``; None: no such layer.
    strides
        Input pixels per cell of the feature map that it can be built with; the first is its own.
    smallest
        Side in pixels of the smallest image that leaves a feature map of at least one cell.
    build
        From a stride to the trunk: images ``(b, 3, s, s)`` to non-negative features
        ``(b, channels, S, S)``. Its random weights come from torch's global generator.
    imagenet
        Address of torchvision's ImageNet weights (its first version, the paper's era), which ends
        in the beginning of the file's SHA-256 sum; None: there are none.
    from_torchvision
        From torchvision's state dict of the whole network to the trunk's: other names, and
        without the layers that were cut off.
    """

    name: str
    explain: str
    channels: int
    transition: int | None
    strides: tuple[int, ...]
    smallest: int
    build: Callable[[int], nn.Module]
    imagenet: str | None
    from_torchvision: Callable[[Mapping[str, Tensor]], dict[str, Tensor]]
