"""spaCy without torch, for processes that label and do nothing else."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def torch_hidden() -> Iterator[None]:
    """Let nobody import torch for a while, unless it is imported already.

    spaCy's thinc imports torch wherever it is installed, for models that are made of it. The
    bundled parser is not, and the import takes longer than all the rest of loading it. Only for
    processes of our own commands: spaCy's torch models do not work there afterwards.
    """
    if "torch" in sys.modules:
        yield
        return
    sys.modules["torch"] = None  # type: ignore[assignment]  # what makes an import fail
    try:
        yield
    finally:
        del sys.modules["torch"]
