"""GoogLeNet, as torchvision has it (with batch normalisation), without the side classifiers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cxrmine.training.models.architecture import Architecture
from cxrmine.training.models.surgery import dilate, keep, without

if TYPE_CHECKING:
    from torch import nn

_STAGES = (
    *("scaling", "conv1", "maxpool1", "conv2", "conv3", "maxpool2"),
    *("inception3a", "inception3b", "maxpool3"),
    *("inception4a", "inception4b", "inception4c", "inception4d", "inception4e", "maxpool4"),
    *("inception5a", "inception5b"),
)


def build(stride: int) -> nn.Module:
    """Return everything up to the last inception block; at stride 16 the last two reduce nothing.

    torchvision's weights expect images scaled to [−1, 1]. The first layer turns ImageNet's
    normalisation into that one, for random weights too: a classifier's function must not depend
    on where its weights came from.
    """
    from torch import nn
    from torchvision.models import googlenet

    from cxrmine.training.models.layers import UnitScaling

    network = googlenet(weights=None, aux_logits=False, init_weights=True)
    if stride == 16:
        network.maxpool4 = nn.Identity()
        dilate(network.inception5a, 2)
        dilate(network.inception5b, 2)
    network.scaling = UnitScaling()
    return keep(network, _STAGES)


ARCHITECTURES = (
    Architecture(
        name="googlenet",
        explain="GoogLeNet (Szegedy et al., arXiv:1409.4842), one of ChestX-ray8's four networks",
        channels=1024,
        transition=1024,
        strides=(32, 16),
        smallest=32,
        build=build,
        imagenet="https://download.pytorch.org/models/googlenet-1378be20.pth",
        from_torchvision=without("fc.", "aux1.", "aux2."),
    ),
)
