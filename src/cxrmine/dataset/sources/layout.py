"""Where the files of a public set lie in the folder that a user has: as downloaded, or nearly so."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cxrmine.errors import UserError

#: How many levels of folders below the one that was given are opened: a mirror made with
#: ``wget -r`` has the images of MIMIC-CXR-JPG in ``physionet.org/files/mimic-cxr-jpg/2.1.0/files``.
DEPTH = 5
#: A folder with more folders below it than this is no public set but, say, somebody's home.
MAX_FOLDERS = 5_000
IMAGE_ENDINGS = (".png", ".jpg", ".jpeg")


@dataclass(frozen=True, slots=True)
class Level:
    """One folder: how deep it lies, and the names in it, sorted."""

    path: Path
    depth: int
    folders: tuple[str, ...]
    files: tuple[str, ...]


def walk(folder: Path, descend: Callable[[str], bool], *, depth: int = DEPTH) -> Iterator[Level]:
    """Yield a folder and those below it, level by level and sorted within each.

    Parameters
    ----------
    folder
        Where to begin.
    descend
        Says by its name whether a folder is worth opening (hidden ones never are).
    depth
        How many levels below `folder` are opened. It also ends circles of links.

    Raises
    ------
    UserError
        If `folder` is not a folder, cannot be opened, or has more than `MAX_FOLDERS` below it.
        One below it that cannot be opened is passed over: what it holds counts as missing.
    """
    if not folder.is_dir():
        state = "is a file" if folder.exists() else "does not exist"
        raise UserError(f"{str(folder)!r} {state}; name the folder that the set was unpacked in.")
    level = [folder]
    opened = 0
    for below in range(depth + 1):
        deeper: list[Path] = []
        for path in level:
            folders: list[str] = []
            files: list[str] = []
            try:
                with os.scandir(path) as entries:
                    for entry in entries:
                        if not entry.name.startswith("."):
                            (folders if entry.is_dir() else files).append(entry.name)
            except OSError as error:
                if path == folder:
                    raise UserError(
                        f"{str(folder)!r} cannot be opened ({error.strerror})."
                    ) from error
                continue
            opened += 1
            if opened > MAX_FOLDERS:
                raise UserError(
                    f"{str(folder)!r} has more than {MAX_FOLDERS:,} folders; name the one that "
                    "the set itself was unpacked in."
                )
            folders.sort()
            files.sort()
            yield Level(path, below, tuple(folders), tuple(files))
            deeper += [path / name for name in folders if descend(name)]
        level = deeper


class Tables:
    """The tables of a set, wherever in the folder they lie.

    Parameters
    ----------
    folder : Path
        What the user named.
    levels : iterable of Level
        The folders below it that can hold tables.
    """

    def __init__(self, folder: Path, levels: Sequence[Level]) -> None:
        self.folder = folder
        self._levels = levels

    def find(self, *names: str) -> Path | None:
        """Return the first of `names` that is there, as it is or gzipped, or None.

        A name matters more than how deep it lies. Case does not matter.

        Raises
        ------
        UserError
            If two folders at the same depth hold it: two copies of a set must not be mixed.
        """
        for name in names:
            wanted = (name.lower(), name.lower() + ".gz")
            found: list[tuple[int, Path]] = []
            for level in self._levels:
                here = {file.lower(): file for file in level.files}
                # Both forms in one folder are one table; the plain one is read faster.
                best = next((here[form] for form in wanted if form in here), None)
                if best is not None:
                    found.append((level.depth, level.path / best))
            if not found:
                continue
            top = min(depth for depth, _ in found)
            nearest = [path for depth, path in found if depth == top]
            if len(nearest) > 1:
                raise UserError(
                    f"{str(self.folder)!r} holds {name} in {len(nearest)} of its folders; name "
                    "the folder of one copy of the set."
                )
            return nearest[0]
        return None

    def need(self, title: str, *names: str) -> Path:
        """Return the first of `names` that is there.

        Raises
        ------
        UserError
            If none is: this is not the folder of the set called `title`.
        """
        found = self.find(*names)
        if found is None:
            wanted = " or ".join((", ".join(names[:-1]), names[-1]) if len(names) > 1 else names)
            raise UserError(
                f"{str(self.folder)!r} is no folder of {title}: it has no {wanted} (or .gz); name "
                "the folder that the set was unpacked in."
            )
        return found


def is_image(name: str) -> bool:
    """Tell by its ending whether a file is an image of a public set."""
    return name.lower().endswith(IMAGE_ENDINGS)


def better_image(one: Path, other: Path) -> Path:
    """Return which of two files of one image to read: PNG before JPEG, else by path."""

    def rank(path: Path) -> tuple[bool, str]:
        return path.suffix.lower() != ".png", path.as_posix()

    return min(one, other, key=rank)
