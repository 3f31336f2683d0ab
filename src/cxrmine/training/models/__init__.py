"""Classifiers: a known network, cut and fitted with the layers of ChestX-ray8.

Wang et al., CVPR 2017, section 3.1:
trunk (AlexNet, GoogLeNet, VGG-16, ResNet, DenseNet) → transition layer (1×1 convolution to
S×S×D) → pooling (average, max or LSE) → prediction layer. `create_model` builds one; `MODELS` is
the table of what there is. A further network is one file in ``architectures/``. Importing this
package imports no torch, so that recipes can be checked anywhere.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from cxrmine.training.models.architecture import Architecture
from cxrmine.training.models.registry import MODELS, register

if TYPE_CHECKING:
    from cxrmine.training.models.classifier import Classifier, ModelSpec
    from cxrmine.training.models.create import create_model
    from cxrmine.training.models.pooling import POOLINGS
    from cxrmine.training.models.weights import load_whole, read_weights, save_weights

_HOME = {
    "Classifier": "classifier",
    "ModelSpec": "classifier",
    "create_model": "create",
    "POOLINGS": "pooling",
    "load_whole": "weights",
    "read_weights": "weights",
    "save_weights": "weights",
}

__all__ = [
    "MODELS",
    "POOLINGS",
    "Architecture",
    "Classifier",
    "ModelSpec",
    "create_model",
    "load_whole",
    "read_weights",
    "register",
    "save_weights",
]


def __getattr__(name: str) -> Any:
    """Import what needs torch on first use."""
    if name in _HOME:
        value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
