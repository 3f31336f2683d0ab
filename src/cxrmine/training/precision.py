"""Where a network is computed in bfloat16: on devices that multiply it in hardware."""

from __future__ import annotations

import torch

# Words of `torch.cpu.get_capabilities` for it: Intel's and AMD's two, and Arm's. Any other
# processor would emulate it, slower than float32.
_ON_CPU = ("avx512_bf16", "amx_bf16", "bf16")


def in_half(device: torch.device, precision: str) -> bool:
    """Return whether a recipe's precision means bfloat16 on a device.

    Parameters
    ----------
    device : torch.device
    precision : {"bf16", "float32"}
        Of the recipe. ``bf16`` stays float32 on a processor without instructions for it.
    """
    if precision != "bf16":
        return False
    if device.type != "cpu":
        return True
    # Older torch does not tell.
    able: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return any(able.get(word, False) for word in _ON_CPU)


def computed_in(device: torch.device, half: bool) -> torch.autocast:
    """Return the context that a network is computed in: bfloat16 by autocast, or as it is."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=half)
