"""``manifest.csv``: the SHA-256 of every file of a data set, and what has changed since.

The manifest lists neither itself nor ``timing.json``, which is another at every build.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from cxrmine.dataset.csv_rows import full_rows
from cxrmine.errors import UserError
from cxrmine.tables import TableError, write_csv

MANIFEST = "manifest.csv"
HEADER = ("path", "bytes", "sha256")
_UNLISTED = frozenset((MANIFEST, "timing.json"))

Difference = Literal["changed", "missing", "surplus", "unreadable"]


@dataclass(frozen=True, slots=True)
class FileHash:
    """A file's size in bytes and its SHA-256 in hexadecimal digits."""

    size: int
    sha256: str


def hash_file(path: Path) -> FileHash:
    """Return a file's size and SHA-256, read in pieces.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    with path.open("rb") as handle:
        digest = hashlib.file_digest(handle, "sha256").hexdigest()
        return FileHash(handle.tell(), digest)


def write_manifest(
    folder: Path,
    *,
    paths: Iterable[str] | None = None,
    known: Mapping[str, FileHash] | None = None,
    workers: int = 1,
) -> int:
    """Write the manifest of all files below `folder`, or of `paths`, and return their number.

    Parameters
    ----------
    folder : Path
        The data set.
    paths : iterable of str
        The files of the set, by their path below `folder`; by default whatever lies there.
    known : mapping
        Hashes of files that were just written, by their path below `folder` (``/`` between the
        parts): they are taken as they are where the size is still the same.
    workers : int
        Threads that hash the other files.

    Raises
    ------
    UserError
        If a file cannot be read.
    """
    hashes = known or {}
    sizes = (
        _sizes(folder) if paths is None else {path: _size(folder / path) for path in sorted(paths)}
    )
    unknown = [
        path for path, size in sizes.items() if path not in hashes or hashes[path].size != size
    ]
    hashed = dict(zip(unknown, _hash_all(folder, unknown, workers), strict=True))
    table: list[tuple[str, int, str]] = []
    for path in sizes:
        entry = hashed[path] if path in hashed else hashes[path]
        if entry is None:
            raise UserError(f"{path} in the data set cannot be read; mend its permissions.")
        table.append((path, entry.size, entry.sha256))
    return write_csv(folder / MANIFEST, HEADER, table)


def read_manifest(folder: Path) -> dict[str, FileHash]:
    """Return the manifest of the data set in `folder`, by path below it.

    Raises
    ------
    UserError
        If there is none, or it is damaged.
    """
    if not folder.is_dir():
        raise UserError("there is no such folder; name the data set's own folder.")
    if not (folder / MANIFEST).is_file():
        raise UserError(
            f"the folder has no {MANIFEST}; name a data set that build-dataset has finished."
        )
    header, lines = full_rows(folder / MANIFEST, MANIFEST)
    if tuple(header) != HEADER:
        raise TableError(f"{MANIFEST} must have the columns {', '.join(HEADER)}.")
    listed: dict[str, FileHash] = {}
    for line, (path, size, digest) in lines:
        parts = PurePosixPath(path).parts
        if not parts or path.startswith("/") or ".." in parts or path in listed:
            raise TableError(f"{MANIFEST}, line {line}: not a path of the data set, or twice.")
        if not size.isdecimal() or len(digest) != 64:
            raise TableError(f"{MANIFEST}, line {line}: a size or hash is damaged.")
        listed[path] = FileHash(int(size), digest)
    return listed


def verify(
    folder: Path,
    *,
    workers: int = 1,
    on_file: Callable[[int, int], None] | None = None,
) -> list[tuple[str, Difference]]:
    """Compare a data set with its manifest.

    Parameters
    ----------
    folder : Path
        The data set.
    workers : int
        Threads that read files.
    on_file
        Called after every file with the number done and the number of all.

    Returns
    -------
    list
        Path below `folder` and what is wrong with it, in the order of paths; empty where all is
        as it was.

    Raises
    ------
    UserError
        If there is no manifest, or it is damaged.
    """
    listed = read_manifest(folder)
    sizes = _sizes(folder)
    differences: list[tuple[str, Difference]] = [
        *((path, "missing") for path in listed.keys() - sizes.keys()),
        *((path, "surplus") for path in sizes.keys() - listed.keys()),
    ]
    both = [path for path in sizes if path in listed]
    # Reading a file whose size is another tells nothing more.
    alike = [path for path in both if sizes[path] in (listed[path].size, _UNREADABLE)]
    differences += ((path, "changed") for path in set(both).difference(alike))
    done = len(both) - len(alike)
    for path, entry in zip(alike, _hash_all(folder, alike, workers), strict=True):
        if entry is None:
            differences.append((path, "unreadable"))
        elif entry != listed[path]:
            differences.append((path, "changed"))
        done += 1
        if on_file is not None:
            on_file(done, len(both))
    return sorted(differences)


_UNREADABLE = -1


def _sizes(folder: Path) -> dict[str, int]:
    """Return the size of every file below `folder` that a manifest lists, in order of paths."""
    sizes: dict[str, int] = {}
    for place, folders, names in os.walk(folder):
        # A link to a folder is no file of the set: it is listed so that it shows as surplus.
        links = [name for name in folders if os.path.islink(os.path.join(place, name))]
        for name in (*names, *links):
            path = Path(place, name)
            relative = path.relative_to(folder).as_posix()
            if relative in _UNLISTED:
                continue
            sizes[relative] = _size(path)
    return dict(sorted(sizes.items()))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return _UNREADABLE


def _hash_all(folder: Path, paths: Iterable[str], workers: int) -> Iterable[FileHash | None]:
    """Yield the hash of each file in order, None where it cannot be read."""

    def one(path: str) -> FileHash | None:
        try:
            return hash_file(folder / path)
        except OSError:
            return None

    if workers <= 1:
        yield from map(one, paths)
        return
    with ThreadPoolExecutor(workers) as pool:  # hashing and reading let go of the interpreter
        yield from pool.map(one, paths)
