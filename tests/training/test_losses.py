"""The losses against the equations in float64; unknown labels; batches in parts."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

pytest.importorskip("torch", reason="the extra [train] is not installed")

import torch

from cxrmine.errors import UserError
from cxrmine.training import references
from cxrmine.training.losses import (
    LOSSES,
    BatchCounts,
    cross_entropy,
    get_loss,
    probabilities,
    weighted_cross_entropy,
)

REFERENCES = {
    "hinge": references.hinge,
    "euclidean": references.euclidean,
    "cel": references.cross_entropy,
    # The loss is equation 1 over the number of known labels.
    "w-cel": lambda f, y, m: references.weighted_cross_entropy(f, y, m) / max(1, m.sum()),
    "class-mean-bce": references.class_mean_cross_entropy,
}


@st.composite
def batches(draw):
    shape = (draw(st.integers(1, 6)), draw(st.integers(1, 4)))
    logits = draw(arrays(np.float64, shape, elements=st.floats(-40, 40)))
    labels = draw(arrays(np.float64, shape, elements=st.sampled_from([0.0, 1.0])))
    mask = draw(arrays(np.bool_, shape))
    return logits, labels, mask


def tensors(logits, labels, mask):
    return torch.from_numpy(logits), torch.from_numpy(labels), torch.from_numpy(mask)


def random_batch(images=12, findings=5, known=0.7, positive=0.2, seed=0):
    draw = np.random.default_rng(seed)
    logits = draw.normal(0, 3, (images, findings))
    labels = (draw.random((images, findings)) < positive).astype(np.float64)
    return logits, labels, draw.random((images, findings)) < known


def test_every_loss_has_a_reference():
    assert list(REFERENCES) == list(LOSSES)


@pytest.mark.parametrize("name", LOSSES)
@given(batch=batches())
@settings(max_examples=80, deadline=None)
def test_a_loss_is_its_equation(name, batch):
    ours = LOSSES[name](*tensors(*batch)).item()
    assert ours == pytest.approx(REFERENCES[name](*batch), rel=1e-6, abs=1e-12)


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_in_float32_is_its_equation(name):
    for seed in range(20):
        logits, labels, mask = random_batch(seed=seed)
        logits = logits.astype(np.float32)
        ours = LOSSES[name](
            torch.from_numpy(logits),
            torch.from_numpy(labels.astype(np.float32)),
            torch.from_numpy(mask),
        )
        assert ours.dtype == torch.float32
        assert ours.item() == pytest.approx(
            REFERENCES[name](logits.astype(np.float64), labels, mask), rel=1e-6
        )


@pytest.mark.parametrize("name", LOSSES)
@given(batch=batches())
@settings(max_examples=40, deadline=None)
def test_the_gradient_is_that_of_the_equation(name, batch):
    """By central differences of the reference, except at the corner of the hinge."""
    logits, labels, mask = batch
    x, y, m = tensors(logits, labels, mask)
    x.requires_grad_()
    LOSSES[name](x, y, m).backward()
    step = 1e-5
    for at in itertools.product(*map(range, logits.shape)):
        if name == "hinge" and abs(1 - (2 * labels[at] - 1) * logits[at]) < 2 * step:
            continue
        up, down = logits.copy(), logits.copy()
        up[at] += step
        down[at] -= step
        slope = (REFERENCES[name](up, labels, mask) - REFERENCES[name](down, labels, mask)) / (
            2 * step
        )
        assert x.grad[at].item() == pytest.approx(slope, rel=1e-4, abs=1e-7)


def test_wcel_by_hand():
    """Two ones and four zeros, all with probability ½: mean −ln ½ twice."""
    logits = torch.zeros(2, 3, dtype=torch.float64)
    labels = torch.tensor([[1.0, 0, 0], [0, 1, 0]], dtype=torch.float64)
    known = torch.ones(2, 3, dtype=torch.bool)
    assert weighted_cross_entropy(logits, labels, known).item() == pytest.approx(2 * np.log(2))
    # Equation 1: β_P = 6/2, β_N = 6/4.
    assert references.weighted_cross_entropy(
        logits.numpy(), labels.numpy(), known.numpy()
    ) == pytest.approx(3 * 2 * np.log(2) + 1.5 * 4 * np.log(2))


def test_wcel_weighs_a_rare_one_like_all_zeros_together():
    """At equal probabilities the one positive pulls as hard as the 99 negatives."""
    logits = torch.zeros(100, 1, dtype=torch.float64, requires_grad=True)
    labels = torch.zeros(100, 1, dtype=torch.float64)
    labels[7] = 1
    known = torch.ones(100, 1, dtype=torch.bool)
    weighted_cross_entropy(logits, labels, known).backward()
    assert logits.grad is not None
    assert logits.grad[7].item() == pytest.approx(-0.5)
    assert logits.grad.sum().item() == pytest.approx(0.0, abs=1e-12)
    logits.grad = None
    cross_entropy(logits, labels, known).backward()
    assert logits.grad.sum().item() == pytest.approx(0.49)


@pytest.mark.parametrize("label", [0.0, 1.0])
@pytest.mark.parametrize("name", LOSSES)
def test_a_batch_of_one_kind_divides_by_nothing(name, label):
    logits = torch.linspace(-4, 4, 6).reshape(3, 2).requires_grad_()
    labels = torch.full((3, 2), label)
    loss = LOSSES[name](logits, labels, torch.ones(3, 2, dtype=torch.bool))
    loss.backward()
    assert torch.isfinite(loss)
    assert loss > 0
    assert torch.isfinite(logits.grad).all()
    assert (logits.grad != 0).any()


@pytest.mark.parametrize("name", LOSSES)
def test_nothing_under_an_unknown_label_is_looked_at(name):
    logits, labels, mask = random_batch(seed=3)
    x, y, m = tensors(logits, labels, mask)
    clean = x.clone().requires_grad_()
    expected = LOSSES[name](clean, y, m)
    expected.backward()
    dirty = x.clone().requires_grad_()
    spoiled = torch.where(m, y, float("nan"))
    loss = LOSSES[name](dirty, spoiled, m)
    loss.backward()
    assert loss.item() == expected.item()
    assert torch.equal(dirty.grad, clean.grad)
    assert (dirty.grad[~m] == 0).all()


@pytest.mark.parametrize("name", LOSSES)
def test_no_known_label_gives_zero_with_a_gradient_of_zero(name):
    logits = torch.randn(3, 2, generator=torch.Generator().manual_seed(0)).requires_grad_()
    loss = LOSSES[name](logits, torch.full((3, 2), float("nan")), torch.zeros(3, 2).bool())
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(logits.grad, torch.zeros(3, 2))


@pytest.mark.parametrize("name", LOSSES)
@given(cuts=st.lists(st.integers(0, 12), max_size=4), seed=st.integers(0, 50))
@settings(max_examples=40, deadline=None)
def test_the_losses_of_parts_add_up_to_the_loss_of_the_batch(name, cuts, seed):
    """Given the batch's counts; a part may be empty, of one kind, or unknown throughout."""
    x, y, m = tensors(*random_batch(positive=0.1, seed=seed))
    whole = x.clone().requires_grad_()
    expected = LOSSES[name](whole, y, m)
    expected.backward()
    edges = [0, *sorted(cuts), 12]
    parts = [slice(a, b) for a, b in itertools.pairwise(edges)]
    counts = BatchCounts.of(y[parts[0]], m[parts[0]])
    for part in parts[1:]:
        counts = counts + BatchCounts.of(y[part], m[part])
    counts = BatchCounts.unpack(counts.pack())
    split = x.clone().requires_grad_()
    losses = [LOSSES[name](split[p], y[p], m[p], counts) for p in parts]
    total = torch.stack(losses).sum()
    total.backward()
    assert total.item() == pytest.approx(expected.item(), rel=1e-12)
    torch.testing.assert_close(split.grad, whole.grad, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", LOSSES)
def test_half_precision_logits_are_widened(name):
    logits, labels, mask = random_batch(seed=5)
    half = torch.from_numpy(logits).to(torch.bfloat16)
    y, m = torch.from_numpy(labels).float(), torch.from_numpy(mask)
    loss = LOSSES[name](half, y, m)
    assert loss.dtype == torch.float32
    assert loss.item() == LOSSES[name](half.float(), y, m).item()


@pytest.mark.parametrize("name", ["cel", "w-cel", "class-mean-bce"])
def test_a_wrong_and_certain_logit_costs_its_size_and_no_infinity(name):
    """As probability, 1 / (1 + exp(−200)) is 1 and its complement's logarithm is infinite."""
    logits = torch.tensor([[200.0]], requires_grad=True)
    loss = LOSSES[name](logits, torch.zeros(1, 1), torch.ones(1, 1, dtype=torch.bool))
    loss.backward()
    assert loss.item() == 200.0
    assert logits.grad.item() == 1.0


@pytest.mark.parametrize("name", ["cel", "w-cel"])
def test_a_smoothed_label_counts_in_part_for_either_side(name):
    """Two images with target ½ are as one with 1 and one with 0 at the same logit."""
    logits = torch.full((2, 1), 0.7, dtype=torch.float64)
    known = torch.ones(2, 1, dtype=torch.bool)
    soft = LOSSES[name](logits, torch.full((2, 1), 0.5, dtype=torch.float64), known)
    hard = LOSSES[name](logits, torch.tensor([[1.0], [0.0]], dtype=torch.float64), known)
    torch.testing.assert_close(soft, hard)


@pytest.mark.parametrize("name", LOSSES)
def test_the_probabilities_rise_with_the_logit_and_are_half_between_the_labels(name):
    logits = torch.linspace(-3, 3, 101, dtype=torch.float64)
    scores = probabilities(name, logits)
    assert ((scores > 0) & (scores < 1)).all()
    assert (scores.diff() > 0).all()
    between = 0.5 if name == "euclidean" else 0.0
    assert probabilities(name, torch.tensor(between)).item() == 0.5


def test_shapes_and_masks_that_would_broadcast_are_refused():
    with pytest.raises(ValueError, match="one shape"):
        cross_entropy(torch.zeros(3, 2), torch.zeros(3, 1), torch.ones(3, 2).bool())
    with pytest.raises(ValueError, match="boolean"):
        cross_entropy(torch.zeros(3, 2), torch.zeros(3, 2), torch.ones(3, 2))


def test_an_unknown_loss_lists_the_options():
    with pytest.raises(
        UserError, match="'bce' is not known; the options are hinge, euclidean, cel"
    ):
        get_loss("bce")
    with pytest.raises(UserError, match="is not known"):
        probabilities("bce", torch.zeros(1))
