"""Pooling against equation 3 in float64, and at the ends of its range."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

pytest.importorskip("torch", reason="the extra [train] is not installed")

import torch

from cxrmine.errors import UserError
from cxrmine.training import references
from cxrmine.training.models.pooling import (
    average,
    check_pooling,
    log_sum_exp,
    maximum,
)

#: The r of the paper's Figure 6.
FIGURE_6 = (0.1, 0.5, 1.0, 5.0, 8.0, 10.0, 12.0)

maps = arrays(
    np.float64, (2, 3, 4, 4), elements=st.floats(-8, 8, allow_nan=False, allow_subnormal=False)
)


@given(maps, st.sampled_from(FIGURE_6))
@settings(max_examples=150, deadline=None)
def test_lse_is_equation_3_and_equation_2(features, r):
    ours = log_sum_exp(torch.from_numpy(features), r).numpy()
    scale = np.abs(features).max() + 1e-3
    np.testing.assert_allclose(
        ours, references.lse_pooling(features, r), rtol=1e-6, atol=1e-6 * scale
    )
    np.testing.assert_allclose(
        ours, references.lse_pooling_plain(features, r), rtol=1e-6, atol=1e-6 * scale
    )


@pytest.mark.parametrize("r", [*FIGURE_6, 0.001, 1000.0])
def test_lse_in_float32_loses_no_more_than_a_few_units_in_the_last_place(r):
    features = np.random.default_rng(1).gamma(2.0, 2.0, size=(4, 64, 7, 7))
    exact = log_sum_exp(torch.from_numpy(features), r).numpy()
    single = log_sum_exp(torch.from_numpy(features.astype(np.float32)), r).numpy()
    np.testing.assert_allclose(single, exact, rtol=3e-6)


@given(maps, st.floats(0.01, 100))
@settings(max_examples=100, deadline=None)
def test_lse_lies_between_the_average_and_the_maximum_and_grows_with_r(features, r):
    x = torch.from_numpy(features)
    pooled = log_sum_exp(x, r)
    assert torch.all(pooled >= average(x) - 1e-9)
    assert torch.all(pooled <= maximum(x) + 1e-9)
    assert torch.all(log_sum_exp(x, 2 * r) >= pooled - 1e-9)


def test_lse_tends_to_the_average_and_to_the_maximum():
    x = torch.rand(3, 5, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(log_sum_exp(x, 1e-7), average(x), rtol=1e-6, atol=0)
    torch.testing.assert_close(log_sum_exp(x, 1e6), maximum(x), rtol=1e-5, atol=0)


@pytest.mark.parametrize("level", [1e4, -1e4])
def test_lse_neither_overflows_nor_vanishes(level):
    """Equation 2 overflows at 1e4; equation 3 with max |x| loses everything at −1e4."""
    x = torch.full((1, 1, 4, 4), level)
    x[0, 0, 1, 2] += 3.0
    x.requires_grad_()
    pooled = log_sum_exp(x, 10.0)
    with np.errstate(all="ignore"):
        plain = references.lse_pooling_plain(x.detach().double().numpy(), 10.0)
        printed = references.lse_pooling(x.detach().double().numpy(), 10.0)
    assert not np.isfinite(plain if level > 0 else printed).any()
    assert pooled.item() == pytest.approx(level + 3 - np.log(16) / 10, abs=2e-3)
    pooled.sum().backward()
    assert x.grad is not None
    assert x.grad.sum().item() == pytest.approx(1.0, rel=1e-5)
    assert x.grad[0, 0, 1, 2].item() == pytest.approx(1.0, rel=1e-5)


def test_the_gradient_of_lse_is_the_softmax_of_r_times_the_map():
    x = torch.randn(2, 3, 3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    x.requires_grad_()
    log_sum_exp(x, 5.0).sum().backward()
    expected = torch.softmax(5.0 * x.detach().flatten(2), dim=-1).reshape(x.shape)
    torch.testing.assert_close(x.grad, expected)
    assert torch.autograd.gradcheck(lambda t: log_sum_exp(t, 5.0), (x,))


def test_half_precision_is_pooled_in_float32():
    """Summed in bfloat16, 4,096 ones do not get beyond 256."""
    x = torch.ones(1, 1, 64, 64, dtype=torch.bfloat16)
    for pooled in (average(x), maximum(x), log_sum_exp(x, 10.0)):
        assert pooled.dtype == torch.float32
        assert pooled.item() == 1.0


@pytest.mark.parametrize("r", [0.0, -1.0, float("nan")])
def test_r_out_of_range_is_refused(r):
    with pytest.raises(ValueError, match="above 0"):
        log_sum_exp(torch.zeros(1, 1, 2, 2), r)
    with pytest.raises(UserError, match="needs r, a number above 0"):
        check_pooling("lse", r)


def test_an_unknown_pooling_lists_the_options():
    with pytest.raises(UserError, match="'mean' is not known; the options are average, max, lse"):
        check_pooling("mean", None)
    with pytest.raises(UserError, match="not None"):
        check_pooling("lse", None)
    check_pooling("max", None)
