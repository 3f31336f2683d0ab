"""DenseNet-121, as torchvision has it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from cxrmine.training.models.architecture import Architecture
from cxrmine.training.models.surgery import dilate, keep

if TYPE_CHECKING:
    from torch import Tensor, nn

#: The file's names are older than the code's: ``denselayer1.norm.1.weight``.
_OLD = re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.(\d)\.")


def build(stride: int) -> nn.Module:
    """Return the four dense blocks and a ReLU; at stride 16 and 8 the last blocks reduce nothing."""
    from torch import nn
    from torchvision.models import densenet121

    network = densenet121(weights=None)
    features = network.features
    if stride <= 16:
        features.transition3.pool = nn.Identity()
        dilate(features.denseblock4, 2)
    if stride == 8:
        features.transition2.pool = nn.Identity()
        dilate(features.denseblock3, 2)
        dilate(features.denseblock4, 2)
    # torchvision applies the last ReLU in its forward(), not in a layer.
    network.relu = nn.ReLU(inplace=True)
    return keep(network, ("features", "relu"))


def from_torchvision(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the trunk's tensors under the names of the code."""
    return {
        _OLD.sub(r"\1\2.", name): tensor
        for name, tensor in tensors.items()
        if not name.startswith("classifier.")
    }


ARCHITECTURES = (
    Architecture(
        name="densenet121",
        explain="DenseNet-121 (Huang et al., arXiv:1608.06993), CheXNet's network",
        channels=1024,
        transition=None,
        strides=(32, 16, 8),
        smallest=32,
        build=build,
        imagenet="https://download.pytorch.org/models/densenet121-a639ec97.pth",
        from_torchvision=from_torchvision,
    ),
)
