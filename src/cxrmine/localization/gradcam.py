"""Grad-CAM: heat maps of any network that has a convolution, without surgery.

Selvaraju et al., ICCV 2017: a map is the ReLU of the layer's activations weighted by α, the mean
over the cells of the gradient of the finding's logit (equations 1 and 2). For a network that ends
in average pooling and one linear layer, α is the prediction weight divided by the number of
cells, so the map is the class activation map's positive part up to that factor.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn


class GradCam:
    """Within a ``with`` block: a hook on a layer, and the maps it allows.

    Leaving the block takes the hook off and puts back every mode that was changed. Parameters get
    no ``.grad``, and no tensor of a forward pass is held after a call.

    Parameters
    ----------
    model
        Any module from images to logits ``(b, k)``, wrapped by ``torch.compile`` or
        ``DistributedDataParallel`` or not.
    layer
        The module of it whose output ``(b, D, S, S)`` is looked at; None: ``model.transition``,
        for a `Classifier`.

    Raises
    ------
    ValueError
        If the layer is not a part of the model.

    Examples
    --------
    >>> network = nn.Sequential(
    ...     nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)
    ... )
    >>> with GradCam(network, network[1]) as cam:
    ...     maps = cam(torch.zeros(5, 3, 8, 8))
    >>> maps.shape
    torch.Size([5, 2, 6, 6])
    """

    def __init__(self, model: nn.Module, layer: nn.Module | None = None) -> None:
        # A compiled model may not call hooks that came after its compilation, and DDP's forward
        # would synchronise; both hold the plain module.
        self._model = _plain(model)
        if layer is None:
            layer = getattr(self._model, "transition", None)
        self._layer = layer if layer is None else _plain(layer)
        if not any(module is self._layer for module in self._model.modules()):
            raise ValueError("layer must be a module of the model: model.layer4, for one")
        self._handle: torch.utils.hooks.RemovableHandle | None = None
        self._modes: list[tuple[nn.Module, bool]] = []
        self._seen: list[Tensor] = []

    def __enter__(self) -> GradCam:
        assert self._layer is not None
        if self._handle is not None:
            raise RuntimeError("this GradCam is open already")
        self._modes = [(module, module.training) for module in self._model.modules()]
        # In training mode, batch normalisation lets the images of a batch into each other's
        # gradients, and dropout draws.
        self._model.eval()
        self._handle = self._layer.register_forward_hook(self._look)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._handle is not None:
            self._handle.remove()
            self._handle = None
        for module, training in self._modes:
            module.training = training
        self._modes.clear()
        self._seen.clear()

    def __call__(self, images: Tensor, outputs: Sequence[int] | None = None) -> Tensor:
        """Return the maps of images.

        Parameters
        ----------
        images
            What the model takes, shape ``(b, …)``.
        outputs
            Which logits, by position; None: all.

        Returns
        -------
        Tensor
            Shape ``(b, len(outputs), S, S)``, at least 0, in float32 at least, without graph.

        Raises
        ------
        RuntimeError
            Outside the ``with`` block; or if the forward pass did not come by the layer exactly
            once, or its output is no feature map, or the logits do not depend on it.
        """
        if self._handle is None:
            raise RuntimeError("GradCam is used within its with block")
        try:
            with torch.enable_grad():
                logits = self._model(images)
                if len(self._seen) != 1:
                    raise RuntimeError(
                        f"the forward pass came by the layer {len(self._seen)} times, not once"
                    )
                seen = self._seen[0]
                chosen = range(logits.shape[1]) if outputs is None else outputs
                maps = [self._map(logits, c, seen) for c in chosen]
            if not maps:
                return torch.zeros(len(seen), 0, *seen.shape[-2:], device=seen.device)
            return torch.stack(maps, dim=1)
        finally:
            self._seen.clear()

    def _map(self, logits: Tensor, output: int, seen: Tensor) -> Tensor:
        """Return the maps ``(b, S, S)`` of one logit."""
        # The images of a batch do not depend on each other, so the gradient of the sum holds
        # each image's own.
        (gradient,) = torch.autograd.grad(logits[:, output].sum(), seen, retain_graph=True)
        wide = seen.detach()
        if wide.element_size() < 4:
            wide, gradient = wide.float(), gradient.float()
        alpha = gradient.mean(dim=(-2, -1))
        return torch.relu(torch.einsum("bd,bdij->bij", alpha, wide))

    def _look(self, module: nn.Module, args: Any, output: Any) -> Tensor:
        """Keep the layer's output, and hand a copy on: the next layer may work in place."""
        if not isinstance(output, Tensor) or output.ndim != 4:
            raise RuntimeError(f"{type(module).__name__} gives no feature map (b, D, S, S)")
        # Behind a frozen trunk no gradient is recorded; here is where it is wanted from.
        kept = output if output.requires_grad else output.detach().requires_grad_()
        self._seen.append(kept)
        return kept.clone()


def _plain(model: nn.Module) -> nn.Module:
    """Return the module inside ``torch.compile`` and ``DistributedDataParallel``."""
    while True:
        inner = getattr(model, "_orig_mod", None)
        if inner is None and isinstance(model, nn.parallel.DistributedDataParallel):
            inner = model.module
        if not isinstance(inner, nn.Module):
            return model
        model = inner
