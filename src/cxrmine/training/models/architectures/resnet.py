"""ResNet-18 and ResNet-50, as torchvision has them (the stride in the 3×3 convolution)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from cxrmine.training.models.architecture import Architecture
from cxrmine.training.models.surgery import dilate, keep, without

if TYPE_CHECKING:
    from torch import nn

_STAGES = ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4")


def build(name: str, stride: int) -> nn.Module:
    """Return the four stages; at stride 16 and 8 the last one or two reduce nothing."""
    from torchvision import models

    network = getattr(models, name)(weights=None)
    factor = 1
    if stride == 8:
        factor = _keep_size(network.layer3, factor)
    if stride <= 16:
        _keep_size(network.layer4, factor)
    return keep(network, _STAGES)


def _keep_size(stage: nn.Module, factor: int) -> int:
    """Take the reduction out of a stage; return how far the filters after it are spread.

    Its first block still reads the map that was not reduced before, so its filters keep the
    spread so far, as in torchvision's ``replace_stride_with_dilation`` (which ResNet-18 lacks).
    """
    from torch import nn

    for layer in stage.modules():
        if isinstance(layer, nn.Conv2d):
            layer.stride = (1, 1)
    blocks = list(stage.children())
    first = [m for m in blocks[0].modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (3, 3)]
    dilate(first[0], factor)
    for layer in (*first[1:], *blocks[1:]):
        dilate(layer, factor * 2)
    return factor * 2


ARCHITECTURES = (
    Architecture(
        name="resnet18",
        explain="ResNet-18 (He et al., arXiv:1512.03385), small enough to train on a CPU",
        channels=512,
        transition=512,
        strides=(32, 16, 8),
        smallest=32,
        build=partial(build, "resnet18"),
        imagenet="https://download.pytorch.org/models/resnet18-f37072fd.pth",
        from_torchvision=without("fc."),
    ),
    Architecture(
        name="resnet50",
        explain="ResNet-50 (He et al., arXiv:1512.03385), the best of ChestX-ray8's four networks",
        channels=2048,
        transition=2048,
        strides=(32, 16, 8),
        smallest=32,
        build=partial(build, "resnet50"),
        imagenet="https://download.pytorch.org/models/resnet50-0676ba61.pth",
        from_torchvision=without("fc."),
    ),
)
