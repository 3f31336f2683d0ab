"""The public sets that ``build-dataset --from`` knows."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from pathlib import Path

from cxrmine.dataset.sources.model import SourceSet
from cxrmine.errors import UserError

#: Name on the command line → module that reads the set.
_MODULES = {
    "nih": "nih",
    "chexpert": "chexpert",
    "mimic-cxr-jpg": "mimic_cxr_jpg",
    "openi": "openi",
}
#: What ``--from`` takes.
NAMES = tuple(_MODULES)


def read_source(name: str, folder: Path, *, tables_only: bool = False) -> SourceSet:
    """Read a public set as it is distributed.

    Parameters
    ----------
    name
        One of `NAMES`.
    folder
        Where it was unpacked.
    tables_only
        Do not look for the images: every `SourceImage.path` is None, and none counts as missing.

    Raises
    ------
    UserError
        If there is no such set, or the folder does not hold it: no table, or none of the images.
    """
    if name not in _MODULES:
        raise UserError(f"--from {name!r} is not a set that cxrmine knows: {', '.join(NAMES)}.")
    module = import_module(f"cxrmine.dataset.sources.{_MODULES[name]}")
    found: SourceSet = module.read(folder, tables_only=tables_only)
    if not found.missing:
        return found
    if found.missing == len(found.images):
        raise UserError(
            f"{str(folder)!r} holds the tables of {found.title} but none of its images; unpack "
            "them there, or import the tables alone with --tables-only."
        )
    told = (
        f"{found.missing:,} of the {len(found.images):,} images of the tables have no file in the "
        "folder: they are not in the set."
    )
    return replace(found, problems=(told, *found.problems))
