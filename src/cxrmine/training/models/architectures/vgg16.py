"""VGG-16, as torchvision has it (without batch normalisation)."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from cxrmine.training.models.architecture import Architecture
from cxrmine.training.models.surgery import without, without_head

if TYPE_CHECKING:
    from torch import nn


def build(stride: int) -> nn.Module:
    """Return the thirteen convolutions; at stride 16 without the pooling after the last."""
    from torch import nn
    from torchvision.models import vgg16

    features = without_head(vgg16)
    for layer in features.modules():
        if isinstance(layer, nn.Conv2d):
            # As torchvision does; with torch's own default thirteen layers let little through.
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)
    children = list(features.children())
    return nn.Sequential(
        OrderedDict(features=nn.Sequential(*children[: -1 if stride == 16 else None]))
    )


ARCHITECTURES = (
    Architecture(
        name="vgg16",
        explain="VGG-16 (Simonyan and Zisserman, arXiv:1409.1556), one of ChestX-ray8's four",
        channels=512,
        transition=1024,
        strides=(32, 16),
        smallest=32,
        build=build,
        imagenet="https://download.pytorch.org/models/vgg16-397923af.pth",
        from_torchvision=without("classifier."),
    ),
)
