"""Pooling after the prediction layer: each finding's map is what is pooled."""

from __future__ import annotations

import pytest
import torch
from made_network import made_architecture

from cxrmine.errors import UserError
from cxrmine.localization.cam import class_activation_maps
from cxrmine.training.models import MODELS, create_model, save_weights
from cxrmine.training.models.pooling import log_sum_exp

NAME = "made-for-maps"


@pytest.fixture(autouse=True)
def made(monkeypatch):
    monkeypatch.setitem(MODELS, NAME, made_architecture(NAME))


def model(over, pooling="lse", **changes):
    torch.manual_seed(0)
    return create_model(NAME, 3, pooling=pooling, r=5.0, over=over, **changes).eval()


def test_a_logit_is_the_pooled_map_and_the_bias():
    made = model("maps")
    x = torch.randn(2, 3, 16, 16)
    maps = class_activation_maps(made.activations(x), made.prediction.weight)
    torch.testing.assert_close(made(x), log_sum_exp(maps, 5.0) + made.prediction.bias)


def test_with_average_pooling_the_order_does_not_matter():
    x = torch.randn(2, 3, 16, 16)
    torch.testing.assert_close(model("maps", "average")(x), model("features", "average")(x))


def test_with_other_pooling_it_does():
    x = torch.randn(2, 3, 16, 16)
    assert not torch.allclose(model("maps", "max")(x), model("features", "max")(x))


def test_a_finding_has_to_be_low_everywhere_it_is_not():
    """The largest place of a map decides: with max pooling the gradient reaches that place."""
    made = model("maps", "max")
    features = torch.rand(1, 5, 4, 4, requires_grad=True)
    made.classify(features)[0, 1].backward()
    maps = class_activation_maps(features, made.prediction.weight)[0, 1]
    reached = features.grad.abs().sum(dim=1)[0] > 0
    assert reached.sum() == 1
    assert reached.flatten()[maps.argmax()]


def test_the_word_is_checked():
    with pytest.raises(UserError, match="over 'cells' is not known; the options are features, map"):
        create_model(NAME, 3, pooling="lse", r=5.0, over="cells")


def test_weights_of_the_other_order_are_refused(tmp_path):
    path = tmp_path / "model.safetensors"
    save_weights(model("maps"), path)
    with pytest.raises(UserError, match="over is 'maps' there and 'features' here"):
        create_model(NAME, 3, pooling="lse", r=5.0, weights=path)
