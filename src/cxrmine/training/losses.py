"""Losses for several findings at once, with unknown labels (ChestX-ray8, section 3.1).

Every loss is a sum of terms over the known labels of a batch, divided by numbers that belong to
the whole batch (`BatchCounts`). Given the whole batch's counts, the losses of its parts add up to
the loss of the whole, and so do their gradients; splitting a batch, for memory or over several
GPUs, then changes nothing but rounding. Without counts the tensors given are the whole batch.

f is the logit of a finding, p = 1 / (1 + exp(−f)) its probability, y its label. Half-precision
logits are widened to float32 first. What stands under an unknown label is never looked at, not
even NaN. A batch without any known label has the loss 0, and gradients of 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from cxrmine.errors import UserError


@dataclass(frozen=True)
class BatchCounts:
    """What the losses divide by; the counts of a batch's parts add up to those of the batch.

    Attributes
    ----------
    known
        Number of known labels of each finding, shape ``(k,)``.
    positives
        Sum of the known targets of each finding, shape ``(k,)``: with labels of 0 and 1 the
        number of ones. A smoothed label counts in part as positive and in part as negative.
    """

    known: Tensor
    positives: Tensor

    @staticmethod
    def of(targets: Tensor, mask: Tensor) -> BatchCounts:
        """Count labels: targets ``(b, k)`` in [0, 1], mask ``(b, k)`` bool, true where known."""
        return BatchCounts(
            known=mask.sum(dim=0).to(targets.dtype),
            positives=torch.where(mask, targets, 0).sum(dim=0),
        )

    def __add__(self, other: BatchCounts) -> BatchCounts:
        return BatchCounts(self.known + other.known, self.positives + other.positives)

    def pack(self) -> Tensor:
        """Return one tensor ``(2, k)``, to be summed over ranks (``all_reduce``)."""
        return torch.stack([self.known, self.positives])

    @staticmethod
    def unpack(packed: Tensor) -> BatchCounts:
        """Return the counts of a packed tensor."""
        return BatchCounts(packed[0], packed[1])


class Loss(Protocol):
    """A loss: logits, targets in [0, 1] and mask, each ``(b, k)``, to a scalar."""

    def __call__(
        self, logits: Tensor, targets: Tensor, mask: Tensor, counts: BatchCounts | None = None
    ) -> Tensor:
        """Return the loss; `counts` are those of the batch that the tensors are a part of."""


def hinge(
    logits: Tensor, targets: Tensor, mask: Tensor, counts: BatchCounts | None = None
) -> Tensor:
    """Return the hinge loss: the mean of max(0, 1 − y·f) over the known labels, y = ±1.

    A target t in [0, 1] stands for y = 2t − 1.
    """
    logits, targets, counts = _checked(logits, targets, mask, counts)
    return _mean(F.relu(1 - (2 * targets - 1) * logits), mask, counts)


def euclidean(
    logits: Tensor, targets: Tensor, mask: Tensor, counts: BatchCounts | None = None
) -> Tensor:
    """Return the Euclidean loss: half the mean of (f − y)² over the known labels, y = 0 or 1.

    The paper calls its losses those "for the regression task": as in Caffe's layer of that name,
    f is the network's output as it is, not its probability.
    """
    logits, targets, counts = _checked(logits, targets, mask, counts)
    return _mean((logits - targets).square() / 2, mask, counts)


def cross_entropy(
    logits: Tensor, targets: Tensor, mask: Tensor, counts: BatchCounts | None = None
) -> Tensor:
    """Return CEL: the mean of −y·ln p − (1 − y)·ln(1 − p) over the known labels."""
    logits, targets, counts = _checked(logits, targets, mask, counts)
    return _mean(_entropy(logits, targets), mask, counts)


def weighted_cross_entropy(
    logits: Tensor, targets: Tensor, mask: Tensor, counts: BatchCounts | None = None
) -> Tensor:
    """Return W-CEL (equation 1), divided by the number of known labels |P| + |N|.

    Equation 1 sums −ln p over the positive labels of a batch, weighted by β_P = (|P|+|N|)/|P|,
    and −ln(1 − p) over the negative ones, weighted by β_N = (|P|+|N|)/|N|. Divided by |P| + |N|,
    so that its scale does not grow with the batch, it is the mean of the one plus the mean of the
    other. Without positives (or negatives) the sum that β_P (or β_N) weights is empty, and the
    other remains.
    """
    logits, targets, counts = _checked(logits, targets, mask, counts)
    positives = counts.positives.sum()
    negatives = counts.known.sum() - positives
    on_positives = torch.where(mask, targets * -F.logsigmoid(logits), 0).sum()
    on_negatives = torch.where(mask, (1 - targets) * -F.logsigmoid(-logits), 0).sum()
    return _ratio(on_positives, positives) + _ratio(on_negatives, negatives)


def class_mean_cross_entropy(
    logits: Tensor, targets: Tensor, mask: Tensor, counts: BatchCounts | None = None
) -> Tensor:
    """Return the mean over findings of each finding's mean cross entropy over its known labels.

    Baltruschat et al. (arXiv:1803.02315, section 2) average the binary cross entropy over the
    findings; where labels are unknown, so that findings have different numbers of them, each
    finding keeps the same weight. Findings without a known label in the batch are left out.
    """
    logits, targets, counts = _checked(logits, targets, mask, counts)
    sums = torch.where(mask, _entropy(logits, targets), 0).sum(dim=0)
    return _ratio(_ratio(sums, counts.known).sum(), (counts.known > 0).sum())


#: Name in a recipe → loss.
LOSSES: dict[str, Loss] = {
    "hinge": hinge,
    "euclidean": euclidean,
    "cel": cross_entropy,
    "w-cel": weighted_cross_entropy,
    "class-mean-bce": class_mean_cross_entropy,
}


def get_loss(name: str) -> Loss:
    """Return a loss by its name in a recipe.

    Raises
    ------
    UserError
        With the options, if there is none of that name.
    """
    if name not in LOSSES:
        raise UserError(f"Loss {name!r} is not known; the options are {', '.join(LOSSES)}.")
    return LOSSES[name]


def probabilities(name: str, logits: Tensor) -> Tensor:
    """Return scores in [0, 1] from the logits of a model that was trained with a loss.

    The cross entropies' probability is p. The Euclidean loss fits f to the label itself, the
    hinge loss to ±1; neither is a probability, so their scores are rising functions of f with 0.5
    halfway between the labels (the ranking, and with it the AUC, is that of f).

    Parameters
    ----------
    name
        Key of `LOSSES`.
    logits
        Any shape.
    """
    get_loss(name)
    wide = _widened(logits)
    return torch.sigmoid(4 * (wide - 0.5) if name == "euclidean" else wide)


def _checked(
    logits: Tensor, targets: Tensor, mask: Tensor, counts: BatchCounts | None
) -> tuple[Tensor, Tensor, BatchCounts]:
    """Return logits and targets of one type, unknown targets as 0, and the counts.

    Raises
    ------
    ValueError
        If the shapes differ (broadcasting would hide it) or the mask is not boolean.
    """
    if not logits.shape == targets.shape == mask.shape or logits.ndim != 2:
        raise ValueError(
            f"logits {tuple(logits.shape)}, targets {tuple(targets.shape)} and mask "
            f"{tuple(mask.shape)} must have one shape (images, findings)"
        )
    if mask.dtype != torch.bool:
        raise ValueError(f"the mask must be boolean, not {mask.dtype}")
    logits = _widened(logits)
    # Filled in before any term is formed: masking a NaN term leaves NaN in the gradient.
    targets = torch.where(mask, targets.to(logits.dtype), 0)
    return logits, targets, counts or BatchCounts.of(targets, mask)


def _widened(logits: Tensor) -> Tensor:
    """Return half-precision logits as float32; leave the others."""
    return logits.float() if logits.dtype in (torch.bfloat16, torch.float16) else logits


def _entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Return −y·ln p − (1 − y)·ln(1 − p) of each label, in the form that cannot overflow."""
    return F.binary_cross_entropy_with_logits(logits, targets, reduction="none")


def _mean(terms: Tensor, mask: Tensor, counts: BatchCounts) -> Tensor:
    """Return the mean of the known terms."""
    return _ratio(torch.where(mask, terms, 0).sum(), counts.known.sum())


def _ratio(part: Tensor, whole: Tensor) -> Tensor:
    """Return part / whole, and 0 where whole is 0 (part, an empty sum, is then 0 as well)."""
    return torch.where(whole > 0, part / torch.where(whole > 0, whole, 1), 0 * part)
