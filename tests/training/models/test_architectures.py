"""The trunks against torchvision's own networks."""

from __future__ import annotations

import re

import pytest

pytest.importorskip("torch", reason="the extra [train] is not installed")
pytest.importorskip("torchvision", reason="the extra [train] is not installed")

import torch
import torchvision

from cxrmine.training.models import MODELS, create_model
from cxrmine.training.models.weights import load_whole

OURS = ("alexnet", "densenet121", "googlenet", "resnet18", "resnet50", "vgg16")
#: Name → (torchvision's class of weights, the module that the trunk's features go into).
ENDS = {
    "alexnet": ("AlexNet_Weights", "avgpool"),
    "densenet121": ("DenseNet121_Weights", "classifier"),
    "googlenet": ("GoogLeNet_Weights", "avgpool"),
    "resnet18": ("ResNet18_Weights", "avgpool"),
    "resnet50": ("ResNet50_Weights", "avgpool"),
    "vgg16": ("VGG16_Weights", "avgpool"),
}


def test_the_networks_of_the_paper_and_after_are_there():
    assert set(OURS) <= set(MODELS)


@pytest.mark.parametrize("name", OURS)
def test_the_trunk_computes_what_torchvisions_network_computes(name):
    torch.manual_seed(0)
    if name == "googlenet":
        # As the ImageNet weights are used: rescaled input, and side classifiers to be cut off.
        theirs = torchvision.models.googlenet(
            weights=None, transform_input=True, aux_logits=True, init_weights=True
        )
    else:
        theirs = getattr(torchvision.models, name)(weights=None)
    for module in theirs.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            # Else they compute the identity, and mixed-up names would not show.
            module.running_mean.uniform_(-0.1, 0.1)
            module.running_var.uniform_(0.5, 2)
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.uniform_(module.bias, -0.2, 0.2)
    theirs.eval()
    seen = []
    end = theirs.get_submodule(ENDS[name][1])
    end.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    trunk = MODELS[name].build(MODELS[name].strides[0]).eval()
    load_whole(trunk, MODELS[name].from_torchvision(theirs.state_dict()), "torchvision's")
    x = torch.randn(1, 3, 96, 96)
    with torch.no_grad():
        theirs(x)
        features = trunk(x)
    assert features.shape == (1, MODELS[name].channels, *features.shape[2:])
    assert features.min() >= 0
    assert features.std() > 0
    ours = features.mean(dim=(2, 3)) if seen[0].ndim == 2 else features
    torch.testing.assert_close(ours, seen[0])


@pytest.mark.parametrize("name", OURS)
def test_the_addresses_are_torchvisions(name):
    weights = torchvision.models.get_weight(f"{ENDS[name][0]}.IMAGENET1K_V1")
    assert MODELS[name].imagenet == weights.url


@pytest.mark.parametrize("name", OURS)
def test_every_stride_gives_its_map_and_the_smallest_image_a_cell(name):
    """On the meta device: shapes without numbers, by the same layers."""
    architecture = MODELS[name]
    smallest = torch.zeros(1, 3, *[architecture.smallest] * 2, device="meta")
    for stride in architecture.strides:
        trunk = architecture.build(stride).eval().to("meta")
        side = trunk(torch.zeros(1, 3, 128, 128, device="meta")).shape[-1]
        assert trunk(smallest).shape[-1] >= 1
        # AlexNet's first layers have no padding to the full.
        assert side == 128 // stride - (name == "alexnet")


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_a_finer_map_holds_the_coarse_one(name):
    """Spread filters on the unreduced map compute the same at every second (fourth) cell."""
    torch.manual_seed(0)
    coarse = MODELS[name].build(32).eval().double()
    x = torch.randn(1, 3, 32, 32).double()
    with torch.no_grad():
        expected = coarse(x)
        for stride in (16, 8):
            fine = MODELS[name].build(stride).eval().double()
            load_whole(fine, coarse.state_dict(), "the coarse network")
            step = 32 // stride
            torch.testing.assert_close(fine(x)[..., ::step, ::step], expected)


def test_densenets_old_names_are_understood():
    """torchvision's file says norm.1 where the code says norm1."""
    trunk = MODELS["densenet121"].build(32)
    new = trunk.state_dict()
    old = {re.sub(r"(denselayer\d+\.(?:norm|conv))(\d)", r"\1.\2", k): v for k, v in new.items()}
    assert set(old) != set(new)
    read = MODELS["densenet121"].from_torchvision({**old, "classifier.weight": torch.zeros(1)})
    assert set(read) == set(new)


def test_the_depths_of_the_paper():
    """Section 3.1: "D = 1024 for GoogLeNet and D = 2048 for ResNet"."""
    assert create_model("googlenet", 8).prediction.in_features == 1024
    assert create_model("resnet50", 8).prediction.in_features == 2048
