"""Weights in and out of files: whole and of the same model, or refused by name.

Files are safetensors: numbers only, so that a weights file from a stranger runs no code.
torchvision's own files are pickles and are read by ``torch.load(weights_only=True)``, which
builds nothing but tensors.
"""

from __future__ import annotations

import hashlib
import json
import pickle
import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from cxrmine.errors import UserError
from cxrmine.tables import atomic_write_bytes

if TYPE_CHECKING:
    from cxrmine.training.models.architecture import Architecture
    from cxrmine.training.models.classifier import Classifier, ModelSpec

#: The one header entry, a JSON object: safetensors writes several in a random order, and the
#: same model must give the same bytes.
_HEADER = "cxrmine"
#: Key in it that says what model a file belongs to.
_MODEL = "model"
#: Names told of each kind of misfit; a whole network has hundreds.
_TOLD = 4


def save_weights(model: Classifier, path: Path, *, extra: Mapping[str, Any] | None = None) -> None:
    """Write a whole classifier: all weights, and in the header what model they belong to.

    Parameters
    ----------
    model
        On any device, in any mode.
    path
        Written whole or not at all: the file gets its name when it is complete.
    extra
        Further entries of the header: whatever JSON can say.
    """
    from safetensors.torch import save

    tensors = {k: v.detach().cpu().contiguous() for k, v in model.state_dict().items()}
    header = {**(extra or {}), _MODEL: asdict(model.spec)}
    # Not save_file: a full disk is an error of its own kind there, and its half stays behind.
    atomic_write_bytes(path, save(tensors, {_HEADER: json.dumps(header, sort_keys=True)}))


def read_weights(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read a safetensors file onto the CPU.

    Returns
    -------
    tensors, header
        All tensors by name, and what `save_weights` put in the header (its ``extra``, and
        ``model``); empty for somebody else's file.

    Raises
    ------
    UserError
        If the file is not there, or is not a whole safetensors file.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise UserError(f"The weights file {str(path)!r} is not there; check the path.")
    try:
        with safe_open(path, framework="pt") as file:
            text = (file.metadata() or {}).get(_HEADER, "{}")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        header = json.loads(text)
    except (SafetensorError, OSError, ValueError) as error:
        raise UserError(
            f"The weights file {str(path)!r} is not a whole safetensors file ({error}); it may "
            "have been cut off while it was copied: fetch or write it again."
        ) from None
    return tensors, header if isinstance(header, dict) else {}


def load_whole(model: nn.Module, tensors: Mapping[str, Tensor], source: str) -> None:
    """Load a state dict if it fits to the last name, shape and number; else change nothing.

    Parameters
    ----------
    model
        Any module.
    tensors
        Its state dict.
    source
        Where they are from, for the message: "The weights file 'x'".

    Raises
    ------
    UserError
        With the names that are missing, do not belong, have another shape, or hold a number that
        is not finite.
    """
    own = model.state_dict()
    misfits = {
        "missing": [n for n in own if n not in tensors],
        "not of this model": [n for n in tensors if n not in own],
        "of another shape": [
            f"{n} {tuple(tensors[n].shape)} instead of {tuple(t.shape)}"
            for n, t in own.items()
            if n in tensors and tensors[n].shape != t.shape
        ],
        "whole numbers where fractions belong": [
            n
            for n, t in own.items()
            if n in tensors and t.is_floating_point() and not tensors[n].is_floating_point()
        ],
        "not finite": [
            n for n in own if n in tensors and not bool(torch.isfinite(tensors[n]).all())
        ],
    }
    told = [f"{kind}: {_some(names)}" for kind, names in misfits.items() if names]
    if told:
        raise UserError(
            f"{source} does not fit the model and was not loaded ({'; '.join(told)}); give the "
            "weights of this model, with the same transition layer and findings."
        )
    model.load_state_dict(dict(tensors), strict=True)


def load_file(model: Classifier, architecture: Architecture, path: Path) -> None:
    """Load a weights file that a user named.

    It is either a whole classifier (names ``trunk.…``, ``prediction.…``) or torchvision's state
    dict of the network, of which the trunk is taken and the classification layers are left.

    Raises
    ------
    UserError
        If the file is not there, not whole, or of another model.
    """
    if path.suffix == ".safetensors":
        tensors, header = read_weights(path)
    elif path.suffix in (".pth", ".pt"):
        tensors, header = _read_pickled(path), {}
    else:
        raise UserError(
            f"weights must be 'random', 'imagenet' or a .safetensors file, not {str(path)!r}; "
            ".pth and .pt are read where they hold torchvision's weights of the network."
        )
    told = f"The weights file {str(path)!r}"
    if _MODEL in header:
        _check_spec(header[_MODEL], model.spec, told)
    if any(name.startswith("trunk.") for name in tensors):
        load_whole(model, tensors, told)
    else:
        _load_trunk(model.trunk, architecture, tensors, told)


def load_imagenet(trunk: nn.Module, architecture: Architecture) -> None:
    """Load torchvision's ImageNet weights, from torch's cache or from the network.

    The file's name ends in the beginning of its SHA-256 sum, which is checked.

    Raises
    ------
    UserError
        If there are none, or they are neither in the cache nor to be fetched (with the address
        and the place for the file), or the file is not whole.
    """
    url = architecture.imagenet
    if url is None:
        raise UserError(
            f"There are no ImageNet weights for {architecture.name}; set weights: random or give "
            "a file."
        )
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    name = url.rsplit("/", 1)[1]
    path = folder / name
    found = re.search(r"-([0-9a-f]{8,})\.pth$", name)
    assert found, url
    if not path.is_file():
        _fetch(url, path, found[1], architecture.name)
    elif not _sha256(path).startswith(found[1]):
        raise UserError(
            f"The ImageNet weights {str(path)!r} are damaged (their SHA-256 sum does not begin "
            f"with {found[1]}); delete the file, fetch it again from {url} and put it there."
        )
    tensors = _read_pickled(path)
    _load_trunk(trunk, architecture, tensors, f"The weights file {str(path)!r}")


def _fetch(url: str, path: Path, digest: str, model: str) -> None:
    """Download a file into torch's cache, or say how to get it there by hand."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(url, str(path), hash_prefix=digest, progress=False)
    except (OSError, RuntimeError, EOFError) as error:
        reason = str(error) or type(error).__name__
        raise UserError(
            f"The ImageNet weights of {model} could not be fetched ({reason}): download {url} on "
            f"a machine that has internet, copy the file to {str(path)!r} and run again, or set "
            "weights: random."
        ) from None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_pickled(path: Path) -> dict[str, Tensor]:
    """Read a state dict that torch.save wrote, building nothing but tensors."""
    if not path.is_file():
        raise UserError(f"The weights file {str(path)!r} is not there; check the path.")
    try:
        held = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError, OSError, ValueError, KeyError):
        raise UserError(
            f"The weights file {str(path)!r} is cut off, or holds more than tensors and is not "
            "read for safety; fetch it again, or convert its state dict to .safetensors."
        ) from None
    if not isinstance(held, dict) or not all(isinstance(v, Tensor) for v in held.values()):
        raise UserError(
            f"The weights file {str(path)!r} holds something other than a state dict (names and "
            "tensors); save model.state_dict() alone, as .safetensors."
        )
    return {str(name): tensor.detach() for name, tensor in held.items()}


def _load_trunk(
    trunk: nn.Module, architecture: Architecture, tensors: Mapping[str, Tensor], source: str
) -> None:
    """Load torchvision's state dict of the whole network into the trunk."""
    kept = architecture.from_torchvision(tensors)
    for name, own in trunk.state_dict().items():
        # Files from before torch 0.4.1 have no count of the batches seen, which only a momentum
        # of None would read.
        if name.endswith(".num_batches_tracked") and name not in kept:
            kept[name] = torch.zeros_like(own)
    load_whole(trunk, kept, source)


def _check_spec(theirs: Mapping[str, Any], spec: ModelSpec, source: str) -> None:
    """Refuse a classifier's weights by what its header says, before its tensors are compared."""
    differing = [
        f"{key} is {theirs.get(key)!r} there and {own!r} here"
        for key, own in asdict(spec).items()
        if theirs.get(key) != own
    ]
    if differing:
        raise UserError(
            f"{source} belongs to another model ({'; '.join(differing)}); change the recipe to "
            "fit, or give another file."
        )


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _TOLD} more" if len(names) > _TOLD else ""
    return ", ".join(names[:_TOLD]) + more
