"""Keep numpy's matrix products on one thread while a parse runs.

The parser's matrices are small: shared among threads they take longer, and the threads burn
processor time in waiting (twice the CPU seconds and four times the wall time on two cores). The
labeler's workers are processes, so one thread each is also what leaves the cores to the others.
``OMP_NUM_THREADS=1`` does the same for a whole process, but only if it is set before numpy loads.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import numpy as np

_PREFIXES = ("scipy_openblas", "openblas")
_SUFFIXES = ("64_", "")


@lru_cache(maxsize=1)
def _openblas() -> tuple[Callable[[], int], Callable[[int], None]] | None:
    """Return how to read and set the thread count of numpy's own OpenBLAS; None without one."""
    package = Path(np.__file__).resolve().parent
    places = (package.parent / "numpy.libs", package / ".dylibs", package.parent / "numpy.dylibs")
    for place in places:
        for path in sorted(place.glob("*openblas*")):
            try:
                library = ctypes.CDLL(str(path))
            except OSError:
                continue
            for prefix in _PREFIXES:
                for suffix in _SUFFIXES:
                    read = getattr(library, f"{prefix}_get_num_threads{suffix}", None)
                    write = getattr(library, f"{prefix}_set_num_threads{suffix}", None)
                    if read is not None and write is not None:
                        write.restype = None
                        return read, write
    return None


@contextmanager
def one_thread() -> Iterator[None]:
    """Within this, numpy multiplies matrices on one thread; afterwards as before.

    Does nothing where numpy stands on another library than its wheel's OpenBLAS.
    """
    found = _openblas()
    before = found[0]() if found is not None else 1
    if found is None or before == 1:
        yield
        return
    found[1](1)
    try:
        yield
    finally:
        found[1](before)
