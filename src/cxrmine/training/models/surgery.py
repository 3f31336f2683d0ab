"""Cutting torchvision's networks: keep the trunk under its own names, keep its map finer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, nn


def keep(network: nn.Module, names: tuple[str, ...]) -> nn.Sequential:
    """Return children of a network, in this order and under their names, as one trunk.

    The names stay so that the network's own state dict fits the trunk.
    """
    from collections import OrderedDict

    from torch import nn

    return nn.Sequential(OrderedDict((name, network.get_submodule(name)) for name in names))


def without_head(constructor: Callable[..., nn.Module]) -> nn.Module:
    """Return the ``features`` of AlexNet or VGG with fresh convolutions, and nothing else built.

    Nine tenths of their numbers are in the fully connected layers that the surgery cuts off;
    shapes without memory ("meta") stand for them, which spares half a gigabyte and seconds.
    """
    import torch
    from torch import nn

    with torch.device("meta"):
        features = constructor(weights=None).get_submodule("features")
    features.to_empty(device="cpu")
    for layer in features.modules():
        if isinstance(layer, nn.Conv2d):
            layer.reset_parameters()
    return features


def dilate(module: nn.Module, factor: int) -> None:
    """Spread the filters of a stage whose input is no longer reduced by `factor`.

    Weights trained on the reduced map then see the structures they were trained on (the "à trous"
    construction; Chen et al., arXiv:1606.00915, section 3.1). Only the convolutions wider than a
    pixel are touched; their padding grows along, so that the map keeps its size.
    """
    from torch import nn

    for layer in module.modules():
        if not isinstance(layer, nn.Conv2d) or layer.kernel_size == (1, 1):
            continue
        layer.dilation = tuple(d * factor for d in layer.dilation)
        assert not isinstance(layer.padding, str)
        layer.padding = tuple(p * factor for p in layer.padding)


def undilate(trunk: nn.Module) -> None:
    """Take back what `dilate` spread, in a whole trunk: its filters see less of the image.

    For random weights, which have learnt no spread. At stride 8, a cell of ResNet-18 sees 435
    pixels of the input with filters spread and 227 without: where that is all of the image,
    training is free to report a nodule from any corner of the map.
    """
    from torch import nn

    for layer in trunk.modules():
        if isinstance(layer, nn.Conv2d) and max(layer.dilation) > 1:
            assert not isinstance(layer.padding, str)
            layer.padding = tuple(
                p // d for p, d in zip(layer.padding, layer.dilation, strict=True)
            )
            layer.dilation = (1, 1)


def without(*prefixes: str) -> Callable[[Mapping[str, Tensor]], dict[str, Tensor]]:
    """Return a function that leaves out of a state dict what begins so (layers cut off)."""

    def cut(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {k: v for k, v in tensors.items() if not k.startswith(prefixes)}

    return cut
