"""Building a classifier from a recipe's words."""

from __future__ import annotations

from pathlib import Path

from cxrmine.errors import UserError
from cxrmine.training.models.classifier import Classifier, ModelSpec
from cxrmine.training.models.pooling import NEEDS_R, check_pooling
from cxrmine.training.models.registry import MODELS
from cxrmine.training.models.weights import load_file, load_imagenet


def model_spec(
    name: str,
    outputs: int,
    *,
    transition: int | str | None = "default",
    pooling: str = "average",
    r: float | None = None,
    over: str = "features",
    stride: int | None = None,
    dilate: bool = True,
) -> ModelSpec:
    """Check what a recipe says of a model, and fill in the network's own choices.

    Parameters and errors are those of `create_model`.
    """
    if name not in MODELS:
        raise UserError(f"Model {name!r} is not known; the options are {', '.join(MODELS)}.")
    architecture = MODELS[name]
    if isinstance(outputs, bool) or outputs < 1:
        raise UserError(f"A classifier needs at least one output, not {outputs}.")
    check_pooling(pooling, r, over)
    depth: int | None
    if transition == "default":
        depth = architecture.transition
    elif transition in (None, "none"):
        depth = None
    elif isinstance(transition, int) and not isinstance(transition, bool) and transition > 0:
        depth = transition
    else:
        raise UserError(
            f"transition must be a depth above 0, 'default' or 'none', not {transition!r}."
        )
    if stride is None:
        stride = architecture.strides[0]
    if stride not in architecture.strides:
        options = ", ".join(map(str, architecture.strides))
        raise UserError(
            f"{name} cannot be built with stride {stride!r}; the options are {options}."
        )
    sharpness = r if pooling in NEEDS_R else None
    # At the network's own stride there is nothing to spread.
    spread = dilate or stride == architecture.strides[0]
    return ModelSpec(name, outputs, depth, pooling, sharpness, over, stride, spread)


def create_model(
    name: str,
    outputs: int,
    *,
    transition: int | str | None = "default",
    pooling: str = "average",
    r: float | None = None,
    over: str = "features",
    weights: str | Path = "random",
    freeze: bool = False,
    stride: int | None = None,
    dilate: bool = True,
) -> Classifier:
    """Build a classifier.

    Parameters
    ----------
    name
        Key of `MODELS`.
    outputs
        Number of findings k.
    transition
        Depth D of the transition layer; ``default``: the network's own; ``none`` or None: the
        trunk's features go to the pooling as they are.
    pooling
        ``average``, ``max`` or ``lse``.
    r
        Sharpness of LSE pooling, above 0; not looked at for the others.
    over
        What is pooled: ``features`` or ``maps`` (`ModelSpec`).
    weights
        ``random`` (seed torch before), ``imagenet`` (torchvision's, for the trunk), or the path
        of a file: a whole classifier as `save_weights` writes it (.safetensors), or torchvision's
        state dict of the network (.safetensors or .pth), of which the trunk is taken.
    freeze
        Train the head only (the paper's "off-the-shelf").
    stride
        Input pixels per cell of the feature map: the network's own (32 for all of the paper's)
        where None; 16 and 8 keep finer maps by dropping the last reductions, at more work.
    dilate
        Whether the filters behind a dropped reduction are spread (`surgery.dilate`).

    Returns
    -------
    Classifier
        In training mode, on the CPU.

    Raises
    ------
    UserError
        If a word is not known, a value out of range, or the weights are not there, not whole or
        of another model.
    """
    spec = model_spec(
        name,
        outputs,
        transition=transition,
        pooling=pooling,
        r=r,
        over=over,
        stride=stride,
        dilate=dilate,
    )
    architecture = MODELS[name]
    model = Classifier(architecture, spec, frozen=freeze)
    if str(weights) == "imagenet":
        load_imagenet(model.trunk, architecture)
    elif str(weights) != "random":
        load_file(model, architecture, Path(weights))
    return model
