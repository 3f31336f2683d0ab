"""Global pooling of a feature map: average, max, and log-sum-exp between the two.

ChestX-ray8 (Wang et al., CVPR 2017), section 3.2: LSE pooling goes from average pooling (r → 0) to
max pooling (r → ∞).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from cxrmine.errors import UserError


def average(features: Tensor) -> Tensor:
    """Return the mean of each map: ``(b, D, S, S)`` to ``(b, D)``, in float32 at least."""
    return _wide(features).mean(dim=(-2, -1))


def maximum(features: Tensor) -> Tensor:
    """Return the largest value of each map: ``(b, D, S, S)`` to ``(b, D)``.

    The gradient goes in equal parts to all cells that hold it (`torch.amax`).
    """
    return _wide(features).amax(dim=(-2, -1))


def log_sum_exp(features: Tensor, r: float) -> Tensor:
    """Return the LSE pooling of each map (ChestX-ray8, section 3.2, equations 2 and 3).

    Parameters
    ----------
    features
        Shape ``(b, D, S, S)``.
    r
        Sharpness, above 0: towards 0 the average, towards infinity the largest value.

    Returns
    -------
    Tensor
        Shape ``(b, D)``, in float32 at least.

    Raises
    ------
    ValueError
        If r is not above 0.

    Notes
    -----
    Equation 3 takes x* = max |x_ij| out of the logarithm so that no exponential overflows. The
    value does not depend on x*; here it is max x_ij, which is the same after a ReLU and, unlike
    the paper's, cannot let all exponentials vanish where the features are negative. The mean of
    the exponentials is written as 1 + mean(expm1(…)): for a small r it is close to 1, and its
    logarithm would lose what r divides.
    """
    if not r > 0:
        raise ValueError(f"r of LSE pooling must be above 0, not {r}")
    wide = _wide(features)
    # Detached because the derivative by x* is zero.
    peak = wide.detach().amax(dim=(-2, -1), keepdim=True)
    excess = torch.expm1(r * (wide - peak)).mean(dim=(-2, -1))
    return peak[..., 0, 0] + torch.log1p(excess) / r


def _wide(features: Tensor) -> Tensor:
    """Return half-precision features as float32: a pooled value sums hundreds of cells."""
    return features.float() if features.dtype in (torch.bfloat16, torch.float16) else features


#: Name in a recipe → pooling; those of `NEEDS_R` take the sharpness as well.
POOLINGS: dict[str, Callable[..., Tensor]] = {
    "average": average,
    "max": maximum,
    "lse": log_sum_exp,
}
#: Poolings that have a sharpness.
NEEDS_R = ("lse",)
#: What is pooled; see `ModelSpec`.
OVER = ("features", "maps")


def check_pooling(kind: str, r: float | None, over: str = OVER[0]) -> None:
    """Refuse a pooling that does not exist or whose sharpness is missing or out of range.

    Raises
    ------
    UserError
        With the options.
    """
    if kind not in POOLINGS:
        raise UserError(f"Pooling {kind!r} is not known; the options are {', '.join(POOLINGS)}.")
    if over not in OVER:
        raise UserError(f"Pooling over {over!r} is not known; the options are {', '.join(OVER)}.")
    if kind in NEEDS_R and (r is None or not 0 < r < float("inf")):
        raise UserError(
            f"Pooling {kind!r} needs r, a number above 0 (the paper's best is 10), not {r}."
        )
