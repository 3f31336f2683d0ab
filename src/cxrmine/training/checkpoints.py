"""Checkpoints: everything a run needs to go on, in one safetensors file written in one step.

The tensors are the model's (``model/…``), the best model's so far (``best/…``) and the
optimiser's (``optimizer/…``); where the run stands is JSON in the file's metadata, with the
digest of the recipe and of the data. Random numbers need no state: every step seeds its own from
the run's seed and its place (`cxrmine.training.loop`).

Nothing is unpickled, and a file that is cut short, of another recipe or for another model is
refused before a single tensor of it is used.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from cxrmine.errors import UserError
from cxrmine.tables import atomic_write_bytes

if TYPE_CHECKING:
    from torch import Tensor, nn

_FORMAT = "cxrmine checkpoint 1"
_META = "cxrmine"


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint holds.

    Parameters
    ----------
    identity : mapping
        What the run is of: the recipe's digest, the data's, the names of the outputs.
    place : mapping
        Where the run stands, as JSON can hold it.
    model : mapping
        The model's state dict.
    best : mapping
        The best model's so far; empty before the first validation.
    optimizer : mapping
        The optimiser's state dict.
    """

    identity: Mapping[str, Any]
    place: Mapping[str, Any]
    model: Mapping[str, Tensor]
    best: Mapping[str, Tensor]
    optimizer: Mapping[str, Any]


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint in one step: a kill leaves the one before it."""
    from safetensors.torch import save

    tensors: dict[str, Tensor] = {}
    for part, state in (("model", checkpoint.model), ("best", checkpoint.best)):
        tensors.update((f"{part}/{name}", tensor) for name, tensor in state.items())
    plain: dict[str, dict[str, Any]] = {}
    for number, entries in checkpoint.optimizer["state"].items():
        for name, value in entries.items():
            if isinstance(value, torch.Tensor):
                tensors[f"optimizer/{number}/{name}"] = value
            else:
                plain.setdefault(str(number), {})[name] = value
    meta = {
        "format": _FORMAT,
        "identity": checkpoint.identity,
        "place": checkpoint.place,
        "optimizer": {"plain": plain, "groups": checkpoint.optimizer["param_groups"]},
    }
    # Contiguous and not shared: safetensors writes plain rows of memory, each once.
    kept = {
        name: tensor.detach().to("cpu", copy=True, memory_format=torch.contiguous_format)
        for name, tensor in tensors.items()
    }
    atomic_write_bytes(path, _sealed(save(kept, {_META: json.dumps(meta)})))


def read_checkpoint(path: Path, identity: Mapping[str, Any]) -> Checkpoint:
    """Read a checkpoint of this very run.

    Parameters
    ----------
    path : Path
        The file.
    identity : mapping
        What the run is of; the checkpoint's must be the same.

    Raises
    ------
    UserError
        If there is no such file, it is cut short or damaged, or it is of another run.
    """
    if not path.is_file():
        raise UserError(f"there is no checkpoint {str(path)!r}; start the run anew with --force.")
    damaged = UserError(
        f"the checkpoint {str(path)!r} is cut short or damaged; start the run anew with --force."
    )
    data = _unsealed(path.read_bytes())
    if data is None:
        raise damaged
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        length = int.from_bytes(data[:8], "little")
        meta = json.loads(json.loads(data[8 : 8 + length])["__metadata__"][_META])
        tensors = load(data)
        known = meta["format"] == _FORMAT
        theirs, place, optimizer = meta["identity"], meta["place"], meta["optimizer"]
    except (SafetensorError, ValueError, KeyError, TypeError):
        raise damaged from None
    if not known:
        raise damaged
    differing = [
        key
        for key in sorted({*theirs, *identity})
        if theirs.get(key) != json.loads(json.dumps(identity.get(key)))
    ]
    if differing:
        raise UserError(
            f"the checkpoint {str(path)!r} is of another run (other {', '.join(differing)}); use "
            "the recipe and data that it was made with, or start anew with --force."
        )
    state: dict[int, dict[str, Any]] = {
        int(number): dict(entries) for number, entries in optimizer["plain"].items()
    }
    for name, tensor in tensors.items():
        part, _, rest = name.partition("/")
        if part == "optimizer":
            number, _, entry = rest.partition("/")
            state.setdefault(int(number), {})[entry] = tensor
    return Checkpoint(
        identity=theirs,
        place=place,
        model=_of("model", tensors),
        best=_of("best", tensors),
        optimizer={"state": state, "param_groups": optimizer["groups"]},
    )


def restore(
    checkpoint: Checkpoint, path: Path, model: nn.Module, optimizer: torch.optim.Optimizer
) -> None:
    """Put a checkpoint's tensors into a model and its optimiser, all of them or none.

    Raises
    ------
    UserError
        If a tensor is missing, surplus or of another shape.
    """
    own = model.state_dict()
    wrong = sorted(own.keys() ^ checkpoint.model.keys()) or [
        name for name in own if own[name].shape != checkpoint.model[name].shape
    ]
    if wrong:
        raise UserError(
            f"the checkpoint {str(path)!r} does not fit the model ({wrong[0]} and "
            f"{len(wrong) - 1} other tensors); start the run anew with --force."
        )
    model.load_state_dict(dict(checkpoint.model))
    try:
        optimizer.load_state_dict(dict(checkpoint.optimizer))
    except ValueError:
        raise UserError(
            f"the checkpoint {str(path)!r} does not fit the optimiser; start the run anew with "
            "--force."
        ) from None
    _lay_out_as_parameters(optimizer)


def _lay_out_as_parameters(optimizer: torch.optim.Optimizer) -> None:
    """Give the optimiser's tensors the memory layout of their parameters.

    Fused optimisers walk through parameter, gradient and averages in the order of memory, not of
    indices: a contiguous average beside a parameter with the channels last would be another
    weight's average.
    """
    for parameter, entries in optimizer.state.items():
        for name, value in entries.items():
            if isinstance(value, torch.Tensor) and value.shape == parameter.shape:
                entries[name] = torch.empty_like(parameter).copy_(value)


def _of(part: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    prefix = f"{part}/"
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }


# safetensors notices a file that is cut short, not one whose bytes have changed; the digest
# behind it notices both. It stands at the end, where readers of the format would refuse it: a
# checkpoint is nobody's model file.
def _sealed(data: bytes) -> bytes:
    return data + hashlib.sha256(data).digest()


def _unsealed(data: bytes) -> bytes | None:
    content, digest = data[:-32], data[-32:]
    return content if hashlib.sha256(content).digest() == digest else None
