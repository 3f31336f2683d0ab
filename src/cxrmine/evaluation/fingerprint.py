"""Which inputs a run had: names and SHA-256, for ``run.json`` and for ``--resume``."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from cxrmine.errors import UserError


def fingerprint(path: Path) -> dict[str, str]:
    """Return the name and the SHA-256 of a file, or of the tables of a data set's folder.

    Raises
    ------
    UserError
        If it is missing, cannot be read, or is a pipe: an input is read more than once.
    """
    digest = hashlib.sha256()
    if path.is_fifo():
        raise UserError(
            f"{path} is a pipe, and inputs are read more than once; write it to a file and name "
            "that."
        )
    try:
        files = [path]
        if path.is_dir():  # a data set: its tables, not its pixels
            files = sorted(p for p in path.glob("*.csv") if p.is_file())
        for file in files:
            if path.is_dir():
                digest.update(os.fsencode(file.name) + b"\0")
            with file.open("rb") as handle:
                while block := handle.read(1 << 20):
                    digest.update(block)
    except FileNotFoundError as error:
        raise UserError(f"{path} does not exist; check the path.") from error
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}).") from error
    return {"file": path.name, "sha256": digest.hexdigest()}
