"""The identity of a run's inputs: which files, and the SHA-256 of what is in them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cxrmine.errors import UserError
from cxrmine.reports.report import Problem
from cxrmine.reports.sources import list_sources


@dataclass(frozen=True, slots=True)
class Input:
    """One input of a run as ``run.json`` states it.

    ``sha256`` is that of the file (what ``sha256sum`` prints); for a folder it is the SHA-256 of
    the lines ``HASH  RELATIVE/PATH`` of its files in the reader's order. ``stamp`` sums up
    the sizes and times of change of the files: where it is unchanged the files need not be read
    again to know that they are the same.
    """

    name: str
    files: int
    bytes: int
    sha256: str
    stamp: str

    def recorded(self) -> dict[str, Any]:
        """Return what ``run.json`` states: no times, and no path of the user's machine."""
        return {
            "name": self.name,
            "files": self.files,
            "bytes": self.bytes,
            "sha256": self.sha256,
        }


def check_inputs(inputs: Sequence[str]) -> None:
    """Raise `UserError` for an input that is not there."""
    if not inputs:
        raise UserError("no input given; name a file or a folder of reports.")
    for item in inputs:
        if not Path(item).exists():
            raise UserError(f"input {item!r} does not exist; check the path.")


def identify(
    inputs: Sequence[str], *, leave_out: Path, known: Sequence[Mapping[str, Any]] = ()
) -> tuple[Input, ...]:
    """Return the identity of each of `inputs`.

    Parameters
    ----------
    inputs : sequence of str
        Files and folders.
    leave_out : Path
        The output folder, which may lie inside an input folder and is no input.
    known : sequence of mapping
        Identities of an earlier look at the same inputs (as ``dataclasses.asdict`` gives them).
        Where the stamps agree the files are not read again.

    Raises
    ------
    UserError
        If a file cannot be read.
    """
    found = []
    for place, item in enumerate(inputs):
        root = Path(item)
        try:
            listing = list(_files(root, leave_out.resolve()))
            stamp = _stamp(listing)
            earlier = known[place] if place < len(known) else {}
            if earlier.get("stamp") == stamp and earlier.get("name") == _name(root):
                digest = str(earlier["sha256"])
            else:
                digest = _digest(root, listing)
        except OSError as error:
            raise UserError(
                f"input {item!r} cannot be read ({error.strerror}); check its permissions."
            ) from error
        size = sum(stat.st_size for _, _, stat in listing)
        found.append(Input(_name(root), len(listing), size, digest, stamp))
    return tuple(found)


def _name(root: Path) -> str:
    return root.name or root.resolve().name


def _files(root: Path, leave_out: Path) -> Iterator[tuple[str, Path, os.stat_result]]:
    """Yield the files that the reader sees in an input, as (relative path, path, stat)."""
    if not root.is_dir():
        yield root.name, root, root.stat()
        return
    for source in list_sources(root, _told_by_the_reader):
        path = source.path or root / source.item
        if leave_out not in path.resolve().parents:
            yield source.item, path, path.stat()


def _told_by_the_reader(problem: Problem) -> None:
    """Pass over what cannot be listed: reading reports it."""


def _stamp(listing: Sequence[tuple[str, Path, os.stat_result]]) -> str:
    digest = hashlib.sha256()
    for relative, _, stat in listing:
        digest.update(f"{stat.st_size} {stat.st_mtime_ns} {relative}\n".encode(errors="replace"))
    return digest.hexdigest()


def _digest(root: Path, listing: Sequence[tuple[str, Path, os.stat_result]]) -> str:
    if not root.is_dir():
        return _file_digest(root)
    digest = hashlib.sha256()
    for relative, path, _ in listing:
        digest.update(f"{_file_digest(path)}  {relative}\n".encode(errors="replace"))
    return digest.hexdigest()


def _file_digest(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
