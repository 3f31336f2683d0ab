"""A network of two small convolutions, registered as somebody's own would be."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from cxrmine.training.models import Architecture
from cxrmine.training.models.surgery import without


def build(stride: int) -> nn.Module:
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(3, 4, 3, stride=stride // 2, padding=1, bias=False),
            bn1=nn.BatchNorm2d(4),
            relu1=nn.ReLU(inplace=True),
            conv2=nn.Conv2d(4, 6, 3, stride=2, padding=1),
            relu2=nn.ReLU(inplace=True),
        )
    )


def made_architecture(name: str = "made", imagenet: str | None = None) -> Architecture:
    return Architecture(
        name=name,
        explain="a network of two convolutions",
        channels=6,
        transition=5,
        strides=(4, 2),
        smallest=8,
        build=build,
        imagenet=imagenet,
        from_torchvision=without("fc."),
    )


MADE = made_architecture()
