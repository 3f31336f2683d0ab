"""The source files of a build, in the order of their names, with numbers that say nothing."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cxrmine.dataset.private import keyed_hash
from cxrmine.errors import UserError


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file that may become an image.

    Parameters
    ----------
    number : int
        From 1, the only name that it has in the data set's tables: its rank by a keyed hash,
        since the rank by name would give the order of names, which are often identifiers, away.
    path : Path
        Where it lies. Private.
    relative : str
        Its path below the input folder, behind the folder's number where there are several.
        Private.
    size : int
        In bytes; -1 where the system does not tell.
    modified : int
        When it was last modified, in nanoseconds; two builds see the same file where path, size
        and this are the same.
    """

    number: int
    path: Path
    relative: str
    size: int
    modified: int

    @property
    def stamp(self) -> str:
        """What tells whether the file is still the one that an earlier build read."""
        return f"{self.size}:{self.modified}:{self.relative}"


def list_files(roots: Sequence[Path], leave_out: Iterable[Path], key: bytes) -> list[SourceFile]:
    """Return all files below the folders `roots` (or these files themselves), by name.

    A folder that cannot be opened is listed like a file, so that it fails aloud. Hidden files and folders (of a leading dot) are no input, nor is what lies below `leave_out`.
    Links to folders are not followed: they could lead round in circles.

    Raises
    ------
    UserError
        If a root does not exist or cannot be opened.
    """
    barred = {os.path.realpath(path) for path in leave_out}
    found: list[tuple[str, Path]] = []
    for index, root in enumerate(roots, start=1):
        before = f"{index}/" if len(roots) > 1 else ""
        if not root.exists():
            raise UserError(f"{str(root)!r} does not exist; check the path.")
        if root.is_file():
            found.append((before + root.name, root))
            continue
        try:
            os.scandir(root).close()
        except OSError as error:
            raise UserError(f"{str(root)!r} cannot be opened ({error.strerror}).") from error
        closed: list[Path] = []
        for folder, folders, names in os.walk(root, onerror=_noting(closed)):
            folders[:] = sorted(
                name
                for name in folders
                if not name.startswith(".")
                and os.path.realpath(os.path.join(folder, name)) not in barred
            )
            for name in names:
                if not name.startswith("."):
                    path = Path(folder, name)
                    found.append((before + path.relative_to(root).as_posix(), path))
        found += ((before + path.relative_to(root).as_posix(), path) for path in closed)
    return numbered(found, key)


def numbered(found: Iterable[tuple[str, Path]], key: bytes) -> list[SourceFile]:
    """Return files of these relative paths, in the order of these, with numbers of their own."""
    files = sorted(found)
    ranks = sorted(range(len(files)), key=lambda place: keyed_hash(key, f"file {files[place][0]}"))
    numbers = {place: number for number, place in enumerate(ranks, start=1)}
    return [stamped(numbers[place], path, name) for place, (name, path) in enumerate(files)]


def _noting(closed: list[Path]) -> Callable[[OSError], None]:
    def note(error: OSError) -> None:
        if error.filename is not None:
            closed.append(Path(error.filename))

    return note


def stamped(number: int, path: Path, relative: str) -> SourceFile:
    """Return a file with its size and time as they are now."""
    try:
        status = os.stat(path)
    except OSError:  # it is reported when it is read
        return SourceFile(number, path, relative, -1, 0)
    return SourceFile(number, path, relative, status.st_size, status.st_mtime_ns)
