"""Finished steps of a long computation, kept so that a killed run does none of them again.

A step is a name and a function that returns arrays. `Steps` computes it and forgets; `KeptSteps`
writes its arrays to a file in one step, and the next time that the same name is asked for gives
them back from there. What a step computes must depend on its name and the run's settings alone,
so random numbers are drawn from a generator of the step's own, never from one that is shared.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxrmine.tables import atomic_write_bytes

Arrays = Mapping[str, NDArray[Any]]


class Steps:
    """Steps that are computed each time; the base of those that are kept."""

    def get(self, name: str) -> Arrays | None:
        """Return the arrays of a step that was finished before, None for any other."""
        return None

    def keep(self, name: str, arrays: Arrays) -> None:
        """Take the arrays of a step that is finished now."""

    def do(self, name: str, make: Callable[[], Arrays]) -> Arrays:
        """Return the arrays of the step called `name`, which `make` computes if need be.

        Parameters
        ----------
        name : str
            Unique among the run's steps: letters, digits, ``-``, ``_`` and ``.``.
        make : callable
            Returns arrays by name; numbers, truth values and text, no Python objects.
        """
        arrays = self.get(name)
        if arrays is None:
            arrays = {key: np.asarray(value) for key, value in make().items()}
            self.keep(name, arrays)
        return arrays


class KeptSteps(Steps):
    """Steps that are kept in a folder.

    Parameters
    ----------
    folder : Path
        Made when the first step is kept.
    on_done : callable, optional
        Called with the name of each step that was finished now, after it was kept.
    """

    def __init__(self, folder: Path, on_done: Callable[[str], object] | None = None) -> None:
        self.folder = folder
        self._on_done = on_done

    def get(self, name: str) -> Arrays | None:
        """Return the arrays of a step that was finished before, None for any other."""
        path = self._path(name)
        try:
            with np.load(path, allow_pickle=False) as archive:
                return {key: archive[key] for key in archive.files}
        except FileNotFoundError:
            return None
        except (zipfile.BadZipFile, ValueError, OSError, EOFError, KeyError):
            path.unlink(missing_ok=True)  # a power cut can leave half a file
            return None

    def keep(self, name: str, arrays: Arrays) -> None:
        """Write the arrays of a step that is finished now."""
        path = self._path(name)
        if any(np.asarray(array).dtype.hasobject for array in arrays.values()):
            raise TypeError(f"step {name!r} returns Python objects, which only pickle could keep")
        target = io.BytesIO()
        np.savez(target, **arrays)  # type: ignore[arg-type]  # its stub takes them for flags
        self.folder.mkdir(parents=True, exist_ok=True)
        atomic_write_bytes(path, target.getvalue())
        if self._on_done is not None:
            self._on_done(name)

    def _path(self, name: str) -> Path:
        if not re.fullmatch(r"[\w.-]+", name):
            raise ValueError(f"{name!r} cannot be the name of a step's file")
        return self.folder / f"{name}.npz"
