"""Class activation maps against the sum written out, and against the logit they explain."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch", reason="the extra [train] is not installed")

import torch

from cxrmine.localization.cam import class_activation_maps
from cxrmine.training import references
from cxrmine.training.models import create_model


@given(
    st.integers(1, 3), st.integers(1, 5), st.integers(1, 4), st.integers(1, 4), st.integers(0, 9)
)
@settings(max_examples=60, deadline=None)
def test_the_maps_are_the_sum_over_the_depth(images, depth, findings, side, seed):
    draw = np.random.default_rng(seed)
    activations = draw.normal(size=(images, depth, side, side + 1))
    weight = draw.normal(size=(findings, depth))
    expected = references.class_activation_maps(activations, weight)
    for dtype, rtol in ((torch.float64, 1e-12), (torch.float32, 1e-6)):
        ours = class_activation_maps(
            torch.from_numpy(activations).to(dtype), torch.from_numpy(weight).to(dtype)
        )
        assert ours.dtype == dtype
        np.testing.assert_allclose(
            ours.numpy(), expected, rtol=rtol, atol=rtol * np.abs(expected).max()
        )


def test_with_average_pooling_the_mean_of_a_map_and_the_bias_are_the_logit():
    torch.manual_seed(0)
    model = create_model("resnet18", 3, transition=16, pooling="average").eval()
    x = torch.randn(2, 3, 96, 96)
    with torch.no_grad():
        maps = class_activation_maps(model.activations(x), model.prediction.weight)
        logits = model(x)
    assert maps.shape == (2, 3, 3, 3)
    torch.testing.assert_close(maps.mean(dim=(2, 3)) + model.prediction.bias, logits)


def test_half_precision_is_summed_in_float32():
    maps = class_activation_maps(
        torch.ones(1, 4096, 1, 1, dtype=torch.bfloat16), torch.ones(1, 4096, dtype=torch.bfloat16)
    )
    assert maps.dtype == torch.float32
    assert maps.item() == 4096


def test_weights_of_another_depth_are_refused():
    with pytest.raises(ValueError, match="one D"):
        class_activation_maps(torch.zeros(1, 4, 2, 2), torch.zeros(3, 5))
