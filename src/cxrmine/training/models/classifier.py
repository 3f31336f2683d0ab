"""The network of ChestX-ray8's Figure 4: trunk, transition layer, pooling, prediction layer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from cxrmine.errors import UserError
from cxrmine.localization.cam import class_activation_maps
from cxrmine.training.models.architecture import Architecture
from cxrmine.training.models.pooling import NEEDS_R, POOLINGS
from cxrmine.training.models.surgery import undilate


@dataclass(frozen=True)
class ModelSpec:
    """Everything that decides the shapes and the function of a classifier but its weights.

    Attributes
    ----------
    name
        Key of `MODELS`.
    outputs
        Number of findings k.
    transition
        Depth D of the transition layer; None: there is none.
    pooling
        Key of `POOLINGS`.
    r
        Sharpness of LSE pooling; None for the others.
    over
        What is pooled: ``features`` (the paper's order: pool each feature, then predict) or
        ``maps`` (predict at each place, then pool each finding's map; Pinheiro and Collobert,
        CVPR 2015). The same for average pooling.
    stride
        Input pixels per cell of the feature map.
    dilate
        Whether filters are spread where a stride leaves a reduction out.
    """

    name: str
    outputs: int
    transition: int | None
    pooling: str
    r: float | None
    over: str
    stride: int
    dilate: bool


class Classifier(nn.Module):
    """Images in, one logit a finding out; its features carry a heat map a finding.

    Parameters
    ----------
    architecture
        The network whose trunk it has.
    spec
        Its layers.
    frozen
        Train the transition and prediction layers only ("off the shelf"): the trunk's weights
        get no gradient and its batch normalisation keeps its statistics.

    Attributes
    ----------
    trunk, transition, prediction
        The layers; ``prediction.weight`` has shape ``(k, D)``.
    """

    def __init__(
        self, architecture: Architecture, spec: ModelSpec, *, frozen: bool = False
    ) -> None:
        super().__init__()
        self.spec = spec
        self.frozen = frozen
        self._smallest = architecture.smallest
        self.trunk = architecture.build(spec.stride)
        if not spec.dilate:
            undilate(self.trunk)
        self.transition: nn.Module
        depth = architecture.channels
        if spec.transition is None:
            self.transition = nn.Identity()
        else:
            self.transition = _transition(depth, spec.transition)
            depth = spec.transition
        self.prediction = nn.Linear(depth, spec.outputs)
        if frozen:
            self.trunk.requires_grad_(False)
            self.trunk.eval()

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits ``(b, k)`` of images ``(b, 3, s, s)``."""
        return self.classify(self.activations(x))

    def activations(self, x: Tensor) -> Tensor:
        """Return the features ``(b, D, S, S)`` of images ``(b, 3, s, s)``, before the pooling.

        Raises
        ------
        UserError
            If the images are too small for the network.
        """
        if min(x.shape[-2:]) < self._smallest:
            raise UserError(
                f"Images of {x.shape[-1]} px are too small for {self.spec.name}, which needs "
                f"{self._smallest} px; raise data.crop and data.size of the recipe, or take "
                "another model."
            )
        features: Tensor = self.transition(self.trunk(x))
        return features

    def classify(self, features: Tensor) -> Tensor:
        """Return the logits ``(b, k)`` of features ``(b, D, S, S)``, in float32 at least."""
        # In bfloat16 a logit has three digits: images would tie, and an AUC suffer.
        with torch.autocast(features.device.type, enabled=False):
            if self.spec.over == "features":
                logits: Tensor = self.prediction(self._pooled(features))
                return logits
            # A finding's map is then trained to be low wherever the finding is not.
            maps = class_activation_maps(features, self.prediction.weight)
            return self._pooled(maps) + self.prediction.bias

    def _pooled(self, values: Tensor) -> Tensor:
        pool = POOLINGS[self.spec.pooling]
        return pool(values, self.spec.r) if self.spec.pooling in NEEDS_R else pool(values)

    def begin_at(self, logits: ArrayLike) -> None:
        """Set the prediction layer's biases, shape ``(k,)``."""
        with torch.no_grad():
            self.prediction.bias.copy_(torch.as_tensor(np.asarray(logits)))

    def train(self, mode: bool = True) -> Classifier:
        """Set the training mode; a frozen trunk stays in evaluation mode."""
        super().train(mode)
        if self.frozen:
            self.trunk.eval()
        return self


def _transition(channels: int, depth: int) -> nn.Module:
    """Return a 1×1 convolution and a ReLU: S × S × `channels` to S × S × `depth`."""
    convolution = nn.Conv2d(channels, depth, kernel_size=1)
    nn.init.kaiming_normal_(convolution.weight, mode="fan_in", nonlinearity="relu")
    assert convolution.bias is not None
    nn.init.zeros_(convolution.bias)
    return nn.Sequential(convolution, nn.ReLU(inplace=True))
