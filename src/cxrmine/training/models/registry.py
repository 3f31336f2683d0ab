"""The table of networks: every file of ``architectures/`` adds its own.

A file there defines ``ARCHITECTURES``, a tuple of `Architecture`, and is found by being there;
so a further network touches no other file. Code outside the package adds one with `register`.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from cxrmine.training.models import architectures
from cxrmine.training.models.architecture import Architecture

#: Name in a recipe → network, sorted by name.
MODELS: dict[str, Architecture] = {}


def register(architecture: Architecture) -> None:
    """Make a network known to `create_model` and to recipes.

    Raises
    ------
    ValueError
        If another network has its name: a recipe must not mean two things.
    """
    known = MODELS.get(architecture.name)
    if known is not None and known != architecture:
        raise ValueError(f"a network called {architecture.name!r} is registered already")
    MODELS[architecture.name] = architecture
    for name in sorted(MODELS):
        MODELS[name] = MODELS.pop(name)


for _module in iter_modules(architectures.__path__):
    for _found in import_module(f"{architectures.__name__}.{_module.name}").ARCHITECTURES:
        register(_found)
