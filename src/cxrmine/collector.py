"""Python's search for reference cycles, switched off where there are none to be found."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_off() -> Iterator[None]:
    """Switch the garbage collector off for a while.

    Code that makes thousands of objects and no reference cycles to speak of is slowed by a
    collector that walks the young ones again and again.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
