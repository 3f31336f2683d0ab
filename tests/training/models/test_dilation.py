"""Finer maps with and without filters spread: the same weights fit, another function results."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the extra [train] is not installed")
pytest.importorskip("safetensors", reason="the extra [train] is not installed")

import torch
from torch import nn

from cxrmine.errors import UserError
from cxrmine.training.models import MODELS, create_model, read_weights, save_weights
from cxrmine.training.models.create import model_spec

SHIPPED = ("alexnet", "densenet121", "googlenet", "resnet18", "resnet50", "vgg16")
FINER = [(name, stride) for name in SHIPPED for stride in MODELS[name].strides[1:]]


def _dilated(model: nn.Module) -> list[str]:
    return [
        name
        for name, layer in model.named_modules()
        if isinstance(layer, nn.Conv2d | nn.MaxPool2d) and layer.dilation not in (1, (1, 1))
    ]


def test_every_network_with_a_finer_map_is_tried() -> None:
    assert {(name, stride) for name, stride in FINER} >= {
        ("resnet18", 16),
        ("resnet18", 8),
        ("resnet50", 8),
        ("densenet121", 8),
        ("googlenet", 16),
        ("vgg16", 16),
        ("alexnet", 16),
    }


@pytest.mark.parametrize(("name", "stride"), FINER)
def test_without_dilation_nothing_is_spread_and_the_map_keeps_its_size(
    name: str, stride: int
) -> None:
    spread = create_model(name, 2, stride=stride).eval()
    plain = create_model(name, 2, stride=stride, dilate=False).eval()
    # AlexNet and VGG-16 end in the pooling that is left out: there is nothing behind it to spread.
    assert bool(_dilated(spread)) == (name not in ("alexnet", "vgg16"))
    assert _dilated(plain) == []
    assert (spread.spec.dilate, plain.spec.dilate) == (True, False)
    for one, two in zip(spread.modules(), plain.modules(), strict=True):
        if isinstance(one, nn.Conv2d):
            assert isinstance(two, nn.Conv2d)
            assert (one.kernel_size, one.stride) == (two.kernel_size, two.stride)
    x = torch.randn(1, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        plain.load_state_dict(spread.state_dict(), strict=True)
        features, others = plain.trunk(x), spread.trunk(x)
        assert features.shape == others.shape
        same = torch.equal(features, others)
    assert same == (name in ("alexnet", "vgg16"))


@pytest.mark.parametrize("name", SHIPPED)
def test_at_its_own_stride_a_network_has_nothing_to_spread(name: str) -> None:
    own = MODELS[name].strides[0]
    for stride in (None, own):
        for dilate in (True, False):
            assert model_spec(name, 2, stride=stride, dilate=dilate).dilate is True
    assert model_spec(name, 2, stride=16, dilate=False).dilate is False


def _sees(dilate: bool) -> int:
    """Return how wide the part of the image is that the middle cell of a ResNet-18 reads."""
    torch.manual_seed(0)
    model = create_model("resnet18", 1, stride=8, dilate=dilate).eval()
    x = torch.randn(1, 3, 32, 512, requires_grad=True)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.abs_()  # no path may cancel another, no ReLU close
    features = model.activations(x.abs())
    features[0, :, 2, 32].sum().backward()
    assert x.grad is not None
    columns = torch.nonzero(x.grad[0].abs().sum(dim=(0, 1))).flatten()
    return int(columns.max() - columns.min()) + 1


def test_a_cell_sees_less_without_dilation() -> None:
    """By hand: 1 + the sum over convolutions of (kernel - 1) x spread x pixels a step."""
    # Stem 7 and pool 3 at 1 and 2 px, layer1 4 convolutions at 4 px, layer2 1 at 4 and 3 at 8 px;
    # then four and four 3x3 at 8 px: spread 1, 2, 2, 2 and 2, 4, 4, 4, or not at all.
    before = 1 + 6 * 1 + 2 * 2 + 4 * 2 * 4 + 2 * 4 + 3 * 2 * 8
    assert _sees(False) == before + 8 * 2 * 8
    assert _sees(True) == before + (1 + 2 + 2 + 2 + 2 + 4 + 4 + 4) * 2 * 8


def test_weights_of_the_other_kind_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_weights(create_model("resnet18", 2, stride=8, dilate=False), path)
    assert read_weights(path)[1]["model"]["dilate"] is False
    with pytest.raises(UserError, match=re.escape("dilate is False there and True here")):
        create_model("resnet18", 2, stride=8, weights=path)
    create_model("resnet18", 2, stride=8, dilate=False, weights=path)
