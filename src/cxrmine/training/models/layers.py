"""Layers that torchvision has no module for."""

from __future__ import annotations

import torch
from torch import Tensor, nn

#: Mean and standard deviation of ImageNet's red, green and blue in [0, 1], as torchvision's
#: weights of the other networks expect them taken out.
_MEAN = (0.485, 0.456, 0.406)
_SD = (0.229, 0.224, 0.225)


class UnitScaling(nn.Module):
    """From ImageNet's normalisation to values in [−1, 1] (torchvision's ``transform_input``)."""

    scale: Tensor
    shift: Tensor

    def __init__(self) -> None:
        super().__init__()
        mean = torch.tensor(_MEAN).reshape(1, 3, 1, 1)
        sd = torch.tensor(_SD).reshape(1, 3, 1, 1)
        # Constants, not weights: they stay out of the state dict.
        self.register_buffer("scale", sd / 0.5, persistent=False)
        self.register_buffer("shift", (mean - 0.5) / 0.5, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return the images ``(b, 3, s, s)`` on the other scale."""
        return x * self.scale + self.shift
