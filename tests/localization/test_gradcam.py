"""Grad-CAM: what it shows, and that nothing of it stays behind."""

from __future__ import annotations

import gc
import weakref

import pytest

pytest.importorskip("torch", reason="the extra [train] is not installed")

import torch
from torch import nn

from cxrmine.localization.cam import class_activation_maps
from cxrmine.localization.gradcam import GradCam
from cxrmine.training.models import create_model


@pytest.fixture
def network():
    """Two convolutions with an in-place ReLU after each, batch norm and dropout, three logits."""
    torch.manual_seed(1)
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1),
        nn.BatchNorm2d(6),
        nn.ReLU(inplace=True),
        nn.Conv2d(6, 8, 3, stride=2, padding=1),
        nn.ReLU(inplace=True),
        nn.Dropout(0.5),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 3),
    )


@pytest.fixture
def images():
    return torch.randn(4, 3, 12, 12, generator=torch.Generator().manual_seed(2))


def hook_count(model):
    return sum(
        len(hooks)
        for module in model.modules()
        for hooks in (
            module._forward_hooks,
            module._forward_pre_hooks,
            module._backward_hooks,
            module._backward_pre_hooks,
        )
    )


def by_the_equations(network, images, at, output):
    """Equations 1 and 2, image by image, the network cut in two behind the layer."""
    network.eval()
    maps = []
    for image in images:
        features = network[: at + 1](image[None]).detach().clone().requires_grad_()
        network[at + 1 :](features.clone())[0, output].backward()
        alpha = features.grad[0].sum(dim=(1, 2)) / features[0, 0].numel()
        maps.append(sum(a * f for a, f in zip(alpha, features.detach()[0], strict=True)).clamp(0))
    network.zero_grad(set_to_none=True)
    return torch.stack(maps)


@pytest.mark.parametrize("at", [0, 1, 3, 4])
def test_the_maps_are_those_of_the_equations(network, images, at):
    """Also at a convolution (0, 3) whose output the next layer overwrites."""
    network.train()
    with GradCam(network, network[at]) as cam:
        maps = cam(images)
    side = 12 if at < 3 else 6
    assert maps.shape == (4, 3, side, side)
    assert not maps.requires_grad
    for output in range(3):
        torch.testing.assert_close(maps[:, output], by_the_equations(network, images, at, output))
    assert (maps > 0).any()


def test_chosen_outputs_come_in_the_order_asked_for(network, images):
    with GradCam(network, network[3]) as cam:
        every = cam(images)
        chosen = cam(images, [2, 0])
        none = cam(images, [])
    assert torch.equal(chosen, every[:, [2, 0]])
    assert none.shape == (4, 0, 6, 6)


def test_for_a_classifier_with_average_pooling_it_is_the_positive_part_of_the_cam():
    torch.manual_seed(0)
    model = create_model("resnet18", 3, transition=8, pooling="average").eval()
    x = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        expected = class_activation_maps(model.activations(x), model.prediction.weight)
    with GradCam(model) as cam:
        maps = cam(x)
    torch.testing.assert_close(maps * 4, expected.clamp(min=0), rtol=1e-4, atol=1e-6)


def test_a_frozen_trunk_and_no_grad_around_do_not_matter(images):
    torch.manual_seed(0)
    model = create_model("resnet18", 2, transition=8)
    x = torch.randn(2, 3, 64, 64)
    with GradCam(model) as cam:
        free = cam(x)
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    with GradCam(model) as cam, torch.no_grad():
        frozen = cam(x)
    assert torch.equal(free, frozen)


def test_every_network_can_be_looked_into():
    """DenseNet's last ReLU works in place on what the hook saw."""
    torch.manual_seed(0)
    model = create_model("densenet121", 2).eval()
    x = torch.randn(1, 3, 64, 64)
    with GradCam(model, model.trunk.features) as cam:
        maps = cam(x)
    with torch.no_grad():
        features = model.trunk.features(x)
    wanted = features.clone().requires_grad_()
    model.classify(torch.relu(wanted))[0, 0].backward()
    alpha = wanted.grad.mean(dim=(2, 3))
    torch.testing.assert_close(
        maps[:, 0], (alpha[..., None, None] * features).sum(dim=1).clamp(min=0)
    )


def test_nothing_stays_behind(network, images):
    network.train()
    network[1].eval()
    modes = [m.training for m in network.modules()]
    state = {k: v.clone() for k, v in network.state_dict().items()}
    assert hook_count(network) == 0
    with GradCam(network, network[3]) as cam:
        assert hook_count(network) == 1
        assert not network.training
        maps = cam(images)
        seen = weakref.ref(maps)
        # Between calls nothing of the last forward pass is held.
        assert cam._seen == []
    assert hook_count(network) == 0
    assert [m.training for m in network.modules()] == modes
    assert all(p.grad is None and p.requires_grad for p in network.parameters())
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, state[name]), name
    del maps
    gc.collect()
    assert seen() is None
    kept = weakref.ref(cam)
    del cam
    gc.collect()
    assert kept() is None


def test_no_tensor_of_a_forward_pass_outlives_the_call(network, images):
    """Counted among all live tensors, with the cam still open and with cycles collected."""

    def live():
        gc.collect()
        return sum(1 for o in gc.get_objects() if issubclass(type(o), torch.Tensor))

    with GradCam(network, network[3]) as cam:
        cam(images)
        before = live()
        for _ in range(3):
            cam(images)
        assert live() == before


def test_the_model_can_be_freed_while_the_cam_is_kept_closed(images):
    network = nn.Sequential(nn.Conv2d(3, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    layer = weakref.ref(network[0])
    with GradCam(network, network[0]) as cam:
        cam(images)
    del network, cam
    gc.collect()
    assert layer() is None


def test_an_error_inside_takes_the_hook_off_too(network, images):
    network.train()
    cam = GradCam(network, network[3])
    with pytest.raises(RuntimeError, match="expected input"), cam:
        cam(images[:, :2])
    assert hook_count(network) == 0
    assert network.training
    with cam:
        assert cam(images).shape == (4, 3, 6, 6)


def test_other_hooks_stay(network, images):
    calls = []
    handle = network[3].register_forward_hook(lambda *_: calls.append(1))
    with GradCam(network, network[3]) as cam:
        cam(images)
    assert hook_count(network) == 1
    network(images)
    assert len(calls) == 2
    handle.remove()


def test_gradients_of_a_training_step_are_not_disturbed(network, images):
    """A cam between a forward and its backward pass, as a callback of a loop might draw it."""
    network.eval()
    loss = network(images).square().sum()
    with GradCam(network, network[3]) as cam:
        cam(images)
    loss.backward()
    ours = [p.grad.clone() for p in network.parameters()]
    network.zero_grad()
    network(images).square().sum().backward()
    assert all(torch.equal(a, p.grad) for a, p in zip(ours, network.parameters(), strict=True))


def test_wrong_use_is_refused(network, images):
    with pytest.raises(ValueError, match="module of the model"):
        GradCam(network)
    with pytest.raises(ValueError, match="module of the model"):
        GradCam(network, nn.ReLU())
    cam = GradCam(network, network[3])
    with pytest.raises(RuntimeError, match="within its with block"):
        cam(images)
    with cam, pytest.raises(RuntimeError, match="open already"):
        cam.__enter__()
    with (
        GradCam(network, network[8]) as flat,
        pytest.raises(RuntimeError, match="Linear gives no feature map"),
    ):
        flat(images)
    assert hook_count(network) == 0


def test_a_layer_that_is_used_twice_or_never_is_refused(images):
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.same = nn.Conv2d(3, 3, 3, padding=1)
            self.unused = nn.Conv2d(3, 3, 3)

        def forward(self, x):
            return self.same(self.same(x)).mean(dim=(2, 3))

    model = Twice()
    with GradCam(model, model.same) as cam, pytest.raises(RuntimeError, match="2 times"):
        cam(images)
    with GradCam(model, model.unused) as cam, pytest.raises(RuntimeError, match="0 times"):
        cam(images)


def test_a_wrapped_model_is_looked_into_as_the_plain_one(network, images):
    """torch.compile only wraps; nothing is compiled before a call, and none is made here."""
    compiled = torch.compile(network)
    with GradCam(network, network[3]) as cam:
        plain = cam(images)
    with GradCam(compiled, network[3]) as cam:
        assert torch.equal(cam(images), plain)
