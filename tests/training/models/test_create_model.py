"""Building classifiers: their layers, their shapes, what a recipe may say."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("torch", reason="the extra [train] is not installed")

import torch
from made_network import MADE, made_architecture

from cxrmine.errors import UserError
from cxrmine.training.models import MODELS, create_model, register


@pytest.fixture
def made():
    """A network of one's own, taken out of the table again."""
    register(MADE)
    yield "made"
    del MODELS["made"]


def test_a_registered_network_can_be_built(made):
    assert list(MODELS) == sorted(MODELS)
    model = create_model(made, 3)
    x = torch.randn(2, 3, 16, 16)
    assert model.activations(x).shape == (2, 5, 4, 4)
    assert model.prediction.weight.shape == (3, 5)
    assert model(x).shape == (2, 3)
    register(MADE)
    with pytest.raises(ValueError, match="registered already"):
        register(made_architecture(imagenet="https://example.org/a-12345678.pth"))


@pytest.mark.parametrize(("transition", "depth"), [("default", 5), ("none", 6), (None, 6), (9, 9)])
def test_the_transition_layer_sets_the_depth(made, transition, depth):
    model = create_model(made, 2, transition=transition)
    assert model.activations(torch.randn(1, 3, 16, 16)).shape[1] == depth
    assert model.prediction.weight.shape == (2, depth)
    assert model.spec.transition == (None if depth == 6 else depth)


@pytest.mark.parametrize("stride", [4, 2])
def test_the_stride_sets_the_size_of_the_map(made, stride):
    model = create_model(made, 2, stride=stride)
    assert model.activations(torch.randn(1, 3, 16, 16)).shape[2:] == (16 // stride,) * 2


@pytest.mark.parametrize(("pooling", "r"), [("average", None), ("max", None), ("lse", 8.0)])
def test_the_logits_are_pooled_features_times_weights(made, pooling, r):
    model = create_model(made, 3, pooling=pooling, r=r).eval()
    x = torch.randn(2, 3, 16, 16)
    features = model.activations(x)
    flat = features.flatten(2)
    pooled = {
        "average": flat.mean(dim=2),
        "max": flat.max(dim=2).values,
        "lse": (torch.logsumexp(8.0 * flat, dim=2) - torch.log(torch.tensor(16.0))) / 8.0,
    }[pooling]
    expected = pooled @ model.prediction.weight.T + model.prediction.bias
    torch.testing.assert_close(model(x), expected)
    torch.testing.assert_close(model.classify(features), expected)


def test_the_features_are_never_negative(made):
    """Class activation maps and LSE pooling are read as amounts of a feature."""
    for transition in ("default", "none"):
        assert (
            create_model(made, 2, transition=transition)
            .activations(torch.randn(4, 3, 16, 16))
            .min()
            >= 0
        )


def test_the_same_seed_gives_the_same_weights(made):
    models = []
    for _ in range(2):
        torch.manual_seed(5)
        models.append(create_model(made, 2))
    assert all(torch.equal(a, b) for a, b in zip(*(m.parameters() for m in models), strict=True))


def test_a_frozen_trunk_does_not_move(made):
    """Neither its weights nor its batch statistics; the head does."""
    torch.manual_seed(0)
    model = create_model(made, 2, freeze=True)
    trained = [p.numel() for p in model.parameters() if p.requires_grad]
    assert sum(trained) == (6 * 5 + 5) + (5 * 2 + 2)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    model.train()
    assert not model.trunk.bn1.training
    assert model.transition.training
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, weight_decay=0.1)
    model(torch.randn(4, 3, 16, 16)).square().sum().backward()
    optimizer.step()
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name]) == name.startswith("trunk."), name


def test_fine_tuning_moves_everything(made):
    torch.manual_seed(0)
    model = create_model(made, 2)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    model(torch.randn(4, 3, 16, 16)).square().sum().backward()
    optimizer.step()
    assert not any(torch.equal(v, before[k]) for k, v in model.state_dict().items())


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"name": "resnet19"}, "'resnet19' is not known; the options are alexnet, densenet121"),
        ({"outputs": 0}, "at least one output, not 0"),
        ({"transition": 0}, "depth above 0, 'default' or 'none', not 0"),
        ({"transition": "big"}, "not 'big'"),
        ({"transition": True}, "not True"),
        ({"pooling": "mean"}, "the options are average, max, lse"),
        ({"pooling": "lse"}, "needs r"),
        ({"pooling": "lse", "r": -1.0}, "above 0"),
        ({"stride": 3}, "stride 3; the options are 4, 2"),
    ],
)
def test_words_that_are_not_known_are_refused(made, arguments, told):
    with pytest.raises(UserError, match=told):
        create_model(**{"name": made, "outputs": 2, **arguments})


def test_images_that_are_too_small_are_refused(made):
    with pytest.raises(UserError, match=r"Images of 7 px are too small for made, which needs 8"):
        create_model(made, 2)(torch.randn(1, 3, 7, 7))


def test_a_whole_classifier_gradient_checks_in_float64(made):
    torch.manual_seed(0)
    model = create_model(made, 2, pooling="lse", r=5.0).double().eval()
    assert torch.autograd.gradcheck(model, (torch.randn(1, 3, 8, 8).double().requires_grad_(),))


def test_it_learns_to_tell_images_apart(made):
    """Eight images of noise by heart: the gradient reaches every layer the right way round."""
    torch.manual_seed(0)
    model = create_model(made, 2, transition=16, pooling="lse", r=10.0)
    x = torch.randn(8, 3, 16, 16)
    y = (torch.arange(8)[:, None] // torch.tensor([1, 2]) % 2).float()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(150):
        optimizer.zero_grad()
        torch.nn.functional.binary_cross_entropy_with_logits(model(x), y).backward()
        optimizer.step()
    assert torch.equal(model(x) > 0, y > 0.5)


def test_the_table_of_networks_needs_no_torch():
    """Recipes are checked and listed where torch is not, and before it is loaded."""
    code = (
        "import sys; from cxrmine.training.models import MODELS; "
        "assert 'resnet50' in MODELS and all(a.explain for a in MODELS.values()); "
        "sys.exit(any(m in sys.modules for m in ('torch', 'torchvision', 'spacy', 'numpy')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_half_precision_and_channels_last_change_rounding_only(made):
    """Autocast as on a GPU, here in the CPU's bfloat16: 8 bits, so a hundredth."""
    torch.manual_seed(0)
    model = create_model(made, 3, pooling="lse", r=10.0).eval()
    x = torch.randn(4, 3, 16, 16)
    whole = model(x)
    model.to(memory_format=torch.channels_last)
    torch.testing.assert_close(model(x.to(memory_format=torch.channels_last)), whole)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = model(x)
    # The features are rounded, the logits not once more: two images would easily tie.
    assert half.dtype == torch.float32
    torch.testing.assert_close(half, whole, rtol=0.02, atol=0.02)
    half.square().sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters())


def test_models_losses_and_maps_need_none_of_the_other_packages():
    """The GPU machine has none of them; None in sys.modules makes an import fail."""
    code = """
import sys
absent = ("spacy pydicom rapidfuzz pydantic defusedxml cv2 pyarrow yaml jinja2 sklearn scipy "
          "pandas matplotlib networkx safetensors").split()
sys.modules.update(dict.fromkeys(absent))
import torch
from cxrmine.localization import cam, gradcam, heatmap
from cxrmine.training import losses, references
from cxrmine.training.models import create_model
model = create_model("resnet18", 2, pooling="lse", r=10.0)
loss = losses.LOSSES["w-cel"](
    model(torch.zeros(2, 3, 32, 32)), torch.eye(2), torch.ones(2, 2, dtype=torch.bool)
)
loss.backward()
assert not any(sys.modules[name] for name in absent)
"""
    ran = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr


def test_a_model_can_begin_at_the_findings_odds(made):
    model = create_model(made, 2, pooling="average")
    model.begin_at([-2.0, 0.5])
    with torch.no_grad():
        model.prediction.weight.zero_()
    assert model(torch.randn(3, 3, 16, 16)).tolist() == [[-2.0, 0.5]] * 3
