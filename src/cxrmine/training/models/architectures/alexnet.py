"""AlexNet, as torchvision has it (the one-column version)."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from cxrmine.training.models.architecture import Architecture
from cxrmine.training.models.surgery import without, without_head

if TYPE_CHECKING:
    from torch import nn


def build(stride: int) -> nn.Module:
    """Return the five convolutions; at stride 16 without the pooling after the last."""
    from torch import nn
    from torchvision.models import alexnet

    features = without_head(alexnet)
    children = list(features.children())
    return nn.Sequential(
        OrderedDict(features=nn.Sequential(*children[: -1 if stride == 16 else None]))
    )


ARCHITECTURES = (
    Architecture(
        name="alexnet",
        explain="AlexNet (Krizhevsky, arXiv:1404.5997), one of ChestX-ray8's four networks",
        channels=256,
        transition=1024,
        strides=(32, 16),
        smallest=63,
        build=build,
        imagenet="https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",
        from_torchvision=without("classifier."),
    ),
)
